/* SPDX-License-Identifier: MIT */
/*
 * claim_end.c - what an owner does with an item that it has: I6 to I3, I7 or I8
 *
 *   remove      REMOVING, tombstones, limbo; the claim ends there, or with the
 *               round that makes them durable
 *   update      UPDATING, record, tombstone of the one before, fields, CLAIMED
 *   give back   UPDATING, [the same,] fields, READY, DELAYED or HELD
 *
 * The body's record is buried first, the newest one then: the other way round
 * an owner stopped between them could leave the older version as the newest.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>
#include <pirn/task.h>

#include "runtime/plant.h"
#include "spool/event.h"
#include "spool/fields.h"
#include "spool/log/atom.h"
#include "spool/log/claim.h"
#include "spool/log/doors.h"
#include "spool/log/slot.h"

static struct pirn__slot *slot_of(const struct pirn_claim_work *work)
{
    return &work->log->index.catalogue.slots[work->grip.slot];
}

/* One record: it was never changed, or got a new body last. */
static bool body_is_in_newest(const struct pirn__reading *reading)
{
    struct pirn__place part = pirn__place_unpack(reading->fields.part);
    struct pirn__place body = pirn__place_unpack(reading->fields.body);

    return part.segment == body.segment && part.record == body.record;
}

/* ---- remove ---- */

static void round_done(struct pirn_op *op, int32_t result)
{
    pirn__log_claim_end(
        pirn_container_of(op, struct pirn_claim_work, round.waiter.op), result);
}

int pirn__log_removal_begin(struct pirn_claim_work *work)
{
    struct pirn__log *log = work->log;
    const struct pirn__reading *reading = &work->reading;
    bool has_file = (reading->part.head.flags & PIRN__RECORD_BODY_FILE) != 0;

    if (pirn__slot_turn(&log->index.catalogue, &work->grip, PIRN__REMOVING) <
        0) {
        return -ESTALE;
    }
    if (!body_is_in_newest(reading)) {
        pirn__log_bury(log, pirn__place_unpack(reading->fields.body),
                       reading->body_generation);
    }
    pirn__log_bury(log, pirn__place_unpack(reading->fields.part),
                   reading->part_generation);
    pirn__limbo_put(log, &work->grip, has_file ? &reading->part.head.id : NULL);
    return 0;
}

void pirn__log_remove(struct pirn_claim *claim)
{
    struct pirn_claim_work *work = claim->priv.work;
    int r = pirn__log_removal_begin(work);

    if (r < 0 || !claim->priv.durable) {
        pirn__log_claim_end(work, r);
        return;
    }
    pirn__prep_round(&work->round, work->log);
    pirn_start(work->log->context, &work->round.waiter.op, round_done);
}

bool pirn__log_has_alias(const struct pirn_claim *claim)
{
    const struct pirn__reading *reading = &claim->priv.work->reading;

    return (reading->part.head.flags & PIRN__RECORD_ALIAS) != 0;
}

/* ---- changes ---- */

static int release(struct pirn_claim_work *work)
{
    struct pirn__log *log = work->log;
    bool ready = false;
    struct pirn__route route = pirn__route_unpack(slot_of(work)->route);
    bool is_held = (route.flags & PIRN__RECORD_HELD) != 0;
    uint64_t due_ns = is_held ? UINT64_MAX : slot_of(work)->due;
    int r = pirn__slot_release(&log->index.catalogue, &log->actor, &work->grip,
                               pirn_context_realtime_ns(log->context), true,
                               &ready);

    if (r == 0) {
        pirn__log_let_go(log, route.queue, ready, due_ns);
    }
    return r;
}

/* The claim's item is what was written, and nothing can fail any more. */
static void renew(struct pirn_claim_work *work)
{
    struct pirn__slot fields = *slot_of(work);

    fields.word = work->grip.word;
    pirn__reading_renew(&work->reading, &fields, &work->record.part,
                        work->record.part_generation, work->renewed);
    work->renewed = NULL;
    pirn__reading_item(&work->reading, &work->claim->item);
}

/* The version that failed is spent: the next one is above it. */
static void spend_version(struct pirn_claim_work *work)
{
    struct pirn__slot *slot = slot_of(work);
    struct pirn__slot *before = &work->reading.fields;

    pirn__slot_spend_version(slot, before,
                             pirn__planted("log-version-reused")
                                 ? pirn__route_unpack(before->route).version
                                 : work->record.part.head.version);
    before->route = slot->route;
}

