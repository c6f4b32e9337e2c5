/* SPDX-License-Identifier: MIT */
/*
 * pirn/trace.h - what a context does, told to whoever looks
 *
 * A table of functions, of which each may be NULL. They are called on the
 * context's thread, at the place where it happens:
 *
 *   start()                the loan of an op or a multishot begins
 *     serial(), gate()     it waits, has its turn, goes through, ...
 *     cancel()             it is asked to end early; perhaps more than once
 *     deliver()            a multishot has something, and goes on
 *   end()                  its function is called next
 *
 * What is prepared and not started is not told: no context knows of it. Steps
 * of a chain are ops like others, and told between the chain's start and end.
 * A message comes from another thread: of it there is only the end. What begins
 * on a serial at once has its turn (PIRN_SERIAL_BEGINS) just before its start.
 *
 * With no table it costs a comparison for each event. Where sys/sdt.h was there
 * when pirn was built, the same places are probes for perf and bpftrace as
 * well, whether there is a table or not, of the provider pirn: start, cancel,
 * deliver and end (op, number of the operation, result), serial and gate (its
 * address, op, number of the event).
 */
#ifndef PIRN_TRACE_H
#define PIRN_TRACE_H

#include <stdint.h>

#include <pirn/base.h>
#include <pirn/gate.h>
#include <pirn/op.h>
#include <pirn/serial.h>

PIRN_BEGIN_DECLS

struct pirn_trace;

/* Borrowed for the call. */
struct pirn_trace_note {
    struct pirn_context *context;
    const void *address; /* of the op or the multishot; to be compared */
    const char *name;    /* pirn_op_name(); at a gate, which follows no token,
                            "gate" */
    int32_t result;      /* end and deliver: the result. PIRN_GATE_LEFT: the
                            outcome. Else 0 */
    uint64_t now_ns;     /* as pirn_context_now_ns() */
};

/**
 * pirn_trace_fn - told of an event
 * @trace: reach your own struct with pirn_container_of()
 * @note:  borrowed
 *
 * May not start, push, cancel or finish anything.
 */
typedef void pirn_trace_fn(const struct pirn_trace *trace,
                           const struct pirn_trace_note *note);

/** pirn_trace_serial_fn - the same, of what a serial's own trace is told */
typedef void pirn_trace_serial_fn(const struct pirn_trace *trace,
                                  const struct pirn_trace_note *note,
                                  const struct pirn_serial *serial,
                                  enum pirn_serial_event event);

/** pirn_trace_gate_fn - the same, of a gate */
typedef void pirn_trace_gate_fn(const struct pirn_trace *trace,
                                const struct pirn_trace_note *note,
                                const struct pirn_gate *gate,
                                enum pirn_gate_event event);

/* Zeroed means: nothing is told. */
struct pirn_trace {
    pirn_trace_fn *start;
    pirn_trace_fn *cancel;
    pirn_trace_fn *deliver;
    pirn_trace_fn *end;
    pirn_trace_serial_fn *serial;
    pirn_trace_gate_fn *gate;
};

/**
 * pirn_context_set_trace() - tell what happens on a context from now on
 * @trace: borrowed until another is set or the context is destroyed; NULL: off
 *
 * Context: the context's thread; also from fn, and from a function of @trace.
 */
PIRN_API void pirn_context_set_trace(struct pirn_context *context,
                                     const struct pirn_trace *trace);

/**
 * pirn_op_name() - what an op is, in a word for people
 * @op: prepared at least once
 *
 * Return: a static string: the kernel's name of the operation ("WRITE"), or
 *         pirn's ("timer"); of a task, what its verbs say
 */
PIRN_API const char *pirn_op_name(const struct pirn_op *op);

PIRN_END_DECLS

#endif /* PIRN_TRACE_H */
