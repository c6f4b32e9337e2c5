/* SPDX-License-Identifier: MIT */
/* test_watch.c - readiness of real descriptors, told to who asked for it */
#include "tests/kernel/ring.h"

#include <pthread.h>
#include <sys/socket.h>

enum { MANY = 200 };

struct rig {
    struct pirn_watch watch;
    struct pirn_context *context;
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
    rig->events |= events;
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

static void start(struct ring *ring, struct rig *rig, int fd, uint32_t events,
                  uint32_t flags)
{
    rig->context = ring->context;
    pirn_prep_watch(&rig->watch, fd, events, flags, told);
    pirn_start(ring->context, &rig->watch.op, ended);
}

static void turn_until(struct rig *rig, int calls)
{
    while (rig->calls < calls) {
        assert_true(pirn_context_turn(rig->context, PIRN_FOREVER) >= 0);
    }
}

static void stop(struct rig *rig)
{
    pirn_cancel(rig->context, &rig->watch.op);
    while (rig->ends == 0) {
        assert_true(pirn_context_turn(rig->context, PIRN_FOREVER) >= 0);
    }
    assert_int_equal(rig->result, -ECANCELED);
}

/* All that can be known without waiting. */
static void settle(struct ring *ring)
{
    for (int i = 0; i < 4; i++) {
        assert_true(pirn_context_turn(ring->context, 0) >= 0);
    }
}

static void make_pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
}

static void close_pair(int ends[2])
{
    close(ends[0]);
    close(ends[1]);
}

static void put(int fd)
{
    assert_int_equal(write(fd, "x", 1), 1);
}

static void take(int fd)
{
    char byte;

    assert_int_equal(read(fd, &byte, 1), 1);
}

static void what_is_left_unread_is_told_again(void **state)
{
    struct ring *ring = *state;
    struct rig rig = {0};
    int ends[2];

    make_pair(ends);
    start(ring, &rig, ends[0], POLLIN, PIRN_WATCH_LEVEL);
    put(ends[1]);
    turn_until(&rig, 3);
    take(ends[0]);
    rig.calls = 0;
    settle(ring);
    assert_true(rig.calls <= 1); /* that was on its way */
    rig.calls = 0;
    settle(ring);
    assert_int_equal(rig.calls, 0);
    put(ends[1]);
    turn_until(&rig, 1);
    stop(&rig);
    close_pair(ends);
}

static void an_edge_is_told_once(void **state)
{
    struct ring *ring = *state;
    struct rig rig = {0};
    int ends[2];

    make_pair(ends);
    start(ring, &rig, ends[0], POLLIN, PIRN_WATCH_EDGE);
    put(ends[1]);
    turn_until(&rig, 1);
    settle(ring);
    assert_int_equal(rig.calls, 1);
    put(ends[1]);
    turn_until(&rig, 2);
    stop(&rig);
    close_pair(ends);
}

static void writable_and_readable_combine(void **state)
{
    static const uint32_t flags[] = {PIRN_WATCH_ONCE, PIRN_WATCH_EDGE};
    struct ring *ring = *state;

    for (int i = 0; i < 2; i++) {
        struct rig rig = {0};
        int ends[2];

        make_pair(ends);
        put(ends[1]);
        start(ring, &rig, ends[0], POLLIN | POLLOUT, flags[i]);
        turn_until(&rig, 1);
        assert_int_equal(rig.events, POLLIN | POLLOUT);
        stop(&rig);
        close_pair(ends);
    }
}

static void once_can_be_had_again(void **state)
{
    struct ring *ring = *state;
    struct rig rig = {0};
    int ends[2];

    make_pair(ends);
    start(ring, &rig, ends[0], POLLIN, PIRN_WATCH_ONCE);
    for (int i = 1; i <= 3; i++) {
        put(ends[1]);
        turn_until(&rig, i);
        settle(ring);
        assert_int_equal(rig.calls, i);
        pirn_watch_modify(&rig.watch, POLLIN); /* nothing was read */
        turn_until(&rig, i + 1);
        rig.calls--;
        take(ends[0]);
        pirn_watch_modify(&rig.watch, POLLIN);
    }
    stop(&rig);
    close_pair(ends);
}

