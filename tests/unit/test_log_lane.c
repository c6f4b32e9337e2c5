/* SPDX-License-Identifier: MIT */
/* test_log_lane.c - lanes with one process, and with memory that is not ours */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spool/log/lane.h"

enum { LANES = 3, BLOCKS = 4, BLOCK_WORDS = PIRN__BLOCK_HEAD_WORDS + 3 };

struct bed {
    uint64_t head[PIRN__LANES_HEAD_WORDS];
    uint64_t words[LANES * PIRN__LANE_WORDS];
    uint64_t blocks[BLOCKS * BLOCK_WORDS];
    struct pirn__hand hands[2];
    struct pirn__lanes lanes;
};

static void bed_init(struct bed *bed)
{
    *bed = (struct bed){0};
    bed->lanes = (struct pirn__lanes){
        .head = bed->head,
        .lanes = bed->words,
        .blocks = bed->blocks,
        .lane_count = LANES,
        .block_count = BLOCKS,
        .block_words = BLOCK_WORDS,
    };
    pirn__lanes_init(&bed->lanes);
}

static int put(struct bed *bed, uint32_t lane, uint32_t slot)
{
    struct pirn__entry entry = {slot, (uint16_t)(slot * 7)};

    return pirn__lane_put(&bed->lanes, lane, entry, &bed->hands[0]);
}

/* UINT32_MAX: it is empty. */
static uint32_t take(struct bed *bed, uint32_t lane)
{
    struct pirn__entry entry;

    if (!pirn__lane_take(&bed->lanes, lane, &bed->hands[0], &entry)) {
        return UINT32_MAX;
    }
    assert_int_equal(entry.incarnation, (uint16_t)(entry.slot * 7));
    assert_true(bed->hands[0].put != 0);
    pirn__hand_clear(&bed->hands[0]);
    return entry.slot;
}

static void assert_hands_are_empty(const struct bed *bed)
{
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(bed->hands[i].put, 0);
        assert_int_equal(bed->hands[i].block, 0);
    }
}

/* The pool has each block that no lane has: so many more entries fit. */
static uint32_t room(struct bed *bed)
{
    uint32_t count = 0;

    while (put(bed, LANES - 1, count) == 0) {
        count++;
    }
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(take(bed, LANES - 1), i);
    }
    assert_int_equal(take(bed, LANES - 1), UINT32_MAX);
    return count;
}

static void what_went_in_first_comes_out_first(void **unused)
{
    struct bed bed;
    uint32_t in[2] = {0, 0};
    uint32_t out[2] = {0, 0};

    (void)unused;
    bed_init(&bed);
    for (uint32_t round = 0; round < 1000000; round++) {
        uint32_t lane = round / 3 % 2;
        bool more = (round * 2654435761u >> 20) % 2 == 0;
        if (more && in[lane] - out[lane] < 3) {
            assert_int_equal(put(&bed, lane, in[lane]++), 0);
        } else if (in[lane] > out[lane]) {
            assert_int_equal(take(&bed, lane), out[lane]++);
        } else {
            assert_int_equal(take(&bed, lane), UINT32_MAX);
        }
        assert_int_equal(pirn__lane_is_empty(&bed.lanes, lane),
                         in[lane] == out[lane]);
    }
    assert_true(in[0] > 65536 * 3 / 4); /* a block's short life comes round */
    assert_hands_are_empty(&bed);
}

static void every_slot_and_incarnation_comes_back_the_same(void **unused)
{
    static const uint32_t slots[] = {0, 1, 0x12345678, UINT32_MAX - 1};
    static const uint16_t incarnations[] = {0, 1, 0x8000, UINT16_MAX};
    struct pirn__entry entry;
    struct bed bed;

    (void)unused;
    bed_init(&bed);
    for (size_t i = 0; i < 16; i++) {
        struct pirn__entry given = {slots[i % 4], incarnations[i / 4]};
        assert_int_equal(pirn__lane_put(&bed.lanes, 1, given, &bed.hands[0]),
                         0);
        assert_true(pirn__lane_take(&bed.lanes, 1, &bed.hands[0], &entry));
        pirn__hand_clear(&bed.hands[0]);
        assert_int_equal(entry.slot, given.slot);
        assert_int_equal(entry.incarnation, given.incarnation);
    }
}

static void a_full_pool_takes_nothing_and_loses_nothing(void **unused)
{
    struct bed bed;

    (void)unused;
    bed_init(&bed);
    for (uint32_t i = 0; i < BLOCKS * 3; i++) {
        assert_int_equal(put(&bed, 0, i), 0);
    }
    assert_int_equal(put(&bed, 0, 99), -ENOSPC);
    assert_int_equal(put(&bed, 1, 99), -ENOSPC);
    assert_int_equal(take(&bed, 1), UINT32_MAX);
    assert_hands_are_empty(&bed);
    for (uint32_t i = 0; i < BLOCKS * 3; i++) {
        assert_int_equal(take(&bed, 0), i);
    }
    assert_int_equal(room(&bed), (BLOCKS - 1) * 3);
}

