/* SPDX-License-Identifier: MIT */
/*
 * context.h - what the other files of the runtime may ask of the context
 */
#ifndef RUNTIME_CONTEXT_H
#define RUNTIME_CONTEXT_H

#include "pirn/context.h"
#include "pirn/op.h"
#include "pirn/task.h"
#include "runtime/engine/engine.h"

/* Operations that the engine never sees; they follow the engine's. */
enum context_opcode {
    OP_TIMER = ENGINE_OPCODE_COUNT, /* at loan.offset */
    OP_TIMER_AFTER,                 /* heap.h; the span in len and fd */
    OP_TIMER_EVERY,                 /* a multishot; likewise */
    OP_DEADLINE,                    /* the op that it ends in len and fd */
    OP_IMMEDIATE,
    OP_POST,
    OP_TASK, /* loan.addr: struct pirn_task_verbs */
    OP_STREAM_SEND,
    OP_STREAM_DRAIN,
    OP_STREAM_CLOSE,
};

/* As pirn_context_create(), on an engine that is given; tests bring theirs. */
int pirn__context_create_on(const struct engine_class *class,
                            const struct pirn_context_config *config,
                            struct pirn_context **ret_context);

/* Begin to fill an idle op: everything zero but @opcode. */
struct pirn_loan *pirn__prep(struct pirn_op *op, uint8_t opcode);
struct pirn_loan *pirn__prep_multishot(struct pirn_multishot *shot,
                                       uint8_t opcode);

/* As pirn_start(), but @owner is told of the end, when @op is idle. */
void pirn__context_start_owned(struct pirn_context *context, struct pirn_op *op,
                               struct pirn_owner *owner);

/* Whether @behind may be started in one run with @before. */
bool pirn__context_joins(const struct pirn_context *context,
                         const struct pirn_op *before,
                         const struct pirn_op *behind);

/* On loan, and kept by who calls, linked where he likes, in a @state of
 * waiting. Then begun, as by pirn__context_start_owned(), or ended. */
void pirn__context_hold(struct pirn_context *context, struct pirn_op *op,
                        enum loan_state state);
void pirn__context_begin_held(struct pirn_context *context, struct pirn_op *op,
                              struct pirn_owner *owner);
void pirn__context_end_held(struct pirn_context *context, struct pirn_op *op,
                            pirn_op_fn *fn, int32_t result);

/* An op which waits is cancelled. In serial.c. */
void pirn__serial_drop(struct pirn_op *op);

/* The bytes of the delivery that is being made stay the callee's, until he puts
 * the buffer back. Both in rearm.c. */
uint16_t pirn__context_keep_buffer(struct pirn_context *context);
void pirn__context_put_buffer(struct pirn_context *context, uint16_t buffer);
struct buffers *pirn__context_buffers(struct pirn_context *context);

/* Room for sends of many pieces. */
struct gather *pirn__context_gather(struct pirn_context *context);

/* The time from which what is started now counts. In loan.c. */
uint64_t pirn__context_time_of_start(struct pirn_context *context);

/* The time without reading the clock: that of this turn, or of one of the
 * CLOCK_TURNS before it if none of them waited. */
enum { CLOCK_TURNS = 16 };
uint64_t pirn__context_recent_ns(const struct pirn_context *context);

/* Another number in each turn. */
uint32_t pirn__context_turn_number(const struct pirn_context *context);

/* 64 bits in the two fields that the heap leaves free. */
static inline void loan_set_wide(struct pirn_loan *loan, uint64_t value)
{
    loan->len = (uint32_t)value;
    loan->fd = (int32_t)(value >> 32);
}

static inline uint64_t loan_wide(const struct pirn_loan *loan)
{
    return (uint64_t)(uint32_t)loan->fd << 32 | loan->len;
}

/* Put a message into @context's mailbox; any thread. */
void pirn__context_mail(struct pirn_context *context, struct pirn_loan *loan);

/* What begins and cancels the tasks that the runtime itself makes. */
extern const struct pirn_task_verbs pirn__stream_send_verbs;
extern const struct pirn_task_verbs pirn__stream_drain_verbs;
extern const struct pirn_task_verbs pirn__stream_close_verbs;

static inline struct pirn_op *op_of(struct pirn_loan *loan)
{
    return pirn_container_of(loan, struct pirn_op, priv);
}

/* The kernel does not have it yet, so what its buffers say may still change. */
static inline bool op_is_queued(const struct pirn_op *op)
{
    return op->priv.state == LOAN_QUEUED;
}

#endif /* RUNTIME_CONTEXT_H */
