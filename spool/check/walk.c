/* SPDX-License-Identifier: MIT */
/*
 * walk.c - every directory once; those of items twice
 *
 *   sweep -> queues -> each room: listed -> odd names doubted -> next room
 *                      a shard: all its rooms listed -> shard.c
 *
 * What stands in another's shard is looked for in all shards before the items
 * of any are judged: an item whose body was misplaced has one.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>

#include "spool/check/check.h"
#include "spool/check/log_walk.h"
#include "spool/check/walk.h"
#include "spool/log/log.h"
#include "spool/opens.h"

/* Of one directory; what is beyond is met by the next check. */
enum { ODDS_MAX = 4096 };

/* What is half made has no owner whose lock says that he is dead. */
enum { HALF_GRACES = 60 };

static void odd_next(struct pirn_check_work *work);

static bool has_bit(const uint64_t *bits, uint32_t slot)
{
    return (bits[slot / 64] >> slot % 64 & 1) != 0;
}

static void set_bit(uint64_t *bits, uint32_t slot)
{
    bits[slot / 64] |= UINT64_C(1) << slot % 64;
}

/* ---- rooms ---- */

static uint32_t rooms_of(const struct pirn_check_work *work,
                         enum pirn__room_kind kind)
{
    uint32_t log = work->spool->log != NULL;

    switch (kind) {
    case PIRN__ROOM_TOP:
    case PIRN__ROOM_MAKING:
    case PIRN__ROOM_TMP:
    case PIRN__ROOM_DATA:
        return 1;
    case PIRN__ROOM_LOG:
    case PIRN__ROOM_SEGMENTS:
    case PIRN__ROOM_NUMBERS:
    case PIRN__ROOM_BELLS:
    case PIRN__ROOM_ALIASES:
    case PIRN__ROOM_LOG_DATA:
        return log;
    case PIRN__ROOM_QUEUE:
    case PIRN__ROOM_CHECKOUT:
    case PIRN__ROOM_DUE:
        return work->queue_count;
    case PIRN__ROOM_DRAFTS:
        return PIRN__SLOTS;
    case PIRN__ROOM_CLAIMS:
        return PIRN__SLOTS * work->queue_count;
    case PIRN__ROOM_SHELF:
        return PIRN__SHELVES * work->queue_count;
    case PIRN__ROOM_BUCKET:
        return work->bucket_count;
    case PIRN__ROOM_SIFTED:
    case PIRN__ROOM_SHARD:
        return PIRN__SHARDS * (1 + work->queue_count);
    case PIRN__ROOM_LOG_BODIES:
        return PIRN__SHARDS * log;
    case PIRN__ROOM_KINDS:
        break;
    }
    return 0;
}

static struct pirn__queue *set_queue(struct pirn_check_work *work, uint32_t at)
{
    pirn_assert(at < work->spool->queue_count);
    work->room.queue = work->spool->queues[at]->name;
    work->room.queue_at = (uint16_t)at;
    return work->spool->queues[at];
}

/* What a queue has of its own accord is known from its directory. */
static bool shelf_is_there(struct pirn_check_work *work, uint32_t at)
{
    struct pirn__queue *queue = set_queue(work, at / PIRN__SHELVES);

    work->room.shelf = at % PIRN__SHELVES;
    return queue->shelves[work->room.shelf].is_there;
}

