/* SPDX-License-Identifier: MIT */
/* test_serial_end.c - who never has his turn, and how a serial ends */
#include "test.h"

#include <errno.h>

#include "tests/sim/death.h"
#include "tests/sim/serial_rig.h"

static void cancelled_while_it_waits_it_ends_in_a_later_turn(void **state)
{
    struct bed *bed = *state;
    struct queue queue;

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    push_nops(&queue);
    turn(bed);
    pirn_cancel(bed->context, &queue.notes[1].op); /* in the middle */
    pirn_cancel(bed->context, &queue.notes[1].op);
    pirn_cancel(bed->context, &queue.notes[4].op); /* the last */
    assert_int_equal(queue.notes[1].calls, 0);
    assert_int_equal(pirn_serial_waiting_count(&queue.serial), 2);
    assert_int_equal(turn(bed), 2);
    assert_int_equal(queue.notes[1].result, -ECANCELED);
    assert_int_equal(queue.notes[1].calls, 1);
    assert_int_equal(queue.notes[4].result, -ECANCELED);
    assert_int_equal(script_cancel_count(bed->kernel), 0);
    end(bed, &queue, 0, 0);
    end(bed, &queue, 2, 0);
    end(bed, &queue, 3, 0);
    assert_true(pirn_serial_is_idle(&queue.serial));
}

static void cancelled_in_its_turn_its_own_result_decides(void **state)
{
    struct bed *bed = *state;
    struct queue queue;

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    push_nop(&queue, 0);
    push_nop(&queue, 1);
    turn(bed);
    script_set_deaf(bed->kernel, true);
    pirn_cancel(bed->context, &queue.notes[0].op);
    turn(bed);
    assert_int_equal(script_cancel_count(bed->kernel), 1);
    assert_int_equal(pirn_serial_running_count(&queue.serial), 1);
    end(bed, &queue, 0, 9);
    end(bed, &queue, 1, 0);
}

static void deadline_reaches_it_where_it_waits(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct note deadline = {0};

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    push_nop(&queue, 0);
    push_nop(&queue, 1);
    pirn_prep_deadline(&deadline.op, &queue.notes[1].op, SCRIPT_START_NS + 5);
    note_start(bed->context, &deadline);
    turn(bed);
    script_pass(bed->kernel, 5);
    turn(bed);
    turn(bed);
    assert_int_equal(queue.notes[1].result, -ECANCELED);
    assert_int_equal(queue.notes[0].calls, 0);
    end(bed, &queue, 0, 0);
}

static void who_is_one_too_many_is_told_so_in_a_later_turn(void **state)
{
    struct bed *bed = *state;
    struct queue queue;

    queue_init(&queue, bed, (struct pirn_serial_config){.waiting_max = 2});
    for (int i = 0; i < 4; i++) {
        push_nop(&queue, i);
    }
    assert_int_equal(queue.notes[3].calls, 0);
    assert_int_equal(turn(bed), 1);
    assert_int_equal(queue.notes[3].result, -EXFULL);
    assert_int_equal(pirn_serial_waiting_count(&queue.serial), 2);
    push_nop_as(&queue, 3, PIRN_SERIAL_FRONT); /* who had a turn has room */
    assert_int_equal(pirn_serial_waiting_count(&queue.serial), 3);
    end(bed, &queue, 0, 0);
    end(bed, &queue, 3, 0);
    push_nop(&queue, 4); /* one waits */
    end(bed, &queue, 1, 0);
    end(bed, &queue, 2, 0);
    end(bed, &queue, 4, 0);
}

/* --- alone --- */

