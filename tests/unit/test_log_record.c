/* SPDX-License-Identifier: MIT */
/*
 * test_log_record.c - records survive the disk, or say that they did not
 *
 * Method: one record in golden bytes; then each prefix of it, each bit of it
 * changed, each field out of its range, another turn's salt.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "spool/log/bytes.h"
#include "spool/log/record.h"

enum { PART_BYTES = 128, SALT = 0x5a17 };

static const char golden[] = "a854bab1cc7ad1b3" /* sum */
                             "000102030405060708090a0b0c0d0e0f"
                             "03020100"
                             "01"
                             "00"
                             "0c"
                             "02" /* version, kind, priority, flags */
                             "3412"
                             "0900"
                             "80000000" /* queue, attempts, part_bytes */
                             "0807060504030201"
                             "8813000000000000" /* due, body_bytes */
                             "e8030000"
                             "07000000"
                             "ea030000"
                             "2a00"
                             "0600" /* places */
                             "efbeadde00000000"
                             "15cd5b0700000000" /* digest, created */
                             "05000000"
                             "00000000"
                             "6100620000"
                             "000000"
                             "0000000000000000"
                             "0000000000000000"
                             "0000000000000000";

static const struct pirn__place place = {
    .segment = 7, .at = 1000, .generation = 6, .record = 42};

static struct pirn__part part_of_golden(void)
{
    struct pirn__part part = {
        .head =
            {
                .version = 0x10203,
                .kind = PIRN__RECORD_PUT,
                .flags = PIRN__RECORD_HELD,
                .priority = 12,
                .queue = 0x1234,
                .attempts = 9,
                .part_bytes = pirn__part_bytes(5),
                .due_ns = 0x0102030405060708,
                .body_bytes = 5000,
            },
        .digest = 0xdeadbeef,
        .created_ns = 123456789,
        .fields = "a\0b\0",
        .fields_bytes = 5,
    };

    for (uint8_t i = 0; i < 16; i++) {
        part.head.id.bytes[i] = i;
    }
    return part;
}

/* @buf: PART_BYTES */
static void write_golden(uint8_t *buf)
{
    struct pirn__part part = part_of_golden();

    memset(buf, 0xee, PART_BYTES);
    assert_int_equal(part.head.part_bytes, PART_BYTES);
    pirn__part_encode(&part, buf);
    pirn__part_seal(buf, place, SALT);
}

static void format_is_fixed(void **state)
{
    uint8_t buf[PART_BYTES];
    char hex[2 * PART_BYTES + 1];

    (void)state;
    write_golden(buf);
    for (unsigned i = 0; i < PART_BYTES; i++) {
        snprintf(hex + 2 * i, 3, "%02x", buf[i]);
    }
    assert_string_equal(hex, golden);
}

static void what_was_written_is_read(void **state)
{
    uint8_t buf[PART_BYTES];
    uint8_t again[PART_BYTES];
    struct pirn__part part;

    (void)state;
    write_golden(buf);
    assert_int_equal(pirn__part_decode(buf, sizeof(buf), SALT, &part), 0);
    assert_int_equal(part.head.id.bytes[15], 15);
    assert_int_equal(part.head.version, 0x10203);
    assert_int_equal(part.head.kind, PIRN__RECORD_PUT);
    assert_int_equal(part.head.flags, PIRN__RECORD_HELD);
    assert_int_equal(part.head.priority, 12);
    assert_int_equal(part.head.queue, 0x1234);
    assert_int_equal(part.head.attempts, 9);
    assert_int_equal(part.head.due_ns, 0x0102030405060708);
    assert_int_equal(part.head.body_bytes, 5000);
    assert_int_equal(part.head.part_at, place.at);
    assert_int_equal(part.head.body.segment, place.segment);
    assert_int_equal(part.head.body.at, place.at + PART_BYTES / 64);
    assert_int_equal(part.head.body.record, place.record);
    assert_int_equal(part.head.body.generation, place.generation);
    assert_int_equal(part.digest, 0xdeadbeef);
    assert_int_equal(part.created_ns, 123456789);
    assert_memory_equal(part.fields, "a\0b\0", 5);

    pirn__part_encode(&part, again);
    pirn__part_seal(again, place, SALT);
    assert_memory_equal(again, buf, sizeof(buf));
}

static void head_of_a_part_is_the_head(void **state)
{
    uint8_t buf[PART_BYTES];
    uint8_t again[PIRN__HEAD_BYTES];
    struct pirn__head head;

    (void)state;
    write_golden(buf);
    assert_int_equal(pirn__head_decode(pirn__part_head(buf), &head), 0);
    pirn__head_encode(&head, again);
    assert_memory_equal(again, pirn__part_head(buf), sizeof(again));
}

