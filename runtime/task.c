/* SPDX-License-Identifier: MIT */
/* task.c - see pirn/task.h; their ends are in loan.c */
#include "pirn/task.h"

#include "pirn/invariant.h"
#include "runtime/context.h"

/* A begin is always there, so that the context need not ask. */
static void begin_nothing(struct pirn_context *context, struct pirn_op *op)
{
    (void)context;
    (void)op;
}

static const struct pirn_task_verbs verbs_none = {.begin = begin_nothing};

void pirn_prep_task(struct pirn_op *op, const struct pirn_task_verbs *verbs)
{
    pirn_assert(verbs == NULL || verbs->begin != NULL);

    pirn__prep(op, OP_TASK)->addr = (uintptr_t)(verbs ? verbs : &verbs_none);
}
