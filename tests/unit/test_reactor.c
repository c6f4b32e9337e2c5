/* SPDX-License-Identifier: MIT */
/* test_reactor.c - what a poll hands out, on a kernel that does what is said */
#include "test.h"

#include <errno.h>

#include "tests/sim/bed.h"
#include "tests/sim/death.h"

enum { FD = 7, ROOM = 8 };

struct rig {
    struct bed *bed;
    struct pirn_reactor *reactor;
    struct pirn_event events[ROOM];
};

static void start(struct rig *rig, void **state, uint32_t max)
{
    *rig = (struct rig){.bed = *state};
    assert_int_equal(pirn_reactor_create(rig->bed->context, max, &rig->reactor),
                     0);
}

static uint64_t add(struct rig *rig, uint64_t token, uint32_t events,
                    uint32_t flags)
{
    uint64_t registration;

    assert_int_equal(pirn_reactor_register(rig->reactor, FD, token, events,
                                           flags, &registration),
                     0);
    return registration;
}

static int poll_now(struct rig *rig)
{
    return pirn_reactor_poll(rig->reactor, rig->events, ROOM, 0);
}

/* The oldest question that the kernel has is answered. */
static void answer(struct rig *rig, int32_t result)
{
    script_complete(rig->bed->kernel, script_nth(rig->bed->kernel, 0), result);
}

static void answer_edge(struct rig *rig, int32_t result)
{
    struct pirn_op *op = script_nth(rig->bed->kernel, 0);

    script_deliver(rig->bed->kernel,
                   pirn_container_of(&op->priv, struct pirn_multishot, priv),
                   result, PIRN_MORE);
}

/* All that a close brings; how many registrations ended. */
static int finish(struct rig *rig)
{
    int ended = 0;
    int n;

    pirn_reactor_close(rig->reactor);
    while ((n = poll_now(rig)) >= 0) {
        for (int i = 0; i < n; i++) {
            ended += (rig->events[i].events & PIRN_EVENT_ENDED) != 0;
        }
    }
    assert_int_equal(n, -ECANCELED);
    rig->reactor = pirn_reactor_destroy(rig->reactor);
    assert_int_equal(pirn_context_loaned(rig->bed->context), 0);
    return ended;
}

static void every_token_is_legal(void **state)
{
    static const uint64_t tokens[] = {0, 1, UINT64_MAX, UINT64_C(1) << 63};
    struct rig rig;

    start(&rig, state, 1);
    for (int i = 0; i < 4; i++) {
        uint64_t registration = add(&rig, tokens[i], POLLIN, 0);

        assert_int_equal(poll_now(&rig), 0);
        answer(&rig, POLLIN);
        assert_int_equal(poll_now(&rig), 1);
        assert_true(rig.events[0].token == tokens[i]);
        assert_int_equal(rig.events[0].events, POLLIN);
        assert_int_equal(pirn_reactor_deregister(rig.reactor, registration), 0);
        while (poll_now(&rig) == 0) {
        }
        assert_true(rig.events[0].token == tokens[i]);
        assert_true(rig.events[0].events == PIRN_EVENT_ENDED);
    }
    assert_int_equal(finish(&rig), 0);
}

static void what_does_not_fit_is_told_by_the_next_poll(void **state)
{
    struct rig rig;

    start(&rig, state, 4);
    for (uint64_t i = 0; i < 4; i++) {
        add(&rig, i, POLLIN, PIRN_WATCH_ONCE);
    }
    assert_int_equal(poll_now(&rig), 0);
    for (int i = 0; i < 4; i++) {
        answer(&rig, POLLIN);
    }
    rig.events[1].token = 77;
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(pirn_reactor_poll(rig.reactor, rig.events, 1, 0), 1);
        assert_true(rig.events[0].token == i);
        assert_true(rig.events[1].token == 77); /* not touched */
    }
    assert_int_equal(poll_now(&rig), 0);
    assert_int_equal(finish(&rig), 4);
}

static void level_is_asked_again_by_the_next_poll(void **state)
{
    struct rig rig;

    start(&rig, state, 1);
    add(&rig, 5, POLLIN, PIRN_WATCH_LEVEL);
    assert_int_equal(poll_now(&rig), 0);
    for (int i = 0; i < 3; i++) {
        answer(&rig, POLLIN);
        assert_int_equal(poll_now(&rig), 1);
        assert_int_equal(script_inflight_count(rig.bed->kernel), 0);
        assert_int_equal(poll_now(&rig), 0);
        assert_int_equal(script_inflight_count(rig.bed->kernel), 1);
    }
    assert_int_equal(finish(&rig), 1);
}

