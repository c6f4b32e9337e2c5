/* SPDX-License-Identifier: MIT */
/* trail.c - see spool/log/trail.h */
#include "spool/log/trail.h"

#include <pirn/invariant.h>

uint32_t pirn__trail_span_bits(uint32_t slot_count)
{
    uint32_t bits = 0;

    while ((uint64_t)PIRN__TRAIL_SPANS << bits < slot_count) {
        bits++;
    }
    return bits;
}

void pirn__trail_init(struct pirn__trail *trail, uint64_t *bits,
                      uint32_t *counts, uint32_t span_count)
{
    pirn_assert(span_count > 0 && span_count <= PIRN__TRAIL_SPANS);
    for (uint32_t span = 0; span < span_count; span++) {
        uint64_t word = pirn__atom_load(&bits[span / 64]);
        counts[span] =
            (word & pirn__trail_bit(span)) != 0 ? PIRN__TRAIL_KEPT : 0;
    }
    *trail = (struct pirn__trail){.bits = bits, .counts = counts};
}

uint32_t pirn__trail_next(const uint64_t *bits, uint32_t span, uint32_t end)
{
    pirn_assert(end <= PIRN__TRAIL_SPANS);
    while (span < end) {
        uint64_t word = pirn__atom_load(&bits[span / 64]) >> span % 64;
        if (word != 0) {
            span += (uint32_t)__builtin_ctzll(word);
            break;
        }
        span = (span / 64 + 1) * 64;
    }
    return span < end ? span : end;
}

void pirn__trail_lead(uint64_t *bits, uint32_t span)
{
    pirn_assert(span < PIRN__TRAIL_SPANS);
    (void)pirn__atom_set(&bits[span / 64], pirn__trail_bit(span));
}

void pirn__trail_settle(const struct pirn__trail *trail, uint32_t span)
{
    pirn_assert(span < PIRN__TRAIL_SPANS);
    trail->counts[span] &= ~PIRN__TRAIL_KEPT;
    if (trail->counts[span] == 0) {
        (void)pirn__atom_clear(&trail->bits[span / 64], pirn__trail_bit(span));
    }
}
