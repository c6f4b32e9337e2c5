/* SPDX-License-Identifier: MIT */
/*
 * spool/log/batch.h - what one write commits; a segment as a row of batches
 *
 *   segment  | header, 4 KiB | batch | batch | ... | whatever was there before
 *
 *   header    magic "pirnseg1" | segment 4 | generation 4 | salt 8 |
 *             segment_bytes 8 | spool 16 | sum 8, zeros to 4 KiB
 *   batch     magic "pirnbat1" | sum 8 | segment 4 | generation 4 | count 4 |
 *             first_record 4 | bytes 4 | 0 4 | sequence 8 | written 8 | 0 8 |
 *             head * count | part [body] * count | zeros to the next 4 KiB
 *
 * A batch begins on a 4 KiB boundary, and no byte under an acknowledged one is
 * written again in that turn of the segment. Its sum is XXH3-64, with the
 * segment's salt as seed, of what follows it and of the heads; parts and bodies
 * have sums of their own. A header's is of the bytes before it, without seed.
 * The first batch of a turn is written together with the header. One is in
 * flight at a time, so all but the last of a segment are whole; of the last,
 * each record is judged by its own sums.
 *
 * Reading stops at the first batch whose sum, segment, generation, sequence or
 * first record is not what it has to be; a restart asks then what has to be
 * there (heal.h). Pure.
 */
#ifndef SPOOL_LOG_BATCH_H
#define SPOOL_LOG_BATCH_H

#include <stdbool.h>
#include <sys/uio.h>

#include "spool/log/record.h"

#define PIRN__BATCH_UNIT 4096u
#define PIRN__BATCH_HEAD_BYTES 64u
#define PIRN__SEGMENT_HEAD_BYTES 56u /* what of its 4 KiB is used */
#define PIRN__SEGMENT_RECORDS_MAX 16384u
#define PIRN__SEGMENT_BYTES_MIN (144ull * 1024) /* the longest record fits */
#define PIRN__SEGMENT_BYTES_MAX (1ull << 26)    /* a place has 2^20 units */

struct pirn__segment_head {
    uint32_t segment;
    uint32_t generation; /* 1 the first time */
    uint64_t salt;
    uint64_t segment_bytes; /* a multiple of PIRN__BATCH_UNIT */
    uint8_t spool[16];      /* whose segment it is */
};

/** pirn__segment_head_encode() - to PIRN__BATCH_UNIT bytes */
void pirn__segment_head_encode(const struct pirn__segment_head *head,
                               uint8_t *buf);

/** pirn__segment_head_decode() - -EBADMSG damaged, or never written; -EPROTO
 * of a newer format */
PIRN_MUST_CHECK int pirn__segment_head_decode(
    const uint8_t *buf, struct pirn__segment_head *ret_head);

/*
 * A batch in the making. How many heads there will be, and so where the parts
 * stand, is known at its end only. So parts and bodies are put behind room for
 * PIRN__BATCH_RECORDS heads, and at the end the heads go directly before them:
 *
 *   buf  | unused | header | head * count | part [body] * count | zeros |
 *        0      start                  ROOM                          start + n
 *
 * Nothing is written but what the batch needs. Then every part gets its place
 * and its sum. What is written begins at @start, which is on no boundary in
 * memory; in the file it is.
 *
 * Where the caller has room for pieces, a body that is longer than
 * PIRN__BATCH_COPY_MAX is not copied: it is a piece of its own, between two of
 * the buffer, and stays the caller's until the batch is written.
 *
 *   pieces   buf: header, heads, part | body | buf: zeros, part | body | ...
 */
#define PIRN__BATCH_RECORDS 512u
#define PIRN__BATCH_ROOM \
    (PIRN__BATCH_HEAD_BYTES + PIRN__BATCH_RECORDS * PIRN__HEAD_BYTES)
#define PIRN__BATCH_PIECES 1024u /* of one write: IOV_MAX */
#define PIRN__BATCH_COPY_MAX 2048u

