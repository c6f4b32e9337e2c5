/* SPDX-License-Identifier: MIT */
/*
 * test_log_wheel_steps.c - the wheel, in every order of its steps
 *
 * The wheels have two lanes each. Of a process's script A to Z puts the item of
 * that name, which is due at tick 1 to 26; a to z the same, with an empty hand,
 * where the pool may be empty; 1 to 9 takes what is due at that tick until
 * there is no more, and puts again what is not. A story's room is the pool's
 * blocks, 0 for enough.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pirn/invariant.h>

#define PIRN__ATOM_STEPS
#define PIRN__WHEEL_BITS 1u
#include "spool/log/lane.c"
#include "spool/log/wheel.c"
#include "tests/sim/stories.h"

enum { BLOCKS = 14, WORDS = PIRN__BLOCK_HEAD_WORDS + 2, ITEMS = 26, END = 40 };
enum { LAST = ATOMS_PROCESSES - 1, STATES_MOST = 230000000 };

struct bed {
    uint64_t state[PIRN__WHEEL_WORDS];
    uint64_t head[PIRN__LANES_HEAD_WORDS];
    uint64_t words[PIRN__WHEEL_LANES * PIRN__LANE_WORDS];
    uint64_t blocks[BLOCKS * WORDS];
    struct pirn__hand hands[ATOMS_PROCESSES];
    uint64_t put[ITEMS];   /* whether it was */
    uint64_t taken[ITEMS]; /* whether it was, when it was due */
};

static struct bed bed;
static struct pirn__wheel wheel;
static const char *const *scripts;

static void item_put(uint32_t self, uint32_t item)
{
    struct pirn__entry entry = {item, (uint16_t)item};
    uint64_t due = (item + 1) * PIRN__TICK_NS;

    if (pirn__wheel_put(&wheel, entry, due, &bed.hands[self]) < 0) {
        atoms_fail("the pool was full");
    }
}

static void items_take(uint32_t self, uint32_t tick)
{
    struct pirn__hand *hand = &bed.hands[self];
    uint64_t now = tick * PIRN__TICK_NS;
    struct pirn__entry entry;

    while (pirn__wheel_take(&wheel, now, hand, &entry)) {
        (void)pirn__atom_load(&hand->put); /* killed here, he did nothing yet */
        if (entry.slot >= ITEMS || entry.incarnation != entry.slot) {
            atoms_fail("an entry was taken that nobody put");
            return;
        }
        atoms_touch(&bed.taken[entry.slot]);
        if (bed.taken[entry.slot] == 0 && entry.slot + 1 > tick) {
            item_put(self, entry.slot);
            continue;
        }
        bed.taken[entry.slot] = 1;
        pirn__hand_clear(hand);
    }
}

/* What did not get in whole may come all the same, but its putter is free. */
static void item_try(uint32_t self, uint32_t item)
{
    struct pirn__hand *hand = &bed.hands[self];
    struct pirn__entry entry = {item, (uint16_t)item};
    uint64_t due = (item + 1) * PIRN__TICK_NS;

    if (pirn__wheel_put(&wheel, entry, due, hand) == 0) {
        bed.put[item] = 1;
    }
    if (hand->put != 0) {
        atoms_fail("a put left its entry in the hand");
    }
}

static void act(uint32_t self, char what)
{
    if (what >= 'a') {
        item_try(self, (uint32_t)(what - 'a'));
    } else if (what >= 'A') {
        uint32_t item = (uint32_t)(what - 'A');
        pirn__hand_set(&bed.hands[self], lane_due(&wheel),
                       (struct pirn__entry){item, (uint16_t)item});
        bed.put[item] = 1; /* as soon as his hand says so */
        item_put(self, item);
    } else {
        items_take(self, (uint32_t)(what - '0'));
    }
}

static void run(void *memory, uint32_t self)
{
    (void)memory;
    for (const char *what = scripts[self]; *what != '\0'; what++) {
        act(self, *what);
    }
}

