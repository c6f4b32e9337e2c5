/* SPDX-License-Identifier: MIT */
/*
 * owner_entry.c - seven numbers of 64 bits, and the XXH3-64 of them
 *
 *   magic | slot | pid | start ticks | opened | lease | until | sum
 */
#include "spool/owner_entry.h"

#include <errno.h>

#include "spool/hash.h"
#include "spool/log/bytes.h"

/* "pirn-own" */
#define MAGIC UINT64_C(0x6e776f2d6e726970)

enum { SUM_AT = 56 };

void pirn__owner_entry_encode(const struct pirn__owner_entry *entry,
                              uint8_t bytes[PIRN__OWNER_ENTRY_BYTES])
{
    pirn__put64(bytes, MAGIC);
    pirn__put64(bytes + 8, entry->slot);
    pirn__put64(bytes + 16, entry->pid);
    pirn__put64(bytes + 24, entry->start_ticks);
    pirn__put64(bytes + 32, entry->opened_ns);
    pirn__put64(bytes + 40, entry->lease_ns);
    pirn__put64(bytes + 48, entry->until_ns);
    pirn__put64(bytes + SUM_AT, pirn__hash(bytes, SUM_AT));
}

int pirn__owner_entry_decode(const uint8_t bytes[PIRN__OWNER_ENTRY_BYTES],
                             uint32_t slot, struct pirn__owner_entry *ret_entry)
{
    if (pirn__get64(bytes) != MAGIC || pirn__get64(bytes + 8) != slot ||
        pirn__get64(bytes + 16) > UINT32_MAX ||
        pirn__get64(bytes + SUM_AT) != pirn__hash(bytes, SUM_AT)) {
        return -EBADMSG;
    }
    *ret_entry = (struct pirn__owner_entry){
        .slot = slot,
        .pid = (uint32_t)pirn__get64(bytes + 16),
        .start_ticks = pirn__get64(bytes + 24),
        .opened_ns = pirn__get64(bytes + 32),
        .lease_ns = pirn__get64(bytes + 40),
        .until_ns = pirn__get64(bytes + 48),
    };
    return 0;
}
