/* SPDX-License-Identifier: MIT */
/*
 * test_failure.c - a context whose ring has failed
 *
 * What is loaned ends with the ring's error, new work is refused with the same,
 * and the context can be destroyed.
 */
#include "test.h"

#include <errno.h>

#include "tests/sim/bed.h"
#include "tests/sim/note.h"

static char buf[16];

static void start_read(struct bed *bed, struct note *note)
{
    pirn_prep_read(&note->op, 0, buf, sizeof(buf), 0);
    note_start(bed->context, note);
}

static void break_ring(struct bed *bed)
{
    script_fail(bed->kernel, -ENXIO);
}

static void what_is_loaned_ends_with_the_rings_error(void **state)
{
    struct bed *bed = *state;
    struct note inflight = {0};
    struct note cancelling = {0};
    struct note queued = {0};
    struct note timer = {0};

    start_read(bed, &inflight);
    start_read(bed, &cancelling);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_set_room(bed->kernel, 0);
    pirn_cancel(bed->context, &cancelling.op);
    start_read(bed, &queued);
    pirn_prep_timer(&timer.op, 1000000);
    note_start(bed->context, &timer);

    break_ring(bed);
    assert_int_equal(pirn_context_turn(bed->context, 0), 4);
    assert_int_equal(inflight.result, -ENXIO);
    assert_int_equal(cancelling.result, -ENXIO);
    assert_int_equal(queued.result, -ENXIO);
    assert_int_equal(timer.result, -ENXIO);
    assert_int_equal(pirn_context_loaned(bed->context), 0);
    assert_int_equal(pirn_context_turn(bed->context, 0), -ENXIO);
}

static void new_work_is_refused_with_the_same(void **state)
{
    struct bed *bed = *state;
    struct note read = {0};
    struct note timer = {0};
    struct note immediate = {0};

    break_ring(bed);
    assert_int_equal(pirn_context_turn(bed->context, 0), -ENXIO);
    start_read(bed, &read);
    pirn_prep_timer(&timer.op, 1000000);
    note_start(bed->context, &timer);
    pirn_prep_immediate(&immediate.op);
    note_start(bed->context, &immediate);
    assert_int_equal(read.calls, 0);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 3);
    assert_int_equal(read.result, -ENXIO);
    assert_int_equal(timer.result, -ENXIO);
    assert_int_equal(immediate.result, 0);
    assert_int_equal(script_inflight_count(bed->kernel), 0);
}

static void run_wait_and_drain_return_the_error(void **state)
{
    struct bed *bed = *state;
    struct note read = {0};
    struct note task = {0};
    struct pirn_op op = {0};

    start_read(bed, &read);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    break_ring(bed);
    assert_int_equal(pirn_context_run(bed->context), -ENXIO);
    assert_int_equal(read.result, -ENXIO);

    pirn_prep_nop(&op);
    assert_int_equal(pirn_wait(bed->context, &op), -ENXIO);
    assert_true(pirn_op_is_idle(&op));
    pirn_prep_task(&task.op, NULL);
    note_start(bed->context, &task);
    assert_int_equal(pirn_context_drain(bed->context), -ENXIO);
    pirn_task_finish(bed->context, &task.op, 0); /* its owner still can */
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
}

static void ops_waited_for_when_it_fails_are_idle(void **state)
{
    struct bed *bed = *state;
    struct pirn_op op = {0};

    break_ring(bed);
    pirn_prep_timer(&op, 1000);
    assert_int_equal(pirn_wait(bed->context, &op), -ENXIO);
    assert_true(pirn_op_is_idle(&op));
}

static void posts_still_arrive(void **state)
{
    struct bed *bed = *state;
    struct note post = {0};

    break_ring(bed);
    assert_int_equal(pirn_context_turn(bed->context, 0), -ENXIO);
    pirn_post(bed->context, &post.op, note_fn);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    assert_int_equal(post.calls, 1);
}

static void multishot_ends_with_the_error(void **state)
{
    struct bed *bed = *state;
    struct shot_note note = {0};

    pirn_prep_multishot_accept(&note.shot, 3);
    pirn_multishot_start(bed->context, &note.shot, shot_note_fn);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    break_ring(bed);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(note.lasts, 1);
    assert_int_equal(note.results[0], -ENXIO);
    assert_true(pirn_multishot_is_idle(&note.shot));
}

static int setup_narrow(void **state)
{
    return bed_create(state, &(struct script_config){.turn_budget = 1});
}

/* A descriptor that was delivered is not dropped. */
static void parked_deliveries_come_before_the_end(void **state)
{
    struct bed *bed = *state;
    struct shot_note note = {0};

    pirn_prep_multishot_accept(&note.shot, 3);
    pirn_multishot_start(bed->context, &note.shot, shot_note_fn);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    for (int i = 0; i < 3; i++) {
        script_deliver(bed->kernel, &note.shot, 10 + i, PIRN_MORE);
    }
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    break_ring(bed);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(note.lasts, 0);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(note.deliveries, 3);
    assert_int_equal(note.lasts, 1);
    assert_int_equal(note.results[2], 12);
}

static void chain_stops_and_cleans_up_as_far_as_it_can(void **state)
{
    struct bed *bed = *state;
    struct pirn_op steps[3] = {0};
    struct pirn_op *const order[3] = {&steps[0], &steps[1], &steps[2]};
    struct pirn_chain chain = {0};

    for (int i = 0; i < 3; i++) {
        pirn_prep_nop(&steps[i]);
    }
    pirn_step_when(&steps[2], PIRN_STEP_ALWAYS);
    pirn_prep_chain(&chain, order, 3);
    script_fail(bed->kernel, -ENXIO);
    assert_int_equal(pirn_wait(bed->context, &chain.op), -ENXIO);
    assert_int_equal(pirn_chain_failed(&chain), 0);
    assert_int_equal(pirn_op_result(&steps[1]), -ECANCELED);
    assert_int_equal(pirn_op_result(&steps[2]), -ENXIO);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(what_is_loaned_ends_with_the_rings_error),
          T(new_work_is_refused_with_the_same),
          T(run_wait_and_drain_return_the_error),
          T(ops_waited_for_when_it_fails_are_idle), T(posts_still_arrive),
          T(multishot_ends_with_the_error),
          cmocka_unit_test_setup_teardown(parked_deliveries_come_before_the_end,
                                          setup_narrow, bed_teardown),
          T(chain_stops_and_cleans_up_as_far_as_it_can))
