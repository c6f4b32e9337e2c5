/* SPDX-License-Identifier: MIT */
/*
 * test_spool_id.c - ids sort by time, and have one text
 *
 * Method: a source is given clocks that stand, step back and run on, and every
 * id must be above the one before. Texts are damaged at every place.
 */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "spool/id.h"
#include "spool/names.h"

#define MS 1000000ull

static const uint8_t low[8] = {0};
static const uint8_t high[8] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static void text_is_fixed(void **state)
{
    struct pirn_id id;
    struct pirn__id_source source = {0};
    char text[PIRN_ID_TEXT];

    (void)state;
    pirn__id_next(&source, 1700000000123 * MS, low, 63, &id);
    pirn_id_format(&id, text);
    assert_string_equal(text, "01hf7uaq3r000000000000001v");
    memset(id.bytes, 0xff, sizeof(id.bytes));
    pirn_id_format(&id, text);
    assert_string_equal(text, "7vvvvvvvvvvvvvvvvvvvvvvvvv");
}

static void every_bit_comes_back_from_the_text(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 128; bit++) {
        struct pirn_id id = {0};
        struct pirn_id back;
        char text[PIRN_ID_TEXT];

        id.bytes[bit / 8] = (uint8_t)(1 << bit % 8);
        pirn_id_format(&id, text);
        assert_int_equal(strlen(text), PIRN_ID_TEXT - 1);
        assert_int_equal(pirn_id_parse(text, &back), 0);
        assert_memory_equal(&id, &back, sizeof(id));
    }
}

static void what_is_not_an_id_is_refused(void **state)
{
    static const char good[] = "01hf7uaq3r000000000000001v";
    struct pirn_id id = {{77}};
    char text[PIRN_ID_TEXT + 1];

    (void)state;
    for (size_t at = 0; at < PIRN_ID_TEXT - 1; at++) {
        for (unsigned c = 0; c < 256; c++) {
            bool allowed = (c >= '0' && c <= (at == 0 ? '7' : '9')) ||
                           (at > 0 && c >= 'a' && c <= 'v');
            memcpy(text, good, sizeof(good));
            text[at] = (char)c;
            assert_int_equal(pirn_id_parse(text, &id), allowed ? 0 : -EINVAL);
        }
    }
    assert_int_equal(pirn_id_parse("01hf7uaq3r000000000000001v0", &id),
                     -EINVAL);
    assert_int_equal(pirn_id_parse("", &id), -EINVAL);
}

static void within_a_millisecond_order_is_that_of_making(void **state)
{
    struct pirn__id_source source = {0};
    struct pirn_id before;
    struct pirn_id id;

    (void)state;
    pirn__id_next(&source, 5 * MS, high, 63, &before);
    for (unsigned i = 0; i < 200000; i++) { /* past the counter's end */
        pirn__id_next(&source, 5 * MS, low, 0, &id);
        assert_true(pirn__id_compare(&before, &id) < 0);
        before = id;
    }
}

static void a_clock_that_steps_back_does_not_turn_the_order(void **state)
{
    static const uint64_t clock_ms[] = {10, 11, 3, 0, 11, 12, 1, 13};
    struct pirn__id_source source = {0};
    struct pirn_id before = {0};
    struct pirn_id id;

    (void)state;
    for (size_t i = 0; i < sizeof(clock_ms) / sizeof(clock_ms[0]); i++) {
        pirn__id_next(&source, clock_ms[i] * MS, i % 2 ? low : high, 1, &id);
        assert_true(pirn__id_compare(&before, &id) < 0);
        before = id;
    }
}

static void the_last_two_characters_are_the_shard(void **state)
{
    (void)state;
    for (uint32_t shard = 0; shard < PIRN__SHARDS; shard++) {
        struct pirn__id_source source = {0};
        struct pirn__name dir;
        struct pirn__name body;
        struct pirn_id id;
        size_t len;

        pirn__id_next(&source, 9 * MS, high, shard, &id);
        assert_int_equal(pirn__id_shard(&id), shard);
        pirn__name_shard_dir(&dir, PIRN__NAME_DATA, shard);
        pirn__name_body(&body, &id);
        len = strlen(dir.text);
        assert_memory_equal(body.text, dir.text, len);
        assert_int_equal(body.text[len], '/');
        assert_string_equal(body.text + strlen(body.text) - 2,
                            dir.text + len - 2);
    }
}

static void paths_stand_where_the_table_says(void **state)
{
    struct pirn__name name;
    struct pirn_id id = {0};
    char longest[PIRN_QUEUE_TEXT];

    (void)state;
    pirn__name_body(&name, &id);
    assert_string_equal(name.text, ".data/00/00000000000000000000000000");
    pirn__name_draft(&name, 7, &id);
    assert_string_equal(name.text, ".tmp/0007/00000000000000000000000000");
    pirn__name_next(&name, 7, &id);
    assert_string_equal(name.text, ".tmp/0007/00000000000000000000000000.new");
    pirn__name_ready(&name, "incoming", &id);
    assert_string_equal(name.text, "incoming/00/00000000000000000000000000");
    memset(longest, 'q', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_true(pirn_queue_name_is_valid(longest));
    pirn__name_claimed(&name, longest, 1023, &id);
    assert_string_equal(name.text + 63,
                        "/.checkout/1023/00000000000000000000000000");
}

static void names_are_read_back_strictly(void **state)
{
    struct pirn_id id;
    uint32_t slot = 9;

    (void)state;
    assert_true(pirn__name_parse_slot("0017", &slot));
    assert_int_equal(slot, 17);
    assert_false(pirn__name_parse_slot("17", &slot));
    assert_false(pirn__name_parse_slot("1024", &slot));
    assert_false(pirn__name_parse_slot("00017", &slot));
    assert_false(pirn__name_parse_slot("001x", &slot));
    assert_true(pirn__name_parse_next("01hf7uaq3r000000000000001v.new", &id));
    assert_false(pirn__name_parse_next("01hf7uaq3r000000000000001v", &id));
    assert_false(pirn__name_parse_next("01hf7uaq3r000000000000001v.neu", &id));
}

static void queue_names_are_words(void **state)
{
    char name[PIRN_QUEUE_TEXT + 1];

    (void)state;
    assert_true(pirn_queue_name_is_valid("incoming"));
    assert_true(pirn_queue_name_is_valid("_a-9"));
    assert_false(pirn_queue_name_is_valid(""));
    assert_false(pirn_queue_name_is_valid("9a"));
    assert_false(pirn_queue_name_is_valid("-a"));
    assert_false(pirn_queue_name_is_valid(".tmp"));
    assert_false(pirn_queue_name_is_valid("a/b"));
    assert_false(pirn_queue_name_is_valid("A"));
    memset(name, 'a', PIRN_QUEUE_TEXT);
    name[PIRN_QUEUE_TEXT] = '\0';
    assert_false(pirn_queue_name_is_valid(name));
    name[PIRN_QUEUE_TEXT - 1] = '\0';
    assert_true(pirn_queue_name_is_valid(name));
}

TEST_MAIN(cmocka_unit_test(text_is_fixed),
          cmocka_unit_test(every_bit_comes_back_from_the_text),
          cmocka_unit_test(what_is_not_an_id_is_refused),
          cmocka_unit_test(within_a_millisecond_order_is_that_of_making),
          cmocka_unit_test(a_clock_that_steps_back_does_not_turn_the_order),
          cmocka_unit_test(the_last_two_characters_are_the_shard),
          cmocka_unit_test(paths_stand_where_the_table_says),
          cmocka_unit_test(names_are_read_back_strictly),
          cmocka_unit_test(queue_names_are_words))
