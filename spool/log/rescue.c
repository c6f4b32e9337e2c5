/* SPDX-License-Identifier: MIT */
/*
 * rescue.c - see spool/log/rescue.h
 *
 *   hand -> segments -> each of his items -> what he was reading, his bell
 *
 *   FILLING    below its segment's mark: published; else it never was: limbo
 *   CLAIMED    given back, with one more attempt
 *   UPDATING   the record that was pending, if it is below the mark, else the
 *              one before, says all fields; given back
 *   REMOVING   tombstones again, limbo
 *
 * An item is inherited first, so whoever dies here is rescued like anybody.
 * Where his moves could not be settled (../move_recover.c) his items wait for
 * who can do that: one of them may be half of a move.
 */
#include "spool/log/rescue.h"

#include <errno.h>

#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/event.h"
#include "spool/log/atom.h"
#include "spool/log/bell.h"
#include "spool/log/slot.h"

static void next(struct pirn__rescue *rescue);

static struct pirn__slot *slot_of(const struct pirn__rescue *rescue)
{
    return &rescue->log->index.catalogue.slots[rescue->grip.slot];
}

static void note(struct pirn__rescue *rescue, int32_t result)
{
    if (result < 0 && rescue->result == 0) {
        rescue->result = result;
    }
}

bool pirn__log_is_committed(const struct pirn__log *log, uint64_t packed)
{
    struct pirn__place place = pirn__place_unpack(packed);

    if (packed == 0 || place.segment >= log->text.size.segments) {
        return false;
    }
    const struct pirn__index_segment *at = &log->index.segments[place.segment];
    struct pirn__segment_word word =
        pirn__segment_unpack(pirn__atom_load(&at->word));
    struct pirn__mark mark = pirn__mark_unpack(pirn__atom_load(&at->mark));

    return (word.generation & PIRN__GENERATION_BITS) == place.generation &&
           place.record < mark.records;
}

static int release_grip(struct pirn__log *log, struct pirn__grip *grip,
                        bool front)
{
    const struct pirn__catalogue *catalogue = &log->index.catalogue;
    bool ready = false;
    uint32_t queue =
        pirn__route_unpack(catalogue->slots[grip->slot].route).queue;
    int r = pirn__slot_release(catalogue, &log->actor, grip,
                               pirn_context_realtime_ns(log->context), front,
                               &ready);

    if (ready) {
        pirn__log_wake(log, queue);
    }
    return r;
}

static void release(struct pirn__rescue *rescue, bool front)
{
    note(rescue, release_grip(rescue->log, &rescue->grip, front));
}

static void bury(struct pirn__log *log, uint64_t packed)
{
    struct pirn__place place = pirn__place_unpack(packed);

    if (packed != 0 && place.segment < log->text.size.segments) {
        struct pirn__segment_word word = pirn__segment_unpack(
            pirn__atom_load(&log->index.segments[place.segment].word));
        pirn__log_bury(log, place, word.generation);
    }
}

void pirn__log_bury_slot(struct pirn__log *log, const struct pirn__slot *slot)
{
    bury(log, pirn__atom_load(&slot->body));
    bury(log, pirn__atom_load(&slot->part));
}

static void end_removal(struct pirn__rescue *rescue)
{
    struct pirn__log *log = rescue->log;
    struct pirn__slot *slot = slot_of(rescue);
    struct pirn__word word = pirn__word_unpack(rescue->grip.word);
    struct pirn__log_id parts =
        pirn__log_id_of(rescue->grip.slot, word, slot->born);
    bool has_file =
        (pirn__route_unpack(slot->route).flags & PIRN__RECORD_BODY_FILE) != 0;
    struct pirn_id id;

    pirn__log_id_pack(&parts, &id);
    pirn__log_bury_slot(log, slot);
    pirn__limbo_put(log, &rescue->grip, has_file ? &id : NULL);
}

static void end_filling(struct pirn__rescue *rescue)
{
    struct pirn__slot *slot = slot_of(rescue);

    if (pirn__log_is_committed(rescue->log, slot->part)) {
        release(rescue, false);
        return;
    }
    int r = pirn__slot_turn(&rescue->log->index.catalogue, &rescue->grip,
                            PIRN__REMOVING);
    note(rescue, r);
    if (r == 0) { /* its record, if it was written, is behind a cut */
        slot->part = 0;
        slot->body = 0;
        end_removal(rescue);
    }
}

int pirn__log_return(struct pirn__log *log, struct pirn__grip *grip)
{
    struct pirn__slot *slot = &log->index.catalogue.slots[grip->slot];
    int r = pirn__slot_turn(&log->index.catalogue, grip, PIRN__UPDATING);

    if (r < 0) {
        return r;
    }
    struct pirn__route route = pirn__route_unpack(slot->route);
    route.attempts = pirn__log_attempts(route.attempts + 1u);
    pirn__atom_store(&slot->route, pirn__route_pack(route));
    return release_grip(log, grip, true);
}

static void give_back(struct pirn__rescue *rescue)
{
    int r = pirn__log_return(rescue->log, &rescue->grip);

    rescue->returned += r == 0;
    note(rescue, r);
}

/* ---- one that was being changed ---- */

static void read_record(struct pirn__rescue *rescue, uint64_t place);

/* A record that is superseded, unless it holds the body still. */
static void bury_unless(struct pirn__rescue *rescue, uint64_t packed,
                        struct pirn__place body)
{
    struct pirn__place place = pirn__place_unpack(packed);

    if (place.segment != body.segment || place.record != body.record ||
        place.generation != body.generation) {
        bury(rescue->log, packed);
    }
}

