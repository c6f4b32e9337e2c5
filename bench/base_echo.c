/* SPDX-License-Identifier: MIT */
/*
 * base_echo.c - echoes on raw epoll, level-triggered
 */
#include <stddef.h>
#include <sys/epoll.h>

#include "bench/echo.h"
#include "bench/sides.h"

enum { EVENTS = 256 };

static void serve(const struct echo_plan *plan, const int *fds)
{
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[EVENTS];
    bool goes_on = true;

    echo_nonblocking(plan, fds);
    for (uint32_t i = 0; i < plan->connections; i++) {
        events[0] = (struct epoll_event){.events = EPOLLIN, .data.fd = fds[i]};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fds[i], &events[0]);
    }
    while (goes_on) {
        int n = epoll_wait(epoll_fd, events, EVENTS, -1);

        for (int i = 0; i < n; i++) {
            goes_on = echo_ready(plan, events[i].data.fd) && goes_on;
        }
    }
}

static int base_open(const struct options *options, void **ret_state)
{
    return echo_open(options, serve, NULL, ret_state);
}

const struct side base_echo = {
    .name = "epoll",
    .open = base_open,
    .round = echo_round,
    .close = echo_close,
};
