/* SPDX-License-Identifier: MIT */
/* test_serial.c - turns: whose it is, when it ends, and who begins next */
#include "test.h"

#include <errno.h>

#include "tests/sim/serial_rig.h"

static void one_runs_at_a_time_in_the_order_of_pushes(void **state)
{
    struct bed *bed = *state;
    struct queue queue;

    queue_init(&queue, bed, (struct pirn_serial_config){.name = "line"});
    assert_string_equal(pirn_serial_name(&queue.serial), "line");
    push_nops(&queue);
    for (int i = 0; i < MANY; i++) {
        turn(bed);
        assert_int_equal(script_inflight_count(bed->kernel), 1);
        assert_true(kernel_has(bed, &queue, i));
        end(bed, &queue, i, i);
    }
    pirn_serial_deinit(&queue.serial);
}

static void as_many_run_at_once_as_there_are_slots(void **state)
{
    struct bed *bed = *state;
    struct queue queue;

    queue_init(&queue, bed, (struct pirn_serial_config){.slot_count = 2});
    push_nops(&queue);
    turn(bed);
    assert_int_equal(script_inflight_count(bed->kernel), 2);
    end(bed, &queue, 1, 0); /* in any order */
    assert_true(kernel_has(bed, &queue, 0) && kernel_has(bed, &queue, 2));
    end(bed, &queue, 2, 0);
    end(bed, &queue, 0, 0);
    assert_true(kernel_has(bed, &queue, 3) && kernel_has(bed, &queue, 4));
    end(bed, &queue, 4, 0);
    end(bed, &queue, 3, 0);
    pirn_serial_deinit(&queue.serial);
}

/* Two serials do not wait for each other. */
static void each_serial_keeps_its_own_order(void **state)
{
    struct bed *bed = *state;
    struct queue first;
    struct queue second;

    queue_init(&first, bed, (struct pirn_serial_config){0});
    queue_init(&second, bed, (struct pirn_serial_config){0});
    push_nop(&first, 0);
    push_nop(&second, 0);
    push_nop(&first, 1);
    push_nop(&second, 1);
    turn(bed);
    assert_int_equal(script_inflight_count(bed->kernel), 2);
    end(bed, &second, 0, 0);
    end(bed, &second, 1, 0);
    assert_true(kernel_has(bed, &first, 0));
    end(bed, &first, 0, 0);
    end(bed, &first, 1, 0);
}

static void idle_serial_begins_what_is_pushed_at_once(void **state)
{
    struct bed *bed = *state;
    struct queue queue;

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    assert_true(pirn_serial_is_idle(&queue.serial));
    push_nop(&queue, 0);
    assert_int_equal(pirn_serial_running_count(&queue.serial), 1);
    assert_int_equal(pirn_serial_waiting_count(&queue.serial), 0);
    turn(bed); /* the next turn submits it, as if it had been started */
    assert_true(kernel_has(bed, &queue, 0));
    end(bed, &queue, 0, 7);
    assert_true(pirn_serial_is_idle(&queue.serial));
}

/* What is pushed on the way is any op. */
static void chains_timers_and_tasks_have_their_turn(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct pirn_chain chain = {0};
    struct pirn_op steps[2] = {0};
    struct pirn_op *const order[2] = {&steps[0], &steps[1]};
    struct note last = {0};

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    pirn_prep_nop(&steps[0]);
    pirn_prep_nop(&steps[1]);
    pirn_prep_chain(&chain, order, 2);
    pirn_prep_timer(&queue.notes[0].op, 1000);
    pirn_prep_task(&last.op, NULL);
    pirn_serial_push(&queue.serial, &queue.notes[0].op, note_fn);
    pirn_serial_push(&queue.serial, &chain.op, note_fn);
    pirn_serial_push(&queue.serial, &last.op, note_fn);
    /* The timer counts from its turn, the chain begins behind it. */
    assert_int_equal(turn(bed), 0);
    assert_int_equal(script_inflight_count(bed->kernel), 0);
    script_pass(bed->kernel, 1000);
    assert_int_equal(turn(bed), 1);
    for (int i = 0; i < 2; i++) {
        turn(bed);
        assert_true(script_has(bed->kernel, &steps[i]));
        script_complete(bed->kernel, &steps[i], 0);
        turn(bed);
    }
    while (!pirn_op_is_idle(&chain.op)) {
        turn(bed);
    }
    pirn_task_finish(bed->context, &last.op, 3);
    assert_int_equal(turn(bed), 1);
    assert_int_equal(last.result, 3);
    assert_true(pirn_serial_is_idle(&queue.serial));
}

