/* SPDX-License-Identifier: MIT */
/*
 * test_log_stamp.c - since when an item is claimed, packed
 */
#include "test.h"

#include "spool/log/stamp.h"

#define NS_PER_S 1000000000ull
#define ROUND_S (UINT64_C(1) << 26) /* then seconds begin anew */

static const struct pirn__word claimed = {
    .state = PIRN__CLAIMED, .owner = 7, .fence = 1, .incarnation = 1};

static const uint64_t then[] = {NS_PER_S, NS_PER_S + 1, 1234567890123456789ull,
                                ROUND_S *NS_PER_S - 1,
                                30 * ROUND_S *NS_PER_S + 1};

static void it_says_in_which_second_the_item_was_claimed(void **state)
{
    static const uint64_t ages[] = {0,
                                    1,
                                    999999,
                                    NS_PER_S - 1,
                                    NS_PER_S,
                                    3600 * NS_PER_S + 1,
                                    388 * 86400 * NS_PER_S};

    (void)state;
    for (size_t i = 0; i < sizeof(then) / sizeof(then[0]); i++) {
        uint32_t stamp = pirn__stamp_pack(claimed, then[i]);
        for (size_t k = 0; k < sizeof(ages) / sizeof(ages[0]); k++) {
            uint64_t now_ns = then[i] + ages[k];
            uint64_t since_ns = pirn__stamp_ns(stamp, claimed, now_ns);
            assert_true(since_ns == then[i] / NS_PER_S * NS_PER_S);
        }
    }
}

static void no_claim_is_older_than_it_is(void **state)
{
    uint32_t stamp = 0;
    const struct pirn__index index = {.stamps = &stamp,
                                      .catalogue = {.slot_count = 1}};
    const struct pirn__grip grip = {.word = pirn__word_pack(claimed)};
    static const uint64_t ages[] = {
        0, 1, NS_PER_S - 1, NS_PER_S, 2 * NS_PER_S + 1, 388 * 86400 * NS_PER_S};

    (void)state;
    for (size_t i = 0; i < sizeof(then) / sizeof(then[0]); i++) {
        pirn__stamp_put(&index, &grip, then[i]);
        for (size_t k = 0; k < sizeof(ages) / sizeof(ages[0]); k++) {
            uint64_t age_ns =
                pirn__stamp_age_ns(&index, 0, claimed, then[i] + ages[k]);
            assert_true(age_ns <= ages[k]);
            assert_true(ages[k] - age_ns <= NS_PER_S);
        }
    }
    stamp = 0;
    assert_int_equal(pirn__stamp_age_ns(&index, 0, claimed, then[2]), 0);
}

static void what_was_claimed_before_the_clock_was_set_back_is_new(void **state)
{
    static const uint64_t back[] = {NS_PER_S, 3600 * NS_PER_S,
                                    388 * 86400 * NS_PER_S};

    (void)state;
    for (size_t i = 0; i < sizeof(then) / sizeof(then[0]); i++) {
        uint32_t stamp = pirn__stamp_pack(claimed, then[i]);
        for (size_t k = 0; k < sizeof(back) / sizeof(back[0]); k++) {
            uint64_t now_ns = then[i] - back[k];
            if (back[k] < then[i]) {
                assert_true(pirn__stamp_ns(stamp, claimed, now_ns) == now_ns);
            }
        }
    }
    uint32_t stamp = pirn__stamp_pack(claimed, ROUND_S * NS_PER_S);
    assert_true(pirn__stamp_ns(stamp - 64, claimed, 5) == 5); /* it is 1970 */
}

static void a_claim_that_ends_says_nothing(void **state)
{
    uint32_t stamp = pirn__stamp_pack(claimed, NS_PER_S);

    (void)state;
    for (uint32_t at = 0; at < PIRN__STATE_COUNT; at++) {
        struct pirn__word word = claimed;
        word.state = (enum pirn__state)at;
        bool is_claimed = at == PIRN__CLAIMED || at == PIRN__UPDATING;
        assert_int_equal(pirn__stamp_ns(stamp, word, NS_PER_S) != 0,
                         is_claimed);
    }
}

/* Who has it, and what stands in its word besides, is the same claim. */
static void a_claim_has_its_own_stamp_whatever_others_note_in_its_word(
    void **state)
{
    uint32_t stamp = pirn__stamp_pack(claimed, NS_PER_S);
    struct pirn__word word = claimed;

    (void)state;
    word.hinted = true;
    assert_int_equal(pirn__stamp_ns(stamp, word, 3 * NS_PER_S), NS_PER_S);
}

static void the_stamp_of_another_claim_says_nothing(void **state)
{
    uint32_t stamp = pirn__stamp_pack(claimed, NS_PER_S);

    (void)state;
    for (uint32_t more = 1; more < 64; more++) {
        struct pirn__word later = claimed;
        later.fence = (uint16_t)(claimed.fence + more);
        assert_true(pirn__stamp_ns(stamp, later, NS_PER_S) == 0);
        struct pirn__word next = claimed;
        next.incarnation += more;
        assert_true(pirn__stamp_ns(stamp, next, NS_PER_S) == 0);
    }
}

/* It was claimed as often as this one, or up to 30 times more. */
static void nor_does_that_of_the_item_before(void **state)
{
    struct pirn__word next = claimed;

    (void)state;
    next.incarnation++;
    for (uint16_t more = 0; more <= 30; more++) {
        struct pirn__word before = claimed;
        before.fence = (uint16_t)(before.fence + more);
        uint32_t stamp = pirn__stamp_pack(before, NS_PER_S);
        assert_true(pirn__stamp_ns(stamp, next, NS_PER_S) == 0);
    }
}

static void zeroed_memory_says_nothing(void **state)
{
    (void)state;
    for (uint32_t fence = 0; fence < 1u << 16; fence++) {
        struct pirn__word word = claimed;
        word.fence = (uint16_t)fence;
        assert_true(pirn__stamp_ns(0, word, then[2]) == 0);
    }
}

static void each_slot_has_its_own(void **state)
{
    uint32_t stamps[3] = {0};
    const struct pirn__index index = {.stamps = stamps,
                                      .catalogue = {.slot_count = 3}};
    const struct pirn__grip grip = {.slot = 1,
                                    .word = pirn__word_pack(claimed)};

    (void)state;
    pirn__stamp_put(&index, &grip, 2 * NS_PER_S);
    for (uint32_t slot = 0; slot < 3; slot++) {
        assert_int_equal(pirn__stamp_get(&index, slot, claimed, 5 * NS_PER_S),
                         slot == 1 ? 2 * NS_PER_S : 0);
    }
    assert_int_equal(stamps[0] | stamps[2], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_says_in_which_second_the_item_was_claimed),
        cmocka_unit_test(no_claim_is_older_than_it_is),
        cmocka_unit_test(what_was_claimed_before_the_clock_was_set_back_is_new),
        cmocka_unit_test(a_claim_that_ends_says_nothing),
        cmocka_unit_test(
            a_claim_has_its_own_stamp_whatever_others_note_in_its_word),
        cmocka_unit_test(the_stamp_of_another_claim_says_nothing),
        cmocka_unit_test(nor_does_that_of_the_item_before),
        cmocka_unit_test(zeroed_memory_says_nothing),
        cmocka_unit_test(each_slot_has_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
