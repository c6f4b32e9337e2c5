/* SPDX-License-Identifier: MIT */
/* trace.c - see pirn/trace.h; where events are told is in runtime/trace.h */
#include "runtime/trace.h"

#include "pirn/invariant.h"
#include "pirn/task.h"
#include "runtime/context_fields.h"
#include "runtime/engine/table.h"

static_assert(offsetof(struct pirn_context, trace) == 0,
              "a context begins with its trace");

static const char *task_name(const struct pirn_loan *task)
{
    const struct pirn_task_verbs *verbs =
        (const struct pirn_task_verbs *)(uintptr_t)task->addr;

    return verbs->name != NULL ? verbs->name : "task";
}

static const char *name_of(const struct pirn_loan *loan)
{
    static const char *const names[] = {
        [OP_TIMER - ENGINE_OPCODE_COUNT] = "timer",
        [OP_TIMER_AFTER - ENGINE_OPCODE_COUNT] = "timer",
        [OP_TIMER_EVERY - ENGINE_OPCODE_COUNT] = "periodic timer",
        [OP_DEADLINE - ENGINE_OPCODE_COUNT] = "deadline",
        [OP_IMMEDIATE - ENGINE_OPCODE_COUNT] = "immediate",
        [OP_POST - ENGINE_OPCODE_COUNT] = "post",
        [OP_STREAM_SEND - ENGINE_OPCODE_COUNT] = "stream send",
        [OP_STREAM_DRAIN - ENGINE_OPCODE_COUNT] = "stream drain",
        [OP_STREAM_CLOSE - ENGINE_OPCODE_COUNT] = "stream close",
    };

    if (loan->opcode < ENGINE_OPCODE_COUNT) {
        return pirn__engine_rows[loan->opcode].name;
    }
    return loan->opcode == OP_TASK ? task_name(loan)
                                   : names[loan->opcode - ENGINE_OPCODE_COUNT];
}

const char *pirn_op_name(const struct pirn_op *op)
{
    pirn_assert_rule(op->priv.opcode != ENGINE_NONE,
                     "an op has a name once it was prepared");

    return name_of(&op->priv);
}

void pirn_context_set_trace(struct pirn_context *context,
                            const struct pirn_trace *trace)
{
    pirn_assert_rule(context_is_ours(context), context_rule(context));

    context->trace.hooks = trace;
}

static struct pirn_trace_note note_of(struct pirn_context *context,
                                      const struct pirn_loan *loan,
                                      int32_t result)
{
    return (struct pirn_trace_note){
        .context = context,
        .address = op_of((struct pirn_loan *)loan),
        .name = name_of(loan),
        .result = result,
        .now_ns = pirn__context_time_of_start(context),
    };
}

static void tell(struct pirn_context *context, pirn_trace_fn *fn,
                 const struct pirn_loan *loan, int32_t result)
{
    if (fn != NULL) {
        struct pirn_trace_note note = note_of(context, loan, result);

        fn(context->trace.hooks, &note);
    }
}

void pirn__trace_start(struct pirn_context *context,
                       const struct pirn_loan *loan)
{
    tell(context, context->trace.hooks->start, loan, 0);
}

void pirn__trace_cancel(struct pirn_context *context,
                        const struct pirn_loan *loan)
{
    tell(context, context->trace.hooks->cancel, loan, 0);
}

void pirn__trace_deliver(struct pirn_context *context,
                         const struct pirn_loan *loan, int32_t result)
{
    tell(context, context->trace.hooks->deliver, loan, result);
}

void pirn__trace_end(struct pirn_context *context, const struct pirn_loan *loan,
                     int32_t result)
{
    tell(context, context->trace.hooks->end, loan, result);
}

void pirn__trace_serial(struct pirn_context *context,
                        const struct pirn_serial *serial,
                        const struct pirn_op *op, enum pirn_serial_event event)
{
    const struct pirn_trace *hooks = context->trace.hooks;

    if (hooks->serial != NULL) {
        struct pirn_trace_note note = note_of(context, &op->priv, 0);

        hooks->serial(hooks, &note, serial, event);
    }
}

/* A token is an address: the op may be somebody's other business, or gone. */
void pirn__trace_gate(struct pirn_context *context,
                      const struct pirn_gate *gate, const struct pirn_op *token,
                      enum pirn_gate_event event, int32_t outcome)
{
    const struct pirn_trace *hooks = context->trace.hooks;

    if (hooks->gate != NULL) {
        struct pirn_trace_note note = {
            .context = context,
            .address = token,
            .name = "gate",
            .result = outcome,
            .now_ns = pirn__context_time_of_start(context),
        };

        hooks->gate(hooks, &note, gate, event);
    }
}
