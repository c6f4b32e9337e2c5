/* SPDX-License-Identifier: MIT */
/*
 * test_chain_cancel.c - a chain, or one of its steps, is asked to end early
 *
 * As test_chain.c, stepped and linked.
 */
#include "test.h"

#include <errno.h>

#include "tests/sim/bed.h"
#include "tests/sim/note.h"

/* Two writes, an fsync, a rename and an ALWAYS close: linked, the first three
 * go together. */
enum { FIRST, SECOND, FSYNC, RENAME, CLOSE, STEPS };

struct rig {
    struct bed *bed;
    struct pirn_chain chain;
    struct pirn_op steps[STEPS];
    struct pirn_op *order[STEPS];
    int calls;
    int32_t result;
};

static char data[100];

static void ended(struct pirn_op *op, int32_t result)
{
    struct rig *rig = pirn_container_of(op, struct rig, chain.op);

    rig->calls++;
    rig->result = result;
}

static void start(struct rig *rig, void **state)
{
    *rig = (struct rig){.bed = *state};
    pirn_prep_write(&rig->steps[FIRST], 3, data, sizeof(data), 0);
    pirn_prep_write(&rig->steps[SECOND], 3, data, sizeof(data), 100);
    pirn_prep_fsync(&rig->steps[FSYNC], 3, PIRN_SYNC_ALL);
    pirn_prep_rename(&rig->steps[RENAME], 4, "tmp", 4, "name", 0);
    pirn_prep_close(&rig->steps[CLOSE], 3);
    pirn_step_when(&rig->steps[CLOSE], PIRN_STEP_ALWAYS);
    for (int i = 0; i < STEPS; i++) {
        rig->order[i] = &rig->steps[i];
    }
    pirn_chain_start(rig->bed->context, &rig->chain, rig->order, STEPS, ended);
}

static void turns(struct rig *rig, int count)
{
    while (count-- > 0) {
        assert_true(pirn_context_turn(rig->bed->context, 0) >= 0);
    }
}

static bool has(const struct rig *rig, uint32_t index)
{
    return script_has(rig->bed->kernel, &rig->steps[index]);
}

static void cancel(struct rig *rig)
{
    pirn_cancel(rig->bed->context, &rig->chain.op);
    pirn_cancel(rig->bed->context, &rig->chain.op);
    assert_int_equal(rig->calls, 0);
}

/* The ALWAYS step runs, uncancelled, and the chain ends. */
static void assert_ends(struct rig *rig, int32_t result, uint32_t failed)
{
    turns(rig, 4);
    assert_true(has(rig, CLOSE));
    script_complete(rig->bed->kernel, &rig->steps[CLOSE], 0);
    turns(rig, 2);
    assert_int_equal(rig->calls, 1);
    assert_int_equal(rig->result, result);
    assert_int_equal(script_inflight_count(rig->bed->kernel), 0);
    if (result < 0) {
        assert_int_equal(pirn_chain_failed(&rig->chain), failed);
    }
}

static void cancel_before_the_kernel_saw_it_runs_nothing(void **state)
{
    struct rig rig;

    start(&rig, state);
    cancel(&rig);
    assert_ends(&rig, -ECANCELED, FIRST);
    for (int i = FIRST; i <= RENAME; i++) {
        assert_int_equal(pirn_op_result(&rig.steps[i]), -ECANCELED);
    }
}

static void cancel_ends_the_step_that_runs(void **state)
{
    struct rig rig;

    start(&rig, state);
    turns(&rig, 1);
    assert_true(has(&rig, FIRST));
    cancel(&rig);
    assert_ends(&rig, -ECANCELED, FIRST);
}

static void cancel_in_a_later_step_keeps_what_was_done(void **state)
{
    struct rig rig;

    start(&rig, state);
    turns(&rig, 1);
    script_complete(rig.bed->kernel, &rig.steps[FIRST], 100);
    turns(&rig, 2);
    assert_true(has(&rig, SECOND));
    cancel(&rig);
    assert_ends(&rig, -ECANCELED, SECOND);
    assert_int_equal(pirn_op_result(&rig.steps[FIRST]), 100);
}

/* The step's result was on its way; the next does not begin. */
static void cancel_behind_a_result_stops_the_next_step(void **state)
{
    struct rig rig;

    start(&rig, state);
    turns(&rig, 1);
    script_set_deaf(rig.bed->kernel, true); /* writing to a file */
    cancel(&rig);
    turns(&rig, 1);
    script_complete(rig.bed->kernel, &rig.steps[FIRST], 40);
    assert_ends(&rig, -ECANCELED, FIRST);
}

