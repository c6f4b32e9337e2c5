/* SPDX-License-Identifier: MIT */
/*
 * peer_echo_tevent.c - echoes on tevent
 */
#include "bench/sides.h"

#if HAVE_TEVENT

#include <stdlib.h>
#include <talloc.h>
#include <tevent.h>

#include "bench/echo.h"
#include "bench/peers.h"

struct watched {
    const struct echo_plan *plan;
    int fd;
};

static void ready(struct tevent_context *loop, struct tevent_fd *fde,
                  uint16_t flags, void *private_data)
{
    const struct watched *watched = private_data;

    (void)loop;
    (void)flags;
    if (!echo_ready(watched->plan, watched->fd)) {
        talloc_free(fde);
    }
}

static void serve(const struct echo_plan *plan, const int *fds)
{
    struct tevent_context *loop = tevent_context_init(NULL);
    struct watched *all = calloc(plan->connections, sizeof(*all));

    echo_nonblocking(plan, fds);
    for (uint32_t i = 0; i < plan->connections; i++) {
        all[i] = (struct watched){plan, fds[i]};
        tevent_add_fd(loop, loop, fds[i], TEVENT_FD_READ, ready, &all[i]);
    }
    while (tevent_loop_once(loop) == 0) {
    }
}

static int peer_open(const struct options *options, void **ret_state)
{
    return echo_open(options, serve, NULL, ret_state);
}

const struct side peer_echo_tevent = {
    .name = "tevent",
    .version = peer_tevent_version,
    .open = peer_open,
    .round = echo_round,
    .close = echo_close,
};

#else

#include "bench/missing.h"

const struct side peer_echo_tevent = SIDE_MISSING("tevent");

#endif
