/* SPDX-License-Identifier: MIT */
/* stamp.c - see spool/log/stamp.h */
#include "spool/log/stamp.h"

#include <pirn/invariant.h>

#include "spool/log/atom.h"

#define NS_PER_S 1000000000ull

enum { CLAIM_BITS = 6, CLAIM_MASK = 63 };

#define ROUND (UINT32_C(1) << (32 - CLAIM_BITS)) /* seconds */

/* The item that had the slot before has left another number, unless it was
 * claimed 31 times more often than this one. */
static uint32_t claim_of(struct pirn__word word)
{
    return (word.fence + 31u * word.incarnation) & CLAIM_MASK;
}

uint32_t pirn__stamp_pack(struct pirn__word word, uint64_t now_ns)
{
    uint64_t seconds = now_ns / NS_PER_S;

    return (uint32_t)(seconds << CLAIM_BITS) | claim_of(word);
}

uint64_t pirn__stamp_ns(uint32_t stamp, struct pirn__word word, uint64_t now_ns)
{
    bool is_claimed =
        word.state == PIRN__CLAIMED || word.state == PIRN__UPDATING;

    if (!is_claimed || stamp == 0 || (stamp & CLAIM_MASK) != claim_of(word)) {
        return 0;
    }
    uint64_t now = now_ns / NS_PER_S;
    uint32_t past = ((uint32_t)now - (stamp >> CLAIM_BITS)) % ROUND;
    bool is_to_come = past >= ROUND / 2 || past > now;
    return is_to_come ? now_ns : (now - past) * NS_PER_S;
}

void pirn__stamp_put(const struct pirn__index *index,
                     const struct pirn__grip *grip, uint64_t now_ns)
{
    pirn_assert(grip->slot < index->catalogue.slot_count);
    pirn__atom_note(&index->stamps[grip->slot],
                    pirn__stamp_pack(pirn__word_unpack(grip->word), now_ns));
}

uint64_t pirn__stamp_get(const struct pirn__index *index, uint32_t slot,
                         struct pirn__word word, uint64_t now_ns)
{
    pirn_assert(slot < index->catalogue.slot_count);
    return pirn__stamp_ns(pirn__atom_noted(&index->stamps[slot]), word, now_ns);
}

uint64_t pirn__stamp_age_ns(const struct pirn__index *index, uint32_t slot,
                            struct pirn__word word, uint64_t now_ns)
{
    uint64_t since_ns = pirn__stamp_get(index, slot, word, now_ns);
    bool is_known = since_ns > 0 && now_ns - since_ns > NS_PER_S;

    return is_known ? now_ns - since_ns - NS_PER_S : 0;
}
