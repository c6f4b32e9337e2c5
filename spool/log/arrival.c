/* SPDX-License-Identifier: MIT */
/*
 * arrival.c - see spool/log/arrival.h
 *
 *   arrive   slot, alias, [link of the body's file, its directory], record: the
 *            slot is FILLING as long as the item is where it was
 *   show     the slot is released, as behind any commit
 *
 *   leave    UPDATING: it is in no fencer's reach, and recovery gives it back;
 *            [a short body into memory]
 *   depart   REMOVING, tombstones, a round; the alias, if it had one
 *   stay     CLAIMED
 *
 * The record is the instant: who recovers us looks whether it was committed.
 * One that failed is dead, durably, before the item goes back to its claim.
 */
#include "spool/log/arrival.h"

#include <errno.h>
#include <string.h>

#include <pirn/invariant.h>
#include <pirn/path.h>

#include "spool/log/atom.h"
#include "spool/log/claim.h"
#include "spool/log/doors.h"
#include "spool/log/slot.h"
#include "spool/move.h"

static struct pirn__move *move_of(struct pirn__arrival *arrival)
{
    return pirn_container_of(arrival, struct pirn__move, log);
}

static struct pirn__move *move_of_step(struct pirn_op *op)
{
    return move_of(pirn_container_of(op, struct pirn__arrival, step));
}

static struct pirn__slot *slot_of(const struct pirn__move *move)
{
    return &move->spool->log->index.catalogue.slots[move->log.grip.slot];
}

/* ---- arrive ---- */

static void get_slot(struct pirn__move *move);

static void dropped(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move = move_of_step(op);

    (void)result; /* an alias that leads nowhere means nothing */
    pirn__move_go_on(move, move->log.result);
}

static void drop_alias(struct pirn__move *move)
{
    struct pirn__arrival *arrival = &move->log;
    struct pirn__log *log = move->spool->log;

    if (!arrival->has_alias) {
        pirn__move_go_on(move, arrival->result);
        return;
    }
    pirn__prep_alias_remove(&arrival->step, log, &arrival->path,
                            &move->item.id);
    pirn_start(log->context, &arrival->step, dropped);
}

static void cut(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move =
        move_of(pirn_container_of(op, struct pirn__arrival, round.waiter.op));

    if (result < 0) {
        move->is_stuck = true;
        pirn__move_go_on(move, move->log.result);
        return;
    }
    drop_alias(move);
}

/* Nothing of it stays but a slot that waits to be free. A record that failed
 * may be whole: it is dead by its segment's cut alone, as soon as a round has
 * made that durable. Until then the alias leads to the slot, for who recovers
 * us. */
static void drop(struct pirn__move *move, int32_t result)
{
    struct pirn__log *log = move->spool->log;
    struct pirn__arrival *arrival = &move->log;

    pirn_assert(result < 0);
    arrival->result = result;
    if (arrival->has_slot) {
        int r = pirn__slot_turn(&log->index.catalogue, &arrival->grip,
                                PIRN__REMOVING);
        pirn_assert(r == 0); /* nobody takes from the living what they fill */
        pirn__limbo_put(log, &arrival->grip,
                        arrival->has_file ? &arrival->id : NULL);
    }
    if (!arrival->has_record) {
        drop_alias(move);
        return;
    }
    pirn__prep_round(&arrival->round, log);
    pirn_start(log->context, &arrival->round.waiter.op, cut);
}

static void committed(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move =
        move_of(pirn_container_of(op, struct pirn__arrival, record.op));

    if (result < 0) {
        drop(move, result);
        return;
    }
    pirn__move_go_on(move, 0);
}

static void commit_record(struct pirn__move *move)
{
    const struct pirn_item *item = &move->item;
    struct pirn__route route = pirn__route_unpack(slot_of(move)->route);
    struct pirn__record *record = &move->log.record;

    *record = (struct pirn__record){
        .part =
            {
                .head =
                    {
                        .id = move->log.id,
                        .version = route.version,
                        .kind = PIRN__RECORD_PUT,
                        .flags = route.flags,
                        .priority = route.priority,
                        .queue = route.queue,
                        .attempts = route.attempts,
                        .due_ns = item->due_ns,
                        .body_bytes = item->size_bytes,
                    },
                .digest = item->digest,
                .created_ns = item->created_ns,
                .fields = item->fields.bytes,
                .fields_bytes = item->fields.len,
            },
        .body = move->body,
        .slot = move->log.grip.slot,
    };
    move->log.has_record = true;
    pirn__prep_record(record, move->spool->log);
    pirn_start(move->spool->context, &record->op, committed);
}

