/* SPDX-License-Identifier: MIT */
/*
 * peer_echo_libevent.c - echoes on libevent, with its buffered events
 *
 * A buffered event sends at once what was added in one go of the loop, whatever
 * the pieces are.
 */
#include "bench/sides.h"

#if HAVE_LIBEVENT

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include "bench/echo.h"
#include "bench/peers.h"

static void ready(struct bufferevent *event, void *arg)
{
    const struct echo_plan *plan = arg;
    uint8_t buf[ECHO_BUF];
    size_t n = bufferevent_read(event, buf, sizeof(buf));

    for (size_t at = 0; at < n; at += plan->piece) {
        size_t left = n - at;

        bufferevent_write(event, buf + at,
                          left < plan->piece ? left : plan->piece);
    }
}

static void ended(struct bufferevent *event, short what, void *arg)
{
    (void)what;
    (void)arg;
    bufferevent_free(event);
}

static void serve(const struct echo_plan *plan, const int *fds)
{
    struct event_base *loop = event_base_new();

    echo_nonblocking(plan, fds);
    for (uint32_t i = 0; i < plan->connections; i++) {
        struct bufferevent *event =
            bufferevent_socket_new(loop, fds[i], BEV_OPT_CLOSE_ON_FREE);

        bufferevent_setcb(event, ready, NULL, ended, (void *)plan);
        bufferevent_enable(event, EV_READ | EV_WRITE);
    }
    event_base_dispatch(loop);
}

static int peer_open(const struct options *options, void **ret_state)
{
    return echo_open(options, serve, NULL, ret_state);
}

const struct side peer_echo_libevent = {
    .name = "libevent",
    .version = peer_libevent_version,
    .open = peer_open,
    .round = echo_round,
    .close = echo_close,
};

#else

#include "bench/missing.h"

const struct side peer_echo_libevent = SIDE_MISSING("libevent");

#endif
