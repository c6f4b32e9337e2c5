/* SPDX-License-Identifier: MIT */
/*
 * post.c - see pirn/post.h
 *
 * Runs in the sender's thread: it may touch the op, which is not the target's
 * before the push, and the target's mailbox; nothing else.
 */
#include "pirn/post.h"

#include "pirn/invariant.h"
#include "runtime/context.h"

void pirn_post(struct pirn_context *target, struct pirn_op *op, pirn_op_fn *fn)
{
    pirn_assert(fn != NULL);

    pirn__prep(op, OP_POST)->state = LOAN_HELD;
    op->then.fn = fn;
    pirn__context_mail(target, &op->priv);
}
