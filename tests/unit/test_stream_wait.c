/* SPDX-License-Identifier: MIT */
/* test_stream_wait.c - waiting until little is unsent, or nothing moves */
#include "test.h"

#include "tests/sim/stream_rig.h"

#define SECOND UINT64_C(1000000000)

static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static void settle(struct stream_rig *rig)
{
    rig_close(rig, PIRN_STREAM_ABORT);
    rig_turns(rig, 4);
    script_complete(rig->bed->kernel, rig_send_op(rig), 0);
    rig_turns(rig, 2);
    assert_int_equal(rig->close.calls, 1);
}

static void drain(struct stream_rig *rig, struct note *note, uint32_t low)
{
    pirn_prep_stream_drain(&note->op, &rig->stream, low);
    note_start(rig->bed->context, note);
}

static void drain_of_nothing_ends_in_a_later_turn(void **state)
{
    struct note note = {0};
    struct stream_rig rig;

    rig_init(&rig, state);
    drain(&rig, &note, 0);
    assert_int_equal(note.calls, 0);
    rig_turns(&rig, 1);
    assert_int_equal(note.calls, 1);
    assert_int_equal(note.result, 0);
    settle(&rig);
}

/* Two marks; each is met when exactly that much is left. */
static void drains_end_when_no_more_than_their_mark_is_left(void **state)
{
    struct note high = {0}, low = {0};
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, text, 10);
    rig_send(&rig, 1, text + 10, 10);
    drain(&rig, &high, 10);
    drain(&rig, &low, 0);
    rig_turns(&rig, 1);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 9);
    rig_turns(&rig, 2);
    assert_int_equal(pirn_stream_unsent(&rig.stream), 11);
    assert_int_equal(high.calls, 0);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 1);
    rig_turns(&rig, 2);
    assert_int_equal(high.calls, 1);
    assert_int_equal(high.result, 0);
    assert_int_equal(low.calls, 0);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 10);
    rig_turns(&rig, 2);
    assert_int_equal(low.calls, 1);
    settle(&rig);
}

static void drain_ends_with_the_error_that_ended_the_stream(void **state)
{
    struct note note = {0};
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, text, 10);
    drain(&rig, &note, 5);
    rig_turns(&rig, 1);
    script_complete(rig.bed->kernel, rig_send_op(&rig), -ECONNRESET);
    rig_turns(&rig, 2);
    assert_int_equal(note.calls, 1);
    assert_int_equal(note.result, -ECONNRESET);
    settle(&rig);
}

static void drain_is_cancelled(void **state)
{
    struct note note = {0};
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, text, 10);
    drain(&rig, &note, 5);
    rig_turns(&rig, 1);
    pirn_cancel(rig.bed->context, &note.op);
    rig_turns(&rig, 1);
    assert_int_equal(note.result, -ECANCELED);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 10);
    rig_turns(&rig, 2);
    assert_int_equal(note.calls, 1);
    settle(&rig);
}

/* A send that is cancelled while it waits is not unsent any more. */
static void a_cancelled_send_lets_a_drain_end(void **state)
{
    struct note note = {0};
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, text, 5);
    rig_turns(&rig, 1);
    rig_send(&rig, 1, text + 5, 10);
    drain(&rig, &note, 5);
    pirn_cancel(rig.bed->context, &rig.sends[1].op);
    rig_turns(&rig, 1);
    assert_int_equal(note.calls, 1);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 5);
    rig_turns(&rig, 2);
    settle(&rig);
}

/* --- idle --- */

struct idle_note {
    struct pirn_stream_idle idle;
    int calls;
    int32_t result;
};

static void idle_ended(struct pirn_op *op, int32_t result)
{
    struct idle_note *note = pirn_container_of(op, struct idle_note, idle.op);

    note->calls++;
    note->result = result;
}

static void wait_idle(struct stream_rig *rig, struct idle_note *note)
{
    pirn_prep_stream_idle(&note->idle, &rig->stream, 10 * SECOND);
    pirn_start(rig->bed->context, &note->idle.op, idle_ended);
}

static void pass(struct stream_rig *rig, uint64_t ns)
{
    script_pass(rig->bed->kernel, ns);
    rig_turns(rig, 3);
}

