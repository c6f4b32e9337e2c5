/* SPDX-License-Identifier: MIT */
/*
 * test_spool_meta.c - metadata survive the disk, or say that they did not
 *
 * Method: encode once, then damage the text in every way a crash can (each
 * prefix, each byte changed to each other value) and demand an answer other
 * than "whole". The same for the superblock.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "spool/file/meta.h"
#include "spool/superblock.h"
#include "spool/text.h"

static const char golden[] = "pirn-item 1\n"
                             "id 01hf7uaq3r000000000000001v\n"
                             "version 3\n"
                             "created 2023-11-14T22:13:20.123456789Z\n"
                             "size 5\n"
                             "digest 00000000deadbeef\n"
                             "attempts 2\n"
                             "field from a@example.org\n"
                             "field note 100%25 %0A%7F\xc3\xa9 \n"
                             "field to \n"
                             "end 6f35c5932099fe29\n";

static char field_bytes[256];

static struct pirn_item item_of_golden(void)
{
    struct pirn_item item = {
        .version = 3,
        .attempts = 2,
        .size_bytes = 5,
        .digest = 0xdeadbeef,
        .created_ns = 1700000000123456789,
        .fields = {field_bytes, 0, sizeof(field_bytes)},
    };
    assert_int_equal(pirn_id_parse("01hf7uaq3r000000000000001v", &item.id), 0);
    assert_int_equal(pirn_fields_add(&item.fields, "from", "a@example.org"), 0);
    assert_int_equal(
        pirn_fields_add(&item.fields, "note", "100% \n\x7f\xc3\xa9 "), 0);
    assert_int_equal(pirn_fields_add(&item.fields, "to", ""), 0);
    return item;
}

static void format_is_fixed(void **state)
{
    struct pirn_item item = item_of_golden();
    char buf[1024];

    (void)state;
    assert_int_equal(pirn__meta_size(&item), sizeof(golden) - 1);
    assert_int_equal(pirn__meta_encode(&item, buf, sizeof(buf)),
                     sizeof(golden) - 1);
    buf[sizeof(golden) - 1] = '\0';
    assert_string_equal(buf, golden);
}

static void what_was_written_is_read(void **state)
{
    struct pirn_item item = item_of_golden();
    struct pirn_item back;
    char fields[sizeof(golden)];

    (void)state;
    assert_int_equal(
        pirn__meta_decode(golden, sizeof(golden) - 1, fields, &back), 0);
    assert_memory_equal(&back.id, &item.id, sizeof(item.id));
    assert_int_equal(back.version, 3);
    assert_int_equal(back.attempts, 2);
    assert_int_equal(back.size_bytes, 5);
    assert_int_equal(back.digest, 0xdeadbeef);
    assert_int_equal(back.created_ns, 1700000000123456789);
    assert_int_equal(back.fields.len, item.fields.len);
    assert_memory_equal(back.fields.bytes, item.fields.bytes, item.fields.len);
}

static void every_prefix_is_refused(void **state)
{
    (void)state;
    for (size_t len = 0; len < sizeof(golden) - 1; len++) {
        struct pirn_item item = {.version = 77};
        char *text = malloc(len + 1);
        char *fields = malloc(len + 1);

        memcpy(text, golden, len);
        assert_int_equal(pirn__meta_decode(text, len, fields, &item), -EBADMSG);
        assert_int_equal(item.version, 77); /* untouched on failure */
        free(text);
        free(fields);
    }
}

static void every_changed_byte_is_refused(void **state)
{
    char text[sizeof(golden)];
    char fields[sizeof(golden)];
    struct pirn_item item;

    (void)state;
    for (size_t at = 0; at < sizeof(golden) - 1; at++) {
        for (unsigned flip = 1; flip < 256; flip++) {
            memcpy(text, golden, sizeof(golden));
            text[at] = (char)(text[at] ^ flip);
            assert_int_equal(
                pirn__meta_decode(text, sizeof(golden) - 1, fields, &item),
                -EBADMSG);
        }
    }
}