static void who_is_alone_begins_after_all_before_and_nobody_beside(void **state)
{
    struct bed *bed = *state;
    struct queue queue;

    queue_init(&queue, bed, (struct pirn_serial_config){.slot_count = 3});
    push_nop(&queue, 0);
    push_nop(&queue, 1);
    push_nop_as(&queue, 2, PIRN_SERIAL_ALONE);
    push_nop(&queue, 3);
    push_nop(&queue, 4);
    turn(bed);
    end(bed, &queue, 1, 0);
    assert_int_equal(script_inflight_count(bed->kernel), 1);
    end(bed, &queue, 0, 0);
    assert_int_equal(script_inflight_count(bed->kernel), 1);
    assert_true(kernel_has(bed, &queue, 2));
    push_nop(&queue, 0); /* an empty slot is none of its business */
    turn(bed);
    assert_int_equal(script_inflight_count(bed->kernel), 1);
    end(bed, &queue, 2, 0);
    assert_int_equal(script_inflight_count(bed->kernel), 3);
    for (int i = 3; i < 6; i++) {
        end(bed, &queue, i % 5, 0);
    }
}

static void task_alone_holds_all_behind_it_until_it_is_finished(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct note lock = {0};

    queue_init(&queue, bed, (struct pirn_serial_config){.slot_count = 2});
    pirn_prep_task(&lock.op, NULL);
    pirn_serial_push_as(&queue.serial, &lock.op, PIRN_SERIAL_ALONE, note_fn);
    push_nop(&queue, 0);
    turn(bed);
    assert_int_equal(script_inflight_count(bed->kernel), 0);
    pirn_task_finish(bed->context, &lock.op, 4);
    assert_int_equal(turn(bed), 1);
    turn(bed);
    assert_true(kernel_has(bed, &queue, 0));
    end(bed, &queue, 0, 0);
}

static void who_waited_behind_him_begins_when_he_is_cancelled(void **state)
{
    struct bed *bed = *state;
    struct queue queue;

    queue_init(&queue, bed, (struct pirn_serial_config){.slot_count = 2});
    push_nop(&queue, 0);
    push_nop_as(&queue, 1, PIRN_SERIAL_ALONE);
    push_nop(&queue, 2);
    pirn_cancel(bed->context, &queue.notes[1].op);
    assert_int_equal(pirn_serial_running_count(&queue.serial), 2);
    turn(bed);
    assert_int_equal(queue.notes[1].result, -ECANCELED);
    end(bed, &queue, 2, 0);
    end(bed, &queue, 0, 0);
}

/* The members of a group are whatever is under way elsewhere. */
static void group_is_waited_for_by_who_is_alone_behind_it(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct note all = {0};

    queue_init(&queue, bed, (struct pirn_serial_config){.slot_count = MANY});
    for (int i = 0; i < MANY; i++) {
        pirn_prep_task(&queue.notes[i].op, NULL);
        pirn_serial_push(&queue.serial, &queue.notes[i].op, note_fn);
    }
    pirn_prep_immediate(&all.op);
    pirn_serial_push_as(&queue.serial, &all.op, PIRN_SERIAL_ALONE, note_fn);
    for (int i = MANY - 1; i >= 0; i--) {
        turn(bed);
        assert_int_equal(all.calls, 0);
        pirn_task_finish(bed->context, &queue.notes[i].op, 0);
    }
    assert_int_equal(turn(bed), 1);
    assert_int_equal(turn(bed), 1);
    assert_int_equal(all.calls, 1);
}

/* --- drain --- */

static void drain_ends_when_nothing_runs_and_nothing_waits(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct note drains[2] = {0};

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    push_nop(&queue, 0);
    push_nop(&queue, 1);
    pirn_prep_serial_drain(&drains[0].op, &queue.serial);
    note_start(bed->context, &drains[0]);
    turn(bed);
    end(bed, &queue, 0, 0);
    push_nop(&queue, 2);
    end(bed, &queue, 1, 0);
    assert_int_equal(drains[0].calls, 0);
    end(bed, &queue, 2, 0);
    assert_int_equal(drains[0].calls, 1);
    assert_int_equal(drains[0].result, 0);

    pirn_prep_serial_drain(&drains[1].op, &queue.serial);
    note_start(bed->context, &drains[1]); /* empty already */
    assert_int_equal(turn(bed), 1);
    assert_int_equal(drains[1].result, 0);
}

