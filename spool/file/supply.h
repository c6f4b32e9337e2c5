/* SPDX-License-Identifier: MIT */
/*
 * spool/file/supply.h - ids of a queue that may be ready
 *
 * One shard's directory is listed at a time and its ids handed to whoever
 * claims here. They are hints: rename decides who has an item. A flat supply is
 * one directory without shards.
 */
#ifndef SPOOL_FILE_SUPPLY_H
#define SPOOL_FILE_SUPPLY_H

#include "spool/scan.h"
#include "spool/waiters.h"

struct pirn__supply {
    struct pirn_context *context;
    const char *parent; /* of the shards, or of the ids */
    struct pirn__id_scan listing;
    struct pirn__waiters waiters; /* for the listing in flight */
    struct pirn__ids ids;         /* of the last one; taken up to @at */
    uint32_t at;
    uint32_t begin;   /* which of them is the first to be taken */
    uint32_t shard;   /* to be listed next */
    uint32_t misses;  /* in a row: somebody else works on this shard */
    uint64_t swept;   /* listings begun, ever */
    uint64_t dropped; /* their number when ids were last dropped untried */
    uint32_t slot;
    int root_fd;
    bool listing_now;
    bool is_flat;  /* the ids are in the parent itself */
    bool may_have; /* of a flat one: so that it is to be listed */
};

/** pirn__supply_init() - @slot: owners begin on different shards */
void pirn__supply_init(struct pirn__supply *supply,
                       struct pirn_context *context, int root_fd,
                       const char *parent, uint32_t slot);
void pirn__supply_deinit(struct pirn__supply *supply);

/** pirn__supply_take() - one more id, or false: list again */
bool pirn__supply_take(struct pirn__supply *supply, struct pirn_id *ret_id);

/** pirn__supply_tell() - whether the id that was taken was there */
void pirn__supply_tell(struct pirn__supply *supply, bool was_there);

/**
 * pirn__supply_is_empty() - whether every shard was listed since
 * @since: @swept, when the claim began
 *
 * True if, besides, nothing that was listed is left untried. Not of a flat one.
 */
bool pirn__supply_is_empty(const struct pirn__supply *supply, uint64_t since);

/** pirn__prep_supply() - wait for one more shard to be listed; result 0 or an
 * errno */
struct pirn__supply_wait {
    struct pirn__waiter waiter;
    struct pirn__supply *supply;
};
void pirn__prep_supply(struct pirn__supply_wait *wait,
                       struct pirn__supply *supply);

#endif /* SPOOL_FILE_SUPPLY_H */
