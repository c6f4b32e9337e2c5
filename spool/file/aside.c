/* SPDX-License-Identifier: MIT */
/*
 * aside.c - fsync QUEUE/XY, rename .checkout/O/ID -> quarantine/XY/ID
 */
#include "spool/file/aside.h"

#include <stdio.h>

#include <pirn/invariant.h>
#include <pirn/path.h>

void pirn__aside_start(struct pirn__aside *aside, struct pirn_spool *spool,
                       struct pirn__queue *queue, uint32_t slot,
                       const struct pirn_id *id, pirn_op_fn *fn)
{
    int root = spool->root_fd;

    pirn_assert(queue != NULL);
    pirn_assert(slot < PIRN__SLOTS);
    pirn__name_claimed(&aside->from, queue->name, slot, id);
    pirn__name_ready(&aside->to, PIRN__NAME_QUARANTINE, id);
    pirn__prep_sync(&aside->sync, &queue->ready[pirn__id_shard(id)]);
    pirn_prep_rename(&aside->rename, root, aside->from.text, root,
                     aside->to.text, RENAME_NOREPLACE);
    aside->steps[0] = &aside->sync.waiter.op;
    aside->steps[1] = &aside->rename;
    pirn_chain_start(spool->context, &aside->chain, aside->steps, 2, fn);
}
