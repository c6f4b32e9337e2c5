/* SPDX-License-Identifier: MIT */
/*
 * inherit.c - what a dead owner had, see spool/log/catalogue.h
 *
 *   his trail -> a span -> each word that is his: ours, by one swap -> the
 *     span's bit goes -> the next span
 *
 * What was his is on our trail before it is ours, and on his until his span was
 * looked through: killed anywhere, it is found by his trail or by ours. Under
 * the same number both are one, and the bit stays as long as we have an item
 * there.
 */
#include <pirn/invariant.h>

#include "spool/log/atom.h"
#include "spool/log/catalogue.h"

/* Whether it is on our trail already: it has been ours all our life. */
static bool is_entered(const struct pirn__actor *actor, uint32_t span,
                       uint16_t owner)
{
    return owner == actor->owner &&
           (actor->trail->counts[span] & PIRN__TRAIL_KEPT) == 0;
}

bool pirn__slot_take_over(const struct pirn__catalogue *catalogue,
                          const struct pirn__actor *actor, uint32_t slot,
                          uint64_t from, struct pirn__grip *ret_grip)
{
    struct pirn__slot *fields = &catalogue->slots[slot];
    struct pirn__word word = pirn__word_unpack(from);
    uint32_t span = pirn__slot_span(catalogue, slot);
    bool entered = is_entered(actor, span, word.owner);

    pirn_assert(slot < catalogue->slot_count);
    word.owner = actor->owner;
    word.fence++;
    word.hinted = false; /* the one before may have moved it */
    uint64_t next = pirn__word_pack(word);
    if (!entered) {
        pirn__trail_enter(actor->trail, span);
    }
    if (!pirn__atom_swap(&fields->word, from, next)) {
        if (!entered) {
            pirn__trail_leave(actor->trail, span);
        }
        return false;
    }
    *ret_grip = (struct pirn__grip){
        .slot = slot,
        .word = next,
        .route = pirn__atom_load(&fields->route),
    };
    return true;
}

/* It was looked through: nothing there is his any more. */
static void leave_span(const struct pirn__actor *actor,
                       const struct pirn__heritage *heritage, uint32_t span)
{
    if (heritage->dead == actor->owner) {
        pirn__trail_settle(actor->trail, span);
        return;
    }
    (void)pirn__atom_clear(&heritage->trail[span / 64], pirn__trail_bit(span));
}

static bool next_span(const struct pirn__catalogue *catalogue,
                      const struct pirn__actor *actor,
                      struct pirn__heritage *heritage)
{
    uint32_t used = pirn__catalogue_used(catalogue);
    uint64_t size = UINT64_C(1) << catalogue->span_bits;
    uint32_t end = (uint32_t)((used + size - 1) >> catalogue->span_bits);

    if (heritage->end != 0) {
        leave_span(actor, heritage, heritage->span - 1);
    }
    uint32_t span = pirn__trail_next(heritage->trail, heritage->span, end);
    uint64_t at = (uint64_t)span << catalogue->span_bits;
    bool found = span < end;
    heritage->span = found ? span + 1 : end;
    heritage->at = found ? (uint32_t)at : 0;
    heritage->end = !found             ? 0
                    : at + size < used ? (uint32_t)(at + size)
                                       : used;
    return found;
}

/* Until its word stands still. */
static bool inherit_one(const struct pirn__catalogue *catalogue,
                        const struct pirn__actor *actor, uint16_t dead,
                        uint32_t slot, struct pirn__grip *ret_grip)
{
    const uint64_t *at = &catalogue->slots[slot].word;

    for (;;) {
        uint64_t from = pirn__atom_load(at);
        struct pirn__word word = pirn__word_unpack(from);
        if (!pirn__state_is_passing(word.state) || word.owner != dead) {
            return false;
        }
        if (pirn__slot_take_over(catalogue, actor, slot, from, ret_grip)) {
            return true;
        }
    }
}

bool pirn__slot_inherit(const struct pirn__catalogue *catalogue,
                        const struct pirn__actor *actor,
                        struct pirn__heritage *heritage,
                        struct pirn__grip *ret_grip)
{
    do {
        while (heritage->at < heritage->end) {
            if (inherit_one(catalogue, actor, heritage->dead, heritage->at++,
                            ret_grip)) {
                return true;
            }
        }
    } while (next_span(catalogue, actor, heritage));
    return false;
}
