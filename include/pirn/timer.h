/* SPDX-License-Identifier: MIT */
/*
 * pirn/timer.h - a function later: at a time, or in the next turn
 *
 * Timers cost no system call: the nearest one bounds the wait of the turn.
 * Starting one is O(1), and so is cancelling one in time; ending one is
 * O(log n) amortised. Nothing is allocated. A context may wake once for a timer
 * that was cancelled.
 */
#ifndef PIRN_TIMER_H
#define PIRN_TIMER_H

#include <stdint.h>

#include <pirn/op.h>

PIRN_BEGIN_DECLS

/**
 * pirn_prep_timer_at() - end at a time of the monotonic clock
 * @op:          idle
 * @deadline_ns: as pirn_context_now_ns() counts; in the past: the next turn
 *
 * Result 0, never early; among equal deadlines the one started first ends
 * first. A cancelled timer ends with -ECANCELED even if it was due already.
 */
PIRN_API void pirn_prep_timer_at(struct pirn_op *op, uint64_t deadline_ns);

/**
 * pirn_prep_timer() - end some time after it is started
 * @op:       idle
 * @after_ns: from the turn in which the op is started
 *
 * As pirn_prep_timer_at(). Started again, it counts anew: started from its own
 * function it is a periodic timer that never runs twice in one turn.
 */
PIRN_API void pirn_prep_timer(struct pirn_op *op, uint64_t after_ns);

/**
 * pirn_prep_multishot_timer() - deliver once in every period
 * @shot:     idle
 * @every_ns: 1 or more; the first delivery one period after the start
 *
 * Delivers how many periods have ended since the last delivery: 1, or more
 * where the context was held up. The times do not drift. Ends when cancelled.
 */
PIRN_API void pirn_prep_multishot_timer(struct pirn_multishot *shot,
                                        uint64_t every_ns);

/**
 * pirn_prep_deadline() - cancel another op at a time
 * @op:          idle; started on the same context as @target
 * @target:      whatever can be started; cancel the deadline when it has ended,
 *               or the deadline would reach its next life
 * @deadline_ns: as pirn_context_now_ns() counts
 *
 * Result 0: @target was asked to end. What it says for itself is its own
 * result: -ECANCELED if the deadline won.
 */
PIRN_API void pirn_prep_deadline(struct pirn_op *op, struct pirn_op *target,
                                 uint64_t deadline_ns);

/**
 * pirn_prep_immediate() - end in the next turn
 *
 * Result 0. The turn after it is started does not sleep.
 */
PIRN_API void pirn_prep_immediate(struct pirn_op *op);

PIRN_END_DECLS

#endif /* PIRN_TIMER_H */
