/* SPDX-License-Identifier: MIT */
/*
 * spool/file/aside.h - from claimed to the queue `quarantine`
 */
#ifndef SPOOL_FILE_ASIDE_H
#define SPOOL_FILE_ASIDE_H

#include <pirn/chain.h>

#include "spool/file/site.h"
#include "spool/spool.h"

/* Start &it->chain.op by pirn__aside_start(). */
struct pirn__aside {
    struct pirn__sync_wait sync;
    struct pirn_op open;
    struct pirn_op close;
    struct pirn_op rename;
    struct pirn_op *steps[4];
    struct pirn_chain chain;
    struct pirn__name dir;
    struct pirn__name from;
    struct pirn__name to;
};

/**
 * pirn__aside_start() - set an item aside, whole as it is
 * @site: where it was claimed
 * @slot: who has it: we, or a dead owner whose lock we hold
 * @is_aside: else back to where it was
 * @fn:   called with 0, or an errno: it stays where it is
 *
 * The site's directory is synced before the rename: a power cut could else
 * leave the item ready in two queues, and who looks for double names looks at
 * claims.
 */
void pirn__aside_start(struct pirn__aside *aside, struct pirn_spool *spool,
                       const struct pirn__site *site, uint32_t slot,
                       const struct pirn_id *id, bool is_aside, pirn_op_fn *fn);

#endif /* SPOOL_FILE_ASIDE_H */
