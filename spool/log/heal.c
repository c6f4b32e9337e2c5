/* SPDX-License-Identifier: MIT */
/*
 * heal.c - see spool/log/heal.h
 *
 *   front | head * count | part [body] part [body] ...
 *                        ^ the first one that is whole says how many there are
 *
 * Parts and bodies stand one behind the other, so each leads to the next.
 */
#include "spool/log/heal.h"

#include <errno.h>
#include <string.h>

static void flip(uint8_t *buf, size_t bit)
{
    buf[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

int pirn__segment_head_heal(uint8_t *buf, struct pirn__segment_head *ret_head)
{
    for (size_t bit = 0; bit < PIRN__SEGMENT_HEAD_BYTES * 8; bit++) {
        flip(buf, bit);
        if (pirn__segment_head_decode(buf, ret_head) == 0) {
            return 0;
        }
        flip(buf, bit);
    }
    return -EBADMSG;
}

/* A part that was written there: it says so itself. */
static bool part_at(const struct pirn__batch_cursor *cursor,
                    const uint8_t *bytes, size_t len, uint64_t at,
                    struct pirn__part *ret_part)
{
    return at < len &&
           pirn__part_decode(bytes + at, len - at, cursor->segment.salt,
                             ret_part) == 0 &&
           ret_part->head.part_at == cursor->at + at / PIRN__RECORD_UNIT;
}

/* How many heads there were; 0: no part is whole where the first may be. */
static uint32_t count_of(const struct pirn__batch_cursor *cursor,
                         const uint8_t *bytes, size_t len)
{
    struct pirn__part part;

    for (uint32_t count = 1; count <= PIRN__BATCH_RECORDS; count++) {
        uint64_t at = PIRN__BATCH_HEAD_BYTES + count * PIRN__HEAD_BYTES;
        if (part_at(cursor, bytes, len, at, &part)) {
            return count;
        }
    }
    return 0;
}

int pirn__batch_cursor_heal(struct pirn__batch_cursor *cursor,
                            const uint8_t *bytes, size_t len, uint8_t *front,
                            struct pirn__batch_head *ret_head)
{
    uint32_t count = count_of(cursor, bytes, len);
    uint64_t at = PIRN__BATCH_HEAD_BYTES + (uint64_t)count * PIRN__HEAD_BYTES;
    const size_t front_bytes = (size_t)at;

    for (uint32_t i = 0; i < count; i++) {
        struct pirn__part part;
        if (!part_at(cursor, bytes, len, at, &part)) {
            return 0;
        }
        memcpy(front + PIRN__BATCH_HEAD_BYTES + i * PIRN__HEAD_BYTES,
               pirn__part_head(bytes + at), PIRN__HEAD_BYTES);
        at += part.head.part_bytes + pirn__head_body_room(&part.head);
    }
    if (count == 0) {
        return 0;
    }
    pirn__batch_front_seal(cursor, count, at, bytes, front);
    return pirn__batch_cursor_next(cursor, front, front_bytes, ret_head);
}
