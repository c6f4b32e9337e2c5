/* SPDX-License-Identifier: MIT */
/*
 * spool/file/back.h - from claimed to ready again: S5, S5', S4 of the table
 */
#ifndef SPOOL_FILE_BACK_H
#define SPOOL_FILE_BACK_H

#include <pirn/chain.h>

#include "spool/spool.h"

/* Start &it->op. */
struct pirn__back {
    struct pirn_op op;
    struct pirn_spool *spool;
    struct pirn__queue *queue;
    uint32_t slot;
    uint32_t next_slot;    /* whose .tmp has the new metadata on their way */
    struct pirn_item item; /* as it will be written */
    char *text;
    uint32_t text_len;
    bool again; /* a name in the way is gone */
    struct pirn__name next;
    struct pirn__name claimed;
    struct pirn__name ready;
    struct pirn__sync_wait sync;
    struct pirn_op open;
    struct pirn_op write;
    struct pirn_op fsync;
    struct pirn_op close;
    struct pirn_op exchange;
    struct pirn_op rename;
    struct pirn_op unlink;
    struct pirn_op *steps[8];
    struct pirn_chain chain;
};

/**
 * pirn__prep_back() - give back what the owner of @slot has claimed
 * @slot: ours, or a dead owner's whose lock we hold, or a living one's who is
 *        fenced out: then @back->next_slot is set to ours
 * @item: borrowed until the op ends; attempts and version are raised by one in
 *        what is written
 *
 * Result: 0; -ENOENT the slot does not have it. Where there is no room for the
 * new metadata, or QUEUE/XY cannot be synced, the item is given back with the
 * old ones.
 */
void pirn__prep_back(struct pirn__back *back, struct pirn_spool *spool,
                     struct pirn__queue *queue, uint32_t slot,
                     const struct pirn_item *item);

#endif /* SPOOL_FILE_BACK_H */
