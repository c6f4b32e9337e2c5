/* SPDX-License-Identifier: MIT */
/*
 * test_log_lane_steps.c - lanes, in every order of their steps
 *
 * Of a process's script a capital letter puts its next entry, a small one
 * takes; A and a are lane 0, B and b lane 1. Of each entry is noted how often
 * it was taken. A story's room is the cells of a block; where it repeats, the
 * entry of who is stopped is put again.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pirn/invariant.h>

#define PIRN__ATOM_STEPS
#include "spool/log/lane.c"
#include "tests/sim/stories.h"

enum { LANES = 2, BLOCKS = 6, WORDS_MOST = PIRN__BLOCK_HEAD_WORDS + 3 };
enum { ENTRIES = 4 }; /* of a process */
enum { LAST = ATOMS_PROCESSES - 1, STATES_MOST = 230000000 };

struct bed {
    uint64_t head[PIRN__LANES_HEAD_WORDS];
    uint64_t words[LANES * PIRN__LANE_WORDS];
    uint64_t blocks[BLOCKS * WORDS_MOST];
    struct pirn__hand hands[ATOMS_PROCESSES];
    /* What two may note at once are words of their own. */
    uint64_t put[ATOMS_PROCESSES];                    /* how many */
    uint64_t taken[ATOMS_PROCESSES][ENTRIES];         /* how often */
    uint8_t newest[ATOMS_PROCESSES][ATOMS_PROCESSES]; /* by whom, whose, + 1 */
    uint64_t full;                                    /* putters that failed */
};

static struct bed bed;
static struct pirn__lanes lanes;
static const char *const *scripts;
static uint32_t processes;
static uint32_t
    puts_by[ATOMS_PROCESSES]; /* of each in its script, and before */
static bool repeats;

static struct pirn__entry entry_of(uint32_t process, uint32_t index)
{
    return (struct pirn__entry){process * ENTRIES + index, (uint16_t)process};
}

static void note_taken(uint32_t self, struct pirn__entry entry)
{
    uint32_t whose = entry.slot / ENTRIES;
    uint32_t index = entry.slot % ENTRIES;

    if (whose >= ATOMS_PROCESSES || index >= puts_by[whose] ||
        entry.incarnation != whose) {
        atoms_fail("an entry was taken that nobody put");
        return;
    }
    bed.taken[whose][index]++;
    if (bed.newest[self][whose] > index && bed.newest[self][whose] < 0x80) {
        bed.newest[self][whose] |= 0x80; /* out of order, or a double */
    } else if (bed.newest[self][whose] < 0x80) {
        bed.newest[self][whose] = (uint8_t)(index + 1);
    }
}

static void act(uint32_t self, char what)
{
    struct pirn__hand *hand = &bed.hands[self];
    struct pirn__entry entry;

    if (what == 'A' || what == 'B') {
        entry = entry_of(self, (uint32_t)bed.put[self]);
        if (pirn__lane_put(&lanes, what - 'A', entry, hand) == 0) {
            bed.put[self]++;
        } else {
            bed.full++;
        }
    } else if (pirn__lane_take(&lanes, what - 'a', hand, &entry)) {
        (void)pirn__atom_load(&hand->put); /* killed here, he did nothing yet */
        note_taken(self, entry);
        pirn__hand_clear(hand);
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
            pirn__hand_recover(&lanes, &bed.hands[i], &bed.hands[self]) < 0) {
            atoms_fail("a hand could not be recovered");
        }
    }
}

static void repeat(void *memory, uint32_t self, uint32_t whom)
{
    (void)memory;
    for (uint32_t i = 0; i < ATOMS_PROCESSES; i++) {
        if ((whom >> i & 1) != 0 &&
            pirn__hand_repeat(&lanes, &bed.hands[i], &bed.hands[self]) < 0) {
            atoms_fail("a hand could not be repeated");
        }
    }
}

static void drain(void)
{
    const uint32_t self = LAST;
    struct pirn__entry entry;

    for (uint32_t lane = 0; lane < LANES; lane++) {
        while (pirn__lane_take(&lanes, lane, &bed.hands[self], &entry)) {
            note_taken(self, entry);
            pirn__hand_clear(&bed.hands[self]);
        }
    }
}

