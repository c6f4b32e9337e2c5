/* SPDX-License-Identifier: MIT */
/*
 * rebuild_restore.c - what lives gets its slot, and the rest is buried
 *
 * Of two items that name one slot the later one lives. What leads to nothing
 * that lives is dead from now on, and not before: while the words are judged by
 * they are the disk's.
 *
 * Some may have their slots already (rebuild_tell.c). What is not as it was
 * told gives its slot back first: so whatever was told before, this is the end.
 */
#include "spool/log/rebuild_parts.h"

#include <errno.h>
#include <stdlib.h>

#include "runtime/plant.h"
#include "spool/log/backing.h"
#include "spool/log/slot.h"

static void keep(struct pirn__rebuild *rebuild, struct pirn__place at)
{
    if (at.segment < rebuild->log->text.size.segments &&
        rebuild->kept[at.segment] != NULL) {
        rebuild->kept[at.segment][at.record / 64] |= UINT64_C(1)
                                                     << at.record % 64;
    }
}

/* What was handed out before all was known, and is as it was told. */
static bool is_told(const struct pirn__slot *slot,
                    const struct pirn__log_id *id, uint64_t part)
{
    return slot->word != 0 &&
           pirn__word_unpack(slot->word).incarnation == id->incarnation &&
           slot->born == pirn__log_born(id) && slot->part == part;
}

static int restore_one(struct pirn__rebuild *rebuild, uint32_t i)
{
    struct pirn__log *log = rebuild->log;
    struct pirn__head head;
    struct pirn__place part;
    struct pirn__log_id id;

    pirn__replay_get(&rebuild->replay, i, &head, &part);
    pirn__log_id_unpack(&head.id, &id);
    bool is_known = id.slot < log->text.size.slots;
    if (is_known && rebuild->newest[id.slot] != i + 1) {
        return 0;
    }
    keep(rebuild, part);
    keep(rebuild, head.body);
    if (!is_known || head.queue >= PIRN__INDEX_QUEUES) {
        return 0; /* of another catalogue: it stays where it is */
    }
    if (is_told(&log->index.catalogue.slots[id.slot], &id,
                pirn__place_pack(part))) {
        return 0;
    }
    struct pirn__slot slot =
        pirn__slot_of_record(&head, pirn__place_pack(part));
    slot.word = id.incarnation;
    slot.born = pirn__log_born(&id);
    return pirn__slot_restore(&log->index.catalogue, &rebuild->actor, id.slot,
                              &slot, rebuild->now_ns);
}

/* A slot is given to another item when the one before is durably dead. So of
 * two that name it, which lost tombstones can leave, the later one lives. */
static int find_newest(struct pirn__rebuild *rebuild)
{
    uint32_t slots = rebuild->log->text.size.slots;

    rebuild->newest = calloc(slots, sizeof(*rebuild->newest));
    if (rebuild->newest == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < rebuild->count; i++) {
        struct pirn__log_id id;
        pirn__log_id_unpack(pirn__replay_id(&rebuild->replay, i), &id);
        if (id.slot < slots) {
            rebuild->newest[id.slot] = i + 1; /* in the order of commits */
            rebuild->slot_count = id.slot < rebuild->slot_count
                                      ? rebuild->slot_count
                                      : id.slot + 1;
        }
    }
    return 0;
}

/* Handed out before all was known, and not so, now that it is: who has it is
 * fenced out, because the word is another. */
static void take_back(struct pirn__rebuild *rebuild, uint32_t at)
{
    struct pirn__slot *slot = &rebuild->log->index.catalogue.slots[at];
    struct pirn__head head;
    struct pirn__place part;
    struct pirn__log_id id;

    if (slot->word == 0) {
        return;
    }
    if (at < rebuild->slot_count && rebuild->newest[at] != 0) {
        pirn__replay_get(&rebuild->replay, rebuild->newest[at] - 1, &head,
                         &part);
        pirn__log_id_unpack(&head.id, &id);
        if (is_told(slot, &id, pirn__place_pack(part))) {
            return;
        }
    }
    *slot = (struct pirn__slot){0};
}

int pirn__rebuild_restore_some(struct pirn__rebuild *rebuild, uint32_t count)
{
    uint32_t left = rebuild->count - rebuild->restored;
    uint32_t end = rebuild->restored + (left < count ? left : count);
    int r = 0;

    if (rebuild->restored == 0) {
        uint32_t used = pirn__catalogue_used(&rebuild->log->index.catalogue);
        rebuild->now_ns = pirn_context_realtime_ns(rebuild->log->context);
        for (uint32_t slot = 0; slot < used; slot++) {
            take_back(rebuild, slot);
        }
    }
    while (r == 0 && rebuild->restored < end) {
        r = restore_one(rebuild, rebuild->restored++);
    }
    return r < 0 ? r : end < rebuild->count ? 1 : 0;
}

