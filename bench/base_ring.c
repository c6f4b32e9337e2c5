/* SPDX-License-Identifier: MIT */
/*
 * base_ring.c - see bench/bare.h
 */
#include <liburing.h>

#include "bench/bare.h"

int bare_ring(struct io_uring *ring)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP |
                 IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |
                 IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
        .cq_entries = 2048,
    };
    int r = io_uring_queue_init_params(256, ring, &params);

    if (r == 0) {
        (void)io_uring_register_ring_fd(ring);
    }
    return r;
}
