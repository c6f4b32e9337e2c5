/* SPDX-License-Identifier: MIT */
/*
 * spool/check/mend.h - put one finding right, and throw nothing away
 */
#ifndef SPOOL_CHECK_MEND_H
#define SPOOL_CHECK_MEND_H

#include <sys/stat.h>

#include <pirn/check.h>

#include "spool/check/adopt.h"
#include "spool/check/log_mend.h"
#include "spool/check/segment_mend.h"
#include "spool/check/strays.h"
#include "spool/check/twins.h"
#include "spool/file/aside.h"
#include "spool/file/back.h"
#include "spool/file/claim.h"
#include "spool/file/find.h"
#include "spool/owner.h"

/* Start &it->op. */
struct pirn__mend {
    struct pirn_op op;
    struct pirn_check_work *work;
    struct pirn_spool *spool;
    const struct pirn_finding *finding;
    struct pirn_op step;
    struct statx statx;
    struct pirn__name from;
    struct pirn__name to;
    char path[PIRN_FINDING_PATH];
    bool swept;
    struct pirn__sweep_wait sweep;
    struct pirn__find find;
    struct pirn__bucket_sync bucket_sync;
    struct pirn__aside aside;
    struct pirn__meta_read meta; /* of one that goes where they say */
    struct pirn__back back;
    struct pirn__latch latch;
    struct pirn__survey_wait survey;
    uint32_t surveys;
    struct pirn__dir_sync sync;
    struct pirn__to_strays strays;
    struct pirn__adopt adopt;
    struct pirn__twins twins;
    struct pirn__log_mend log;
    struct pirn__segment_mend segment;
};

/**
 * pirn__prep_mend() - by what is wrong
 * @finding: not of what is too old; loaned
 *
 * Result: 0; -ENOENT it is gone meanwhile; -EBUSY a living owner has it; or an
 * errno: it is as it was, or set aside in part, and the next check sees it.
 */
void pirn__prep_mend(struct pirn__mend *mend, struct pirn_check_work *work,
                     const struct pirn_finding *finding);

#endif /* SPOOL_CHECK_MEND_H */
