/* SPDX-License-Identifier: MIT */
/*
 * peer_timer_tevent.c - timers of tevent, which keeps them in a sorted list
 *
 * An insertion walks half the list, so a batch has few.
 */
#include "bench/sides.h"

#if HAVE_TEVENT

#include <errno.h>
#include <stdlib.h>
#include <talloc.h>
#include <tevent.h>

#include "bench/peers.h"
#include "bench/timers.h"

enum { TEVENT_BATCH = 2 };

struct timers {
    struct tevent_context *loop;
    struct timeval began;
    struct timer_order order;
    struct tevent_timer *timers[TIMER_COUNT];
};

static void timer_ended(struct tevent_context *loop, struct tevent_timer *timer,
                        struct timeval now, void *private_data)
{
    (void)loop;
    (void)timer;
    (void)now;
    (void)private_data;
    abort(); /* none is due within the run */
}

static int start_timer(struct timers *timers, uint32_t index, uint64_t after_ms)
{
    struct timeval when =
        tevent_timeval_add(&timers->began, (uint32_t)(after_ms / 1000),
                           (uint32_t)(after_ms % 1000 * 1000));

    timers->timers[index] =
        tevent_add_timer(timers->loop, timers->loop, when, timer_ended, NULL);
    return timers->timers[index] == NULL ? -ENOMEM : 0;
}

static int timer_open(const struct options *options, void **ret_state)
{
    struct timers *timers = calloc(1, sizeof(*timers));
    int r = -ENOMEM;

    (void)options;
    if (timers == NULL) {
        return -ENOMEM;
    }
    timers->began = tevent_timeval_current();
    timers->loop = tevent_context_init(NULL);
    if (timers->loop == NULL) {
        goto fail;
    }
    /* In order: otherwise this alone would take seconds. */
    for (unsigned i = 0; i < TIMER_COUNT; i++) {
        r = start_timer(
            timers, i, TIMER_FAR_MS + (uint64_t)i * TIMER_FAR_MS / TIMER_COUNT);
        if (r < 0) {
            goto fail;
        }
    }
    *ret_state = timers;
    return 0;

fail:
    talloc_free(timers->loop);
    free(timers);
    return r;
}

static int one_batch(void *state)
{
    struct timers *timers = state;
    int r = 0;

    for (unsigned i = 0; i < TEVENT_BATCH && r == 0; i++) {
        uint32_t index = timer_next(&timers->order);

        talloc_free(timers->timers[index]);
        r = start_timer(timers, index, timer_after_ms(&timers->order));
    }
    return r;
}

static int timer_round(void *state, struct round *round)
{
    return round_of_batches(round, one_batch, state, TEVENT_BATCH);
}

static void timer_close(void *state)
{
    struct timers *timers = state;

    talloc_free(timers->loop);
    free(timers);
}

const struct side peer_timer_tevent = {
    .name = "tevent",
    .version = peer_tevent_version,
    .open = timer_open,
    .round = timer_round,
    .close = timer_close,
};

#else

#include "bench/missing.h"

const struct side peer_timer_tevent = SIDE_MISSING("tevent");

#endif
