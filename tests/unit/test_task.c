/* SPDX-License-Identifier: MIT */
/* test_task.c - an op that its owner finishes, and the rules of all ops */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include "tests/sim/bed.h"
#include "tests/sim/death.h"
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

/* --- programmer's errors, each in a child of its own --- */

static struct pirn_context *child_context(void)
{
    struct script *kernel;

    return script_context_create(&(struct script_config){0}, &kernel);
}

static void finish_twice(void)
{
    struct pirn_context *context = child_context();
    struct note note = {0};

    pirn_prep_task(&note.op, NULL);
    note_start(context, &note);
    pirn_task_finish(context, &note.op, 0);
    pirn_task_finish(context, &note.op, 0);
}

static void finish_a_read(void)
{
    struct pirn_context *context = child_context();
    struct note note = {0};
    char byte;

    pirn_prep_read(&note.op, 0, &byte, 1, 0);
    note_start(context, &note);
    pirn_task_finish(context, &note.op, 0);
}

static void start_twice(void)
{
    struct pirn_context *context = child_context();
    struct note note = {0};

    pirn_prep_nop(&note.op);
    note_start(context, &note);
    note_start(context, &note);
}

static void start_unprepared(void)
{
    struct note note = {0};

    note_start(child_context(), &note);
}

static void start_what_was_posted(void)
{
    struct pirn_context *context = child_context();
    struct note note = {0};

    pirn_post(context, &note.op, note_fn);
    if (pirn_context_turn(context, 0) == 1) {
        note_start(context, &note);
    }
}

static void prepare_on_loan(void)
{
    struct note note = {0};

    pirn_prep_nop(&note.op);
    note_start(child_context(), &note);
    pirn_prep_nop(&note.op);
}

static void destroy_with_a_loan(void)
{
    struct pirn_context *context = child_context();
    struct note note = {0};

    pirn_prep_nop(&note.op);
    note_start(context, &note);
    pirn_context_destroy(context);
}

struct nested {
    struct pirn_op op;
    struct pirn_context *context;
};

static void nested_fn(struct pirn_op *op, int32_t result)
{
    struct nested *nested = pirn_container_of(op, struct nested, op);

    (void)result;
    _exit(pirn_context_turn(nested->context, 0));
}

static void turn_inside_a_turn(void)
{
    struct nested nested = {.context = child_context()};

    pirn_prep_immediate(&nested.op);
    pirn_start(nested.context, &nested.op, nested_fn);
    _exit(pirn_context_turn(nested.context, 0));
}

static void *start_elsewhere(void *argument)
{
    static struct note note;

    pirn_prep_nop(&note.op);
    note_start(argument, &note);
    return NULL;
}

static void start_in_another_thread(void)
{
    pthread_t thread;

    pthread_create(&thread, NULL, start_elsewhere, child_context());
    pthread_join(thread, NULL);
}

static void name_a_later_step(void)
{
    struct pirn_op steps[2] = {0};
    struct pirn_op *const order[2] = {&steps[0], &steps[1]};
    struct pirn_chain chain = {0};

    pirn_prep_close(&steps[0], PIRN_FD_OF(1));
    pirn_prep_nop(&steps[1]);
    pirn_chain_start(child_context(), &chain, order, 2, note_fn);
}

static void name_a_step_too_far(void)
{
    struct pirn_op step = {0};
    struct pirn_op *const order[1] = {&step};
    struct pirn_chain chain = {0};

    pirn_prep_close(&step, PIRN_FD_OF(300));
    pirn_chain_start(child_context(), &chain, order, 1, note_fn);
}

static void programmers_errors_stop_the_program(void **state)
{
    static const struct {
        void (*act)(void);
        const char *rule;
    } errors[] = {
        {finish_twice, "a task is finished once per loan"},
        {finish_a_read, "a task is finished once per loan"},
        {start_twice, "an op on loan may not be started again"},
        {start_unprepared, "an op is prepared before it is started"},
        {start_what_was_posted, "an op is prepared for what starts it"},
        {prepare_on_loan, "an op on loan may not be prepared"},
        {destroy_with_a_loan, "destroyed when nothing is loaned to it"},
        {turn_inside_a_turn, "a turn does not begin inside another"},
        {start_in_another_thread, "belongs to the thread that created it"},
        {name_a_later_step, "PIRN_FD_OF() names an earlier step"},
        {name_a_step_too_far, "PIRN_FD_OF() names an earlier step"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        assert_true(dies(errors[i].act, errors[i].rule));
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_teardown)

TEST_MAIN(T(task_begins_inside_the_start_and_ends_in_a_turn),
          T(task_may_finish_in_its_begin),
          T(task_without_verbs_waits_to_be_finished),
          T(task_is_asked_at_most_once_per_loan),
          T(task_may_finish_in_its_cancel),
          T(task_that_cannot_be_cancelled_ends_when_it_ends),
          cmocka_unit_test(programmers_errors_stop_the_program))
