/* SPDX-License-Identifier: MIT */
/*
 * trace.h - the places at which events are told
 *
 * Each is a probe, if there are probes, and one comparison. What is behind that
 * is in trace.c, out of the way.
 */
#ifndef RUNTIME_TRACE_H
#define RUNTIME_TRACE_H

#include <stddef.h>

#include "pirn/trace.h"
#include "runtime/context.h"

#ifdef PIRN_PROBES
#include <sys/sdt.h>
#define TRACE_PROBE(name, a, b, c) DTRACE_PROBE3(pirn, name, a, b, c)
#else
#define TRACE_PROBE(name, a, b, c) ((void)0)
#endif

/* How each context begins: who has its address need not see more of it to know
 * whether anybody looks. */
struct trace_head {
    const struct pirn_trace *hooks; /* NULL: off */
};

static_assert(offsetof(struct pirn_op, priv) ==
                  offsetof(struct pirn_multishot, priv),
              "a loan's address gives that of either");

__attribute__((cold)) void pirn__trace_start(struct pirn_context *context,
                                             const struct pirn_loan *loan);
__attribute__((cold)) void pirn__trace_cancel(struct pirn_context *context,
                                              const struct pirn_loan *loan);
__attribute__((cold)) void pirn__trace_deliver(struct pirn_context *context,
                                               const struct pirn_loan *loan,
                                               int32_t result);
__attribute__((cold)) void pirn__trace_end(struct pirn_context *context,
                                           const struct pirn_loan *loan,
                                           int32_t result);
__attribute__((cold)) void pirn__trace_serial(struct pirn_context *context,
                                              const struct pirn_serial *serial,
                                              const struct pirn_op *op,
                                              enum pirn_serial_event event);
__attribute__((cold)) void pirn__trace_gate(struct pirn_context *context,
                                            const struct pirn_gate *gate,
                                            const struct pirn_op *token,
                                            enum pirn_gate_event event,
                                            int32_t outcome);

static inline const struct pirn_trace *trace_hooks(
    const struct pirn_context *context)
{
    return ((const struct trace_head *)context)->hooks;
}

static inline void trace_start(struct pirn_context *context,
                               const struct pirn_loan *loan)
{
    TRACE_PROBE(start, op_of((struct pirn_loan *)loan), loan->opcode, 0);
    if (trace_hooks(context) != NULL) {
        pirn__trace_start(context, loan);
    }
}

static inline void trace_cancel(struct pirn_context *context,
                                const struct pirn_loan *loan)
{
    TRACE_PROBE(cancel, op_of((struct pirn_loan *)loan), loan->opcode, 0);
    if (trace_hooks(context) != NULL) {
        pirn__trace_cancel(context, loan);
    }
}

static inline void trace_deliver(struct pirn_context *context,
                                 const struct pirn_loan *loan, int32_t result)
{
    TRACE_PROBE(deliver, op_of((struct pirn_loan *)loan), loan->opcode, result);
    if (trace_hooks(context) != NULL) {
        pirn__trace_deliver(context, loan, result);
    }
}

static inline void trace_end(struct pirn_context *context,
                             const struct pirn_loan *loan, int32_t result)
{
    TRACE_PROBE(end, op_of((struct pirn_loan *)loan), loan->opcode, result);
    if (trace_hooks(context) != NULL) {
        pirn__trace_end(context, loan, result);
    }
}

static inline void trace_serial(struct pirn_context *context,
                                const struct pirn_serial *serial,
                                const struct pirn_op *op,
                                enum pirn_serial_event event)
{
    TRACE_PROBE(serial, serial, op, event);
    if (trace_hooks(context) != NULL) {
        pirn__trace_serial(context, serial, op, event);
    }
}

static inline void trace_gate(struct pirn_context *context,
                              const struct pirn_gate *gate,
                              const struct pirn_op *token,
                              enum pirn_gate_event event, int32_t outcome)
{
    TRACE_PROBE(gate, gate, token, event);
    if (trace_hooks(context) != NULL) {
        pirn__trace_gate(context, gate, token, event, outcome);
    }
}

#endif /* RUNTIME_TRACE_H */