static void once_is_asked_again_when_modified(void **state)
{
    struct rig rig;
    uint64_t registration;

    start(&rig, state, 1);
    registration = add(&rig, 5, POLLIN, PIRN_WATCH_ONCE);
    assert_int_equal(poll_now(&rig), 0);
    answer(&rig, POLLIN);
    assert_int_equal(poll_now(&rig), 1);
    assert_int_equal(poll_now(&rig), 0);
    assert_int_equal(script_inflight_count(rig.bed->kernel), 0);
    assert_int_equal(pirn_reactor_modify(rig.reactor, registration, POLLIN), 0);
    assert_int_equal(poll_now(&rig), 0);
    assert_int_equal(poll_now(&rig), 0);
    assert_int_equal(script_inflight_count(rig.bed->kernel), 1);
    assert_int_equal(finish(&rig), 1);
}

/* Nothing that is there before the deregistration is told after it. */
static void deregistered_is_silent_but_for_its_end(void **state)
{
    static const uint32_t flags[] = {PIRN_WATCH_LEVEL, PIRN_WATCH_EDGE};
    struct rig rig;

    start(&rig, state, 1);
    for (int i = 0; i < 2; i++) {
        uint64_t registration = add(&rig, 5, POLLIN, flags[i]);
        int n;

        assert_int_equal(poll_now(&rig), 0);
        if (flags[i] == PIRN_WATCH_LEVEL) {
            answer(&rig, POLLIN);
        } else {
            answer_edge(&rig, POLLIN | POLLHUP);
        }
        assert_int_equal(pirn_reactor_deregister(rig.reactor, registration), 0);
        assert_int_equal(pirn_reactor_deregister(rig.reactor, registration),
                         -ENOENT);
        while ((n = poll_now(&rig)) == 0) {
        }
        assert_int_equal(n, 1);
        assert_true(rig.events[0].events == PIRN_EVENT_ENDED);
    }
    assert_int_equal(finish(&rig), 0);
}

static void modified_is_not_told_of_what_it_wanted_before(void **state)
{
    struct rig rig;
    uint64_t registration;

    start(&rig, state, 1);
    registration = add(&rig, 5, POLLIN | POLLOUT, PIRN_WATCH_LEVEL);
    assert_int_equal(poll_now(&rig), 0);
    answer(&rig, POLLIN);
    assert_int_equal(pirn_reactor_modify(rig.reactor, registration, POLLOUT),
                     0);
    assert_int_equal(pirn_reactor_poll(rig.reactor, rig.events, ROOM, 1000), 0);
    assert_int_equal(script_timeout_ns(rig.bed->kernel), 1000);
    answer(&rig, POLLIN | POLLOUT);
    assert_int_equal(poll_now(&rig), 1);
    assert_int_equal(rig.events[0].events, POLLOUT);
    assert_int_equal(finish(&rig), 1);
}

static void an_old_registration_never_reaches_a_new_one(void **state)
{
    struct rig rig;
    uint64_t old;

    start(&rig, state, 1);
    old = add(&rig, 1, POLLIN, 0);
    assert_int_equal(pirn_reactor_deregister(rig.reactor, old), 0);
    while (poll_now(&rig) == 0) {
    }
    add(&rig, 2, POLLIN, 0);
    assert_int_equal(pirn_reactor_deregister(rig.reactor, old), -ENOENT);
    assert_int_equal(pirn_reactor_modify(rig.reactor, old, 0), -ENOENT);
    assert_int_equal(poll_now(&rig), 0);
    assert_int_equal(script_inflight_count(rig.bed->kernel), 1);
    assert_int_equal(finish(&rig), 1);
}

static void a_full_reactor_refuses(void **state)
{
    struct rig rig;
    uint64_t registration;

    start(&rig, state, 2);
    add(&rig, 1, POLLIN, 0);
    add(&rig, 2, POLLIN, 0);
    assert_int_equal(
        pirn_reactor_register(rig.reactor, FD, 3, POLLIN, 0, &registration),
        -ENOBUFS);
    assert_int_equal(poll_now(&rig), 0);
    assert_int_equal(finish(&rig), 2);
}