/* @text with a right last line behind it. */
static size_t sealed(char *buf, size_t cap, const char *text)
{
    struct pirn__text_out out = {buf, buf + cap};

    pirn__text_put_string(&out, text);
    pirn__text_put_end(&out, buf);
    return (size_t)(out.at - buf);
}

static void a_newer_format_is_told_from_damage(void **state)
{
    struct pirn_item item;
    char fields[256];
    char buf[256];
    size_t len = sealed(buf, sizeof(buf), "pirn-item 3\nwhatever\n");

    (void)state;
    assert_int_equal(pirn__meta_decode(buf, len, fields, &item), -EPROTO);
    buf[15] ^= 1;
    assert_int_equal(pirn__meta_decode(buf, len, fields, &item), -EBADMSG);
}

#define HEAD "pirn-item 1\nid 01hf7uaq3r000000000000001v\n"
#define TIME "version 1\ncreated 2023-11-14T22:13:20.123456789Z\n"
#define TAIL "size 5\ndigest 00000000deadbeef\nattempts 2\n"

static void lines_that_no_encoder_writes_are_refused(void **state)
{
    static const char *const bad[] = {
        HEAD TIME TAIL "field to %0a\n",
        HEAD TIME TAIL "field to %41\n",
        HEAD TIME TAIL "field to %g1\n",
        HEAD TIME TAIL "field to %00\n",
        HEAD TIME TAIL "field to %0\n",
        HEAD TIME TAIL "field to a\tb\n",
        HEAD TIME TAIL "field To b\n",
        HEAD TIME TAIL "field to\n",
        HEAD TIME TAIL "field to b",
        HEAD TIME TAIL "\n",
        HEAD TIME "size 05\ndigest 00000000deadbeef\nattempts 2\n",
        HEAD TIME "size 18446744073709551616\ndigest 00000000deadbeef\n"
                  "attempts 2\n",
        HEAD TIME "size 5\ndigest 00000000DEADBEEF\nattempts 2\n",
        HEAD TIME "size 5\ndigest 00000000deadbeef\nattempts 4294967296\n",
        HEAD "version 1\ncreated 2023-13-14T22:13:20.123456789Z\n" TAIL,
        HEAD "version 1\ncreated 9999-11-14T22:13:20.123456789Z\n" TAIL,
        HEAD "version 1\ncreated 2023-02-29T22:13:20.123456789Z\n" TAIL,
        HEAD "version 1\ncreated 2023-04-31T22:13:20.123456789Z\n" TAIL,
        "pirn-item 01\nid 01hf7uaq3r000000000000001v\n" TIME TAIL,
        "pirn-item 0\nid 01hf7uaq3r000000000000001v\n" TIME TAIL,
        "pirn-mail 1\nid 01hf7uaq3r000000000000001v\n" TIME TAIL,
        "pirn-item 1\nid 01HF7UAQ3R000000000000001V\n" TIME TAIL,
        HEAD TIME,
        "",
    };
    struct pirn_item item;
    char fields[512];
    char buf[512];

    (void)state;
    assert_int_equal(pirn__meta_decode(buf,
                                       sealed(buf, sizeof(buf), HEAD TIME TAIL),
                                       fields, &item),
                     0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        size_t len = sealed(buf, sizeof(buf), bad[i]);
        assert_int_equal(pirn__meta_decode(buf, len, fields, &item), -EBADMSG);
    }
}

#define HEAD_PLACED "pirn-item 2\nid 01hf7uaq3r000000000000001v\n"

static const char golden_placed[] =
    HEAD_PLACED TIME TAIL "queue later\n"
                          "due 2023-11-14T22:13:20.000000001Z\n"
                          "priority -8\n"
                          "held\n"
                          "field to b\n"
                          "end 32c94fb830f58f7f\n";

