/* SPDX-License-Identifier: MIT */
/*
 * writer.c - group commit, without a timer
 *
 * A record is encoded at once, into the batch that is being filled; a turn's
 * end sends it off, unless one is in flight, whose end does. The batch being
 * filled is bound to the place behind the one in flight. What does not fit
 * there, or comes while there is no segment, waits in line.
 *
 * The first failure is final for the segment: what is in flight and what was to
 * stand behind it fails, the segment is cut at its mark and sealed. So does a
 * write during which anybody's write or sync failed: its pages may have been
 * dropped with the others.
 *
 * Order of what others can see: the places into the slots; the write; the look
 * at the count of failures; the mark; the records' ends.
 */
#include "spool/log/writer.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>
#include <pirn/timer.h>

#include "runtime/plant.h"
#include "spool/log/atom.h"
#include "spool/log/log.h"
#include "spool/log/tombs_file.h"

/* A batch: 256 items of 4 KiB and their metadata, the room of heads. Before its
 * buffer the segment's header, which goes with the first batch; behind it the
 * pieces. Of the buffer that is touched which is used: long bodies are written
 * from where their owners have them. */
enum {
    BATCH_CAP = 1344 * 1024,
    HEADER = PIRN__BATCH_UNIT,
    PIECES_BYTES = PIRN__BATCH_PIECES * sizeof(struct iovec),
};

static_assert(PIECES_BYTES % HEADER == 0, "aligned_alloc() wants it");

/* Alone in a batch; heads and rests have two units. A record that fits nowhere
 * would take one segment after the other. */
static_assert(PIRN__SEGMENT_BYTES_MIN >= HEADER + PIRN_FIELDS_MAX +
                                             PIRN__BATCH_BODY_MAX +
                                             2 * PIRN__BATCH_UNIT,
              "each record fits into the smallest segment");

static void go_on(struct pirn__log *log);

static void push(struct pirn__records *records, struct pirn__record *record)
{
    record->next = NULL;
    if (records->head == NULL) {
        records->head = record;
    } else {
        records->tail->next = record;
    }
    records->tail = record;
}

static struct pirn__record *pop(struct pirn__records *records)
{
    struct pirn__record *record = records->head;

    pirn_assert(record != NULL);
    records->head = record->next;
    return record;
}

static void end_all(struct pirn__log *log, struct pirn__records *records,
                    int32_t result)
{
    while (records->head != NULL) {
        pirn_task_finish(log->context, &pop(records)->op, result);
    }
}

/* ---- filling ---- */

static bool memory_alloc(struct pirn__writer *writer)
{
    for (int i = 0; i < 2; i++) {
        if (writer->memory[i] == NULL) {
            writer->memory[i] =
                aligned_alloc(HEADER, HEADER + BATCH_CAP + PIECES_BYTES);
        }
    }
    return writer->memory[0] != NULL && writer->memory[1] != NULL;
}

/* Behind what is in flight. */
static void begin_batch(struct pirn__log *log)
{
    struct pirn__writer *writer = &log->writer;
    uint64_t at = HEADER + (uint64_t)writer->mark.units * PIRN__BATCH_UNIT;

    pirn_assert(writer->has_segment && writer->filling.head == NULL);
    writer->batch = (struct pirn__batch){
        .buf = writer->memory[writer->current] + HEADER,
        .pieces =
            (void *)(writer->memory[writer->current] + HEADER + BATCH_CAP),
        .cap = BATCH_CAP,
        .at = (uint32_t)(at / PIRN__RECORD_UNIT),
        .segment = writer->segment,
        .generation = writer->generation,
        .segment_bytes = log->text.size.segment_bytes,
        .salt = log->index.segments[writer->segment].salt,
        .sequence = writer->mark.batches + 1,
        .first_record = writer->mark.records,
    };
    pirn__batch_begin(&writer->batch);
}

static uint64_t body_bytes(const struct pirn__record *record)
{
    return pirn__head_body_room(&record->part.head);
}

static bool fits(const struct pirn__writer *writer,
                 const struct pirn__record *record)
{
    return pirn__batch_fits(&writer->batch, record->part.fields_bytes,
                            body_bytes(record));
}

