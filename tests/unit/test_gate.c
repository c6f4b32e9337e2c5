/* SPDX-License-Identifier: MIT */
/* test_gate.c - one goes through, the others wait for how it went */
#include "test.h"

#include <errno.h>

#include "tests/sim/bed.h"
#include "tests/sim/death.h"
#include "tests/sim/note.h"

enum { MANY = 4 };

struct crowd {
    struct pirn_gate gate;
    struct note notes[MANY];
    struct pirn_context *context;
};

static void crowd_init(struct crowd *crowd, struct bed *bed)
{
    *crowd = (struct crowd){.context = bed->context};
    pirn_gate_init(&crowd->gate, bed->context);
}

static void enter(struct crowd *crowd, int i)
{
    pirn_prep_gate_enter(&crowd->notes[i].op, &crowd->gate, NULL);
    note_start(crowd->context, &crowd->notes[i]);
}

static void wait_only(struct crowd *crowd, int i)
{
    pirn_prep_gate_wait(&crowd->notes[i].op, &crowd->gate, NULL);
    note_start(crowd->context, &crowd->notes[i]);
}

static struct pirn_gate_status status_of(const struct crowd *crowd)
{
    struct pirn_gate_status status;

    pirn_gate_status(&crowd->gate, &status);
    return status;
}

static int turn(struct bed *bed)
{
    return pirn_context_turn(bed->context, 0);
}

static void leave(struct crowd *crowd, int i, int32_t outcome)
{
    pirn_gate_leave(&crowd->gate, &crowd->notes[i].op, outcome);
}

static void one_holds_it_and_the_others_wait(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd;

    crowd_init(&crowd, bed);
    for (int i = 0; i < MANY; i++) {
        enter(&crowd, i);
    }
    assert_int_equal(turn(bed), 1);
    assert_int_equal(crowd.notes[0].calls, 1);
    assert_int_equal(crowd.notes[0].result, 0);
    assert_int_equal(status_of(&crowd).waiting_count, MANY - 1);
    leave(&crowd, 0, 0);
    assert_int_equal(crowd.notes[1].calls, 0); /* not from inside */
    turn(bed);
    pirn_gate_deinit(&crowd.gate);
}

/* A Line that is released says neither how it went nor who comes next. */
static void outcome_reaches_all_who_waited(void **state)
{
    static const int32_t outcomes[] = {0, 5, -EACCES, INT32_MIN, INT32_MAX};
    struct bed *bed = *state;
    struct crowd crowd;

    crowd_init(&crowd, bed);
    for (size_t k = 0; k < sizeof(outcomes) / sizeof(outcomes[0]); k++) {
        enter(&crowd, 0);
        enter(&crowd, 1);
        wait_only(&crowd, 2);
        turn(bed);
        leave(&crowd, 0, outcomes[k]);
        assert_int_equal(turn(bed), 2);
        for (int i = 1; i <= 2; i++) {
            assert_int_equal(crowd.notes[i].result, PIRN_GATE_OPENED);
            assert_int_equal(pirn_gate_outcome(&crowd.notes[i].op),
                             outcomes[k]);
        }
        assert_null(status_of(&crowd).holder);
    }
    pirn_gate_deinit(&crowd.gate);
}

/* Whoever comes between the leave and the functions is another story. */
static void outcome_is_that_of_the_holder_one_waited_for(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd;

    crowd_init(&crowd, bed);
    enter(&crowd, 0);
    enter(&crowd, 1);
    leave(&crowd, 0, 1);
    enter(&crowd, 2);
    enter(&crowd, 3);
    leave(&crowd, 2, 2);
    turn(bed);
    assert_int_equal(pirn_gate_outcome(&crowd.notes[1].op), 1);
    assert_int_equal(crowd.notes[2].result, 0);
    assert_int_equal(pirn_gate_outcome(&crowd.notes[3].op), 2);
}

static void who_only_waits_never_holds_it(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd;

    crowd_init(&crowd, bed);
    wait_only(&crowd, 0); /* it is free: nothing to wait for */
    assert_int_equal(turn(bed), 1);
    assert_int_equal(crowd.notes[0].result, 0);
    assert_null(status_of(&crowd).holder);
    enter(&crowd, 1);
    wait_only(&crowd, 0);
    pirn_gate_pass_on(&crowd.gate, &crowd.notes[1].op, -EIO);
    turn(bed);
    assert_int_equal(crowd.notes[0].result, PIRN_GATE_OPENED);
    assert_int_equal(pirn_gate_outcome(&crowd.notes[0].op), -EIO);
    assert_null(status_of(&crowd).holder);
}

