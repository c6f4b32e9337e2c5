/* SPDX-License-Identifier: MIT */
/*
 * base_nop.c - the same NOPs on bare liburing
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

#include "bench/bare.h"
#include "bench/sides.h"

static int base_open(const struct options *options, void **ret_state)
{
    struct io_uring *ring = calloc(1, sizeof(*ring));
    int r;

    (void)options;
    if (ring == NULL) {
        return -ENOMEM;
    }
    r = bare_ring(ring);
    if (r < 0) {
        free(ring);
        return r;
    }
    *ret_state = ring;
    return 0;
}

static int one_batch(void *state)
{
    struct io_uring *ring = state;
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned done = 0;

    for (unsigned i = 0; i < NOP_BATCH; i++) {
        io_uring_prep_nop(io_uring_get_sqe(ring));
    }
    while (done < NOP_BATCH) {
        unsigned count = 0;
        int r = io_uring_submit_and_wait(ring, NOP_BATCH - done);

        if (r < 0) {
            return r;
        }
        io_uring_for_each_cqe (ring, head, cqe) {
            count++;
        }
        io_uring_cq_advance(ring, count);
        done += count;
    }
    return 0;
}

static int base_round(void *state, struct round *round)
{
    return round_of_batches(round, one_batch, state, NOP_BATCH);
}

static void base_close(void *state)
{
    io_uring_queue_exit(state);
    free(state);
}

const struct side base_nop = {
    .name = "liburing",
    .open = base_open,
    .round = base_round,
    .close = base_close,
};
