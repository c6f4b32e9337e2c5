/* SPDX-License-Identifier: MIT */
/*
 * spool/file/recover.h - put right what an owner left: the table's "kill here"
 */
#ifndef SPOOL_FILE_RECOVER_H
#define SPOOL_FILE_RECOVER_H

#include "spool/file/aside.h"
#include "spool/file/back.h"
#include "spool/file/find.h"
#include "spool/file/latch.h"
#include "spool/file/meta_file.h"
#include "spool/move_recover.h"

/* Items put right at once. */
#define PIRN__RECOVER_WORKERS 16u

struct pirn__fence;
struct pirn__recover;

/* One item at a time. */
struct pirn__recover_worker {
    struct pirn__recover *recover;
    struct pirn_id id;
    struct pirn__find find;
    struct pirn__meta_read meta;
    struct pirn__back back;
    struct pirn_op step;
    struct statx statx;
    struct pirn__name path;
    struct pirn__aside aside;
    struct pirn__latch latch;
};

/* Start &it->op. */
struct pirn__recover {
    struct pirn_op op;
    struct pirn_spool *spool;
    uint32_t slot;
    bool living;               /* he is fenced out: his claims alone, */
    bool is_taking;            /* which are being made ours: */
    uint32_t taken;            /* the first so many ids are */
    struct pirn__fence *fence; /* then: for whom */
    uint64_t returned;         /* claims that were given back */

    struct pirn__refresh refresh;
    struct pirn__id_scan scan; /* .tmp/SLOT, then each .checkout/SLOT */
    struct pirn__move_recover moves;
    bool has_settled;          /* those of the queue */
    struct pirn__queue *queue; /* whose claims; NULL: drafts */
    uint32_t queue_at;
    uint64_t shards;   /* bit set: those of the drafts */
    uint32_t sync_at;  /* directories to sync, numbered */
    uint32_t id_at;    /* next of the scan's ids */
    uint32_t busy;     /* workers */
    bool is_synced;    /* .checkout/SLOT of the queue */
    bool is_unsettled; /* written: a move of his may be as he left it */
    int32_t result;    /* the first error; what it concerns stays */

    struct pirn_op step;
    struct pirn_op open;
    struct pirn_op fsync;
    struct pirn_op close;
    struct pirn_op *steps[3];
    struct pirn_chain chain;
    struct pirn__name path;
    struct pirn__recover_worker workers[PIRN__RECOVER_WORKERS];
};

/**
 * pirn__prep_recover() - delete an owner's drafts, give back his claims
 * @slot: whose lock we hold
 *
 * May be repeated, and cut short anywhere. Damaged metadata, and those without
 * a body, are set aside into the queue `quarantine`.
 *
 * Result: 0, or the first error. What it concerns is as it was; all the rest
 * is done. Where @recover->is_unsettled, his items in the log have to stay as
 * they are: one of them may be half of a move.
 */
void pirn__prep_recover(struct pirn__recover *recover, struct pirn_spool *spool,
                        uint32_t slot);

/**
 * pirn__prep_fence() - give back the claims of one who lives
 *
 * Each step is a rename out of his directory, which he and we may try at once:
 * one of us gets 0, and the other -ENOENT, which says nothing against him.
 *
 * Result: as pirn__prep_recover()
 */
void pirn__prep_fence(struct pirn__recover *recover, struct pirn_spool *spool,
                      uint32_t slot);

#endif /* SPOOL_FILE_RECOVER_H */