static void synced_dir(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move =
        move_of(pirn_container_of(op, struct pirn__arrival, sync.waiter.op));

    if (result < 0) {
        drop(move, result);
        return;
    }
    commit_record(move);
}

static void linked(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move = move_of_step(op);
    struct pirn__log *log = move->spool->log;

    if (result < 0) {
        drop(move, result == -ENOENT ? -EBADMSG : result);
        return;
    }
    pirn__prep_sync(&move->log.sync,
                    &log->bodies[pirn__id_shard(&move->log.id)]);
    pirn_start(log->context, &move->log.sync.waiter.op, synced_dir);
}

static void have_alias(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move =
        pirn_container_of(op, struct pirn__move, alias.op);
    int root = move->spool->root_fd;

    move->log.has_alias = true; /* or some of it */
    if (result < 0) {
        drop(move, result);
        return;
    }
    if (!move->has_source) {
        commit_record(move);
        return;
    }
    move->log.has_file = true; /* or may have */
    pirn__name_log_body(&move->log.path, &move->log.id);
    pirn_prep_link(&move->log.step, root, move->source.text, root,
                   move->log.path.text, 0);
    pirn_start(move->spool->context, &move->log.step, linked);
}

/* Before there is a link: who recovers us takes it away by what stands here. */
static void fill_slot(struct pirn__move *move, const struct pirn__log_id *parts)
{
    const struct pirn_item *item = &move->item;
    struct pirn__slot *slot = slot_of(move);
    uint32_t flags = PIRN__RECORD_ALIAS |
                     (move->has_source ? PIRN__RECORD_BODY_FILE : 0) |
                     (item->state == PIRN_ITEM_HELD ? PIRN__RECORD_HELD : 0);

    slot->sizes = pirn__sizes_pack((struct pirn__sizes){
        .part_bytes = pirn__part_bytes(item->fields.len),
        .body_bytes = item->size_bytes,
    });
    slot->due = item->due_ns;
    pirn__atom_store(&slot->born, pirn__log_born(parts));
    pirn__atom_store(&slot->route,
                     pirn__route_pack((struct pirn__route){
                         .version = item->version,
                         .queue = move->queue->number,
                         .attempts = pirn__log_attempts(item->attempts),
                         .priority = pirn__log_priority(item->priority),
                         .flags = (uint8_t)flags,
                     }));
}

static void have_slot(struct pirn__move *move)
{
    struct pirn__log *log = move->spool->log;
    struct pirn__arrival *arrival = &move->log;
    struct pirn__log_id parts = {
        .ms = pirn_context_realtime_ns(log->context) / 1000000,
        .epoch = (uint16_t)(log->index.head->epoch & 0xfff),
        .incarnation = pirn__word_unpack(arrival->grip.word).incarnation,
        .slot = arrival->grip.slot,
    };

    arrival->has_slot = true;
    pirn__log_id_pack(&parts, &arrival->id);
    fill_slot(move, &parts);
    pirn__prep_alias_make(&move->alias, log, &move->item.id, &arrival->id);
    pirn_start(log->context, &move->alias.op, have_alias);
}

static void backed(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move =
        move_of(pirn_container_of(op, struct pirn__arrival, back.waiter.op));

    if (result < 0) {
        drop(move, result);
        return;
    }
    get_slot(move);
}

static void get_slot(struct pirn__move *move)
{
    struct pirn__log *log = move->spool->log;
    uint32_t backed_slots = pirn__log_slots_backed(log);
    int r = pirn__slot_fill(&log->index.catalogue, &log->actor, backed_slots,
                            &move->log.grip);

    if (r == -ENOSPC && backed_slots < log->text.size.slots) {
        pirn__prep_backing(&move->log.back, log, backed_slots);
        pirn_start(log->context, &move->log.back.waiter.op, backed);
        return;
    }
    if (r < 0) {
        drop(move, r);
        return;
    }
    have_slot(move);
}

