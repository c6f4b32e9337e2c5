/* SPDX-License-Identifier: MIT */
/*
 * test_atoms.c - the explorer of atomic steps by itself
 *
 *   PIRN_SEED=N ...  programs from this seed on
 *   PIRN_LONG=1 ...  a hundred times as many
 *
 * Small programs of random instructions are explored with every order and with
 * those that are left out: the ends are the same. A program's instruction is a
 * letter and a word; each process has one register.
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PIRN__ATOM_STEPS
#include "spool/log/atom.h"
#include "tests/sim/atoms.h"

enum { WORDS = 3, LENGTH = 5, PROCESSES = 3, PROGRAMS = 150, LONG = 100 };

struct instruction {
    char what;
    uint32_t word;
};

struct bed {
    uint64_t words[WORDS];
    uint64_t notes[WORDS];              /* plain */
    uint64_t hands[ATOMS_PROCESSES][2]; /* how far; what was last read */
    uint64_t read[ATOMS_PROCESSES];     /* in the end */
};

static struct bed bed;
static struct instruction programs[PROCESSES][LENGTH];
static uint32_t length;

static uint64_t step(uint64_t *word, char what, uint64_t value)
{
    switch (what) {
    case 'l':
        return pirn__atom_load(word);
    case 's':
        pirn__atom_store(word, value + 1);
        return value;
    case 'a':
        return pirn__atom_add(word, 1);
    case 'o':
        return pirn__atom_set(word, UINT64_C(1) << (value & 3));
    default:
        return pirn__atom_swap(word, value, value + 2);
    }
}

/* A note belongs to the step before it. */
static uint64_t note(uint32_t at, char what, uint64_t value)
{
    atoms_touch(&bed.notes[at]);
    if (what == 'n') {
        bed.notes[at] = value + 1;
        return value;
    }
    return bed.notes[at];
}

static void program_run(uint32_t self, const struct instruction *program)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < length; i++) {
        char what = program[i].what;
        uint32_t at = program[i].word;
        if (what == 'n' || what == 'r') {
            value = note(at, what, value);
        } else if (what == 'h') {
            pirn__atom_store(&bed.hands[self][1], value);
        } else if (what != '?' || (value & 1) == 0) {
            value = step(&bed.words[at], what == '?' ? 'a' : what, value);
        }
        pirn__atom_store(&bed.hands[self][0], i + 1);
    }
    bed.read[self] = value + 1;
}

static void run(void *memory, uint32_t self)
{
    (void)memory;
    program_run(self, programs[self]);
}

/* What he was about is done in another way. */
static void attend(void *memory, uint32_t self, uint32_t whom)
{
    (void)memory;
    for (uint32_t i = 0; i < ATOMS_PROCESSES; i++) {
        if ((whom >> i & 1) != 0) {
            uint64_t value = pirn__atom_load(&bed.hands[i][0]);
            value += pirn__atom_load(&bed.hands[i][1]);
            bed.read[self] = step(&bed.words[value % WORDS], 'a', 0) + 1;
            pirn__atom_store(&bed.hands[i][0], 0);
        }
    }
}

static const char *check(void *memory, uint32_t killed)
{
    (void)memory;
    (void)killed;
    return NULL;
}

static struct atoms_result explore(struct atoms_plan plan, bool whole)
{
    plan.memory = &bed;
    plan.memory_bytes = sizeof(bed);
    plan.hands = bed.hands;
    plan.hand_bytes = sizeof(bed.hands[0]);
    plan.run = plan.run != NULL ? plan.run : run;
    plan.attend = attend;
    plan.check = plan.check != NULL ? plan.check : check;
    plan.whole = whole;
    return atoms_explore(&plan);
}

static uint32_t next_random(uint64_t *seed, uint32_t below)
{
    *seed =
        *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % below;
}

static void programs_make(uint64_t seed)
{
    static const char all[] = "lllssaocc?nrh";

    for (uint32_t i = 0; i < PROCESSES; i++) {
        for (uint32_t j = 0; j < LENGTH; j++) {
            programs[i][j].what = all[next_random(&seed, sizeof(all) - 1)];
            programs[i][j].word = next_random(&seed, WORDS);
        }
    }
}

