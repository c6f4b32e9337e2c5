/* SPDX-License-Identifier: MIT */
/*
 * loan.c - where every loan is; how it begins, and how it is cancelled
 *
 * A loan is in exactly one place:
 *
 *   IDLE      nowhere; its owner's
 *   QUEUED    on context->queued, or of a multishot on context->starved; the
 *             engine does not know it (any more)
 *   INFLIGHT  the engine's; on context->inflight, or on context->cancels while
 *             a cancellation waits for room in the submission queue
 *   HELD      in the timer heap, in the mailbox, or with a task's owner
 *   WAITING   on a serial, for its turn; it has not begun
 *   READY     on one of the four lists of what is due; its result is known, its
 *             function not called
 *
 *            +-- rearm --+
 *            v           |
 *   IDLE -> QUEUED -> INFLIGHT -> READY -> IDLE
 *     |        |                    ^
 *     |        +------ cancel ------+
 *     +-----> HELD -----------------+
 *     +---> WAITING ---- cancel ----+     from WAITING it begins as from IDLE
 *
 * A cancellation names its target by address, and the owner may restart the
 * op, at the same address, as soon as its function is called. It is the first
 * life that must be cancelled, not the second. Two facts make it so: an op
 * leaves context->cancels when its event is reaped; and the submission queue is
 * first in, first out, so a cancellation already in it comes before any
 * restart, finds nothing, and the second life begins after it.
 */
#include <errno.h>

#include "runtime/context_fields.h"

/* --- start --- */

static const struct pirn_task_verbs *verbs_of(const struct pirn_loan *loan)
{
    switch (loan->opcode) {
    case OP_TASK:
        return (const struct pirn_task_verbs *)(uintptr_t)loan->addr;
    case OP_STREAM_SEND:
        return &pirn__stream_send_verbs;
    case OP_STREAM_DRAIN:
        return &pirn__stream_drain_verbs;
    case OP_STREAM_CLOSE:
        return &pirn__stream_close_verbs;
    default:
        return NULL;
    }
}

/* Outside a turn the cached time may be old, and a timer would end early. */
uint64_t pirn__context_time_of_start(struct pirn_context *context)
{
    if (!context->in_turn) {
        context_read_clock(context);
    }
    return context_now_ns(context);
}

static void begin_timer_after(struct pirn_context *context,
                              struct pirn_loan *loan)
{
    uint64_t after_ns = loan_wide(loan);
    uint64_t now_ns = pirn__context_time_of_start(context);

    loan->offset =
        after_ns > UINT64_MAX - now_ns ? UINT64_MAX : now_ns + after_ns;
    pirn__heap_insert(&context->timers, loan);
}

/* The way of each kind that the engine never sees. */
static void begin_held(struct pirn_context *context, struct pirn_loan *loan)
{
    const struct pirn_task_verbs *verbs = verbs_of(loan);

    loan->state = LOAN_HELD;
    switch (loan->opcode) {
    case OP_TIMER:
    case OP_DEADLINE:
        pirn__heap_insert(&context->timers, loan);
        return;
    case OP_TIMER_AFTER:
    case OP_TIMER_EVERY:
        begin_timer_after(context, loan);
        return;
    case OP_IMMEDIATE:
        loan_is_ready(loan, &context->immediate, 0);
        return;
    default:
        pirn_assert_rule(verbs != NULL, "an op is prepared for what starts it");
        verbs->begin(context, op_of(loan));
    }
}

/* On loan from here on. */
static inline void lend(struct pirn_context *context, struct pirn_loan *loan)
{
    pirn_assert_rule(context_is_ours(context), context_rule(context));
    pirn_assert_rule(loan->state == LOAN_IDLE,
                     "an op on loan may not be started again");
    pirn_assert_rule(loan->opcode != ENGINE_NONE,
                     "an op is prepared before it is started");

    context->loaned_count++;
    loan->link = (struct pirn_link){0};
    trace_start(context, loan);
}

/* On its way to its end. */
static void send_off(struct pirn_context *context, struct pirn_loan *loan)
{
    loan->state = LOAN_QUEUED;
    if (context->error < 0 && loan->opcode < OP_IMMEDIATE) {
        loan_is_ready(loan, &context->completed, context->error);
    } else if (loan->opcode >= ENGINE_OPCODE_COUNT) {
        begin_held(context, loan);
    } else {
        list_push_tail(&context->queued, &loan->link);
    }
}

static void begin(struct pirn_context *context, struct pirn_loan *loan)
{
    lend(context, loan);
    send_off(context, loan);
}

void pirn_start(struct pirn_context *context, struct pirn_op *op,
                pirn_op_fn *fn)
{
    pirn_assert(fn != NULL);
    pirn_assert(!(op->priv.flags & LOAN_MULTISHOT));

    op->then.fn = fn;
    op->priv.flags &= LOAN_PREPARED;
    begin(context, &op->priv);
}

