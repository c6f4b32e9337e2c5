/* SPDX-License-Identifier: MIT */
/*
 * segment.c - any bytes as a segment's header and as the front of a batch
 *
 * Odd first byte: with the sums that they would have. image.h has the rest: it
 * builds whole segments, which restart.c reads.
 */
#include "tests/fuzz/fuzz.h"

#include <errno.h>

#include <xxhash.h>

#include "spool/log/batch.h"
#include "spool/log/bytes.h"

const struct fuzz_target fuzz_target = {"segment", 60000, 1024};

enum { SUMMED_HEADER = 48, SALT = 77 };

static void check_header(const uint8_t *front, uint64_t bit)
{
    uint8_t again[PIRN__BATCH_UNIT];
    uint8_t turned[SUMMED_HEADER + 8];
    struct pirn__segment_head head;
    struct pirn__batch_cursor cursor;
    int r = pirn__segment_head_decode(front, &head);

    pirn_assert(r == 0 || r == -EBADMSG || r == -EPROTO);
    if (r < 0) {
        return;
    }
    pirn__segment_head_encode(&head, again);
    pirn_assert(memcmp(again, front, sizeof(turned)) == 0);
    pirn__batch_cursor_init(&cursor, &head);
    memcpy(turned, front, sizeof(turned));
    fuzz_flip(turned, bit % (8 * sizeof(turned)));
    pirn_assert(pirn__segment_head_decode(turned, &head) < 0);
}

/* As a reader who expects just this batch: the more of it is reached. */
static struct pirn__batch_cursor cursor_of(const struct pirn__batch_head *head,
                                           uint32_t segment_bytes)
{
    return (struct pirn__batch_cursor){
        .segment =
            {
                .segment = head->segment,
                .generation = head->generation,
                .salt = SALT,
                .segment_bytes = segment_bytes,
            },
        .at = PIRN__BATCH_UNIT / PIRN__RECORD_UNIT,
        .first_record = head->first_record,
        .sequence = head->sequence,
    };
}

/* One record behind the other, all of them inside. */
static void check_taken(const struct pirn__batch_cursor *cursor,
                        const struct pirn__batch_head *head,
                        const uint8_t *front)
{
    uint64_t begin = PIRN__BATCH_UNIT;
    uint64_t behind = begin + PIRN__BATCH_HEAD_BYTES +
                      (uint64_t)head->count * PIRN__HEAD_BYTES;

    pirn_assert(cursor->at * (uint64_t)PIRN__RECORD_UNIT ==
                begin + head->bytes);
    for (uint32_t i = 0; i < head->count; i++) {
        struct pirn__head record;
        int r = pirn__head_decode(
            front + PIRN__BATCH_HEAD_BYTES + i * PIRN__HEAD_BYTES, &record);
        pirn_assert(r == 0);
        pirn_assert((uint64_t)record.part_at * PIRN__RECORD_UNIT == behind);
        behind += record.part_bytes + pirn__head_body_room(&record);
        pirn_assert(behind <= begin + head->bytes);
    }
}

static void check_front(uint8_t *front, size_t len, bool is_summed,
                        uint64_t bit)
{
    struct pirn__batch_head head;
    struct pirn__batch_head taken;

    if (len < PIRN__BATCH_HEAD_BYTES) {
        return;
    }
    int r = pirn__batch_head_peek(front, &head);
    pirn_assert(r == -EBADMSG || r == (int)(head.count * PIRN__HEAD_BYTES));
    size_t front_len = PIRN__BATCH_HEAD_BYTES + (size_t)(r < 0 ? 0 : r);
    if (r < 0 || front_len > len) {
        return;
    }
    if (is_summed) {
        pirn__put64(front + 8,
                    XXH3_64bits_withSeed(front + 16, front_len - 16, SALT));
    }
    struct pirn__batch_cursor cursor =
        cursor_of(&head, PIRN__BATCH_UNIT + head.bytes);
    r = pirn__batch_cursor_next(&cursor, front, len, &taken);
    pirn_assert(r == 1 || r == 0 || r == -EBADMSG);
    if (r == 1) {
        check_taken(&cursor, &taken, front);
    }
    if (is_summed) {
        fuzz_flip(front, bit % (8 * front_len));
        cursor = cursor_of(&head, PIRN__BATCH_UNIT + head.bytes);
        r = pirn__batch_cursor_next(&cursor, front, len, &taken);
        pirn_assert_rule(r == 0, "a bit that is wrong ends the row");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t header[SUMMED_HEADER + 8] = {0};
    struct fuzz_in in = {data, size};
    bool is_summed = (fuzz_take(&in, 1) & 1) != 0;
    uint64_t bit = fuzz_take(&in, 2);
    uint8_t *front = fuzz_copy(in.at, in.left);

    memcpy(header, in.at, in.left < sizeof(header) ? in.left : sizeof(header));
    if (is_summed) {
        pirn__put64(header + SUMMED_HEADER, XXH3_64bits(header, SUMMED_HEADER));
    }
    check_header(header, bit);
    check_front(front, in.left, is_summed, bit);
    free(front);
    return 0;
}
