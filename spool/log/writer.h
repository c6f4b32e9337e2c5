/* SPDX-License-Identifier: MIT */
/*
 * spool/log/writer.h - records of many in one write
 *
 *   record -> batch being filled -> batch in flight -> mark -> record's end
 *                 ^                                |
 *                 +-- what comes meanwhile --------+
 *
 * One write is in flight at a time, and defines the next batch: one lone record
 * never waits, a thousand share a flush.
 */
#ifndef SPOOL_LOG_WRITER_H
#define SPOOL_LOG_WRITER_H

#include <pirn/context.h>

#include "spool/log/batch.h"
#include "spool/log/catalogue.h"
#include "spool/log/segments.h"
#include "spool/waiters.h"

/* A body that is longer does not go into a batch. */
#define PIRN__BATCH_BODY_MAX (64u * 1024)

/*
 * One record to be committed. The caller fills in @part, @body and @slot, and
 * has the slot FILLING (of a PUT) or UPDATING. Start &it->op.
 */
struct pirn__record {
    struct pirn_op op;
    struct pirn__log *log;
    struct pirn__record *next;
    struct pirn__part part;
    const void *body; /* of a PUT whose body is no file; loaned, and written
                       * from where it is */
    uint32_t slot;

    /* When it has ended with 0. */
    struct pirn__place part_place;
    struct pirn__place body_place;
    uint32_t part_generation; /* whole */
};

/**
 * pirn__prep_record() - durable when it ends with 0
 *
 * Its places stand in its slot before the write: of a PUT as part and body, of
 * a META as the change that is pending (PIRN__ROUTE_PENDING). It has ended
 * with an error: it was never committed, and is behind its segment's cut.
 *
 * Result: 0; -ENOSPC, -EDQUOT no room; -EIO and others
 */
void pirn__prep_record(struct pirn__record *record, struct pirn__log *log);

/* First in, first out. */
struct pirn__records {
    struct pirn__record *head;
    struct pirn__record *tail;
};

struct pirn__writer {
    uint8_t *memory[2];
    struct pirn__batch batch; /* being filled, if filling.head is there */
    struct pirn__records filling;
    struct pirn__records flying;
    struct pirn__records waiting; /* for a segment, or for room in the batch */
    uint32_t current;             /* which memory is being filled */

    bool has_segment;
    uint32_t segment;
    uint32_t generation;
    int fd;                 /* held while there is a segment */
    struct pirn__mark mark; /* of the segment, behind what is in flight */
    bool is_first; /* it has first versions alone, and no write failed */

    bool is_kicked;
    uint64_t begun_ns; /* when drafts began since the kick; 0: none did */
    bool is_flying;
    bool is_taking;
    uint64_t failures;    /* of the spool, when the flight began */
    struct iovec *pieces; /* what is left of the write */
    uint32_t piece_count;
    uint32_t left;
    uint64_t offset;
    struct pirn__mark flying_mark;

    struct pirn_op kick;
    struct pirn_op write;
    struct pirn__segment_take take;
    struct pirn__segment_hold hold;
    struct pirn__segment_take ahead; /* one more, ahead of need */
    bool is_ahead;
    bool has_ahead; /* was looked for, since this segment was taken */
    struct pirn__waiters ahead_waiters;
};

/* Wait until nothing of the writer's own is under way. Start &it->op; result 0.
 */
struct pirn__writer_idle {
    struct pirn__waiter waiter;
    struct pirn__log *log;
};
void pirn__prep_writer_idle(struct pirn__writer_idle *idle,
                            struct pirn__log *log);

/** pirn__writer_deinit() - nothing of it is on loan; the segment is left to
 * others */
void pirn__writer_deinit(struct pirn__log *log);

#endif /* SPOOL_LOG_WRITER_H */
