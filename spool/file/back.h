/* SPDX-License-Identifier: MIT */
/*
 * spool/file/back.h - new metadata for what is claimed, and where it goes then:
 * S5, S5' and S4, S9 or S10 of the table
 */
#ifndef SPOOL_FILE_BACK_H
#define SPOOL_FILE_BACK_H

#include <pirn/chain.h>

#include "spool/file/site.h"
#include "spool/spool.h"

/* Start &it->op. */
struct pirn__back {
    struct pirn_op op;
    struct pirn_spool *spool;

    /* Set before. */
    struct pirn__queue *queue;    /* in whose .checkout it is */
    struct pirn__queue *to_queue; /* where it belongs */
    uint32_t slot;
    struct pirn__site from; /* where it was claimed */
    struct pirn_item item;  /* as it will be written; state: whether held */
    bool is_change;         /* the new metadata are durable before it goes on,
                               and nothing else will do */
    bool stays;             /* claimed */

    bool is_new; /* after an end: the new metadata are in the place of the old
                    ones */
    bool is_unsure;     /* after an error: nobody knows which they are; */
    bool may_have_left; /* of a change: whether the item is claimed still */

    char *text;
    uint32_t text_len;
    bool again; /* a name in the way is gone */
    bool late;  /* its rename is tried once more */
    struct pirn__site to;
    uint32_t rename_at; /* which step that is */
    int32_t result;
    struct pirn__site_make make;
    struct pirn__name next;
    struct pirn__name claimed;
    struct pirn__name ready;
    struct pirn__sync_wait sync;
    struct pirn_op open;
    struct pirn_op write;
    struct pirn_op fsync;
    struct pirn_op close;
    struct pirn_op exchange;
    struct pirn__sync_wait sync_checkout;
    struct pirn_op rename;
    struct pirn_op unlink;
    struct pirn_op *steps[9];
    struct pirn_chain chain;
};

/**
 * pirn__prep_back() - give back, or change, what the owner of @slot has claimed
 *
 * The slot is ours, or a dead owner's whose lock we hold. @back is set as it
 * says above; what it borrows, until the op ends.
 *
 * Result: 0; -ENOENT the slot does not have it. Where there is no room for the
 * new metadata, or the directory it was claimed from cannot be synced, and it
 * is no change, the item is given back with the old ones, if it belongs there.
 */
void pirn__prep_back(struct pirn__back *back);

#endif /* SPOOL_FILE_BACK_H */