/* What was begun is spent, and so is one more that may have been. */
static uint32_t next_version(const struct pirn__rescue *rescue)
{
    uint32_t version = rescue->reading.part.head.version;
    uint32_t before = pirn__route_unpack(rescue->fields.route).version;

    if (!rescue->pending) {
        version = (before > version ? before : version) + 1;
    }
    return version < PIRN__VERSION_END ? version : PIRN__VERSION_END - 1;
}

/* All fields as the record has them; one version is spent, as it may be. */
static void take_fields(struct pirn__rescue *rescue)
{
    struct pirn__head head = rescue->reading.part.head;
    struct pirn__route before = pirn__route_unpack(rescue->fields.route);

    if (rescue->pending) {
        bury_unless(rescue, rescue->fields.body, head.body);
    }
    if (rescue->pending && rescue->fields.part != rescue->reading.fields.part) {
        bury_unless(rescue, rescue->fields.part, head.body);
    }
    head.version = next_version(rescue);
    if (before.attempts > head.attempts) {
        head.attempts = before.attempts;
    }
    pirn__slot_take_record(slot_of(rescue), &head, rescue->reading.fields.part);
}

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn__rescue *rescue =
        pirn_container_of(op, struct pirn__rescue, reading.op);

    if ((result == -EBADMSG || result == -ESTALE) && rescue->pending) {
        rescue->pending = false; /* it is damaged: the one before holds */
        pirn__reading_deinit(&rescue->reading);
        read_record(rescue, rescue->fields.part);
        return;
    }
    if (result == 0) {
        take_fields(rescue);
        release(rescue, true);
        rescue->returned++;
    }
    note(rescue, result);
    pirn__reading_deinit(&rescue->reading);
    next(rescue);
}

static void read_record(struct pirn__rescue *rescue, uint64_t place)
{
    struct pirn__slot fields = rescue->fields;

    fields.part = place;
    fields.body = place; /* which is not read */
    /* As long as any part; its own head says how long it is. */
    fields.sizes = pirn__sizes_pack((struct pirn__sizes){
        .part_bytes = pirn__part_bytes(PIRN_FIELDS_MAX),
        .body_bytes = UINT64_MAX,
    });
    pirn__prep_reading(&rescue->reading, rescue->log, rescue->grip.slot,
                       &fields);
    pirn_start(rescue->log->context, &rescue->reading.op, have_read);
}

static void end_change(struct pirn__rescue *rescue)
{
    rescue->fields = *slot_of(rescue);
    rescue->pending = (pirn__route_unpack(rescue->fields.route).flags &
                       PIRN__ROUTE_PENDING) != 0 &&
                      pirn__log_is_committed(rescue->log, rescue->fields.due);
    read_record(rescue,
                rescue->pending ? rescue->fields.due : rescue->fields.part);
}

/* ---- one after the other ---- */

static void forget(struct pirn__rescue *rescue)
{
    struct pirn__index_owner *owner = &rescue->log->index.owners[rescue->dead];

    for (uint32_t i = 0; i < PIRN__INDEX_READS; i++) {
        pirn__atom_store(&owner->reads[i], 0);
    }
    pirn__bell_forget(rescue->log, rescue->dead);
    pirn__event_forget(rescue->log, rescue->dead);
}

/* False: it goes on elsewhere. */
static bool end_one(struct pirn__rescue *rescue)
{
    switch (pirn__word_unpack(rescue->grip.word).state) {
    case PIRN__FILLING:
        end_filling(rescue);
        break;
    case PIRN__CLAIMED:
        give_back(rescue);
        break;
    case PIRN__UPDATING:
        end_change(rescue);
        return false;
    case PIRN__REMOVING:
        end_removal(rescue);
        break;
    case PIRN__FREE:
    case PIRN__READY:
    case PIRN__DELAYED:
    case PIRN__HELD:
    case PIRN__STATE_COUNT:
        break; /* nobody's */
    }
    return true;
}

static void next(struct pirn__rescue *rescue)
{
    struct pirn__log *log = rescue->log;

    while (pirn__slot_inherit(&log->index.catalogue, &log->actor,
                              &rescue->heritage, &rescue->grip)) {
        if (!end_one(rescue)) {
            return;
        }
    }
    forget(rescue);
    pirn__event_owner(log->spool, PIRN_EVENT_DEAD, rescue->dead,
                      rescue->returned);
    pirn_task_finish(log->context, &rescue->op, rescue->result);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__rescue *rescue =
        pirn_container_of(op, struct pirn__rescue, op);
    struct pirn__log *log = rescue->log;
    const struct pirn__lanes *lanes = &log->index.catalogue.lanes;
    struct pirn__index_owner *dead = &log->index.owners[rescue->dead];
    bool is_own = rescue->dead == log->actor.owner;
    int r = 0;

    if (!is_own) {
        r = pirn__hand_recover(lanes, &dead->spare, log->actor.hand);
    }
    if (r == 0) {
        r = pirn__hand_recover(lanes, &dead->hand,
                               is_own ? &dead->spare : log->actor.hand);
    }
    if (r < 0) {
        pirn_task_finish(context, op, r);
        return;
    }
    pirn__segments_inherit(log, rescue->dead);
    if (!rescue->with_items) {
        forget(rescue);
        pirn_task_finish(context, op, 0);
        return;
    }
    next(rescue);
}

void pirn__prep_rescue(struct pirn__rescue *rescue, struct pirn__log *log,
                       uint16_t dead, bool with_items)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    rescue->log = log;
    rescue->dead = dead;
    rescue->with_items = with_items;
    rescue->heritage = (struct pirn__heritage){
        .dead = dead,
        .trail = log->index.owners[dead].trail,
    };
    rescue->result = 0;
    rescue->returned = 0;
    rescue->reading = (struct pirn__reading){0};
    pirn_prep_task(&rescue->op, &verbs);
}