void pirn__context_start_owned(struct pirn_context *context, struct pirn_op *op,
                               struct pirn_owner *owner)
{
    op->then.owner = owner;
    op->priv.flags &= LOAN_PREPARED | LOAN_LINKED | LOAN_FD_OF;
    op->priv.flags |= LOAN_OWNED;
    begin(context, &op->priv);
}

void pirn__context_hold(struct pirn_context *context, struct pirn_op *op,
                        enum loan_state state)
{
    pirn_assert(!(op->priv.flags & LOAN_MULTISHOT));

    lend(context, &op->priv);
    op->priv.flags &= LOAN_PREPARED;
    op->priv.state = (uint8_t)state;
}

void pirn__context_begin_held(struct pirn_context *context, struct pirn_op *op,
                              struct pirn_owner *owner)
{
    pirn_assert(context_is_ours(context));

    op->then.owner = owner;
    op->priv.flags |= LOAN_OWNED;
    send_off(context, &op->priv);
}

void pirn__context_end_held(struct pirn_context *context, struct pirn_op *op,
                            pirn_op_fn *fn, int32_t result)
{
    pirn_assert(context_is_ours(context));

    op->then.fn = fn;
    loan_is_ready(&op->priv, &context->completed, result);
}

void pirn_multishot_start(struct pirn_context *context,
                          struct pirn_multishot *shot, pirn_multishot_fn *fn)
{
    pirn_assert(fn != NULL);
    pirn_assert(shot->priv.flags & LOAN_MULTISHOT);

    shot->fn = fn;
    shot->priv.flags &= LOAN_PREPARED;
    begin(context, &shot->priv);
}

void pirn_task_finish(struct pirn_context *context, struct pirn_op *op,
                      int32_t result)
{
    pirn_assert_rule(context_is_ours(context), context_rule(context));
    pirn_assert_rule(op->priv.state == LOAN_HELD && op->priv.opcode >= OP_TASK,
                     "a task is finished once per loan");

    loan_is_ready(&op->priv, &context->completed, result);
}

bool pirn_task_is_cancelled(const struct pirn_op *op)
{
    return (op->priv.flags & LOAN_CANCELLING) != 0;
}

/* --- cancel --- */

static void cancel_held(struct pirn_context *context, struct pirn_loan *loan)
{
    const struct pirn_task_verbs *verbs = verbs_of(loan);

    if (loan->opcode < OP_IMMEDIATE) {
        context_end_timer(context, loan, -ECANCELED);
        return;
    }
    if (loan->flags & LOAN_CANCELLING) {
        return;
    }
    loan->flags |= LOAN_CANCELLING;
    if (verbs != NULL && verbs->cancel != NULL) {
        verbs->cancel(context, op_of(loan));
    }
}

/* What is in one run behind it was to begin after it, and is its chain's to
 * decide about now; what is before it loses its link. */
static void cancel_queued(struct pirn_context *context, struct pirn_loan *loan)
{
    struct pirn_loan *before = loan_of(loan->link.prev);
    int32_t result = -ECANCELED;
    bool is_linked = true;

    if (loan->flags & LOAN_MULTISHOT) { /* never linked; perhaps starved */
        context_end_early(context, loan, -ECANCELED);
        return;
    }
    if (loan->link.prev != &context->queued) {
        before->flags &= (uint8_t)~LOAN_LINKED;
    }
    while (is_linked) {
        struct pirn_loan *behind = loan_of(loan->link.next);

        is_linked = (loan->flags & LOAN_LINKED) != 0;
        loan_is_ready(loan, &context->completed, result);
        result = ENGINE_NOT_BEGUN;
        loan = behind;
    }
}

static void cancel(struct pirn_context *context, struct pirn_loan *loan)
{
    pirn_assert_rule(context_is_ours(context), context_rule(context));
    if (loan->state != LOAN_IDLE) {
        trace_cancel(context, loan);
    }

    switch ((enum loan_state)loan->state) {
    case LOAN_IDLE:
        return;

    case LOAN_READY:
        /* Nothing has moved: who cancels a timer need not expect it. */
        if (loan->opcode >= OP_TIMER && loan->opcode <= OP_IMMEDIATE) {
            loan->result = -ECANCELED;
        }
        return;

    case LOAN_HELD:
        cancel_held(context, loan);
        return;

    case LOAN_WAITING:
    case LOAN_WAITING_ALONE:
        pirn__serial_drop(op_of(loan));
        return;

    case LOAN_QUEUED:
        cancel_queued(context, loan);
        return;

    case LOAN_INFLIGHT:
        if (!(loan->flags & LOAN_CANCELLING)) {
            loan->flags |= LOAN_CANCELLING;
            list_unlink(&loan->link);
            list_push_tail(&context->cancels, &loan->link);
        }
        return;
    }
    pirn_unreachable("loan state out of range");
}

void pirn_cancel(struct pirn_context *context, struct pirn_op *op)
{
    cancel(context, &op->priv);
}

void pirn_multishot_cancel(struct pirn_context *context,
                           struct pirn_multishot *shot)
{
    cancel(context, &shot->priv);
}
