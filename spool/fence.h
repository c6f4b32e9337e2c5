/* SPDX-License-Identifier: MIT */
/*
 * spool/fence.h - taking from a living owner what he has, in both layouts
 */
#ifndef SPOOL_FENCE_H
#define SPOOL_FENCE_H

#include "spool/file/recover.h"
#include "spool/log/fence.h"

/* One at a time for each @recover. Start &it->op. */
struct pirn__fence {
    struct pirn_op op;
    struct pirn_spool *spool;
    uint32_t slot;
    struct pirn__recover *recover;
    struct pirn__log_fenced fenced; /* in both layouts together */
    int32_t result;
};

/**
 * pirn__prep_fence_slot() - what the owner of a slot has is ready for others
 * @slot:    not ours
 * @recover: the caller's; nobody uses it meanwhile
 *
 * Result: 0, or the first error
 */
void pirn__prep_fence_slot(struct pirn__fence *fence, struct pirn_spool *spool,
                           uint32_t slot, struct pirn__recover *recover);

#endif /* SPOOL_FENCE_H */
