/* SPDX-License-Identifier: MIT */
/*
 * base_segment.c - bare writes into a segment: the speed of light of a log
 *
 * Batches of SPOOL_DEPTH items, one in flight: a write linked to an fdatasync
 * on a ring, or one write with RWF_DSYNC; through the page cache, or past it.
 */
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

#include "bench/bare.h"
#include "bench/segment.h"
#include "bench/sides.h"

enum { BATCH_BYTES = SPOOL_DEPTH * COMMIT_BYTES };

struct writer {
    struct segment segment;
    struct io_uring ring;
    bool linked; /* has a ring */
};

static void base_close(void *state)
{
    struct writer *writer = state;

    if (writer->linked) {
        io_uring_queue_exit(&writer->ring);
    }
    segment_end(&writer->segment);
    free(writer);
}

static int open_writer(const struct options *options, bool direct, bool linked,
                       void **ret_state)
{
    struct writer *writer = calloc(1, sizeof(*writer));
    int r;

    if (writer == NULL) {
        return -ENOMEM;
    }
    r = segment_make(&writer->segment, options->dir, direct, BATCH_BYTES);
    if (r == 0 && linked) {
        r = bare_ring(&writer->ring);
        writer->linked = r == 0;
    }
    if (r < 0) {
        base_close(writer);
        return r;
    }
    *ret_state = writer;
    return 0;
}

/* Both results count: a write that fell short is not durable, whatever the
 * sync behind it says. */
static int write_linked(void *state)
{
    struct writer *writer = state;
    const unsigned len = BATCH_BYTES;
    struct io_uring_sqe *sqe = io_uring_get_sqe(&writer->ring);
    int r = 0;

    io_uring_prep_write(sqe, writer->segment.fd, writer->segment.bytes, len,
                        segment_place(&writer->segment, len));
    sqe->flags |= IOSQE_IO_LINK;
    sqe->user_data = len;
    sqe = io_uring_get_sqe(&writer->ring);
    io_uring_prep_fsync(sqe, writer->segment.fd, IORING_FSYNC_DATASYNC);
    sqe->user_data = 0;
    r = io_uring_submit_and_wait(&writer->ring, 2);
    r = r < 0 ? r : 0;
    for (unsigned i = 0; i < 2 && r == 0; i++) {
        struct io_uring_cqe *cqe;

        r = io_uring_wait_cqe(&writer->ring, &cqe);
        if (r == 0) {
            r = cqe->res < 0                           ? cqe->res
                : (unsigned)cqe->res != cqe->user_data ? -EIO
                                                       : 0;
            io_uring_cqe_seen(&writer->ring, cqe);
        }
    }
    return r;
}

static int write_dsync(void *state)
{
    struct writer *writer = state;

    return segment_write_dsync(&writer->segment, BATCH_BYTES);
}

static int linked_round(void *state, struct round *round)
{
    return segment_round(round, write_linked, state, SPOOL_DEPTH);
}

static int dsync_round(void *state, struct round *round)
{
    return segment_round(round, write_dsync, state, SPOOL_DEPTH);
}

static int linked_buffered(const struct options *options, void **ret_state)
{
    return open_writer(options, false, true, ret_state);
}

static int linked_direct(const struct options *options, void **ret_state)
{
    return open_writer(options, true, true, ret_state);
}

static int dsync_buffered(const struct options *options, void **ret_state)
{
    return open_writer(options, false, false, ret_state);
}

static int dsync_direct(const struct options *options, void **ret_state)
{
    return open_writer(options, true, false, ret_state);
}

const struct side base_linked = {
    .name = "linked",
    .promise = "the bytes",
    .open = linked_buffered,
    .round = linked_round,
    .close = base_close,
};

const struct side base_linked_direct = {
    .name = "linked_direct",
    .promise = "the bytes",
    .open = linked_direct,
    .round = linked_round,
    .close = base_close,
};

const struct side base_dsync = {
    .name = "dsync",
    .promise = "the bytes",
    .open = dsync_buffered,
    .round = dsync_round,
    .close = base_close,
};

const struct side base_dsync_direct = {
    .name = "dsync_direct",
    .promise = "the bytes",
    .open = dsync_direct,
    .round = dsync_round,
    .close = base_close,
};