static void store_fields(struct pirn_claim_work *work)
{
    const struct pirn__record *record = &work->record;
    struct pirn__place before = pirn__place_unpack(work->reading.fields.part);

    if (!body_is_in_newest(&work->reading)) {
        pirn__log_bury(work->log, before, work->reading.part_generation);
    }
    pirn__slot_take_record(slot_of(work), &record->part.head,
                           pirn__place_pack(record->part_place));
    pirn__keeper_touch(work->log);
}

/* Somebody else's from here on; the claim keeps a grip of nothing. */
static void let_go(struct pirn_claim_work *work)
{
    struct pirn__word word = pirn__word_unpack(work->grip.word);
    struct pirn__route route = pirn__route_unpack(slot_of(work)->route);

    pirn_assert(word.state == PIRN__UPDATING);
    route.attempts = pirn__log_attempts(route.attempts + 1u);
    pirn__atom_store(&slot_of(work)->route, pirn__route_pack(route));
    int r = release(work);
    pirn_assert(r == 0 || r == -ENOSPC); /* then it stays ours until we close */
    word.state = PIRN__CLAIMED;
    work->grip.word = pirn__word_pack(word);
}

void pirn__log_claim_resume(struct pirn_claim_work *work)
{
    struct pirn__catalogue *catalogue = &work->log->index.catalogue;

    if (pirn__slot_turn(catalogue, &work->grip, PIRN__CLAIMED) < 0) {
        let_go(work);
    }
}

/* The claim goes on, with the item as it was, or as it was written. */
static void go_on(struct pirn_claim_work *work, bool written, int32_t result)
{
    struct pirn__catalogue *catalogue = &work->log->index.catalogue;
    int r = pirn__slot_turn(catalogue, &work->grip, PIRN__CLAIMED);

    pirn__event_claim(work->claim, result);
    if (written) {
        renew(work);
    }
    if (r < 0) {
        let_go(work); /* fenced out meanwhile: the next verb hears of it */
    }
    free(work->renewed);
    work->renewed = NULL;
    pirn_task_finish(work->log->context, &work->claim->op, result);
}

/* What could not be given back was not tried: who has it still may try again,
 * and that counts, or his death does. */
static void uncount_attempt(struct pirn_claim_work *work)
{
    uint64_t *at = &slot_of(work)->route;
    struct pirn__route route = pirn__route_unpack(pirn__atom_load(at));

    route.attempts = pirn__route_unpack(work->reading.fields.route).attempts;
    pirn__atom_store(at, pirn__route_pack(route));
}

static void committed(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, record.op);

    if (result < 0) {
        spend_version(work);
        go_on(work, false, result);
        return;
    }
    store_fields(work);
    int r = work->goes_on ? 0 : release(work);
    if (r < 0 && r != -ESTALE) {
        uncount_attempt(work);
    }
    if (work->goes_on || (r < 0 && r != -ESTALE)) {
        go_on(work, true, r);
        return;
    }
    free(work->renewed);
    work->renewed = NULL;
    pirn__log_claim_end(work, r);
}

static int apply(struct pirn_claim_work *work, struct pirn__head *head,
                 const struct pirn_change *change)
{
    if (change->what & PIRN_CHANGE_QUEUE) {
        int number = pirn__index_queue_find(&work->log->index, change->queue);
        if (number < 0) {
            return number;
        }
        head->queue = (uint16_t)number;
    }
    if (change->what & PIRN_CHANGE_DUE) {
        head->due_ns = change->due_ns;
    }
    if (change->what & PIRN_CHANGE_PRIORITY) {
        head->priority = pirn__log_priority(change->priority);
    }
    if (change->what & PIRN_CHANGE_HELD) {
        head->flags = (uint8_t)((head->flags & ~PIRN__RECORD_HELD) |
                                (change->held ? PIRN__RECORD_HELD : 0));
    }
    return change->what & PIRN_CHANGE_FIELDS
               ? pirn__fields_check(change->fields)
               : 0;
}

/* Memory for what is written: a give back may fail behind the record, and then
 * go on; and @more behind it. */
static int take_memory(struct pirn_claim_work *work, uint32_t fields_bytes,
                       uint32_t more, char **ret_more)
{
    uint32_t bytes = pirn__part_bytes(fields_bytes);

    work->renewed = malloc(bytes + more);
    *ret_more = work->renewed == NULL ? NULL : (char *)work->renewed + bytes;
    return work->renewed == NULL ? -ENOMEM : 0;
}

