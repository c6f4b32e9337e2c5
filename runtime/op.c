/* SPDX-License-Identifier: MIT */
/* op.c - see pirn/op.h: what can be said of an op that is not on its way */
#include "pirn/invariant.h"
#include "runtime/context.h"

struct pirn_loan *pirn__prep(struct pirn_op *op, uint8_t opcode)
{
    pirn_assert_rule(op->priv.state == LOAN_IDLE,
                     "an op on loan may not be prepared");

    op->priv = (struct pirn_loan){.opcode = opcode};
    return &op->priv;
}

void pirn_prep_nop(struct pirn_op *op)
{
    pirn__prep(op, ENGINE_NOP)->fd = -1;
}

bool pirn_op_is_idle(const struct pirn_op *op)
{
    return op->priv.state == LOAN_IDLE;
}

int32_t pirn_op_result(const struct pirn_op *op)
{
    pirn_assert(pirn_op_is_idle(op));

    return op->priv.result;
}

bool pirn_multishot_is_idle(const struct pirn_multishot *shot)
{
    return shot->priv.state == LOAN_IDLE;
}
