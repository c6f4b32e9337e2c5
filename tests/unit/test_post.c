/* SPDX-License-Identifier: MIT */
/*
 * test_post.c - sentences of pirn/post.h, in one thread
 *
 * What another thread would do while the context sleeps is done by the script.
 * With real threads: tests/kernel/test_post.c.
 */
#include "test.h"

#include <errno.h>

#include "tests/sim/bed.h"
#include "tests/sim/note.h"

static void posts_of_one_thread_arrive_in_their_order(void **state)
{
    struct bed *bed = *state;
    struct note notes[100] = {0};

    for (int i = 0; i < 100; i++) {
        pirn_post(bed->context, &notes[i].op, note_fn);
    }
    assert_int_equal(notes[0].calls, 0);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 100);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(notes[i].calls, 1);
        assert_int_equal(notes[i].result, 0);
        assert_true(i == 0 || notes[i - 1].place < notes[i].place);
    }
}

static void context_that_is_awake_is_not_woken(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    pirn_post(bed->context, &note.op, note_fn);
    assert_int_equal(script_wake_count(bed->kernel), 0);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
    assert_int_equal(script_sleep_count(bed->kernel), 0);
}

static void post_needs_no_preparation_and_may_be_repeated(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    pirn_prep_timer(&note.op, 1000);
    for (int i = 1; i <= 3; i++) {
        pirn_post(bed->context, &note.op, note_fn);
        assert_false(pirn_op_is_idle(&note.op));
        assert_int_equal(pirn_context_turn(bed->context, 0), 1);
        assert_int_equal(note.calls, i);
    }
}

static void cancel_of_a_post_has_no_effect(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    pirn_post(bed->context, &note.op, note_fn);
    pirn_cancel(bed->context, &note.op);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(note.result, 0);
}

/* Posts itself back until it has been called @left times. */
struct ping {
    struct pirn_op op;
    struct pirn_context *context;
    int left;
};

static void ping_fn(struct pirn_op *op, int32_t result)
{
    struct ping *ping = pirn_container_of(op, struct ping, op);

    (void)result;
    if (--ping->left > 0) {
        pirn_post(ping->context, op, ping_fn);
    }
}

static void post_from_a_function_comes_in_a_later_turn(void **state)
{
    struct bed *bed = *state;
    struct ping ping = {.context = bed->context, .left = 3};

    pirn_post(bed->context, &ping.op, ping_fn);
    for (int i = 2; i >= 0; i--) {
        assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
        assert_int_equal(ping.left, i);
    }
}

/* What happens while a scripted context sleeps: other threads post. */
struct sleeper {
    struct pirn_context *context;
    struct note notes[3];
};

static void post_thrice(void *argument)
{
    struct sleeper *sleeper = argument;

    for (int i = 0; i < 3; i++) {
        pirn_post(sleeper->context, &sleeper->notes[i].op, note_fn);
    }
}

static void sleeper_is_woken_once_per_sleep(void **state)
{
    struct bed *bed = *state;
    struct sleeper sleeper = {.context = bed->context};

    for (uint32_t i = 1; i <= 2; i++) {
        script_while_asleep(bed->kernel, post_thrice, &sleeper);
        assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 3);
        assert_int_equal(script_wake_count(bed->kernel), i);
        assert_int_equal(sleeper.notes[2].calls, i);
    }
}

static void stop(void *argument)
{
    pirn_context_stop(argument);
}

static void stop_wakes_a_sleeping_context(void **state)
{
    struct bed *bed = *state;

    script_while_asleep(bed->kernel, stop, bed->context);
    assert_int_equal(pirn_context_run(bed->context), 0);
    assert_int_equal(script_wake_count(bed->kernel), 1);
}

static void post_behind_a_stop_arrives_when_it_turns_again(void **state)
{
    struct bed *bed = *state;
    struct note notes[2] = {0};

    pirn_context_stop(bed->context);
    pirn_post(bed->context, &notes[0].op, note_fn);
    assert_int_equal(pirn_context_run(bed->context), 0);
    assert_int_equal(notes[0].calls, 0); /* it had been stopped before */
    pirn_post(bed->context, &notes[1].op, note_fn);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    assert_int_equal(notes[0].calls, 1);
    assert_int_equal(notes[1].calls, 1);
}

static void stop_and_post_thrice(void *argument)
{
    struct sleeper *sleeper = argument;

    pirn_context_stop(sleeper->context);
    post_thrice(sleeper);
}

static void posts_that_come_with_a_stop_are_called_before_it_ends(void **state)
{
    struct bed *bed = *state;
    struct sleeper sleeper = {.context = bed->context};

    script_while_asleep(bed->kernel, stop_and_post_thrice, &sleeper);
    assert_int_equal(pirn_context_run(bed->context), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sleeper.notes[i].calls, 1);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(posts_of_one_thread_arrive_in_their_order),
          T(context_that_is_awake_is_not_woken),
          T(post_needs_no_preparation_and_may_be_repeated),
          T(cancel_of_a_post_has_no_effect),
          T(post_from_a_function_comes_in_a_later_turn),
          T(sleeper_is_woken_once_per_sleep), T(stop_wakes_a_sleeping_context),
          T(post_behind_a_stop_arrives_when_it_turns_again),
          T(posts_that_come_with_a_stop_are_called_before_it_ends))
