/* SPDX-License-Identifier: MIT */
/*
 * bench_read.c - reads of 4 KiB from a cached file, 32 in each turn
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <pirn/pirn.h>

#include "bench/scratch.h"
#include "bench/sides.h"

struct reads {
    struct pirn_context *context;
    int fd;
    uint32_t left;
    uint64_t next;
    struct read {
        struct pirn_op op;
        struct reads *reads;
        uint8_t *buf;
    } reads[READ_BATCH];
    _Alignas(READ_BYTES) uint8_t bufs[READ_BATCH][READ_BYTES];
};

static int read_open(const struct options *options, void **ret_state)
{
    struct reads *reads = aligned_alloc(READ_BYTES, sizeof(*reads));
    int r;

    if (reads == NULL) {
        return -ENOMEM;
    }
    *reads = (struct reads){.fd = scratch_make(options, READ_FILE)};
    if (reads->fd < 0) {
        r = reads->fd;
        goto fail;
    }
    r = pirn_context_create(NULL, &reads->context);
    if (r < 0) {
        close(reads->fd);
        goto fail;
    }
    for (unsigned i = 0; i < READ_BATCH; i++) {
        reads->reads[i].reads = reads;
        reads->reads[i].buf = reads->bufs[i];
    }
    *ret_state = reads;
    return 0;

fail:
    free(reads);
    return r;
}

static void read_done(struct pirn_op *op, int32_t result)
{
    struct read *read = pirn_container_of(op, struct read, op);

    if (result != READ_BYTES) {
        abort(); /* the file is cached, whole */
    }
    read->reads->left--;
}

static int one_batch(void *state)
{
    struct reads *reads = state;
    int r = 0;

    reads->left = READ_BATCH;
    for (unsigned i = 0; i < READ_BATCH; i++) {
        struct read *read = &reads->reads[i];

        pirn_prep_read(&read->op, reads->fd, read->buf, READ_BYTES,
                       reads->next);
        pirn_start(reads->context, &read->op, read_done);
        reads->next = (reads->next + READ_BYTES) % READ_FILE;
    }
    while (reads->left > 0 && r >= 0) {
        r = pirn_context_turn(reads->context, PIRN_FOREVER);
    }
    return r < 0 ? r : 0;
}

static int read_round(void *state, struct round *round)
{
    return round_of_batches(round, one_batch, state, READ_BATCH);
}

static void read_close(void *state)
{
    struct reads *reads = state;

    reads->context = pirn_context_destroy(reads->context);
    close(reads->fd);
    free(reads);
}

const struct side bench_read = {
    .name = "pirn",
    .open = read_open,
    .round = read_round,
    .close = read_close,
};
