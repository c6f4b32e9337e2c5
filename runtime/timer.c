/* SPDX-License-Identifier: MIT */
/* timer.c - see pirn/timer.h */
#include "pirn/timer.h"

#include "runtime/context.h"

void pirn_prep_timer_at(struct pirn_op *op, uint64_t deadline_ns)
{
    pirn__prep(op, OP_TIMER)->offset = deadline_ns;
}

/* The span is kept apart from the deadline, or a restart would not count anew;
 * 64 bits in the two fields that the heap leaves free. */
void pirn_prep_timer(struct pirn_op *op, uint64_t after_ns)
{
    struct pirn_loan *loan = pirn__prep(op, OP_TIMER_AFTER);

    loan->len = (uint32_t)after_ns;
    loan->fd = (int32_t)(after_ns >> 32);
}

void pirn_prep_immediate(struct pirn_op *op)
{
    pirn__prep(op, OP_IMMEDIATE);
}
