/* SPDX-License-Identifier: MIT */
/* test_log_wheel.c - what is due later comes then, and not before */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/log/wheel.h"

enum { ITEMS = 2000, LANES = PIRN__WHEEL_LANES + 1, BLOCKS = 3000 };
enum { BLOCK_WORDS = PIRN__BLOCK_HEAD_WORDS + 3, NONE = 0 };

#define TICK PIRN__TICK_NS
#define START (1700000000ull * 1000000000)
#define DAY (86400ull * 1000000000)

struct bed {
    uint64_t head[PIRN__LANES_HEAD_WORDS];
    uint64_t state[PIRN__WHEEL_WORDS];
    uint64_t words[LANES * PIRN__LANE_WORDS];
    uint64_t *blocks;
    struct pirn__hand hand;
    struct pirn__wheel wheel;
    struct pirn__wheel_look look;
    uint64_t due[ITEMS]; /* NONE: it came */
    uint32_t puts[ITEMS];
    uint32_t count;
};

static int bed_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));

    bed->blocks = calloc((size_t)BLOCKS * BLOCK_WORDS, sizeof(uint64_t));
    bed->wheel = (struct pirn__wheel){
        .state = bed->state,
        .lanes =
            {
                .head = bed->head,
                .lanes = bed->words,
                .blocks = bed->blocks,
                .lane_count = LANES,
                .block_count = BLOCKS,
                .block_words = BLOCK_WORDS,
            },
        .first_lane = 1,
    };
    pirn__lanes_init(&bed->wheel.lanes);
    pirn__wheel_init(&bed->wheel, START);
    *state = bed;
    return 0;
}

static int bed_down(void **state)
{
    struct bed *bed = *state;

    free(bed->blocks);
    free(bed);
    return 0;
}

static void put(struct bed *bed, uint32_t item)
{
    struct pirn__entry entry = {item, 7};

    bed->puts[item]++;
    assert_int_equal(
        pirn__wheel_put(&bed->wheel, entry, bed->due[item], &bed->hand), 0);
    assert_int_equal(bed->hand.put, 0);
}

static void add(struct bed *bed, uint64_t due)
{
    assert_true(bed->count < ITEMS);
    bed->due[bed->count] = due;
    put(bed, bed->count++);
}

static uint64_t first_due(const struct bed *bed)
{
    uint64_t first = UINT64_MAX;

    for (uint32_t i = 0; i < bed->count; i++) {
        if (bed->due[i] != NONE && bed->due[i] < first) {
            first = bed->due[i];
        }
    }
    return first;
}

/* All that is due at @now comes, at most @late ns late; returns how many. */
static uint32_t take(struct bed *bed, uint64_t now, uint64_t late)
{
    struct pirn__entry entry;
    uint32_t count = 0;

    while (pirn__wheel_take(&bed->wheel, now, &bed->hand, &entry)) {
        uint64_t due = bed->due[entry.slot];
        assert_true(due != NONE);
        if (due > now) {
            put(bed, entry.slot);
            continue;
        }
        pirn__hand_clear(&bed->hand);
        assert_true(now - due < late);
        bed->due[entry.slot] = NONE;
        count++;
    }
    assert_int_equal(bed->hand.put, 0);
    assert_true(first_due(bed) > now - TICK);
    return count;
}

/* For one who has not looked before. */
static uint64_t next_ns(const struct bed *bed)
{
    struct pirn__wheel_look look = {0};

    return pirn__wheel_next_ns(&bed->wheel, &look);
}

/* A timekeeper who looks when he is told to, until all have come. */
static uint32_t keep_time(struct bed *bed, uint64_t *now)
{
    uint32_t looks = 0;

    for (;;) {
        uint64_t first = first_due(bed);
        uint64_t next = next_ns(bed);
        assert_true(pirn__wheel_next_ns(&bed->wheel, &bed->look) <= next);
        if (first == UINT64_MAX) {
            return looks;
        }
        assert_true(next <= (first + TICK - 1) / TICK * TICK);
        *now = next > *now ? next : *now;
        (void)take(bed, *now, TICK);
        looks++;
        assert_true(looks < 20 * ITEMS);
    }
}

static void every_time_comes_within_a_tick_and_not_before(void **state)
{
    static const uint64_t spans[] = {
        0, 1, TICK, TICK << 8, TICK << 16, TICK << 24, TICK << 32,
    };
    struct bed *bed = *state;
    uint64_t now = START;
    uint64_t seed = 1;

    for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
        for (uint64_t j = 0; j < 5; j++) {
            add(bed, START + spans[i] + j - 2);
            add(bed, START + spans[i] + (j - 2) * TICK);
            add(bed, (START + spans[i]) / spans[i == 0 ? 1 : i] *
                             spans[i == 0 ? 1 : i] +
                         j - 2);
        }
    }
    while (bed->count < ITEMS) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        add(bed, START + (seed >> 12 >> (seed >> 3) % 40));
    }
    (void)take(bed, START, START);
    (void)keep_time(bed, &now);
}

