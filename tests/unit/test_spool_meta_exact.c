/* SPDX-License-Identifier: MIT */
/*
 * test_spool_meta_exact.c - what is read is what an encoder writes, or damage
 *
 * Method: change a text at each place in each way (every byte to every other
 * value, a byte left out, one put in, the end cut off), and write the last line
 * anew, so that its sum says nothing of the change. What is believed then
 * encodes to the very same bytes: no two texts say the same.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/file/meta.h"
#include "spool/text.h"

enum { ROOM = 1024 };

static const char *const texts[] = {
    "pirn-item 1\n"
    "id 01hf7uaq3r000000000000001v\n"
    "version 3\n"
    "created 2024-02-29T22:13:20.123456789Z\n"
    "size 5\n"
    "digest 00000000deadbeef\n"
    "attempts 2\n"
    "field from a@example.org\n"
    "field note 100%25 %0A%7F\xc3\xa9 \n"
    "field to \n",
    "pirn-item 2\n"
    "id 01hf7uaq3r000000000000001v\n"
    "version 4294967295\n"
    "created 2023-12-31T22:13:20.123456789Z\n"
    "size 18446744073709551615\n"
    "digest 00000000deadbeef\n"
    "attempts 10\n"
    "queue later\n"
    "due 2023-11-30T09:53:00.000000001Z\n"
    "priority -8\n"
    "held\n"
    "field to b\n",
};

struct counts {
    unsigned believed;
    unsigned refused;
};

/* @text, and a right last line behind it. */
static void look_at(const char *text, size_t len, struct counts *counts)
{
    static char sealed[ROOM];
    static char fields[ROOM];
    static char again[ROOM];
    struct pirn__text_out out = {sealed, sealed + ROOM};
    struct pirn_item item;

    pirn__text_put(&out, text, len);
    pirn__text_put_end(&out, sealed);
    size_t all = (size_t)(out.at - sealed);
    int r = pirn__meta_decode(sealed, all, fields, &item);
    if (r < 0) {
        assert_true(r == -EBADMSG || r == -EPROTO);
        counts->refused++;
        return;
    }
    assert_int_equal(pirn__meta_encode(&item, again, ROOM), all);
    assert_memory_equal(again, sealed, all);
    counts->believed++;
}

static void every_other_byte_says_something_else_or_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct counts counts = {0};
        char text[ROOM];
        size_t len = strlen(texts[i]);
        for (size_t at = 0; at < len; at++) {
            memcpy(text, texts[i], len);
            for (unsigned byte = 0; byte < 256; byte++) {
                text[at] = (char)byte;
                look_at(text, len, &counts);
            }
        }
        assert_true(counts.believed > len); /* itself at each place, and more */
        assert_true(counts.refused > counts.believed);
    }
}

static void without_a_byte_it_says_something_else_or_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct counts counts = {0};
        char text[ROOM];
        size_t len = strlen(texts[i]);
        for (size_t at = 0; at < len; at++) {
            memcpy(text, texts[i], at);
            memcpy(text + at, texts[i] + at + 1, len - at - 1);
            look_at(text, len - 1, &counts);
        }
        assert_true(counts.refused > counts.believed && counts.believed > 0);
    }
}

static void with_a_byte_more_it_says_something_else_or_nothing(void **state)
{
    static const char more[] = "0+- \n%aA:T.\0"; /* and a NUL */

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct counts counts = {0};
        char text[ROOM];
        size_t len = strlen(texts[i]);
        for (size_t at = 0; at <= len; at++) {
            memcpy(text, texts[i], at);
            memcpy(text + at + 1, texts[i] + at, len - at);
            for (size_t k = 0; k < sizeof(more); k++) {
                text[at] = more[k];
                look_at(text, len + 1, &counts);
            }
        }
        assert_true(counts.refused > counts.believed && counts.believed > 0);
    }
}

static void a_text_that_is_cut_off_is_refused_wherever(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct counts counts = {0};
        size_t len = strlen(texts[i]);
        for (size_t at = 0; at < len; at++) {
            look_at(texts[i], at, &counts);
        }
        assert_true(counts.refused > counts.believed);
        assert_true(counts.believed <= 4); /* fields and places are optional */
    }
}

TEST_MAIN(cmocka_unit_test(every_other_byte_says_something_else_or_nothing),
          cmocka_unit_test(without_a_byte_it_says_something_else_or_nothing),
          cmocka_unit_test(with_a_byte_more_it_says_something_else_or_nothing),
          cmocka_unit_test(a_text_that_is_cut_off_is_refused_wherever))
