/* SPDX-License-Identifier: MIT */
/*
 * compact.c - see spool/log/compact.h
 *
 *   slot that leads there -> claimed by id -> part, body -> UPDATING
 *     -> PUT of version v + 1 -> old records dead -> fields -> released
 *
 * The order is that of any change (spool/log/README.md, I7): so whoever dies
 * here is rescued as an owner who was changing an item. The records of v + 1
 * may come from the segments that are not given to new items.
 */
#include "spool/log/compact.h"

#include <errno.h>
#include <stdlib.h>

#include <pirn/invariant.h>
#include <pirn/task.h>
#include <pirn/timer.h>

#include "runtime/plant.h"
#include "spool/log/atom.h"
#include "spool/log/log.h"
#include "spool/log/slot.h"

/* Slots looked at in one turn; and from so many sealed segments on. */
enum { SLOTS_A_TURN = 4096, SEALED_MIN = 4 };

static void go_on(struct pirn__log *log);

static struct pirn__log *log_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn__log, compact.step);
}

static struct pirn__slot *slot_of(const struct pirn__log *log)
{
    return &log->index.catalogue.slots[log->compact.grip.slot];
}

/* ---- which one ---- */

struct survey {
    uint32_t sealed;
    uint64_t records;
    uint64_t live;
    uint32_t best; /* the segment with the smallest share of survivors */
    uint32_t best_live;
    uint32_t best_records;
};

static void look_at(const struct pirn__log *log, uint32_t segment,
                    struct survey *survey)
{
    const struct pirn__index_segment *at = &log->index.segments[segment];
    struct pirn__segment_word word =
        pirn__segment_unpack(pirn__atom_load(&at->word));
    uint32_t records = pirn__mark_unpack(pirn__atom_load(&at->mark)).records;

    if (word.state != PIRN__SEGMENT_SEALED || records == 0) {
        return;
    }
    uint32_t live = records - pirn__tomb_dead(&log->index.tombs, segment,
                                              word.generation, records);
    survey->sealed++;
    survey->records += records;
    survey->live += live;
    if (live > 0 && (survey->best_records == 0 ||
                     (uint64_t)live * survey->best_records <
                         (uint64_t)survey->best_live * records)) {
        survey->best = segment;
        survey->best_live = live;
        survey->best_records = records;
    }
}

static bool choose(struct pirn__log *log)
{
    struct survey survey = {0};

    for (uint32_t i = 0; i < log->text.size.segments; i++) {
        look_at(log, i, &survey);
    }
    if (survey.sealed < SEALED_MIN || survey.live * 2 > survey.records ||
        survey.best_records == 0 ||
        survey.best_live * 4 > survey.best_records) {
        return false;
    }
    log->compact.segment = survey.best;
    log->compact.generation =
        pirn__segment_unpack(
            pirn__atom_load(&log->index.segments[survey.best].word))
            .generation;
    return true;
}

/* ---- one item ---- */

static void drop_reading(struct pirn__log *log)
{
    pirn__reading_deinit(&log->compact.reading);
    log->compact.reading = (struct pirn__reading){0};
    free(log->compact.body);
    log->compact.body = NULL;
}

/* Where it stood, or not: somebody has fenced us out then. */
static void release(struct pirn__log *log)
{
    uint32_t queue = pirn__route_unpack(slot_of(log)->route).queue;
    bool ready = false;
    int r = pirn__slot_release(
        &log->index.catalogue, &log->actor, &log->compact.grip,
        pirn_context_realtime_ns(log->context), true, &ready);

    (void)r; /* not ours any more; or it stays ours until we close */
    if (ready) {
        pirn__log_wake(log, queue);
    }
    drop_reading(log);
}

static void finish(struct pirn__log *log, int32_t result)
{
    pirn_task_finish(log->context, &log->compact.op, result);
}

/* The records that are copied. */
static void bury_before(struct pirn__log *log)
{
    const struct pirn__reading *before = &log->compact.reading;

    pirn__log_bury(log, pirn__place_unpack(before->fields.body),
                   before->body_generation);
    pirn__log_bury(log, pirn__place_unpack(before->fields.part),
                   before->part_generation);
}

static void store_fields(struct pirn__log *log)
{
    struct pirn__compact *compact = &log->compact;

    bury_before(log);
    pirn__slot_take_record(slot_of(log), &compact->record.part.head,
                           pirn__place_pack(compact->record.part_place));
    pirn__keeper_touch(log);
}

static void committed(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, compact.record.op);

    if (result < 0) {
        pirn__slot_spend_version(slot_of(log), &log->compact.reading.fields,
                                 log->compact.record.part.head.version);
        release(log);
        finish(log, result);
        return;
    }
    store_fields(log);
    release(log);
    go_on(log);
}

static void write_again(struct pirn__log *log, const void *body)
{
    struct pirn__compact *compact = &log->compact;
    struct pirn__record *record = &compact->record;
    struct pirn__route route =
        pirn__route_unpack(compact->reading.fields.route);

    if (route.version + 1 >= PIRN__VERSION_END ||
        pirn__slot_turn(&log->index.catalogue, &compact->grip, PIRN__UPDATING) <
            0) {
        release(log);
        go_on(log);
        return;
    }
    *record = (struct pirn__record){.part = compact->reading.part,
                                    .body = body,
                                    .slot = compact->grip.slot};
    record->part.head.kind = PIRN__RECORD_PUT;
    record->part.head.version = route.version + 1;
    record->part.head.attempts = route.attempts;
    record->part.head.flags = route.flags;
    pirn__prep_record(record, log);
    pirn_start(log->context, &record->op, committed);
    if (pirn__planted("log-copy-buried-early")) {
        bury_before(log);
    }
}