static void a_hangup_is_told_to_who_asked_for_nothing(void **state)
{
    static const uint32_t flags[] = {PIRN_WATCH_ONCE, PIRN_WATCH_EDGE};
    struct ring *ring = *state;

    for (int i = 0; i < 2; i++) {
        struct rig rig = {0};
        int ends[2];

        make_pair(ends);
        put(ends[1]);
        start(ring, &rig, ends[0], 0, flags[i]);
        settle(ring);
        assert_int_equal(rig.calls, 0); /* readable is not its business */
        close(ends[1]);
        turn_until(&rig, 1);
        assert_true(rig.events & POLLHUP);
        stop(&rig);
        close(ends[0]);
    }
}

static void interest_follows_modify(void **state)
{
    struct ring *ring = *state;
    struct rig rig = {0};
    int ends[2];

    make_pair(ends);
    start(ring, &rig, ends[0], POLLIN, PIRN_WATCH_LEVEL);
    settle(ring);
    assert_int_equal(rig.calls, 0);
    pirn_watch_modify(&rig.watch, POLLOUT);
    turn_until(&rig, 2);
    assert_int_equal(rig.events, POLLOUT);
    pirn_watch_pause(&rig.watch);
    settle(ring);
    rig.calls = 0;
    settle(ring);
    assert_int_equal(rig.calls, 0);
    put(ends[1]);
    rig.events = 0;
    pirn_watch_modify(&rig.watch, POLLIN);
    turn_until(&rig, 1);
    assert_int_equal(rig.events, POLLIN);
    stop(&rig);
    close_pair(ends);
}

static void many_on_one_descriptor_are_all_told(void **state)
{
    struct ring *ring = *state;
    struct rig rigs[8] = {{.calls = 0}};
    int ends[2];

    make_pair(ends);
    for (int i = 0; i < 8; i++) {
        start(ring, &rigs[i], ends[0], i % 2 ? POLLIN : POLLOUT,
              i < 4 ? PIRN_WATCH_LEVEL : PIRN_WATCH_EDGE);
    }
    put(ends[1]);
    for (int i = 0; i < 8; i++) {
        turn_until(&rigs[i], 1);
        assert_int_equal(rigs[i].events, i % 2 ? POLLIN : POLLOUT);
    }
    stop(&rigs[1]);
    rigs[3].calls = 0;
    turn_until(&rigs[3], 1); /* its neighbour's end is not its own */
    for (int i = 0; i < 8; i++) {
        if (i != 1) {
            stop(&rigs[i]);
        }
    }
    close_pair(ends);
}

/* Linux 6.18 completes some 20 at a time: a turn for each would be many. */
static void those_that_are_ready_share_a_turn(void **state)
{
    struct ring *ring = *state;
    static struct rig rigs[MANY];
    int turns = 0;
    int ends[2];

    make_pair(ends);
    memset(rigs, 0, sizeof(rigs));
    for (int i = 0; i < MANY; i++) {
        start(ring, &rigs[i], ends[0], POLLIN, PIRN_WATCH_ONCE);
    }
    settle(ring);
    put(ends[1]);
    for (int told = 0; told < MANY; turns++) {
        told += pirn_context_turn(ring->context, PIRN_FOREVER);
    }
    assert_true(turns < MANY / 4);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(rigs[i].calls, 1);
        stop(&rigs[i]);
    }
    close_pair(ends);
}

static void the_descriptor_is_left_as_it_was(void **state)
{
    static const int kinds[] = {0, SOCK_NONBLOCK};
    struct ring *ring = *state;

    for (int i = 0; i < 2; i++) {
        struct rig rig = {0};
        int flags;
        int ends[2];

        assert_int_equal(
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | kinds[i], 0, ends),
            0);
        flags = fcntl(ends[0], F_GETFL);
        start(ring, &rig, ends[0], POLLIN, PIRN_WATCH_LEVEL);
        put(ends[1]);
        turn_until(&rig, 1);
        assert_int_equal(fcntl(ends[0], F_GETFL), flags);
        stop(&rig);
        assert_int_equal(fcntl(ends[0], F_GETFL), flags);
        close_pair(ends);
    }
}

static void it_closes_what_it_was_given(void **state)
{
    static const uint32_t flags[] = {PIRN_WATCH_LEVEL, PIRN_WATCH_EDGE};
    struct ring *ring = *state;

    for (int i = 0; i < 2; i++) {
        struct rig rig = {0};
        char byte;
        int ends[2];

        make_pair(ends);
        start(ring, &rig, ends[0], POLLIN, flags[i] | PIRN_WATCH_CLOSE);
        settle(ring);
        stop(&rig);
        assert_int_equal(read(ends[1], &byte, 1), 0);
        close(ends[1]);
    }
}

