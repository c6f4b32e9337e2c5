/* SPDX-License-Identifier: MIT */
/*
 * spool/log/catalogue.h - every item of the log, and who has it
 *
 *             +------- give back --------+
 *             v                          |
 *   FREE -> FILLING -> READY -claim-> CLAIMED -> REMOVING -> FREE
 *                 |      ^            |  ^  |
 *                 |   due|            |  |  +--> UPDATING -+-> (any below)
 *                 +-> DELAYED <-------+  +----------------+
 *                 +-> HELD    <-------+     (claim by id from all three)
 *
 * A slot's word decides (word.h); lanes only lead there (lane.h). Whoever makes
 * an item ready leads others to it: he writes his hand, swaps the word, puts
 * the entry; killed in between, his hand says it. So at every instant a ready
 * item has an entry in a lane, or in the hand of a process that lives or will
 * be recovered. Of one that is stopped with something in his hand, the others
 * put it, too (pirn__hand_repeat).
 *
 * Entries per item: one in a lane, one on the wheel, and stale ones. A lane's
 * becomes stale when an item is claimed by id and then removed or moved, the
 * wheel's when a delayed item is claimed by id; it is dropped by who takes it,
 * the wheel's at its time. Nobody else drops it: a queue that is emptied by id
 * alone, and never by pirn__slot_claim_next(), keeps one for each item.
 *
 * Each queue has 16 priorities, each of two lanes: given back, and new. A
 * taker looks at the highest priority first, at what was given back first.
 *
 * Shared memory is input: a number out of range that is found there is -EBADMSG
 * and changes no slot; an entry that leads nowhere is dropped. Pure.
 */
#ifndef SPOOL_LOG_CATALOGUE_H
#define SPOOL_LOG_CATALOGUE_H

#include "spool/log/lane.h"
#include "spool/log/slot.h"
#include "spool/log/trail.h"
#include "spool/log/wheel.h"
#include "spool/log/word.h"

struct pirn__catalogue {
    struct pirn__slot *slots;
    uint64_t *state; /* PIRN__CATALOGUE_WORDS: how many slots were ever used */
    uint32_t slot_count;
    uint32_t queue_count;    /* so many have lanes */
    uint32_t priority_count; /* PIRN__PRIORITIES; less in tests */
    uint32_t span_bits;      /* of an owner's trail (trail.h) */
    struct pirn__lanes lanes;
    struct pirn__wheel wheel;
    uint32_t free_lane;  /* of slots that are free */
    uint32_t first_lane; /* of queue 0; a queue's: priorities * {back, new} */
};

#define PIRN__CATALOGUE_WORDS 8u
#define PIRN__PRIORITIES 16u
#define PIRN__QUEUE_LANES 32u

/* Who acts. One hand, one call at a time. Should an entry find no block, the
 * hand may keep it; the next call puts it first, or is -ENOSPC. */
struct pirn__actor {
    uint16_t owner;
    struct pirn__hand *hand; /* his own, in shared memory */
    struct pirn__trail *trail;
};

/* What a dead owner had, as far as it was looked through. The caller sets the
 * first two, and nothing else. */
struct pirn__heritage {
    uint16_t dead;
    uint64_t *trail; /* his bits */
    uint32_t span;   /* where to look for the next one */
    uint32_t at;     /* slots of the one that is being looked through */
    uint32_t end;
};

/* An item that the actor has: what its word and its route were when he got it.
 * The route says in which line an entry of it may still stand. */
struct pirn__grip {
    uint32_t slot;
    uint64_t word;
    uint64_t route;
};

/** pirn__catalogue_lanes() - how many lanes so many queues need, the wheel's
 * and the free slots' included */
uint32_t pirn__catalogue_lanes(uint32_t queue_count);

static inline uint32_t pirn__slot_span(const struct pirn__catalogue *catalogue,
                                       uint32_t slot)
{
    return slot >> catalogue->span_bits;
}

/** pirn__catalogue_used() - slots 0 .. n-1 have been used; memory behind them
 * was not touched */
uint32_t pirn__catalogue_used(const struct pirn__catalogue *catalogue);

/**
 * pirn__slot_fill() - get a free slot: FREE to FILLING, a new incarnation
 *
 * @slots_max: slots that may be touched: the mapping is backed so far
 *
 * Return: 0; -ENOSPC all are in use; -EBADMSG
 */
PIRN_MUST_CHECK int pirn__slot_fill(const struct pirn__catalogue *catalogue,
                                    const struct pirn__actor *actor,
                                    uint32_t slots_max,
                                    struct pirn__grip *ret_grip);

/**
 * pirn__slot_release() - FILLING, CLAIMED or UPDATING to READY, DELAYED or HELD
 *
 * The slot's fields are as they shall be; DELAYED or READY follows from its due
 * time and @now_ns, HELD from its flags.
 * @front: of an item that is given back: before all that are new
 * @ret_ready: whether it is ready now: a sleeper may be woken. May be NULL
 *
 * The fields are looked at by others from then on: what the caller writes there
 * he writes before. Claimed by id and given back to the same queue and
 * priority, an item keeps its place in line whatever @front says.
 *
 * Return: 0; -ESTALE: it is not the actor's any more; -ENOSPC: no block for the
 *         entry, it is the actor's still, and @grip goes along; -EBADMSG
 */