static void no_end_is_left_out(void **unused)
{
    const char *given = getenv("PIRN_SEED");
    uint64_t seed = given != NULL ? strtoull(given, NULL, 10) : 1;
    uint64_t states[2] = {0};

    (void)unused;
    uint64_t count = PROGRAMS * (getenv("PIRN_LONG") != NULL ? LONG : 1);
    for (uint64_t end = seed + count; seed < end; seed++) {
        char name[40];
        snprintf(name, sizeof(name), "program %llu", (unsigned long long)seed);
        struct atoms_plan plan = {
            .name = name,
            .process_count = 2 + seed % 2,
            .kills = seed / 2 % 3 == 1,
            .stops = seed / 2 % 3 == 2,
            .repeat = seed / 6 % 2 != 0 ? attend : NULL,
        };
        length = seed % 2 == 0 ? LENGTH : LENGTH - 2;
        programs_make(seed);
        bed = (struct bed){0};
        struct atoms_result whole = explore(plan, true);
        struct atoms_result result = explore(plan, false);
        assert_null(whole.wrong);
        assert_null(result.wrong);
        assert_true(whole.complete && result.complete);
        assert_int_equal(result.ends, whole.ends);
        assert_true(result.ends_sum == whole.ends_sum);
        states[0] += whole.states;
        states[1] += result.states;
    }
    assert_true(states[1] * 3 < states[0]);
}

/* ---- what is wrong is found ---- */

static void run_lost(void *memory, uint32_t self)
{
    (void)memory;
    (void)self;
    uint64_t was = pirn__atom_load(&bed.words[0]);
    pirn__atom_store(&bed.words[0], was + 1);
}

static const char *check_sum(void *memory, uint32_t killed)
{
    (void)memory;
    (void)killed;
    return bed.words[0] == 3 ? NULL : "an update was lost";
}

static void run_loop(void *memory, uint32_t self)
{
    (void)memory;
    uint64_t other = (self + 1) % 2;
    while (!pirn__atom_swap(&bed.words[0], self, other)) {
    }
    while (!pirn__atom_swap(&bed.words[0], self, other)) {
    }
    while (pirn__atom_load(&bed.words[1]) == 0) {
    }
}

static void run_look(void *memory, uint32_t self)
{
    (void)memory;
    (void)pirn__atom_load(&bed.hands[0][0]);
    pirn__atom_store(&bed.hands[self][0], 1);
}

static void what_is_wrong_in_one_order_is_found(void **unused)
{
    static const struct {
        void (*run)(void *memory, uint32_t self);
        const char *(*check)(void *memory, uint32_t killed);
        uint32_t count;
        const char *wrong;
    } cases[] = {
        {run_lost, check_sum, 3, "an update was lost"},
        {run_loop, check, 2, "processes loop, and none gets anywhere"},
        {run_look, check, 2, "one looks into the hand of another"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bed = (struct bed){0};
        struct atoms_result result =
            explore((struct atoms_plan){.name = cases[i].wrong,
                                        .process_count = cases[i].count,
                                        .run = cases[i].run,
                                        .check = cases[i].check},
                    false);
        assert_non_null(result.wrong);
        assert_string_equal(result.wrong, cases[i].wrong);
    }
}

/* More than it may: then it says so, and nothing is taken for proven. */
static void a_bound_on_states_is_told(void **unused)
{
    (void)unused;
    bed = (struct bed){0};
    struct atoms_result result = explore((struct atoms_plan){.name = "a bound",
                                                             .process_count = 3,
                                                             .states_max = 10,
                                                             .run = run_lost},
                                         true);
    assert_null(result.wrong);
    assert_false(result.complete);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_end_is_left_out),
        cmocka_unit_test(what_is_wrong_in_one_order_is_found),
        cmocka_unit_test(a_bound_on_states_is_told),
    };

    if (!atoms_can_explore()) {
        puts("SKIP: a sanitizer keeps parts of the stacks elsewhere");
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
