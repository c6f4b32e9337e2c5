/* SPDX-License-Identifier: MIT */
/*
 * spool/file/latch.h - one at a time of an open works on .checkout/OWNER/ID
 *
 * That name says nothing of which claim has it. A claim that was fenced out may
 * be in the midst of a verb when another one of the same open gets the item
 * anew, under the same name; then the verb would act on that one's item. So
 * whoever brings an item there, and whoever acts on one there, has its latch
 * meanwhile; and who brought it tells older claims that they have lost
 * (pirn__claims_lose()) before he lets it go. Other owners have other names.
 */
#ifndef SPOOL_FILE_LATCH_H
#define SPOOL_FILE_LATCH_H

#include "spool/spool.h"

/* Zeroed once. */
struct pirn__latch {
    struct pirn_op op;
    struct pirn_spool *spool; /* which it is of while we have it, or wait */
    struct pirn__latch *next;
    struct pirn_id id;
};

/**
 * pirn__latch_take() - have the latch of @id
 * @fn: called with &latch->op and 0 when it is ours, if it is not at once
 *
 * Those who wait have it in the order in which they came.
 *
 * Return: whether it is ours now; then nothing is called
 */
PIRN_MUST_CHECK bool pirn__latch_take(struct pirn__latch *latch,
                                      struct pirn_spool *spool,
                                      const struct pirn_id *id, pirn_op_fn *fn);

/** pirn__latch_release() - which is ours */
void pirn__latch_release(struct pirn__latch *latch);

#endif /* SPOOL_FILE_LATCH_H */