/* Empty lanes keep one block each, or none; the others are in the pool. */
static bool blocks_are_all_there(void)
{
    const uint32_t self = LAST;
    uint32_t want = lanes.block_count * cells_of(&lanes);
    uint32_t count = 0;

    for (uint32_t lane = 0; lane < LANES; lane++) {
        uint64_t head = lanes.lanes[lane * PIRN__LANE_WORDS + LANE_HEAD];
        uint64_t *block = block_of(&lanes, head);
        want -= block == NULL || lane == 1 ? 0 : cells_of(&lanes);
        if (lane == 1) {
            want -= block == NULL ? 0 : low_of(block[TAKEN]);
        }
    }
    while (pirn__lane_put(&lanes, 1, entry_of(7, 0), &bed.hands[self]) == 0) {
        count++;
    }
    return count == want;
}

/* Nobody may claim a block that a lane leads to. */
static bool ends_are_in_lanes(void)
{
    for (uint32_t i = 0; i < LANES * PIRN__LANE_WORDS; i++) {
        uint64_t *block = block_of(&lanes, lanes.lanes[i]);
        if (block != NULL && low_of(block[OWNER]) != IN_LANE) {
            return false;
        }
    }
    return true;
}

/* By who is stopped for ever: what he holds is put again if somebody repeats
 * it, and is there, in his hand, if nobody does. */
static bool is_held(uint32_t stopped, uint32_t slot)
{
    for (uint32_t i = 0; i < ATOMS_PROCESSES && !repeats; i++) {
        uint64_t put = bed.hands[i].put;
        if ((stopped >> i & 1) != 0 && put != 0 &&
            entry_unpack(put & ~HAND_PUT).slot == slot) {
            return true;
        }
    }
    return false;
}

/* @doubles: how often an entry may be taken once more. */
static const char *entries_look_wrong(uint32_t stopped, uint32_t doubles)
{
    uint32_t extra = 0;

    for (uint32_t i = 0; i < ATOMS_PROCESSES; i++) {
        for (uint32_t j = 0; j < bed.put[i]; j++) {
            if (bed.taken[i][j] == 0 && !is_held(stopped, i * ENTRIES + j)) {
                return "an entry was lost";
            }
            extra += bed.taken[i][j] > 1 ? (uint32_t)bed.taken[i][j] - 1 : 0;
        }
        for (uint32_t j = 0; j < ATOMS_PROCESSES && doubles == 0; j++) {
            if (bed.newest[i][j] >= 0x80) {
                return "entries of one putter came out of order";
            }
        }
    }
    if (bed.full > 0) {
        return "the pool was full";
    }
    return extra > doubles ? "an entry came twice and need not" : NULL;
}

static const char *hands_look_wrong(uint32_t killed, uint32_t stopped)
{
    for (uint32_t i = 0; i < ATOMS_PROCESSES; i++) {
        if ((stopped >> i & 1) != 0) {
            continue;
        }
        if (bed.hands[i].block != 0 && (killed >> i & 1) == 0) {
            return "a block was left in a hand";
        }
        if (bed.hands[i].put != 0) {
            return "an entry was left in a hand";
        }
    }
    return NULL;
}

static const char *check_up_to(uint32_t killed, uint32_t stopped,
                               uint32_t doubles)
{
    if (stopped >> processes != 0 && !repeats) {
        stopped |= killed; /* to whom he attended: another one would have to */
    }
    drain();
    const char *wrong = entries_look_wrong(stopped, doubles);
    if (wrong == NULL) {
        wrong = hands_look_wrong(killed, stopped);
    }
    if (wrong == NULL && !ends_are_in_lanes()) {
        wrong = "a block of a lane is somebody's, or free";
    }
    return wrong;
}

/* A kill costs one double; of who attends two: his hand has the entry, too. */
static uint32_t doubles_of(uint32_t killed)
{
    uint32_t attending = killed >> processes;

    return (uint32_t)__builtin_popcount(killed) +
           (uint32_t)__builtin_popcount(attending);
}

static const char *check(void *memory, uint32_t killed)
{
    (void)memory;
    const char *wrong =
        check_up_to(killed, 0, doubles_of(killed) + (repeats ? 1 : 0));
    return wrong == NULL && !blocks_are_all_there() ? "a block was lost"
                                                    : wrong;
}

