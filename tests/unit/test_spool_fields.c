/* SPDX-License-Identifier: MIT */
/*
 * test_spool_fields.c - pairs go in and come out, and nothing else is met
 *
 * Method: every length of a caller's memory, down to none; every way to cut
 * pairs in the middle. The sanitizers see a walk that leaves its memory.
 */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spool/fields.h"

static void pairs_come_back_in_order(void **state)
{
    char bytes[64];
    struct pirn_fields fields = {bytes, 0, sizeof(bytes)};
    const char *name;
    const char *value;
    uint32_t at = 0;

    (void)state;
    assert_int_equal(pirn_fields_add(&fields, "from", "a@example.org"), 0);
    assert_int_equal(pirn_fields_add(&fields, "to", "b@example.org"), 0);
    assert_int_equal(pirn_fields_add(&fields, "to", ""), 0);

    assert_true(pirn_fields_next(&fields, &at, &name, &value));
    assert_string_equal(name, "from");
    assert_string_equal(value, "a@example.org");
    assert_true(pirn_fields_next(&fields, &at, &name, &value));
    assert_string_equal(value, "b@example.org");
    assert_true(pirn_fields_next(&fields, &at, &name, &value));
    assert_string_equal(name, "to");
    assert_string_equal(value, "");
    assert_false(pirn_fields_next(&fields, &at, &name, &value));
    assert_int_equal(at, fields.len);

    assert_string_equal(pirn_fields_get(&fields, "to"), "b@example.org");
    assert_null(pirn_fields_get(&fields, "cc"));
    assert_int_equal(pirn__fields_check(&fields), 0);
    assert_int_equal(pirn__fields_check(NULL), 0);
}

static void a_pair_that_does_not_fit_changes_nothing(void **state)
{
    (void)state;
    for (uint32_t cap = 0; cap < 12; cap++) {
        char *bytes = malloc(cap + 1);
        struct pirn_fields fields = {bytes, 0, cap};

        assert_int_equal(pirn_fields_add(&fields, "name", "value"),
                         cap < 11 ? -ENOSPC : 0);
        assert_int_equal(fields.len, cap < 11 ? 0 : 11);
        free(bytes);
    }
}

static void names_are_words(void **state)
{
    char bytes[256];
    struct pirn_fields fields = {bytes, 0, sizeof(bytes)};
    char name[65];

    (void)state;
    assert_int_equal(pirn_fields_add(&fields, "", "v"), -EINVAL);
    assert_int_equal(pirn_fields_add(&fields, "To", "v"), -EINVAL);
    assert_int_equal(pirn_fields_add(&fields, "a b", "v"), -EINVAL);
    memset(name, 'n', 64);
    name[64] = '\0';
    assert_int_equal(pirn_fields_add(&fields, name, "v"), -EINVAL);
    assert_int_equal(fields.len, 0);
    assert_int_equal(pirn_fields_add(&fields, name + 1, "v"), 0);
    assert_int_equal(pirn_fields_add(&fields, "x-9_.", "v"), 0);
}

static void pairs_cut_in_the_middle_are_refused(void **state)
{
    static const char whole[] = "to\0b@example.org\0cc\0c"; /* and its NUL */

    (void)state;
    for (uint32_t len = 0; len <= sizeof(whole); len++) {
        char *bytes = malloc(len + 1);
        struct pirn_fields fields = {bytes, len, len};
        bool pairs = len == 0 || len == 17 || len == sizeof(whole);

        memcpy(bytes, whole, len);
        assert_int_equal(pirn__fields_check(&fields), pairs ? 0 : -EINVAL);
        free(bytes);
    }
}

static void more_than_the_most_is_refused(void **state)
{
    char *bytes = malloc(PIRN_FIELDS_MAX + 1);
    struct pirn_fields fields = {bytes, PIRN_FIELDS_MAX, PIRN_FIELDS_MAX};

    (void)state;
    memset(bytes, 'v', PIRN_FIELDS_MAX + 1);
    bytes[1] = '\0';
    bytes[PIRN_FIELDS_MAX - 1] = '\0';
    assert_int_equal(pirn__fields_check(&fields), 0);
    fields.len++;
    assert_int_equal(pirn__fields_check(&fields), -E2BIG);
    free(bytes);
}

static void of_what_it_had_a_name_is_kept(void **state)
{
    static const char had[] = "a\0b\0pirn.name\0x\0c\0d";
    static const char same[] = "c\0d\0pirn.name\0x";
    static const char other[] = "pirn.name\0y";
    struct pirn_fields before = {(char *)had, sizeof(had), sizeof(had)};
    struct pirn_fields fields = {(char *)same, sizeof(same), sizeof(same)};

    (void)state;
    assert_int_equal(pirn__fields_kept(&before, &fields).len, 0);
    fields = (struct pirn_fields){(char *)other, sizeof(other), sizeof(other)};
    assert_int_equal(pirn__fields_kept(&before, &fields).len, 12);
    struct pirn_fields kept = pirn__fields_kept(&before, NULL);
    assert_int_equal(kept.len, 12);
    assert_memory_equal(kept.bytes, "pirn.name\0x", 12);
    before.len = 4;
    assert_int_equal(pirn__fields_kept(&before, &fields).len, 0);
    before = (struct pirn_fields){0};
    assert_int_equal(pirn__fields_kept(&before, &fields).len, 0);
}

TEST_MAIN(cmocka_unit_test(pairs_come_back_in_order),
          cmocka_unit_test(a_pair_that_does_not_fit_changes_nothing),
          cmocka_unit_test(names_are_words),
          cmocka_unit_test(pairs_cut_in_the_middle_are_refused),
          cmocka_unit_test(more_than_the_most_is_refused),
          cmocka_unit_test(of_what_it_had_a_name_is_kept))