/* Room @at of its kind; false: there is none in that place. */
static bool room_is_there(struct pirn_check_work *work, uint32_t at)
{
    struct pirn__room *room = &work->room;
    uint32_t each = 1 + work->queue_count;

    *room = (struct pirn__room){.kind = work->kind};
    switch (work->kind) {
    case PIRN__ROOM_QUEUE:
    case PIRN__ROOM_CHECKOUT:
        (void)set_queue(work, at);
        return true;
    case PIRN__ROOM_DUE:
        return set_queue(work, at)->has_due;
    case PIRN__ROOM_SHELF:
        return shelf_is_there(work, at);
    case PIRN__ROOM_BUCKET:
        (void)set_queue(work, work->buckets[at].queue);
        room->bucket = work->buckets[at].bucket;
        return true;
    case PIRN__ROOM_DRAFTS:
        room->slot = at;
        return has_bit(work->homes, at);
    case PIRN__ROOM_CLAIMS:
        room->slot = at % PIRN__SLOTS;
        (void)set_queue(work, at / PIRN__SLOTS);
        return has_bit(work->slots, room->slot);
    case PIRN__ROOM_SIFTED:
    case PIRN__ROOM_SHARD:
        room->shard = at / each;
        if (at % each > 0) {
            (void)set_queue(work, at % each - 1);
        }
        return true;
    case PIRN__ROOM_LOG_BODIES:
        room->shard = at;
        return true;
    case PIRN__ROOM_TOP:
    case PIRN__ROOM_MAKING:
    case PIRN__ROOM_TMP:
    case PIRN__ROOM_DATA:
    case PIRN__ROOM_LOG:
    case PIRN__ROOM_SEGMENTS:
    case PIRN__ROOM_NUMBERS:
    case PIRN__ROOM_BELLS:
    case PIRN__ROOM_ALIASES:
    case PIRN__ROOM_LOG_DATA:
    case PIRN__ROOM_KINDS:
        break;
    }
    return true;
}

/* ---- entries ---- */

/* "" is the room itself. */
static int32_t push_odd(struct pirn_check_work *work, const char *name,
                        enum pirn_fault fault, const struct pirn_id *id,
                        uint64_t need_ns)
{
    if (work->odd_count == ODDS_MAX) {
        work->unseen++;
        return 0;
    }
    if (work->odd_count == work->odd_cap) {
        uint32_t cap = work->odd_cap == 0 ? 16 : work->odd_cap * 2;
        struct pirn__odd *more = realloc(work->odds, cap * sizeof(*more));
        if (more == NULL) {
            return -ENOMEM;
        }
        work->odds = more;
        work->odd_cap = cap;
    }
    struct pirn__odd *odd = &work->odds[work->odd_count++];
    *odd = (struct pirn__odd){
        .fault = fault,
        .has_id = id != NULL,
        .need_ns = need_ns,
        .waits = need_ns == work->grace_ns,
    };
    odd->id = id != NULL ? *id : odd->id;
    (void)snprintf(odd->name, sizeof(odd->name), "%s", name);
    return 0;
}

/* An item's name in the room. */
static struct pirn__spot spot_here(const struct pirn_check_work *work,
                                   const struct pirn_id *id)
{
    struct pirn__spot spot = {.id = *id, .queue = work->room.queue_at};

    if (work->kind == PIRN__ROOM_CLAIMS) {
        spot.kind = PIRN__SPOT_CLAIM;
        spot.at = work->room.slot;
    } else if (work->kind == PIRN__ROOM_SHELF) {
        spot.kind = PIRN__SPOT_SHELF;
        spot.at = work->room.shelf;
    } else if (work->kind == PIRN__ROOM_BUCKET) {
        spot.kind = PIRN__SPOT_BUCKET;
        spot.at = work->room_at - 1;
    }
    return spot;
}

/* Of an owner: a draft or a claim. */
static int32_t take_owned(struct pirn_check_work *work,
                          const struct pirn_entry *entry,
                          const struct pirn_id *id)
{
    bool is_claim = work->kind == PIRN__ROOM_CLAIMS;
    uint64_t limit_ns =
        is_claim ? work->config->claim_ns : work->config->draft_ns;

    if (!pirn__owner_lives(work->spool, work->room.slot)) {
        return push_odd(work, entry->name,
                        is_claim ? PIRN_FAULT_STALE_CLAIM : PIRN_FAULT_LEFTOVER,
                        id, work->grace_ns);
    }
    return limit_ns > 0
               ? push_odd(work, entry->name, PIRN_FAULT_TOO_OLD, id, limit_ns)
               : 0;
}

