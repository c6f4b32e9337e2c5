/* SPDX-License-Identifier: MIT */
/*
 * spool/dir_sync.h - one fsync of a directory that is not kept open
 *
 * And the question whether it can be believed, as behind those of group_sync.h,
 * which are for directories that many ask for.
 */
#ifndef SPOOL_DIR_SYNC_H
#define SPOOL_DIR_SYNC_H

#include <pirn/chain.h>

#include "spool/spool.h"

/* Start &it->op. */
struct pirn__dir_sync {
    struct pirn_op op;
    struct pirn_spool *spool;
    const char *path;
    struct pirn_op open;
    struct pirn_op fsync;
    struct pirn_op close;
    struct pirn_op confirm;
    struct pirn_op *steps[3];
    struct pirn_chain chain;
    bool is_final; /* it failed, and no later one can be believed */
};

/**
 * pirn__prep_dir_sync() - make a directory's entries durable
 * @path: of @spool's; loaned
 *
 * Result: 0 or an errno
 */
void pirn__prep_dir_sync(struct pirn__dir_sync *sync, struct pirn_spool *spool,
                         const char *path);

#endif /* SPOOL_DIR_SYNC_H */
