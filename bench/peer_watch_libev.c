/* SPDX-License-Identifier: MIT */
/*
 * peer_watch_libev.c - the same bytes by watchers of libev
 */
#include "bench/sides.h"

#if HAVE_LIBEV

#include <errno.h>
#include <ev.h>
#include <stdlib.h>

#include "bench/peers.h"
#include "bench/pipes.h"

struct watches {
    struct ev_loop *loop;
    struct pipes pipes;
    struct seat {
        struct ev_io io;
        struct watches *watches;
        unsigned index;
    } seats[PIPE_COUNT];
};

static void readable(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct seat *seat = (struct seat *)(void *)io; /* its first member */

    (void)loop;
    (void)events;
    pipes_pass(&seat->watches->pipes, seat->index);
}

static int watch_open(const struct options *options, void **ret_state)
{
    struct watches *watches = calloc(1, sizeof(*watches));
    int r = -ENOMEM;

    (void)options;
    if (watches == NULL) {
        return -ENOMEM;
    }
    watches->loop = ev_loop_new(EVBACKEND_EPOLL);
    if (watches->loop == NULL || (r = pipes_open(&watches->pipes)) < 0) {
        ev_loop_destroy(watches->loop);
        free(watches);
        return r;
    }
    for (unsigned i = 0; i < PIPE_COUNT; i++) {
        struct seat *seat = &watches->seats[i];

        seat->watches = watches;
        seat->index = i;
        ev_io_init(&seat->io, readable, watches->pipes.read_fds[i], EV_READ);
        ev_io_start(watches->loop, &seat->io);
    }
    *ret_state = watches;
    return 0;
}

static int one_batch(void *state)
{
    struct watches *watches = state;

    watches->pipes.wanted += PIPE_BATCH;
    while (watches->pipes.passed < watches->pipes.wanted) {
        ev_run(watches->loop, EVRUN_ONCE);
    }
    return 0;
}

static int watch_round(void *state, struct round *round)
{
    return round_of_batches(round, one_batch, state, PIPE_BATCH);
}

static void watch_close(void *state)
{
    struct watches *watches = state;

    ev_loop_destroy(watches->loop);
    pipes_close(&watches->pipes);
    free(watches);
}

const struct side peer_watch_libev = {
    .name = "libev",
    .version = peer_libev_version,
    .open = watch_open,
    .round = watch_round,
    .close = watch_close,
};

#else

#include "bench/missing.h"

const struct side peer_watch_libev = SIDE_MISSING("libev");

#endif
