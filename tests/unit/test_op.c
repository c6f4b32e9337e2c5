/* SPDX-License-Identifier: MIT */
/*
 * test_op.c - the life of an op, against a scripted kernel
 *
 * Each test is a sentence of the contract in pirn/op.h.
 */
#include "test.h"

#include <errno.h>

#include "tests/sim/bed.h"

/* An op that remembers its calls, restarts itself @restarts times, and, if it
 * is @fickle, cancels each restart at once. */
struct probe {
    struct pirn_op op;
    struct pirn_context *context;
    int restarts;
    bool fickle;
    int calls;
    bool was_idle;
    int32_t result;
};

static char buf[16];

static void probe_fn(struct pirn_op *op, int32_t result);

static void probe_start(struct probe *probe, struct pirn_context *context)
{
    probe->context = context;
    pirn_prep_read(&probe->op, 0, buf, sizeof(buf), 0);
    pirn_start(context, &probe->op, probe_fn);
}

static void probe_fn(struct pirn_op *op, int32_t result)
{
    struct probe *probe = pirn_container_of(op, struct probe, op);

    probe->calls++;
    probe->result = result;
    probe->was_idle = pirn_op_is_idle(op);
    if (probe->restarts > 0) {
        probe->restarts--;
        pirn_start(probe->context, op, probe_fn);
        if (probe->fickle) {
            pirn_cancel(probe->context, &probe->op);
        }
    }
}

static int setup(void **state)
{
    return bed_create(state, &(struct script_config){.room = 4});
}

static void result_reaches_the_function_once(void **state)
{
    struct bed *bed = *state;
    struct probe probe = {0};

    probe_start(&probe, bed->context);
    assert_false(pirn_op_is_idle(&probe.op));
    assert_int_equal(pirn_context_loaned(bed->context), 1);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);

    script_complete(bed->kernel, &probe.op, 7);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);

    assert_int_equal(probe.calls, 1);
    assert_int_equal(probe.result, 7);
    assert_int_equal(pirn_op_result(&probe.op), 7);
    assert_true(pirn_op_is_idle(&probe.op));
    assert_int_equal(pirn_context_loaned(bed->context), 0);
}

static void kernel_sees_an_op_at_the_next_turn(void **state)
{
    struct bed *bed = *state;
    struct probe probe = {0};

    probe_start(&probe, bed->context);
    assert_int_equal(script_inflight_count(bed->kernel), 0);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_true(script_has(bed->kernel, &probe.op));

    script_complete(bed->kernel, &probe.op, 0);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
}

static void op_is_idle_when_its_function_is_entered(void **state)
{
    struct bed *bed = *state;
    struct probe probe = {0};

    probe_start(&probe, bed->context);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_complete(bed->kernel, &probe.op, 7);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_true(probe.was_idle);
}

static void free_fn(struct pirn_op *op, int32_t result)
{
    (void)result;
    free(pirn_container_of(op, struct probe, op));
}

static void function_may_free_its_own_op(void **state)
{
    struct bed *bed = *state;
    struct probe *probe = calloc(1, sizeof(*probe));

    pirn_prep_nop(&probe->op);
    pirn_start(bed->context, &probe->op, free_fn);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_complete(bed->kernel, &probe->op, 0);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
}

static void function_may_restart_its_own_op(void **state)
{
    struct bed *bed = *state;
    struct probe probe = {.restarts = 1};

    probe_start(&probe, bed->context);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_complete(bed->kernel, &probe.op, 1);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_complete(bed->kernel, &probe.op, 2);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);

    assert_int_equal(probe.calls, 2);
    assert_int_equal(probe.result, 2);
}

static void cancel_of_idle_op_does_nothing(void **state)
{
    struct bed *bed = *state;
    struct probe probe = {0};

    pirn_cancel(bed->context, &probe.op);
    pirn_prep_nop(&probe.op);
    pirn_cancel(bed->context, &probe.op);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_int_equal(script_cancel_count(bed->kernel), 0);
}

static void cancel_of_queued_op_never_reaches_the_kernel(void **state)
{
    struct bed *bed = *state;
    struct probe probe = {0};

    probe_start(&probe, bed->context);
    pirn_cancel(bed->context, &probe.op);
    assert_int_equal(probe.calls, 0); /* not from inside the request */
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);

    assert_int_equal(probe.result, -ECANCELED);
    assert_int_equal(script_cancel_count(bed->kernel), 0);
    assert_int_equal(script_inflight_count(bed->kernel), 0);
}