/* Nor where the step had succeeded: nothing links behind an fsync. */
static void cancel_behind_a_success_stops_the_next_step(void **state)
{
    struct rig rig;

    start(&rig, state);
    turns(&rig, 1);
    for (int i = FIRST; i <= SECOND; i++) {
        assert_true(has(&rig, (uint32_t)i));
        script_complete(rig.bed->kernel, &rig.steps[i], 100);
        turns(&rig, 2);
    }
    assert_true(has(&rig, FSYNC));
    script_set_deaf(rig.bed->kernel, true);
    cancel(&rig);
    turns(&rig, 1);
    script_complete(rig.bed->kernel, &rig.steps[FSYNC], 0);
    turns(&rig, 2);
    assert_false(has(&rig, RENAME));
    assert_ends(&rig, -ECANCELED, RENAME);
}

static void interrupted_by_the_cancel_it_is_not_continued(void **state)
{
    struct rig rig;

    start(&rig, state);
    turns(&rig, 1);
    script_set_deaf(rig.bed->kernel, true);
    cancel(&rig);
    turns(&rig, 1);
    script_complete(rig.bed->kernel, &rig.steps[FIRST], -EINTR);
    assert_ends(&rig, -ECANCELED, FIRST);
}

static void cancel_after_all_has_succeeded_comes_too_late(void **state)
{
    struct rig rig;

    start(&rig, state);
    turns(&rig, 1);
    script_complete(rig.bed->kernel, &rig.steps[FIRST], 100);
    turns(&rig, 2);
    script_complete(rig.bed->kernel, &rig.steps[SECOND], 100);
    turns(&rig, 2);
    script_complete(rig.bed->kernel, &rig.steps[FSYNC], 0);
    turns(&rig, 2);
    script_complete(rig.bed->kernel, &rig.steps[RENAME], 0);
    turns(&rig, 2);
    cancel(&rig); /* the close runs, and is not cancelled */
    assert_ends(&rig, 0, 0);
}

/* Each step by itself, before the kernel has seen any. */
static void cancelled_step_takes_those_behind_it_along(void **state)
{
    for (uint32_t victim = FIRST; victim <= FSYNC; victim++) {
        struct bed *bed = *state;
        struct note bystander = {0};
        struct rig rig;

        start(&rig, state);
        pirn_prep_nop(&bystander.op);
        note_start(bed->context, &bystander);
        pirn_cancel(bed->context, &rig.steps[victim]);
        turns(&rig, 1);
        assert_true(script_has(bed->kernel, &bystander.op)); /* not linked */
        for (uint32_t i = FIRST; i < FSYNC; i++) {
            if (has(&rig, i)) { /* which it is only in front of the victim */
                script_complete(bed->kernel, &rig.steps[i], 100);
                turns(&rig, 2);
            }
        }
        script_complete(bed->kernel, &bystander.op, 0);
        if (script_has(bed->kernel, &rig.steps[FSYNC])) { /* stepped: */
            script_complete(bed->kernel, &rig.steps[FSYNC], 0);
            turns(&rig, 2);
            script_complete(bed->kernel, &rig.steps[RENAME], 0);
            assert_ends(&rig, 0, 0); /* the victim was idle when asked */
        } else {
            assert_ends(&rig, -ECANCELED, victim);
        }
        assert_int_equal(bystander.result, 0);
    }
}

static int setup_stepped(void **state)
{
    return bed_create(state, &(struct script_config){.room = 8});
}

static int setup_linked(void **state)
{
    return bed_create(state, &(struct script_config){.room = 8, .links = true});
}

#define T(name)                                                         \
    cmocka_unit_test_setup_teardown(name, setup_stepped, bed_teardown), \
        cmocka_unit_test_setup_teardown(name, setup_linked, bed_teardown)

TEST_MAIN(T(cancel_before_the_kernel_saw_it_runs_nothing),
          T(cancel_ends_the_step_that_runs),
          T(cancel_in_a_later_step_keeps_what_was_done),
          T(cancel_behind_a_result_stops_the_next_step),
          T(cancel_behind_a_success_stops_the_next_step),
          T(interrupted_by_the_cancel_it_is_not_continued),
          T(cancel_after_all_has_succeeded_comes_too_late),
          T(cancelled_step_takes_those_behind_it_along))
