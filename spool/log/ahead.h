/* SPDX-License-Identifier: MIT */
/*
 * spool/log/ahead.h - what a rebuild is about to read, many segments at a time
 *
 * A batch says where the next one is, so a segment is read one batch after the
 * other, and a rebuild would wait for the disk at each of them. This asks for
 * the fronts of all segments' batches, so that the rebuild finds them in
 * memory. It proves nothing and fails nowhere: what it could not read the
 * rebuild meets itself.
 *
 * Before that it syncs each segment, which the rebuild would do one by one: the
 * disk flushes once for all that ask at the same time. What came of that it
 * tells, since a sync that failed may not say so twice.
 */
#ifndef SPOOL_LOG_AHEAD_H
#define SPOOL_LOG_AHEAD_H

#include <pirn/context.h>

#include "spool/log/segments.h"

/* As much of a batch as has the heads of 256 records: most are not longer. */
#define PIRN__AHEAD_BYTES (20u * 1024)

/* Start &it->op; result 0. */
struct pirn__ahead {
    struct pirn_op op;
    struct pirn__log *log;
    const bool *there; /* of each segment: whether it is to be read */
    int32_t *synced;   /* of each: what its sync said; 1: it was not asked */
    uint32_t next;
    uint32_t busy;
    struct pirn__ahead_reader *readers;
};

/** pirn__prep_ahead() - @there, @synced: one for each of the log's segments;
 * loaned. The caller sets each of @synced to 1 */
void pirn__prep_ahead(struct pirn__ahead *ahead, struct pirn__log *log,
                      const bool *there, int32_t *synced);

#endif /* SPOOL_LOG_AHEAD_H */
