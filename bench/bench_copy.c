/* SPDX-License-Identifier: MIT */
/*
 * bench_copy.c - a cached file copied in pieces, under a chosen engine
 *
 * COPY_DEPTH pieces are under way at once: each is read, then written to the
 * other file, whose pages are there already; nothing is synced.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <pirn/pirn.h>

#include "bench/engines.h"
#include "bench/scratch.h"
#include "bench/sides.h"

struct copies {
    struct pirn_context *context;
    struct round *round;
    int from;
    int to;
    int error;
    uint64_t next;
    struct copy {
        struct pirn_op op;
        struct copies *copies;
        uint64_t offset;
        uint8_t *buf;
    } copies[COPY_DEPTH];
    _Alignas(4096) uint8_t bufs[COPY_DEPTH][COPY_BYTES];
};

static int copy_open(const char *engine, const struct options *options,
                     void **ret_state)
{
    struct copies *copies = aligned_alloc(4096, sizeof(*copies));
    int r;

    if (copies == NULL) {
        return -ENOMEM;
    }
    r = engine_context(engine, &copies->context);
    if (r < 0) {
        goto fail;
    }
    copies->from = r = scratch_make(options, COPY_FILE);
    if (r < 0) {
        goto fail_context;
    }
    copies->to = r = scratch_make(options, COPY_FILE);
    if (r < 0) {
        goto fail_from;
    }
    copies->error = 0;
    copies->next = 0;
    for (unsigned i = 0; i < COPY_DEPTH; i++) {
        copies->copies[i] =
            (struct copy){.copies = copies, .buf = copies->bufs[i]};
    }
    *ret_state = copies;
    return 0;

fail_from:
    close(copies->from);
fail_context:
    copies->context = pirn_context_destroy(copies->context);
fail:
    free(copies);
    return r;
}

static void piece_read(struct pirn_op *op, int32_t result);

static void next_piece(struct copy *copy)
{
    struct copies *copies = copy->copies;

    if (copies->error < 0 || round_is_over(copies->round, round_now_ns())) {
        return;
    }
    copy->offset = copies->next;
    copies->next = (copies->next + COPY_BYTES) % COPY_FILE;
    pirn_prep_read(&copy->op, copies->from, copy->buf, COPY_BYTES,
                   copy->offset);
    pirn_start(copies->context, &copy->op, piece_read);
}

static void piece_written(struct pirn_op *op, int32_t result)
{
    struct copy *copy = pirn_container_of(op, struct copy, op);

    if (result != COPY_BYTES) {
        copy->copies->error = result < 0 ? result : -EIO;
    }
    copy->copies->round->count++;
    next_piece(copy);
}

static void piece_read(struct pirn_op *op, int32_t result)
{
    struct copy *copy = pirn_container_of(op, struct copy, op);

    if (result != COPY_BYTES) {
        copy->copies->error = result < 0 ? result : -EIO;
        return;
    }
    pirn_prep_write(op, copy->copies->to, copy->buf, COPY_BYTES, copy->offset);
    pirn_start(copy->copies->context, op, piece_written);
}

static int copy_round(void *state, struct round *round)
{
    struct copies *copies = state;
    int r;

    copies->round = round;
    round_begin(round);
    for (unsigned i = 0; i < COPY_DEPTH; i++) {
        next_piece(&copies->copies[i]);
    }
    r = pirn_context_drain(copies->context);
    round_end(round);
    return r < 0 ? r : copies->error;
}

static void copy_close(void *state)
{
    struct copies *copies = state;

    copies->context = pirn_context_destroy(copies->context);
    close(copies->from);
    close(copies->to);
    free(copies);
}

static int copy_open_uring(const struct options *options, void **ret_state)
{
    return copy_open("uring", options, ret_state);
}

static int copy_open_plain(const struct options *options, void **ret_state)
{
    return copy_open("plain", options, ret_state);
}

const struct side bench_copy_uring = {
    .name = "uring",
    .open = copy_open_uring,
    .round = copy_round,
    .close = copy_close,
};

const struct side bench_copy_plain = {
    .name = "plain",
    .open = copy_open_plain,
    .round = copy_round,
    .close = copy_close,
};
