/* SPDX-License-Identifier: MIT */
/* test_budget.c - a turn's budget parks; it loses, reorders, starves nothing */
#include "test.h"

#include <errno.h>

#include "tests/sim/bed.h"
#include "tests/sim/note.h"

enum { BUDGET = 3, MANY = 10 };

static char buf[16];

static int setup(void **state)
{
    return bed_create(
        state, &(struct script_config){.turn_budget = BUDGET, .cq_entries = 8});
}

static void start_read(struct bed *bed, struct note *note)
{
    pirn_prep_read(&note->op, 0, buf, sizeof(buf), 0);
    note_start(bed->context, note);
}

/* Turns of 3, 3, 3 and 1, none of which sleeps before the last. */
static void assert_ten_in_four_turns(struct bed *bed)
{
    for (int left = MANY; left > 0; left -= BUDGET) {
        int expected = left < BUDGET ? left : BUDGET;

        assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER),
                         expected);
        assert_int_equal(script_sleep_count(bed->kernel), 0);
    }
}

static void parked_completions_survive_in_order(void **state)
{
    struct bed *bed = *state;
    struct note notes[MANY] = {0};

    for (int i = 0; i < MANY; i++) {
        start_read(bed, &notes[i]);
    }
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    for (int i = 0; i < MANY; i++) {
        script_complete(bed->kernel, &notes[i].op, i);
    }
    assert_ten_in_four_turns(bed);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(notes[i].calls, 1);
        assert_int_equal(notes[i].result, i);
        assert_true(i == 0 || notes[i - 1].place < notes[i].place);
    }
}

/* Starts one more when its own function is called. */
struct starter {
    struct pirn_op op;
    struct pirn_context *context;
    struct note *next;
};

static void starter_fn(struct pirn_op *op, int32_t result)
{
    struct starter *starter = pirn_container_of(op, struct starter, op);

    (void)result;
    note_start(starter->context, starter->next);
}

static void what_comes_during_a_turn_is_behind_what_is_parked(void **state)
{
    struct bed *bed = *state;
    struct note notes[MANY] = {0};
    struct note late = {0};
    struct starter starter = {.context = bed->context, .next = &late};

    pirn_prep_immediate(&late.op);
    pirn_prep_immediate(&starter.op);
    pirn_start(bed->context, &starter.op, starter_fn);
    for (int i = 0; i < MANY; i++) {
        pirn_prep_immediate(&notes[i].op);
        note_start(bed->context, &notes[i]);
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);
    for (int i = 0; i < MANY; i++) {
        assert_true(notes[i].place < late.place);
    }
}

static void parked_timers_survive_in_order(void **state)
{
    struct bed *bed = *state;
    struct note notes[MANY] = {0};

    for (uint32_t i = 0; i < MANY; i++) {
        pirn_prep_timer_at(&notes[i].op, SCRIPT_START_NS - i);
        note_start(bed->context, &notes[i]);
    }
    assert_ten_in_four_turns(bed);
    for (int i = 1; i < MANY; i++) {
        assert_true(notes[i].place < notes[i - 1].place);
    }
}

static void parked_posts_survive_in_order(void **state)
{
    struct bed *bed = *state;
    struct note notes[MANY] = {0};

    for (int i = 0; i < MANY; i++) {
        pirn_post(bed->context, &notes[i].op, note_fn);
    }
    assert_ten_in_four_turns(bed);
    for (int i = 1; i < MANY; i++) {
        assert_true(notes[i - 1].place < notes[i].place);
    }
}

static void parked_immediates_survive_in_order(void **state)
{
    struct bed *bed = *state;
    struct note notes[MANY] = {0};

    for (int i = 0; i < MANY; i++) {
        pirn_prep_immediate(&notes[i].op);
        note_start(bed->context, &notes[i]);
    }
    assert_ten_in_four_turns(bed);
    for (int i = 1; i < MANY; i++) {
        assert_true(notes[i - 1].place < notes[i].place);
    }
}

