/* SPDX-License-Identifier: MIT */
/*
 * bench_timer.c - timers that are cancelled and started anew by their function
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/pirn.h>

#include "bench/sides.h"
#include "bench/timers.h"

struct timers {
    struct pirn_context *context;
    struct timer_order order;
    bool closing;
    struct timer {
        struct pirn_op op;
        struct timers *timers;
    } timers[TIMER_COUNT];
};

static void timer_ended(struct pirn_op *op, int32_t result);

static void start_timer(struct timers *timers, struct timer *timer)
{
    pirn_prep_timer(&timer->op, timer_after_ms(&timers->order) * 1000000u);
    pirn_start(timers->context, &timer->op, timer_ended);
}

static void timer_ended(struct pirn_op *op, int32_t result)
{
    struct timer *timer = pirn_container_of(op, struct timer, op);

    (void)result;
    if (!timer->timers->closing) {
        start_timer(timer->timers, timer);
    }
}

static int timer_open(const struct options *options, void **ret_state)
{
    struct timers *timers = calloc(1, sizeof(*timers));
    int r;

    (void)options;
    if (timers == NULL) {
        return -ENOMEM;
    }
    r = pirn_context_create(NULL, &timers->context);
    if (r < 0) {
        free(timers);
        return r;
    }
    for (unsigned i = 0; i < TIMER_COUNT; i++) {
        timers->timers[i].timers = timers;
        start_timer(timers, &timers->timers[i]);
    }
    *ret_state = timers;
    return 0;
}

static int one_batch(void *state)
{
    struct timers *timers = state;
    int r;

    for (unsigned i = 0; i < TIMER_BATCH; i++) {
        pirn_cancel(timers->context,
                    &timers->timers[timer_next(&timers->order)].op);
    }
    r = pirn_context_turn(timers->context, 0);
    return r < 0 ? r : 0;
}

static int timer_round(void *state, struct round *round)
{
    return round_of_batches(round, one_batch, state, TIMER_BATCH);
}

static void timer_close(void *state)
{
    struct timers *timers = state;

    timers->closing = true;
    for (unsigned i = 0; i < TIMER_COUNT; i++) {
        pirn_cancel(timers->context, &timers->timers[i].op);
    }
    if (pirn_context_drain(timers->context) < 0) {
        abort();
    }
    timers->context = pirn_context_destroy(timers->context);
    free(timers);
}

const struct side bench_timer = {
    .name = "pirn",
    .open = timer_open,
    .round = timer_round,
    .close = timer_close,
};
