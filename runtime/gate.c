/* SPDX-License-Identifier: MIT */
/*
 * gate.c - see pirn/gate.h
 *
 * An enter or a wait is a task whose fields mean
 *
 *   offset    the gate            op_flags  whether it wants to hold it
 *   len, fd   the token           arg       the outcome, once it was told
 *
 * Invariant: who waits waits for a holder. The holder is an address and is
 * never followed: his op may be on other business.
 */
#include "pirn/gate.h"

#include <errno.h>

#include "pirn/invariant.h"
#include "pirn/task.h"
#include "runtime/context.h"
#include "runtime/list.h"
#include "runtime/trace.h"

static struct pirn_op *op_at(struct pirn_link *link)
{
    return pirn_container_of(link, struct pirn_op, priv.link);
}

static struct pirn_gate *gate_of(const struct pirn_op *op)
{
    return (struct pirn_gate *)(uintptr_t)op->priv.offset;
}

static const struct pirn_op *token_of(const struct pirn_op *op)
{
    return (const struct pirn_op *)(uintptr_t)loan_wide(&op->priv);
}

static bool wants_to_hold(const struct pirn_op *op)
{
    return op->priv.op_flags != 0;
}

/* --- hold --- */

static void hold(struct pirn_gate *gate, const struct pirn_op *token)
{
    pirn_assert(token != NULL);

    gate->priv.holder = token;
    gate->priv.since_ns = pirn__context_recent_ns(gate->priv.context);
    gate->priv.depth = 1;
    trace_gate(gate->priv.context, gate, token, PIRN_GATE_HELD, 0);
}

static bool is_held_by(const struct pirn_gate *gate,
                       const struct pirn_op *token)
{
    return gate->priv.holder != NULL && gate->priv.holder == token;
}

/* --- wait --- */

static void wait_for_holder(struct pirn_gate *gate, struct pirn_op *op)
{
    list_push_tail(&gate->priv.waiting, &op->priv.link);
    gate->priv.waiting_count++;
    trace_gate(gate->priv.context, gate, op, PIRN_GATE_WAITS, 0);
}

static void end_wait(struct pirn_gate *gate, struct pirn_op *op, int32_t result)
{
    gate->priv.waiting_count--;
    pirn_task_finish(gate->priv.context, op, result);
}

static void tell(struct pirn_gate *gate, struct pirn_op *op, int32_t outcome)
{
    op->priv.arg = (uint32_t)outcome;
    end_wait(gate, op, PIRN_GATE_OPENED);
}

static struct pirn_op *first_to_hold(const struct pirn_gate *gate)
{
    struct pirn_link *link = gate->priv.waiting.next;

    while (link != &gate->priv.waiting && !wants_to_hold(op_at(link))) {
        link = link->next;
    }
    return link == &gate->priv.waiting ? NULL : op_at(link);
}

static void gate_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_gate *gate = gate_of(op);

    pirn_assert(context == gate->priv.context);
    if (is_held_by(gate, token_of(op))) {
        gate->priv.depth += wants_to_hold(op);
        pirn_task_finish(context, op, 0);
        return;
    }
    pirn_assert_rule(!is_held_by(gate, op),
                     "who holds a gate enters it again with his token");
    if (gate->priv.closing) {
        pirn_task_finish(context, op, -ECANCELED);
    } else if (gate->priv.holder != NULL) {
        wait_for_holder(gate, op);
    } else {
        if (wants_to_hold(op)) {
            hold(gate, op);
        }
        pirn_task_finish(context, op, 0);
    }
}

static void gate_cancel(struct pirn_context *context, struct pirn_op *op)
{
    (void)context;
    end_wait(gate_of(op), op, -ECANCELED);
}

static const struct pirn_task_verbs gate_verbs = {
    .begin = gate_begin,
    .cancel = gate_cancel,
    .name = "gate",
};

static void prep(struct pirn_op *op, struct pirn_gate *gate,
                 const struct pirn_op *token, bool hold)
{
    pirn_prep_task(op, &gate_verbs);
    op->priv.offset = (uintptr_t)gate;
    op->priv.op_flags = hold;
    loan_set_wide(&op->priv, (uintptr_t)token);
}

void pirn_prep_gate_enter(struct pirn_op *op, struct pirn_gate *gate,
                          const struct pirn_op *token)
{
    prep(op, gate, token, true);
}

