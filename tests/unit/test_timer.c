/* SPDX-License-Identifier: MIT */
/* test_timer.c - sentences of pirn/timer.h, with time in hand */
#include "test.h"

#include <errno.h>

#include "tests/sim/bed.h"
#include "tests/sim/note.h"

enum { MS = 1000000 };

static void start_timer(struct bed *bed, struct note *note, uint64_t after_ns)
{
    pirn_prep_timer(&note->op, after_ns);
    note_start(bed->context, note);
}

static void timer_is_never_early(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    start_timer(bed, &note, 10 * MS);
    script_pass(bed->kernel, 10 * MS - 1);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_pass(bed->kernel, 1);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(note.result, 0);
}

static void span_counts_from_the_start_and_not_from_the_last_turn(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    script_pass(bed->kernel, 7 * MS); /* the context has not looked since */
    start_timer(bed, &note, 10 * MS);
    script_pass(bed->kernel, 10 * MS - 1);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_pass(bed->kernel, 1);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
}

static void wait_is_bounded_by_the_nearest_deadline(void **state)
{
    struct bed *bed = *state;
    struct note notes[3] = {0};

    start_timer(bed, &notes[0], 30 * MS);
    start_timer(bed, &notes[1], 10 * MS);
    start_timer(bed, &notes[2], 20 * MS);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
    assert_int_equal(script_timeout_ns(bed->kernel), 10 * MS);
    assert_int_equal(notes[1].calls, 1);

    assert_int_equal(pirn_context_turn(bed->context, 5 * MS), 0);
    assert_int_equal(script_timeout_ns(bed->kernel), 5 * MS);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
    assert_int_equal(script_timeout_ns(bed->kernel), 5 * MS);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
    assert_int_equal(script_timeout_ns(bed->kernel), 10 * MS);
    assert_int_equal(script_sleep_count(bed->kernel), 4);
}

static void deadline_in_the_past_is_the_next_turn(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    pirn_prep_timer_at(&note.op, 1);
    note_start(bed->context, &note);
    assert_int_equal(note.calls, 0);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
    assert_int_equal(script_sleep_count(bed->kernel), 0);
}

static void timers_end_in_the_order_of_their_deadlines(void **state)
{
    struct bed *bed = *state;
    struct note notes[4] = {0};
    const uint64_t at_ns[4] = {40, 20, 30, 20};

    for (int i = 0; i < 4; i++) {
        pirn_prep_timer_at(&notes[i].op, SCRIPT_START_NS + at_ns[i]);
        note_start(bed->context, &notes[i]);
    }
    script_pass(bed->kernel, 50);
    assert_int_equal(pirn_context_turn(bed->context, 0), 4);
    assert_true(notes[1].place < notes[3].place); /* equal: the first first */
    assert_true(notes[3].place < notes[2].place);
    assert_true(notes[2].place < notes[0].place);
}

/* A periodic timer; with a span of 0 a greedy one. */
struct periodic {
    struct pirn_op op;
    struct pirn_context *context;
    int calls;
    int limit;
};

static void periodic_fn(struct pirn_op *op, int32_t result)
{
    struct periodic *periodic = pirn_container_of(op, struct periodic, op);

    (void)result;
    if (++periodic->calls < periodic->limit) {
        pirn_start(periodic->context, op, periodic_fn);
    }
}

static void restarted_timer_never_runs_twice_in_a_turn(void **state)
{
    struct bed *bed = *state;
    struct periodic greedy = {.context = bed->context, .limit = 5};

    pirn_prep_timer(&greedy.op, 0);
    pirn_start(bed->context, &greedy.op, periodic_fn);
    for (int i = 1; i <= 5; i++) {
        script_pass(bed->kernel, MS);
        assert_int_equal(pirn_context_turn(bed->context, 0), 1);
        assert_int_equal(greedy.calls, i);
    }
}

static void restarted_timer_counts_anew(void **state)
{
    struct bed *bed = *state;
    struct periodic tick = {.context = bed->context, .limit = 3};

    pirn_prep_timer(&tick.op, 10 * MS);
    pirn_start(bed->context, &tick.op, periodic_fn);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
        assert_int_equal(pirn_context_now_ns(bed->context),
                         SCRIPT_START_NS + (uint64_t)i * 10 * MS);
    }
}

