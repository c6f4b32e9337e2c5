/* SPDX-License-Identifier: MIT */
/*
 * chain.c - a chain as a task that steps through its ops
 *
 * priv.at is the step that runs, or the first of a run of priv.run steps, which
 * the engine carries out without asking: the kernel, as linked submissions, or
 * a worker, as one job (engine_class.joins). Only when all of a run have ended
 * is it judged, in order, as if each had been submitted when the one before it
 * had succeeded:
 *
 *   succeeded       on to the next
 *   fell short      continue it alone; those behind it did not run, and are
 *                   started again
 *   failed          only marked steps from now on
 *   was not begun   the engine left the decision to us: from here on anew
 *
 * A run is formed where the engine's judgement and this one agree.
 */
#include "pirn/chain.h"

#include <errno.h>

#include "pirn/file.h"
#include "pirn/invariant.h"
#include "pirn/task.h"
#include "runtime/context.h"
#include "runtime/engine/call.h"
#include "runtime/engine/table.h"
#include "runtime/plant.h"

enum {
    NONE_FAILED = UINT32_MAX,
    FD_OF_MAX = 256, /* the index must fit struct pirn_loan.extra */
};

static struct pirn_chain *chain_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_chain, op);
}

static struct pirn_op *step(const struct pirn_chain *chain, uint32_t index)
{
    return chain->priv.steps[index];
}

static bool is_marked(const struct pirn_op *op)
{
    return loan_is_marked(&op->priv);
}

static const struct engine_row *row_of(const struct pirn_op *op)
{
    return op->priv.opcode < ENGINE_OPCODE_COUNT
               ? &pirn__engine_rows[op->priv.opcode]
               : NULL;
}

/* No descriptor is that small; other ops keep other things in the field. */
static bool is_fd_of(const struct pirn_op *op)
{
    return row_of(op) != NULL && loan_fd_place(&op->priv) >= 0;
}

static bool wants_to_run(const struct pirn_chain *chain,
                         const struct pirn_op *op)
{
    bool failed = chain->priv.failed != NONE_FAILED;

    if (op->priv.flags & LOAN_ALWAYS) {
        return !(pirn__planted("clean-up-skipped") && failed);
    }
    failed = failed && !pirn__planted("step-after-failure");
    return (op->priv.flags & LOAN_UNDO) ? failed : !failed;
}

/* Put the descriptor of an earlier step in place, or the step's place in the
 * run, if it is one of this run; -ECANCELED: there is none. */
static int resolve_fd(const struct pirn_chain *chain, uint32_t own)
{
    struct pirn_op *op = step(chain, own);
    uint32_t index = (uint32_t)op->priv.fd - (uint32_t)INT32_MIN;
    int32_t fd;

    if (!is_fd_of(op)) {
        return 0;
    }
    pirn_assert_rule(index < own && index < FD_OF_MAX,
                     "PIRN_FD_OF() names an earlier step, of the first 256");
    fd = index < chain->priv.at ? step(chain, index)->priv.result
                                : PIRN_FD_OF(index - chain->priv.at);
    if (fd < 0 && index < chain->priv.at) {
        return -ECANCELED;
    }
    op->priv.fd = fd;
    op->priv.extra = (uint8_t)index;
    op->priv.flags |= LOAN_FD_OF;
    return 0;
}

/* As it was prepared, so that it can be started again. */
static void restore_fd(struct pirn_op *op)
{
    if (op->priv.flags & LOAN_FD_OF) {
        op->priv.fd = PIRN_FD_OF(op->priv.extra);
        op->priv.extra = 0;
        op->priv.flags &= (uint8_t)~LOAN_FD_OF;
    }
}

/* Whether the step behind step @index, its descriptor in place, may be started
 * in one run with it. After a failure or a cancellation each goes alone. */
static bool join_next(const struct pirn_chain *chain, uint32_t index)
{
    struct pirn_op *next;

    if (index + 1 == chain->priv.count || chain->priv.failed != NONE_FAILED ||
        pirn_task_is_cancelled(&chain->op)) {
        return false;
    }
    next = step(chain, index + 1);
    if (row_of(step(chain, index)) == NULL || row_of(next) == NULL ||
        resolve_fd(chain, index + 1) < 0) {
        return false;
    }
    if (!pirn__context_joins(chain->priv.context, step(chain, index), next)) {
        restore_fd(next);
        return false;
    }
    return true;
}