static void cancel_of_inflight_op_ends_in_ecanceled(void **state)
{
    struct bed *bed = *state;
    struct probe probe = {0};

    probe_start(&probe, bed->context);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    pirn_cancel(bed->context, &probe.op);
    pirn_cancel(bed->context, &probe.op); /* twice is once */
    assert_int_equal(probe.calls, 0);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);

    assert_int_equal(probe.calls, 1);
    assert_int_equal(probe.result, -ECANCELED);
    assert_int_equal(script_cancel_count(bed->kernel), 1);
    assert_int_equal(script_cancel_miss_count(bed->kernel), 0);
}

/* A kernel worker that is interrupted says -EINTR. */
static void interrupted_by_a_cancel_is_cancelled(void **state)
{
    struct bed *bed = *state;
    struct probe probe = {0};

    script_set_deaf(bed->kernel, true);
    probe_start(&probe, bed->context);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    pirn_cancel(bed->context, &probe.op);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_complete(bed->kernel, &probe.op, -EINTR);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(probe.result, -ECANCELED);
}

static void cancelled_op_stays_loaned_until_it_ends(void **state)
{
    struct bed *bed = *state;
    struct probe probe = {0};

    script_set_deaf(bed->kernel, true);
    probe_start(&probe, bed->context);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    pirn_cancel(bed->context, &probe.op);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    pirn_cancel(bed->context, &probe.op); /* twice is once */
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_int_equal(script_cancel_count(bed->kernel), 1);
    assert_false(pirn_op_is_idle(&probe.op));

    script_complete(bed->kernel, &probe.op, 9); /* bytes that moved */
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(probe.result, 9);
}

static void result_beats_a_late_cancel(void **state)
{
    struct bed *bed = *state;
    struct probe probe = {0};

    probe_start(&probe, bed->context);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_complete(bed->kernel, &probe.op, 5);
    pirn_cancel(bed->context, &probe.op);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);

    assert_int_equal(probe.calls, 1);
    assert_int_equal(probe.result, 5);
    assert_int_equal(script_cancel_miss_count(bed->kernel), 1);
}

static void late_cancel_spares_the_second_life(void **state)
{
    struct bed *bed = *state;
    struct probe probe = {.restarts = 1};

    probe_start(&probe, bed->context);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_complete(bed->kernel, &probe.op, 5);
    pirn_cancel(bed->context, &probe.op);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1); /* restarted */
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);

    assert_true(script_has(bed->kernel, &probe.op)); /* and not cancelled */
    script_complete(bed->kernel, &probe.op, 6);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(probe.calls, 2);
    assert_int_equal(probe.result, 6);
}

static void late_cancel_left_in_the_queue_spares_the_second_life(void **state)
{
    struct bed *bed = *state;
    struct probe probe = {.restarts = 1};

    probe_start(&probe, bed->context);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_complete(bed->kernel, &probe.op, 5);
    pirn_cancel(bed->context, &probe.op);
    script_refuse(bed->kernel, 1);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1); /* restarted */
    assert_int_equal(pirn_context_turn(bed->context, 0), 0); /* cancel, op */

    assert_int_equal(script_cancel_miss_count(bed->kernel), 1);
    assert_true(script_has(bed->kernel, &probe.op));
    script_complete(bed->kernel, &probe.op, 6);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(probe.result, 6);
}

static void late_cancel_without_room_spares_the_second_life(void **state)
{
    struct bed *bed = *state;
    struct probe probe = {.restarts = 1};

    probe_start(&probe, bed->context);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_set_room(bed->kernel, 0);
    pirn_cancel(bed->context, &probe.op);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_complete(bed->kernel, &probe.op, 5);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1); /* restarted */
    script_set_room(bed->kernel, 4);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);

    assert_int_equal(script_cancel_count(bed->kernel), 0);
    assert_true(script_has(bed->kernel, &probe.op));
    script_complete(bed->kernel, &probe.op, 6);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(probe.result, 6);
}

