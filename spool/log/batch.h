/* SPDX-License-Identifier: MIT */
/*
 * spool/log/batch.h - what one write commits; a segment as a row of batches
 *
 *   segment  | header, 4 KiB | batch | batch | ... | whatever was there before
 *
 *   header    magic "pirnseg1" | segment 4 | generation 4 | salt 8 |
 *             segment_bytes 8 | spool 16 | sum 8, zeros to 4 KiB
 *   batch     magic "pirnbat1" | segment 4 | generation 4 | count 4 |
 *             first_record 4 | bytes 4 | 0 4 | sequence 8 | written 8 | sum 8 |
 *             head * count | part [body] * count | zeros to the next 4 KiB
 *
 * A batch begins on a 4 KiB boundary, and no byte under an acknowledged one is
 * written again in that turn of the segment. Its sum is XXH3-64, with the
 * segment's salt as seed, of the 56 bytes before it and of the heads; parts and
 * bodies have sums of their own. The first batch of a turn is written together
 * with the header. One is in flight at a time, so all but the last of a segment
 * are whole; of the last, each record is judged by its own sums.
 *
 * Reading stops at the first batch whose sum, segment, generation, sequence or
 * first record is not what it has to be. Pure.
 */
#ifndef SPOOL_LOG_BATCH_H
#define SPOOL_LOG_BATCH_H

#include <stdbool.h>

#include "spool/log/record.h"

#define PIRN__BATCH_UNIT 4096u
#define PIRN__BATCH_HEAD_BYTES 64u
#define PIRN__SEGMENT_RECORDS_MAX 32736u

struct pirn__segment_head {
    uint32_t segment;
    uint32_t generation; /* 1 the first time */
    uint64_t salt;
    uint64_t segment_bytes;
    uint8_t spool[16]; /* whose segment it is */
};

/** pirn__segment_head_encode() - to PIRN__BATCH_UNIT bytes */
void pirn__segment_head_encode(const struct pirn__segment_head *head,
                               uint8_t *buf);

/** pirn__segment_head_decode() - -EBADMSG damaged, or never written; -EPROTO
 * of a newer format */
PIRN_MUST_CHECK int pirn__segment_head_decode(
    const uint8_t *buf, struct pirn__segment_head *ret_head);

/*
 * A batch in the making: heads grow from the front and bodies are laid out when
 * all are known, so the parts of up to PIRN__BATCH_RECORDS records are encoded
 * behind room for as many heads.
 */
#define PIRN__BATCH_RECORDS 512u

struct pirn__batch {
    uint8_t *buf; /* the caller's; on a 4 KiB boundary */
    uint32_t cap;
    uint32_t at; /* of the batch's first byte in its segment; units of 64 */
    uint32_t segment;
    uint32_t generation;
    uint64_t salt;
    uint64_t sequence; /* 1 the first of the turn, and so on */
    uint32_t first_record;
    uint32_t count;
    uint32_t used; /* bytes of buf, heads' room included */
};

/**
 * pirn__batch_begin() - an empty one
 *
 * The caller has set all but @count and @used.
 */
void pirn__batch_begin(struct pirn__batch *batch);

/** pirn__batch_fits() - whether one more record does */
bool pirn__batch_fits(const struct pirn__batch *batch, uint32_t fields_bytes,
                      uint64_t body_bytes);

/**
 * pirn__batch_add() - one more record, which fits
 * @part: its head's part_bytes and part_at, and of a PUT the body's place, are
 *        set here; @body: of a PUT whose body is no file; copied
 *
 * Return: the record's number in its segment
 */
uint16_t pirn__batch_add(struct pirn__batch *batch, struct pirn__part *part,
                         const void *body);

/** pirn__batch_end() - pad, sum up; returns the bytes to write, from buf on */
uint32_t pirn__batch_end(struct pirn__batch *batch, uint64_t written_ns);

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

/** pirn__batch_head_peek() - how many bytes of heads follow, before their sum
 * is known; -EBADMSG: no batch begins here. @buf: PIRN__BATCH_HEAD_BYTES */
PIRN_MUST_CHECK int pirn__batch_head_peek(const uint8_t *buf,
                                          struct pirn__batch_head *ret_head);

/** pirn__batch_head_check() - the header and its heads, @len bytes, against the
 * sum; -EBADMSG torn, damaged or of another turn */
PIRN_MUST_CHECK int pirn__batch_head_check(const uint8_t *buf, size_t len,
                                           uint64_t salt);

#endif /* SPOOL_LOG_BATCH_H */