static void what_cannot_be_watched_is_told_and_ended(void **state)
{
    struct rig rig;

    start(&rig, state, 1);
    add(&rig, 9, POLLIN, 0);
    assert_int_equal(poll_now(&rig), 0);
    answer(&rig, -EBADF);
    while (poll_now(&rig) == 0) {
    }
    assert_true(rig.events[0].events == (PIRN_EVENT_ENDED | POLLNVAL));
    assert_int_equal(finish(&rig), 0);
}

static void closed_refuses_and_ends_what_is_registered(void **state)
{
    struct rig rig;
    uint64_t registration;

    start(&rig, state, 3);
    add(&rig, 1, POLLIN, 0);
    assert_int_equal(poll_now(&rig), 0);
    add(&rig, 2, POLLIN, 0); /* its post is behind the close's */
    pirn_reactor_close(rig.reactor);
    pirn_reactor_close(rig.reactor);
    assert_int_equal(
        pirn_reactor_register(rig.reactor, FD, 3, POLLIN, 0, &registration),
        -ECANCELED);
    assert_int_equal(finish(&rig), 2);
}

static void wakes(void *argument)
{
    struct rig *rig = argument;

    pirn_reactor_wake(rig->reactor);
    pirn_reactor_wake(rig->reactor);
}

static void a_wake_ends_one_poll_without_an_event(void **state)
{
    struct rig rig;

    start(&rig, state, 1);
    script_while_asleep(rig.bed->kernel, wakes, &rig);
    assert_int_equal(
        pirn_reactor_poll(rig.reactor, rig.events, ROOM, PIRN_FOREVER), 0);
    assert_int_equal(pirn_reactor_poll(rig.reactor, rig.events, ROOM, 500), 0);
    assert_int_equal(script_sleep_count(rig.bed->kernel), 1);
    assert_int_equal(finish(&rig), 0);
}

/* Half the time passes, and something else of the context's ends. */
static void disturb(void *argument)
{
    struct rig *rig = argument;

    script_pass(rig->bed->kernel, 600);
    answer(rig, 0);
}

static void ignored(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

static void an_interrupted_poll_keeps_its_deadline(void **state)
{
    struct pirn_op nop = {0};
    struct rig rig;

    start(&rig, state, 1);
    pirn_prep_nop(&nop);
    pirn_start(rig.bed->context, &nop, ignored);
    script_while_asleep(rig.bed->kernel, disturb, &rig);
    assert_int_equal(pirn_reactor_poll(rig.reactor, rig.events, ROOM, 1000), 0);
    assert_int_equal(script_timeout_ns(rig.bed->kernel), 400);
    assert_int_equal(finish(&rig), 0);
}

static void a_ring_that_fails_is_said(void **state)
{
    struct rig rig;
    int n;

    start(&rig, state, 1);
    add(&rig, 4, POLLIN, 0);
    assert_int_equal(poll_now(&rig), 0);
    script_fail(rig.bed->kernel, -EIO);
    while ((n = poll_now(&rig)) == 0) {
    }
    assert_int_equal(n, 1);
    assert_true(rig.events[0].events & PIRN_EVENT_ENDED);
    assert_int_equal(poll_now(&rig), -EIO);
    pirn_reactor_close(rig.reactor);
    rig.reactor = pirn_reactor_destroy(rig.reactor);
}

static struct rig *doomed;

static void destroy_it(void)
{
    pirn_reactor_destroy(doomed->reactor);
}

static void destroying_what_is_open_stops_the_program(void **state)
{
    struct rig rig;

    start(&rig, state, 1);
    doomed = &rig;
    assert_true(dies(destroy_it, "destroyed when it is closed and empty"));
    assert_int_equal(finish(&rig), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(every_token_is_legal),
          T(what_does_not_fit_is_told_by_the_next_poll),
          T(level_is_asked_again_by_the_next_poll),
          T(once_is_asked_again_when_modified),
          T(deregistered_is_silent_but_for_its_end),
          T(modified_is_not_told_of_what_it_wanted_before),
          T(an_old_registration_never_reaches_a_new_one),
          T(a_full_reactor_refuses),
          T(what_cannot_be_watched_is_told_and_ended),
          T(closed_refuses_and_ends_what_is_registered),
          T(a_wake_ends_one_poll_without_an_event),
          T(an_interrupted_poll_keeps_its_deadline),
          T(a_ring_that_fails_is_said),
          T(destroying_what_is_open_stops_the_program))