/* As many of those that wait as fit. False: the first one needs another
 * segment, and nothing stands in the way of that. */
static bool fill(struct pirn__log *log)
{
    struct pirn__writer *writer = &log->writer;

    pirn_assert(writer->has_segment);
    while (writer->waiting.head != NULL) {
        struct pirn__record *record = writer->waiting.head;
        if (writer->filling.head == NULL) {
            begin_batch(log);
        }
        if (!fits(writer, record)) {
            return writer->filling.head != NULL || writer->is_flying;
        }
        (void)pop(&writer->waiting);
        (void)pirn__batch_add(&writer->batch, &record->part, record->body);
        writer->is_first &= record->part.head.version == 1;
        push(&writer->filling, record);
    }
    return true;
}

/* ---- in flight ---- */

/* Where each record will stand, for who recovers us. */
static void store_places(struct pirn__log *log)
{
    struct pirn__writer *writer = &log->writer;
    uint32_t i = 0;

    for (struct pirn__record *record = writer->flying.head; record != NULL;
         record = record->next) {
        struct pirn__slot *slot = &log->index.catalogue.slots[record->slot];
        struct pirn__head *head = &record->part.head;
        record->part_place = pirn__batch_seat(&writer->batch, i, head);
        record->body_place = head->body;
        record->part_generation = writer->generation;
        uint64_t place = pirn__place_pack(record->part_place);
        if (pirn__word_unpack(slot->word).state == PIRN__FILLING) {
            pirn__atom_put(&slot->body, pirn__place_pack(head->body));
            pirn__atom_put(&slot->part, place);
        } else {
            pirn__atom_store(&slot->due, place);
            pirn__atom_store(&slot->route, slot->route | PIRN__ROUTE_PENDING);
        }
        i++;
    }
    pirn_assert(i == writer->batch.count);
}

static void put_header(struct pirn__log *log, uint8_t *buf)
{
    struct pirn__segment_head head = {
        .segment = log->writer.segment,
        .generation = log->writer.generation,
        .salt = log->writer.batch.salt,
        .segment_bytes = log->text.size.segment_bytes,
    };

    memcpy(head.spool, log->text.spool, sizeof(head.spool));
    pirn__segment_head_encode(&head, buf);
}

/* It stands directly before the batch, in the file and in the first piece. */
static void prepend_header(struct pirn__log *log)
{
    struct pirn__writer *writer = &log->writer;
    uint8_t *at = (uint8_t *)writer->pieces->iov_base - HEADER;

    put_header(log, at);
    writer->pieces->iov_base = at;
    writer->pieces->iov_len += HEADER;
    writer->offset -= HEADER;
    writer->left += HEADER;
}

static void seal(struct pirn__log *log)
{
    pirn_assert(log->writer.has_segment);
    pirn__segment_seal(log, log->writer.segment, log->writer.is_first);
    pirn__segment_drop(log, log->writer.segment);
    log->writer.has_segment = false;
}

static void fail(struct pirn__log *log, int32_t result)
{
    struct pirn__writer *writer = &log->writer;

    pirn_assert(result < 0);
    if (pirn__planted("log-failure-passed-over")) {
        end_all(log, &writer->flying, result);
        return;
    }
    writer->is_first = false;
    seal(log);
    end_all(log, &writer->flying, result);
    end_all(log, &writer->filling, result);
}

static void raise_mark(struct pirn__log *log)
{
    const struct pirn__writer *writer = &log->writer;

    pirn__atom_store(&log->index.segments[writer->segment].mark,
                     pirn__mark_pack(writer->flying_mark));
}

/* Of the first pieces. */
static void written(struct pirn__writer *writer, uint32_t bytes)
{
    writer->left -= bytes;
    writer->offset += bytes;
    while (bytes >= writer->pieces->iov_len) {
        bytes -= (uint32_t)writer->pieces->iov_len;
        writer->pieces++;
        writer->piece_count--;
        pirn_assert(writer->piece_count > 0);
    }
    writer->pieces->iov_base = (uint8_t *)writer->pieces->iov_base + bytes;
    writer->pieces->iov_len -= bytes;
}

static void wrote(struct pirn_op *op, int32_t result);