/* He may have a block in his hand, which is nobody else's. */
static const char *check_without(void *memory, uint32_t killed,
                                 uint32_t stopped)
{
    (void)memory;
    return check_up_to(killed, stopped, doubles_of(killed) + (repeats ? 1 : 0));
}

static uint32_t puts_of(const char *script)
{
    uint32_t count = 0;

    for (; *script != '\0'; script++) {
        count += *script < 'a';
    }
    return count;
}

static void bed_begin(const struct story *story)
{
    bed = (struct bed){0};
    lanes = (struct pirn__lanes){
        .head = bed.head,
        .lanes = bed.words,
        .blocks = bed.blocks,
        .lane_count = LANES,
        .block_count = BLOCKS,
        .block_words = PIRN__BLOCK_HEAD_WORDS + story->room,
    };
    pirn__lanes_init(&lanes);
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
        .repeat = repeat,
        .check = check,
        .check_without = check_without,
        .states_max = STATES_MOST,
    };

    memset(puts_by, 0, sizeof(puts_by));
    puts_by[LAST] = puts_of(story->before);
    for (processes = 0; story->scripts[processes] != NULL; processes++) {
        puts_by[processes] = puts_of(story->scripts[processes]);
        assert_true(puts_by[processes] <= ENTRIES);
    }
    scripts = story->scripts;
    repeats = story->repeats;
    bed_begin(story);
    return plan;
}

static void every_entry_comes_once_and_in_order_where_nobody_dies(void **unused)
{
    static const struct story stories[] = {
        {"first entries", "", {"A", "A", "a"}, 2, 0, 0, false},
        {"two put, one takes", "A", {"A", "A", "aa"}, 2, 0, 0, false},
        {"two put two", "Aa", {"AA", "AA"}, 2, 0, 0, false},
        {"two take", "A", {"AA", "aa", "aa"}, 2, 0, 0, false},
        {"two take from full blocks", "AAAA", {"aa", "aa"}, 2, 0, 0, false},
        {"grown from, and another life", "A", {"A", "AaaAA"}, 1, 0, 0, false},
        {"linked, and another life", "AAaa", {"A", "AAaaA"}, 1, 0, 0, false},
        {"shrunk, and another life", "AA", {"a", "aaAa"}, 1, 0, 0, false},
        {0},
    };
    static const struct story longer[] = {
        {"2 x 2, four", "", {"AA", "AA", "aaaa"}, 2, 0, 0, false},
        {"2 x 2, four, 3 cells", "AA", {"AA", "AA", "aaaa"}, 3, 0, 0, false},
        {"both", "A", {"Aa", "Aa", "Aa"}, 2, 0, 0, false},
        {0},
    };

    (void)unused;
    stories_explore(stories, longer, story_begin);
}

static void a_kill_before_any_step_loses_neither_entry_nor_block(void **unused)
{
    static const struct story stories[] = {
        {"killed: first", "", {"A", "A"}, 2, 1, 0, false},
        {"killed: one each", "A", {"A", "A", "aa"}, 2, 1, 0, false},
        {"killed: two and two", "", {"AA", "aa"}, 2, 1, 0, false},
        {"killed: two lanes", "AA", {"aB", "aB"}, 2, 1, 0, false},
        {"killed: full blocks", "AAAA", {"aa", "aa"}, 2, 1, 0, false},
        {"killed: grow and shrink", "AA", {"A", "aaaA"}, 2, 1, 0, false},
        {"killed, and who attends", "A", {"A", "aa"}, 2, 2, 0, false},
        {0},
    };
    static const struct story longer[] = {
        {"killed: 2 x 2", "Aa", {"AA", "AA"}, 2, 1, 0, false},
        {"killed: both", "Aa", {"Aa", "Aa"}, 2, 2, 0, false},
        {"killed: all three", "AA", {"a", "A", "aa"}, 2, 1, 0, false},
        {0},
    };

    (void)unused;
    stories_explore(stories, longer, story_begin);
}

