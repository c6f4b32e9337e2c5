/* SPDX-License-Identifier: MIT */
/*
 * turn.c - when a loan's function is called
 *
 * A turn calls what is due when it begins, not what becomes due meanwhile, and
 * of each source at most the budget: a function that restarts its own op for
 * ever holds nobody up. The completion queue is always emptied, budget or not.
 */
#include <errno.h>

#include "runtime/context_fields.h"
#include "runtime/memory_check.h"
#include "runtime/plant.h"
#include "runtime/rearm.h"

enum { REAP_BATCH = 64 }; /* 1.5 KiB of stack */

static void end_all(struct pirn_context *context, struct pirn_link *list)
{
    struct pirn_link *link;

    while ((link = list_pop_head(list)) != NULL) {
        struct pirn_loan *loan = loan_of(link);

        /* What a multishot has delivered is not taken back. */
        if (!shots_end(&context->shots, loan)) {
            loan_is_ready(loan, &context->completed, context->error);
        }
    }
}

/* The ring is gone: what it had, or was to have, ends with its error; and so
 * does the time, for which nobody waits any more. */
static void context_fail(struct pirn_context *context, int error)
{
    struct pirn_loan *timer;

    context->error = error;
    list_splice_head(&context->inflight, &context->cancels);
    context->engine->class->abandon(context->engine, &context->inflight);
    end_all(context, &context->inflight);
    end_all(context, &context->queued);
    end_all(context, &context->starved);
    while ((timer = pirn__heap_due(&context->timers, UINT64_MAX)) != NULL) {
        context_end_timer(context, timer, error);
    }
}

static bool has_work(const struct pirn_context *context)
{
    return !list_is_empty(&context->queued) ||
           !list_is_empty(&context->cancels) ||
           !list_is_empty(&context->expired) ||
           !list_is_empty(&context->completed) || context->posted != NULL ||
           !list_is_empty(&context->immediate) ||
           shots_count(&context->shots) > 0 || pirn__rearm_is_due(context);
}

/* How long the engine may wait for something to become due. */
static uint64_t wait_ns(struct pirn_context *context, uint64_t timeout_ns)
{
    uint64_t bound_ns = heap_bound_ns(&context->timers);
    uint64_t now_ns;

    if (timeout_ns == 0 || has_work(context)) {
        return 0;
    }
    if (bound_ns != PIRN_FOREVER) {
        now_ns = context->engine->class->now_ns(context->engine);
        if (bound_ns <= now_ns) {
            return 0;
        }
        if (bound_ns - now_ns < timeout_ns) {
            timeout_ns = bound_ns - now_ns;
        }
    }
    return timeout_ns;
}

/* Hand over what was started, and wait. */
static void enter(struct pirn_context *context, uint64_t timeout_ns)
{
    int r = context->engine->class->wait(context->engine, timeout_ns);

    if (r < 0 && context->error == 0) {
        context_fail(context, r);
    }
}

static void submit(struct pirn_context *context)
{
    if (context->error == 0) {
        pirn__rearm_feed(context);
        pirn__memory_check_submitted(&context->queued);
        context->engine->class->submit(context->engine, &context->cancels,
                                       &context->queued, &context->inflight);
    }
}

static void context_wait(struct pirn_context *context, uint64_t timeout_ns)
{
    timeout_ns = wait_ns(context, timeout_ns);
    if (timeout_ns > 0 && !mailbox_lie_down(&context->mailbox)) {
        timeout_ns = 0;
    }
    if (context->in_run && atomic_load(&context->stop)) {
        timeout_ns = 0;
    }
    enter(context, timeout_ns);
    mailbox_get_up(&context->mailbox);
    context->now_is_old = true;
    if (timeout_ns > 0 || context->timers.count > 0 ||
        context->turns % CLOCK_TURNS == 0) {
        context_read_clock(context);
    }
}

/* A kernel worker that a cancellation interrupts says -EINTR. */
static int32_t result_of(struct engine_event event)
{
    bool is_cancelled = (event.loan->flags & LOAN_CANCELLING) != 0;

    return is_cancelled && event.result == -EINTR ? -ECANCELED : event.result;
}

static void drop_buffer(struct pirn_context *context, uint16_t buffer)
{
    if (buffer != BUFFER_NONE) {
        pirn__context_put_buffer(context, buffer);
    }
}

