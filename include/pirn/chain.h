/* SPDX-License-Identifier: MIT */
/*
 * pirn/chain.h - ordered steps that stop at the first failure
 *
 * A step begins when the one before has succeeded. After a failure no further
 * step begins but the marked ones: ALWAYS steps (a close) run in any case, UNDO
 * steps (the unlink of a temporary) only after a failure. There is one result:
 * 0, or the error of the first step that failed, and which.
 *
 *   open -> write -> fsync -> rename -> fsync(dir)     close     unlink
 *     |       |        |         |          |          ALWAYS    UNDO
 *     +-------+---- a failure goes on to ---+----------^---------^
 *
 * The context steps the chain itself: since Linux 6.0 the kernel does not cut a
 * link after a failed fsync, rename, unlink, mkdir, link, statx, fallocate or
 * ftruncate, whatever its manual says, and would publish a file that was never
 * synced. Where the kernel does cut (after a write, a send, a connect) the
 * engine may submit a run of steps linked; where a thread carries out what
 * works on files, it may take a run of such steps, and stops where the chain
 * would. No caller can tell the difference.
 *
 * Any op can be a step: a write, a timer, a task, a spool call. A chain is an
 * op itself.
 */
#ifndef PIRN_CHAIN_H
#define PIRN_CHAIN_H

#include <stdint.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

/* As a descriptor in a later step: the result of step @index, an open, one of
 * the first 256 steps. Not as a rename's or a link's second directory. */
#define PIRN_FD_OF(index) (INT32_MIN + (int32_t)(index))

/* When a step of a chain runs. */
enum pirn_step {
    PIRN_STEP_NORMAL = 0, /* if all before it succeeded */
    PIRN_STEP_ALWAYS = 1, /* in any case; its own failure is not the chain's */
    PIRN_STEP_UNDO = 2,   /* only after a failure; its own is not the chain's */
};

/* Placed by the caller; zeroed memory is an idle chain. */
struct pirn_chain {
    struct pirn_op op;
    struct {
        struct pirn_owner owner; /* of the steps */
        struct pirn_context *context;
        struct pirn_op *const *steps;
        uint32_t count;
        uint32_t at;
        uint32_t failed;
        uint32_t moved; /* bytes which a short write of the step has moved */
        uint32_t run;   /* steps that were begun together, from @at on */
        uint32_t in_flight; /* of these */
        int32_t result;
    } priv;
};

/**
 * pirn_step_when() - mark a step of a chain
 * @op:   idle and prepared; preparing it again makes it NORMAL
 * @when: see enum pirn_step
 */
PIRN_API void pirn_step_when(struct pirn_op *op, enum pirn_step when);

/**
 * pirn_prep_chain() - make the chain's op run its steps
 * @chain: idle; start or wait for &chain->op
 * @steps: @count prepared ops; the array and the ops are loaned until the
 *         chain's op ends
 * @count: 1 or more
 *
 * Result: 0, or the error of the first step that failed. A write or a send that
 * moved less than asked is continued until all is moved; one that moves nothing
 * more, and a gathered one (writev, sendmsg) that falls short, fails with -EIO.
 * A read that falls short has succeeded. An interrupted write or send goes on;
 * whatever else a step says, also an -ECANCELED that nobody asked for, fails
 * the chain, and nothing is published behind it. A step whose PIRN_FD_OF() step
 * did not succeed is passed over with -ECANCELED, also a marked one. Cancelling
 * the chain cancels the step that runs; marked steps are not cancelled.
 * pirn_op_result() of each step tells how it ended; one that never ran:
 * -ECANCELED.
 */
PIRN_API void pirn_prep_chain(struct pirn_chain *chain,
                              struct pirn_op *const *steps, uint32_t count);

/**
 * pirn_chain_start() - pirn_prep_chain() and pirn_start() in one
 */
PIRN_API void pirn_chain_start(struct pirn_context *context,
                               struct pirn_chain *chain,
                               struct pirn_op *const *steps, uint32_t count,
                               pirn_op_fn *fn);

/**
 * pirn_chain_failed() - which step failed first
 * @chain: idle; ended with a negative result
 *
 * Return: its index
 */
PIRN_API uint32_t pirn_chain_failed(const struct pirn_chain *chain);

PIRN_END_DECLS

#endif /* PIRN_CHAIN_H */
