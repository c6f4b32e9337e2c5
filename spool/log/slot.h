/* SPDX-License-Identifier: MIT */
/*
 * spool/log/slot.h - a slot's fields, as its item's records say them
 *
 * For who has the item alone: it is FILLING or UPDATING, or the index is being
 * made. Pure.
 */
#ifndef SPOOL_LOG_SLOT_H
#define SPOOL_LOG_SLOT_H

#include "spool/log/catalogue.h"

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
