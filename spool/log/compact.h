/* SPDX-License-Identifier: MIT */
/*
 * spool/log/compact.h - empty a segment that has few survivors
 *
 * What lives in it is claimed, written again with its body as the next version,
 * and released where it stood in line, as any owner would. What somebody else
 * has stays; the segment waits for him.
 */
#ifndef SPOOL_LOG_COMPACT_H
#define SPOOL_LOG_COMPACT_H

#include "spool/log/reading.h"
#include "spool/log/writer.h"
#include "spool/waiters.h"

struct pirn__log;

/* Rounds that are passed over after a failure, at most: 0.8 s of them. */
#define PIRN__COMPACT_RESTS 16u

/* One at a time per open spool. */
struct pirn__compact {
    struct pirn_op op;
    bool is_running;
    bool is_stopping;
    uint32_t rests;  /* calls to be passed over, after a failure; */
    uint32_t rested; /* and how many those were, after the last one */
    struct pirn__waiters waiters; /* for its end */
    uint32_t segment;
    uint32_t generation;
    uint32_t slot; /* next to be looked at */
    struct pirn__grip grip;
    struct pirn__reading reading;
    uint8_t *body; /* of an item whose part stands elsewhere */
    uint32_t body_len;
    struct pirn__record record;
    struct pirn_op step;
};

/**
 * pirn__compact_start() - if it is worth it: begin with the emptiest segment
 *
 * Worth it is: half of what the sealed segments hold is dead, and one of them
 * has a quarter of its records at most. Ends by itself. Where that failed 1, 2,
 * 4 ... calls are passed over, PIRN__COMPACT_RESTS at most, until one succeeds.
 */
void pirn__compact_start(struct pirn__log *log);

/* End it behind the item at work, begin no other, and wait. Start
 * &it->waiter.op; result 0. */
struct pirn__compact_stop {
    struct pirn__waiter waiter;
    struct pirn__log *log;
};
void pirn__prep_compact_stop(struct pirn__compact_stop *stop,
                             struct pirn__log *log);

#endif /* SPOOL_LOG_COMPACT_H */