static void reap_shot(struct pirn_context *context, struct engine_event event)
{
    bool is_cancelled = (event.loan->flags & LOAN_CANCELLING) != 0;

    if (event.buffer != ENGINE_NO_BUFFER) {
        pirn__buffers_taken(&context->buffers);
    }
    if (!event.more && is_cancelled && pirn__rearm_is_passing(event)) {
        event.result = -ECANCELED;
    } else if (!event.more && !is_cancelled && pirn__rearm(context, event)) {
        if (!pirn__rearm_delivers(event)) {
            drop_buffer(context, event.buffer);
            return;
        }
        event.more = true;
    }
    shots_push(&context->shots, event);
}

static void context_reap(struct pirn_context *context)
{
    struct engine_event events[REAP_BATCH];
    uint32_t count;
    uint32_t max;

    do {
        max = shots_room(&context->shots);
        if (max > REAP_BATCH) {
            max = REAP_BATCH;
        }
        count = context->engine->class->reap(context->engine, events, max);
        for (uint32_t i = 0; i < count; i++) {
            struct pirn_loan *loan = events[i].loan;

            pirn_assert_rule(loan->state == LOAN_INFLIGHT,
                             "an op completes once");
            pirn__memory_check_completed(&context->buffers, events[i]);
            if (loan->flags & LOAN_MULTISHOT) {
                reap_shot(context, events[i]);
            } else {
                loan_is_ready(loan, &context->completed, result_of(events[i]));
            }
        }
    } while (count == max && max > 0);
}

/* Periods that passed unseen are counted, not made up for. */
static void expire_period(struct pirn_context *context, struct pirn_loan *timer)
{
    uint64_t period_ns = loan_wide(timer);
    uint64_t passed = 1 + (context->now_ns - timer->offset) / period_ns;
    int32_t result = passed > INT32_MAX ? INT32_MAX : (int32_t)passed;

    timer->offset += passed * period_ns;
    pirn__heap_insert(&context->timers, timer);
    shots_push(&context->shots, (struct engine_event){.loan = timer,
                                                      .result = result,
                                                      .buffer = BUFFER_NONE,
                                                      .more = true});
}

static void expire(struct pirn_context *context, struct pirn_loan *timer)
{
    if (timer->opcode == OP_DEADLINE) {
        pirn_cancel(context, (struct pirn_op *)(uintptr_t)loan_wide(timer));
    }
    loan_is_ready(timer, &context->expired, 0);
}

static void context_expire(struct pirn_context *context)
{
    struct pirn_loan *timer;

    while (shots_room(&context->shots) > 0 &&
           (timer = pirn__heap_due(&context->timers, context->now_ns))) {
        pirn__heap_remove(&context->timers, timer);
        if (timer->opcode == OP_TIMER_EVERY) {
            expire_period(context, timer);
        } else {
            expire(context, timer);
        }
    }
}

/* What comes later stays in the mailbox for as long as this lasts. */
static void context_collect_mail(struct pirn_context *context)
{
    if (context->posted == NULL) {
        context->posted =
            mailbox_take(&context->mailbox, &context->loaned_count);
    }
}

static void deliver_last(struct pirn_loan *loan, int32_t result)
{
    struct pirn_multishot *shot =
        pirn_container_of(loan, struct pirn_multishot, priv);

    shot->fn(shot, result, PIRN_LAST);
}

static void end(struct pirn_context *context, struct pirn_loan *loan)
{
    struct pirn_op *op = op_of(loan);
    bool late = pirn__planted("late-cancel") && (loan->flags & LOAN_CANCELLING);

    pirn_check(loan->state == LOAN_READY);
    pirn_assert(context->loaned_count > 0);

    trace_end(context, loan, loan->result);
    loan->state = LOAN_IDLE;
    context->loaned_count--;
    if (loan->flags & LOAN_OWNED) {
        op->then.owner->ended(op->then.owner, op);
    } else if (loan->flags & LOAN_MULTISHOT) { /* the kernel never saw it */
        deliver_last(loan, loan->result);
    } else {
        if (pirn__planted("double-completion")) {
            op->then.fn(op, loan->result);
        }
        op->then.fn(op, loan->result);
    }
    /* Whoever was called may have freed op. */
    if (late) {
        pirn_cancel(context, op);
    }
}

/* Call what is on @due, at most @budget of it; the rest is on @list again,
 * before what has come meanwhile. */
static uint32_t dispatch(struct pirn_context *context, struct pirn_link *due,
                         struct pirn_link *list, uint32_t budget)
{
    struct pirn_link *link;
    uint32_t called = 0;

    if (list_is_empty(due)) {
        return 0;
    }
    while (called < budget && (link = list_pop_head(due)) != NULL) {
        end(context, loan_of(link));
        called++;
    }
    list_splice_head(list, due);
    return called;
}