static void write_rest(struct pirn__log *log)
{
    struct pirn__writer *writer = &log->writer;

    pirn_prep_writev_durable(&writer->write, writer->fd, writer->pieces,
                             writer->piece_count, writer->offset);
    pirn_start(log->context, &writer->write, wrote);
}

static void wrote(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, writer.write);
    struct pirn__writer *writer = &log->writer;

    pirn_assert(writer->is_flying);
    if (result > 0 && (uint32_t)result < writer->left) {
        written(writer, (uint32_t)result);
        write_rest(log);
        return;
    }
    writer->is_flying = false;
    if (pirn__planted("log-mark-early")) {
        raise_mark(log);
    }
    bool others =
        pirn__atom_load(&log->index.head->failures) != writer->failures;
    if (result <= 0 && result != -ENOSPC && result != -EDQUOT) {
        /* Our own alone: else each failure would bring the next. */
        (void)pirn__atom_add(&log->index.head->failures, 1);
    }
    others = others && !pirn__planted("log-others-passed-over");
    if (result <= 0 || others) {
        fail(log, result < 0 ? result : -EIO);
    } else {
        raise_mark(log);
        end_all(log, &writer->flying, 0);
    }
    go_on(log);
}

static void take_off(struct pirn__log *log)
{
    struct pirn__writer *writer = &log->writer;
    struct pirn__batch *batch = &writer->batch;
    bool first = writer->mark.batches == 0;

    pirn_assert(writer->filling.head != NULL && !writer->is_flying);
    uint32_t bytes =
        pirn__batch_end(batch, pirn_context_realtime_ns(log->context));
    writer->offset = (uint64_t)batch->at * PIRN__RECORD_UNIT;
    writer->left = bytes;
    writer->pieces = batch->pieces;
    writer->piece_count = batch->piece_count;
    if (first || pirn__planted("log-block-shared")) {
        prepend_header(log);
    }
    writer->flying = writer->filling;
    writer->filling = (struct pirn__records){0};
    store_places(log);
    writer->mark.batches++;
    writer->mark.records = (uint16_t)(writer->mark.records + batch->count);
    writer->mark.units =
        (uint16_t)(writer->mark.units + bytes / PIRN__BATCH_UNIT);
    writer->flying_mark = writer->mark;
    writer->current = 1 - writer->current;
    writer->is_flying = true;
    writer->failures = pirn__atom_load(&log->index.head->failures);
    write_rest(log);
    if (pirn__planted("log-acknowledged-early")) {
        end_all(log, &writer->flying, 0);
    }
}

/* ---- a segment ---- */

/* One more, while there is time: the disk may be slow when it is needed. */
static void made_ahead(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, writer.ahead.op);

    (void)result; /* no room: it will be told where one is needed */
    log->writer.is_ahead = false;
    pirn__waiters_finish(log->context, &log->writer.ahead_waiters, 0);
}

static void make_ahead(struct pirn__log *log)
{
    struct pirn__writer *writer = &log->writer;

    uint64_t written = (uint64_t)writer->mark.units * PIRN__BATCH_UNIT;

    if (writer->is_ahead || writer->has_ahead ||
        written * 2 < log->text.size.segment_bytes) {
        return;
    }
    writer->is_ahead = true;
    writer->has_ahead = true;
    pirn__prep_segment_make(&writer->ahead, log);
    pirn_start(log->context, &writer->ahead.op, made_ahead);
}

static void have_fd(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, writer.hold.waiter.op);
    struct pirn__writer *writer = &log->writer;

    writer->is_taking = false;
    if (result < 0) {
        pirn__segment_leave(log, writer->segment);
        end_all(log, &writer->waiting, result);
        return;
    }
    writer->fd = result;
    writer->has_segment = true;
    writer->has_ahead = false;
    go_on(log);
}

/* No room for new items; changes of old ones may find some. */
static bool drop_items(struct pirn__log *log, int32_t result)
{
    struct pirn__records all = log->writer.waiting;

    log->writer.waiting = (struct pirn__records){0};
    while (all.head != NULL) {
        struct pirn__record *record = pop(&all);
        if (record->part.head.version == 1) {
            pirn_task_finish(log->context, &record->op, result);
        } else {
            push(&log->writer.waiting, record);
        }
    }
    return log->writer.waiting.head != NULL;
}