/* With a herd behind it, one at a time tries again. */
static void passed_on_the_next_one_tries_and_the_others_wait_on(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd;

    crowd_init(&crowd, bed);
    enter(&crowd, 0);
    wait_only(&crowd, 1);
    enter(&crowd, 2);
    enter(&crowd, 3);
    turn(bed);
    pirn_gate_pass_on(&crowd.gate, &crowd.notes[0].op, -EIO);
    assert_ptr_equal(status_of(&crowd).holder, &crowd.notes[2].op);
    assert_int_equal(turn(bed), 1);
    assert_int_equal(crowd.notes[2].result, 0);
    leave(&crowd, 2, 7);
    assert_int_equal(turn(bed), 2);
    assert_int_equal(pirn_gate_outcome(&crowd.notes[1].op), 7);
    assert_int_equal(pirn_gate_outcome(&crowd.notes[3].op), 7);
}

/* A holder who asks at his own Line waits for himself. */
static void holder_goes_through_his_own_gate(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd;
    const struct pirn_op *token = &crowd.notes[0].op;

    crowd_init(&crowd, bed);
    enter(&crowd, 0);
    enter(&crowd, 1);
    pirn_prep_gate_enter(&crowd.notes[2].op, &crowd.gate, token);
    note_start(bed->context, &crowd.notes[2]);
    pirn_prep_gate_wait(&crowd.notes[3].op, &crowd.gate, token);
    note_start(bed->context, &crowd.notes[3]);
    assert_true(pirn_gate_try(&crowd.gate, token));
    turn(bed);
    assert_int_equal(crowd.notes[2].result + crowd.notes[3].result, 0);
    assert_int_equal(crowd.notes[2].calls + crowd.notes[3].calls, 2);
    assert_int_equal(status_of(&crowd).depth, 3); /* a wait is no entry */

    /* The op itself may do something else meanwhile. */
    pirn_prep_immediate(&crowd.notes[0].op);
    note_start(bed->context, &crowd.notes[0]);
    pirn_gate_leave(&crowd.gate, token, 1);
    pirn_gate_pass_on(&crowd.gate, token, 2);
    turn(bed);
    assert_int_equal(crowd.notes[1].calls, 0);
    pirn_gate_leave(&crowd.gate, token, 3); /* the last one counts */
    turn(bed);
    assert_int_equal(pirn_gate_outcome(&crowd.notes[1].op), 3);
}

static void token_of_who_has_left_is_nobodys(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd;

    crowd_init(&crowd, bed);
    enter(&crowd, 0);
    turn(bed);
    leave(&crowd, 0, 0);
    enter(&crowd, 1);
    pirn_prep_gate_enter(&crowd.notes[2].op, &crowd.gate, &crowd.notes[0].op);
    note_start(bed->context, &crowd.notes[2]);
    turn(bed);
    assert_int_equal(crowd.notes[2].calls, 0);
    leave(&crowd, 1, 0);
    turn(bed);
}

static void try_holds_it_now_or_not_at_all(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd;
    struct pirn_op token = {0};

    crowd_init(&crowd, bed);
    assert_true(pirn_gate_try(&crowd.gate, &token));
    assert_false(pirn_gate_try(&crowd.gate, &crowd.notes[0].op));
    enter(&crowd, 0);
    assert_int_equal(turn(bed), 0);
    pirn_gate_leave(&crowd.gate, &token, 0);
    turn(bed);
    assert_int_equal(crowd.notes[0].result, PIRN_GATE_OPENED);
}

static void waiter_may_be_cancelled_and_has_a_deadline(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd;
    struct note deadline = {0};

    crowd_init(&crowd, bed);
    for (int i = 0; i < 3; i++) {
        enter(&crowd, i);
    }
    turn(bed);
    pirn_cancel(bed->context, &crowd.notes[1].op);
    pirn_prep_deadline(&deadline.op, &crowd.notes[2].op, SCRIPT_START_NS + 5);
    note_start(bed->context, &deadline);
    script_pass(bed->kernel, 5);
    turn(bed);
    turn(bed);
    assert_int_equal(crowd.notes[1].result, -ECANCELED);
    assert_int_equal(crowd.notes[2].result, -ECANCELED);
    assert_int_equal(status_of(&crowd).waiting_count, 0);
    leave(&crowd, 0, 0);
}

static void gate_beats_a_late_cancel(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd;

    crowd_init(&crowd, bed);
    enter(&crowd, 0);
    pirn_cancel(bed->context, &crowd.notes[0].op);
    assert_int_equal(turn(bed), 1);
    assert_int_equal(crowd.notes[0].result, 0);
    leave(&crowd, 0, 0);
    pirn_gate_deinit(&crowd.gate);
}

/* A turn that does not sleep need not read it. */
static void read_clock(struct bed *bed)
{
    turn(bed);
    assert_true(pirn_context_now_ns(bed->context) > 0);
}