/* What cannot be read stays where it is, for whoever claims it to meet. */
static void leave(struct pirn__log *log)
{
    release(log);
    go_on(log);
}

static void have_body(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, compact.reading.op);

    if (result != (int32_t)log->compact.body_len) {
        leave(log);
        return;
    }
    write_again(log, log->compact.body);
}

static void have_part(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, compact.reading.op);
    struct pirn__compact *compact = &log->compact;
    const struct pirn__head *head = &compact->reading.part.head;

    if (result < 0 || compact->reading.body_is_bad) {
        leave(log);
        return;
    }
    if (compact->reading.body != NULL || head->body_bytes == 0 ||
        (head->flags & PIRN__RECORD_BODY_FILE) != 0) {
        write_again(log, compact->reading.body);
        return;
    }
    compact->body_len = (uint32_t)head->body_bytes;
    compact->body = malloc(compact->body_len);
    if (compact->body == NULL || head->body_bytes > PIRN__BATCH_BODY_MAX) {
        leave(log);
        return;
    }
    pirn__prep_reading_body(&compact->reading, compact->body, compact->body_len,
                            0);
    pirn_start(log->context, &compact->reading.op, have_body);
}

/* ---- one after the other ---- */

static bool stands_there(const struct pirn__compact *compact,
                         const struct pirn__slot *slot)
{
    uint32_t low = compact->generation & PIRN__GENERATION_BITS;
    struct pirn__place part = pirn__place_unpack(slot->part);
    struct pirn__place body = pirn__place_unpack(slot->body);

    return (part.segment == compact->segment && part.generation == low) ||
           (body.segment == compact->segment && body.generation == low);
}

/* Ours now, and still in that segment. */
static bool take(struct pirn__log *log, uint32_t index)
{
    struct pirn__compact *compact = &log->compact;
    struct pirn__slot fields;

    if (pirn__slot_read(&log->index.catalogue, index, &fields) < 0 ||
        !stands_there(compact, &fields)) {
        return false;
    }
    struct pirn__word word = pirn__word_unpack(fields.word);
    if (pirn__slot_claim(&log->index.catalogue, &log->actor, index,
                         word.incarnation, &compact->grip) != 1) {
        return false;
    }
    fields = *slot_of(log);
    fields.word = compact->grip.word;
    if (!stands_there(compact, &fields)) {
        release(log);
        return false;
    }
    pirn__prep_reading(&compact->reading, log, index, &fields);
    pirn_start(log->context, &compact->reading.op, have_part);
    return true;
}

static void next_turn(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log = log_of(op);
    struct pirn__compact *compact = &log->compact;
    uint32_t used = pirn__catalogue_used(&log->index.catalogue);

    (void)result;
    for (uint32_t n = 0;
         n < SLOTS_A_TURN && compact->slot < used && !compact->is_stopping;
         n++) {
        if (take(log, compact->slot++)) {
            return;
        }
    }
    if (compact->slot < used && !compact->is_stopping) {
        go_on(log);
        return;
    }
    finish(log, 0);
}

static void go_on(struct pirn__log *log)
{
    pirn_prep_immediate(&log->compact.step);
    pirn_start(log->context, &log->compact.step, next_turn);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__log *log = pirn_container_of(op, struct pirn__log, compact.op);

    pirn_assert(context == log->context);
    go_on(log);
}

/* Each try costs a disk that refuses it a segment, and a round more. */
static void note_result(struct pirn__compact *compact, int32_t result)
{
    uint32_t next = compact->rested == 0 ? 1 : 2 * compact->rested;

    if (result == 0) {
        compact->rested = 0;
        return;
    }
    compact->rested = next < PIRN__COMPACT_RESTS ? next : PIRN__COMPACT_RESTS;
    compact->rests = compact->rested;
}

/* What was moved leaves dead records: a round makes their segment free. */
static void ended(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log = pirn_container_of(op, struct pirn__log, compact.op);

    note_result(&log->compact, result); /* what failed is as it was */
    log->compact.is_running = false;
    pirn__waiters_finish(log->context, &log->compact.waiters, 0);
}

void pirn__compact_start(struct pirn__log *log)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};
    struct pirn__compact *compact = &log->compact;

    if (compact->is_running || compact->is_stopping) {
        return;
    }
    if (compact->rests > 0) {
        compact->rests--;
        return;
    }
    if (!choose(log)) {
        return;
    }
    compact->is_running = true;
    compact->slot = 0;
    pirn_prep_task(&compact->op, &verbs);
    pirn_start(log->context, &compact->op, ended);
}

static void stop_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__compact_stop *stop =
        pirn_container_of(op, struct pirn__compact_stop, waiter.op);
    struct pirn__compact *compact = &stop->log->compact;

    compact->is_stopping = true;
    if (!compact->is_running) {
        pirn_task_finish(context, op, 0);
        return;
    }
    pirn__waiters_push(&compact->waiters, &stop->waiter);
}

void pirn__prep_compact_stop(struct pirn__compact_stop *stop,
                             struct pirn__log *log)
{
    static const struct pirn_task_verbs verbs = {.begin = stop_begin};

    stop->log = log;
    pirn_prep_task(&stop->waiter.op, &verbs);
}
