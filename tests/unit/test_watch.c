/* SPDX-License-Identifier: MIT */
/* test_watch.c - what a watch asks of the kernel, and whom it tells */
#include "test.h"

#include <errno.h>

#include "runtime/engine/engine.h"
#include "tests/sim/bed.h"
#include "tests/sim/death.h"

enum { FD = 7 };

/* A watch that notes what it is told, and may act in there. */
struct rig {
    struct pirn_watch watch;
    struct bed *bed;
    void (*act)(struct rig *rig);
    int calls;
    uint32_t events;
    int ends;
    int32_t result;
};

static void told(struct pirn_watch *watch, uint32_t events)
{
    struct rig *rig = pirn_container_of(watch, struct rig, watch);

    rig->calls++;
    rig->events = events;
    if (rig->act != NULL) {
        rig->act(rig);
    }
}

static void ended(struct pirn_op *op, int32_t result)
{
    struct rig *rig = pirn_container_of(op, struct rig, watch.op);

    rig->ends++;
    rig->result = result;
}

static void turn(struct rig *rig)
{
    assert_true(pirn_context_turn(rig->bed->context, 0) >= 0);
}

static void start(struct rig *rig, void **state, uint32_t events,
                  uint32_t flags)
{
    *rig = (struct rig){.bed = *state};
    pirn_prep_watch(&rig->watch, FD, events, flags, told);
    pirn_start(rig->bed->context, &rig->watch.op, ended);
    turn(rig);
}

/* Whether the kernel has been asked, and for what. */
static bool is_armed(const struct rig *rig)
{
    return script_has(rig->bed->kernel, &rig->watch.priv.poll.once);
}

static uint32_t asked(const struct rig *rig)
{
    const struct pirn_op *op = script_nth(rig->bed->kernel, 0);

    return op != NULL ? op->priv.op_flags : UINT32_MAX;
}

static void come(struct rig *rig, int32_t result)
{
    script_complete(rig->bed->kernel, &rig->watch.priv.poll.once, result);
    turn(rig);
}

static void edge(struct rig *rig, int32_t result, enum pirn_more more)
{
    script_deliver(rig->bed->kernel, &rig->watch.priv.poll.edge, result, more);
    turn(rig);
}

static void stop(struct rig *rig)
{
    pirn_cancel(rig->bed->context, &rig->watch.op);
    turn(rig);
    turn(rig);
    turn(rig);
}

static void assert_ended(const struct rig *rig, int32_t result)
{
    assert_int_equal(rig->ends, 1);
    assert_int_equal(rig->result, result);
    assert_int_equal(pirn_context_loaned(rig->bed->context), 0);
    assert_int_equal(script_inflight_count(rig->bed->kernel), 0);
}

static void level_is_armed_again_after_each_call(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_LEVEL);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(asked(&rig), POLLIN);
        come(&rig, POLLIN);
        assert_int_equal(rig.calls, i);
        assert_int_equal(rig.events, POLLIN);
        assert_false(is_armed(&rig)); /* with the next turn, in its batch */
        turn(&rig);
        assert_true(is_armed(&rig));
    }
    stop(&rig);
    assert_ended(&rig, -ECANCELED);
    assert_int_equal(rig.calls, 3);
}

static void edges_cost_one_submission(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN | POLLOUT, PIRN_WATCH_EDGE);
    edge(&rig, POLLIN, PIRN_MORE);
    edge(&rig, POLLOUT, PIRN_MORE);
    edge(&rig, POLLIN | POLLOUT, PIRN_MORE);
    assert_int_equal(rig.calls, 3);
    assert_int_equal(rig.events, POLLIN | POLLOUT);
    stop(&rig);
    assert_ended(&rig, -ECANCELED);
    assert_int_equal(script_cancel_count(rig.bed->kernel), 1);
}

static void edges_go_on_when_the_kernel_ends_them(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_EDGE);
    edge(&rig, POLLIN, PIRN_LAST);
    turn(&rig);
    edge(&rig, POLLIN, PIRN_MORE);
    assert_int_equal(rig.calls, 2);
    stop(&rig);
    assert_ended(&rig, -ECANCELED);
}

static void once_is_paused_until_modified(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_ONCE);
    come(&rig, POLLIN);
    turn(&rig);
    assert_false(is_armed(&rig));
    pirn_watch_modify(&rig.watch, POLLIN);
    turn(&rig);
    come(&rig, POLLIN);
    assert_int_equal(rig.calls, 2);
    stop(&rig);
    assert_ended(&rig, -ECANCELED);
}

static void go_on_at_once(struct rig *rig)
{
    pirn_watch_modify(&rig->watch, POLLOUT);
}

static void once_may_go_on_from_its_own_call(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_ONCE);
    rig.act = go_on_at_once;
    come(&rig, POLLIN);
    turn(&rig);
    assert_int_equal(asked(&rig), POLLOUT);
    stop(&rig);
    assert_ended(&rig, -ECANCELED);
}