/* A send has none. */
static bool has_offset(const struct pirn_op *op)
{
    return op->priv.opcode == ENGINE_WRITE &&
           op->priv.offset != PIRN_OFFSET_CURRENT;
}

static void advance(struct pirn_op *op, uint32_t bytes)
{
    op->priv.addr += bytes;
    op->priv.len -= bytes;
    if (has_offset(op)) {
        op->priv.offset += bytes;
    }
}

static void rewind_by(struct pirn_op *op, uint32_t bytes)
{
    op->priv.addr -= bytes;
    op->priv.len += bytes;
    if (has_offset(op)) {
        op->priv.offset -= bytes;
    }
}

static void start_run(struct pirn_chain *chain)
{
    struct pirn_context *context = chain->priv.context;
    uint32_t last = chain->priv.at;

    while (last + 1 - chain->priv.at < ENGINE_RUN_MAX &&
           join_next(chain, last)) {
        step(chain, last)->priv.flags |= LOAN_LINKED;
        last++;
    }
    chain->priv.run = last + 1 - chain->priv.at;
    chain->priv.in_flight = chain->priv.run;
    for (uint32_t i = chain->priv.at; i <= last; i++) {
        pirn__context_start_owned(context, step(chain, i), &chain->priv.owner);
    }
}

static void finish(struct pirn_chain *chain)
{
    pirn_task_finish(chain->priv.context, &chain->op, chain->priv.result);
}

static void fail(struct pirn_chain *chain, uint32_t index, int32_t error)
{
    if (chain->priv.failed == NONE_FAILED) {
        chain->priv.failed = index;
        chain->priv.result = error;
    }
}

/* Begin at priv.at what is to run, passing over what is not. */
static void go_on(struct pirn_chain *chain)
{
    for (; chain->priv.at < chain->priv.count; chain->priv.at++) {
        struct pirn_op *op = step(chain, chain->priv.at);

        if (pirn_task_is_cancelled(&chain->op) && !is_marked(op)) {
            fail(chain, chain->priv.at, -ECANCELED);
        }
        if (wants_to_run(chain, op)) {
            int r = resolve_fd(chain, chain->priv.at);

            if (r == 0) {
                start_run(chain);
                return;
            }
            if (!is_marked(op)) {
                fail(chain, chain->priv.at, r);
            }
        }
        op->priv.result = -ECANCELED;
    }
    finish(chain);
}

/* What a step's end means. */
enum verdict {
    VERDICT_DONE,
    VERDICT_AGAIN, /* it goes on from where it stands */
    VERDICT_FAILED,
};

/* Go on from where @op stands, unless it was cancelled. */
static enum verdict judge_again(struct pirn_chain *chain, struct pirn_op *op)
{
    if (pirn_task_is_cancelled(&chain->op) && !is_marked(op)) {
        op->priv.result = -ECANCELED;
        return VERDICT_FAILED;
    }
    return VERDICT_AGAIN;
}

/* A gathered transfer that fell short cannot be continued: its pieces are the
 * caller's. Nor can one that moved nothing. */
static enum verdict judge_short(struct pirn_chain *chain, struct pirn_op *op)
{
    uint32_t bytes = (uint32_t)op->priv.result;
    enum verdict verdict;

    if (bytes == 0 || op->priv.opcode == ENGINE_WRITEV ||
        op->priv.opcode == ENGINE_SENDMSG) {
        op->priv.result = -EIO;
        return VERDICT_FAILED;
    }
    verdict = judge_again(chain, op);
    if (verdict == VERDICT_AGAIN) {
        chain->priv.moved += bytes;
        advance(op, bytes);
    }
    return verdict;
}

static enum verdict judge(struct pirn_chain *chain, struct pirn_op *op)
{
    const struct engine_row *row = row_of(op);
    bool moves = row != NULL && row->moves;

    moves = moves && !pirn__planted("short-write-ignored");
    if (pirn__planted("sync-retried") && op->priv.opcode == ENGINE_FSYNC &&
        op->priv.result < 0) {
        return judge_again(chain, op);
    }
    if (moves && op->priv.result >= 0 &&
        (uint64_t)op->priv.result < pirn__call_bytes(&op->priv)) {
        return judge_short(chain, op);
    }
    if (moves && op->priv.result == -EINTR) {
        return judge_again(chain, op);
    }
    return op->priv.result < 0 ? VERDICT_FAILED : VERDICT_DONE;
}

