/* SPDX-License-Identifier: MIT */
/*
 * rebuild_pass.c - all segments in one pass, many at a time
 *
 * A batch says where the next one is, so a segment is read one batch after the
 * other, and whoever read them one by one would wait for the disk at each
 * batch. Some readers, each with a segment: a sync, its header, batch after
 * batch; then the next that nobody has. The disk flushes once for all that ask
 * at the same time, and what one has read is looked at while the others wait.
 *
 *   plain     its header is ours, of a turn that is not over: read here, but
 *             for its last batch, where that has to be judged
 *   any other is left as it was met, for who looks at it alone (rebuild_read.c)
 *
 * A batch is added when the one behind it is known to be there: so its front
 * stays where it was read until then, in one of two windows.
 *
 *   windows   | front A .... front B .. | front C ...     |
 *                              held ^     ^ being looked at
 */
#include "spool/log/rebuild_parts.h"

#include <errno.h>
#include <stdlib.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

enum {
    READERS = 32,
    WINDOW = 128 * 1024,
    /* As much of a batch as has the heads of 256 records: most have not more.
     */
    FRONT = 20 * 1024,
    /* Of batches that are not longer, more than one is read at a time. */
    SHORT = 32 * 1024,
};

static_assert(WINDOW >= PIRN__BATCH_ROOM, "any front fits");

struct pirn__pass_reader {
    struct pirn__pass *pass;
    uint32_t segment;
    bool has_head; /* and the segment is plain */
    struct pirn__segment_hold hold;
    struct pirn_op step;
    struct pirn__rebuild_tail tail;
    struct pirn__batch_cursor cursor;
    const uint8_t *front; /* of the tail's batch, which is held; or NULL */
    uint8_t *window;      /* one of the two */
    uint64_t window_at;   /* what of the segment it has */
    uint32_t window_len;
    uint32_t window_want;
    int32_t window_error; /* why it has less than it wants; 0: the file ends */
    uint8_t windows[2][WINDOW];
};

static void next_segment(struct pirn__pass_reader *reader);
static void have_read(struct pirn_op *op, int32_t result);

static struct pirn__log *log_of(const struct pirn__pass_reader *reader)
{
    return reader->pass->rebuild->log;
}

static void end(struct pirn__pass *pass)
{
    pirn_assert(pass->busy > 0);
    if (--pass->busy == 0) {
        free(pass->readers);
        pass->readers = NULL;
        pirn_task_finish(pass->rebuild->log->context, &pass->op, pass->result);
    }
}

/* No more segments are begun. */
static void leave(struct pirn__pass_reader *reader, int32_t result)
{
    struct pirn__pass *pass = reader->pass;

    pass->result = pass->result < 0 ? pass->result : result;
    pirn__segment_drop(log_of(reader), reader->segment);
    if (pass->is_later && pass->result == 0) {
        pirn__rebuild_was_read(pass->rebuild, reader->segment, true);
    }
    next_segment(reader);
}

/* ---- windows ---- */

static void read_on(struct pirn__pass_reader *reader)
{
    struct pirn__log *log = log_of(reader);

    pirn_prep_read(&reader->step, pirn__segment_fd(log, reader->segment),
                   reader->window + reader->window_len,
                   reader->window_want - reader->window_len,
                   reader->window_at + reader->window_len);
    pirn_start(log->context, &reader->step, have_read);
}

static bool holds_window(const struct pirn__pass_reader *reader)
{
    return reader->front >= reader->window &&
           reader->front < reader->window + WINDOW;
}

static void read_window(struct pirn__pass_reader *reader, uint64_t at,
                        uint32_t want)
{
    bool is_first = reader->window == reader->windows[0];

    pirn_assert(want <= WINDOW);
    if (holds_window(reader)) {
        reader->window = reader->windows[is_first ? 1 : 0];
    }
    reader->window_at = at;
    reader->window_len = 0;
    reader->window_want = want;
    reader->window_error = 0;
    read_on(reader);
}

/* What of the window is at the cursor or behind it. */
static uint32_t window_have(const struct pirn__pass_reader *reader)
{
    uint64_t at = (uint64_t)reader->cursor.at * PIRN__RECORD_UNIT;
    uint64_t end_at = reader->window_at + reader->window_len;

    return at >= reader->window_at && at < end_at ? (uint32_t)(end_at - at) : 0;
}

