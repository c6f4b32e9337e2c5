/* SPDX-License-Identifier: MIT */
/*
 * spool/check/segment_mend.h - a segment's header, written anew
 */
#ifndef SPOOL_CHECK_SEGMENT_MEND_H
#define SPOOL_CHECK_SEGMENT_MEND_H

#include <pirn/check.h>

#include "spool/check/segment_look.h"
#include "spool/check/strays.h"

/* Start &it->op. */
struct pirn__segment_mend {
    struct pirn_op op;
    struct pirn_spool *spool;
    const struct pirn_finding *finding;
    uint64_t *announced; /* so that nobody takes it for another turn */
    struct pirn__segment_look look;
    uint8_t *buf;                    /* malloc'd: header, the first front */
    uint8_t page[PIRN__BATCH_UNIT];  /* as it will be */
    struct pirn__stray_bytes strays; /* as it was */
    struct pirn_op open;
    struct pirn_op write;
    struct pirn_op fsync;
    struct pirn_op close;
    struct pirn_chain chain;
    struct pirn_op *steps[4];
};

/**
 * pirn__prep_segment_mend() - write what the index knows of it
 *
 * What stood there goes into .strays. Where a header stands that is whole, and
 * of another segment, turn or salt, the first batch decides whether it is the
 * index that is wrong.
 *
 * Result: 0, it is durable, or nothing of that turn is needed any more; -ENOENT
 * there is no such file; -EBADMSG nobody can say what it has to be; -EBUSY too
 * many looks at once; or an errno: it is as it was.
 */
void pirn__prep_segment_mend(struct pirn__segment_mend *mend,
                             struct pirn_spool *spool,
                             const struct pirn_finding *finding);

#endif /* SPOOL_CHECK_SEGMENT_MEND_H */
