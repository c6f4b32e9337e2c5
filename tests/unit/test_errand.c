/* SPDX-License-Identifier: MIT */
/* test_errand.c - pages that grow in place, and the errands in them */
#include "test.h"

#include <stdbool.h>

#include "runtime/engine/errand.h"
#include "runtime/list.h"

static void elements_never_move_and_begin_zeroed(void **state)
{
    static const uint32_t places[] = {0, 63, 64, 1000, 65, 100000, 1};
    struct pages pages = {.element_bytes = sizeof(uint64_t)};
    uint64_t *found[7];

    (void)state;
    for (unsigned i = 0; i < 7; i++) {
        found[i] = pirn__pages_reach(&pages, places[i]);
        assert_non_null(found[i]);
        assert_int_equal(*found[i], 0);
        *found[i] = places[i] + 1;
    }
    for (unsigned i = 0; i < 7; i++) {
        assert_ptr_equal(pirn__pages_at(&pages, places[i]), found[i]);
        assert_int_equal(*found[i], places[i] + 1);
    }
    pirn__pages_deinit(&pages);
}

static void what_was_never_reached_is_not_there(void **state)
{
    struct pages pages = {.element_bytes = sizeof(uint64_t)};

    (void)state;
    assert_null(pirn__pages_at(&pages, 0));
    assert_non_null(pirn__pages_reach(&pages, 640));
    assert_null(pirn__pages_at(&pages, 0));
    assert_null(pirn__pages_at(&pages, 704));
    assert_null(pirn__pages_at(&pages, UINT32_MAX));
    pirn__pages_deinit(&pages);
    assert_null(pirn__pages_at(&pages, 640));
}

static void a_loan_has_its_errand_until_it_is_put(void **state)
{
    struct errands errands;
    struct pirn_loan loans[200] = {0};
    struct errand *taken[200];

    (void)state;
    assert_int_equal(pirn__errands_init(&errands, 2), 0);
    for (unsigned i = 0; i < 200; i++) {
        taken[i] = pirn__errand_take(&errands, &loans[i]);
    }
    for (unsigned i = 0; i < 200; i++) {
        assert_ptr_equal(taken[i]->loan, &loans[i]);
        assert_ptr_equal(pirn__errand_find(&errands, &loans[i]), taken[i]);
    }
    for (unsigned i = 0; i < 200; i++) {
        pirn__errand_put(&errands, taken[i]);
        assert_null(pirn__errand_find(&errands, &loans[i]));
    }
    assert_int_equal(errands.count, 200);
    pirn__errands_deinit(&errands);
}

/* The result of a loan that is not ours may be any number. */
static void a_number_does_not_make_a_loan_ours(void **state)
{
    static const int32_t numbers[] = {0,  1,         2,  63,
                                      64, INT32_MAX, -1, INT32_MIN};
    struct errands errands;
    struct pirn_loan ours = {0};
    struct pirn_loan other = {0};

    (void)state;
    assert_int_equal(pirn__errands_init(&errands, 1), 0);
    assert_non_null(pirn__errand_take(&errands, &ours));
    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        other.result = numbers[i];
        assert_null(pirn__errand_find(&errands, &other));
    }
    pirn__errands_deinit(&errands);
}

static void bytes_that_moved_count_for_more_than_the_error(void **state)
{
    struct errands errands;
    struct pirn_loan loan = {0};
    struct pirn_link done;
    struct errand *errand;

    (void)state;
    list_init(&done);
    assert_int_equal(pirn__errands_init(&errands, 1), 0);
    errand = pirn__errand_take(&errands, &loan);
    errand->moved = 7;
    pirn__errand_end(errand, -125, &done);
    assert_int_equal(errand->result, 7);
    pirn__errand_put(&errands, errand_of(list_pop_head(&done)));
    errand = pirn__errand_take(&errands, &loan);
    pirn__errand_end(errand, -125, &done);
    assert_int_equal(errand->result, -125);
    pirn__errands_deinit(&errands);
}

TEST_MAIN(cmocka_unit_test(elements_never_move_and_begin_zeroed),
          cmocka_unit_test(what_was_never_reached_is_not_there),
          cmocka_unit_test(a_loan_has_its_errand_until_it_is_put),
          cmocka_unit_test(a_number_does_not_make_a_loan_ours),
          cmocka_unit_test(bytes_that_moved_count_for_more_than_the_error))