static void where_an_item_belongs_is_written_and_read(void **state)
{
    struct pirn_item item = item_of_golden();
    struct pirn_item back;
    char fields[512];
    char buf[512];

    (void)state;
    item.version = 1;
    item.fields.len = 0;
    assert_int_equal(pirn_fields_add(&item.fields, "to", "b"), 0);
    strcpy(item.queue, "later");
    item.due_ns = 1700000000000000001;
    item.priority = -8;
    item.state = PIRN_ITEM_HELD;
    size_t len = pirn__meta_encode(&item, buf, sizeof(buf) - 1);
    buf[len] = '\0';
    assert_string_equal(buf, golden_placed);
    assert_int_equal(pirn__meta_decode(buf, len, fields, &back), 0);
    assert_string_equal(back.queue, "later");
    assert_int_equal(back.due_ns, item.due_ns);
    assert_int_equal(back.priority, -8);
    assert_int_equal(back.state, PIRN_ITEM_HELD);
}

static void nothing_to_say_of_its_place_is_the_first_format(void **state)
{
    static const char *const lines[] = {
        "queue later\n",
        "due 2023-11-14T22:13:20.000000001Z\n",
        "priority 7\n",
        "held\n",
    };
    struct pirn_item item;
    char fields[512];
    char text[512];
    char buf[512];

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        snprintf(text, sizeof(text), "%s%s", HEAD_PLACED TIME TAIL, lines[i]);
        assert_int_equal(pirn__meta_decode(buf, sealed(buf, sizeof(buf), text),
                                           fields, &item),
                         0);
        snprintf(text, sizeof(text), "%s%s", HEAD TIME TAIL, lines[i]);
        assert_int_equal(pirn__meta_decode(buf, sealed(buf, sizeof(buf), text),
                                           fields, &item),
                         -EBADMSG);
    }
    assert_int_equal(
        pirn__meta_decode(buf, sealed(buf, sizeof(buf), HEAD_PLACED TIME TAIL),
                          fields, &item),
        -EBADMSG);
}

static void places_that_no_encoder_writes_are_refused(void **state)
{
    static const char *const bad[] = {
        "priority 0\n",
        "priority 8\n",
        "priority -9\n",
        "priority -0\n",
        "priority +1\n",
        "held\nheld\n",
        "held \n",
        "queue \n",
        "queue .tmp\n",
        "queue a/b\n",
        "held\nqueue a\n",
        "due 0\n",
        "priority 1",
        "queue a\nqueue b\n",
        "due 1970-01-01T00:00:00.000000000Z\n",
        "due 2554-01-01T00:00:00.000000000Z\n",
    };
    struct pirn_item item;
    char fields[512];
    char text[512];
    char buf[512];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        snprintf(text, sizeof(text), "%s%s", HEAD_PLACED TIME TAIL, bad[i]);
        assert_int_equal(pirn__meta_decode(buf, sealed(buf, sizeof(buf), text),
                                           fields, &item),
                         -EBADMSG);
    }
}

static void the_latest_time_is_written_as_one_that_can_be_read(void **state)
{
    struct pirn_item item = {.due_ns = UINT64_MAX};
    struct pirn_item back;
    char fields[512];
    char buf[512];

    (void)state;
    size_t len = pirn__meta_encode(&item, buf, sizeof(buf));
    assert_int_equal(pirn__meta_decode(buf, len, fields, &back), 0);
    assert_int_equal(back.due_ns, PIRN__META_DUE_MAX);
}

/* A NUL would make one name of the name, and of what is behind it another. */
static void a_name_with_a_nul_is_refused(void **state)
{
    static const char text[] = HEAD TIME TAIL "field a\0b c\n";
    struct pirn_item item;
    char fields[512];
    char buf[512];
    struct pirn__text_out out = {buf, buf + sizeof(buf)};

    (void)state;
    pirn__text_put(&out, text, sizeof(text) - 1);
    pirn__text_put_end(&out, buf);
    assert_int_equal(
        pirn__meta_decode(buf, (size_t)(out.at - buf), fields, &item),
        -EBADMSG);
}

