/* SPDX-License-Identifier: MIT */
/* check_chain.c - see check_chain.h */
#include "tests/sim/model/check_chain.h"

#include <errno.h>
#include <string.h>

#include "pirn/invariant.h"
#include "runtime/engine/engine.h"

static bool moves_bytes(uint8_t opcode)
{
    return opcode == ENGINE_WRITE || opcode == ENGINE_SEND;
}

static struct check_step step_of(const struct pirn_op *op)
{
    const struct pirn_loan *loan = &op->priv;
    bool is_fd_of = loan->fd < 0 && loan->fd < INT32_MIN + CHECK_STEPS;

    return (struct check_step){
        .when = loan->flags & LOAN_ALWAYS ? PIRN_STEP_ALWAYS
                : loan->flags & LOAN_UNDO ? PIRN_STEP_UNDO
                                          : PIRN_STEP_NORMAL,
        .in_kernel = loan->opcode < ENGINE_OPCODE_COUNT,
        .fd_of = is_fd_of ? loan->fd - INT32_MIN : -1,
        .asked = moves_bytes(loan->opcode) ? loan->len : 0,
    };
}

void check_chain_begin(struct check_chain *check, struct world *world,
                       struct pirn_chain *chain, struct pirn_op *const *ops,
                       uint32_t count)
{
    pirn_assert(count <= CHECK_STEPS);
    *check = (struct check_chain){
        .world = world, .chain = chain, .ops = ops, .count = count};
    for (uint32_t i = 0; i < count; i++) {
        check->steps[i] = step_of(ops[i]);
    }
}

void check_chain_cancel(struct check_chain *check)
{
    check->is_asked = true;
}

void check_chain_forget(struct check_chain *check)
{
    check->chain = NULL;
}

/* The first normal step before @end which the kernel did not do, or @end. */
static uint32_t first_undone(const struct check_chain *check, uint32_t end)
{
    for (uint32_t i = 0; i < end; i++) {
        const struct check_step *step = &check->steps[i];

        if (step->in_kernel && step->when == PIRN_STEP_NORMAL &&
            !step->succeeded) {
            return i;
        }
    }
    return end;
}

static void check_may_run(const struct check_chain *check, uint32_t index)
{
    uint32_t undone = first_undone(check, index);

    switch (check->steps[index].when) {
    case PIRN_STEP_NORMAL:
        if (undone < index) {
            world_fail(check->world,
                       "step %u of a chain has an effect, and step %u of it "
                       "has failed, or not begun",
                       index, undone);
        }
        return;
    case PIRN_STEP_UNDO:
        if (first_undone(check, check->count) == check->count) {
            world_fail(check->world,
                       "step %u of a chain undoes, and nothing has failed",
                       index);
        }
        return;
    case PIRN_STEP_ALWAYS:
        return;
    }
}

void check_chain_effect(struct check_chain *check, const struct pirn_loan *loan,
                        int32_t result)
{
    uint32_t index = 0;
    struct check_step *step;

    if (check->chain == NULL) {
        return;
    }
    while (index < check->count && &check->ops[index]->priv != loan) {
        index++;
    }
    if (index == check->count) {
        return;
    }
    step = &check->steps[index];
    check_may_run(check, index);
    if (step->succeeded) {
        world_fail(check->world, "step %u of a chain has run twice", index);
    }
    step->ran = true;
    step->error = result < 0 ? result : 0;
    step->moved += result > 0 ? (uint32_t)result : 0;
    step->succeeded = result >= 0 && step->moved >= step->asked;
}

static void check_step_end(const struct check_chain *check, uint32_t index,
                           int32_t result)
{
    const struct check_step *step = &check->steps[index];
    int32_t says = pirn_op_result(check->ops[index]);

    if (!step->in_kernel) {
        return;
    }
    if ((says >= 0) != step->succeeded) {
        world_fail(check->world,
                   "step %u of a chain says %d, and the kernel %s", index, says,
                   step->succeeded ? "did it" : "did not do it");
    }
    if (step->when == PIRN_STEP_NORMAL && result == 0 && !step->succeeded) {
        world_fail(check->world,
                   "a chain says 0, and step %u of it was not done", index);
    }
}

/* A descriptor that was opened and is to be closed in any case. */
static void check_always_ran(const struct check_chain *check)
{
    for (uint32_t i = 0; i < check->count; i++) {
        const struct check_step *step = &check->steps[i];

        if (step->in_kernel && step->when == PIRN_STEP_ALWAYS && !step->ran &&
            (step->fd_of < 0 || check->steps[step->fd_of].succeeded)) {
            world_fail(check->world,
                       "step %u of a chain always runs, and did not", i);
        }
    }
}

/* The kernel, too, may say so for a reason of its own. */
static void check_cancelled(const struct check_chain *check, int32_t result)
{
    if (result == -ECANCELED && !check->is_asked &&
        check->world->faults.happened[FAULT_ECANCELED] == 0) {
        world_fail(check->world, "a chain is cancelled, and nobody asked");
    }
}

void check_chain_end(struct check_chain *check, int32_t result)
{
    for (uint32_t i = 0; i < check->count; i++) {
        check_step_end(check, i, result);
    }
    check_always_ran(check);
    check_cancelled(check, result);
    if (result < 0 &&
        pirn_op_result(check->ops[pirn_chain_failed(check->chain)]) != result) {
        world_fail(check->world, "a chain says %d, and its step %u does not",
                   result, pirn_chain_failed(check->chain));
    }
    check->chain = NULL;
}