/* A step has said its last word: its fields are again as prepared. */
static void settle(struct pirn_chain *chain, struct pirn_op *op)
{
    if (chain->priv.moved > 0) {
        rewind_by(op, chain->priv.moved);
        if (op->priv.result >= 0) {
            op->priv.result += (int32_t)chain->priv.moved;
        }
        chain->priv.moved = 0;
    }
    restore_fd(op);
}

static void restore_fds(struct pirn_chain *chain, uint32_t first,
                        uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        restore_fd(step(chain, i));
    }
}

/* The step at priv.at goes on. Whose descriptor it has, has succeeded. */
static void start_again(struct pirn_chain *chain)
{
    int r = resolve_fd(chain, chain->priv.at);

    pirn_assert(r == 0);
    start_run(chain);
}

static void judge_run(struct pirn_chain *chain)
{
    for (uint32_t left = chain->priv.run; left > 0; left--) {
        struct pirn_op *op = step(chain, chain->priv.at);
        enum verdict verdict;

        if (op->priv.result == ENGINE_NOT_BEGUN) {
            restore_fds(chain, chain->priv.at, left);
            break;
        }
        verdict = judge(chain, op);
        if (verdict == VERDICT_AGAIN) {
            restore_fds(chain, chain->priv.at, left);
            start_again(chain);
            return;
        }
        settle(chain, op);
        if (verdict == VERDICT_FAILED && !is_marked(op)) {
            fail(chain, chain->priv.at, op->priv.result);
        }
        chain->priv.at++;
    }
    go_on(chain);
}

static void step_ended(struct pirn_owner *owner, struct pirn_op *op)
{
    struct pirn_chain *chain =
        pirn_container_of(owner, struct pirn_chain, priv.owner);

    pirn_assert(chain->priv.in_flight > 0);

    op->priv.flags &= (uint8_t) ~(LOAN_LINKED | LOAN_OWNED);
    if (--chain->priv.in_flight == 0) {
        judge_run(chain);
    }
}

static void chain_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_chain *chain = chain_of(op);

    chain->priv.context = context;
    chain->priv.at = 0;
    chain->priv.failed = NONE_FAILED;
    chain->priv.moved = 0;
    chain->priv.result = 0;
    go_on(chain);
}

static void chain_cancel(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_chain *chain = chain_of(op);

    for (uint32_t i = 0; chain->priv.in_flight > 0 && i < chain->priv.run;
         i++) {
        struct pirn_op *running = step(chain, chain->priv.at + i);

        if (!is_marked(running)) {
            pirn_cancel(context, running);
        }
    }
}

static const struct pirn_task_verbs chain_verbs = {
    .begin = chain_begin,
    .cancel = chain_cancel,
    .name = "chain",
};

void pirn_step_when(struct pirn_op *op, enum pirn_step when)
{
    pirn_assert_rule(op->priv.state == LOAN_IDLE,
                     "an op on loan may not be marked");

    op->priv.flags &= (uint8_t) ~(LOAN_ALWAYS | LOAN_UNDO);
    switch (when) {
    case PIRN_STEP_NORMAL:
        return;
    case PIRN_STEP_ALWAYS:
        op->priv.flags |= LOAN_ALWAYS;
        return;
    case PIRN_STEP_UNDO:
        op->priv.flags |= LOAN_UNDO;
        return;
    }
}

void pirn_prep_chain(struct pirn_chain *chain, struct pirn_op *const *steps,
                     uint32_t count)
{
    pirn_assert(count > 0);

    pirn_prep_task(&chain->op, &chain_verbs);
    chain->priv.owner.ended = step_ended;
    chain->priv.steps = steps;
    chain->priv.count = count;
}

void pirn_chain_start(struct pirn_context *context, struct pirn_chain *chain,
                      struct pirn_op *const *steps, uint32_t count,
                      pirn_op_fn *fn)
{
    pirn_prep_chain(chain, steps, count);
    pirn_start(context, &chain->op, fn);
}

uint32_t pirn_chain_failed(const struct pirn_chain *chain)
{
    pirn_assert(pirn_op_is_idle(&chain->op));
    pirn_assert_rule(chain->priv.failed != NONE_FAILED,
                     "no step has failed of a chain that succeeded");

    return chain->priv.failed;
}
