/* SPDX-License-Identifier: MIT */
/* test_task.c - an op that its owner finishes: sentences of pirn/task.h */
#include "test.h"

#include <errno.h>

#include "tests/sim/bed.h"
#include "tests/sim/note.h"

/* How often the verbs were called, since the test began. */
static int begun;
static int asked;

static void count_begin(struct pirn_context *context, struct pirn_op *op)
{
    (void)context;
    (void)op;
    begun++;
}

static void count_cancel(struct pirn_context *context, struct pirn_op *op)
{
    (void)context;
    (void)op;
    asked++;
}

static const struct pirn_task_verbs counting = {
    .begin = count_begin,
    .cancel = count_cancel,
};

static void finish_begin(struct pirn_context *context, struct pirn_op *op)
{
    pirn_task_finish(context, op, 11);
}

static void finish_cancel(struct pirn_context *context, struct pirn_op *op)
{
    pirn_task_finish(context, op, -ECANCELED);
}

static const struct pirn_task_verbs hasty = {.begin = finish_begin};
static const struct pirn_task_verbs docile = {
    .begin = count_begin,
    .cancel = finish_cancel,
};
static const struct pirn_task_verbs stubborn = {.begin = count_begin};

static int setup(void **state)
{
    begun = asked = 0;
    return bed_setup(state);
}

static void task_begins_inside_the_start_and_ends_in_a_turn(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    pirn_prep_task(&note.op, &counting);
    note_start(bed->context, &note);
    assert_int_equal(begun, 1);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    pirn_task_finish(bed->context, &note.op, 5);
    assert_int_equal(note.calls, 0);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
    assert_int_equal(note.result, 5);
}

static void task_may_finish_in_its_begin(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    pirn_prep_task(&note.op, &hasty);
    note_start(bed->context, &note);
    assert_int_equal(note.calls, 0);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
    assert_int_equal(note.result, 11);
}

static void task_without_verbs_waits_to_be_finished(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    pirn_prep_task(&note.op, NULL);
    note_start(bed->context, &note);
    pirn_cancel(bed->context, &note.op);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    pirn_task_finish(bed->context, &note.op, 3);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(note.result, 3);
}

static void task_is_asked_at_most_once_per_loan(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    pirn_prep_task(&note.op, &counting);
    for (int loan = 1; loan <= 2; loan++) {
        note_start(bed->context, &note);
        assert_false(pirn_task_is_cancelled(&note.op));
        pirn_cancel(bed->context, &note.op);
        pirn_cancel(bed->context, &note.op);
        assert_int_equal(asked, loan);
        assert_true(pirn_task_is_cancelled(&note.op));
        pirn_task_finish(bed->context, &note.op, 0);
        pirn_cancel(bed->context, &note.op); /* too late */
        assert_int_equal(asked, loan);
        assert_int_equal(pirn_context_turn(bed->context, 0), 1);
        assert_int_equal(note.result, 0);
    }
}

static void task_may_finish_in_its_cancel(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    pirn_prep_task(&note.op, &docile);
    note_start(bed->context, &note);
    pirn_cancel(bed->context, &note.op);
    assert_int_equal(note.calls, 0);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
    assert_int_equal(note.result, -ECANCELED);
}

static void task_that_cannot_be_cancelled_ends_when_it_ends(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    pirn_prep_task(&note.op, &stubborn);
    note_start(bed->context, &note);
    pirn_cancel(bed->context, &note.op);
    assert_true(pirn_task_is_cancelled(&note.op));
    pirn_task_finish(bed->context, &note.op, 8);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(note.result, 8);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_teardown)

TEST_MAIN(T(task_begins_inside_the_start_and_ends_in_a_turn),
          T(task_may_finish_in_its_begin),
          T(task_without_verbs_waits_to_be_finished),
          T(task_is_asked_at_most_once_per_loan),
          T(task_may_finish_in_its_cancel),
          T(task_that_cannot_be_cancelled_ends_when_it_ends))
