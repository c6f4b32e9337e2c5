/* SPDX-License-Identifier: MIT */
/*
 * rebuild_tell.c - items that are handed out before all is read
 *
 * All segments that may not wait were read. So of a first version in one that
 * may, of whose id nothing was met, there is no newer one; it lives if it is
 * not dead itself, which its own word says. It gets its slot and goes into its
 * line at once, segment by segment in the order of their first commits: so the
 * items of one writer come in theirs.
 *
 * Whether that was right is looked at when all is known, before anybody may do
 * more with an item than have it (rebuild_restore.c). So what a damaged disk
 * tells here costs who has it the item, and nobody else anything.
 */
#include "spool/log/rebuild_parts.h"

#include <pirn/invariant.h>

#include "spool/log/slot.h"

/* No claim of what was told and taken back is one of what stands there then:
 * that begins with fence number 0. */
#define TOLD_FENCE 0x8000

/* What is in the way of one, or names nothing of ours, waits for the end. */
static bool tell_one(struct pirn__rebuild *rebuild,
                     const struct pirn__rebuild_tell *tell)
{
    struct pirn__log *log = rebuild->log;
    struct pirn__slot slot =
        pirn__slot_of_record(&tell->head, pirn__place_pack(tell->place));
    struct pirn__log_id id;

    pirn__log_id_unpack(&tell->head.id, &id);
    slot.word = pirn__word_pack((struct pirn__word){
        .fence = TOLD_FENCE, .incarnation = id.incarnation});
    slot.born = pirn__log_born(&id);
    return pirn__slot_restore(&log->index.catalogue, &rebuild->actor, id.slot,
                              &slot, rebuild->now_ns) == 0;
}

/* The next item of those that were read, in the order of their segments. */
static bool find_next(struct pirn__rebuild *rebuild,
                      struct pirn__rebuild_tell *tell)
{
    while (tell->turn < rebuild->order_count) {
        uint32_t segment = rebuild->order[tell->turn];
        if (pirn__replay_tell(&rebuild->replay, segment, &tell->told,
                              &tell->head, &tell->place)) {
            return true;
        }
        if (!rebuild->is_read[segment]) {
            return false;
        }
        tell->turn++;
        tell->told = (struct pirn__replay_told){0};
    }
    return false;
}

static bool is_ours(const struct pirn__log *log,
                    const struct pirn__rebuild_tell *tell, uint32_t *ret_slot)
{
    struct pirn__log_id id;

    pirn__log_id_unpack(&tell->head.id, &id);
    *ret_slot = id.slot;
    return id.slot < log->text.size.slots &&
           tell->head.queue < PIRN__INDEX_QUEUES;
}

uint32_t pirn__rebuild_tell(struct pirn__rebuild *rebuild,
                            struct pirn__rebuild_tell *tell, uint32_t *ret_told)
{
    struct pirn__log *log = rebuild->log;
    uint32_t backed = pirn__log_slots_backed(log);
    uint32_t slot;

    rebuild->now_ns = pirn_context_realtime_ns(log->context);
    *ret_told = 0;
    while (tell->has_next || find_next(rebuild, tell)) {
        tell->has_next = is_ours(log, tell, &slot) && slot >= backed;
        if (tell->has_next) {
            return slot + 1;
        }
        if (is_ours(log, tell, &slot)) {
            *ret_told += tell_one(rebuild, tell) ? 1 : 0;
        }
    }
    return 0;
}
