/* SPDX-License-Identifier: MIT */
/* timer.c - see pirn/timer.h */
#include "pirn/timer.h"

#include "pirn/invariant.h"
#include "runtime/context.h"

void pirn_prep_timer_at(struct pirn_op *op, uint64_t deadline_ns)
{
    pirn__prep(op, OP_TIMER)->offset = deadline_ns;
}

/* The span is kept apart from the deadline, or a restart would not count
 * anew. */
void pirn_prep_timer(struct pirn_op *op, uint64_t after_ns)
{
    loan_set_wide(pirn__prep(op, OP_TIMER_AFTER), after_ns);
}

void pirn_prep_multishot_timer(struct pirn_multishot *shot, uint64_t every_ns)
{
    pirn_assert(every_ns > 0);

    loan_set_wide(pirn__prep_multishot(shot, OP_TIMER_EVERY), every_ns);
}

void pirn_prep_deadline(struct pirn_op *op, struct pirn_op *target,
                        uint64_t deadline_ns)
{
    struct pirn_loan *loan = pirn__prep(op, OP_DEADLINE);

    loan->offset = deadline_ns;
    loan_set_wide(loan, (uintptr_t)target);
}

void pirn_prep_immediate(struct pirn_op *op)
{
    pirn__prep(op, OP_IMMEDIATE);
}
