/* SPDX-License-Identifier: MIT */
/* test_rules.c - programmer's errors stop the program, and name the rule */
#include "test.h"

#include <pthread.h>
#include <unistd.h>

#include "tests/sim/death.h"
#include "tests/sim/note.h"
#include "tests/sim/script.h"

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

TEST_MAIN(cmocka_unit_test(programmers_errors_stop_the_program))