static void status_names_who_does_not_leave(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd;

    crowd_init(&crowd, bed);
    assert_int_equal(status_of(&crowd).depth, 0);
    turn(bed);
    assert_int_equal(pirn_context_turn(bed->context, 300), 0); /* it sleeps */
    enter(&crowd, 2);
    enter(&crowd, 1);
    script_pass(bed->kernel, 1000);
    read_clock(bed);
    assert_ptr_equal(status_of(&crowd).holder, &crowd.notes[2].op);
    assert_int_equal(status_of(&crowd).since_ns, SCRIPT_START_NS + 300);
    assert_int_equal(status_of(&crowd).depth, 1);
    assert_int_equal(status_of(&crowd).waiting_count, 1);
    assert_false(status_of(&crowd).closing);
    pirn_gate_pass_on(&crowd.gate, &crowd.notes[2].op, 0);
    assert_int_equal(status_of(&crowd).since_ns, SCRIPT_START_NS + 1300);
    turn(bed);
    leave(&crowd, 1, 0);
}

static void close_ends_the_waiters_and_waits_for_the_holder(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd;
    struct note close = {0};
    const struct pirn_op *token = &crowd.notes[0].op;

    crowd_init(&crowd, bed);
    enter(&crowd, 0);
    enter(&crowd, 1);
    pirn_prep_gate_close(&close.op, &crowd.gate);
    note_start(bed->context, &close);
    enter(&crowd, 2);
    pirn_prep_gate_enter(&crowd.notes[3].op, &crowd.gate, token);
    note_start(bed->context, &crowd.notes[3]);
    turn(bed);
    assert_int_equal(crowd.notes[1].result, -ECANCELED);
    assert_int_equal(crowd.notes[2].result, -ECANCELED);
    assert_int_equal(crowd.notes[3].result, 0); /* his work goes on */
    assert_true(status_of(&crowd).closing);
    pirn_gate_leave(&crowd.gate, token, 0);
    assert_int_equal(turn(bed), 0);
    pirn_gate_pass_on(&crowd.gate, token, 0);
    assert_int_equal(turn(bed), 1);
    assert_int_equal(close.result, 0);
    assert_false(pirn_gate_try(&crowd.gate, token));
    pirn_gate_deinit(&crowd.gate);
}

static void free_gate_closes_at_once(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd;
    struct pirn_op close = {0};

    crowd_init(&crowd, bed);
    pirn_prep_gate_close(&close, &crowd.gate);
    assert_int_equal(pirn_wait(bed->context, &close), 0);
    pirn_gate_deinit(&crowd.gate);
}

/* A gate guards a credential; what needs it goes through a serial. */
static void entering_is_an_op_that_a_chain_can_begin_with(void **state)
{
    struct bed *bed = *state;
    struct crowd crowd;
    struct pirn_op work = {0};
    struct pirn_chain chain = {0};
    struct pirn_op *const steps[2] = {&crowd.notes[0].op, &work};

    crowd_init(&crowd, bed);
    pirn_prep_gate_enter(&crowd.notes[0].op, &crowd.gate, NULL);
    pirn_prep_immediate(&work);
    pirn_prep_chain(&chain, steps, 2);
    assert_int_equal(pirn_wait(bed->context, &chain.op), 0);
    assert_ptr_equal(status_of(&crowd).holder, &crowd.notes[0].op);
    leave(&crowd, 0, 0);
}

/* --- programmer's errors, each in a child of its own --- */

static void leave_what_another_holds(void)
{
    struct bed bed;
    struct crowd crowd;

    bed.context =
        script_context_create(&(struct script_config){0}, &bed.kernel);
    crowd_init(&crowd, &bed);
    enter(&crowd, 0);
    leave(&crowd, 1, 0);
}

static void end_what_is_held(void)
{
    struct bed bed;
    struct crowd crowd;

    bed.context =
        script_context_create(&(struct script_config){0}, &bed.kernel);
    crowd_init(&crowd, &bed);
    enter(&crowd, 0);
    pirn_gate_deinit(&crowd.gate);
}

static void enter_again_without_the_token(void)
{
    struct bed bed;
    struct crowd crowd;

    bed.context =
        script_context_create(&(struct script_config){0}, &bed.kernel);
    crowd_init(&crowd, &bed);
    enter(&crowd, 0);
    if (turn(&bed) == 1) {
        enter(&crowd, 0);
    }
}

static void ask_the_holder_for_an_outcome(void)
{
    struct bed bed;
    struct crowd crowd;

    bed.context =
        script_context_create(&(struct script_config){0}, &bed.kernel);
    crowd_init(&crowd, &bed);
    enter(&crowd, 0);
    if (turn(&bed) == 1) {
        pirn_gate_outcome(&crowd.notes[0].op);
    }
}

