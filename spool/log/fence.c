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
 *
 * One that is seized stays CLAIMED(us). It is taken from who is met first: two
 * who seize at once would take it from each other else, and both have had it.
 */
#include "spool/log/fence.h"

#include <errno.h>

#include <pirn/invariant.h>

#include "spool/log/atom.h"
#include "spool/log/rescue.h"
#include "spool/owner.h"

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

/* ---- one item ---- */

/* FILLING and REMOVING are no claims; and the slot may have another epoch's. */
static bool has_claim(const struct pirn__slot *slot, struct pirn__word word,
                      const struct pirn__log_id *id)
{
    return word.incarnation == id->incarnation &&
           (word.state == PIRN__CLAIMED || word.state == PIRN__UPDATING) &&
           pirn__atom_load(&slot->born) == pirn__log_born(id);
}

static bool is_same_claim(struct pirn__word one, struct pirn__word other)
{
    return one.owner == other.owner && one.fence == other.fence;
}

int pirn__log_seize(struct pirn__log *log, const struct pirn__log_id *id,
                    struct pirn__grip *ret_grip, uint16_t *ret_from)
{
    const struct pirn__catalogue *catalogue = &log->index.catalogue;
    struct pirn__word met = {.state = PIRN__FREE};

    for (;;) {
        int r = pirn__slot_claim(catalogue, &log->actor, id->slot,
                                 id->incarnation, ret_grip);
        if (r != 0) {
            *ret_from = PIRN__INDEX_OWNERS;
            return r;
        }
        struct pirn__slot *slot = &catalogue->slots[id->slot];
        uint64_t from = pirn__atom_load(&slot->word);
        struct pirn__word word = pirn__word_unpack(from);
        if (!pirn__state_is_passing(word.state)) {
            continue; /* he has ended it himself */
        }
        if (!has_claim(slot, word, id)) {
            return -ENOENT;
        }
        if (!pirn__owner_lives(log->spool, word.owner)) {
            return -ESRCH;
        }
        if (met.state != PIRN__FREE && !is_same_claim(word, met)) {
            return 0;
        }
        met = word;
        if (word.state == PIRN__UPDATING) {
            if (mark(&slot->word, from)) {
                return 0;
            }
        } else if (pirn__slot_take_over(catalogue, &log->actor, id->slot, from,
                                        ret_grip)) {
            *ret_from = word.owner;
            return 1;
        }
    }
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
