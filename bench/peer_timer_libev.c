/* SPDX-License-Identifier: MIT */
/*
 * peer_timer_libev.c - timers of libev
 */
#include "bench/sides.h"

#if HAVE_LIBEV

#include <errno.h>
#include <ev.h>
#include <stdlib.h>

#include "bench/peers.h"
#include "bench/timers.h"

struct timers {
    struct ev_loop *loop;
    struct timer_order order;
    struct ev_timer timers[TIMER_COUNT];
};

static void timer_ended(struct ev_loop *loop, struct ev_timer *timer,
                        int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    abort(); /* none is due within the run */
}

static void start_timer(struct timers *timers, struct ev_timer *timer)
{
    ev_timer_set(timer, (double)timer_after_ms(&timers->order) / 1000, 0);
    ev_timer_start(timers->loop, timer);
}

static int timer_open(const struct options *options, void **ret_state)
{
    struct timers *timers = calloc(1, sizeof(*timers));

    (void)options;
    if (timers == NULL) {
        return -ENOMEM;
    }
    timers->loop = ev_loop_new(EVFLAG_AUTO);
    if (timers->loop == NULL) {
        free(timers);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < TIMER_COUNT; i++) {
        ev_init(&timers->timers[i], timer_ended);
        start_timer(timers, &timers->timers[i]);
    }
    *ret_state = timers;
    return 0;
}

static int one_batch(void *state)
{
    struct timers *timers = state;

    for (unsigned i = 0; i < TIMER_BATCH; i++) {
        struct ev_timer *timer = &timers->timers[timer_next(&timers->order)];

        ev_timer_stop(timers->loop, timer);
        start_timer(timers, timer);
    }
    ev_run(timers->loop, EVRUN_NOWAIT);
    return 0;
}

static int timer_round(void *state, struct round *round)
{
    return round_of_batches(round, one_batch, state, TIMER_BATCH);
}

static void timer_close(void *state)
{
    struct timers *timers = state;

    ev_loop_destroy(timers->loop);
    free(timers);
}

const struct side peer_timer_libev = {
    .name = "libev",
    .version = peer_libev_version,
    .open = timer_open,
    .round = timer_round,
    .close = timer_close,
};

#else

#include "bench/missing.h"

const struct side peer_timer_libev = SIDE_MISSING("libev");

#endif
