/* SPDX-License-Identifier: MIT */
/*
 * base_echo_ring.c - echoes on bare liburing, sockets registered and not
 *
 * A receive and a send in turn on each connection. Registered, the kernel finds
 * a socket in the ring's own table and counts no reference to it.
 */
#include <liburing.h>
#include <stdlib.h>

#include "bench/bare.h"
#include "bench/echo.h"
#include "bench/sides.h"

struct echoes {
    struct io_uring ring;
    const int *fds;
    bool is_registered;
    uint8_t (*bufs)[ECHO_BUF]; /* of each connection */
    bool *sends;               /* what is under way on it is a send */
};

static struct io_uring_sqe *next_sqe(struct echoes *echoes)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&echoes->ring);

    if (sqe == NULL) {
        io_uring_submit(&echoes->ring);
        sqe = io_uring_get_sqe(&echoes->ring);
    }
    return sqe;
}

static void submit(struct echoes *echoes, struct io_uring_sqe *sqe,
                   uint32_t index)
{
    sqe->user_data = index;
    if (echoes->is_registered) {
        sqe->fd = (int)index;
        sqe->flags |= IOSQE_FIXED_FILE;
    }
}

static void start_recv(struct echoes *echoes, uint32_t index)
{
    struct io_uring_sqe *sqe = next_sqe(echoes);

    io_uring_prep_recv(sqe, echoes->fds[index], echoes->bufs[index], ECHO_BUF,
                       0);
    echoes->sends[index] = false;
    submit(echoes, sqe, index);
}

static void start_send(struct echoes *echoes, uint32_t index, uint32_t len)
{
    struct io_uring_sqe *sqe = next_sqe(echoes);

    io_uring_prep_send(sqe, echoes->fds[index], echoes->bufs[index], len,
                       MSG_NOSIGNAL);
    echoes->sends[index] = true;
    submit(echoes, sqe, index);
}

static bool go_on(struct echoes *echoes, const struct io_uring_cqe *cqe)
{
    uint32_t index = (uint32_t)cqe->user_data;

    if (cqe->res <= 0) {
        return false;
    }
    if (echoes->sends[index]) {
        start_recv(echoes, index);
    } else {
        start_send(echoes, index, (uint32_t)cqe->res);
    }
    return true;
}

static bool one_turn(struct echoes *echoes)
{
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned count = 0;
    bool goes_on = io_uring_submit_and_wait(&echoes->ring, 1) >= 0;

    io_uring_for_each_cqe (&echoes->ring, head, cqe) {
        goes_on = go_on(echoes, cqe) && goes_on;
        count++;
    }
    io_uring_cq_advance(&echoes->ring, count);
    return goes_on;
}

static void serve(const struct echo_plan *plan, const int *fds,
                  bool is_registered)
{
    struct echoes echoes = {
        .fds = fds,
        .is_registered = is_registered,
        .bufs = calloc(plan->connections, ECHO_BUF),
        .sends = calloc(plan->connections, sizeof(bool)),
    };
    bool goes_on = echoes.bufs != NULL && echoes.sends != NULL &&
                   bare_ring(&echoes.ring) == 0;

    if (goes_on && is_registered) {
        goes_on =
            io_uring_register_files(&echoes.ring, fds, plan->connections) == 0;
    }
    for (uint32_t i = 0; goes_on && i < plan->connections; i++) {
        start_recv(&echoes, i);
    }
    while (goes_on) {
        goes_on = one_turn(&echoes);
    }
}

static void serve_plain(const struct echo_plan *plan, const int *fds)
{
    serve(plan, fds, false);
}

static void serve_registered(const struct echo_plan *plan, const int *fds)
{
    serve(plan, fds, true);
}

static int plain_open(const struct options *options, void **ret_state)
{
    return echo_open(options, serve_plain, NULL, ret_state);
}

static int registered_open(const struct options *options, void **ret_state)
{
    return echo_open(options, serve_registered, NULL, ret_state);
}

const struct side base_echo_ring = {
    .name = "liburing",
    .open = plain_open,
    .round = echo_round,
    .close = echo_close,
};

const struct side base_echo_registered = {
    .name = "registered",
    .open = registered_open,
    .round = echo_round,
    .close = echo_close,
};
