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

struct pirn_loan *pirn__prep_multishot(struct pirn_multishot *shot,
                                       uint8_t opcode)
{
    pirn_assert_rule(shot->priv.state == LOAN_IDLE,
                     "a multishot on loan may not be prepared");

    shot->priv = (struct pirn_loan){.opcode = opcode, .flags = LOAN_MULTISHOT};
    return &shot->priv;
}

void pirn_prep_raw(struct pirn_op *op, const struct pirn_raw *raw)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_RAW);

    loan->extra = raw->opcode;
    loan->fd = raw->fd;
    loan->addr = raw->addr;
    loan->len = raw->len;
    loan->offset = raw->offset;
    loan->op_flags = raw->op_flags;
    loan->arg = raw->arg;
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
    pirn_assert_rule(pirn_op_is_idle(op), "an op on loan has no result yet");

    return op->priv.result;
}

bool pirn_multishot_is_idle(const struct pirn_multishot *shot)
{
    return shot->priv.state == LOAN_IDLE;
}

const void *pirn_multishot_bytes(const struct pirn_multishot *shot)
{
    pirn_assert_rule(shot->priv.flags & LOAN_SELECT,
                     "only what receives has bytes");

    return (const void *)(uintptr_t)shot->priv.addr;
}
