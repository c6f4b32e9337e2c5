/* SPDX-License-Identifier: MIT */
/*
 * chain_worker.h - a process that makes files which appear whole, by chains
 *
 * Several jobs at once, each of which makes one file after the other: a chain
 * for each, whose steps are held against the kernel's.
 */
#ifndef TESTS_SIM_MODEL_CHAIN_WORKER_H
#define TESTS_SIM_MODEL_CHAIN_WORKER_H

#include "tests/sim/model/check_chain.h"
#include "tests/sim/model/check_file.h"
#include "tests/sim/model/rng.h"

enum { CHAIN_JOBS = 2, CHAIN_FILES = 12, CHAIN_BYTES = 4096 };

/* The scenario's; outlives the process. */
struct chain_worker {
    struct world *world;
    struct rng rng;
    uint32_t number;
    uint32_t files; /* to make */
    uint32_t len;   /* of each; 0: any */
    bool forgets;   /* to sync the directory: the canary */
    bool is_steady; /* cancels none */
    struct check_file file[CHAIN_FILES];
    struct check_chain chain[CHAIN_JOBS];
};

/* Its thread's function. */
void chain_worker_run(void *argument);

/* The kernel has carried @loan out; perhaps it is one of its steps. */
void chain_worker_effect(struct chain_worker *worker,
                         const struct pirn_loan *loan, int32_t result);

/* Its process is dead: struct process, died. */
void chain_worker_died(void *argument);

/* Look at each of its files. */
void chain_worker_look(const struct chain_worker *worker);

#endif /* TESTS_SIM_MODEL_CHAIN_WORKER_H */