static const uint8_t *window_front(const struct pirn__pass_reader *reader)
{
    return reader->window + ((uint64_t)reader->cursor.at * PIRN__RECORD_UNIT -
                             reader->window_at);
}

/* How long the front at the cursor is, as far as what is there of it tells. */
static uint32_t front_bytes(const struct pirn__pass_reader *reader)
{
    struct pirn__batch_head head;

    if (window_have(reader) < PIRN__BATCH_HEAD_BYTES) {
        return PIRN__BATCH_HEAD_BYTES;
    }
    int r = pirn__batch_head_peek(window_front(reader), &head);
    return PIRN__BATCH_HEAD_BYTES + (r < 0 ? 0 : (uint32_t)r);
}

/* 1: more of the front is being read; 0: what there is of it is there; or why
 * it is not. A body beside it that cannot be read is in nobody's way. */
static int read_front(struct pirn__pass_reader *reader)
{
    uint64_t at = (uint64_t)reader->cursor.at * PIRN__RECORD_UNIT;
    uint32_t bytes = front_bytes(reader);
    bool is_short = reader->front != NULL && reader->tail.batch.bytes <= SHORT;

    if (window_have(reader) >= bytes) {
        return 0;
    }
    if (reader->window_at == at && reader->window_len < reader->window_want) {
        return reader->window_error;
    }
    read_window(reader, at, is_short ? WINDOW : bytes > FRONT ? bytes : FRONT);
    return 1;
}

/* ---- batches ---- */

/* There is a batch behind the one that is held. */
static int add_held(struct pirn__pass_reader *reader)
{
    struct pirn__rebuild_tail *tail = &reader->tail;
    struct pirn__pass *pass = reader->pass;

    if (reader->front == NULL) {
        return 0;
    }
    pirn__rebuild_mark(&tail->mark, &tail->batch, tail->at);
    int r = pirn__rebuild_add(pass->rebuild, &tail->batch, reader->front, NULL);
    if (r == 0 && pass->is_later) {
        pirn__rebuild_was_read(pass->rebuild, reader->segment, false);
    }
    return r;
}

/* Now that a batch cannot be read, which may be the end. */
static enum pirn__rebuild_left what_is_left(
    const struct pirn__pass_reader *reader)
{
    const struct pirn__log *log = reader->pass->rebuild->log;
    const struct pirn__rebuild_tail *tail = &reader->tail;

    if (pirn__rebuild_may_go_on(log, &tail->head,
                                reader->cursor.first_record)) {
        return PIRN__REBUILD_REST;
    }
    return reader->front == NULL ||
                   pirn__rebuild_is_committed(log, &tail->batch)
               ? PIRN__REBUILD_NOTHING
               : PIRN__REBUILD_TAIL;
}

/* The last batch is held yet, if there is one. */
static int end_segment(struct pirn__pass_reader *reader)
{
    struct pirn__rebuild *rebuild = reader->pass->rebuild;
    struct pirn__rebuild_tail *tail = &reader->tail;
    enum pirn__rebuild_left left = what_is_left(reader);
    int r = left == PIRN__REBUILD_NOTHING ? add_held(reader) : 0;

    if (left != PIRN__REBUILD_NOTHING) {
        rebuild->tails[reader->segment] = *tail;
    }
    rebuild->left[reader->segment] = left;
    rebuild->log->index.segments[reader->segment].mark =
        pirn__mark_pack(tail->mark);
    return r;
}

/* The batch at the cursor is held instead of the one before it. Return: as
 * pirn__batch_cursor_next(), or an errno */
static int hold_next(struct pirn__pass_reader *reader)
{
    uint32_t at = reader->cursor.at;
    const uint8_t *front = window_front(reader);
    struct pirn__batch_head batch;
    int r = pirn__batch_cursor_next(&reader->cursor, front, window_have(reader),
                                    &batch);

    if (r != 1) {
        return r == -EBADMSG ? 0 : r;
    }
    r = add_held(reader);
    reader->front = front;
    reader->tail.batch = batch;
    reader->tail.at = at;
    return r < 0 ? r : 1;
}

static void walk(struct pirn__pass_reader *reader)
{
    int r = read_front(reader);

    while (r == 0) {
        r = hold_next(reader);
        if (r == 0) {
            leave(reader, end_segment(reader));
            return;
        }
        r = r == 1 ? read_front(reader) : r;
    }
    if (r < 0) {
        leave(reader, r);
    }
}

