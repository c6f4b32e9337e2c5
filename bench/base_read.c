/* SPDX-License-Identifier: MIT */
/*
 * base_read.c - the same reads on bare liburing, into buffers of any kind, and
 * into registered ones, whose pages the kernel has at hand
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/bare.h"
#include "bench/scratch.h"
#include "bench/sides.h"

struct reads {
    struct io_uring ring;
    int fd;
    bool is_registered;
    uint64_t next;
    _Alignas(READ_BYTES) uint8_t bufs[READ_BATCH][READ_BYTES];
};

static int open_ring(struct reads *reads)
{
    struct iovec all = {reads->bufs, sizeof(reads->bufs)};
    int r = bare_ring(&reads->ring);

    if (r == 0 && reads->is_registered) {
        r = io_uring_register_buffers(&reads->ring, &all, 1);
    }
    return r;
}

static int reads_open(const struct options *options, bool is_registered,
                      void **ret_state)
{
    struct reads *reads = aligned_alloc(READ_BYTES, sizeof(*reads));
    int r;

    if (reads == NULL) {
        return -ENOMEM;
    }
    *reads = (struct reads){
        .fd = scratch_make(options, READ_FILE),
        .is_registered = is_registered,
    };
    r = reads->fd < 0 ? reads->fd : open_ring(reads);
    if (r < 0) {
        if (reads->fd >= 0) {
            close(reads->fd);
        }
        free(reads);
        return r;
    }
    *ret_state = reads;
    return 0;
}

static int base_open(const struct options *options, void **ret_state)
{
    return reads_open(options, false, ret_state);
}

static int registered_open(const struct options *options, void **ret_state)
{
    return reads_open(options, true, ret_state);
}

static void start_batch(struct reads *reads)
{
    for (unsigned i = 0; i < READ_BATCH; i++) {
        struct io_uring_sqe *sqe = io_uring_get_sqe(&reads->ring);

        io_uring_prep_read(sqe, reads->fd, reads->bufs[i], READ_BYTES,
                           reads->next);
        if (reads->is_registered) {
            sqe->opcode = IORING_OP_READ_FIXED;
        }
        sqe->user_data = i;
        reads->next = (reads->next + READ_BYTES) % READ_FILE;
    }
}

static int one_batch(void *state)
{
    struct reads *reads = state;
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned done = 0;

    start_batch(reads);
    while (done < READ_BATCH) {
        unsigned count = 0;
        int r = io_uring_submit_and_wait(&reads->ring, READ_BATCH - done);

        if (r < 0) {
            return r;
        }
        io_uring_for_each_cqe (&reads->ring, head, cqe) {
            if (cqe->res != READ_BYTES) {
                abort(); /* the file is cached, whole */
            }
            count++;
        }
        io_uring_cq_advance(&reads->ring, count);
        done += count;
    }
    return 0;
}

static int base_round(void *state, struct round *round)
{
    return round_of_batches(round, one_batch, state, READ_BATCH);
}

static void base_close(void *state)
{
    struct reads *reads = state;

    io_uring_queue_exit(&reads->ring);
    close(reads->fd);
    free(reads);
}

const struct side base_read = {
    .name = "liburing",
    .open = base_open,
    .round = base_round,
    .close = base_close,
};

const struct side base_read_registered = {
    .name = "registered",
    .open = registered_open,
    .round = base_round,
    .close = base_close,
};
