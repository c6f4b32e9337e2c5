/* SPDX-License-Identifier: MIT */
/*
 * check_chain.h - the steps of a chain as the kernel saw them
 *
 * One for each run of a chain. What the kernel carried out is held against the
 * promise, whatever the chain says of it:
 *
 *   a step has an effect only if all normal steps before it had theirs, whole
 *   an UNDO step has one only after a failure
 *   an ALWAYS step was begun, unless the descriptor it names was never opened
 *   the chain's result, and each step's, is what the kernel's were
 *   it is cancelled if somebody asked for that, in this run of it
 */
#ifndef TESTS_SIM_MODEL_CHECK_CHAIN_H
#define TESTS_SIM_MODEL_CHECK_CHAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "pirn/chain.h"
#include "tests/sim/model/world.h"

enum { CHECK_STEPS = 16 };

struct check_step {
    enum pirn_step when;
    bool in_kernel; /* else a timer's or a task's: the kernel never sees it */
    int32_t fd_of;  /* the step whose descriptor it uses, or -1 */
    uint32_t asked; /* bytes that it has to move; 0: none */
    uint32_t moved;
    bool ran; /* had an effect, or was refused one */
    bool succeeded;
    int32_t error;
};

struct check_chain {
    struct world *world;
    struct pirn_chain *chain; /* NULL: it does not run */
    struct pirn_op *const *ops;
    uint32_t count;
    bool is_asked; /* to be cancelled */
    struct check_step steps[CHECK_STEPS];
};

/* @chain is about to be started with these steps. */
void check_chain_begin(struct check_chain *check, struct world *world,
                       struct pirn_chain *chain, struct pirn_op *const *ops,
                       uint32_t count);

/* The kernel has carried @loan out; perhaps it is one of its steps. */
void check_chain_effect(struct check_chain *check, const struct pirn_loan *loan,
                        int32_t result);

/* It is about to be cancelled, if it runs. */
void check_chain_cancel(struct check_chain *check);

/* Its function is called. */
void check_chain_end(struct check_chain *check, int32_t result);

/* Its process is dead. */
void check_chain_forget(struct check_chain *check);

#endif /* TESTS_SIM_MODEL_CHECK_CHAIN_H */