static void blocks_are_given_out_in_order_and_used_again_first(void **unused)
{
    struct bed bed;

    (void)unused;
    bed_init(&bed);
    assert_int_equal(pirn__lanes_blocks_used(&bed.lanes), 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(put(&bed, 0, i), 0);
    }
    assert_int_equal(pirn__lanes_blocks_used(&bed.lanes), 1);
    for (uint32_t i = 3; i < 300; i++) {
        assert_int_equal(put(&bed, 0, i), 0);
        assert_int_equal(take(&bed, 0), i - 3);
    }
    assert_int_equal(pirn__lanes_blocks_used(&bed.lanes), 3);
}

static void what_a_dead_hand_held_is_put_again(void **unused)
{
    struct pirn__entry entry = {5, 35};
    struct bed bed;

    (void)unused;
    bed_init(&bed);
    pirn__hand_set(&bed.hands[1], 1, entry);
    assert_int_equal(
        pirn__hand_repeat(&bed.lanes, &bed.hands[1], &bed.hands[0]), 0);
    assert_true(bed.hands[1].put != 0);
    assert_int_equal(take(&bed, 1), 5);
    assert_int_equal(
        pirn__hand_recover(&bed.lanes, &bed.hands[1], &bed.hands[0]), 0);
    assert_hands_are_empty(&bed);
    assert_int_equal(take(&bed, 1), 5);
    assert_int_equal(take(&bed, 1), UINT32_MAX);
    assert_int_equal(
        pirn__hand_recover(&bed.lanes, &bed.hands[1], &bed.hands[0]), 0);
    assert_int_equal(take(&bed, 1), UINT32_MAX);
}

static void a_dead_hand_is_recovered_later_if_there_is_no_room(void **unused)
{
    struct bed bed;

    (void)unused;
    bed_init(&bed);
    for (uint32_t i = 0; i < BLOCKS * 3; i++) {
        assert_int_equal(put(&bed, 0, i), 0);
    }
    pirn__hand_set(&bed.hands[1], 1, (struct pirn__entry){5, 35});
    assert_int_equal(
        pirn__hand_recover(&bed.lanes, &bed.hands[1], &bed.hands[0]), -ENOSPC);
    assert_true(bed.hands[1].put != 0);
    for (uint32_t i = 0; i < BLOCKS * 3; i++) {
        assert_int_equal(take(&bed, 0), i);
    }
    assert_int_equal(
        pirn__hand_recover(&bed.lanes, &bed.hands[1], &bed.hands[0]), 0);
    assert_int_equal(take(&bed, 1), 5);
    assert_hands_are_empty(&bed);
}

/* Whatever stands there: each call ends, and touches nothing outside. */
static void memory_that_is_not_ours_is_an_error_and_no_wild_access(
    void **unused)
{
    static const uint64_t words[] = {
        1, BLOCKS, BLOCKS + 1, UINT32_MAX, UINT64_MAX, 1ull << 32, 7ull << 32,
    };
    enum {
        WORDS = PIRN__LANES_HEAD_WORDS + LANES * PIRN__LANE_WORDS +
                BLOCKS * BLOCK_WORDS + 8
    };
    struct pirn__entry entry;

    (void)unused;
    for (size_t at = 0; at < WORDS; at++) {
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
            struct bed bed;
            bed_init(&bed);
            for (uint32_t slot = 0; slot < 7; slot++) {
                assert_int_equal(put(&bed, 0, slot), 0);
            }
            (void)take(&bed, 0);
            memcpy((char *)&bed + at * 8, &words[i], 8);
            assert_true(pirn__hand_recover(&bed.lanes, &bed.hands[1],
                                           &bed.hands[0]) <= 0);
            for (uint32_t slot = 0; slot < 20; slot++) {
                bed.hands[0] = (struct pirn__hand){0};
                assert_true(put(&bed, slot % 2, slot) <= 0);
                bed.hands[0] = (struct pirn__hand){0};
                (void)pirn__lane_take(&bed.lanes, slot % 2, &bed.hands[0],
                                      &entry);
                (void)pirn__lane_is_empty(&bed.lanes, slot % 2);
            }
        }
    }
}

TEST_MAIN(
    cmocka_unit_test(what_went_in_first_comes_out_first),
    cmocka_unit_test(every_slot_and_incarnation_comes_back_the_same),
    cmocka_unit_test(a_full_pool_takes_nothing_and_loses_nothing),
    cmocka_unit_test(blocks_are_given_out_in_order_and_used_again_first),
    cmocka_unit_test(what_a_dead_hand_held_is_put_again),
    cmocka_unit_test(a_dead_hand_is_recovered_later_if_there_is_no_room),
    cmocka_unit_test(memory_that_is_not_ours_is_an_error_and_no_wild_access))
