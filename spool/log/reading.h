/* SPDX-License-Identifier: MIT */
/*
 * spool/log/reading.h - an item's part and body, from the segments
 *
 * The part and, where it stands behind it, the body come with one read. Bodies
 * that stand elsewhere come when they are asked for.
 */
#ifndef SPOOL_LOG_READING_H
#define SPOOL_LOG_READING_H

#include <sys/stat.h>

#include <pirn/context.h>
#include <pirn/item.h>

#include "spool/log/catalogue.h"
#include "spool/log/segments.h"
#include "spool/names.h"

struct XXH3_state_s;

struct pirn__reading;

/* Called from a turn, once: results as of pirn__prep_reading(). */
typedef void pirn__reading_fn(struct pirn__reading *reading, int32_t result);

/* Zeroed once; start &it->op. */
struct pirn__reading {
    struct pirn_op op;
    pirn__reading_fn *then; /* instead of the op, which is idle then */
    struct pirn__log *log;
    uint32_t slot;
    struct pirn__slot fields; /* of the slot, when the reading began */
    struct pirn__part part;   /* after it ended with 0; borrows memory */
    uint32_t part_generation; /* whole, as that of the body's segment */
    uint32_t body_generation;

    uint8_t *memory;
    bool is_pooled; /* a buffer of the log's */
    uint32_t len;
    uint32_t want;
    uint8_t *body; /* all of it is in memory, and was checked */
    bool body_is_bad;

    struct pirn__segment_hold hold;
    bool holds; /* a segment, until the op ends */
    uint32_t segment;
    struct pirn_op step;
    struct pirn__name path;
    int file_fd; /* of a body that is a file; -1 */
    bool has_file;
    struct statx *statx;       /* while its kind is asked */
    struct XXH3_state_s *hash; /* of a file, as far as it was read in order */
    uint64_t hashed;

    void *buf; /* the caller's, of one read of the body */
    uint32_t buf_len;
    uint64_t offset;
};

/**
 * pirn__prep_reading() - read the part of a slot's item
 * @slot:   whose item cannot go away meanwhile: we have it, or have announced
 *          its segments
 * @fields: of that slot
 *
 * Result: 0, reading->part is the item's; -EBADMSG damaged; -ESTALE its segment
 * has turned; or an errno
 */
void pirn__prep_reading(struct pirn__reading *reading, struct pirn__log *log,
                        uint32_t slot, const struct pirn__slot *fields);

/**
 * pirn__reading_start() - the same, for who waits for nothing but @then
 *
 * An op that ends in a turn has its function called in the next one; this calls
 * @then in the turn that has the bytes, or returns with them.
 *
 * Return: 0: @then will be called; 1: it has been read, and it will not; or
 *         what is wrong at once: it will not
 */
PIRN_MUST_CHECK int pirn__reading_start(struct pirn__reading *reading,
                                        struct pirn__log *log, uint32_t slot,
                                        const struct pirn__slot *fields,
                                        pirn__reading_fn *then);

/** pirn__reading_copy() - of a body that is in memory (@reading->body): the
 * bytes copied, or -EBADMSG */
PIRN_MUST_CHECK int32_t pirn__reading_copy(const struct pirn__reading *reading,
                                           void *buf, uint32_t len,
                                           uint64_t offset);

/**
 * pirn__reading_renew() - the item as it is after a change, without a read
 * @part, @generation: what was written, and its segment's
 * @memory: of part_bytes, with nothing in it yet; the reading's from now on
 *
 * Its body stays where it is; a file stays open.
 */
void pirn__reading_renew(struct pirn__reading *reading,
                         const struct pirn__slot *fields,
                         const struct pirn__part *part, uint32_t generation,
                         uint8_t *memory);

/** pirn__prep_reading_body() - the bytes read, 0 at its end; -EBADMSG the body
 * is not what was stored */
void pirn__prep_reading_body(struct pirn__reading *reading, void *buf,
                             uint32_t len, uint64_t offset);

/** pirn__reading_item() - as users see it, borrowing the reading's memory */
void pirn__reading_item(const struct pirn__reading *reading,
                        struct pirn_item *ret_item);

/** pirn__reading_deinit() - its memory; a body's file is closed or taken
 * before (pirn__reading_take_fd()) */
void pirn__reading_deinit(struct pirn__reading *reading);

/** pirn__reading_take_fd() - the body's file, for the caller to close; or -1 */
int pirn__reading_take_fd(struct pirn__reading *reading);

#endif /* SPOOL_LOG_READING_H */
