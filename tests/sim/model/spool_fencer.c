/* SPDX-License-Identifier: MIT */
/* spool_fencer.c - see spool_fencer.h */
#include "tests/sim/model/spool_fencer.h"

/* The model's processes say so of themselves: engine.c. */
enum { FIRST_PID = 100 };

static void fenced(struct pirn_op *op, int32_t result)
{
    struct spool_fencer *fencer =
        pirn_container_of(op, struct spool_fencer, fence.op);

    world_note(fencer->check->world, "fenced out: ", result);
    check_fence_end(fencer->check, fencer->process);
    fencer->done(fencer);
}

static void listed(struct pirn_op *op, int32_t result)
{
    struct spool_fencer *fencer =
        pirn_container_of(op, struct spool_fencer, owners.op);
    const struct pirn_owners *owners = &fencer->owners;
    uint32_t at =
        result == 0 ? rng_below(fencer->rng, owners->count) : UINT32_MAX;

    if (at == UINT32_MAX || owners->owners[at].is_self ||
        owners->owners[at].pid <= FIRST_PID) {
        pirn_owners_end(&fencer->owners);
        fencer->done(fencer);
        return;
    }
    uint32_t slot = owners->owners[at].slot;
    uint64_t opened_ns = owners->owners[at].opened_ns;
    fencer->process = owners->owners[at].pid - FIRST_PID;
    pirn_owners_end(&fencer->owners);
    check_fence_begin(fencer->check, fencer->process);
    pirn_prep_fence_owner(&fencer->fence, fencer->spool, slot, opened_ns);
    pirn_start(fencer->context, &fencer->fence.op, fenced);
}

void spool_fencer_fence(struct spool_fencer *fencer, struct rng *rng)
{
    fencer->rng = rng;
    fencer->owners = (struct pirn_owners){0};
    fencer->fence = (struct pirn_fence){0};
    pirn_prep_owners(&fencer->owners, fencer->spool);
    pirn_start(fencer->context, &fencer->owners.op, listed);
}