void pirn_prep_gate_wait(struct pirn_op *op, struct pirn_gate *gate,
                         const struct pirn_op *token)
{
    prep(op, gate, token, false);
}

int32_t pirn_gate_outcome(const struct pirn_op *op)
{
    pirn_assert_rule(op->priv.addr == (uintptr_t)&gate_verbs &&
                         pirn_op_result(op) == PIRN_GATE_OPENED,
                     "an outcome is for who has waited at a gate");

    return (int32_t)op->priv.arg;
}

bool pirn_gate_try(struct pirn_gate *gate, const struct pirn_op *token)
{
    if (is_held_by(gate, token)) {
        gate->priv.depth++;
        return true;
    }
    if (gate->priv.holder != NULL || gate->priv.closing) {
        return false;
    }
    hold(gate, token);
    return true;
}

/* --- leave --- */

static void finish_closes(struct pirn_gate *gate)
{
    while (!list_is_empty(&gate->priv.closes)) {
        pirn_task_finish(gate->priv.context, op_at(gate->priv.closes.next), 0);
    }
}

/* Whether that was the last time. */
static bool leave_once(struct pirn_gate *gate, const struct pirn_op *token,
                       int32_t outcome)
{
    pirn_assert_rule(is_held_by(gate, token),
                     "a gate is left by who holds it, with his token");

    if (--gate->priv.depth > 0) {
        return false;
    }
    gate->priv.holder = NULL;
    trace_gate(gate->priv.context, gate, token, PIRN_GATE_LEFT, outcome);
    return true;
}

static void open_gate(struct pirn_gate *gate, int32_t outcome)
{
    while (!list_is_empty(&gate->priv.waiting)) {
        tell(gate, op_at(gate->priv.waiting.next), outcome);
    }
    finish_closes(gate);
}

void pirn_gate_leave(struct pirn_gate *gate, const struct pirn_op *token,
                     int32_t outcome)
{
    if (leave_once(gate, token, outcome)) {
        open_gate(gate, outcome);
    }
}

void pirn_gate_pass_on(struct pirn_gate *gate, const struct pirn_op *token,
                       int32_t outcome)
{
    struct pirn_op *next = first_to_hold(gate);

    if (!leave_once(gate, token, outcome)) {
        return;
    }
    if (next == NULL) {
        open_gate(gate, outcome);
    } else {
        hold(gate, next);
        end_wait(gate, next, 0);
    }
}

/* --- close --- */

static void close_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_gate *gate = gate_of(op);

    pirn_assert(context == gate->priv.context);
    gate->priv.closing = true;
    while (!list_is_empty(&gate->priv.waiting)) {
        end_wait(gate, op_at(gate->priv.waiting.next), -ECANCELED);
    }
    list_push_tail(&gate->priv.closes, &op->priv.link);
    if (gate->priv.holder == NULL) {
        finish_closes(gate);
    }
}

static const struct pirn_task_verbs close_verbs = {.begin = close_begin,
                                                   .name = "gate close"};

void pirn_prep_gate_close(struct pirn_op *op, struct pirn_gate *gate)
{
    pirn_prep_task(op, &close_verbs);
    op->priv.offset = (uintptr_t)gate;
}

/* --- life --- */

void pirn_gate_init(struct pirn_gate *gate, struct pirn_context *context)
{
    gate->priv = (typeof(gate->priv)){.context = context};
    list_init(&gate->priv.waiting);
    list_init(&gate->priv.closes);
}

void pirn_gate_deinit(struct pirn_gate *gate)
{
    pirn_assert_rule(gate->priv.holder == NULL,
                     "a gate is left before it ends");
    pirn_assert(gate->priv.waiting_count == 0);
    pirn_assert(list_is_empty(&gate->priv.closes));
}

void pirn_gate_status(const struct pirn_gate *gate,
                      struct pirn_gate_status *ret_status)
{
    *ret_status = (struct pirn_gate_status){
        .holder = gate->priv.holder,
        .since_ns = gate->priv.holder != NULL ? gate->priv.since_ns : 0,
        .depth = gate->priv.depth,
        .waiting_count = gate->priv.waiting_count,
        .closing = gate->priv.closing,
    };
}
