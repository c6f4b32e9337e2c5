/* SPDX-License-Identifier: MIT */
/*
 * spool/log/lane.h - many first-in, first-out lines of small entries
 *
 * A lane is a chain of blocks from one pool; an entry is a slot's number and
 * the low bits of its incarnation. Any number of processes put and take without
 * locks; one that is stopped anywhere holds nobody up, and one that is killed
 * anywhere loses no entry: what it had in its hand is put again by who recovers
 * it. So an entry may come twice, and may lead to an item that moved on: it is
 * leave to try, never proof.
 *
 *   block   owner | next | cells filled | cells taken | cell cell cell ...
 *   lane    head block, tail block, each with its life
 *
 * A block's life is raised whenever it goes back to the pool, and is part of
 * its counters and of every cell: a step meant for its last life fails.
 * Shared memory is input: a number out of range that is found there reads as an
 * empty lane or an empty pool.
 * Pure.
 */
#ifndef SPOOL_LOG_LANE_H
#define SPOOL_LOG_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/invariant.h>

#include "spool/log/atom.h"

/* Slot 0 .. 2^32 - 2, and bits to know a stale entry by. */
struct pirn__entry {
    uint32_t slot;
    uint16_t incarnation; /* the low bits */
};

/*
 * What a process is about to do, in shared memory, for who recovers it: written
 * before the first step whose loss would matter. Put and block are zero when
 * all is done.
 */
struct pirn__hand {
    uint64_t put;   /* an entry, packed, that is being put, or was just taken */
    uint64_t lane;  /* where it goes; above, where it goes after a death */
    uint64_t block; /* one that may be in no lane and not in the pool, plus 1 */
    uint64_t self;  /* by which a block knows this hand; drawn once, stays */
};

/* The pool and its lanes, over memory that the caller has mapped and zeroed,
 * the same in all processes but for where it is mapped. */
struct pirn__lanes {
    uint64_t *head;   /* the pool's state: PIRN__LANES_HEAD_WORDS */
    uint64_t *lanes;  /* lane_count * PIRN__LANE_WORDS */
    uint64_t *blocks; /* block_count * block_words */
    uint32_t lane_count;
    uint32_t block_count;
    uint32_t block_words; /* 512: 4 KiB; less in tests */
};

#define PIRN__LANES_HEAD_WORDS 8u
#define PIRN__LANE_WORDS 2u
#define PIRN__BLOCK_WORDS 512u
#define PIRN__BLOCK_HEAD_WORDS 5u /* the others are cells */

/**
 * pirn__lanes_init() - once, by who makes the index, alone
 *
 * Zeroed lanes are empty. Blocks are given out in order the first time, so that
 * memory behind the highest is not touched.
 */
void pirn__lanes_init(const struct pirn__lanes *lanes);

/**
 * pirn__lanes_blocks_used() - the highest block ever given out, plus one
 *
 * For who backs the memory with pages before they are touched.
 */
uint32_t pirn__lanes_blocks_used(const struct pirn__lanes *lanes);

/**
 * pirn__lane_put() - at the end of a lane
 * @hand: the caller's own: empty, or names the same entry, of a take or
 *        pirn__hand_set(). Empty on success
 *
 * Return: 0; -ENOSPC the pool is empty: nothing was put, and the hand names an
 *         entry if it did before
 */
PIRN_MUST_CHECK int pirn__lane_put(const struct pirn__lanes *lanes,
                                   uint32_t lane, struct pirn__entry entry,
                                   struct pirn__hand *hand);

/** pirn__lane_head_is_empty() - whether nothing stands in a lane with this head
 */
bool pirn__lane_head_is_empty(const struct pirn__lanes *lanes, uint64_t head);

/**
 * pirn__lane_take() - from the front
 * @hand:      names the entry when this returns true; pirn__hand_clear() when
 *             what it leads to is in safe hands
 * @ret_entry: written on true
 *
 * Return: false: it was empty at one moment of the call
 */
bool pirn__lane_take(const struct pirn__lanes *lanes, uint32_t lane,
                     struct pirn__hand *hand, struct pirn__entry *ret_entry);

/** pirn__lane_is_empty() - a glance, without taking part. Most lanes were never
 * used, and that is one load */
static inline bool pirn__lane_is_empty(const struct pirn__lanes *lanes,
                                       uint32_t lane)
{
    pirn_assert(lane < lanes->lane_count);
    uint64_t head =
        pirn__atom_load(lanes->lanes + (size_t)lane * PIRN__LANE_WORDS);

    return head == 0 || pirn__lane_head_is_empty(lanes, head);
}

/** pirn__lane_next() - of the lanes from @lane on, below @end, the first that
 * is not empty; @end: all are */
uint32_t pirn__lane_next(const struct pirn__lanes *lanes, uint32_t lane,
                         uint32_t end);

/**
 * pirn__hand_set() - @entry shall be put into @lane, whatever happens to us
 *
 * For who makes an item ready: first this, then the item's word, then
 * pirn__lane_put() of the same entry. A hand that holds what was taken may be
 * set to put the same entry elsewhere.
 */
void pirn__hand_set(struct pirn__hand *hand, uint32_t lane,
                    struct pirn__entry entry);

/**
 * pirn__lane_add(), pirn__lane_pop() - to put and to take, for the wheel
 * @home: where recovery puts the entry, instead of @lane
 *
 * The hand still names the entry after pirn__lane_add().
 */
PIRN_MUST_CHECK int pirn__lane_add(const struct pirn__lanes *lanes,
                                   uint32_t lane, uint32_t home,
                                   struct pirn__entry entry,
                                   struct pirn__hand *hand);
bool pirn__lane_pop(const struct pirn__lanes *lanes, uint32_t lane,
                    uint32_t home, struct pirn__hand *hand,
                    struct pirn__entry *ret_entry);

/** pirn__hand_clear() - what was in it needs nobody any more */
void pirn__hand_clear(struct pirn__hand *hand);

/**
 * pirn__hand_recover() - put right what a dead process had in its hand
 *
 * Its entry is put into its lane again, its block goes back. By who recovers
 * the process, and nobody else; may be killed and repeated. Of a process that
 * is only stopped pirn__hand_repeat() puts the entry and leaves the hand alone.
 *
 * Return: 0; -ENOSPC
 */
PIRN_MUST_CHECK int pirn__hand_recover(const struct pirn__lanes *lanes,
                                       struct pirn__hand *hand,
                                       struct pirn__hand *own);
PIRN_MUST_CHECK int pirn__hand_repeat(const struct pirn__lanes *lanes,
                                      const struct pirn__hand *hand,
                                      struct pirn__hand *own);

#endif /* SPOOL_LOG_LANE_H */