static void a_silent_stream_is_told_on_time_and_not_before(void **state)
{
    struct idle_note note = {0};
    struct stream_rig rig;

    rig_init(&rig, state);
    pass(&rig, 100 * SECOND); /* before the wait: does not count */
    wait_idle(&rig, &note);
    pass(&rig, 10 * SECOND - 1);
    assert_int_equal(note.calls, 0);
    pass(&rig, 1);
    assert_int_equal(note.calls, 1);
    assert_int_equal(note.result, 0);
    settle(&rig);
}

/* Between turns the context does not look at the clock; a wait must. */
static void a_wait_counts_from_its_start_and_not_from_the_last_turn(
    void **state)
{
    struct idle_note note = {0};
    struct stream_rig rig;

    rig_init(&rig, state);
    script_pass(rig.bed->kernel, 100 * SECOND); /* no turn meanwhile */
    wait_idle(&rig, &note);
    pass(&rig, 10 * SECOND - 1);
    assert_int_equal(note.calls, 0);
    pass(&rig, 1);
    assert_int_equal(note.calls, 1);
    settle(&rig);
}

static void what_comes_and_what_leaves_puts_it_off(void **state)
{
    struct idle_note note = {0};
    struct stream_rig rig;

    rig_init(&rig, state);
    pirn_stream_resume(&rig.stream);
    wait_idle(&rig, &note);
    rig_turns(&rig, 1);
    pass(&rig, 9 * SECOND);
    rig_deliver(&rig, "x");
    pass(&rig, 9 * SECOND);
    rig_send(&rig, 0, text, 2);
    rig_turns(&rig, 1);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 1);
    pass(&rig, 9 * SECOND);
    assert_int_equal(note.calls, 0);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 1);
    rig_turns(&rig, 2);
    pass(&rig, 10 * SECOND);
    assert_int_equal(note.calls, 1);
    settle(&rig);
}

/* A send that the peer does not take is no movement. */
static void a_stuck_send_is_idle(void **state)
{
    struct idle_note note = {0};
    struct stream_rig rig;

    rig_init(&rig, state);
    wait_idle(&rig, &note);
    rig_send(&rig, 0, text, 2);
    pass(&rig, 10 * SECOND);
    assert_int_equal(note.calls, 1);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 2);
    settle(&rig);
}

static void idle_is_cancelled_and_waited_for_again(void **state)
{
    struct idle_note note = {0};
    struct stream_rig rig;

    rig_init(&rig, state);
    wait_idle(&rig, &note);
    pirn_cancel(rig.bed->context, &note.idle.op);
    rig_turns(&rig, 2);
    assert_int_equal(note.result, -ECANCELED);
    wait_idle(&rig, &note);
    pass(&rig, 10 * SECOND);
    assert_int_equal(note.calls, 2);
    assert_int_equal(note.result, 0);
    settle(&rig);
}

/* Its memory may be freed with the stream's, when the close has ended. */
static void close_ends_the_wait_before_itself(void **state)
{
    struct idle_note note = {0};
    struct stream_rig rig;

    rig_init(&rig, state);
    wait_idle(&rig, &note);
    rig_close(&rig, PIRN_STREAM_ABORT);
    assert_int_equal(rig_turns(&rig, 1), 1); /* the timer */
    assert_int_equal(script_inflight_count(rig.bed->kernel), 0);
    rig_turns(&rig, 1);
    assert_int_equal(note.calls, 1);
    assert_int_equal(note.result, -ECANCELED);
    rig_turns(&rig, 1);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 0);
    rig_turns(&rig, 2);
    assert_int_equal(rig.close.calls, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(drain_of_nothing_ends_in_a_later_turn),
          T(drains_end_when_no_more_than_their_mark_is_left),
          T(drain_ends_with_the_error_that_ended_the_stream),
          T(drain_is_cancelled), T(a_cancelled_send_lets_a_drain_end),
          T(a_silent_stream_is_told_on_time_and_not_before),
          T(a_wait_counts_from_its_start_and_not_from_the_last_turn),
          T(what_comes_and_what_leaves_puts_it_off), T(a_stuck_send_is_idle),
          T(idle_is_cancelled_and_waited_for_again),
          T(close_ends_the_wait_before_itself))