/* Before the new ones stay an alias and a caller's name. They stand together
 * until the record is committed. */
static int take_new_fields(struct pirn_claim_work *work,
                           const struct pirn_fields *fields)
{
    struct pirn__part *part = &work->record.part;
    bool has_alias = (part->head.flags & PIRN__RECORD_ALIAS) != 0;
    uint32_t own = has_alias ? PIRN__ALIAS_FIELD_BYTES : 0;
    struct pirn_fields had = {.bytes = (char *)work->reading.memory +
                                       PIRN__PART_HEAD_BYTES,
                              .len = part->fields_bytes};
    struct pirn_fields kept = pirn__fields_kept(&had, fields);
    uint32_t len = fields == NULL ? 0 : fields->len;
    char *all;

    if (part->fields_bytes < own) {
        return -EBADMSG;
    }
    if (len > PIRN_FIELDS_MAX - own - kept.len) {
        return -E2BIG;
    }
    len += own + kept.len;
    int r = take_memory(work, len, len, &all);
    if (r < 0) {
        return r;
    }
    part->fields = all;
    part->fields_bytes = len;
    memcpy(all, had.bytes, own);
    if (kept.len > 0) {
        memcpy(all + own, kept.bytes, kept.len);
    }
    if (len > own + kept.len) {
        memcpy(all + own + kept.len, fields->bytes, fields->len);
    }
    return 0;
}

static int take_fields(struct pirn_claim_work *work,
                       const struct pirn_change *change)
{
    char *none;

    if (change->what & PIRN_CHANGE_FIELDS) {
        return take_new_fields(work, change->fields);
    }
    return take_memory(work, work->record.part.fields_bytes, 0, &none);
}

/* Version v + 1 of what we have, with what changes. */
static void change(struct pirn_claim_work *work,
                   const struct pirn_change *change, uint32_t more_attempts)
{
    struct pirn__log *log = work->log;
    struct pirn__record *record = &work->record;
    struct pirn__route route = pirn__route_unpack(slot_of(work)->route);

    *record = (struct pirn__record){.part = work->reading.part};
    struct pirn__head *head = &record->part.head;
    head->kind = PIRN__RECORD_META;
    head->version = route.version + 1;
    head->attempts = pirn__log_attempts(route.attempts + more_attempts);
    head->flags = route.flags;
    head->body = pirn__place_unpack(work->reading.fields.body);
    int r = head->version < PIRN__VERSION_END ? apply(work, head, change)
                                              : -EOVERFLOW;
    r = r == 0 ? take_fields(work, change) : r;
    if (r == 0) {
        r = pirn__slot_turn(&log->index.catalogue, &work->grip, PIRN__UPDATING);
    }
    if (r < 0) {
        free(work->renewed);
        work->renewed = NULL;
        if (r == -ESTALE) {
            pirn__log_claim_end(work, r);
            return;
        }
        pirn_task_finish(log->context, &work->claim->op, r);
        return;
    }
    record->slot = work->grip.slot;
    pirn__prep_record(record, log);
    pirn_start(log->context, &record->op, committed);
}

void pirn__log_update(struct pirn_claim *claim)
{
    struct pirn_claim_work *work = claim->priv.work;

    work->goes_on = true;
    change(work, claim->priv.change, 0);
}

/* Without a change nothing is written: the attempt is counted in memory. */
static void give_back_as_is(struct pirn_claim_work *work)
{
    struct pirn__catalogue *catalogue = &work->log->index.catalogue;
    struct pirn__slot *slot = slot_of(work);

    if (pirn__slot_turn(catalogue, &work->grip, PIRN__UPDATING) < 0) {
        pirn__log_claim_end(work, -ESTALE);
        return;
    }
    struct pirn__route route = pirn__route_unpack(slot->route);
    route.attempts = pirn__log_attempts(route.attempts + 1u);
    pirn__atom_store(&slot->route, pirn__route_pack(route));
    pirn__log_claim_end(work, release(work));
}

void pirn__log_give_back(struct pirn_claim *claim)
{
    struct pirn_claim_work *work = claim->priv.work;

    work->goes_on = false;
    if (claim->priv.change == NULL) {
        give_back_as_is(work);
        return;
    }
    bool tried = (claim->priv.change->what & PIRN_CHANGE_UNTRIED) == 0;
    change(work, claim->priv.change, tried ? 1 : 0);
}