struct pirn__batch {
    uint8_t *buf;         /* the caller's, @cap bytes */
    struct iovec *pieces; /* his, PIRN__BATCH_PIECES; NULL: all is copied */
    uint32_t cap;         /* above PIRN__BATCH_ROOM; of all bytes */
    uint32_t at; /* of the batch's first byte in its segment; units of 64 */
    uint32_t segment;
    uint32_t generation;
    uint64_t segment_bytes;
    uint64_t salt;
    uint64_t sequence; /* 1 the first of the turn, and so on */
    uint32_t first_record;
    uint32_t count;
    uint32_t used;   /* bytes, heads' room included */
    uint32_t filled; /* of these in buf */
    uint32_t piece_count;
    uint32_t piece_from; /* what of buf is in no piece yet */
    uint32_t start;      /* set at the end */
};

/**
 * pirn__batch_begin() - an empty one
 *
 * The caller has set all from @buf to @first_record.
 */
void pirn__batch_begin(struct pirn__batch *batch);

/**
 * pirn__batch_fits() - whether one more record does
 * @body_bytes: 0 of a META, and of a body that is a file
 *
 * False: the buffer, the segment or the numbers of its records end there.
 */
bool pirn__batch_fits(const struct pirn__batch *batch, uint32_t fields_bytes,
                      uint64_t body_bytes);

/**
 * pirn__batch_add() - one more record, which fits
 * @part: its head's part_bytes is set here; its part_at, and of a PUT the
 *        body's place, are known at the batch's end
 * @body: of a PUT whose body is no file; copied, or a piece
 *
 * Return: the record's number in its segment
 */
uint16_t pirn__batch_add(struct pirn__batch *batch, struct pirn__part *part,
                         const void *body);

/**
 * pirn__batch_end() - places, sums, zeros; @count is 1 at least
 *
 * Return: how many bytes to write: the pieces, or from buf + start on
 */
uint32_t pirn__batch_end(struct pirn__batch *batch, uint64_t written_ns);

/** pirn__batch_seat() - of an ended batch: its @i-th record's place; @head,
 * which it was added with, gets the places that it has now */
struct pirn__place pirn__batch_seat(const struct pirn__batch *batch, uint32_t i,
                                    struct pirn__head *head);

/* What the front of a batch says. */
struct pirn__batch_head {
    uint32_t segment;
    uint32_t generation;
    uint32_t count;
    uint32_t first_record;
    uint32_t bytes; /* all of it, a multiple of 4 KiB */
    uint64_t sequence;
    uint64_t written_ns;
};

/**
 * pirn__batch_head_peek() - what it says, before its sum is known
 * @buf: PIRN__BATCH_HEAD_BYTES
 *
 * Return: how many bytes of heads follow; -EBADMSG: no batch begins here
 */
PIRN_MUST_CHECK int pirn__batch_head_peek(const uint8_t *buf,
                                          struct pirn__batch_head *ret_head);

/* Where a reader of a segment is. */
struct pirn__batch_cursor {
    struct pirn__segment_head segment;
    uint32_t at; /* of the next batch, in units of 64 */
    uint32_t first_record;
    uint64_t sequence;
    uint64_t written_ns; /* of the batch before; 0: there is none */
};

/** pirn__batch_cursor_init() - before the first batch */
void pirn__batch_cursor_init(struct pirn__batch_cursor *cursor,
                             const struct pirn__segment_head *segment);

/**
 * pirn__batch_cursor_next() - the batch at the cursor, which goes behind it
 * @buf: what stands there: PIRN__BATCH_ROOM bytes, or fewer where the segment
 *       ends; the heads are behind the first PIRN__BATCH_HEAD_BYTES
 *
 * Each head was decoded, and its part and body stand inside the batch. Whether
 * they are whole their own sums say.
 *
 * Return: 1; 0: here ends what was written in this turn; -EBADMSG: whole, and
 *         with contents that we do not write
 */
PIRN_MUST_CHECK int pirn__batch_cursor_next(struct pirn__batch_cursor *cursor,
                                            const uint8_t *buf, size_t len,
                                            struct pirn__batch_head *ret_head);

/** pirn__batch_front_seal() - the front of the batch at the cursor, anew:
 * @front has its @count heads; @bytes are used of the batch; @said: the front
 * that was there */
void pirn__batch_front_seal(const struct pirn__batch_cursor *cursor,
                            uint32_t count, uint64_t bytes, const uint8_t *said,
                            uint8_t *front);

#endif /* SPOOL_LOG_BATCH_H */