static void cancel_goes_before_starts_when_the_queue_is_full(void **state)
{
    struct bed *bed = *state;
    struct probe first = {0};
    struct probe more[4] = {0};

    probe_start(&first, bed->context);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    for (int i = 0; i < 4; i++) {
        probe_start(&more[i], bed->context);
    }
    pirn_cancel(bed->context, &first.op);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(first.result, -ECANCELED);
    assert_int_equal(script_inflight_count(bed->kernel), 3);

    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_int_equal(script_inflight_count(bed->kernel), 4);
    for (int i = 0; i < 4; i++) {
        script_complete(bed->kernel, &more[i].op, i);
    }
    assert_int_equal(pirn_context_turn(bed->context, 0), 4);
}

static void result_overtakes_a_waiting_cancel(void **state)
{
    struct bed *bed = *state;
    struct probe probes[5] = {0}; /* one more than the queue has room for */

    for (int i = 0; i < 5; i++) {
        probe_start(&probes[i], bed->context);
    }
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_int_equal(script_inflight_count(bed->kernel), 5);

    for (int i = 0; i < 5; i++) {
        pirn_cancel(bed->context, &probes[i].op);
    }
    script_complete(bed->kernel, &probes[4].op, 9);
    assert_int_equal(pirn_context_turn(bed->context, 0), 5);
    assert_int_equal(probes[3].result, -ECANCELED);
    assert_int_equal(probes[4].result, 9);

    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_int_equal(script_cancel_miss_count(bed->kernel), 0);
}

static void starts_are_submitted_in_their_order(void **state)
{
    struct bed *bed = *state;
    struct probe probes[10] = {0};

    for (int i = 0; i < 10; i++) {
        probe_start(&probes[i], bed->context);
    }
    for (int i = 0; i < 3; i++) { /* four at a time */
        assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    }
    for (int i = 0; i < 10; i++) {
        assert_ptr_equal(script_nth(bed->kernel, 0), &probes[i].op);
        script_complete(bed->kernel, &probes[i].op, i);
    }
    assert_int_equal(pirn_context_turn(bed->context, 0), 10);
}

/* What the queue had no room for is work: the turn may not sleep on it. */
static void waiting_for_room_is_not_sleeping(void **state)
{
    struct bed *bed = *state;
    struct probe probes[5] = {0};

    for (int i = 0; i < 5; i++) {
        probe_start(&probes[i], bed->context);
    }
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 0);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    for (int i = 0; i < 5; i++) {
        script_complete(bed->kernel, &probes[i].op, i);
    }
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 5);
}

static void turn_is_bounded_by_what_was_complete(void **state)
{
    struct bed *bed = *state;
    struct probe greedy = {.restarts = 3, .fickle = true};

    probe_start(&greedy, bed->context);
    pirn_cancel(bed->context, &greedy.op);
    for (int i = 1; i <= 4; i++) {
        assert_int_equal(pirn_context_turn(bed->context, 0), 1);
        assert_int_equal(greedy.calls, i);
    }
}

static void started_again_it_does_the_same(void **state)
{
    struct bed *bed = *state;
    struct probe probe = {.restarts = 1};
    struct pirn_op before;

    probe_start(&probe, bed->context);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    before = *script_nth(bed->kernel, 0);
    script_complete(bed->kernel, &probe.op, 7);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_int_equal(probe.op.priv.opcode, before.priv.opcode);
    assert_int_equal(probe.op.priv.addr, before.priv.addr);
    assert_int_equal(probe.op.priv.len, before.priv.len);
    assert_int_equal(probe.op.priv.flags, before.priv.flags);
    script_complete(bed->kernel, &probe.op, 7);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_teardown)

TEST_MAIN(
    T(result_reaches_the_function_once), T(kernel_sees_an_op_at_the_next_turn),
    T(op_is_idle_when_its_function_is_entered), T(function_may_free_its_own_op),
    T(function_may_restart_its_own_op), T(cancel_of_idle_op_does_nothing),
    T(cancel_of_queued_op_never_reaches_the_kernel),
    T(cancel_of_inflight_op_ends_in_ecanceled),
    T(interrupted_by_a_cancel_is_cancelled),
    T(cancelled_op_stays_loaned_until_it_ends), T(result_beats_a_late_cancel),
    T(late_cancel_spares_the_second_life),
    T(late_cancel_left_in_the_queue_spares_the_second_life),
    T(late_cancel_without_room_spares_the_second_life),
    T(cancel_goes_before_starts_when_the_queue_is_full),
    T(result_overtakes_a_waiting_cancel),
    T(starts_are_submitted_in_their_order), T(waiting_for_room_is_not_sleeping),
    T(turn_is_bounded_by_what_was_complete), T(started_again_it_does_the_same))