static void attend(void *memory, uint32_t self, uint32_t whom)
{
    (void)memory;
    for (uint32_t i = 0; i < ATOMS_PROCESSES; i++) {
        if ((whom >> i & 1) != 0 &&
            pirn__hand_recover(&wheel.lanes, &bed.hands[i], &bed.hands[self]) <
                0) {
            atoms_fail("a hand could not be recovered");
        }
    }
}

/* By who is stopped for ever: it is there, in his hand. */
static bool is_held(uint32_t stopped, uint32_t item)
{
    for (uint32_t i = 0; i < ATOMS_PROCESSES; i++) {
        uint64_t put = bed.hands[i].put;
        if ((stopped >> i & 1) != 0 && put != 0 &&
            entry_unpack(put & ~HAND_PUT).slot == item) {
            return true;
        }
    }
    return false;
}

static uint32_t first_missing(uint32_t stopped)
{
    for (uint32_t i = 0; i < ITEMS; i++) {
        if (bed.put[i] > bed.taken[i] && !is_held(stopped, i)) {
            return i;
        }
    }
    return ITEMS;
}

/* A timekeeper alone, who looks when he is told to. */
static const char *take_all(uint32_t stopped)
{
    const uint32_t self = LAST;
    uint64_t tick = 0;

    for (uint32_t looks = 0; looks < END && first_missing(stopped) < ITEMS;
         looks++) {
        struct pirn__wheel_look look = {0};
        uint64_t next = pirn__wheel_next_ns(&wheel, &look);
        if (next == UINT64_MAX) {
            return "an entry was lost";
        }
        tick = next / PIRN__TICK_NS > tick ? next / PIRN__TICK_NS : tick;
        uint64_t clock = clock_tick(wheel.state[CLOCK]);
        uint32_t first = first_missing(stopped) + 1;
        if (tick > first && tick > clock) {
            return "an entry was late";
        }
        items_take(self, (uint32_t)(tick > clock ? tick : clock));
    }
    return first_missing(stopped) < ITEMS ? "an entry did not come" : NULL;
}

static const char *check_without(void *memory, uint32_t killed,
                                 uint32_t stopped)
{
    (void)memory;
    (void)killed;
    return take_all(stopped);
}

static const char *check(void *memory, uint32_t killed)
{
    (void)memory;
    (void)killed;
    const char *wrong = take_all(0);
    for (uint32_t i = 0; i < ATOMS_PROCESSES && wrong == NULL; i++) {
        if (bed.hands[i].put != 0) {
            return "an entry was left in a hand";
        }
    }
    return wrong;
}

static void bed_begin(const struct story *story)
{
    bed = (struct bed){0};
    wheel = (struct pirn__wheel){
        .state = bed.state,
        .lanes = {.head = bed.head,
                  .lanes = bed.words,
                  .blocks = bed.blocks,
                  .lane_count = PIRN__WHEEL_LANES,
                  .block_count = story->room > 0 ? story->room : BLOCKS,
                  .block_words = WORDS},
    };
    pirn__lanes_init(&wheel.lanes);
    pirn__wheel_init(&wheel, 0);
    for (uint32_t i = 0; i < ATOMS_PROCESSES; i++) {
        bed.hands[i].self = i + 1; /* drawn already */
    }
    for (const char *first = story->before; *first != '\0'; first++) {
        act(LAST, *first);
    }
}

static struct atoms_plan story_begin(const struct story *story)
{
    struct atoms_plan plan = {
        .memory = &bed,
        .memory_bytes = sizeof(bed),
        .hands = bed.hands,
        .hand_bytes = sizeof(bed.hands[0]),
        .run = run,
        .attend = attend,
        .check = check,
        .check_without = check_without,
        .states_max = STATES_MOST,
    };

    scripts = story->scripts;
    bed_begin(story);
    return plan;
}

