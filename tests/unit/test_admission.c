/* SPDX-License-Identifier: MIT */
/*
 * test_admission.c - sentences of spool/admission.h, where time is a number
 */
#include "tests/test.h"

#include <errno.h>

#include "spool/admission.h"

#define S ((uint64_t)1000000000)
#define MS ((uint64_t)1000000)

enum { KIB = 1024, MIB = 1024 * 1024, BLOCK = 4096 };

/* A file system of 16 MiB: 512 KiB and 32 inodes of it are kept. */
static struct pirn__admission_look look_of(uint64_t free_kib, uint64_t inodes)
{
    return (struct pirn__admission_look){
        .all = {16 * MIB, 1024},
        .free = {free_kib * KIB, inodes},
        .block_bytes = BLOCK,
    };
}

static void look(struct pirn__admission *admission, uint64_t now_ns,
                 uint64_t free_kib, uint64_t inodes)
{
    struct pirn__admission_look said = look_of(free_kib, inodes);

    pirn__admission_look_begins(admission);
    pirn__admission_looked(admission, now_ns, &said);
}

static struct pirn__amount cost_of(const struct pirn__admission *admission)
{
    return pirn__admission_cost(admission, 2 * BLOCK, 2);
}

/* How many it lets in, of at most @most. */
static int let_in(struct pirn__admission *admission, int most)
{
    struct pirn__amount cost = cost_of(admission);
    int count = 0;

    while (count < most && pirn__admission_promise(admission, cost) == 0) {
        pirn__admission_end(admission, cost, true);
        count++;
    }
    return count;
}

static void before_the_first_look_everything_is_let_in(void **state)
{
    struct pirn__admission admission = {0};

    (void)state;
    assert_true(pirn__admission_look_is_due(&admission, 0));
    assert_int_equal(let_in(&admission, 100000), 100000);
}

static void it_refuses_when_no_more_is_left_than_is_kept(void **state)
{
    struct pirn__admission admission = {0};

    (void)state;
    look(&admission, S, 512 + 160, 900);
    /* Two blocks and one more for each of the two files. */
    assert_int_equal(cost_of(&admission).bytes, 4 * BLOCK);
    assert_int_equal(let_in(&admission, 100), 10);
    assert_int_equal(pirn__admission_promise(&admission, cost_of(&admission)),
                     -ENOSPC);
    assert_true(admission.is_refusing);
    assert_int_equal(pirn__admission_left(&admission).bytes, 0);
}

/* Looks see of a file what is written by then. */
static void what_is_expected_counts_until_it_is_used(void **state)
{
    static const struct pirn__amount half = {256 * KIB, 0};
    static const struct pirn__amount whole = {512 * KIB, 0};
    struct pirn__admission admission = {0};

    (void)state;
    look(&admission, S, 1200, 900);
    pirn__admission_expect(&admission, whole);
    assert_false(pirn__admission_has(&admission, half));
    look(&admission, 2 * S, 1200, 900); /* nothing is written yet */
    assert_false(pirn__admission_has(&admission, half));
    pirn__admission_end(&admission, half, true);
    look(&admission, 3 * S, 1200 - 256, 900);
    assert_false(pirn__admission_has(&admission, half));
    assert_false(admission.is_refusing);
    look(&admission, 4 * S, 600, 900); /* of which it has some already */
    assert_false(admission.is_refusing);
    pirn__admission_end(&admission, half, false); /* and goes no further */
    look(&admission, 5 * S, 1200 - 256, 900);
    assert_true(pirn__admission_has(&admission, half));
}

static void so_with_inodes(void **state)
{
    struct pirn__admission admission = {0};

    (void)state;
    look(&admission, S, 8 * KIB, 32 + 15);
    assert_int_equal(let_in(&admission, 100), 7);
    look(&admission, 2 * S, 8 * KIB, 32 + 15);
    assert_int_equal(let_in(&admission, 100), 0); /* below the high mark */
    look(&admission, 3 * S, 8 * KIB, 32 + 16);
    assert_int_equal(let_in(&admission, 100), 8);
}

static void where_inodes_are_not_counted_they_do_not_count(void **state)
{
    struct pirn__admission admission = {0};
    struct pirn__admission_look said = look_of(8 * KIB, 0);

    (void)state;
    said.all.inodes = 0;
    pirn__admission_look_begins(&admission);
    pirn__admission_looked(&admission, S, &said);
    assert_int_equal(let_in(&admission, 100), 100);
}

static void it_goes_on_only_when_there_is_half_as_much_again(void **state)
{
    struct pirn__admission admission = {0};

    (void)state;
    look(&admission, S, 511, 900);
    for (uint64_t free_kib = 512; free_kib < 768; free_kib += 8) {
        look(&admission, S, free_kib, 900);
        assert_int_equal(let_in(&admission, 1), 0);
    }
    look(&admission, S, 768, 900);
    assert_int_equal(let_in(&admission, 100), 16);
}

static void a_large_one_is_refused_and_no_other_for_it(void **state)
{
    struct pirn__admission admission = {0};

    (void)state;
    look(&admission, S, 2 * KIB, 900);
    struct pirn__amount large = pirn__admission_cost(&admission, 3 * MIB, 2);
    assert_int_equal(pirn__admission_promise(&admission, large), -ENOSPC);
    assert_false(admission.is_refusing);
    assert_int_equal(let_in(&admission, 4), 4);
    large = pirn__admission_cost(&admission, UINT64_MAX, 2);
    assert_int_equal(pirn__admission_promise(&admission, large), -ENOSPC);
    assert_int_equal(let_in(&admission, 4), 4);
}

