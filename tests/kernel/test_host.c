/* SPDX-License-Identifier: MIT */
/*
 * test_host.c - a context inside a foreign loop, which is poll(2) here
 *
 * Each turn is one of pirn_context_turn(context, 0), and only when the deadline
 * or the descriptor says so.
 */
#include "tests/kernel/ring.h"

#include <poll.h>
#include <pthread.h>
#include <time.h>

#include "pirn/post.h"

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* One round of the host's loop. */
static void host_round(struct pirn_context *context)
{
    struct pollfd pollfd = {pirn_context_fd(context), POLLIN, 0};
    uint64_t deadline_ns = pirn_context_deadline_ns(context);
    int timeout_ms = -1;

    if (deadline_ns != PIRN_FOREVER) {
        uint64_t now = now_ns();
        uint64_t left_ns = deadline_ns > now ? deadline_ns - now : 0;

        timeout_ms = (int)((left_ns + 999999) / 1000000);
    }
    assert_true(poll(&pollfd, 1, timeout_ms) >= 0);
    assert_true(pirn_context_turn(context, 0) >= 0);
}

static void completions_reach_the_host(void **state)
{
    struct ring *ring = *state;
    struct note read = {0};
    struct note slow = {0};
    char byte;
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pirn_prep_read(&read.op, ends[0], &byte, 1, PIRN_OFFSET_CURRENT);
    note_start(ring->context, &read);
    assert_true(pirn_context_deadline_ns(ring->context) == PIRN_FOREVER);
    assert_int_equal(write(ends[1], "x", 1), 1);
    while (read.calls == 0) {
        host_round(ring->context);
    }
    assert_int_equal(read.result, 1);

    pirn_prep_mkdir(&slow.op, ring->dir_fd, "made", 0700); /* by a worker */
    note_start(ring->context, &slow);
    while (slow.calls == 0) {
        host_round(ring->context);
    }
    assert_int_equal(slow.result, 0);
    close(ends[0]);
    close(ends[1]);
}

static void timers_bound_the_hosts_sleep(void **state)
{
    struct ring *ring = *state;
    struct note note = {0};

    pirn_prep_timer(&note.op, 3000000);
    note_start(ring->context, &note);
    assert_true(pirn_context_deadline_ns(ring->context) != PIRN_FOREVER);
    while (note.calls == 0) {
        host_round(ring->context);
    }
    assert_int_equal(note.result, 0);
    assert_true(pirn_context_deadline_ns(ring->context) == PIRN_FOREVER);
}

static struct note posted;

static void *post_from_elsewhere(void *argument)
{
    pirn_post(argument, &posted.op, note_fn);
    return NULL;
}

static void posts_wake_the_host(void **state)
{
    struct ring *ring = *state;
    pthread_t thread;

    posted = (struct note){0};
    assert_true(pirn_context_deadline_ns(ring->context) == PIRN_FOREVER);
    assert_int_equal(
        pthread_create(&thread, NULL, post_from_elsewhere, ring->context), 0);
    while (posted.calls == 0) {
        host_round(ring->context);
    }
    pthread_join(thread, NULL);

    posted = (struct note){0}; /* and again, behind a doorbell that was heard */
    assert_true(pirn_context_deadline_ns(ring->context) == PIRN_FOREVER);
    assert_int_equal(
        pthread_create(&thread, NULL, post_from_elsewhere, ring->context), 0);
    while (posted.calls == 0) {
        host_round(ring->context);
    }
    pthread_join(thread, NULL);
}

static void what_was_done_is_counted(void **state)
{
    struct ring *ring = *state;
    struct pirn_context_stats stats;
    struct note timer = {0};
    struct pirn_op op = {0};

    pirn_prep_nop(&op);
    assert_int_equal(pirn_wait(ring->context, &op), 0);
    pirn_prep_timer(&timer.op, 1000000000);
    note_start(ring->context, &timer);
    pirn_context_stats(ring->context, &stats);
    assert_int_equal(stats.submitted, 1);
    assert_int_equal(stats.functions, 1);
    assert_true(stats.turns >= 1);
    assert_int_equal(stats.loaned, 1);
    assert_int_equal(stats.timers, 1);
    pirn_cancel(ring->context, &timer.op);
    assert_int_equal(pirn_context_drain(ring->context), 0);
}

RING_TEST_MAIN(RING_TEST(completions_reach_the_host),
               RING_TEST(timers_bound_the_hosts_sleep),
               RING_TEST(posts_wake_the_host),
               RING_TEST(what_was_done_is_counted))