static void cancelled_timer_ends_in_ecanceled(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    start_timer(bed, &note, 10 * MS);
    pirn_cancel(bed->context, &note.op);
    pirn_cancel(bed->context, &note.op);
    assert_int_equal(note.calls, 0);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
    assert_int_equal(note.result, -ECANCELED);
    assert_int_equal(script_sleep_count(bed->kernel), 0);
    assert_int_equal(script_cancel_count(bed->kernel), 0);
}

/* Cancels another op when its own time has come. */
struct assassin {
    struct pirn_op op;
    struct pirn_context *context;
    struct pirn_op *victim;
};

static void assassin_fn(struct pirn_op *op, int32_t result)
{
    struct assassin *assassin = pirn_container_of(op, struct assassin, op);

    (void)result;
    pirn_cancel(assassin->context, assassin->victim);
}

static void cancelled_timer_that_was_due_ends_in_ecanceled(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};
    struct assassin assassin = {.context = bed->context, .victim = &note.op};

    pirn_prep_timer(&assassin.op, MS);
    pirn_start(bed->context, &assassin.op, assassin_fn);
    start_timer(bed, &note, MS);
    script_pass(bed->kernel, MS);
    assert_int_equal(pirn_context_turn(bed->context, 0), 2);
    assert_int_equal(note.calls, 1);
    assert_int_equal(note.result, -ECANCELED);
}

static void timer_that_never_comes_bounds_nothing(void **state)
{
    struct bed *bed = *state;
    struct note never = {0};
    struct note soon = {0};

    start_timer(bed, &never, PIRN_FOREVER);
    start_timer(bed, &soon, MS);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
    assert_int_equal(soon.calls, 1);
    pirn_cancel(bed->context, &never.op);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
}

static void timer_costs_no_submission(void **state)
{
    struct bed *bed = *state;
    struct note notes[100] = {0};

    for (uint32_t i = 0; i < 100; i++) {
        start_timer(bed, &notes[i], i + 1);
    }
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_int_equal(script_inflight_count(bed->kernel), 0);
    script_pass(bed->kernel, 100);
    assert_int_equal(pirn_context_turn(bed->context, 0), 100);
}

enum { MANY = 10000 };

/* @notes in the order in which they ended. */
static int by_place(const void *a, const void *b)
{
    const struct note *one = a;
    const struct note *other = b;

    return one->place < other->place ? -1 : one->place > other->place;
}

static void ten_thousand_end_exactly_in_order(void **state)
{
    struct bed *bed = *state;
    struct note *notes = calloc(MANY, sizeof(*notes));
    uint32_t seed = 0x7069726e;
    int cancelled = 0;

    print_message("seed 0x%x\n", seed);
    for (uint32_t i = 0; i < MANY; i++) {
        seed = seed * 1664525u + 1013904223u;
        start_timer(bed, &notes[i], 1 + (seed >> 8) % (MANY / 4));
        if ((seed >> 4) % 5 == 0) {
            pirn_cancel(bed->context, &notes[i].op);
            cancelled++;
        }
    }
    assert_int_equal(pirn_context_drain(bed->context), 0);

    qsort(notes, MANY, sizeof(*notes), by_place);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(notes[i].calls, 1);
        cancelled -= notes[i].result == -ECANCELED;
        if (i > 0 && notes[i].result == 0 && notes[i - 1].result == 0) {
            assert_true(notes[i - 1].op.priv.offset <= notes[i].op.priv.offset);
        }
    }
    assert_int_equal(cancelled, 0);
    free(notes);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(timer_is_never_early),
          T(span_counts_from_the_start_and_not_from_the_last_turn),
          T(wait_is_bounded_by_the_nearest_deadline),
          T(deadline_in_the_past_is_the_next_turn),
          T(timers_end_in_the_order_of_their_deadlines),
          T(restarted_timer_never_runs_twice_in_a_turn),
          T(restarted_timer_counts_anew), T(cancelled_timer_ends_in_ecanceled),
          T(cancelled_timer_that_was_due_ends_in_ecanceled),
          T(timer_that_never_comes_bounds_nothing),
          T(timer_costs_no_submission), T(ten_thousand_end_exactly_in_order))