static void a_stop_before_any_step_holds_nobody_up(void **unused)
{
    static const struct story stories[] = {
        {"stopped: one each", "A", {"A", "A", "aa"}, 2, 0, 1, false},
        {"stopped: two and two", "", {"AA", "aa"}, 2, 0, 1, true},
        {"stopped: full blocks", "AAAA", {"aa", "aa"}, 2, 0, 1, true},
        {"stopped and killed", "A", {"A", "aa"}, 2, 1, 1, false},
        {0},
    };
    static const struct story longer[] = {
        {"stopped: 2 x 2, two", "A", {"AA", "AA", "aa"}, 2, 0, 1, false},
        {"stopped: 2 x 2", "Aa", {"AA", "AA"}, 2, 0, 1, true},
        {"stopped and killed: both", "Aa", {"Aa", "Aa"}, 2, 1, 1, false},
        {"stopped: grow and shrink", "AA", {"A", "aaaA"}, 2, 0, 1, true},
        {"stopped: two lanes", "AA", {"aB", "aB"}, 2, 0, 1, true},
        {0},
    };

    (void)unused;
    stories_explore(stories, longer, story_begin);
}

/* The promise, where three share a lane that has four entries in its life. */
static void of_three_with_four_entries_each_finds_all(void **unused)
{
    static const struct story stories[] = {
        {"3 x 4, none there", "", {"AA", "AA", "aa"}, 2, 0, 0, false},
        {"3 x 3, killed: none", "", {"A", "A", "a"}, 2, 1, 0, false},
        {"3 x 3, stopped: none", "", {"A", "A", "a"}, 2, 0, 1, true},
        {"3 x 4, killed: 3 there", "AAA", {"A", "a", "aaa"}, 2, 1, 0, false},
        {"3 x 4, killed: two take", "AAA", {"A", "aa", "aa"}, 2, 1, 0, false},
        {"3 x 4, stopped: 3 there", "AAA", {"A", "a", "aaa"}, 2, 0, 1, true},
        {"3 x 4, killed: all take", "AAAA", {"aa", "a", "a"}, 2, 1, 0, false},
        {"3 x 4, stopped: all take", "AAAA", {"aa", "a", "a"}, 2, 0, 1, true},
        {0},
    };
    static const struct story longer[] = {
        {"3 x 4, killed: all put", "A", {"A", "A", "A"}, 2, 1, 0, false},
        {"3 x 4, stopped: all put", "A", {"A", "A", "A"}, 2, 0, 1, true},
        {"3 x 4, both", "AAA", {"A", "a", "aaa"}, 2, 1, 1, false},
        {"3 x 4, killed twice", "AAA", {"A", "a", "aaa"}, 2, 2, 0, false},
        {"3 x 4, killed: two put", "AA", {"A", "A", "aaaa"}, 2, 1, 0, false},
        {"3 x 4, stopped: two put", "AA", {"A", "A", "aaaa"}, 2, 0, 1, true},
        {"3 x 4, killed: none", "", {"AA", "AA", "aa"}, 2, 1, 0, false},
        {"3 x 4, stopped: none", "", {"AA", "AA", "aa"}, 2, 0, 1, true},
        {0},
    };

    (void)unused;
    stories_explore(stories, longer, story_begin);
}

/* Orders that are left out lead to no other end. */
static void what_is_left_out_makes_no_difference(void **unused)
{
    static const struct story stories[] = {
        {"one puts, one takes", "A", {"A", "aa"}, 1, 0, 0, false},
        {"killed: one puts, one takes", "A", {"A", "aa"}, 2, 1, 0, false},
        {"stopped: one puts, one takes", "A", {"A", "aa"}, 2, 0, 1, true},
        {0},
    };

    (void)unused;
    stories_compare(stories, story_begin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_entry_comes_once_and_in_order_where_nobody_dies),
        cmocka_unit_test(a_kill_before_any_step_loses_neither_entry_nor_block),
        cmocka_unit_test(a_stop_before_any_step_holds_nobody_up),
        cmocka_unit_test(of_three_with_four_entries_each_finds_all),
        cmocka_unit_test(what_is_left_out_makes_no_difference),
    };

    if (!atoms_can_explore()) {
        puts("SKIP: a sanitizer keeps parts of the stacks elsewhere");
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
