/* SPDX-License-Identifier: MIT */
/* spool_fencer.h - somebody asks who has the spool open, and fences one out */
#ifndef TESTS_SIM_MODEL_SPOOL_FENCER_H
#define TESTS_SIM_MODEL_SPOOL_FENCER_H

#include <pirn/owner.h>
#include <pirn/pirn.h>
#include <pirn/spool.h>

#include "tests/sim/model/check_spool.h"

struct spool_fencer {
    /* Set before. */
    struct check_spool *check;
    struct pirn_context *context;
    struct pirn_spool *spool;
    void (*done)(struct spool_fencer *fencer);

    struct rng *rng;
    struct pirn_owners owners;
    struct pirn_fence fence;
    uint32_t process; /* who is fenced out */
};

/* One of those who have it open, but not himself; by dice. */
void spool_fencer_fence(struct spool_fencer *fencer, struct rng *rng);

#endif /* TESTS_SIM_MODEL_SPOOL_FENCER_H */
