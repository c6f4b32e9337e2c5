/* SPDX-License-Identifier: MIT */
/*
 * aside.c - fsync where it was, rename .checkout/O/ID -> quarantine/XY/ID
 *
 * A rename follows links above its names, so quarantine/XY is opened in front
 * of it, which says whether there is one.
 */
#include "spool/file/aside.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>

#include "spool/opens.h"

void pirn__aside_start(struct pirn__aside *aside, struct pirn_spool *spool,
                       const struct pirn__site *site, uint32_t slot,
                       const struct pirn_id *id, bool is_aside, pirn_op_fn *fn)
{
    int root = spool->root_fd;

    pirn_assert(site->queue != NULL);
    pirn_assert(slot < PIRN__SLOTS);
    pirn__name_claimed(&aside->from, site->queue->name, slot, id);
    uint32_t count = 0;
    pirn__prep_sync(&aside->sync, pirn__site_sync(site, id));
    aside->steps[count++] = &aside->sync.waiter.op;
    if (is_aside) {
        pirn__name_ready(&aside->to, PIRN__NAME_QUARANTINE, id);
        aside->dir = aside->to;
        *strrchr(aside->dir.text, '/') = '\0';
        pirn__prep_open(&aside->open, root, aside->dir.text,
                        O_PATH | O_DIRECTORY);
        pirn_prep_close(&aside->close, PIRN_FD_OF(1));
        aside->steps[count++] = &aside->open;
        aside->steps[count++] = &aside->close;
    } else {
        pirn__site_path(site, id, &aside->to);
    }
    pirn_prep_rename(&aside->rename, root, aside->from.text, root,
                     aside->to.text, RENAME_NOREPLACE);
    aside->steps[count++] = &aside->rename;
    pirn_chain_start(spool->context, &aside->chain, aside->steps, count, fn);
}
