/* SPDX-License-Identifier: MIT */
/*
 * aside.c - fsync where it was, rename .checkout/O/ID -> quarantine/XY/ID
 */
#include "spool/file/aside.h"

#include <stdio.h>

#include <pirn/invariant.h>
#include <pirn/path.h>

void pirn__aside_start(struct pirn__aside *aside, struct pirn_spool *spool,
                       const struct pirn__site *site, uint32_t slot,
                       const struct pirn_id *id, bool is_aside, pirn_op_fn *fn)
{
    int root = spool->root_fd;

    pirn_assert(site->queue != NULL);
    pirn_assert(slot < PIRN__SLOTS);
    pirn__name_claimed(&aside->from, site->queue->name, slot, id);
    if (is_aside) {
        pirn__name_ready(&aside->to, PIRN__NAME_QUARANTINE, id);
    } else {
        pirn__site_path(site, id, &aside->to);
    }
    pirn__prep_sync(&aside->sync, pirn__site_sync(site, id));
    pirn_prep_rename(&aside->rename, root, aside->from.text, root,
                     aside->to.text, RENAME_NOREPLACE);
    aside->steps[0] = &aside->sync.waiter.op;
    aside->steps[1] = &aside->rename;
    pirn_chain_start(spool->context, &aside->chain, aside->steps, 2, fn);
}