static void drain_that_is_late_is_followed_by_a_close(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct note drain = {0};
    struct note deadline = {0};
    struct note close = {0};

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    push_nop(&queue, 0);
    push_nop(&queue, 1);
    pirn_prep_serial_drain(&drain.op, &queue.serial);
    note_start(bed->context, &drain);
    pirn_prep_deadline(&deadline.op, &drain.op, SCRIPT_START_NS + 5);
    note_start(bed->context, &deadline);
    turn(bed);
    script_pass(bed->kernel, 5);
    turn(bed);
    turn(bed);
    assert_int_equal(drain.result, -ECANCELED);
    assert_int_equal(pirn_serial_waiting_count(&queue.serial), 1);
    pirn_prep_serial_close(&close.op, &queue.serial);
    assert_int_equal(pirn_wait(bed->context, &close.op), 0);
    assert_int_equal(queue.notes[0].result, -ECANCELED);
    assert_int_equal(queue.notes[1].result, -ECANCELED);
}

static void drain_that_ends_last_sees_what_was_cancelled(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct note drain = {0};

    queue_init(&queue, bed,
               (struct pirn_serial_config){.begins_stopped = true});
    push_nop(&queue, 0);
    pirn_prep_serial_drain(&drain.op, &queue.serial);
    note_start(bed->context, &drain);
    assert_int_equal(turn(bed), 0);
    pirn_cancel(bed->context, &queue.notes[0].op);
    assert_int_equal(turn(bed), 2);
    assert_true(queue.notes[0].place < drain.place);
}

/* --- close --- */

/* tevent_queue strands them: its end frees the entries and calls nobody. */
static void close_ends_everybody_and_is_called_last(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct note drain = {0};
    struct note close = {0};

    queue_init(&queue, bed, (struct pirn_serial_config){.slot_count = 2});
    push_nops(&queue);
    pirn_prep_serial_drain(&drain.op, &queue.serial);
    note_start(bed->context, &drain);
    turn(bed);
    script_set_deaf(bed->kernel, true);
    pirn_prep_serial_close(&close.op, &queue.serial);
    note_start(bed->context, &close);
    assert_int_equal(queue.notes[4].calls, 0); /* not from inside */
    assert_int_equal(turn(bed), 4); /* the drain too; two still run */
    push_nop(&queue, 4);
    assert_int_equal(turn(bed), 1);
    script_complete(bed->kernel, &queue.notes[1].op, -ECANCELED);
    script_complete(bed->kernel, &queue.notes[0].op, -ECANCELED);
    assert_int_equal(turn(bed), 2);
    assert_int_equal(close.calls, 0);
    assert_int_equal(turn(bed), 1);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(queue.notes[i].result, -ECANCELED);
        assert_true(queue.notes[i].place < close.place);
    }
    assert_int_equal(queue.notes[4].calls, 2);
    assert_int_equal(script_cancel_count(bed->kernel), 2);
    assert_int_equal(drain.result, -ECANCELED);
    assert_int_equal(close.result, 0);
    pirn_serial_deinit(&queue.serial);
}

static void close_waits_for_what_cannot_be_cancelled(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct note closes[2] = {0};

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    pirn_prep_task(&queue.notes[0].op, NULL);
    pirn_serial_push(&queue.serial, &queue.notes[0].op, note_fn);
    for (int i = 0; i < 2; i++) { /* twice is not once, but does no harm */
        pirn_prep_serial_close(&closes[i].op, &queue.serial);
        note_start(bed->context, &closes[i]);
    }
    assert_true(pirn_task_is_cancelled(&queue.notes[0].op));
    assert_int_equal(turn(bed), 0);
    pirn_task_finish(bed->context, &queue.notes[0].op, 6);
    assert_int_equal(turn(bed), 1);
    assert_int_equal(queue.notes[0].result, 6);
    assert_int_equal(turn(bed), 2);
    assert_int_equal(closes[0].calls + closes[1].calls, 2);
}