/* ---- a segment ---- */

static void begin_segment(struct pirn__pass_reader *reader)
{
    struct pirn__rebuild *rebuild = reader->pass->rebuild;

    if (reader->window_len < PIRN__BATCH_UNIT && reader->window_error < 0) {
        leave(reader, reader->window_error);
        return;
    }
    if (!pirn__rebuild_is_plain(rebuild, reader->segment, reader->window,
                                reader->window_len, &reader->tail.head)) {
        leave(reader, 0);
        return;
    }
    reader->has_head = true;
    pirn__rebuild_seal(rebuild->log, &reader->tail.head);
    pirn__batch_cursor_init(&reader->cursor, &reader->tail.head);
    walk(reader);
}

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn__pass_reader *reader =
        pirn_container_of(op, struct pirn__pass_reader, step);

    reader->window_len += result > 0 ? (uint32_t)result : 0;
    reader->window_error = result < 0 ? result : 0;
    if (result > 0 && reader->window_len < reader->window_want) {
        read_on(reader);
    } else if (reader->has_head) {
        walk(reader);
    } else {
        begin_segment(reader);
    }
}

static void synced(struct pirn_op *op, int32_t result)
{
    struct pirn__pass_reader *reader =
        pirn_container_of(op, struct pirn__pass_reader, step);

    if (result < 0) {
        leave(reader, result);
        return;
    }
    reader->pass->rebuild->is_synced[reader->segment] = true;
    read_window(reader, 0, PIRN__BATCH_UNIT + FRONT);
}

static void have_segment(struct pirn_op *op, int32_t result)
{
    struct pirn__pass_reader *reader =
        pirn_container_of(op, struct pirn__pass_reader, hold.waiter.op);

    if (result < 0) {
        if (reader->pass->is_later) {
            reader->pass->result = result;
        }
        next_segment(reader); /* who looks at it alone meets it, too */
        return;
    }
    pirn_prep_fsync(&reader->step, result, PIRN_SYNC_DATA);
    pirn_start(log_of(reader)->context, &reader->step, synced);
}

/* The next one that is to be read; false: there is none. */
static bool choose(struct pirn__pass *pass, uint32_t *ret_segment)
{
    const struct pirn__rebuild *rebuild = pass->rebuild;
    uint32_t count = pass->is_later ? rebuild->order_count
                                    : rebuild->log->text.size.segments;

    while (pass->next < count && pass->result == 0) {
        uint32_t next = pass->next++;
        *ret_segment = pass->is_later ? rebuild->order[next] : next;
        if (rebuild->left[*ret_segment] != PIRN__REBUILD_NOTHING &&
            rebuild->is_later[*ret_segment] == pass->is_later) {
            return true;
        }
    }
    return false;
}

static void next_segment(struct pirn__pass_reader *reader)
{
    struct pirn__pass *pass = reader->pass;
    struct pirn__log *log = pass->rebuild->log;

    if (!choose(pass, &reader->segment)) {
        end(pass);
        return;
    }
    reader->has_head = false;
    reader->tail = (struct pirn__rebuild_tail){0};
    reader->front = NULL;
    reader->window = reader->windows[0];
    pirn__prep_segment_hold(&reader->hold, log, reader->segment);
    pirn_start(log->context, &reader->hold.waiter.op, have_segment);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__pass *pass = pirn_container_of(op, struct pirn__pass, op);
    uint32_t segments = pass->rebuild->log->text.size.segments;
    uint32_t count = segments < READERS ? segments : READERS;

    pass->readers = calloc(count, sizeof(*pass->readers));
    if (pass->readers == NULL) { /* without: one by one, by who can wait */
        pirn_task_finish(context, op, pass->is_later ? -ENOMEM : 0);
        return;
    }
    pass->busy = count;
    for (uint32_t i = 0; i < count; i++) {
        struct pirn__pass_reader *reader = &pass->readers[i];
        reader->pass = pass;
        next_segment(reader);
    }
}

void pirn__prep_pass(struct pirn__pass *pass, struct pirn__rebuild *rebuild,
                     bool is_later)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    *pass = (struct pirn__pass){.rebuild = rebuild, .is_later = is_later};
    pirn_prep_task(&pass->op, &verbs);
}
