/* SPDX-License-Identifier: MIT */
/*
 * spool/file/seize.h - one claim of another's becomes ours: S5'' of the table
 */
#ifndef SPOOL_FILE_SEIZE_H
#define SPOOL_FILE_SEIZE_H

#include <pirn/chain.h>

#include "spool/spool.h"

/* Start &it->op. */
struct pirn__seizing {
    struct pirn_op op;
    struct pirn_spool *spool;
    struct pirn__name from;
    struct pirn__name to; /* the item's name, as our claim */
    struct pirn__name dir;
    struct pirn_op rename;
    struct pirn_op open;
    struct pirn_op fsync;
    struct pirn_op close;
    struct pirn_op *steps[4];
    struct pirn_chain chain;
};

/**
 * pirn__prep_seizing() - from the owner of @slot, who is not us
 *
 * Result: 0, and it stands at @seizing->to, durably; -ENOENT he has ended it
 * himself, or somebody else was faster; or an errno: it is his, or ours until
 * we close.
 */
void pirn__prep_seizing(struct pirn__seizing *seizing, struct pirn_spool *spool,
                        const struct pirn__queue *queue, uint32_t slot,
                        const struct pirn_id *id);

#endif /* SPOOL_FILE_SEIZE_H */