static void what_comes_after_the_close_is_an_answer_not_an_abort(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct note close = {0};
    struct note drain = {0};

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    pirn_prep_serial_close(&close.op, &queue.serial);
    assert_int_equal(pirn_wait(bed->context, &close.op), 0);
    push_nop(&queue, 0);
    push_nop_as(&queue, 1, PIRN_SERIAL_FRONT);
    pirn_prep_serial_drain(&drain.op, &queue.serial);
    note_start(bed->context, &drain);
    pirn_serial_start(&queue.serial);
    assert_int_equal(turn(bed), 3);
    assert_int_equal(queue.notes[0].result, -ECANCELED);
    assert_int_equal(queue.notes[1].result, -ECANCELED);
    assert_int_equal(drain.result, -ECANCELED);
}

struct connection {
    struct pirn_op op;
    struct pirn_serial serial;
};

static void hang_up(struct pirn_op *op, int32_t result)
{
    struct connection *connection =
        pirn_container_of(op, struct connection, op);

    (void)result;
    pirn_serial_deinit(&connection->serial);
    memset(connection, 0xAA, sizeof(*connection)); /* others' from now on */
}

static void last_op_may_free_the_serial_from_its_function(void **state)
{
    struct bed *bed = *state;
    struct connection connection = {0};
    struct connection others;

    pirn_serial_init(&connection.serial, bed->context, NULL);
    pirn_prep_immediate(&connection.op);
    pirn_serial_push(&connection.serial, &connection.op, hang_up);
    assert_int_equal(turn(bed), 1);
    memset(&others, 0xAA, sizeof(others));
    assert_memory_equal(&connection, &others, sizeof(others));
}

/* --- what can be asked --- */

/* A turn that does not sleep need not read it. */
static void read_clock(struct bed *bed)
{
    turn(bed);
    assert_true(pirn_context_now_ns(bed->context) > 0);
}

static void who_has_held_a_turn_for_longest_is_named(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    uint64_t since_ns = 1;

    queue_init(&queue, bed, (struct pirn_serial_config){.slot_count = 2});
    assert_null(pirn_serial_longest(&queue.serial, &since_ns));
    assert_int_equal(since_ns, 1);
    for (int i = 0; i < 3; i++) {
        push_nop(&queue, i);
        script_pass(bed->kernel, 100);
        read_clock(bed);
    }
    assert_ptr_equal(pirn_serial_longest(&queue.serial, &since_ns),
                     &queue.notes[0].op);
    assert_int_equal(since_ns, SCRIPT_START_NS);
    end(bed, &queue, 0, 0);
    assert_ptr_equal(pirn_serial_longest(&queue.serial, &since_ns),
                     &queue.notes[1].op);
    assert_int_equal(since_ns, SCRIPT_START_NS + 100);
    end(bed, &queue, 1, 0);
    assert_ptr_equal(pirn_serial_longest(&queue.serial, &since_ns),
                     &queue.notes[2].op);
    assert_int_equal(since_ns, SCRIPT_START_NS + 300);
    end(bed, &queue, 2, 0);
}

static char traced[64];

static void trace(const struct pirn_serial *serial, const struct pirn_op *op,
                  enum pirn_serial_event event)
{
    const struct queue *queue = pirn_container_of(serial, struct queue, serial);
    const struct note *note = pirn_container_of(op, struct note, op);
    char word[] = {"wbedr"[event], (char)('0' + (note - queue->notes)), 0};

    strcat(traced, word);
}

static void each_event_is_traced(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct note close = {0};

    traced[0] = 0;
    queue_init(&queue, bed,
               (struct pirn_serial_config){.trace = trace, .waiting_max = 1});
    push_nop(&queue, 0);
    push_nop(&queue, 1);
    push_nop(&queue, 2);
    turn(bed);
    end(bed, &queue, 0, 0);
    push_nop(&queue, 3);
    pirn_prep_serial_close(&close.op, &queue.serial);
    assert_int_equal(pirn_wait(bed->context, &close.op), 0);
    push_nop(&queue, 4);
    turn(bed);
    assert_string_equal(traced, "b0w1r2e0b1w3d3e1r4");
}

