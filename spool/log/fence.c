/* SPDX-License-Identifier: MIT */
/*
 * fence.c - what a living owner has, and taking it from him
 *
 *   CLAIMED(him)    CLAIMED(us), fence + 1: whatever he still tries fails; then
 *                   given back as what the dead had is
 *   UPDATING(him)   the mark: he stores fields without asking, so nobody else
 *                   may have it; he finds the mark when he is done, and lets go
 *   FILLING, REMOVING   no claims of his any more, or not yet
 *
 * Each step is one swap. Killed behind the first one, the item is ours, and is
 * given back as such.
 */
#include "spool/log/fence.h"

#include <pirn/invariant.h>

#include "spool/log/atom.h"
#include "spool/log/rescue.h"

/* Whether it was marked; false: the word was another by then. */
static bool mark(uint64_t *at, uint64_t from)
{
    return (from & PIRN__WORD_FENCED) != 0 ||
           pirn__atom_swap(at, from, from | PIRN__WORD_FENCED);
}

/* One slot, until its word stands still. */
static int fence_one(struct pirn__log *log, uint32_t slot, uint16_t owner,
                     struct pirn__log_fenced *fenced)
{
    uint64_t *at = &log->index.catalogue.slots[slot].word;

    for (;;) {
        uint64_t from = pirn__atom_load(at);
        struct pirn__word word = pirn__word_unpack(from);
        struct pirn__grip grip;
        if (word.owner != owner ||
            (word.state != PIRN__CLAIMED && word.state != PIRN__UPDATING)) {
            return 0;
        }
        if (word.state == PIRN__UPDATING) {
            if (mark(at, from)) {
                fenced->midst++;
                return 0;
            }
        } else if (pirn__slot_take_over(&log->index.catalogue, &log->actor,
                                        slot, from, &grip)) {
            fenced->count++;
            return pirn__log_return(log, &grip);
        }
    }
}

static int fence_span(struct pirn__log *log, uint32_t span, uint16_t owner,
                      struct pirn__log_fenced *fenced)
{
    const struct pirn__catalogue *catalogue = &log->index.catalogue;
    uint64_t used = pirn__catalogue_used(catalogue);
    uint64_t at = (uint64_t)span << catalogue->span_bits;
    uint64_t end = at + (UINT64_C(1) << catalogue->span_bits);
    int result = 0;

    for (; at < end && at < used; at++) {
        int r = fence_one(log, (uint32_t)at, owner, fenced);
        result = result < 0 ? result : r;
    }
    return result;
}

/* An item that is his all the while stands where his trail leads. */
int pirn__log_fence(struct pirn__log *log, uint16_t owner,
                    struct pirn__log_fenced *ret_fenced)
{
    struct pirn__log_fenced fenced = {0};
    int result = 0;
    uint32_t span = 0;

    pirn_assert(owner != log->actor.owner && owner < PIRN__INDEX_OWNERS);
    const uint64_t *trail = log->index.owners[owner].trail;
    while ((span = pirn__trail_next(trail, span, PIRN__TRAIL_SPANS)) <
           PIRN__TRAIL_SPANS) {
        int r = fence_span(log, span++, owner, &fenced);
        result = result < 0 ? result : r;
    }
    *ret_fenced = fenced;
    return result;
}

void pirn__log_claims(const struct pirn__log *log,
                      uint64_t counts[PIRN__INDEX_OWNERS])
{
    uint32_t used = pirn__catalogue_used(&log->index.catalogue);

    for (uint32_t slot = 0; slot < used; slot++) {
        struct pirn__word word = pirn__word_unpack(
            pirn__atom_load(&log->index.catalogue.slots[slot].word));
        if (word.state == PIRN__CLAIMED || word.state == PIRN__UPDATING) {
            counts[word.owner]++;
        }
    }
}
