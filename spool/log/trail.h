/* SPDX-License-Identifier: MIT */
/*
 * spool/log/trail.h - where an owner may have items
 *
 * Who recovers a dead owner finds what he had by looking at words, and there
 * are as many words as slots. So slots are counted in spans, a thousand at
 * most, and each owner has a bit of each in shared memory:
 *
 *   bit set -> [a word swapped to his] ... [the last one swapped away] -> clear
 *
 * At every instant each item that is his stands in a span whose bit is set.
 * How many he has in each he counts in memory of his own; a kill takes that
 * along, and leaves bits that say too much, never too little. A life begins
 * with the bits that the last one under its number left: they are kept until
 * all that it had is inherited.
 *
 * Nobody but he, and who recovers him, changes his bits. Pure.
 */
#ifndef SPOOL_LOG_TRAIL_H
#define SPOOL_LOG_TRAIL_H

#include <stdint.h>

#include "spool/log/atom.h"

#define PIRN__TRAIL_WORDS 16u
#define PIRN__TRAIL_SPANS (PIRN__TRAIL_WORDS * 64u)

/* Of a count: the bit is older than this life. */
#define PIRN__TRAIL_KEPT (1u << 31)

struct pirn__trail {
    uint64_t *bits;   /* shared; one each span */
    uint32_t *counts; /* our own memory; one each span */
};

/** pirn__trail_span_bits() - a span has 2^n slots */
uint32_t pirn__trail_span_bits(uint32_t slot_count);

/** pirn__trail_init() - a life begins
 * @span_count: of @bits, and of @counts */
void pirn__trail_init(struct pirn__trail *trail, uint64_t *bits,
                      uint32_t *counts, uint32_t span_count);

/** pirn__trail_next() - the first span from @span on, below @end, whose bit is
 * set; @end: none is */
uint32_t pirn__trail_next(const uint64_t *bits, uint32_t span, uint32_t end);

/** pirn__trail_lead() - of somebody else's: to a word that names him, although
 * he never swapped it: who recovers him looks there */
void pirn__trail_lead(uint64_t *bits, uint32_t span);

/** pirn__trail_settle() - all that earlier lives had there is inherited */
void pirn__trail_settle(const struct pirn__trail *trail, uint32_t span);

static inline uint64_t pirn__trail_bit(uint32_t span)
{
    return UINT64_C(1) << span % 64;
}

/** pirn__trail_enter() - before an item's word is swapped to the owner's */
static inline void pirn__trail_enter(const struct pirn__trail *trail,
                                     uint32_t span)
{
    if (trail->counts[span]++ == 0) {
        (void)pirn__atom_set(&trail->bits[span / 64], pirn__trail_bit(span));
    }
}

/** pirn__trail_leave() - after it was swapped away, or was not swapped. Where
 * there is none: a word was written over, and led to us */
static inline void pirn__trail_leave(const struct pirn__trail *trail,
                                     uint32_t span)
{
    if ((trail->counts[span] & ~PIRN__TRAIL_KEPT) != 0 &&
        --trail->counts[span] == 0) {
        (void)pirn__atom_clear(&trail->bits[span / 64], pirn__trail_bit(span));
    }
}

#endif /* SPOOL_LOG_TRAIL_H */
