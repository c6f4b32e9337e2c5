/* SPDX-License-Identifier: MIT */
/*
 * rebuild_restore.c - what lives gets its slot, and the rest is buried
 *
 * Of two items that name one slot the later one lives. What leads to nothing
 * that lives is dead from now on, and not before: while the words are judged by
 * they are the disk's.
 */
#include "spool/log/rebuild_parts.h"

#include <errno.h>
#include <stdlib.h>

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
    struct pirn__slot slot =
        pirn__slot_of_record(&head, pirn__place_pack(part));
    slot.word = id.incarnation;
    slot.born = pirn__log_born(&id);
    return pirn__slot_restore(&log->index.catalogue, &log->actor, id.slot,
                              &slot, rebuild->now_ns);
}

/* A slot is given to another item when the one before is durably dead. So of
 * two that name it, which lost tombstones can leave, the later one lives. All
 * slots up to the highest are backed then, at once: each wait for that is a
 * turn of a worker. */
static int find_newest(struct pirn__rebuild *rebuild, uint32_t count)
{
    uint32_t slots = rebuild->log->text.size.slots;
    uint32_t end = 0;

    rebuild->newest = calloc(slots, sizeof(*rebuild->newest));
    if (rebuild->newest == NULL) {
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct pirn__log_id id;
        pirn__log_id_unpack(pirn__replay_id(&rebuild->replay, i), &id);
        if (id.slot < slots) {
            rebuild->newest[id.slot] = i + 1; /* in the order of commits */
            end = id.slot < end ? end : id.slot + 1;
        }
    }
    return pirn__log_back_slots(rebuild->log, end);
}

static int restore_all(struct pirn__rebuild *rebuild)
{
    uint32_t count = pirn__replay_end(&rebuild->replay);
    int r = find_newest(rebuild, count);

    rebuild->now_ns = pirn_context_realtime_ns(rebuild->log->context);
    for (uint32_t i = 0; r == 0 && i < count; i++) {
        r = restore_one(rebuild, i);
    }
    return r == 0 ? pirn__catalogue_settle(&rebuild->log->index.catalogue,
                                           &rebuild->log->actor)
                  : r;
}

static bool has_bad(const struct pirn__replay_segment *segment)
{
    uint64_t any = 0;

    for (uint32_t i = 0; i < PIRN__REPLAY_BAD_WORDS; i++) {
        any |= segment->bad[i];
    }
    return any != 0;
}

/* All of it is whole, and nobody has cut it: it may be written on behind what
 * it has. So ten processes that come and go one by one fill one segment. */
static bool goes_on(const struct pirn__rebuild *rebuild, uint32_t segment,
                    uint32_t generation)
{
    const struct pirn__log *log = rebuild->log;

    return !has_bad(&rebuild->segments[segment]) && rebuild->ends[segment] &&
           pirn__tomb_cut_at(&log->index.tombs, segment, generation) ==
               UINT32_MAX;
}

/* A cut where the last batch ends says that all of it was committed. Where it
 * was not, the cut is one record further, which there is none of. */
static void bury_the_rest(const struct pirn__rebuild *rebuild, uint32_t segment)
{
    struct pirn__log *log = rebuild->log;
    const uint64_t *kept = rebuild->kept[segment];
    uint32_t behind = has_bad(&rebuild->segments[segment]) ? 1 : 0;
    const struct pirn__index_segment *at = &log->index.segments[segment];
    uint32_t generation = pirn__segment_unpack(at->word).generation;
    struct pirn__mark mark = pirn__mark_unpack(at->mark);

    pirn__tomb_turn(&log->index.tombs, segment, generation);
    if (goes_on(rebuild, segment, generation)) {
        pirn__rebuild_set_segment(log, segment, PIRN__SEGMENT_OPEN, generation);
    } else {
        (void)pirn__tomb_cut(&log->index.tombs, segment, generation,
                             mark.records + behind);
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

int pirn__rebuild_restore(struct pirn__rebuild *rebuild)
{
    int r = make_kept(rebuild);

    r = r == 0 ? restore_all(rebuild) : r;
    if (r == 0) {
        settle_tombs(rebuild);
    }
    return r;
}