static void what_is_promised_to_one_no_other_gets(void **state)
{
    struct pirn__admission admission = {0};

    (void)state;
    look(&admission, S, 512 + 1024, 900);
    struct pirn__amount most = pirn__admission_cost(&admission, 1000 * KIB, 2);
    assert_int_equal(pirn__admission_promise(&admission, most), 0);
    assert_int_equal(let_in(&admission, 100), 1);
    look(&admission, 2 * S, 512 + 1024 - 16, 900); /* it has written nothing */
    assert_int_equal(let_in(&admission, 100), 0);
    pirn__admission_end(&admission, most, false);
    assert_int_equal(let_in(&admission, 1000), 63);
}

static void what_has_begun_may_use_half_of_what_is_kept(void **state)
{
    struct pirn__admission admission = {0};

    (void)state;
    look(&admission, S, 512 + 64, 900);
    struct pirn__amount first = pirn__admission_cost(&admission, 0, 2);
    struct pirn__amount more = pirn__admission_cost(&admission, 8 * KIB, 0);
    assert_int_equal(pirn__admission_promise(&admission, first), 0);
    uint32_t grown = 0;
    while (pirn__admission_grow(&admission, more) == 0) {
        grown++;
    }
    assert_int_equal(grown, (512 + 64 - 256 - 8) / 8);
    assert_int_equal(pirn__admission_promise(&admission, first), -ENOSPC);
}

static void looks_are_a_second_apart_unless_much_was_let_in(void **state)
{
    struct pirn__admission admission = {0};

    (void)state;
    look(&admission, S, 512 + 1024, 900);
    assert_false(pirn__admission_look_is_due(&admission, 2 * S - 1));
    assert_true(pirn__admission_look_is_due(&admission, 2 * S));
    assert_int_equal(let_in(&admission, 16), 16); /* a quarter */
    assert_false(pirn__admission_look_is_due(&admission, 2 * S - 1));
    assert_int_equal(let_in(&admission, 1), 1);
    assert_true(pirn__admission_look_is_due(&admission, S + 50 * MS));
    assert_false(pirn__admission_look_is_due(&admission, S + 49 * MS));
    look(&admission, 2 * S, 100, 900);
    assert_false(pirn__admission_look_is_due(&admission, 2 * S + 49 * MS));
    assert_true(pirn__admission_look_is_due(&admission, 2 * S + 50 * MS));
}

static void what_ends_during_a_look_is_not_forgotten(void **state)
{
    struct pirn__admission admission = {0};
    struct pirn__admission_look said = look_of(512 + 160, 900);

    (void)state;
    look(&admission, S, 512 + 160, 900);
    assert_int_equal(let_in(&admission, 4), 4);
    pirn__admission_look_begins(&admission); /* these it sees */
    assert_int_equal(let_in(&admission, 3), 3);
    pirn__admission_looked(&admission, 2 * S, &said); /* these it does not */
    assert_int_equal(let_in(&admission, 100), 7);
}

static void an_unanswered_question_refuses_nobody(void **state)
{
    struct pirn__admission admission = {0};

    (void)state;
    look(&admission, S, 100, 900);
    assert_int_equal(let_in(&admission, 1), 0);
    pirn__admission_look_begins(&admission);
    pirn__admission_looked(&admission, 2 * S, NULL);
    assert_int_equal(let_in(&admission, 100), 100);
    assert_true(pirn__admission_look_is_due(&admission, 3 * S));
}

static void what_is_kept_can_be_said(void **state)
{
    struct pirn__admission none = {.keep_bytes = UINT64_MAX};
    struct pirn__admission more = {.keep_bytes = 1 * MIB};
    struct pirn__admission all = {.keep_bytes = 1024ull * MIB};

    (void)state;
    assert_false(pirn__admission_look_is_due(&none, S));
    assert_int_equal(let_in(&none, 100), 100);
    look(&more, S, 1024 + 160, 900);
    assert_int_equal(let_in(&more, 100), 10);
    look(&all, S, 8 * KIB + 160, 900); /* half of it at most */
    assert_int_equal(let_in(&all, 100), 10);
}

static void of_a_large_file_system_64_mib_are_kept(void **state)
{
    struct pirn__admission admission = {0};
    const struct pirn__admission_look said = {
        .all = {1024ull * 1024 * MIB, 1 << 26},
        .free = {64ull * MIB, 1 << 20},
        .block_bytes = BLOCK,
    };

    (void)state;
    pirn__admission_look_begins(&admission);
    pirn__admission_looked(&admission, S, &said);
    assert_int_equal(admission.low.bytes, 64 * MIB);
    assert_int_equal(admission.low.inodes, 4096);
    assert_false(admission.is_refusing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_the_first_look_everything_is_let_in),
        cmocka_unit_test(it_refuses_when_no_more_is_left_than_is_kept),
        cmocka_unit_test(what_is_expected_counts_until_it_is_used),
        cmocka_unit_test(so_with_inodes),
        cmocka_unit_test(where_inodes_are_not_counted_they_do_not_count),
        cmocka_unit_test(it_goes_on_only_when_there_is_half_as_much_again),
        cmocka_unit_test(a_large_one_is_refused_and_no_other_for_it),
        cmocka_unit_test(what_is_promised_to_one_no_other_gets),
        cmocka_unit_test(what_has_begun_may_use_half_of_what_is_kept),
        cmocka_unit_test(looks_are_a_second_apart_unless_much_was_let_in),
        cmocka_unit_test(what_ends_during_a_look_is_not_forgotten),
        cmocka_unit_test(an_unanswered_question_refuses_nobody),
        cmocka_unit_test(what_is_kept_can_be_said),
        cmocka_unit_test(of_a_large_file_system_64_mib_are_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
