/* SPDX-License-Identifier: MIT */
/* test_check_pace.c - how much of the machine a check has */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "spool/check/pace.c"

#define MS UINT64_C(1000000)

enum { OWN = 0, OTHER = 1 };

static const uint64_t began_ns = 1000 * MS;

static struct pirn__pace pace_begun(void)
{
    struct pirn__pace pace = {0};

    pirn__pace_begin(&pace, began_ns);
    return pace;
}

static void where_nobody_works_it_never_rests(void **state)
{
    (void)state;
    struct pirn__pace pace = pace_begun();
    uint64_t now_ns = began_ns;

    for (int i = 0; i < 100; i++) {
        now_ns += MS;
        assert_true(pirn__pace_is_due(&pace, now_ns));
        pirn__pace_saw_log(&pace, 7, now_ns);
        pirn__pace_saw_slot(&pace, OTHER, 9, now_ns);
        assert_int_equal(pirn__pace_rest_ns(&pace, now_ns), 0);
        assert_false(pirn__pace_is_due(&pace, now_ns + MS - 1));
    }
}

static void who_works_has_nine_tenths(void **state)
{
    (void)state;
    struct pirn__pace pace = pace_begun();
    uint64_t now_ns = began_ns;
    uint64_t rested_ns = 0;

    pirn__pace_saw_log(&pace, 1, now_ns);
    for (uint64_t i = 0; i < 100; i++) {
        now_ns += MS + i * 10000; /* a page, or a directory, may be longer */
        pirn__pace_saw_log(&pace, 2 + i, now_ns);
        uint64_t rest_ns = pirn__pace_rest_ns(&pace, now_ns);
        now_ns += rest_ns;
        pirn__pace_pass(&pace, rest_ns, now_ns);
        assert_false(pirn__pace_is_due(&pace, now_ns + MS - 1));
        rested_ns += rest_ns;
    }
    assert_int_equal(rested_ns * 10, (now_ns - began_ns) * 9);
}

static void an_owner_is_seen_by_his_directory(void **state)
{
    (void)state;
    struct pirn__pace pace = pace_begun();
    uint64_t now_ns = began_ns + MS;

    pirn__pace_saw_slot(&pace, OTHER, 5, now_ns);
    assert_int_equal(pirn__pace_rest_ns(&pace, now_ns), 0);
    now_ns += MS;
    pirn__pace_saw_slot(&pace, OTHER, 6, now_ns);
    assert_int_equal(pirn__pace_rest_ns(&pace, now_ns), 9 * MS);
}

static void who_ended_is_forgotten(void **state)
{
    (void)state;
    struct pirn__pace pace = pace_begun();
    uint64_t now_ns = began_ns;

    pirn__pace_saw_log(&pace, 1, now_ns);
    pirn__pace_saw_log(&pace, 2, now_ns);
    now_ns += BUSY_NS;
    assert_true(pirn__pace_is_due(&pace, now_ns));
    assert_int_equal(pirn__pace_rest_ns(&pace, now_ns), 0);
}

static void each_owner_is_looked_at_and_who_may_come_next(void **state)
{
    (void)state;
    struct pirn__pace pace = pace_begun();
    uint32_t seen = 0;

    pirn__pace_saw_slot(&pace, 3, 1, began_ns);
    for (int i = 0; i < 5; i++) {
        uint32_t slot = pirn__pace_slot(&pace, OWN);
        assert_int_not_equal(slot, OWN);
        seen |= 1u << slot;
    }
    assert_int_equal(seen, 1u << 1 | 1u << 2 | 1u << 3 | 1u << 4);
}

static void of_all_slots_none_is_behind_the_last(void **state)
{
    (void)state;
    struct pirn__pace pace = pace_begun();

    pirn__pace_saw_slot(&pace, PIRN__SLOTS - 1, 1, began_ns);
    for (uint32_t i = 0; i < 2 * PIRN__SLOTS; i++) {
        uint32_t slot = pirn__pace_slot(&pace, PIRN__SLOTS - 1);
        assert_true(slot < PIRN__SLOTS - 1);
    }
}

static void what_is_waited_for_is_no_work(void **state)
{
    (void)state;
    struct pirn__pace pace = pace_begun();
    uint64_t now_ns = began_ns + 10000 * MS;

    pirn__pace_pass(&pace, 10000 * MS, now_ns);
    assert_false(pirn__pace_is_due(&pace, now_ns + MS - 1));
    assert_true(pirn__pace_is_due(&pace, now_ns + MS));
}

static void a_wait_that_ends_early_owes_nothing(void **state)
{
    (void)state;
    struct pirn__pace pace = pace_begun();
    uint64_t early_ns = began_ns + 1 * MS;

    pirn__pace_pass(&pace, 10000 * MS, began_ns + 10000 * MS);
    pirn__pace_pass(&pace, 0, early_ns);
    assert_true(pirn__pace_is_due(&pace, early_ns + MS));
}

static void no_rest_is_longer_than_a_second(void **state)
{
    (void)state;
    struct pirn__pace pace = pace_begun();
    uint64_t now_ns = began_ns + 10000 * MS;

    pirn__pace_saw_log(&pace, 1, now_ns);
    pirn__pace_saw_log(&pace, 2, now_ns);
    assert_int_equal(pirn__pace_rest_ns(&pace, now_ns), 1000 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_nobody_works_it_never_rests),
        cmocka_unit_test(who_works_has_nine_tenths),
        cmocka_unit_test(an_owner_is_seen_by_his_directory),
        cmocka_unit_test(who_ended_is_forgotten),
        cmocka_unit_test(each_owner_is_looked_at_and_who_may_come_next),
        cmocka_unit_test(of_all_slots_none_is_behind_the_last),
        cmocka_unit_test(what_is_waited_for_is_no_work),
        cmocka_unit_test(a_wait_that_ends_early_owes_nothing),
        cmocka_unit_test(no_rest_is_longer_than_a_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