static void every_prefix_is_torn(void **state)
{
    uint8_t buf[PART_BYTES];
    struct pirn__part part;

    (void)state;
    write_golden(buf);
    for (size_t len = 0; len < sizeof(buf); len++) {
        uint8_t *cut = malloc(len + 1); /* nothing behind it may be read */
        memcpy(cut, buf, len);
        assert_int_equal(pirn__part_decode(cut, len, SALT, &part), -EBADMSG);
        free(cut);
    }
}

static void every_flipped_bit_is_found(void **state)
{
    uint8_t buf[PART_BYTES];
    struct pirn__part part;

    (void)state;
    write_golden(buf);
    for (unsigned bit = 0; bit < 8 * PART_BYTES; bit++) {
        buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(pirn__part_decode(buf, sizeof(buf), SALT, &part),
                         -EBADMSG);
        buf[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(pirn__part_decode(buf, sizeof(buf), SALT, &part), 0);
}

static void record_of_another_turn_is_none(void **state)
{
    uint8_t buf[PART_BYTES];
    struct pirn__part part;

    (void)state;
    write_golden(buf);
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t salt = SALT ^ UINT64_C(1) << bit;
        assert_int_equal(pirn__part_decode(buf, sizeof(buf), salt, &part),
                         -EBADMSG);
    }
}

/* A number of a head, and what no head of ours has there. */
struct bad {
    unsigned at;
    unsigned bytes;
    uint64_t value;
};

static const struct bad bads[] = {
    {16, 4, 0},       {16, 4, 1 << 24}, {20, 1, 0},          {20, 1, 3},
    {21, 1, 1},       {22, 1, 16},      {23, 1, 4},          {28, 4, 64},
    {28, 4, 129},     {28, 4, 1 << 30}, {40, 8, 1ull << 40}, {48, 4, 1 << 20},
    {48, 4, 999},     {52, 4, 1 << 14}, {56, 4, 1 << 20},    {56, 4, 1001},
    {62, 2, 1 << 14},
};

/* Whole, for somebody summed it up: only its range tells. */
static void number_out_of_range_is_found(void **state)
{
    uint8_t buf[PART_BYTES];
    struct pirn__part part;

    (void)state;
    for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
        write_golden(buf);
        for (unsigned b = 0; b < bads[i].bytes; b++) {
            buf[8 + bads[i].at + b] = (uint8_t)(bads[i].value >> 8 * b);
        }
        pirn__put64(buf, XXH3_64bits_withSeed(buf + 8, PART_BYTES - 8, SALT));
        assert_int_equal(pirn__part_decode(buf, sizeof(buf), SALT, &part),
                         -EBADMSG);
        struct pirn__head head;
        assert_int_equal(pirn__head_decode(buf + 8, &head), -EBADMSG);
    }
}

static void part_longer_than_any_is_found(void **state)
{
    uint8_t buf[PART_BYTES];
    struct pirn__head head;
    uint32_t most = pirn__part_bytes(PIRN_FIELDS_MAX);

    (void)state;
    write_golden(buf);
    buf[8 + 20] = PIRN__RECORD_META;
    pirn__put32(buf + 8 + 28, most);
    assert_int_equal(pirn__head_decode(buf + 8, &head), 0);
    pirn__put32(buf + 8 + 28, most + 64);
    assert_int_equal(pirn__head_decode(buf + 8, &head), -EBADMSG);
}

static void fields_that_do_not_fill_the_part_are_found(void **state)
{
    static const uint32_t lengths[] = {33, 64, PIRN_FIELDS_MAX + 1, UINT32_MAX};
    uint8_t buf[PART_BYTES];
    struct pirn__part part;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        write_golden(buf);
        pirn__put32(buf + 88, lengths[i]);
        pirn__put64(buf, XXH3_64bits_withSeed(buf + 8, PART_BYTES - 8, SALT));
        assert_int_equal(pirn__part_decode(buf, sizeof(buf), SALT, &part),
                         -EBADMSG);
    }
}

/* Whoever wrote them knew the sum, and is not one of ours. */
static void bytes_behind_the_fields_are_zeros(void **state)
{
    uint8_t buf[PART_BYTES];
    struct pirn__part part;

    (void)state;
    for (unsigned at = PIRN__PART_HEAD_BYTES + 5; at < PART_BYTES; at++) {
        write_golden(buf);
        buf[at] = 1;
        pirn__put64(buf, XXH3_64bits_withSeed(buf + 8, PART_BYTES - 8, SALT));
        assert_int_equal(pirn__part_decode(buf, sizeof(buf), SALT, &part),
                         -EBADMSG);
    }
}