static void errors_and_hangups_are_told_unasked(void **state)
{
    struct rig rig;

    start(&rig, state, 0, PIRN_WATCH_ONCE);
    assert_int_equal(asked(&rig), 0);
    come(&rig, POLLERR | POLLHUP);
    assert_int_equal(rig.events, POLLERR | POLLHUP);
    stop(&rig);
    assert_ended(&rig, -ECANCELED);
}

static void modified_while_armed_asks_anew(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_LEVEL);
    pirn_watch_modify(&rig.watch, POLLIN); /* nothing new: nothing done */
    turn(&rig);
    assert_int_equal(script_cancel_count(rig.bed->kernel), 0);
    pirn_watch_modify(&rig.watch, POLLOUT);
    turn(&rig);
    turn(&rig);
    assert_int_equal(asked(&rig), POLLOUT);
    assert_int_equal(rig.calls, 0);
    stop(&rig);
    assert_ended(&rig, -ECANCELED);
}

static void what_is_no_longer_wanted_is_not_told(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_LEVEL);
    script_complete(rig.bed->kernel, &rig.watch.priv.poll.once, POLLIN);
    pirn_watch_modify(&rig.watch, POLLOUT);
    turn(&rig);
    turn(&rig);
    assert_int_equal(rig.calls, 0);
    assert_int_equal(asked(&rig), POLLOUT);
    stop(&rig);
    assert_ended(&rig, -ECANCELED);
}

static void modified_edges_are_asked_anew(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_EDGE);
    pirn_watch_modify(&rig.watch, POLLOUT);
    turn(&rig);
    turn(&rig);
    assert_int_equal(asked(&rig), POLLOUT);
    edge(&rig, POLLOUT, PIRN_MORE);
    assert_int_equal(rig.calls, 1);
    stop(&rig);
    assert_ended(&rig, -ECANCELED);
}

static void paused_is_not_told_and_asks_nothing(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_LEVEL);
    script_complete(rig.bed->kernel, &rig.watch.priv.poll.once, POLLHUP);
    pirn_watch_pause(&rig.watch);
    turn(&rig);
    turn(&rig);
    assert_int_equal(rig.calls, 0);
    assert_int_equal(script_inflight_count(rig.bed->kernel), 0);
    assert_int_equal(pirn_context_loaned(rig.bed->context), 1);
    stop(&rig);
    assert_ended(&rig, -ECANCELED);
}

static void paused_sleeps(void **state)
{
    struct rig rig;
    uint32_t waits;

    start(&rig, state, POLLIN, PIRN_WATCH_LEVEL);
    pirn_watch_pause(&rig.watch);
    turn(&rig);
    turn(&rig);
    waits = script_wait_count(rig.bed->kernel);
    assert_int_equal(pirn_context_turn(rig.bed->context, 1000000), 0);
    assert_int_equal(script_wait_count(rig.bed->kernel), waits + 1);
    assert_int_equal(script_timeout_ns(rig.bed->kernel), 1000000);
    stop(&rig);
    assert_ended(&rig, -ECANCELED);
}

static void cancelled_with_an_event_on_its_way_is_silent(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_LEVEL);
    script_complete(rig.bed->kernel, &rig.watch.priv.poll.once, POLLIN);
    stop(&rig);
    assert_int_equal(rig.calls, 0);
    assert_ended(&rig, -ECANCELED);
}

static void cancel_it(struct rig *rig)
{
    pirn_cancel(rig->bed->context, &rig->watch.op);
}

static void cancelled_from_its_own_call_ends_once(void **state)
{
    static const uint32_t flags[] = {PIRN_WATCH_LEVEL, PIRN_WATCH_ONCE};
    struct rig rig;

    for (int i = 0; i < 2; i++) {
        start(&rig, state, POLLIN, flags[i]);
        rig.act = cancel_it;
        come(&rig, POLLIN);
        assert_int_equal(rig.ends, 0); /* never from inside */
        turn(&rig);
        assert_int_equal(rig.calls, 1);
        assert_ended(&rig, -ECANCELED);
    }
    start(&rig, state, POLLIN, PIRN_WATCH_EDGE);
    rig.act = cancel_it;
    edge(&rig, POLLIN, PIRN_MORE);
    stop(&rig);
    assert_int_equal(rig.calls, 1);
    assert_ended(&rig, -ECANCELED);
}

static void change_after_the_end_changes_nothing(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_LEVEL);
    come(&rig, -EBADF);
    pirn_watch_modify(&rig.watch, POLLOUT);
    pirn_watch_pause(&rig.watch);
    pirn_cancel(rig.bed->context, &rig.watch.op);
    turn(&rig);
    turn(&rig);
    assert_ended(&rig, -EBADF);
}