static void no_order_of_steps_makes_an_entry_late(void **unused)
{
    static const struct story stories[] = {
        {"two timekeepers", "A", {"1", "1"}, 0, 0, 0, false},
        {"a timekeeper, and one who puts", "B", {"2", "B"}, 0, 0, 0, false},
        {"one puts while the clock passes", "", {"5", "B"}, 0, 0, 0, false},
        {"a stale time", "C", {"3", "2"}, 0, 0, 0, false},
        {"no block for the second place", "", {"5", "b"}, 1, 0, 0, false},
        {0},
    };
    static const struct story longer[] = {
        {"two timekeepers, and one who puts",
         "B",
         {"2", "3", "B"},
         0,
         0,
         0,
         false},
        {"three items", "ABC", {"3", "3"}, 0, 0, 0, false},
        {0},
    };

    (void)unused;
    stories_explore(stories, longer, story_begin);
}

static void a_killed_timekeeper_or_putter_makes_none_late(void **unused)
{
    static const struct story stories[] = {
        {"killed: two timekeepers", "A", {"1", "1"}, 0, 1, 0, false},
        {"killed: one puts", "", {"5", "B"}, 0, 1, 0, false},
        {"killed: coming down", "C", {"3"}, 0, 1, 0, false},
        {"killed: another goes on", "A", {"1", "2"}, 0, 1, 0, false},
        {0},
    };
    static const struct story longer[] = {
        {"killed: two timekeepers, down", "C", {"3", "3"}, 0, 1, 0, false},
        {0},
    };

    (void)unused;
    stories_explore(stories, longer, story_begin);
}

static void a_stopped_timekeeper_holds_no_other_up(void **unused)
{
    static const struct story stories[] = {
        {"stopped: two timekeepers", "A", {"1", "1"}, 0, 0, 1, false},
        {"stopped: one puts", "", {"5", "B"}, 0, 0, 1, false},
        {"stopped: coming down", "C", {"3", "2"}, 0, 0, 1, false},
        {0},
    };
    static const struct story longer[] = {
        {"stopped: two timekeepers, down", "C", {"3", "3"}, 0, 0, 1, false},
        {0},
    };

    (void)unused;
    stories_explore(stories, longer, story_begin);
}

/* The promise, where three share a wheel that has four items in its life. */
static void of_three_with_four_items_none_is_late(void **unused)
{
    static const struct story stories[] = {
        {"3 x 4", "ABC", {"1", "1", "D"}, 0, 0, 0, false},
        {"3 x 4, killed", "ABC", {"1", "1", "D"}, 0, 1, 0, false},
        {"3 x 4, stopped", "ABC", {"1", "1", "D"}, 0, 0, 1, false},
        {"3 x 4, all come", "ABC", {"4", "3", "D"}, 0, 0, 0, false},
        {0},
    };
    static const struct story longer[] = {
        {"3 x 4, killed: one goes on", "ABC", {"1", "2", "D"}, 0, 1, 0, false},
        {"3 x 4, stopped: one goes on", "ABC", {"1", "2", "D"}, 0, 0, 1, false},
        {"3 x 4, killed: all come", "ABC", {"4", "3", "D"}, 0, 1, 0, false},
        {"3 x 4, stopped: all come", "ABC", {"4", "3", "D"}, 0, 0, 1, false},
        {"3 x 4, two put", "AB", {"4", "C", "D"}, 0, 0, 0, false},
        {0},
    };

    (void)unused;
    stories_explore(stories, longer, story_begin);
}

/* Orders that are left out lead to no other end. */
static void what_is_left_out_makes_no_difference(void **unused)
{
    static const struct story stories[] = {
        {"two", "A", {"1", "B"}, 0, 0, 0, false},
        {"killed: one of two", "A", {"1", "1"}, 0, 1, 0, false},
        {"stopped: one of two", "A", {"1", "1"}, 0, 0, 1, false},
        {0},
    };

    (void)unused;
    stories_compare(stories, story_begin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_order_of_steps_makes_an_entry_late),
        cmocka_unit_test(a_killed_timekeeper_or_putter_makes_none_late),
        cmocka_unit_test(a_stopped_timekeeper_holds_no_other_up),
        cmocka_unit_test(of_three_with_four_items_none_is_late),
        cmocka_unit_test(what_is_left_out_makes_no_difference),
    };

    if (!atoms_can_explore()) {
        puts("SKIP: a sanitizer keeps parts of the stacks elsewhere");
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
