/* SPDX-License-Identifier: MIT */
/*
 * spool/log/word.h - one item's state, in one word
 *
 *    63  60 59     58    57    48 47    32 31                  0
 *   +------+------+------+--------+--------+--------------------+
 *   | state|hinted|fenced| owner  | fence  | incarnation        |
 *   +------+------+------+--------+--------+--------------------+
 *
 * A word is changed by compare-and-swap alone, so who changed it knows what it
 * was. The fields of a slot beside its word are written by who has it in a
 * passing state (FILLING, CLAIMED, UPDATING, REMOVING), and are what they say
 * only if the word was the same before and after they were read.
 *
 *   incarnation  raised when the slot gets a new item; part of the item's id
 *   fence        how often it was claimed: an older claim's swap fails. It
 *                wraps: who sleeps through exactly n * 65,536 claims of one
 *                item, the last of them under his own number of an owner, acts
 *                on it as if it still were his
 *   owner        whose passing state it is
 *   hinted       an entry of a lane leads to it (or is in somebody's hand)
 *   fenced       while UPDATING: whoever has it has been fenced out, and lets
 *                it go when that is done. No swap but one to CLAIMED minds it
 *
 * Pure.
 */
#ifndef SPOOL_LOG_WORD_H
#define SPOOL_LOG_WORD_H

#include <stdbool.h>
#include <stdint.h>

enum pirn__state {
    PIRN__FREE = 0, /* nothing here; zeroed memory is free */
    PIRN__FILLING,  /* its first record is being written */
    PIRN__READY,    /* whoever claims it has it */
    PIRN__DELAYED,  /* ready when its time has come */
    PIRN__HELD,     /* until somebody releases it */
    PIRN__CLAIMED,  /* an owner has it */
    PIRN__UPDATING, /* and is writing its next record */
    PIRN__REMOVING, /* done with; its tombstones are not durable yet */
    PIRN__STATE_COUNT,
};

struct pirn__word {
    enum pirn__state state;
    bool hinted;
    uint16_t owner; /* below 1024 */
    uint16_t fence;
    uint32_t incarnation;
};

#define PIRN__WORD_HINTED (1ull << 59)
#define PIRN__WORD_FENCED (1ull << 58)

static inline uint64_t pirn__word_pack(struct pirn__word word)
{
    return (uint64_t)word.state << 60 | (uint64_t)word.hinted << 59 |
           (uint64_t)(word.owner & 0x3ff) << 48 | (uint64_t)word.fence << 32 |
           word.incarnation;
}

static inline struct pirn__word pirn__word_unpack(uint64_t value)
{
    return (struct pirn__word){
        .state = (enum pirn__state)(value >> 60),
        .hinted = (value >> 59 & 1) != 0,
        .owner = (uint16_t)(value >> 48 & 0x3ff),
        .fence = (uint16_t)(value >> 32),
        .incarnation = (uint32_t)value,
    };
}

/** pirn__state_is_passing() - whether an item in it has an owner */
static inline bool pirn__state_is_passing(enum pirn__state state)
{
    return state == PIRN__FILLING || state == PIRN__CLAIMED ||
           state == PIRN__UPDATING || state == PIRN__REMOVING;
}

#endif /* SPOOL_LOG_WORD_H */
