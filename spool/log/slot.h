/* SPDX-License-Identifier: MIT */
/*
 * spool/log/slot.h - what a slot of the catalogue has in it
 *
 * The word says who may write the other fields, and when (catalogue.h). Those
 * that a record says are put there by who has the item alone: it is FILLING or
 * UPDATING, or the index is being made. Pure.
 */
#ifndef SPOOL_LOG_SLOT_H
#define SPOOL_LOG_SLOT_H

#include "spool/log/record.h"

/*
 * 56 bytes an item.
 *
 *   part    the pirn__place of its newest record; while UPDATING, of the one
 *           before
 *   body    the pirn__place of its body
 *   sizes   part_bytes 24 | body_bytes 40
 *   route   version 24 | queue 16 | attempts 16 | priority 4 | flags 4
 *   due     ns; while UPDATING and the route says so (PIRN__ROUTE_PENDING), the
 *           place of the part that is being written
 *   born    the rest of its id: epoch 12 | ms 48
 */
struct pirn__slot {
    uint64_t word;
    uint64_t part;
    uint64_t body;
    uint64_t sizes;
    uint64_t route;
    uint64_t due;
    uint64_t born;
};

/* Besides enum pirn__record_flag; in memory alone. */
#define PIRN__ROUTE_PENDING 4u

#define PIRN__SLOT_WORDS 7u

struct pirn__route {
    uint32_t version; /* below 2^24 */
    uint16_t queue;
    uint16_t attempts;
    uint8_t priority; /* below 16 */
    uint8_t flags;    /* enum pirn__record_flag */
};

static inline uint64_t pirn__route_pack(struct pirn__route route)
{
    return (uint64_t)(route.version & 0xffffff) << 40 |
           (uint64_t)route.queue << 24 | (uint64_t)route.attempts << 8 |
           (uint64_t)(route.priority & 0xf) << 4 | (route.flags & 0xf);
}

static inline struct pirn__route pirn__route_unpack(uint64_t value)
{
    return (struct pirn__route){
        .version = (uint32_t)(value >> 40),
        .queue = (uint16_t)(value >> 24),
        .attempts = (uint16_t)(value >> 8),
        .priority = (uint8_t)(value >> 4 & 0xf),
        .flags = (uint8_t)(value & 0xf),
    };
}

/* What a slot's sizes hold: part_bytes 24 | body_bytes 40. */
struct pirn__sizes {
    uint32_t part_bytes;
    uint64_t body_bytes;
};

uint64_t pirn__sizes_pack(struct pirn__sizes sizes);
struct pirn__sizes pirn__sizes_unpack(uint64_t value);

/** pirn__slot_of_record() - a record's fields, and 0 as word and born */
struct pirn__slot pirn__slot_of_record(const struct pirn__head *head,
                                       uint64_t part);

/**
 * pirn__slot_take_record() - all fields but the word and born
 * @part: the record's place, packed
 *
 * What it supersedes is buried before. Whoever is killed here leaves fields of
 * which the route says whether a record is pending, as long as due is its
 * place: so who recovers them goes on from that record, or from the slot's.
 */
void pirn__slot_take_record(struct pirn__slot *slot,
                            const struct pirn__head *head, uint64_t part);

/**
 * pirn__slot_spend_version() - as it was, but for the version: nothing is
 * pending any more, and the next one is above it
 * @before: its fields before the change that failed
 */
void pirn__slot_spend_version(struct pirn__slot *slot,
                              const struct pirn__slot *before,
                              uint32_t version);

#endif /* SPOOL_LOG_SLOT_H */
