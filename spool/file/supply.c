/* SPDX-License-Identifier: MIT */
/*
 * supply.c - which shard is looked at, by one, for all who claim here
 *
 * @swept numbers the listings as they begin. A queue was empty at some instant
 * of a claim's life if 64 listings began after the claim did and all their ids
 * were tried: each shard was seen, and what was in it is somebody's.
 *
 * A flat supply is listed as long as it @may_have something: there was in the
 * last listing, or somebody has said so since that began.
 *
 * Owners walk the ring of shards from different places. Where two meet they
 * would walk the same ids side by side, each losing half of its renames: after
 * four losses in a row the rest is left to the other, and does not count as
 * tried.
 */
#include "spool/file/supply.h"

#include <errno.h>

#include <pirn/invariant.h>

#include "spool/opens.h"

enum { MISSES_MAX = 4 };

void pirn__supply_init(struct pirn__supply *supply,
                       struct pirn_context *context, int root_fd,
                       const char *parent, uint32_t slot)
{
    supply->context = context;
    supply->root_fd = root_fd;
    supply->parent = parent;
    supply->slot = slot;
    supply->shard = slot * 23 % PIRN__SHARDS; /* far from the neighbours' */
}

void pirn__supply_deinit(struct pirn__supply *supply)
{
    pirn_assert(!supply->listing_now);
    pirn__ids_deinit(&supply->ids);
    pirn__ids_deinit(&supply->listing.ids);
    pirn__ids_deinit(&supply->listing.next);
}

bool pirn__supply_take(struct pirn__supply *supply, struct pirn_id *ret_id)
{
    pirn_assert(supply->at <= supply->ids.count);
    if (supply->at == supply->ids.count) {
        return false;
    }
    *ret_id =
        supply->ids.ids[(supply->begin + supply->at++) % supply->ids.count];
    return true;
}

void pirn__supply_tell(struct pirn__supply *supply, bool was_there)
{
    pirn_assert(supply->misses < MISSES_MAX);
    supply->misses = was_there ? 0 : supply->misses + 1;
    if (supply->misses >= MISSES_MAX) {
        supply->misses = 0;
        if (supply->at < supply->ids.count) {
            supply->at = supply->ids.count;
            supply->dropped = supply->swept;
        }
    }
}

bool pirn__supply_is_empty(const struct pirn__supply *supply, uint64_t since)
{
    uint64_t from = since > supply->dropped ? since : supply->dropped;
    uint64_t ended = supply->swept - supply->listing_now;

    pirn_assert(from <= supply->swept && !supply->is_flat);
    return supply->at == supply->ids.count && ended >= from + PIRN__SHARDS;
}

/* Owners begin in different places of one directory, too. */
static uint32_t first_of(uint32_t slot, uint32_t count)
{
    uint64_t begin = slot * UINT64_C(23) % PIRN__SHARDS * count / PIRN__SHARDS;

    return (uint32_t)begin;
}

static void listed(struct pirn_op *op, int32_t result)
{
    struct pirn__id_scan *listing =
        pirn_container_of(op, struct pirn__id_scan, scan.op);
    struct pirn__supply *supply =
        pirn_container_of(listing, struct pirn__supply, listing);

    pirn_assert(supply->listing_now);
    pirn_assert(result <= 0);
    supply->listing_now = false;
    if (pirn__is_none(result)) {
        result = 0; /* a shard that is not there has nothing ready */
    }
    if (result == 0) {
        pirn__ids_deinit(&supply->ids);
        supply->ids = listing->ids;
        listing->ids = (struct pirn__ids){0};
        pirn__ids_sort(&supply->ids);
        supply->at = 0;
        supply->begin =
            supply->is_flat ? first_of(supply->slot, supply->ids.count) : 0;
        supply->may_have = supply->may_have || supply->ids.count > 0;
        supply->misses = 0;
    }
    pirn__waiters_finish(supply->context, &supply->waiters, result);
}

static void list_next(struct pirn__supply *supply)
{
    pirn_assert(supply->at == supply->ids.count);
    pirn_assert(!supply->listing_now && supply->shard < PIRN__SHARDS);

    supply->listing_now = true;
    supply->swept++;
    supply->may_have = false; /* what comes from now on says so anew */
    if (supply->is_flat) {
        pirn__name_queue_dir(&supply->listing.scan.path, supply->parent);
    } else {
        pirn__name_shard_dir(&supply->listing.scan.path, supply->parent,
                             supply->shard);
        supply->shard = (supply->shard + 1) % PIRN__SHARDS;
    }
    pirn__prep_id_scan(&supply->listing, supply->root_fd);
    pirn_start(supply->context, &supply->listing.scan.op, listed);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__supply_wait *wait =
        pirn_container_of(op, struct pirn__supply_wait, waiter.op);
    struct pirn__supply *supply = wait->supply;

    pirn_assert(context == supply->context);
    if (supply->at < supply->ids.count) {
        pirn_task_finish(context, op, 0);
        return;
    }
    pirn__waiters_push(&supply->waiters, &wait->waiter);
    if (!supply->listing_now) {
        list_next(supply);
    }
}

static const struct pirn_task_verbs verbs = {.begin = begin};

void pirn__prep_supply(struct pirn__supply_wait *wait,
                       struct pirn__supply *supply)
{
    wait->supply = supply;
    pirn_prep_task(&wait->waiter.op, &verbs);
}