static void programmers_errors_stop_the_program(void **state)
{
    (void)state;
    assert_true(dies(leave_what_another_holds, "left by who holds it"));
    assert_true(dies(end_what_is_held, "a gate is left before it ends"));
    assert_true(dies(enter_again_without_the_token, "again with his token"));
    assert_true(dies(ask_the_holder_for_an_outcome, "for who has waited"));
}

/* --- every order of six actions of three --- */

struct model {
    int waiting[3];
    int waiting_count;
    int holder; /* -1: none */
    int results[3];
    bool loaned[3];
};

static void model_leave(struct model *model, bool pass_on)
{
    model->holder = -1;
    if (pass_on && model->waiting_count > 0) {
        model->holder = model->waiting[0];
        model->results[model->holder] = 0;
        model->waiting_count--;
        model->waiting[0] = model->waiting[1];
        model->waiting[1] = model->waiting[2];
        return;
    }
    for (int i = 0; i < model->waiting_count; i++) {
        model->results[model->waiting[i]] = PIRN_GATE_OPENED;
    }
    model->waiting_count = 0;
}

static void model_enter(struct model *model, int i)
{
    model->loaned[i] = true;
    model->results[i] = -1; /* not yet */
    if (model->holder < 0) {
        model->holder = i;
        model->results[i] = 0;
    } else {
        model->waiting[model->waiting_count++] = i;
    }
}

static void model_cancel(struct model *model, int i)
{
    int kept = 0;

    for (int k = 0; k < model->waiting_count; k++) {
        if (model->waiting[k] == i) {
            model->results[i] = -ECANCELED;
        } else {
            model->waiting[kept++] = model->waiting[k];
        }
    }
    model->waiting_count = kept;
}

static void act_turn(struct crowd *crowd, struct model *model)
{
    assert_true(pirn_context_turn(crowd->context, 0) >= 0);
    for (int i = 0; i < 3; i++) {
        bool ends = model->loaned[i] && model->results[i] != -1;

        assert_int_equal(crowd->notes[i].calls, ends);
        if (ends) {
            assert_int_equal(crowd->notes[i].result, model->results[i]);
            model->loaned[i] = false;
        }
        crowd->notes[i].calls = 0;
    }
}

static void act(struct crowd *crowd, struct model *model, uint32_t action)
{
    int i = (int)action % 3;

    if (action < 3) {
        if (!model->loaned[i] && model->holder != i) {
            enter(crowd, i);
            model_enter(model, i);
        }
    } else if (action < 5) {
        pirn_cancel(crowd->context, &crowd->notes[i + 1].op);
        model_cancel(model, i + 1);
    } else if (action < 7) {
        if (model->holder >= 0) {
            const struct pirn_op *token = &crowd->notes[model->holder].op;

            (action == 5 ? pirn_gate_leave : pirn_gate_pass_on)(&crowd->gate,
                                                                token, 0);
            model_leave(model, action == 6);
        }
    } else {
        act_turn(crowd, model);
    }
}

static void every_order_of_three_agrees_with_the_model(void **state)
{
    struct bed *bed = *state;

    for (uint32_t order = 0; order < 1u << 18; order++) {
        struct model model = {.holder = -1};
        struct crowd crowd;

        crowd_init(&crowd, bed);
        for (int i = 0; i < 6; i++) {
            struct pirn_gate_status status;

            act(&crowd, &model, order >> (3 * i) & 7);
            status = status_of(&crowd);
            assert_int_equal(status.waiting_count, model.waiting_count);
            assert_ptr_equal(status.holder, model.holder < 0
                                                ? NULL
                                                : &crowd.notes[model.holder]);
        }
        act_turn(&crowd, &model);
        while (model.holder >= 0) {
            act(&crowd, &model, 5);
            act_turn(&crowd, &model);
        }
        pirn_gate_deinit(&crowd.gate);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(one_holds_it_and_the_others_wait),
          T(outcome_reaches_all_who_waited),
          T(outcome_is_that_of_the_holder_one_waited_for),
          T(who_only_waits_never_holds_it),
          T(passed_on_the_next_one_tries_and_the_others_wait_on),
          T(holder_goes_through_his_own_gate),
          T(token_of_who_has_left_is_nobodys),
          T(try_holds_it_now_or_not_at_all),
          T(waiter_may_be_cancelled_and_has_a_deadline),
          T(gate_beats_a_late_cancel), T(status_names_who_does_not_leave),
          T(close_ends_the_waiters_and_waits_for_the_holder),
          T(free_gate_closes_at_once),
          T(entering_is_an_op_that_a_chain_can_begin_with),
          T(every_order_of_three_agrees_with_the_model),
          cmocka_unit_test(programmers_errors_stop_the_program))