static void body_of_a_meta_stays_where_it_is(void **state)
{
    struct pirn__part part = part_of_golden();
    uint8_t buf[PART_BYTES];

    (void)state;
    part.head.kind = PIRN__RECORD_META;
    part.head.body = (struct pirn__place){.segment = 3, .at = 9, .record = 5};
    pirn__part_encode(&part, buf);
    pirn__part_seal(buf, place, SALT);
    assert_int_equal(pirn__part_decode(buf, sizeof(buf), SALT, &part), 0);
    assert_int_equal(part.head.part_at, place.at);
    assert_int_equal(part.head.body.segment, 3);
    assert_int_equal(part.head.body.at, 9);
    assert_int_equal(part.head.body.record, 5);
    assert_int_equal(pirn__head_body_room(&part.head), 0);
}

static void body_takes_room_only_behind_its_put(void **state)
{
    struct pirn__head head = {.kind = PIRN__RECORD_PUT, .body_bytes = 65};

    (void)state;
    assert_int_equal(pirn__head_body_room(&head), 128);
    head.body_bytes = 0;
    assert_int_equal(pirn__head_body_room(&head), 0);
    head.body_bytes = 64;
    assert_int_equal(pirn__head_body_room(&head), 64);
    head.flags = PIRN__RECORD_BODY_FILE;
    assert_int_equal(pirn__head_body_room(&head), 0);
}

static void place_survives_its_packing(void **state)
{
    static const struct pirn__place places[] = {
        {.segment = PIRN__SEGMENTS_END - 1},
        {.at = PIRN__PLACE_END - 1},
        {.generation = PIRN__GENERATION_BITS},
        {.record = UINT16_MAX},
        {.segment = 0x1234, .at = 0x56789, .generation = 0xabc, .record = 0xde},
    };

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct pirn__place back =
            pirn__place_unpack(pirn__place_pack(places[i]));
        assert_int_equal(back.segment, places[i].segment);
        assert_int_equal(back.at, places[i].at);
        assert_int_equal(back.generation, places[i].generation);
        assert_int_equal(back.record, places[i].record);
    }
}

static void id_says_its_slot_and_its_shard(void **state)
{
    static const struct pirn__log_id ids[] = {
        {0, 0, 0, 0},
        {(1ull << 48) - 1, 0, 0, 0},
        {0, 0xfff, 0, 0},
        {0, 0, UINT32_MAX, 0},
        {0, 0, 0, PIRN__LOG_SLOTS_MAX - 1},
        {0x123456789abc, 0xdef, 0x12345678, 0x2bcdef0},
    };

    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        struct pirn_id id;
        struct pirn__log_id back;
        pirn__log_id_pack(&ids[i], &id);
        pirn__log_id_unpack(&id, &back);
        assert_int_equal(back.ms, ids[i].ms);
        assert_int_equal(back.epoch, ids[i].epoch);
        assert_int_equal(back.incarnation, ids[i].incarnation);
        assert_int_equal(back.slot, ids[i].slot);
        uint32_t shard = (uint32_t)(id.bytes[14] << 8 | id.bytes[15]) & 0x3ff;
        assert_int_equal(shard, ids[i].slot % PIRN__LOG_SHARDS);
    }
}

static void ids_sort_by_their_time(void **state)
{
    struct pirn__log_id early = {1000, 0xfff, UINT32_MAX, 77};
    struct pirn__log_id late = {1001, 0, 0, 0};
    struct pirn_id a;
    struct pirn_id b;

    (void)state;
    pirn__log_id_pack(&early, &a);
    pirn__log_id_pack(&late, &b);
    assert_true(memcmp(a.bytes, b.bytes, sizeof(a.bytes)) < 0);
}

TEST_MAIN(cmocka_unit_test(format_is_fixed),
          cmocka_unit_test(what_was_written_is_read),
          cmocka_unit_test(head_of_a_part_is_the_head),
          cmocka_unit_test(every_prefix_is_torn),
          cmocka_unit_test(every_flipped_bit_is_found),
          cmocka_unit_test(record_of_another_turn_is_none),
          cmocka_unit_test(number_out_of_range_is_found),
          cmocka_unit_test(part_longer_than_any_is_found),
          cmocka_unit_test(fields_that_do_not_fill_the_part_are_found),
          cmocka_unit_test(bytes_behind_the_fields_are_zeros),
          cmocka_unit_test(body_of_a_meta_stays_where_it_is),
          cmocka_unit_test(body_takes_room_only_behind_its_put),
          cmocka_unit_test(place_survives_its_packing),
          cmocka_unit_test(id_says_its_slot_and_its_shard),
          cmocka_unit_test(ids_sort_by_their_time))