/* --- from another thread --- */

struct job {
    struct pirn_op post;
    struct queue *queue;
    int number;
};

static void came(struct pirn_op *op, int32_t result)
{
    struct job *job = pirn_container_of(op, struct job, post);

    (void)result;
    push_nop(job->queue, job->number);
}

static void posted_pushes_keep_their_order(void **state)
{
    struct bed *bed = *state;
    struct queue queue;
    struct job jobs[MANY] = {0};

    queue_init(&queue, bed, (struct pirn_serial_config){0});
    for (int i = 0; i < MANY; i++) {
        jobs[i] = (struct job){.queue = &queue, .number = i};
        pirn_post(bed->context, &jobs[i].post, came);
    }
    assert_int_equal(turn(bed), MANY);
    for (int i = 0; i < MANY; i++) {
        turn(bed);
        end(bed, &queue, i, 0);
    }
}

/* --- programmer's errors, each in a child of its own --- */

static struct bed child_bed(void)
{
    struct bed bed;

    bed.context =
        script_context_create(&(struct script_config){0}, &bed.kernel);
    return bed;
}

static void deinit_with_a_waiter(void)
{
    struct bed bed = child_bed();
    struct queue queue;

    queue_init(&queue, &bed,
               (struct pirn_serial_config){.begins_stopped = true});
    push_nop(&queue, 0);
    pirn_serial_deinit(&queue.serial);
}

static void push_twice(void)
{
    struct bed bed = child_bed();
    struct queue queue;

    queue_init(&queue, &bed, (struct pirn_serial_config){0});
    push_nop(&queue, 0);
    push_nop(&queue, 1);
    pirn_serial_push(&queue.serial, &queue.notes[1].op, note_fn);
}

static void prepare_while_it_waits(void)
{
    struct bed bed = child_bed();
    struct queue queue;

    queue_init(&queue, &bed, (struct pirn_serial_config){0});
    push_nop(&queue, 0);
    push_nop(&queue, 1);
    pirn_prep_nop(&queue.notes[1].op);
}

static void destroy_the_context_of_a_waiter(void)
{
    struct bed bed = child_bed();
    struct queue queue;

    queue_init(&queue, &bed,
               (struct pirn_serial_config){.begins_stopped = true});
    push_nop(&queue, 0);
    pirn_context_destroy(bed.context);
}

static void programmers_errors_stop_the_program(void **state)
{
    (void)state;
    assert_true(dies(deinit_with_a_waiter, "a serial is closed before it end"));
    assert_true(dies(push_twice, "an op on loan may not be started again"));
    assert_true(dies(prepare_while_it_waits, "on loan may not be prepared"));
    assert_true(dies(destroy_the_context_of_a_waiter, "nothing is loaned"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(cancelled_while_it_waits_it_ends_in_a_later_turn),
          T(cancelled_in_its_turn_its_own_result_decides),
          T(deadline_reaches_it_where_it_waits),
          T(who_is_one_too_many_is_told_so_in_a_later_turn),
          T(who_is_alone_begins_after_all_before_and_nobody_beside),
          T(task_alone_holds_all_behind_it_until_it_is_finished),
          T(who_waited_behind_him_begins_when_he_is_cancelled),
          T(group_is_waited_for_by_who_is_alone_behind_it),
          T(drain_ends_when_nothing_runs_and_nothing_waits),
          T(drain_that_is_late_is_followed_by_a_close),
          T(drain_that_ends_last_sees_what_was_cancelled),
          T(close_ends_everybody_and_is_called_last),
          T(close_waits_for_what_cannot_be_cancelled),
          T(what_comes_after_the_close_is_an_answer_not_an_abort),
          T(last_op_may_free_the_serial_from_its_function),
          T(who_has_held_a_turn_for_longest_is_named), T(each_event_is_traced),
          T(posted_pushes_keep_their_order),
          cmocka_unit_test(programmers_errors_stop_the_program))
