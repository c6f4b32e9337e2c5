/* SPDX-License-Identifier: MIT */
/*
 * context_fields.h - the fields of a context
 *
 * For the files that share them: context.c (its life, and what can be asked of
 * it), loan.c (how a loan begins and is cancelled), turn.c (how it ends),
 * rearm.c (how it goes on) and trace.c (who is told). The others see
 * runtime/context.h.
 */
#ifndef RUNTIME_CONTEXT_FIELDS_H
#define RUNTIME_CONTEXT_FIELDS_H

#include "pirn/invariant.h"
#include "runtime/buffers.h"
#include "runtime/context.h"
#include "runtime/gather.h"
#include "runtime/heap.h"
#include "runtime/list.h"
#include "runtime/mailbox.h"
#include "runtime/shots.h"
#include "runtime/thread.h"
#include "runtime/trace.h"

enum { CONTEXT_DATA_MAX = 16 };

struct data_slot {
    const void *key;
    void *data;
};

struct pirn_context {
    struct trace_head trace; /* the first, see there */
    struct engine *engine;
    uint64_t thread; /* its owner's number */
    struct pirn_link queued;
    struct pirn_link cancels;
    struct pirn_link inflight;
    struct pirn_link starved;   /* QUEUED, and waiting for a buffer */
    struct pirn_link expired;   /* what is due, by source */
    struct pirn_link completed; /* of these, ops; multishots in shots */
    struct pirn_link *posted;   /* messages, the oldest first, linked by next */
    struct pirn_link immediate;
    struct shots shots;
    struct buffers buffers;
    struct gather gather;
    struct heap timers;
    uint64_t now_ns; /* as it was last read, see context_now_ns() */
    uint64_t loaned_count;
    uint64_t turns; /* for statistics */
    uint64_t functions;
    uint32_t turn_budget;
    uint16_t delivered; /* the buffer of the delivery that is being made */
    int error;          /* of the ring, once it has failed */
    bool now_is_old;    /* this turn has not read the clock */
    bool in_turn;
    bool in_run; /* so that a stop concerns it */
    struct data_slot data[CONTEXT_DATA_MAX];
    _Alignas(64) struct mailbox mailbox; /* what other threads touch */
    atomic_bool stop;
    uint32_t forks; /* as they were at its creation */
};

static inline bool context_is_ours(const struct pirn_context *context)
{
    return context->thread == pirn__thread;
}

/* The rule that was broken where it is not ours. */
static inline const char *context_rule(const struct pirn_context *context)
{
    return context->forks == pirn__forks
               ? "a context belongs to the thread that created it"
               : "after fork the child uses no context of its parent";
}

/* What other threads may do is not done from a child either: there it would
 * reach a copy of the context, and nobody. */
static inline void context_assert_process(const struct pirn_context *context)
{
    pirn_assert_rule(context->forks == pirn__forks, context_rule(context));
}

static inline void context_read_clock(struct pirn_context *context)
{
    context->now_ns = context->engine->class->now_ns(context->engine);
    context->now_is_old = false;
}

/* The time of this turn. Read when it is first asked for: that is as dear as
 * all the rest of a turn that does not enter the kernel. */
static inline uint64_t context_now_ns(struct pirn_context *context)
{
    if (context->now_is_old) {
        context_read_clock(context);
    }
    return context->now_ns;
}

static inline struct pirn_loan *loan_of(struct pirn_link *link)
{
    return link ? pirn_container_of(link, struct pirn_loan, link) : NULL;
}

/* The result of @loan is known; its function is called when @due is. */
static inline void loan_is_ready(struct pirn_loan *loan, struct pirn_link *due,
                                 int32_t result)
{
    pirn_check(loan->state != LOAN_IDLE && loan->state != LOAN_READY);

    list_unlink(&loan->link); /* from where it was, or from nowhere */
    loan->state = LOAN_READY;
    loan->result = result;
    list_push_tail(due, &loan->link);
}

/* @loan, which the engine does not have, ends early. Of what delivers many
 * times the delivery that waits for its turn is the last. */
static inline void context_end_early(struct pirn_context *context,
                                     struct pirn_loan *loan, int32_t result)
{
    if (shots_end(&context->shots, loan)) {
        list_unlink(&loan->link);
        loan->flags |= LOAN_CANCELLING;
        loan->state = LOAN_INFLIGHT;
    } else {
        loan_is_ready(loan, &context->completed, result);
    }
}

static inline void context_end_timer(struct pirn_context *context,
                                     struct pirn_loan *timer, int32_t result)
{
    pirn__heap_remove(&context->timers, timer);
    context_end_early(context, timer, result);
}

#endif /* RUNTIME_CONTEXT_FIELDS_H */