static void an_entry_within_52_days_is_put_again_three_times_at_most(
    void **state)
{
    struct bed *bed = *state;
    uint64_t now = START;

    for (uint64_t i = 1; i < 1000; i++) {
        add(bed, START + i * i * i * 4500000 + i);
    }
    assert_true(bed->due[bed->count - 1] < START + 52 * DAY);
    (void)keep_time(bed, &now);
    for (uint32_t i = 0; i < bed->count; i++) {
        assert_in_range(bed->puts[i], 1, 4);
    }
}

static void what_is_further_than_the_rim_comes_in_time(void **state)
{
    struct bed *bed = *state;
    uint64_t now = START;

    add(bed, START + 53 * DAY);
    add(bed, START + 1000 * DAY + 17);
    assert_int_equal(take(bed, START, TICK), 0);
    assert_true(keep_time(bed, &now) < 60);
}

static void what_never_comes_due_never_comes(void **state)
{
    struct bed *bed = *state;

    assert_true(next_ns(bed) == UINT64_MAX);
    add(bed, UINT64_MAX);
    assert_int_equal(take(bed, START + 10000 * DAY, TICK), 0);
}

static void a_clock_set_forward_lets_all_that_is_due_come(void **state)
{
    struct bed *bed = *state;

    for (uint64_t i = 0; i < 1000; i++) {
        add(bed, START + i * i * 3000000000);
    }
    assert_int_equal(take(bed, START + 30 * DAY, UINT64_MAX), 930);
    assert_int_equal(take(bed, START + 400 * DAY, UINT64_MAX), 70);
}

static void a_clock_set_back_delays_and_loses_nothing(void **state)
{
    struct bed *bed = *state;
    uint64_t now = START - 3 * DAY;

    for (uint64_t i = 0; i < 1000; i++) {
        add(bed, START + i * i * 300000000 + i);
    }
    assert_int_equal(take(bed, now, TICK), 0);
    for (uint64_t i = 0; i < 500; i++) {
        add(bed, now + i * i * 900000000 + i);
    }
    (void)keep_time(bed, &now);
    assert_true(now > START);
}

static void who_looks_after_the_time_was_set_back_is_told_to(void **state)
{
    struct bed *bed = *state;
    uint64_t now = START + 100 * TICK;

    assert_int_equal(take(bed, START + DAY, TICK), 0);
    add(bed, now - 1);
    assert_true(next_ns(bed) <= now);
    assert_int_equal(take(bed, now, TICK), 1);
}

static void who_looked_before_sees_what_was_put_since(void **state)
{
    static const uint64_t after[] = {DAY, DAY / 24, DAY / 86400, 2 * TICK,
                                     0 - TICK};
    struct bed *bed = *state;

    assert_int_equal(take(bed, START, TICK), 0);
    for (uint32_t i = 0; i < sizeof(after) / sizeof(after[0]); i++) {
        uint64_t before = pirn__wheel_next_ns(&bed->wheel, &bed->look);
        add(bed, START + after[i]);
        uint64_t next = pirn__wheel_next_ns(&bed->wheel, &bed->look);
        assert_true(next < before);
        assert_true(next <= START + after[i] + TICK);
    }
}

static void what_a_dead_hand_held_is_looked_at_at_once(void **state)
{
    struct pirn__hand own = {0};
    struct bed *bed = *state;
    uint64_t now = START;
    struct pirn__hand dead;

    add(bed, START + DAY);
    struct pirn__entry entry;
    while (!pirn__wheel_take(&bed->wheel, now, &bed->hand, &entry)) {
        now = next_ns(bed);
    }
    dead = bed->hand;
    pirn__hand_clear(&bed->hand);
    assert_int_equal(pirn__hand_recover(&bed->wheel.lanes, &dead, &own), 0);
    assert_true(next_ns(bed) <= now);
    (void)keep_time(bed, &now);
}

static void a_full_pool_takes_nothing(void **state)
{
    struct bed *bed = *state;

    bed->wheel.lanes.block_count = 1;
    add(bed, START + DAY);
    assert_int_equal(pirn__wheel_put(&bed->wheel, (struct pirn__entry){9, 9},
                                     START + 2 * TICK, &bed->hand),
                     -ENOSPC);
    assert_int_equal(bed->hand.put, 0);
    bed->wheel.lanes.block_count = BLOCKS;
    uint64_t now = START;
    (void)keep_time(bed, &now);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_up, bed_down)

TEST_MAIN(TEST(every_time_comes_within_a_tick_and_not_before),
          TEST(an_entry_within_52_days_is_put_again_three_times_at_most),
          TEST(what_is_further_than_the_rim_comes_in_time),
          TEST(what_never_comes_due_never_comes),
          TEST(a_clock_set_forward_lets_all_that_is_due_come),
          TEST(a_clock_set_back_delays_and_loses_nothing),
          TEST(who_looks_after_the_time_was_set_back_is_told_to),
          TEST(who_looked_before_sees_what_was_put_since),
          TEST(what_a_dead_hand_held_is_looked_at_at_once),
          TEST(a_full_pool_takes_nothing))