static void error_of_the_poll_ends_the_watch(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_EDGE | PIRN_WATCH_CLOSE);
    edge(&rig, -EBADF, PIRN_LAST);
    turn(&rig);
    assert_int_equal(rig.calls, 0);
    assert_ended(&rig, -EBADF); /* and no close of somebody's number */
}

static void closes_once_nothing_is_on_loan(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_CLOSE);
    pirn_cancel(rig.bed->context, &rig.watch.op);
    turn(&rig); /* the cancellation */
    turn(&rig); /* the close */
    assert_int_equal(rig.ends, 0);
    assert_int_equal(rig.watch.priv.poll.once.priv.opcode, ENGINE_CLOSE);
    assert_int_equal(rig.watch.priv.poll.once.priv.fd, FD);
    come(&rig, 0);
    turn(&rig);
    assert_ended(&rig, -ECANCELED);
}

static void cancelled_while_it_closes_changes_nothing(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_CLOSE);
    come(&rig, -EIO);
    turn(&rig); /* the close */
    pirn_cancel(rig.bed->context, &rig.watch.op);
    pirn_watch_modify(&rig.watch, POLLOUT);
    come(&rig, 0);
    turn(&rig);
    assert_ended(&rig, -EIO);
}

static void it_may_be_started_again(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_ONCE);
    come(&rig, POLLIN);
    stop(&rig);
    assert_ended(&rig, -ECANCELED);
    pirn_start(rig.bed->context, &rig.watch.op, ended);
    turn(&rig);
    come(&rig, POLLIN); /* no longer paused */
    assert_int_equal(rig.calls, 2);
    stop(&rig);
    assert_int_equal(rig.ends, 2);
}

static void ring_that_fails_ends_watches(void **state)
{
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_LEVEL);
    script_fail(rig.bed->kernel, -EIO);
    while (pirn_context_turn(rig.bed->context, 0) >= 0) {
    }
    assert_int_equal(rig.ends, 1);
    assert_int_equal(rig.result, -EIO);
}

/* One descriptor may have several: none knows of the other. */
static void several_on_one_descriptor_are_told_each(void **state)
{
    struct rig reads;
    struct rig writes;

    start(&reads, state, POLLIN, PIRN_WATCH_LEVEL);
    start(&writes, state, POLLOUT, PIRN_WATCH_LEVEL);
    come(&writes, POLLOUT);
    assert_int_equal(reads.calls, 0);
    come(&reads, POLLIN);
    assert_int_equal(reads.calls, 1);
    assert_int_equal(writes.calls, 1);
    stop(&reads);
    assert_int_equal(writes.ends, 0);
    stop(&writes);
    assert_ended(&writes, -ECANCELED);
}

/* An immediate that starts itself for ever. */
static void again(struct pirn_op *op, int32_t result)
{
    struct rig *rig = pirn_container_of(op, struct rig, watch.op);

    (void)result;
    if (rig->calls++ < 1000) {
        pirn_start(rig->bed->context, op, again);
    }
}

static void greedy_immediate_starves_no_watch(void **state)
{
    struct rig greedy = {.bed = *state};
    struct rig rig;

    start(&rig, state, POLLIN, PIRN_WATCH_LEVEL);
    pirn_prep_immediate(&greedy.watch.op);
    pirn_start(greedy.bed->context, &greedy.watch.op, again);
    for (int i = 1; i <= 10; i++) {
        come(&rig, POLLIN);
        assert_int_equal(rig.calls, i);
        turn(&rig);
    }
    stop(&rig);
    assert_int_equal(pirn_context_drain(greedy.bed->context), 0);
}

static void edges_and_once(void)
{
    struct pirn_watch watch = {0};

    pirn_prep_watch(&watch, FD, POLLIN, PIRN_WATCH_EDGE | PIRN_WATCH_ONCE,
                    told);
}

static void a_contradiction_stops_the_program(void **state)
{
    (void)state;
    assert_true(dies(edges_and_once, "a watch tells of edges or once"));
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(
    T(level_is_armed_again_after_each_call), T(edges_cost_one_submission),
    T(edges_go_on_when_the_kernel_ends_them), T(once_is_paused_until_modified),
    T(once_may_go_on_from_its_own_call), T(errors_and_hangups_are_told_unasked),
    T(modified_while_armed_asks_anew), T(what_is_no_longer_wanted_is_not_told),
    T(modified_edges_are_asked_anew), T(paused_is_not_told_and_asks_nothing),
    T(paused_sleeps), T(cancelled_with_an_event_on_its_way_is_silent),
    T(cancelled_from_its_own_call_ends_once),
    T(change_after_the_end_changes_nothing),
    T(error_of_the_poll_ends_the_watch), T(closes_once_nothing_is_on_loan),
    T(cancelled_while_it_closes_changes_nothing), T(it_may_be_started_again),
    T(ring_that_fails_ends_watches), T(several_on_one_descriptor_are_told_each),
    T(greedy_immediate_starves_no_watch),
    cmocka_unit_test(a_contradiction_stops_the_program))