/* The number lives again at once, and the old watch has nothing to say. */
static void a_number_that_lives_again_is_another(void **state)
{
    struct ring *ring = *state;

    for (int i = 0; i < 20; i++) {
        struct rig old = {0};
        struct rig new = {0};
        int ends[2];
        int again[2];

        make_pair(ends);
        start(ring, &old, ends[0], POLLIN, i % 2 ? PIRN_WATCH_EDGE : 0);
        settle(ring);
        put(ends[1]); /* an event that nobody has fetched */
        stop(&old);
        close_pair(ends);
        make_pair(again);
        assert_int_equal(again[0], ends[0]);
        start(ring, &new, again[0], POLLIN, i % 2 ? PIRN_WATCH_EDGE : 0);
        settle(ring);
        assert_int_equal(new.calls, 0);
        put(again[1]);
        turn_until(&new, 1);
        assert_int_equal(old.calls, 0);
        stop(&new);
        close_pair(again);
    }
}

static void what_is_not_open_is_said(void **state)
{
    static const uint32_t flags[] = {PIRN_WATCH_LEVEL, PIRN_WATCH_EDGE};
    struct ring *ring = *state;

    for (int i = 0; i < 2; i++) {
        struct rig rig = {0};

        start(ring, &rig, 999, POLLIN, flags[i] | PIRN_WATCH_CLOSE);
        assert_int_equal(pirn_context_drain(ring->context), 0);
        assert_int_equal(rig.result, -EBADF);
        assert_int_equal(rig.calls, 0);
    }
}

/* What another thread wants done, and where. */
struct errand {
    struct pirn_op post;
    struct rig *rig;
    int fd;
    int step;
};

static void run_errand(struct pirn_op *op, int32_t result)
{
    struct errand *errand = pirn_container_of(op, struct errand, post);
    struct rig *rig = errand->rig;

    (void)result;
    if (errand->step == 0) {
        pirn_prep_watch(&rig->watch, errand->fd, POLLIN, PIRN_WATCH_CLOSE,
                        told);
        pirn_start(rig->context, &rig->watch.op, ended);
    } else if (errand->step == 1) {
        pirn_watch_modify(&rig->watch, POLLOUT);
    } else {
        pirn_cancel(rig->context, &rig->watch.op);
    }
}

static void *send_errands(void *argument)
{
    struct errand *errands = argument;

    for (int i = 0; i < 3; i++) {
        errands[i].step = i;
        pirn_post(errands[i].rig->context, &errands[i].post, run_errand);
    }
    return NULL;
}

static void another_thread_posts(void **state)
{
    struct ring *ring = *state;

    for (int i = 0; i < 100; i++) {
        struct rig rig = {.context = ring->context};
        struct errand errands[3] = {
            {.rig = &rig}, {.rig = &rig}, {.rig = &rig}};
        pthread_t thread;
        int ends[2];

        make_pair(ends);
        errands[0].fd = ends[0];
        assert_int_equal(pthread_create(&thread, NULL, send_errands, errands),
                         0);
        while (rig.ends == 0) {
            assert_true(pirn_context_turn(ring->context, PIRN_FOREVER) >= 0);
        }
        assert_int_equal(rig.result, -ECANCELED);
        pthread_join(thread, NULL);
        close(ends[1]);
    }
}

RING_TEST_MAIN(RING_TEST(what_is_left_unread_is_told_again),
               RING_TEST(an_edge_is_told_once),
               RING_TEST(writable_and_readable_combine),
               RING_TEST(once_can_be_had_again),
               RING_TEST(a_hangup_is_told_to_who_asked_for_nothing),
               RING_TEST(interest_follows_modify),
               RING_TEST(many_on_one_descriptor_are_all_told),
               RING_TEST(those_that_are_ready_share_a_turn),
               RING_TEST(the_descriptor_is_left_as_it_was),
               RING_TEST(it_closes_what_it_was_given),
               RING_TEST(a_number_that_lives_again_is_another),
               RING_TEST(what_is_not_open_is_said),
               RING_TEST(another_thread_posts))