static void times_are_those_of_the_calendar(void **state)
{
    static const struct {
        uint64_t second;
        const char *text;
    } times[] = {
        {0, "created 1970-01-01T00:00:00.000000000Z\n"},
        {951782399, "created 2000-02-28T23:59:59.000000000Z\n"},
        {951782400, "created 2000-02-29T00:00:00.000000000Z\n"},
        {1709251200, "created 2024-03-01T00:00:00.000000000Z\n"},
        {4102444799, "created 2099-12-31T23:59:59.000000000Z\n"},
        {4107542400, "created 2100-03-01T00:00:00.000000000Z\n"},
    };
    char fields[512];
    char buf[512];

    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        struct pirn_item item = {.created_ns = times[i].second * 1000000000};
        struct pirn_item back;
        size_t len = pirn__meta_encode(&item, buf, sizeof(buf) - 1);

        buf[len] = '\0';
        assert_non_null(strstr(buf, times[i].text));
        assert_int_equal(pirn__meta_decode(buf, len, fields, &back), 0);
        assert_int_equal(back.created_ns, item.created_ns);
    }
}

static void the_longest_fields_fit(void **state)
{
    char *bytes = malloc(PIRN_FIELDS_MAX);
    char *text = malloc(PIRN__META_MAX);
    char *fields = malloc(PIRN__META_MAX);
    struct pirn_item item = {
        .version = UINT32_MAX,
        .attempts = UINT32_MAX,
        .size_bytes = UINT64_MAX,
        .fields = {bytes, PIRN_FIELDS_MAX, PIRN_FIELDS_MAX},
    };
    struct pirn_item back;
    size_t len;

    (void)state;
    memset(bytes, '%', PIRN_FIELDS_MAX);
    memcpy(bytes, "a", 2);
    bytes[PIRN_FIELDS_MAX - 1] = '\0';
    len = pirn__meta_encode(&item, text, PIRN__META_MAX);
    assert_int_equal(len, pirn__meta_size(&item));
    assert_int_equal(pirn__meta_decode(text, len, fields, &back), 0);
    assert_int_equal(back.fields.len, PIRN_FIELDS_MAX);
    assert_memory_equal(back.fields.bytes, bytes, PIRN_FIELDS_MAX);
    free(bytes);
    free(text);
    free(fields);
}

static void a_superblock_is_whole_or_refused(void **state)
{
    static const char fixed[] = "pirn-spool 1\nlayout file\nshards 64\n"
                                "end 492cf41cfa011a12\n";
    char buf[PIRN__SUPERBLOCK_MAX];
    size_t len = pirn__superblock_encode(buf);

    (void)state;
    assert_int_equal(pirn__superblock_decode(buf, len), 0);
    buf[len] = '\0';
    assert_string_equal(buf, fixed);
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(pirn__superblock_decode(buf, cut), -EBADMSG);
        buf[cut] ^= 0x10;
        assert_int_equal(pirn__superblock_decode(buf, len), -EBADMSG);
        buf[cut] ^= 0x10;
    }
    len = sealed(buf, sizeof(buf), "pirn-spool 2\nanything\n");
    assert_int_equal(pirn__superblock_decode(buf, len), -EPROTO);
    len = sealed(buf, sizeof(buf), "pirn-spool 1\nlayout log\n");
    assert_int_equal(pirn__superblock_decode(buf, len), -EPROTO);
}

TEST_MAIN(cmocka_unit_test(format_is_fixed),
          cmocka_unit_test(what_was_written_is_read),
          cmocka_unit_test(every_prefix_is_refused),
          cmocka_unit_test(every_changed_byte_is_refused),
          cmocka_unit_test(a_newer_format_is_told_from_damage),
          cmocka_unit_test(lines_that_no_encoder_writes_are_refused),
          cmocka_unit_test(a_name_with_a_nul_is_refused),
          cmocka_unit_test(where_an_item_belongs_is_written_and_read),
          cmocka_unit_test(nothing_to_say_of_its_place_is_the_first_format),
          cmocka_unit_test(places_that_no_encoder_writes_are_refused),
          cmocka_unit_test(the_latest_time_is_written_as_one_that_can_be_read),
          cmocka_unit_test(times_are_those_of_the_calendar),
          cmocka_unit_test(the_longest_fields_fit),
          cmocka_unit_test(a_superblock_is_whole_or_refused))
