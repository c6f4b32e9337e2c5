/* SPDX-License-Identifier: MIT */
/*
 * exhaust.h - a short piece of work, cut and refused wherever it can be
 *
 * One schedule, fixed by a seed. After each step in which the disk or what was
 * promised has changed, the power fails, with every subset of what is un-synced
 * (sampled beyond a number); and each operation is refused with each error that
 * it can return (fault.c), once, or it and all behind it. Then somebody opens
 * the spool on what is left, takes all that is there, and work goes on.
 */
#ifndef TESTS_SIM_MODEL_EXHAUST_H
#define TESTS_SIM_MODEL_EXHAUST_H

#include "tests/sim/model/check_spool.h"

enum { EXHAUST_PROCESSES = 3 };

struct workload {
    const char *name;
    const char *before;                     /* done and synced, or NULL */
    bool is_held;                           /* its taker was killed with it */
    const char *scripts[EXHAUST_PROCESSES]; /* see spool_worker.h */
    uint32_t desks;
    uint32_t len; /* of bodies */
};

struct exhaust {
    enum disk_profile profile;
    uint64_t seed;
    uint32_t units; /* of so many every subset */
    uint32_t samples;

    uint64_t events; /* found */
    uint64_t states;
    uint64_t errors;
    uint32_t violations;
    char reason[2 * WORLD_REASON]; /* the first one's, and where */
};

void exhaust_cuts(struct exhaust *exhaust, const struct workload *workload);
void exhaust_errors(struct exhaust *exhaust, const struct workload *workload);

#endif /* TESTS_SIM_MODEL_EXHAUST_H */
