/* SPDX-License-Identifier: MIT */
/* test_context.c - turns, and what ends them: sentences of pirn/context.h */
#include "test.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/sim/bed.h"
#include "tests/sim/death.h"
#include "tests/sim/note.h"

static char buf[16];

static void start_read(struct bed *bed, struct note *note)
{
    pirn_prep_read(&note->op, 0, buf, sizeof(buf), 0);
    note_start(bed->context, note);
}

/* Does one more thing when its own function is called. */
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

static void canceller_fn(struct pirn_op *op, int32_t result)
{
    struct starter *starter = pirn_container_of(op, struct starter, op);

    (void)result;
    pirn_cancel(starter->context, &starter->next->op);
}

static void immediate_ends_in_the_next_turn_without_sleep(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    pirn_prep_immediate(&note.op);
    note_start(bed->context, &note);
    assert_int_equal(note.calls, 0);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
    assert_int_equal(script_timeout_ns(bed->kernel), 0);
    assert_int_equal(note.result, 0);
}

static void immediate_started_in_a_turn_ends_in_the_next(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};
    struct starter starter = {.context = bed->context, .next = &note};

    pirn_prep_immediate(&note.op);
    pirn_prep_timer(&starter.op, 0);
    pirn_start(bed->context, &starter.op, starter_fn);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(note.calls, 0);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
    assert_int_equal(note.calls, 1);
}

static void what_a_turn_cancels_ends_in_a_later_one(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};
    struct starter canceller = {.context = bed->context, .next = &note};

    script_set_room(bed->kernel, 0);
    start_read(bed, &note);
    pirn_prep_timer(&canceller.op, 0);
    pirn_start(bed->context, &canceller.op, canceller_fn);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(note.calls, 0);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
    assert_int_equal(note.result, -ECANCELED);
}

static void sources_are_called_in_their_order(void **state)
{
    struct bed *bed = *state;
    struct note timer = {0};
    struct note read = {0};
    struct note post = {0};
    struct note immediate = {0};

    start_read(bed, &read);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    pirn_prep_immediate(&immediate.op);
    note_start(bed->context, &immediate);
    pirn_post(bed->context, &post.op, note_fn);
    pirn_prep_timer(&timer.op, 0);
    note_start(bed->context, &timer);
    script_complete(bed->kernel, &read.op, 1);

    assert_int_equal(pirn_context_turn(bed->context, 0), 4);
    assert_true(timer.place < read.place);
    assert_true(read.place < post.place);
    assert_true(post.place < immediate.place);
}

static void turn_that_may_not_block_asks_for_events(void **state)
{
    struct bed *bed = *state;

    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_int_equal(script_wait_count(bed->kernel), 1);
    assert_int_equal(script_timeout_ns(bed->kernel), 0);
}

static void turn_sleeps_no_longer_than_it_may(void **state)
{
    struct bed *bed = *state;

    assert_int_equal(pirn_context_turn(bed->context, 12345), 0);
    assert_int_equal(script_timeout_ns(bed->kernel), 12345);
    assert_int_equal(pirn_context_now_ns(bed->context),
                     SCRIPT_START_NS + 12345);
}

static void sleep_for_ever(void)
{
    struct script *kernel;
    struct pirn_context *context =
        script_context_create(&(struct script_config){0}, &kernel);

    _exit(pirn_context_turn(context, PIRN_FOREVER));
}

static void nothing_to_come_is_waited_for_for_ever(void **state)
{
    (void)state;
    assert_true(dies(sleep_for_ever, "may not sleep for ever"));
}

struct asker {
    struct pirn_op op;
    struct bed *bed;
    uint64_t first_ns;
    uint64_t second_ns;
};

static void ask_twice(struct pirn_op *op, int32_t result)
{
    struct asker *asker = pirn_container_of(op, struct asker, op);

    (void)result;
    asker->first_ns = pirn_context_now_ns(asker->bed->context);
    script_pass(asker->bed->kernel, 10);
    asker->second_ns = pirn_context_now_ns(asker->bed->context);
}

/* Also in turns that neither sleep nor have timers, and need no clock. */
static void clock_is_read_anew_in_each_turn_that_asks_and_once(void **state)
{
    struct bed *bed = *state;
    struct asker asker = {.bed = bed};

    for (uint64_t i = 1; i <= 40; i++) {
        pirn_prep_immediate(&asker.op);
        pirn_start(bed->context, &asker.op, ask_twice);
        script_pass(bed->kernel, 100);
        assert_int_equal(pirn_context_turn(bed->context, 0), 1);
        assert_int_equal(asker.first_ns, SCRIPT_START_NS + i * 110 - 10);
        assert_int_equal(asker.second_ns, asker.first_ns);
    }
}

static void stop_fn(struct pirn_op *op, int32_t result)
{
    struct starter *starter = pirn_container_of(op, struct starter, op);

    (void)result;
    pirn_context_stop(starter->context);
}

static void run_returns_after_the_turn_that_stopped_it(void **state)
{
    struct bed *bed = *state;
    struct starter stopper = {.context = bed->context};
    struct note note = {0};

    for (int i = 0; i < 2; i++) { /* and may run again */
        pirn_prep_timer(&stopper.op, 0);
        pirn_start(bed->context, &stopper.op, stop_fn);
        pirn_prep_timer(&note.op, 0);
        note_start(bed->context, &note);
        assert_int_equal(pirn_context_run(bed->context), 0);
        assert_int_equal(note.calls, i + 1); /* the same turn */
    }
}