static int32_t take_item(struct pirn_check_work *work,
                         const struct pirn_entry *entry,
                         const struct pirn_id *id)
{
    struct pirn__spot spot = spot_here(work, id);

    if (work->kind == PIRN__ROOM_ALIASES) {
        return pirn__ids_push(&work->aliases, id);
    }
    if (work->kind == PIRN__ROOM_SIFTED) {
        return 0;
    }
    if (work->kind == PIRN__ROOM_DRAFTS) {
        return take_owned(work, entry, id);
    }
    if (work->kind == PIRN__ROOM_SHARD || work->kind == PIRN__ROOM_LOG_BODIES) {
        return work->room.queue != NULL ? pirn__spots_push(&work->names, &spot)
                                        : pirn__ids_push(&work->bodies, id);
    }
    int32_t r = pirn__spots_push(&work->loose, &spot);

    return r == 0 && work->kind == PIRN__ROOM_CLAIMS
               ? take_owned(work, entry, id)
               : r;
}

static int32_t take_stray(struct pirn_check_work *work,
                          const struct pirn_entry *entry)
{
    bool may_be_dir = entry->type == DT_DIR || entry->type == DT_UNKNOWN;
    const struct pirn__queue *queue =
        work->kind == PIRN__ROOM_TOP && pirn_queue_name_is_valid(entry->name)
            ? pirn__queue_find(work->spool, entry->name)
            : NULL;
    bool is_queue = queue != NULL && may_be_dir && !queue->is_lost;

    work->has_links |=
        entry->type == DT_LNK || (queue != NULL && queue->is_lost);
    return is_queue || work->kind == PIRN__ROOM_SHARD
               ? 0
               : push_odd(work, entry->name, PIRN_FAULT_STRAY, NULL,
                          work->grace_ns);
}

/* A living owner's is his, however long it takes; a dead one's is settled by
 * who recovers him, and so it is told only if no sweep does. */
static int32_t take_moving(struct pirn_check_work *work,
                           const struct pirn_entry *entry,
                           const struct pirn_id *id)
{
    if (work->spool->log == NULL) {
        return take_stray(work, entry); /* there is nowhere to move to */
    }
    int32_t r = pirn__ids_push(&work->moving, id);

    return r == 0 && !pirn__owner_lives(work->spool, work->room.slot)
               ? push_odd(work, entry->name, PIRN_FAULT_STALE_CLAIM, id,
                          work->grace_ns)
               : r;
}

static int32_t take(struct pirn__scan *scan, const struct pirn_entry *entry)
{
    struct pirn_check_work *work =
        pirn_container_of(scan, struct pirn_check_work, scan);
    struct pirn__named_by by = {.slot = 0};
    int32_t r = 0;

    switch (pirn__room_judge(&work->room, entry, &by)) {
    case PIRN__ENTRY_OURS:
        break;
    case PIRN__ENTRY_SLOT:
        set_bit(work->slots, by.slot);
        if (work->kind == PIRN__ROOM_TMP) {
            set_bit(work->homes, by.slot);
        }
        break;
    case PIRN__ENTRY_SHELF:
        (void)pirn__queue_take_shelf(work->spool->queues[work->room.queue_at],
                                     entry->name);
        break;
    case PIRN__ENTRY_BUCKET:
        work->buckets_ns = pirn_context_now_ns(work->spool->context);
        return pirn__buckets_push(work, work->room.queue_at, &by.bucket);
    case PIRN__ENTRY_ITEM:
        return take_item(work, entry, &by.id);
    case PIRN__ENTRY_NEXT:
        return take_owned(work, entry, &by.id);
    case PIRN__ENTRY_MOVING:
        return take_moving(work, entry, &by.id);
    case PIRN__ENTRY_MISPLACED:
        if (work->kind != PIRN__ROOM_SHARD) {
            r = pirn__ids_push(&work->misplaced, &by.id);
            r = r < 0 ? r
                      : push_odd(work, entry->name, PIRN_FAULT_MISPLACED,
                                 &by.id, work->grace_ns);
        }
        break;
    case PIRN__ENTRY_DAMAGED:
        return push_odd(work, entry->name, PIRN_FAULT_BAD_SEGMENT, NULL,
                        work->grace_ns);
    case PIRN__ENTRY_HALF:
        return push_odd(work, entry->name, PIRN_FAULT_LEFTOVER, NULL,
                        work->grace_ns * HALF_GRACES);
    case PIRN__ENTRY_STRAY:
        return take_stray(work, entry);
    }
    return r;
}