/* The eight that there is room for, and two that stay with the kernel. */
static void parked_deliveries_survive_in_order(void **state)
{
    struct bed *bed = *state;
    struct shot_note note = {0};

    pirn_prep_multishot_accept(&note.shot, 3);
    pirn_multishot_start(bed->context, &note.shot, shot_note_fn);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    for (int i = 0; i < MANY - 1; i++) {
        script_deliver(bed->kernel, &note.shot, i, PIRN_MORE);
    }
    script_deliver(bed->kernel, &note.shot, -EMFILE, PIRN_LAST);
    assert_ten_in_four_turns(bed);
    assert_int_equal(note.deliveries, MANY);
    assert_int_equal(note.lasts, 1);
    for (int i = 0; i < MANY - 1; i++) {
        assert_int_equal(note.results[i], i);
    }
    assert_int_equal(note.results[MANY - 1], -EMFILE);
    assert_true(pirn_multishot_is_idle(&note.shot));
}

/* Starts itself again for ever, in whatever way it was prepared. */
struct greedy {
    struct pirn_op op;
    struct pirn_context *context;
    bool enough;
    int calls;
};

static void greedy_fn(struct pirn_op *op, int32_t result)
{
    struct greedy *greedy = pirn_container_of(op, struct greedy, op);

    (void)result;
    greedy->calls++;
    if (!greedy->enough) {
        pirn_start(greedy->context, op, greedy_fn);
    }
}

static void greedy_sources_starve_nobody(void **state)
{
    struct bed *bed = *state;
    struct greedy timers[BUDGET] = {0};
    struct greedy immediates[BUDGET] = {0};
    struct note read = {0};
    struct note post = {0};

    start_read(bed, &read);
    for (int i = 0; i < BUDGET; i++) {
        timers[i].context = immediates[i].context = bed->context;
        pirn_prep_timer(&timers[i].op, 0);
        pirn_prep_immediate(&immediates[i].op);
        pirn_start(bed->context, &timers[i].op, greedy_fn);
        pirn_start(bed->context, &immediates[i].op, greedy_fn);
    }
    for (int turn = 1; turn <= 5; turn++) {
        assert_true(pirn_context_turn(bed->context, 0) >= 2 * BUDGET);
        assert_int_equal(timers[0].calls, turn);
        assert_int_equal(immediates[BUDGET - 1].calls, turn);
        if (turn == 2) {
            script_complete(bed->kernel, &read.op, 1);
            pirn_post(bed->context, &post.op, note_fn);
        }
        assert_int_equal(read.calls, turn > 2);
        assert_int_equal(post.calls, turn > 2);
    }
    for (int i = 0; i < BUDGET; i++) {
        timers[i].enough = immediates[i].enough = true;
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);
}

/* A cancelled op that is parked keeps the result it has. */
static void cancel_of_a_parked_completion_comes_too_late(void **state)
{
    struct bed *bed = *state;
    struct note notes[MANY] = {0};

    for (int i = 0; i < MANY; i++) {
        start_read(bed, &notes[i]);
    }
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    for (int i = 0; i < MANY; i++) {
        script_complete(bed->kernel, &notes[i].op, i);
    }
    assert_int_equal(pirn_context_turn(bed->context, 0), BUDGET);
    pirn_cancel(bed->context, &notes[MANY - 1].op);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    assert_int_equal(notes[MANY - 1].result, MANY - 1);
    assert_int_equal(script_cancel_count(bed->kernel), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_teardown)

TEST_MAIN(T(parked_completions_survive_in_order),
          T(what_comes_during_a_turn_is_behind_what_is_parked),
          T(parked_timers_survive_in_order), T(parked_posts_survive_in_order),
          T(parked_immediates_survive_in_order),
          T(parked_deliveries_survive_in_order),
          T(greedy_sources_starve_nobody),
          T(cancel_of_a_parked_completion_comes_too_late))
