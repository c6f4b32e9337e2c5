/* SPDX-License-Identifier: MIT */
/*
 * spool/log/claim.h - a claim between having an item and ending it
 */
#ifndef SPOOL_LOG_CLAIM_H
#define SPOOL_LOG_CLAIM_H

#include "spool/log/bell.h"
#include "spool/log/log.h"
#include "spool/log/reading.h"
#include "spool/owner.h"

struct pirn_claim_work {
    struct pirn_claim_work *next; /* in the log's list while it has an item */
    struct pirn_claim_work *prev;
    struct pirn_claim_work *hope; /* the next one that waits for more */
    struct pirn_claim *claim;
    struct pirn__log *log;
    uint32_t queue;
    bool by_id;
    bool looked; /* for dead owners, after nothing was ready */
    struct pirn__grip grip;
    struct pirn__reading reading;
    struct pirn__sweep_wait sweep;
    struct pirn__log_sleeper sleeper; /* one that waits */

    /* How it ends. */
    int32_t result;
    bool goes_on;     /* an update: the claim has the item still */
    uint8_t *renewed; /* memory for what an update writes */
    struct pirn__record record;
    struct pirn__round_wait round;
    struct pirn_op step;
};

/** pirn__log_claim_end() - off the list, memory and descriptors, then the
 * claim's op ends with @result */
void pirn__log_claim_end(struct pirn_claim_work *work, int32_t result);

/** pirn__log_removal_begin() - REMOVING, tombstones, limbo; 0 or -ESTALE */
PIRN_MUST_CHECK int pirn__log_removal_begin(struct pirn_claim_work *work);

/** pirn__log_claim_resume() - UPDATING to CLAIMED; fenced out meanwhile it is
 * let go of, and the next verb hears of it */
void pirn__log_claim_resume(struct pirn_claim_work *work);

/** pirn__log_claims_retry() - for all that wait for more to be known: there is
 * more, or all, or there never will be */
void pirn__log_claims_retry(struct pirn__log *log);

/** pirn__log_claims_deinit() - what was never ended, at close. Blocks. */
void pirn__log_claims_deinit(struct pirn__log *log);

#endif /* SPOOL_LOG_CLAIM_H */
