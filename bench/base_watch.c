/* SPDX-License-Identifier: MIT */
/*
 * base_watch.c - the same bytes by raw epoll, by level and by edge
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/pipes.h"
#include "bench/sides.h"

enum { EVENTS_MAX = 256 }; /* a turn of ours calls as many */

struct watches {
    struct pipes pipes;
    int epoll;
};

static int watch_all(struct watches *watches, uint32_t events)
{
    watches->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (watches->epoll < 0) {
        return -errno;
    }
    for (unsigned i = 0; i < PIPE_COUNT; i++) {
        struct epoll_event event = {.events = events, .data.u32 = i};

        if (epoll_ctl(watches->epoll, EPOLL_CTL_ADD, watches->pipes.read_fds[i],
                      &event) < 0) {
            int r = -errno;

            close(watches->epoll);
            return r;
        }
    }
    return 0;
}

static int watch_open(uint32_t events, void **ret_state)
{
    struct watches *watches = calloc(1, sizeof(*watches));
    int r;

    if (watches == NULL) {
        return -ENOMEM;
    }
    r = pipes_open(&watches->pipes);
    if (r < 0) {
        free(watches);
        return r;
    }
    r = watch_all(watches, events);
    if (r < 0) {
        pipes_close(&watches->pipes);
        free(watches);
        return r;
    }
    *ret_state = watches;
    return 0;
}

static int level_open(const struct options *options, void **ret_state)
{
    (void)options;
    return watch_open(EPOLLIN, ret_state);
}

static int edge_open(const struct options *options, void **ret_state)
{
    (void)options;
    return watch_open(EPOLLIN | EPOLLET, ret_state);
}

static int one_batch(void *state)
{
    struct watches *watches = state;
    struct epoll_event events[EVENTS_MAX];

    watches->pipes.wanted += PIPE_BATCH;
    while (watches->pipes.passed < watches->pipes.wanted) {
        int count = epoll_wait(watches->epoll, events, EVENTS_MAX, -1);

        if (count < 0 && errno != EINTR) {
            return -errno;
        }
        for (int i = 0; i < count; i++) {
            pipes_pass(&watches->pipes, events[i].data.u32);
        }
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

    close(watches->epoll);
    pipes_close(&watches->pipes);
    free(watches);
}

const struct side base_watch = {
    .name = "epoll",
    .open = level_open,
    .round = watch_round,
    .close = watch_close,
};

const struct side base_watch_edge = {
    .name = "epoll",
    .open = edge_open,
    .round = watch_round,
    .close = watch_close,
};