static void taken(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, writer.take.op);
    struct pirn__writer *writer = &log->writer;

    if (result < 0) {
        writer->is_taking = false;
        if (!writer->take.for_items || !drop_items(log, result)) {
            end_all(log, &writer->waiting, result);
        }
        go_on(log);
        return;
    }
    writer->segment = (uint32_t)result;
    writer->generation = writer->take.word.generation;
    writer->mark = pirn__mark_unpack(
        pirn__atom_load(&log->index.segments[writer->segment].mark));
    writer->is_first = writer->mark.records == 0;
    pirn__prep_segment_hold(&writer->hold, log, writer->segment);
    pirn_start(log->context, &writer->hold.waiter.op, have_fd);
}

static bool has_items(const struct pirn__records *records)
{
    for (const struct pirn__record *record = records->head; record != NULL;
         record = record->next) {
        if (record->part.head.version == 1) {
            return true;
        }
    }
    return false;
}

static void take(struct pirn__log *log)
{
    struct pirn__writer *writer = &log->writer;

    pirn_assert(!writer->has_segment && !writer->is_taking);
    if (!memory_alloc(writer)) {
        end_all(log, &writer->waiting, -ENOMEM);
        return;
    }
    writer->is_taking = true;
    pirn__prep_segment_take(&writer->take, log, has_items(&writer->waiting));
    pirn_start(log->context, &writer->take.op, taken);
}

/* Whatever can be done now is done: fill, take off, or get a segment. */
static void go_on(struct pirn__log *log)
{
    struct pirn__writer *writer = &log->writer;

    if (writer->has_segment && !fill(log)) {
        seal(log);
    }
    if (!writer->has_segment && writer->waiting.head != NULL &&
        !writer->is_taking) {
        take(log);
    }
    if (writer->filling.head != NULL && !writer->is_flying) {
        take_off(log);
        (void)fill(log);
        make_ahead(log);
    }
}

/* ---- a record ---- */

static void kicked(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, writer.kick);

    (void)result;
    log->writer.is_kicked = false;
    go_on(log);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__record *record =
        pirn_container_of(op, struct pirn__record, op);
    struct pirn__log *log = record->log;
    struct pirn__writer *writer = &log->writer;

    pirn_assert(context == log->context && log->rebuild == NULL);
    push(&writer->waiting, record);
    if (writer->has_segment) {
        (void)fill(log);
    }
    if (!writer->is_kicked && !writer->is_flying && !writer->is_taking) {
        writer->is_kicked = true;
        writer->begun_ns = 0;
        pirn_prep_immediate(&writer->kick);
        pirn_start(context, &writer->kick, kicked);
    }
}

void pirn__prep_record(struct pirn__record *record, struct pirn__log *log)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    pirn_assert(record->part.head.kind == PIRN__RECORD_META ||
                body_bytes(record) <= PIRN__BATCH_BODY_MAX);
    record->log = log;
    pirn_prep_task(&record->op, &verbs);
}

static void idle_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__writer_idle *idle =
        pirn_container_of(op, struct pirn__writer_idle, waiter.op);
    struct pirn__writer *writer = &idle->log->writer;

    if (!writer->is_ahead) {
        pirn_task_finish(context, op, 0);
        return;
    }
    pirn__waiters_push(&writer->ahead_waiters, &idle->waiter);
}

void pirn__prep_writer_idle(struct pirn__writer_idle *idle,
                            struct pirn__log *log)
{
    static const struct pirn_task_verbs verbs = {.begin = idle_begin};

    idle->log = log;
    pirn_prep_task(&idle->waiter.op, &verbs);
}

void pirn__writer_deinit(struct pirn__log *log)
{
    struct pirn__writer *writer = &log->writer;

    pirn_assert(!writer->is_flying && writer->waiting.head == NULL);
    if (writer->has_segment) {
        if (pirn__segment_keep(log, writer->segment)) {
            pirn__tombs_file_put_bound(log, writer->segment);
        }
        pirn__segment_leave(log, writer->segment);
        pirn__segment_drop(log, writer->segment);
        writer->has_segment = false;
    }
    free(writer->memory[0]);
    free(writer->memory[1]);
}
