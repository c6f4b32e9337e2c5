/* SPDX-License-Identifier: MIT */
/*
 * test_log_heal.c - a front that is damaged is as it was, or is not healed
 *
 * A batch is written into memory that stands for a segment; then each bit of
 * its front, or of its parts, is another, or the front is other bytes.
 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "spool/log/heal.h"

enum {
    SEGMENT = 1u << 20,
    CAP = PIRN__BATCH_ROOM + (1u << 19),
    MANY = PIRN__BATCH_RECORDS,
};

static const struct pirn__segment_head head_of = {
    .segment = 5,
    .generation = 3,
    .salt = 0x5a17,
    .segment_bytes = SEGMENT,
    .spool = "0123456789abcde",
};

struct written {
    uint8_t *bytes; /* from the batch on; zeros behind it */
    uint32_t len;
    uint32_t front;
    uint8_t buf[CAP];
};

static void add(struct pirn__batch *batch, uint32_t i)
{
    static const uint8_t body[700] = "a body";
    struct pirn__part part = {
        .head = {.version = 1,
                 .kind = PIRN__RECORD_PUT,
                 .body_bytes = i % 3 * 300},
        .digest = XXH3_64bits(body, i % 3 * 300),
    };

    memset(part.head.id.bytes, (int)i + 1, sizeof(part.head.id.bytes));
    pirn__batch_add(batch, &part, body);
}

static struct written *write_batch(uint32_t count)
{
    struct written *written = calloc(1, sizeof(*written));
    struct pirn__batch batch = {
        .buf = written->buf,
        .cap = CAP,
        .at = PIRN__BATCH_UNIT / PIRN__RECORD_UNIT,
        .segment = 5,
        .generation = 3,
        .segment_bytes = SEGMENT,
        .salt = head_of.salt,
        .sequence = 1,
    };

    pirn__batch_begin(&batch);
    for (uint32_t i = 0; i < count; i++) {
        add(&batch, i);
    }
    written->len = pirn__batch_end(&batch, 77);
    written->bytes = written->buf + batch.start;
    written->front = PIRN__BATCH_HEAD_BYTES + count * PIRN__HEAD_BYTES;
    return written;
}

static int heal(const struct written *written, uint32_t len, uint8_t *front)
{
    struct pirn__batch_cursor cursor;
    struct pirn__batch_head head;

    pirn__batch_cursor_init(&cursor, &head_of);
    cursor.written_ns = 77;
    int r = pirn__batch_cursor_heal(&cursor, written->bytes, len, front, &head);
    if (r == 1) {
        assert_int_equal(head.bytes, written->len);
        assert_int_equal(cursor.sequence, 2);
    }
    return r;
}

static void a_front_of_other_bytes_is_as_it_was(void **state)
{
    static const uint32_t counts[] = {1, 2, 5, 64, MANY};
    static uint8_t front[PIRN__BATCH_ROOM];
    static uint8_t was[PIRN__BATCH_ROOM];

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        struct written *written = write_batch(counts[i]);
        memcpy(was, written->bytes, written->front);
        for (int with = 0; with < 256; with += 51) {
            memset(written->bytes, with, written->front);
            assert_int_equal(heal(written, written->len, front), 1);
            assert_memory_equal(front, was, written->front);
        }
        free(written);
    }
}

/* And so of bytes that end anywhere; what it has is not read behind them. */
static void without_all_of_its_parts_it_is_not(void **state)
{
    static uint8_t front[PIRN__BATCH_ROOM];
    struct written *written = write_batch(5);
    uint8_t *exact = malloc(written->len);

    (void)state;
    for (uint32_t len = 0; len < written->len; len += 61) {
        memcpy(exact + written->len - len, written->bytes, len);
        struct written cut = {.bytes = exact + written->len - len,
                              .len = written->len};
        int r = heal(&cut, len, front);
        assert_true(r == 0 || len > written->len - PIRN__BATCH_UNIT);
    }
    free(exact);
    free(written);
}

static void nor_with_one_that_is_damaged(void **state)
{
    static uint8_t front[PIRN__BATCH_ROOM];
    struct written *written = write_batch(2);
    uint32_t parts = written->front;

    (void)state;
    for (uint32_t bit = 0; bit < 128 * 8; bit++) { /* of the first part */
        written->bytes[parts + bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(heal(written, written->len, front), 0);
        written->bytes[parts + bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(heal(written, written->len, front), 1);
    free(written);
}

static void a_header_with_one_wrong_bit_is_as_it_was(void **state)
{
    uint8_t was[PIRN__BATCH_UNIT];
    uint8_t page[PIRN__BATCH_UNIT];
    struct pirn__segment_head head;

    (void)state;
    pirn__segment_head_encode(&head_of, was);
    for (uint32_t bit = 0; bit < PIRN__SEGMENT_HEAD_BYTES * 8; bit++) {
        memcpy(page, was, sizeof(page));
        page[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(pirn__segment_head_heal(page, &head), 0);
        assert_memory_equal(page, was, sizeof(page));
        uint32_t other = (bit + 9) % (PIRN__SEGMENT_HEAD_BYTES * 8);
        memcpy(page, was, sizeof(page));
        page[bit / 8] ^= (uint8_t)(1u << bit % 8);
        page[other / 8] ^= (uint8_t)(1u << other % 8);
        assert_int_equal(pirn__segment_head_heal(page, &head), -EBADMSG);
    }
}

TEST_MAIN(cmocka_unit_test(a_front_of_other_bytes_is_as_it_was),
          cmocka_unit_test(without_all_of_its_parts_it_is_not),
          cmocka_unit_test(nor_with_one_that_is_damaged),
          cmocka_unit_test(a_header_with_one_wrong_bit_is_as_it_was))
