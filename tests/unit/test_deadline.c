/* SPDX-License-Identifier: MIT */
/* test_deadline.c - deadlines and periods of pirn/timer.h, with time in hand */
#include "test.h"

#include <errno.h>

#include "tests/sim/bed.h"
#include "tests/sim/note.h"

enum { MS = 1000000 };

static char byte;

static void start_read(struct bed *bed, struct note *note)
{
    pirn_prep_read(&note->op, 0, &byte, 1, 0);
    note_start(bed->context, note);
}

static void start_deadline(struct bed *bed, struct note *deadline,
                           struct note *target, uint64_t after_ns)
{
    pirn_prep_deadline(&deadline->op, &target->op, SCRIPT_START_NS + after_ns);
    note_start(bed->context, deadline);
}

static void turn(struct bed *bed)
{
    assert_true(pirn_context_turn(bed->context, 0) >= 0);
}

static void deadline_cancels_what_is_late(void **state)
{
    struct bed *bed = *state;
    struct note read = {0};
    struct note deadline = {0};

    start_read(bed, &read);
    start_deadline(bed, &deadline, &read, 10 * MS);
    turn(bed);
    assert_int_equal(read.calls, 0);

    script_pass(bed->kernel, 10 * MS);
    turn(bed);
    turn(bed);
    assert_int_equal(deadline.result, 0);
    assert_int_equal(read.calls, 1);
    assert_int_equal(read.result, -ECANCELED);
}

static void deadline_of_a_task_asks_its_owner(void **state)
{
    struct bed *bed = *state;
    struct note task = {0};
    struct note deadline = {0};

    pirn_prep_task(&task.op, NULL);
    note_start(bed->context, &task);
    start_deadline(bed, &deadline, &task, 10 * MS);
    script_pass(bed->kernel, 10 * MS);
    turn(bed);
    assert_true(pirn_task_is_cancelled(&task.op));
    assert_int_equal(task.calls, 0);
    pirn_task_finish(bed->context, &task.op, 3);
    turn(bed);
    assert_int_equal(task.result, 3);
}

static void result_in_time_is_the_result(void **state)
{
    struct bed *bed = *state;
    struct note read = {0};
    struct note deadline = {0};

    start_read(bed, &read);
    start_deadline(bed, &deadline, &read, 10 * MS);
    turn(bed);
    script_complete(bed->kernel, &read.op, 1);
    script_pass(bed->kernel, 10 * MS); /* both in one turn */
    turn(bed);
    assert_int_equal(read.result, 1);
    assert_int_equal(script_cancel_count(bed->kernel), 0);
}

static void cancelled_deadline_cancels_nothing(void **state)
{
    struct bed *bed = *state;
    struct note read = {0};
    struct note deadline = {0};

    start_read(bed, &read);
    start_deadline(bed, &deadline, &read, 10 * MS);
    pirn_cancel(bed->context, &deadline.op);
    turn(bed);
    script_pass(bed->kernel, 20 * MS);
    turn(bed);
    assert_int_equal(deadline.result, -ECANCELED);
    assert_int_equal(read.calls, 0);
    script_complete(bed->kernel, &read.op, 1);
    turn(bed);
}

static void start_period(struct bed *bed, struct shot_note *note)
{
    pirn_prep_multishot_timer(&note->shot, 10 * MS);
    pirn_multishot_start(bed->context, &note->shot, shot_note_fn);
}

static void period_delivers_again_and_again(void **state)
{
    struct bed *bed = *state;
    struct shot_note note = {0};

    start_period(bed, &note);
    for (int i = 1; i <= 5; i++) {
        script_pass(bed->kernel, 10 * MS - 1);
        turn(bed);
        assert_int_equal(note.deliveries, i - 1);
        script_pass(bed->kernel, 1);
        turn(bed);
        assert_int_equal(note.deliveries, i);
        assert_int_equal(note.results[i - 1], 1);
    }
    pirn_multishot_cancel(bed->context, &note.shot);
    turn(bed);
    assert_int_equal(note.lasts, 1);
    assert_int_equal(note.results[5], -ECANCELED);
}

static void periods_that_passed_unseen_are_counted_and_do_not_drift(
    void **state)
{
    struct bed *bed = *state;
    struct shot_note note = {0};

    start_period(bed, &note);
    script_pass(bed->kernel, 35 * MS);
    turn(bed);
    assert_int_equal(note.deliveries, 1);
    assert_int_equal(note.results[0], 3);
    script_pass(bed->kernel, 5 * MS); /* 40: the fourth */
    turn(bed);
    assert_int_equal(note.deliveries, 2);
    assert_int_equal(note.results[1], 1);
    pirn_multishot_cancel(bed->context, &note.shot);
    turn(bed);
    assert_int_equal(note.lasts, 1);
}

static struct pirn_context *ending;

static void end_period(struct pirn_op *op, int32_t result)
{
    struct shot_note *note = pirn_container_of(op, struct shot_note, ender);

    (void)result;
    pirn_multishot_cancel(ending, &note->shot);
    pirn_multishot_cancel(ending, &note->shot); /* twice is once */
}

static void delivery_on_its_way_when_it_is_cancelled_is_the_last(void **state)
{
    struct bed *bed = *state;
    struct shot_note note = {0};

    ending = bed->context;
    start_period(bed, &note);
    pirn_prep_timer(&note.ender, 10 * MS); /* called before deliveries are */
    pirn_start(bed->context, &note.ender, end_period);
    script_pass(bed->kernel, 10 * MS);
    turn(bed);
    turn(bed);
    assert_int_equal(note.deliveries, 1);
    assert_int_equal(note.lasts, 1);
    assert_int_equal(note.results[0], 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(deadline_cancels_what_is_late),
          T(deadline_of_a_task_asks_its_owner), T(result_in_time_is_the_result),
          T(cancelled_deadline_cancels_nothing),
          T(period_delivers_again_and_again),
          T(periods_that_passed_unseen_are_counted_and_do_not_drift),
          T(delivery_on_its_way_when_it_is_cancelled_is_the_last))
