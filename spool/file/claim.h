/* SPDX-License-Identifier: MIT */
/*
 * spool/file/claim.h - a claim between having an item and ending it
 */
#ifndef SPOOL_FILE_CLAIM_H
#define SPOOL_FILE_CLAIM_H

#include "spool/bundle.h"
#include "spool/file/aside.h"
#include "spool/file/back.h"
#include "spool/file/body.h"
#include "spool/file/find.h"
#include "spool/file/latch.h"
#include "spool/file/meta_file.h"
#include "spool/file/seize.h"
#include "spool/file/supply.h"
#include "spool/owner.h"

struct pirn_claim_work {
    struct pirn_claim_work *next; /* in the spool's list while it has an item */
    struct pirn_claim_work *prev;
    struct pirn_claim *claim;
    struct pirn_spool *spool;
    struct pirn__queue *queue;
    struct pirn_id id;
    uint64_t since;               /* listings before the claim */
    struct pirn__site from;       /* where it was claimed, */
    struct pirn__queue *to_queue; /* and where it belongs */
    bool is_held;                 /* when it is not claimed */
    bool by_id;
    bool lost;        /* and had anew by another claim of this open */
    bool is_seized;   /* somebody else had it */
    bool has_victim;  /* who that is, the first one met */
    bool looked;      /* for dead owners, after nothing was ready */
    bool is_surveyed; /* since it began */
    int32_t result;
    uint32_t queue_at;
    uint32_t victim; /* slot */
    int32_t survey_result;
    uint32_t misses; /* renames that found nothing */
    uint32_t left;

    struct pirn__sweep_wait sweep;
    struct pirn__nap nap;
    struct pirn__supply_wait supply;
    struct pirn__survey_wait survey;
    struct pirn__bucket_sync sync_bucket;
    struct pirn__meta_read meta;
    struct pirn__find find;
    struct pirn__seizing seizing;
    struct pirn__body body;
    struct pirn__back back;
    struct pirn__aside aside;
    struct pirn__sync_wait sync_checkout;
    struct pirn__sync_wait sync_ready;
    struct pirn_op step;
    struct pirn__bundle_entry rename;
    struct pirn__name path;
    struct pirn__name to;
    struct pirn__latch latch;
    pirn_op_fn *latched; /* what is called behind what waits for it */

    /* A change under way. */
    struct pirn_item changed;
    char *fields; /* that it may have then; malloc'd */
    bool stays;   /* with us */
    struct pirn__meta_read reread;
    bool is_unsure;     /* which of two metadata it has; read them first */
    bool is_unsynced;   /* a power cut may take its name from here */
    bool may_have_left; /* it is not known whether we have it */
};

/** pirn__claim_work_destroy() - off the list, and free; the body is closed */
void pirn__claim_work_destroy(struct pirn_claim_work *work);

/**
 * pirn__claims_brought() - let the latch of an item go that was to come to us
 * @is_ours: it came; what claims of this open there are of it, have lost it
 */
void pirn__claims_brought(struct pirn__latch *latch, bool is_ours);

/** pirn__claims_deinit() - what was never ended, at close. Blocks. */
void pirn__claims_deinit(struct pirn_spool *spool);

#endif /* SPOOL_FILE_CLAIM_H */
