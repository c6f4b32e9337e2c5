/* SPDX-License-Identifier: MIT */
/*
 * ahead.c - see spool/log/ahead.h
 *
 * Some readers, each with a segment: a sync, its header, batch after batch, as
 * far as they look like ones of its turn; then the next that nobody has.
 * Sums are left to the rebuild, which reads all of it again, from memory.
 */
#include "spool/log/ahead.h"

#include <stdlib.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/log/log.h"

enum { READERS = 32 };

struct pirn__ahead_reader {
    struct pirn__ahead *ahead;
    uint32_t segment;
    uint32_t generation; /* 0: the header was not read yet */
    uint64_t sequence;
    uint64_t at;
    struct pirn__segment_hold hold;
    struct pirn_op step;
    uint8_t buf[PIRN__AHEAD_BYTES];
};

static void next_segment(struct pirn__ahead_reader *reader);
static void have_read(struct pirn_op *op, int32_t result);

static void read_on(struct pirn__ahead_reader *reader)
{
    struct pirn__log *log = reader->ahead->log;

    pirn_prep_read(&reader->step, pirn__segment_fd(log, reader->segment),
                   reader->buf, PIRN__AHEAD_BYTES, reader->at);
    pirn_start(log->context, &reader->step, have_read);
}

/* Whether there may be a batch behind what was read; goes there. */
static bool go_on(struct pirn__ahead_reader *reader, uint32_t len)
{
    struct pirn__segment_head segment;
    struct pirn__batch_head batch;

    if (reader->generation == 0) {
        if (len < PIRN__BATCH_UNIT ||
            pirn__segment_head_decode(reader->buf, &segment) < 0) {
            return false;
        }
        reader->generation = segment.generation;
        reader->at = PIRN__BATCH_UNIT;
        return true;
    }
    if (len < PIRN__BATCH_HEAD_BYTES ||
        pirn__batch_head_peek(reader->buf, &batch) < 0 ||
        batch.segment != reader->segment ||
        batch.generation != reader->generation ||
        batch.sequence != reader->sequence + 1) {
        return false;
    }
    reader->sequence = batch.sequence;
    reader->at += batch.bytes;
    return reader->at < reader->ahead->log->text.size.segment_bytes;
}

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn__ahead_reader *reader =
        pirn_container_of(op, struct pirn__ahead_reader, step);

    if (result > 0 && go_on(reader, (uint32_t)result)) {
        read_on(reader);
        return;
    }
    pirn__segment_drop(reader->ahead->log, reader->segment);
    next_segment(reader);
}

static void synced(struct pirn_op *op, int32_t result)
{
    struct pirn__ahead_reader *reader =
        pirn_container_of(op, struct pirn__ahead_reader, step);

    reader->ahead->synced[reader->segment] = result;
    read_on(reader);
}

static void have_segment(struct pirn_op *op, int32_t result)
{
    struct pirn__ahead_reader *reader =
        pirn_container_of(op, struct pirn__ahead_reader, hold.waiter.op);

    if (result < 0) {
        next_segment(reader);
        return;
    }
    pirn_prep_fsync(&reader->step, result, PIRN_SYNC_DATA);
    pirn_start(reader->ahead->log->context, &reader->step, synced);
}

static void end(struct pirn__ahead *ahead)
{
    pirn_assert(ahead->busy > 0);
    if (--ahead->busy == 0) {
        free(ahead->readers);
        ahead->readers = NULL;
        pirn_task_finish(ahead->log->context, &ahead->op, 0);
    }
}

static void next_segment(struct pirn__ahead_reader *reader)
{
    struct pirn__ahead *ahead = reader->ahead;
    uint32_t count = ahead->log->text.size.segments;

    while (ahead->next < count && !ahead->there[ahead->next]) {
        ahead->next++;
    }
    if (ahead->next == count) {
        end(ahead);
        return;
    }
    reader->segment = ahead->next++;
    reader->generation = 0;
    reader->sequence = 0;
    reader->at = 0;
    pirn__prep_segment_hold(&reader->hold, ahead->log, reader->segment);
    pirn_start(ahead->log->context, &reader->hold.waiter.op, have_segment);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__ahead *ahead = pirn_container_of(op, struct pirn__ahead, op);

    ahead->readers = calloc(READERS, sizeof(*ahead->readers));
    if (ahead->readers == NULL) {
        pirn_task_finish(context, op, 0); /* without */
        return;
    }
    ahead->busy = READERS;
    for (uint32_t i = 0; i < READERS; i++) {
        struct pirn__ahead_reader *reader = &ahead->readers[i];
        reader->ahead = ahead;
        next_segment(reader);
    }
}

void pirn__prep_ahead(struct pirn__ahead *ahead, struct pirn__log *log,
                      const bool *there, int32_t *synced)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    ahead->log = log;
    ahead->there = there;
    ahead->synced = synced;
    ahead->next = 0;
    pirn_prep_task(&ahead->op, &verbs);
}
