/* SPDX-License-Identifier: MIT */
/*
 * spot.c - where an item's metadata stand, and whether they may
 *
 * Whoever puts an item anywhere has written metadata that say so before, and
 * these are never rewritten: so what they say and where they stand fit at every
 * instant, but for what a person has moved. Three things they do not bind: the
 * queue, which a person may choose; a shard takes what was due later, because a
 * clock may have been set back since; and a bucket may be later than it has to
 * be.
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/invariant.h>

#include "spool/check/check.h"

#define SECOND_NS 1000000000ull

/* Who claims looks every 250 ms; a queue that nobody claims from is a thing to
 * be told, and not one to be told at once. */
enum { DUE_GRACES = 60 };

int pirn__spots_push(struct pirn__spots *spots, const struct pirn__spot *spot)
{
    if (spots->count == spots->cap) {
        uint32_t cap = spots->cap == 0 ? 64 : spots->cap * 2;
        struct pirn__spot *more = realloc(spots->spots, cap * sizeof(*more));
        if (more == NULL) {
            return -ENOMEM;
        }
        spots->spots = more;
        spots->cap = cap;
    }
    spots->spots[spots->count++] = *spot;
    return 0;
}

int pirn__buckets_push(struct pirn_check_work *work, uint16_t queue,
                       const struct pirn__bucket *bucket)
{
    if (work->bucket_count == work->bucket_cap) {
        uint32_t cap = work->bucket_cap == 0 ? 64 : work->bucket_cap * 2;
        struct pirn__bucket_at *more =
            realloc(work->buckets, cap * sizeof(*more));
        if (more == NULL) {
            return -ENOMEM;
        }
        work->buckets = more;
        work->bucket_cap = cap;
    }
    work->buckets[work->bucket_count++] =
        (struct pirn__bucket_at){.bucket = *bucket, .queue = queue};
    return 0;
}

bool pirn__bucket_is_long_due(const struct pirn_check_work *work,
                              const struct pirn__bucket *bucket)
{
    uint64_t now_ns = pirn_context_realtime_ns(work->spool->context);
    uint64_t late_ns = work->grace_ns < UINT64_MAX / DUE_GRACES
                           ? work->grace_ns * DUE_GRACES
                           : UINT64_MAX;

    return pirn__bucket_is_due(bucket, now_ns) &&
           now_ns - bucket->due_s * SECOND_NS >= late_ns;
}

void pirn__spot_path(const struct pirn_check_work *work,
                     const struct pirn__spot *spot, struct pirn__name *ret_path)
{
    const char *queue = work->spool->queues[spot->queue]->name;
    struct pirn__name dir;

    switch ((enum pirn__spot_kind)spot->kind) {
    case PIRN__SPOT_SHARD:
        pirn__name_ready(ret_path, queue, &spot->id);
        break;
    case PIRN__SPOT_SHELF:
        pirn__name_shelf_dir(&dir, queue, spot->at);
        pirn__name_in(ret_path, &dir, &spot->id);
        break;
    case PIRN__SPOT_BUCKET:
        pirn_assert(spot->at < work->bucket_count);
        pirn__name_bucket_dir(&dir, queue, &work->buckets[spot->at].bucket);
        pirn__name_in(ret_path, &dir, &spot->id);
        break;
    case PIRN__SPOT_CLAIM:
        pirn__name_claimed(ret_path, queue, spot->at, &spot->id);
        break;
    }
}

/* Whether what is in it is ready no earlier than it may be. */
static bool bucket_suits(const struct pirn__bucket *bucket,
                         const struct pirn_item *item)
{
    uint64_t due_s = item->due_ns / SECOND_NS + (item->due_ns % SECOND_NS > 0);

    return item->due_ns > 0 && bucket->due_s >= due_s &&
           bucket->priority == item->priority;
}

bool pirn__spot_suits(const struct pirn_check_work *work,
                      const struct pirn__spot *spot,
                      const struct pirn_item *item)
{
    bool is_held = item->state == PIRN_ITEM_HELD;

    switch ((enum pirn__spot_kind)spot->kind) {
    case PIRN__SPOT_SHARD:
        return !is_held && item->priority == 0;
    case PIRN__SPOT_SHELF:
        return spot->at == PIRN__SHELF_HELD
                   ? is_held
                   : !is_held && item->priority + (int)PIRN__SHELF_NORMAL ==
                                     (int)spot->at;
    case PIRN__SPOT_BUCKET:
        pirn_assert(spot->at < work->bucket_count);
        return !is_held && bucket_suits(&work->buckets[spot->at].bucket, item);
    case PIRN__SPOT_CLAIM:
        break;
    }
    return true;
}