PIRN_MUST_CHECK int pirn__slot_release(const struct pirn__catalogue *catalogue,
                                       const struct pirn__actor *actor,
                                       struct pirn__grip *grip, uint64_t now_ns,
                                       bool front, bool *ret_ready);

/**
 * pirn__slot_claim_next() - the first ready item of a queue
 *
 * Return: 1, CLAIMED by the actor; 0: none was ready at some moment of the
 *         call; -EBADMSG; -ENOSPC
 */
PIRN_MUST_CHECK int pirn__slot_claim_next(
    const struct pirn__catalogue *catalogue, const struct pirn__actor *actor,
    uint32_t queue, struct pirn__grip *ret_grip);

/**
 * pirn__slot_claim() - a certain item: READY, DELAYED or HELD to CLAIMED
 *
 * Its entry in a lane, if it has one, stays: given back unchanged it keeps its
 * place in line.
 *
 * Return: 1; 0 somebody has it, or is making or removing it; -ENOENT the slot
 *         has another item, or none; -EBADMSG
 */
PIRN_MUST_CHECK int pirn__slot_claim(const struct pirn__catalogue *catalogue,
                                     const struct pirn__actor *actor,
                                     uint32_t slot, uint32_t incarnation,
                                     struct pirn__grip *ret_grip);

/** pirn__slot_turn() - from one passing state to another: CLAIMED to UPDATING
 * or REMOVING, UPDATING to CLAIMED or REMOVING, FILLING to REMOVING. @grip goes
 * along. 0; -ESTALE, and on the way back to CLAIMED that may be a mark alone:
 * the item is the actor's still, to be released */
PIRN_MUST_CHECK int pirn__slot_turn(const struct pirn__catalogue *catalogue,
                                    struct pirn__grip *grip,
                                    enum pirn__state to);

/** pirn__slot_free() - REMOVING to FREE, and back among the free; 0, -ESTALE or
 * -ENOSPC */
PIRN_MUST_CHECK int pirn__slot_free(const struct pirn__catalogue *catalogue,
                                    const struct pirn__actor *actor,
                                    const struct pirn__grip *grip);

/**
 * pirn__catalogue_expire() - one item whose time has come: DELAYED to READY
 *
 * Not before the item's time, and at most a tick of the wheel later. One call
 * looks at a bounded number of entries: pirn__wheel_next_ns() says when to call
 * again.
 *
 * Return: 1, @ret_queue is where; 0 nothing is due, or it looked at so many;
 *         -ENOSPC; -EBADMSG
 */
PIRN_MUST_CHECK int pirn__catalogue_expire(
    const struct pirn__catalogue *catalogue, const struct pirn__actor *actor,
    uint64_t now_ns, uint32_t *ret_queue);

/**
 * pirn__slot_inherit() - the next item of a dead owner, now the actor's
 * @heritage: as it was after the last one; span, at and end 0 at first
 *
 * The word's owner becomes the actor, its state and incarnation stay, its fence
 * is raised: whatever the dead one's descriptors still try fails. So a recovery
 * that is killed is recovered like any owner's items. The dead one's hand is
 * recovered first (pirn__hand_recover). Its place in line is lost: the dead one
 * may have been about to move it. Words are looked at where his trail leads
 * alone; behind the last one it leads nowhere.
 *
 * Return: true, @ret_grip; false: there are no more
 */
bool pirn__slot_inherit(const struct pirn__catalogue *catalogue,
                        const struct pirn__actor *actor,
                        struct pirn__heritage *heritage,
                        struct pirn__grip *ret_grip);

/**
 * pirn__slot_take_over() - the same for a certain one, of anybody
 * @from: its word, of a passing state
 *
 * Return: false: it was another by then
 */
bool pirn__slot_take_over(const struct pirn__catalogue *catalogue,
                          const struct pirn__actor *actor, uint32_t slot,
                          uint64_t from, struct pirn__grip *ret_grip);

/**
 * pirn__slot_read() - a slot's fields, all of one moment
 *
 * But for FILLING and UPDATING, as their word says: there who has it writes. A
 * slot that was never used is all zeros.
 *
 * Return: 0; -EAGAIN: it changed while it was read, again and again; -EBADMSG
 */
PIRN_MUST_CHECK int pirn__slot_read(const struct pirn__catalogue *catalogue,
                                    uint32_t slot, struct pirn__slot *ret_slot);

/**
 * pirn__slot_restore() - while the index is rebuilt, alone: give a certain slot
 * its item
 * @item:   all its fields, and its incarnation and fence number as its word
 * @now_ns: as of pirn__slot_release(): READY, DELAYED or HELD follows
 *
 * Items come in the order in which they are handed out. Nobody else sees the
 * index before it is whole, so a slot is stored as in memory of one's own.
 *
 * Return: 0; -EEXIST the slot has an item; -ERANGE there is no such slot;
 *         -ENOSPC no block for its entry; -EBADMSG no such queue or priority
 */
PIRN_MUST_CHECK int pirn__slot_restore(const struct pirn__catalogue *catalogue,
                                       const struct pirn__actor *actor,
                                       uint32_t slot,
                                       const struct pirn__slot *item,
                                       uint64_t now_ns);

/** pirn__catalogue_settle() - at the end of that: each free slot below the
 * highest restored one is among the free; 0 or -ENOSPC */
PIRN_MUST_CHECK int pirn__catalogue_settle(
    const struct pirn__catalogue *catalogue, const struct pirn__actor *actor);

#endif /* SPOOL_LOG_CATALOGUE_H */
