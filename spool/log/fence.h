/* SPDX-License-Identifier: MIT */
/*
 * spool/log/fence.h - what a living owner has, and taking it from him
 */
#ifndef SPOOL_LOG_FENCE_H
#define SPOOL_LOG_FENCE_H

#include "spool/log/log.h"

/* How many items of an owner's there were. */
struct pirn__log_fenced {
    uint64_t count; /* taken from him, and ready by now */
    uint64_t midst; /* marked: ready when the verb that has them ends */
};

/**
 * pirn__log_fence() - what another owner has claimed is ready for others
 *
 * Return: 0; or the first error, what it concerns is ours until we close
 */
PIRN_MUST_CHECK int pirn__log_fence(struct pirn__log *log, uint16_t owner,
                                    struct pirn__log_fenced *ret_fenced);

/**
 * pirn__log_seize() - have a certain item, also from who has it
 * @ret_from: with 1: who had it; PIRN__INDEX_OWNERS: nobody
 *
 * Of who is in the midst of a change the item is marked.
 *
 * Return: 1, and it is CLAIMED by us; 0 he is in the midst of a change, or
 *         others were faster; -ESRCH who has it was dead at the last sweep;
 *         -ENOENT no such item; -EBADMSG
 */
PIRN_MUST_CHECK int pirn__log_seize(struct pirn__log *log,
                                    const struct pirn__log_id *id,
                                    struct pirn__grip *ret_grip,
                                    uint16_t *ret_from);

/** pirn__log_claims() - add to @counts[owner] what each of them has */
void pirn__log_claims(const struct pirn__log *log,
                      uint64_t counts[PIRN__INDEX_OWNERS]);

#endif /* SPOOL_LOG_FENCE_H */