void pirn__log_arrive(struct pirn__move *move)
{
    pirn_assert(move->spool->log != NULL);
    if (move->item.version >= PIRN__VERSION_END) {
        pirn__move_go_on(move, -EOVERFLOW);
        return;
    }
    get_slot(move);
}

void pirn__log_show(struct pirn__move *move)
{
    struct pirn__log *log = move->spool->log;
    bool is_held = move->item.state == PIRN_ITEM_HELD;
    bool ready = false;
    int r = pirn__slot_release(
        &log->index.catalogue, &log->actor, &move->log.grip,
        pirn_context_realtime_ns(log->context), false, &ready);

    if (r == 0) {
        pirn__log_let_go(log, move->queue->number, ready,
                         is_held ? UINT64_MAX : move->item.due_ns);
    }
    pirn__move_go_on(move, r);
}

void pirn__log_abandon(struct pirn__move *move)
{
    pirn__move_go_on(move, 0); /* the slot is FILLING still */
}

/* ---- leave ---- */

static struct pirn_claim_work *work_of(const struct pirn__move *move)
{
    return move->claim->priv.work;
}

bool pirn__log_is_held(const struct pirn_claim *claim)
{
    const struct pirn_claim_work *work = claim->priv.work;
    const struct pirn__slot *slot =
        &work->log->index.catalogue.slots[work->grip.slot];

    return (pirn__route_unpack(pirn__atom_load(&slot->route)).flags &
            PIRN__RECORD_HELD) != 0;
}

static void have_body(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, reading.op);
    struct pirn__move *move = work->claim->priv.move;

    move->body_done = result > 0 ? (uint32_t)result : 0;
    pirn__move_go_on(move, result < 0 ? result : pirn__move_check_body(move));
}

static void take_body(struct pirn__move *move)
{
    struct pirn_claim_work *work = work_of(move);
    uint32_t len = (uint32_t)move->item.size_bytes;

    if (!pirn__move_make_body(move)) {
        pirn__move_go_on(move, -ENOMEM);
        return;
    }
    if (len == 0) {
        pirn__move_go_on(move, 0);
        return;
    }
    if (work->reading.body != NULL) {
        int32_t r = pirn__reading_copy(&work->reading, move->body, len, 0);
        move->body_done = r > 0 ? (uint32_t)r : 0;
        pirn__move_go_on(move, r < 0 ? r : pirn__move_check_body(move));
        return;
    }
    pirn__prep_reading_body(&work->reading, move->body, len, 0);
    pirn_start(work->log->context, &work->reading.op, have_body);
}

void pirn__log_leave(struct pirn__move *move)
{
    struct pirn_claim_work *work = work_of(move);

    if (pirn__slot_turn(&work->log->index.catalogue, &work->grip,
                        PIRN__UPDATING) < 0) {
        pirn__move_go_on(move, -ESTALE);
        return;
    }
    move->has_source = move->from->claim_body(move->claim, &move->source);
    if (move->has_source) {
        pirn__move_go_on(move, 0);
        return;
    }
    take_body(move);
}

void pirn__log_stay(struct pirn__move *move)
{
    pirn__log_claim_resume(work_of(move));
    pirn__move_go_on(move, 0);
}

static void unaliased(struct pirn_op *op, int32_t result)
{
    (void)result; /* what is left leads to nothing */
    pirn__move_go_on(move_of_step(op), 0);
}

static void round_done(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move =
        move_of(pirn_container_of(op, struct pirn__arrival, round.waiter.op));
    const struct pirn_claim_work *work = work_of(move);

    if (result < 0 || !pirn__log_has_alias(move->claim)) {
        pirn__move_go_on(move, result);
        return;
    }
    pirn__prep_alias_remove(&move->log.step, work->log, &move->log.path,
                            &move->item.id);
    pirn_start(work->log->context, &move->log.step, unaliased);
}

void pirn__log_depart(struct pirn__move *move)
{
    struct pirn_claim_work *work = work_of(move);

    int r = pirn__log_removal_begin(work);
    pirn_assert(r == 0); /* nobody takes from the living what they change */
    pirn__prep_round(&move->log.round, work->log);
    pirn_start(work->log->context, &move->log.round.waiter.op, round_done);
}

void pirn__log_end(struct pirn_claim *claim, int32_t result)
{
    pirn__log_claim_end(claim->priv.work, result);
}