static void stop_before_run_is_not_lost(void **state)
{
    struct bed *bed = *state;

    pirn_context_stop(bed->context);
    assert_int_equal(pirn_context_run(bed->context), 0);
}

static void stop_concerns_run_alone(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    pirn_context_stop(bed->context);
    pirn_prep_timer(&note.op, 1000);
    note_start(bed->context, &note);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    assert_int_equal(note.calls, 1);
    assert_int_equal(script_wait_count(bed->kernel), 1); /* it slept */
    assert_int_equal(pirn_context_run(bed->context), 0);
}

static void drain_turns_until_nothing_is_loaned(void **state)
{
    struct bed *bed = *state;
    struct note timers[3] = {0};
    struct note post = {0};

    for (uint32_t i = 0; i < 3; i++) {
        pirn_prep_timer(&timers[i].op, 100 * i);
        note_start(bed->context, &timers[i]);
    }
    pirn_post(bed->context, &post.op, note_fn);
    assert_int_equal(pirn_context_loaned(bed->context), 3);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    assert_int_equal(pirn_context_loaned(bed->context), 0);
    assert_int_equal(timers[2].calls, 1);
    assert_int_equal(post.calls, 1);
}

static void drain_of_nothing_does_not_turn(void **state)
{
    struct bed *bed = *state;

    assert_int_equal(pirn_context_drain(bed->context), 0);
    assert_int_equal(script_wait_count(bed->kernel), 0);
}

static void wait_returns_the_ops_result(void **state)
{
    struct bed *bed = *state;
    struct note sooner = {0};
    struct note later = {0};
    struct pirn_op op = {0};

    pirn_prep_timer(&sooner.op, 50);
    note_start(bed->context, &sooner);
    pirn_prep_timer(&later.op, 200);
    note_start(bed->context, &later);
    pirn_prep_timer(&op, 100);
    assert_int_equal(pirn_wait(bed->context, &op), 0);
    assert_int_equal(sooner.calls, 1); /* others are called meanwhile */
    assert_int_equal(later.calls, 0);
    assert_int_equal(pirn_context_drain(bed->context), 0);
}

static void data_is_kept_by_key(void **state)
{
    struct bed *bed = *state;
    static char keys[17];
    int values[17];

    for (int i = 0; i < 16; i++) {
        assert_int_equal(
            pirn_context_set_data(bed->context, &keys[i], &values[i]), 0);
    }
    assert_int_equal(
        pirn_context_set_data(bed->context, &keys[16], &values[16]), -ENOSPC);
    assert_ptr_equal(pirn_context_data(bed->context, &keys[7]), &values[7]);
    assert_null(pirn_context_data(bed->context, &keys[16]));

    assert_int_equal(pirn_context_set_data(bed->context, &keys[7], NULL), 0);
    assert_null(pirn_context_data(bed->context, &keys[7]));
    assert_int_equal(
        pirn_context_set_data(bed->context, &keys[16], &values[16]), 0);
    assert_int_equal(pirn_context_set_data(bed->context, &keys[16], &values[0]),
                     0);
    assert_ptr_equal(pirn_context_data(bed->context, &keys[16]), &values[0]);
}

static void config_out_of_range_is_einval(void **state)
{
    const struct pirn_context_config configs[] = {
        {.sq_entries = 100},
        {.sq_entries = 4}, /* no room for a linked run */
        {.sq_entries = 65536},
        {.cq_entries = 1000},
        {.sq_entries = 256, .cq_entries = 128},
        {.engine = (enum pirn_engine)99},
    };
    struct pirn_context *context = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(configs) / sizeof(configs[0]); i++) {
        assert_int_equal(pirn_context_create(&configs[i], &context), -EINVAL);
        assert_null(context);
    }
}

static void unknown_engine_in_the_environment_is_einval(void **state)
{
    struct pirn_context *context = NULL;

    (void)state;
    setenv("PIRN_ENGINE", "steam", 1);
    assert_int_equal(pirn_context_create(NULL, &context), -EINVAL);
    unsetenv("PIRN_ENGINE");
    assert_null(context);
    assert_non_null(strstr(pirn_context_refusal(-EINVAL), "PIRN_ENGINE"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(immediate_ends_in_the_next_turn_without_sleep),
          T(immediate_started_in_a_turn_ends_in_the_next),
          T(what_a_turn_cancels_ends_in_a_later_one),
          T(sources_are_called_in_their_order),
          T(turn_that_may_not_block_asks_for_events),
          T(turn_sleeps_no_longer_than_it_may),
          T(nothing_to_come_is_waited_for_for_ever),
          T(clock_is_read_anew_in_each_turn_that_asks_and_once),
          T(run_returns_after_the_turn_that_stopped_it),
          T(stop_before_run_is_not_lost), T(stop_concerns_run_alone),
          T(drain_turns_until_nothing_is_loaned),
          T(drain_of_nothing_does_not_turn), T(wait_returns_the_ops_result),
          T(data_is_kept_by_key),
          cmocka_unit_test(config_out_of_range_is_einval),
          cmocka_unit_test(unknown_engine_in_the_environment_is_einval))