/* ---- one after the other ---- */

static bool is_last_of_shard(const struct pirn_check_work *work)
{
    return work->kind == PIRN__ROOM_SHARD &&
           work->room_at % (1 + work->queue_count) == 0;
}

static void odd_next(struct pirn_check_work *work)
{
    if (work->odd_at < work->odd_count) {
        pirn__doubt_odd(work, &work->odds[work->odd_at++], odd_next);
    } else if (is_last_of_shard(work)) {
        work->check->done = work->room.shard + 1;
        pirn__check_shard(work);
    } else if (work->kind == PIRN__ROOM_ALIASES) {
        pirn__check_aliases(work);
    } else if (work->kind == PIRN__ROOM_LOG_BODIES) {
        pirn__check_log_bodies(work);
    } else {
        pirn__check_next_room(work);
    }
}

/* What stands in the place of a directory was told as a stray where that is
 * listed, and a link is not followed. */
static bool is_none(const struct pirn_check_work *work, int32_t result)
{
    bool is_told = work->kind != PIRN__ROOM_TOP;

    return is_told ? pirn__is_none(result) : result == -ENOENT;
}

static void listed(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, scan.op);

    if (result < 0 && result != -ENOMEM && !is_none(work, result)) {
        pirn__check_note(work, result);
    }
    if (work->kind == PIRN__ROOM_BUCKET && result == 0 &&
        pirn__bucket_is_long_due(work, &work->room.bucket)) {
        result = push_odd(work, "", PIRN_FAULT_OVERDUE, NULL, work->grace_ns);
    }
    if (result == -ENOMEM) {
        pirn__check_finish(work, result);
        return;
    }
    odd_next(work);
}

static void enter_room(struct pirn_check_work *work)
{
    uint32_t rooms = rooms_of(work, work->kind);

    while (work->room_at < rooms && !room_is_there(work, work->room_at)) {
        work->room_at++;
    }
    if (work->room_at == rooms) {
        work->room_at = 0;
        work->kind++;
        pirn__check_next_room(work);
        return;
    }
    work->room_at++;
    work->odd_count = 0;
    work->odd_at = 0;
    if (work->room.queue == NULL) { /* of a shard the first */
        work->names.count = 0;
        work->bodies.count = 0;
    }
    pirn__room_path(&work->room, &work->scan.path);
    pirn__prep_scan(&work->scan, work->spool->root_fd, take);
    pirn_start(work->spool->context, &work->scan.op, listed);
}

void pirn__check_next_room(struct pirn_check_work *work)
{
    while (work->kind < PIRN__ROOM_KINDS && rooms_of(work, work->kind) == 0) {
        work->kind++;
    }
    if (work->kind == PIRN__ROOM_KINDS) {
        pirn__check_log(work);
        return;
    }
    pirn__check_rest(work, enter_room);
}

static void refreshed(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, refresh.op);

    if (result < 0) {
        pirn__check_finish(work, result);
        return;
    }
    work->queue_count = work->spool->queue_count;
    pirn__check_next_room(work);
}

static void swept(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, sweep.waiter.op);

    pirn_assert(result <= 0);
    pirn__prep_refresh(&work->refresh, work->spool);
    pirn_start(work->spool->context, &work->refresh.op, refreshed);
}

void pirn__check_walk(struct pirn_check_work *work)
{
    pirn__prep_sweep(&work->sweep, work->spool);
    pirn_start(work->spool->context, &work->sweep.waiter.op, swept);
}
