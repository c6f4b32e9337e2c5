/* SPDX-License-Identifier: MIT */
/*
 * peer_timer_libuv.c - timers of libuv
 */
#include "bench/sides.h"

#if HAVE_LIBUV

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "bench/peers.h"
#include "bench/timers.h"

struct timers {
    uv_loop_t loop;
    struct timer_order order;
    uv_timer_t timers[TIMER_COUNT];
};

static void timer_ended(uv_timer_t *timer)
{
    (void)timer;
    abort(); /* none is due within the run */
}

static int timer_open(const struct options *options, void **ret_state)
{
    struct timers *timers = calloc(1, sizeof(*timers));
    int r;

    (void)options;
    if (timers == NULL) {
        return -ENOMEM;
    }
    r = uv_loop_init(&timers->loop);
    if (r < 0) {
        free(timers);
        return r;
    }
    for (unsigned i = 0; i < TIMER_COUNT; i++) {
        uv_timer_init(&timers->loop, &timers->timers[i]);
        uv_timer_start(&timers->timers[i], timer_ended,
                       timer_after_ms(&timers->order), 0);
    }
    *ret_state = timers;
    return 0;
}

static int one_batch(void *state)
{
    struct timers *timers = state;

    for (unsigned i = 0; i < TIMER_BATCH; i++) {
        uv_timer_t *timer = &timers->timers[timer_next(&timers->order)];

        uv_timer_stop(timer);
        uv_timer_start(timer, timer_ended, timer_after_ms(&timers->order), 0);
    }
    uv_run(&timers->loop, UV_RUN_NOWAIT);
    return 0;
}

static int timer_round(void *state, struct round *round)
{
    return round_of_batches(round, one_batch, state, TIMER_BATCH);
}

static void timer_close(void *state)
{
    struct timers *timers = state;

    for (unsigned i = 0; i < TIMER_COUNT; i++) {
        uv_close((uv_handle_t *)&timers->timers[i], NULL);
    }
    uv_run(&timers->loop, UV_RUN_DEFAULT);
    uv_loop_close(&timers->loop);
    free(timers);
}

const struct side peer_timer_libuv = {
    .name = "libuv",
    .version = peer_libuv_version,
    .open = timer_open,
    .round = timer_round,
    .close = timer_close,
};

#else

#include "bench/missing.h"

const struct side peer_timer_libuv = SIDE_MISSING("libuv");

#endif