/* --- in the function of an op --- */

struct busy {
    struct note note;
    struct queue *queue;
    void (*act)(struct busy *busy);
    int times; /* that it acts */
    uint32_t waiting;
    uint32_t running;
    bool began; /* somebody, while it was called */
};

static void busy_fn(struct pirn_op *op, int32_t result)
{
    struct busy *busy = pirn_container_of(op, struct busy, note.op);
    struct pirn_serial *serial = &busy->queue->serial;

    note_fn(op, result);
    busy->running = pirn_serial_running_count(serial);
    busy->waiting = pirn_serial_waiting_count(serial);
    if (busy->times-- > 0) {
        busy->act(busy);
    }
    busy->began = pirn_serial_running_count(serial) != busy->running;
}

static void busy_push(struct busy *busy, struct queue *queue,
                      void (*act)(struct busy *busy))
{
    *busy = (struct busy){.queue = queue, .act = act, .times = 1};
    pirn_prep_nop(&busy->note.op);
    pirn_serial_push(&queue->serial, &busy->note.op, busy_fn);
}

static void end_busy(struct bed *bed, struct busy *busy)
{
    turn(bed);
    script_complete(bed->kernel, &busy->note.op, 0);
    assert_int_equal(turn(bed), 1);
    turn(bed);
}

static void do_nothing(struct busy *busy)
{
    (void)busy;
}

/* tevent_queue goes on when the request's memory goes. */
static void turn_ends_with_the_function_not_with_the_memory(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct busy busy;

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    busy_push(&busy, &queue, do_nothing);
    push_nop(&queue, 0);
    end_busy(bed, &busy);
    assert_false(busy.began);
    assert_int_equal(busy.running, 0); /* counts are exact in there */
    assert_int_equal(busy.waiting, 1);
    assert_true(kernel_has(bed, &queue, 0));
    end(bed, &queue, 0, 0);
}

static void act_retry(struct busy *busy)
{
    pirn_serial_push_as(&busy->queue->serial, &busy->note.op, PIRN_SERIAL_FRONT,
                        busy_fn);
}

static void op_put_back_at_the_front_runs_again_next(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct busy busy;

    queue_init(&queue, bed, (struct pirn_serial_config){.waiting_max = 1});
    busy_push(&busy, &queue, act_retry);
    busy.times = 2;
    push_nop(&queue, 0);
    for (int i = 1; i <= 2; i++) {
        end_busy(bed, &busy);
        assert_int_equal(busy.note.calls, i);
        assert_false(kernel_has(bed, &queue, 0));
    }
    end_busy(bed, &busy);
    assert_true(kernel_has(bed, &queue, 0));
    end(bed, &queue, 0, 0);
}

static void act_stop_and_retry(struct busy *busy)
{
    pirn_serial_stop(&busy->queue->serial);
    act_retry(busy);
}

/* Who finds all workers busy stops the serial and waits at its front; whoever
 * is done with a worker starts it again. */
static void stopped_from_its_function_it_waits_at_the_front(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct busy busy;

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    busy_push(&busy, &queue, act_stop_and_retry);
    push_nop(&queue, 0);
    end_busy(bed, &busy);
    assert_int_equal(script_inflight_count(bed->kernel), 0);
    assert_int_equal(pirn_serial_waiting_count(&queue.serial), 2);
    pirn_serial_start(&queue.serial);
    end_busy(bed, &busy);
    assert_int_equal(busy.note.calls, 2);
    end(bed, &queue, 0, 0);
}

static void act_push_two(struct busy *busy)
{
    push_nop(busy->queue, 0);
    push_nop(busy->queue, 1);
}

static void pushed_from_a_function_begins_when_that_returns(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct busy busy;

    /* Bound 1: the first has a slot then, and does not count as waiting. */
    queue_init(&queue, bed, (struct pirn_serial_config){.waiting_max = 1});
    busy_push(&busy, &queue, act_push_two);
    end_busy(bed, &busy);
    assert_false(busy.began);
    assert_int_equal(queue.notes[0].calls + queue.notes[1].calls, 0);
    end(bed, &queue, 0, 0);
    end(bed, &queue, 1, 0);
}

/* --- stop and start --- */