static bool has_bad(const struct pirn__replay_segment *segment)
{
    uint64_t any = 0;

    for (uint32_t i = 0; i < PIRN__REPLAY_BAD_WORDS; i++) {
        any |= segment->bad[i];
    }
    return any != 0;
}

/* All of it is whole, nobody has cut it, and no number behind was ever a
 * record's: it may be written on behind what it has. So ten processes that come
 * and go one by one fill one segment. */
static bool goes_on(const struct pirn__rebuild *rebuild, uint32_t segment,
                    uint32_t generation)
{
    const struct pirn__log *log = rebuild->log;
    const struct pirn__tombs *tombs = &log->index.tombs;
    uint32_t records =
        pirn__mark_unpack(log->index.segments[segment].mark).records;

    return !has_bad(&rebuild->segments[segment]) && rebuild->ends[segment] &&
           pirn__tomb_cut_at(tombs, segment, generation) == UINT32_MAX &&
           (pirn__tomb_dead(tombs, segment, generation,
                            PIRN__SEGMENT_RECORDS_MAX) ==
                pirn__tomb_dead(tombs, segment, generation, records) ||
            pirn__planted("log-number-reused"));
}

/* All its records are known: a segment that says nothing may say so now. */
static void mark_first(const struct pirn__rebuild *rebuild, uint32_t segment,
                       uint32_t generation)
{
    const struct pirn__replay_segment *read = &rebuild->segments[segment];
    const struct pirn__tombs *tombs = &rebuild->log->index.tombs;

    if (!read->has_later && !rebuild->has_hole[segment] &&
        pirn__tomb_cut_at(tombs, segment, generation) == read->records) {
        (void)pirn__tomb_mark_first(tombs, segment, generation);
    }
}

/* A cut is where the last batch ends; whether all before it was committed, and
 * is there, it says, too. */
static void bury_the_rest(const struct pirn__rebuild *rebuild, uint32_t segment)
{
    struct pirn__log *log = rebuild->log;
    const uint64_t *kept = rebuild->kept[segment];
    bool is_exact =
        !has_bad(&rebuild->segments[segment]) && !rebuild->has_hole[segment];
    const struct pirn__index_segment *at = &log->index.segments[segment];
    uint32_t generation = pirn__segment_unpack(at->word).generation;
    struct pirn__mark mark = pirn__mark_unpack(at->mark);

    pirn__tomb_turn(&log->index.tombs, segment, generation);
    if (goes_on(rebuild, segment, generation)) {
        pirn__rebuild_set_segment(log, segment, PIRN__SEGMENT_OPEN, generation);
    } else {
        (void)pirn__tomb_cut(&log->index.tombs, segment, generation,
                             mark.records, is_exact);
        mark_first(rebuild, segment, generation);
    }
    for (uint32_t record = 0; record < mark.records; record++) {
        if ((kept[record / 64] >> record % 64 & 1) == 0) {
            (void)pirn__tomb_set(&log->index.tombs, segment, generation,
                                 record);
        }
    }
}

/* Only now: while the words are judged by they are the disk's. */
static void settle_tombs(struct pirn__rebuild *rebuild)
{
    struct pirn__log *log = rebuild->log;

    for (uint32_t i = 0; i < log->text.size.segments; i++) {
        if (rebuild->kept[i] != NULL) {
            bury_the_rest(rebuild, i);
        }
    }
}

static int make_kept(struct pirn__rebuild *rebuild)
{
    struct pirn__log *log = rebuild->log;
    const size_t bytes = PIRN__SEGMENT_RECORDS_MAX / 8 + 8;

    for (uint32_t i = 0; i < log->text.size.segments; i++) {
        struct pirn__segment_word word =
            pirn__segment_unpack(log->index.segments[i].word);
        if (word.state == PIRN__SEGMENT_SEALED) {
            rebuild->kept[i] = calloc(1, bytes);
            if (rebuild->kept[i] == NULL) {
                return -ENOMEM;
            }
        }
    }
    return 0;
}

int pirn__rebuild_restore_begin(struct pirn__rebuild *rebuild)
{
    int r = make_kept(rebuild);

    rebuild->count = pirn__replay_end(&rebuild->replay);
    rebuild->restored = 0;
    return r < 0 ? r : find_newest(rebuild);
}

int pirn__rebuild_restore_end(struct pirn__rebuild *rebuild)
{
    int r =
        pirn__catalogue_settle(&rebuild->log->index.catalogue, &rebuild->actor);

    if (r == 0) {
        settle_tombs(rebuild);
    }
    return r;
}

/* All slots are backed at once: each wait for that is a turn of a worker. */
int pirn__rebuild_restore(struct pirn__rebuild *rebuild)
{
    int r = pirn__rebuild_restore_begin(rebuild);

    r = r < 0 ? r : pirn__log_back_slots(rebuild->log, rebuild->slot_count);
    r = r < 0 ? r : pirn__rebuild_restore_some(rebuild, rebuild->count);
    return r < 0 ? r : pirn__rebuild_restore_end(rebuild);
}