static uint32_t dispatch_posts(struct pirn_context *context, uint32_t budget)
{
    uint32_t called = 0;

    while (called < budget && context->posted != NULL) {
        struct pirn_loan *loan = loan_of(context->posted);
        struct pirn_op *op = op_of(loan);

        context->posted = loan->link.next;
        context->loaned_count--;
        loan->state = LOAN_IDLE;
        loan->result = 0;
        trace_end(context, loan, 0);
        op->then.fn(op, 0);
        called++;
    }
    return called;
}

static void deliver(struct pirn_context *context, struct engine_event event)
{
    struct pirn_multishot *shot =
        pirn_container_of(event.loan, struct pirn_multishot, priv);

    if (event.buffer != BUFFER_NONE) {
        event.loan->addr =
            (uintptr_t)buffer_bytes(&context->buffers, event.buffer);
    }
    context->delivered = event.buffer;
    if (event.more) {
        trace_deliver(context, event.loan, event.result);
        shot->fn(shot, event.result, PIRN_MORE);
    } else {
        trace_end(context, event.loan, event.result);
        list_unlink(&event.loan->link); /* from inflight or cancels */
        event.loan->state = LOAN_IDLE;
        context->loaned_count--;
        deliver_last(event.loan, event.result);
    }
    drop_buffer(context, context->delivered);
}

static uint32_t dispatch_shots(struct pirn_context *context, uint32_t budget)
{
    uint32_t due = shots_count(&context->shots);
    uint32_t called = 0;

    while (called < budget && called < due) {
        deliver(context, shots_pop(&context->shots));
        called++;
    }
    return called;
}

/* What is due now, not what becomes due meanwhile: all is taken before the
 * first function is called. */
static uint32_t context_call(struct pirn_context *context)
{
    uint32_t budget = context->turn_budget;
    struct pirn_link expired;
    struct pirn_link completed;
    struct pirn_link immediate;
    uint32_t called;

    list_take(&expired, &context->expired);
    list_take(&completed, &context->completed);
    list_take(&immediate, &context->immediate);

    called = dispatch(context, &expired, &context->expired, budget);
    called += dispatch(context, &completed, &context->completed, budget);
    called += dispatch_shots(context, budget);
    called += dispatch_posts(context, budget);
    called += dispatch(context, &immediate, &context->immediate, budget);
    return called;
}

int pirn_context_turn(struct pirn_context *context, uint64_t timeout_ns)
{
    uint32_t called;

    pirn_assert_rule(context_is_ours(context), context_rule(context));
    pirn_assert_rule(!context->in_turn, "a turn does not begin inside another");
    context->in_turn = true;

    submit(context);
    context_wait(context, timeout_ns);
    context_expire(context);
    context_reap(context);
    context_collect_mail(context);
    called = context_call(context);
    context->turns++;
    context->functions += called;

    context->in_turn = false;
    return called == 0 && context->error < 0 ? context->error : (int)called;
}

/* As a turn up to its sleep, which is the host's. The engine is entered, or its
 * doorbell might not be heard; what that brought is reaped, since it may have
 * been noticed already. */
uint64_t pirn_context_deadline_ns(struct pirn_context *context)
{
    pirn_assert_rule(context_is_ours(context), context_rule(context));
    pirn_assert(!context->in_turn);

    submit(context);
    enter(context, 0);
    context_reap(context);
    if (has_work(context) || !mailbox_lie_down(&context->mailbox) ||
        atomic_load(&context->stop)) {
        return 0;
    }
    return heap_bound_ns(&context->timers);
}

int pirn_context_run(struct pirn_context *context)
{
    int r = 0;

    context->in_run = true;
    while (r >= 0 && !atomic_load(&context->stop)) {
        r = pirn_context_turn(context, PIRN_FOREVER);
    }
    context->in_run = false;
    atomic_store(&context->stop, false);
    return r < 0 ? r : 0;
}

int pirn_context_drain(struct pirn_context *context)
{
    int r = 0;

    while (r >= 0 && (context->loaned_count > 0 ||
                      !mailbox_is_empty(&context->mailbox))) {
        r = pirn_context_turn(context, PIRN_FOREVER);
    }
    return r < 0 ? r : 0;
}

static void waited_for(struct pirn_op *op, int32_t result)
{
    (void)op; /* pirn_wait() sees that it is idle */
    (void)result;
}

int32_t pirn_wait(struct pirn_context *context, struct pirn_op *op)
{
    int r = 0;

    pirn_start(context, op, waited_for);
    while (!pirn_op_is_idle(op) && r >= 0) {
        r = pirn_context_turn(context, PIRN_FOREVER);
    }
    return pirn_op_is_idle(op) ? op->priv.result : r;
}
