/* SPDX-License-Identifier: MIT */
/*
 * base_lone.c - one item at a time into a segment, by plain calls
 *
 * pwrite() and fdatasync(), or pwritev2() with RWF_DSYNC; through the page
 * cache, or past it.
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/segment.h"
#include "bench/sides.h"

static int open_segment(const struct options *options, bool direct,
                        void **ret_state)
{
    struct segment *segment = malloc(sizeof(*segment));
    int r;

    if (segment == NULL) {
        return -ENOMEM;
    }
    r = segment_make(segment, options->dir, direct, COMMIT_BYTES);
    if (r < 0) {
        free(segment);
        return r;
    }
    *ret_state = segment;
    return 0;
}

static int open_buffered(const struct options *options, void **ret_state)
{
    return open_segment(options, false, ret_state);
}

static int open_direct(const struct options *options, void **ret_state)
{
    return open_segment(options, true, ret_state);
}

static int write_sync(void *state)
{
    return segment_write_sync(state, COMMIT_BYTES);
}

static int write_dsync(void *state)
{
    return segment_write_dsync(state, COMMIT_BYTES);
}

static int sync_round(void *state, struct round *round)
{
    return segment_round(round, write_sync, state, 1);
}

static int dsync_round(void *state, struct round *round)
{
    return segment_round(round, write_dsync, state, 1);
}

static void base_close(void *state)
{
    segment_end(state);
    free(state);
}

const struct side base_lone_sync = {
    .name = "fdatasync",
    .promise = "the bytes",
    .open = open_buffered,
    .round = sync_round,
    .close = base_close,
};

const struct side base_lone_sync_direct = {
    .name = "fdatasync_direct",
    .promise = "the bytes",
    .open = open_direct,
    .round = sync_round,
    .close = base_close,
};

const struct side base_lone_dsync = {
    .name = "dsync",
    .promise = "the bytes",
    .open = open_buffered,
    .round = dsync_round,
    .close = base_close,
};

const struct side base_lone_dsync_direct = {
    .name = "dsync_direct",
    .promise = "the bytes",
    .open = open_direct,
    .round = dsync_round,
    .close = base_close,
};