static void nothing_begins_while_stopped(void **state)
{
    struct bed *bed = *state;
    struct queue queue;

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    push_nop(&queue, 0);
    push_nop(&queue, 1);
    pirn_serial_stop(&queue.serial);
    pirn_serial_stop(&queue.serial);
    turn(bed);
    end(bed, &queue, 0, 0); /* what runs goes on */
    assert_int_equal(script_inflight_count(bed->kernel), 0);
    assert_true(pirn_serial_is_stopped(&queue.serial));
    assert_false(pirn_serial_is_idle(&queue.serial)); /* somebody waits */
    pirn_serial_start(&queue.serial);
    turn(bed);
    end(bed, &queue, 1, 0);
    assert_true(pirn_serial_is_idle(&queue.serial));
}

static void what_is_pushed_before_the_first_start_waits_for_it(void **state)
{
    struct bed *bed = *state;
    struct queue queue;

    queue_init(&queue, bed,
               (struct pirn_serial_config){.begins_stopped = true,
                                           .slot_count = MANY});
    push_nops(&queue);
    turn(bed);
    assert_int_equal(script_inflight_count(bed->kernel), 0);
    assert_int_equal(pirn_serial_waiting_count(&queue.serial), MANY);
    pirn_serial_start(&queue.serial);
    assert_int_equal(pirn_serial_running_count(&queue.serial), MANY);
    turn(bed);
    for (int i = 0; i < MANY; i++) {
        end(bed, &queue, i, 0);
    }
}

/* --- errors --- */

/* An operation that panics keeps operation-queue's runner for ever. */
static void negative_result_does_not_stop_it(void **state)
{
    struct bed *bed = *state;
    struct queue queue;

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    push_nop(&queue, 0);
    push_nop(&queue, 1);
    turn(bed);
    end(bed, &queue, 0, -EIO);
    assert_true(kernel_has(bed, &queue, 1));
    end(bed, &queue, 1, 0);
}

static void asked_to_it_stops_on_an_error_and_who_waits_stays(void **state)
{
    struct bed *bed = *state;
    struct queue queue;

    queue_init(&queue, bed,
               (struct pirn_serial_config){.stops_on_error = true});
    for (int i = 0; i < 3; i++) {
        push_nop(&queue, i);
    }
    pirn_cancel(bed->context, &queue.notes[1].op); /* it never ran: no error */
    assert_int_equal(turn(bed), 1);
    assert_false(pirn_serial_is_stopped(&queue.serial));
    end(bed, &queue, 0, -EIO);
    assert_true(pirn_serial_is_stopped(&queue.serial));
    assert_int_equal(pirn_serial_waiting_count(&queue.serial), 1);
    assert_int_equal(script_inflight_count(bed->kernel), 0);
    pirn_serial_start(&queue.serial);
    turn(bed);
    end(bed, &queue, 2, 0);
}

static void act_start(struct busy *busy)
{
    pirn_serial_start(&busy->queue->serial);
}

static void function_may_overrule_the_stop_on_error(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct busy busy;

    queue_init(&queue, bed,
               (struct pirn_serial_config){.stops_on_error = true});
    busy_push(&busy, &queue, act_start);
    push_nop(&queue, 0);
    turn(bed);
    script_complete(bed->kernel, &busy.note.op, -EIO);
    turn(bed);
    turn(bed);
    assert_true(kernel_has(bed, &queue, 0));
    end(bed, &queue, 0, 0);
}

static void ring_that_fails_ends_them_all_with_its_error(void **state)
{
    struct bed *bed = *state;
    struct queue queue;

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    push_nops(&queue);
    turn(bed);
    script_fail(bed->kernel, -EBADFD);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(turn(bed), 1);
        assert_int_equal(queue.notes[i].result, -EBADFD);
    }
    assert_true(pirn_serial_is_idle(&queue.serial));
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(one_runs_at_a_time_in_the_order_of_pushes),
          T(as_many_run_at_once_as_there_are_slots),
          T(each_serial_keeps_its_own_order),
          T(idle_serial_begins_what_is_pushed_at_once),
          T(chains_timers_and_tasks_have_their_turn),
          T(turn_ends_with_the_function_not_with_the_memory),
          T(op_put_back_at_the_front_runs_again_next),
          T(stopped_from_its_function_it_waits_at_the_front),
          T(pushed_from_a_function_begins_when_that_returns),
          T(nothing_begins_while_stopped),
          T(what_is_pushed_before_the_first_start_waits_for_it),
          T(negative_result_does_not_stop_it),
          T(asked_to_it_stops_on_an_error_and_who_waits_stays),
          T(function_may_overrule_the_stop_on_error),
          T(ring_that_fails_ends_them_all_with_its_error))
