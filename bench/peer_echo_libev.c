/* SPDX-License-Identifier: MIT */
/*
 * peer_echo_libev.c - echoes on libev
 */
#include "bench/sides.h"

#if HAVE_LIBEV

#include <ev.h>
#include <stdlib.h>

#include "bench/echo.h"
#include "bench/peers.h"

static void ready(struct ev_loop *loop, struct ev_io *io, int events)
{
    (void)events;
    if (!echo_ready(io->data, io->fd)) {
        ev_break(loop, EVBREAK_ALL);
    }
}

static void serve(const struct echo_plan *plan, const int *fds)
{
    struct ev_loop *loop = ev_loop_new(EVBACKEND_EPOLL);
    struct ev_io *ios = calloc(plan->connections, sizeof(*ios));

    echo_nonblocking(plan, fds);
    for (uint32_t i = 0; i < plan->connections; i++) {
        ev_io_init(&ios[i], ready, fds[i], EV_READ);
        ios[i].data = (void *)plan;
        ev_io_start(loop, &ios[i]);
    }
    ev_run(loop, 0);
}

static int peer_open(const struct options *options, void **ret_state)
{
    return echo_open(options, serve, NULL, ret_state);
}

const struct side peer_echo_libev = {
    .name = "libev",
    .version = peer_libev_version,
    .open = peer_open,
    .round = echo_round,
    .close = echo_close,
};

#else

#include "bench/missing.h"

const struct side peer_echo_libev = SIDE_MISSING("libev");

#endif
