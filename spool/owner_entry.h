/* SPDX-License-Identifier: MIT */
/*
 * spool/owner_entry.h - what an owner says of himself, behind the locks
 *
 * .owners has an entry of 64 bytes for each slot, from byte 4,096 on. Its owner
 * writes it, with one write and no sync: it means something as long as he holds
 * his lock, and nothing after that. It decides nothing but when a lease is
 * over. Pure.
 */
#ifndef SPOOL_OWNER_ENTRY_H
#define SPOOL_OWNER_ENTRY_H

#include <stdint.h>

#include <pirn/base.h>

#define PIRN__OWNER_ENTRY_BYTES 64u
#define PIRN__OWNER_ENTRIES_AT 4096u

struct pirn__owner_entry {
    uint32_t slot;
    uint32_t pid;
    uint64_t start_ticks;
    uint64_t opened_ns;
    uint64_t lease_ns; /* 0: none */
    uint64_t until_ns; /* CLOCK_REALTIME; 0: nothing was claimed */
};

/** pirn__owner_entry_at() - where a slot's stands, in bytes */
static inline uint64_t pirn__owner_entry_at(uint32_t slot)
{
    return PIRN__OWNER_ENTRIES_AT + (uint64_t)slot * PIRN__OWNER_ENTRY_BYTES;
}

void pirn__owner_entry_encode(const struct pirn__owner_entry *entry,
                              uint8_t bytes[PIRN__OWNER_ENTRY_BYTES]);

/** pirn__owner_entry_decode() - 0; -EBADMSG: none, torn, or of another slot */
PIRN_MUST_CHECK int pirn__owner_entry_decode(
    const uint8_t bytes[PIRN__OWNER_ENTRY_BYTES], uint32_t slot,
    struct pirn__owner_entry *ret_entry);

#endif /* SPOOL_OWNER_ENTRY_H */
