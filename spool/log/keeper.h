/* SPDX-License-Identifier: MIT */
/*
 * spool/log/keeper.h - rounds of tombstone syncs, and what they set free
 *
 * Whoever has something that waits for a round sees to it that there is one: he
 * does it himself, unless another is at it. So an idle spool does nothing, and
 * a busy one syncs its tombstones every PIRN__ROUND_NS, whoever has set them.
 */
#ifndef SPOOL_LOG_KEEPER_H
#define SPOOL_LOG_KEEPER_H

#include <pirn/context.h>

#include "spool/waiters.h"

struct pirn__log;

#define PIRN__ROUND_NS 50000000ull
#define PIRN__ROUND_PAGES 64u

struct pirn__round_page {
    uint32_t page;
    uint64_t version;
};

struct pirn__keeper {
    struct pirn__waiters waiters;
    struct pirn__waiters rests; /* who wait for it to have nothing on loan */
    bool is_armed;              /* the timer runs */
    bool is_running;
    bool is_closing; /* what others can do is left to them */
    uint64_t round;  /* ours, that runs */
    uint64_t sealed; /* the round that has the last cut of ours */
    uint32_t page;   /* next to be looked at */
    uint32_t count;  /* pages written and not synced yet */
    uint32_t written;
    struct pirn__round_page pages[PIRN__ROUND_PAGES];
    struct pirn_op timer;
    struct pirn_op step;
};

/** pirn__keeper_touch() - something waits for a round */
void pirn__keeper_touch(struct pirn__log *log);

/** pirn__keeper_sealed() - a segment was cut where it ends: with that on disk a
 * restart need not judge its last records */
void pirn__keeper_sealed(struct pirn__log *log);

/* Wait for a round that begins from now on. Start &it->waiter.op; result 0: all
 * tombstones that were set are durable; or an errno: they may never be. */
struct pirn__round_wait {
    struct pirn__waiter waiter;
    struct pirn__log *log;
    uint64_t round;
};
void pirn__prep_round(struct pirn__round_wait *wait, struct pirn__log *log);

/* Begin nothing any more, and wait until nothing is on loan. After a failure,
 * when no round comes. Start &it->waiter.op; result 0. */
struct pirn__keeper_rest {
    struct pirn__waiter waiter;
    struct pirn__log *log;
};
void pirn__prep_keeper_rest(struct pirn__keeper_rest *rest,
                            struct pirn__log *log);

/** pirn__keeper_has_rested() - something of its own has ended: perhaps all */
void pirn__keeper_has_rested(struct pirn__log *log);

#endif /* SPOOL_LOG_KEEPER_H */
