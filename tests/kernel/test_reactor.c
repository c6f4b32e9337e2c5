/* SPDX-License-Identifier: MIT */
/* test_reactor.c - threads that register, and one that polls */
#include "tests/kernel/ring.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>

enum {
    ROOM = 4,
    THREADS = 4,
    EACH = 500,
};

static struct pirn_reactor *make(struct ring *ring, uint32_t max)
{
    struct pirn_reactor *reactor;

    assert_int_equal(pirn_reactor_create(ring->context, max, &reactor), 0);
    return reactor;
}

static void make_pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
}

/* Close, and count the ends that are left. */
static int finish(struct pirn_reactor *reactor)
{
    struct pirn_event events[ROOM];
    int ended = 0;
    int n;

    pirn_reactor_close(reactor);
    while ((n = pirn_reactor_poll(reactor, events, ROOM, PIRN_FOREVER)) >= 0) {
        for (int i = 0; i < n; i++) {
            ended += (events[i].events & PIRN_EVENT_ENDED) != 0;
        }
    }
    assert_int_equal(n, -ECANCELED);
    pirn_reactor_destroy(reactor);
    return ended;
}

static void one_place_for_four_that_are_ready(void **state)
{
    struct pirn_reactor *reactor = make(*state, 4);
    struct pirn_event event;
    uint64_t registration;
    int seen = 0;
    int ends[2];

    make_pair(ends);
    for (uint64_t i = 0; i < 4; i++) {
        assert_int_equal(pirn_reactor_register(reactor, ends[0], i, POLLOUT,
                                               PIRN_WATCH_ONCE, &registration),
                         0);
    }
    while (seen != 15) {
        assert_int_equal(pirn_reactor_poll(reactor, &event, 1, PIRN_FOREVER),
                         1);
        assert_int_equal(event.events, POLLOUT);
        assert_false(seen & 1 << event.token);
        seen |= 1 << event.token;
    }
    assert_int_equal(finish(reactor), 4);
    close(ends[0]);
    close(ends[1]);
}

static void what_is_left_unread_is_told_by_every_poll(void **state)
{
    struct pirn_reactor *reactor = make(*state, 1);
    struct pirn_event event;
    uint64_t registration;
    char byte;
    int ends[2];

    make_pair(ends);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(
        pirn_reactor_register(reactor, ends[0], 0, POLLIN, 0, &registration),
        0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pirn_reactor_poll(reactor, &event, 1, PIRN_FOREVER),
                         1);
        assert_int_equal(event.events, POLLIN);
    }
    assert_int_equal(read(ends[0], &byte, 1), 1);
    assert_int_equal(pirn_reactor_poll(reactor, &event, 1, 0), 0);
    assert_int_equal(finish(reactor), 1);
    close(ends[0]);
    close(ends[1]);
}

/* A thread that registers, is answered, and deregisters, again and again. */
struct client {
    struct pirn_reactor *reactor;
    uint64_t token;
    int fd;
    atomic_uint events; /* of its token */
    atomic_uint ends;
    int accepted;
    int failed;
};

static void wait_for(atomic_uint *count, unsigned least)
{
    while (atomic_load(count) < least) {
        sched_yield();
    }
}

static bool visit(struct client *client, unsigned round)
{
    uint64_t registration;
    int ends[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 ||
        pirn_reactor_register(client->reactor, ends[0], client->token, POLLIN,
                              PIRN_WATCH_ONCE, &registration) < 0 ||
        write(ends[1], "x", 1) != 1) {
        return false;
    }
    wait_for(&client->events, round);
    if (pirn_reactor_deregister(client->reactor, registration) < 0) {
        return false;
    }
    wait_for(&client->ends, round);
    close(ends[0]); /* it is ours again, and its number another's soon */
    close(ends[1]);
    return true;
}

static void *visit_often(void *argument)
{
    struct client *client = argument;

    for (unsigned i = 1; i <= EACH && !client->failed; i++) {
        client->failed = !visit(client, i);
    }
    pirn_reactor_wake(client->reactor);
    return NULL;
}

static void threads_register_and_close_their_descriptors(void **state)
{
    struct pirn_reactor *reactor = make(*state, THREADS);
    struct client clients[THREADS] = {{.reactor = reactor}};
    struct pirn_event events[ROOM];
    pthread_t threads[THREADS];
    unsigned ends = 0;

    for (int i = 0; i < THREADS; i++) {
        clients[i].reactor = reactor;
        clients[i].token = (uint64_t)i;
        pthread_create(&threads[i], NULL, visit_often, &clients[i]);
    }
    while (ends < THREADS * EACH) {
        int n = pirn_reactor_poll(reactor, events, ROOM, PIRN_FOREVER);

        assert_true(n >= 0);
        for (int i = 0; i < n; i++) {
            struct client *client = &clients[events[i].token];
            bool ended = (events[i].events & PIRN_EVENT_ENDED) != 0;

            assert_true(ended || events[i].events == POLLIN);
            atomic_fetch_add(ended ? &client->ends : &client->events, 1);
            ends += ended;
        }
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(clients[i].failed);
        assert_int_equal(atomic_load(&clients[i].events), EACH);
    }
    assert_int_equal(finish(reactor), 0);
}

/* Registers until it is refused: whatever was accepted must end. */
static void *register_on(void *argument)
{
    struct client *client = argument;
    uint64_t registration;
    int r;

    do {
        r = pirn_reactor_register(client->reactor, client->fd, client->token, 0,
                                  0, &registration);
        client->accepted += r == 0;
    } while (r == 0 || r == -ENOBUFS);
    client->failed = r != -ECANCELED;
    return NULL;
}

static void closing_while_others_register_loses_none(void **state)
{
    int ends[2];

    make_pair(ends);
    for (int round = 0; round < 50; round++) {
        struct pirn_reactor *reactor = make(*state, 64);
        struct client clients[THREADS] = {{.reactor = reactor}};
        pthread_t threads[THREADS];
        struct pirn_event event;
        int accepted = 0;
        int ended = 0;
        int n;

        for (int i = 0; i < THREADS; i++) {
            clients[i].reactor = reactor;
            clients[i].fd = ends[0];
            pthread_create(&threads[i], NULL, register_on, &clients[i]);
        }
        for (int i = 0; i < round % 10; i++) {
            assert_int_equal(pirn_reactor_poll(reactor, &event, 1, 0), 0);
        }
        pirn_reactor_close(reactor);
        while ((n = pirn_reactor_poll(reactor, &event, 1, PIRN_FOREVER)) >= 0) {
            ended += n;
        }
        assert_int_equal(n, -ECANCELED);
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
            assert_false(clients[i].failed);
            accepted += clients[i].accepted;
        }
        assert_int_equal(ended, accepted);
        pirn_reactor_destroy(reactor);
    }
    close(ends[0]);
    close(ends[1]);
}

static void *wake_it(void *argument)
{
    pirn_reactor_wake(argument);
    return NULL;
}

static void another_thread_wakes_a_poll(void **state)
{
    struct pirn_reactor *reactor = make(*state, 1);
    struct pirn_event event;
    pthread_t thread;

    for (int i = 0; i < 100; i++) {
        pthread_create(&thread, NULL, wake_it, reactor);
        assert_int_equal(pirn_reactor_poll(reactor, &event, 1, PIRN_FOREVER),
                         0);
        pthread_join(thread, NULL);
    }
    assert_int_equal(finish(reactor), 0);
}

static void on_alarm(int number)
{
    (void)number;
}

/* Interrupted every 10 ms, a time of 50 ms that began anew would never end. */
static void signals_do_not_prolong_a_poll(void **state)
{
    struct pirn_reactor *reactor = make(*state, 1);
    struct sigaction action = {.sa_handler = on_alarm};
    struct itimerval often = {{0, 10000}, {0, 10000}};
    struct itimerval never = {{0, 0}, {0, 0}};
    struct pirn_event event;

    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    assert_int_equal(pirn_reactor_poll(reactor, &event, 1, 50000000), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_int_equal(finish(reactor), 0);
}

RING_TEST_MAIN(RING_TEST(one_place_for_four_that_are_ready),
               RING_TEST(what_is_left_unread_is_told_by_every_poll),
               RING_TEST(threads_register_and_close_their_descriptors),
               RING_TEST(closing_while_others_register_loses_none),
               RING_TEST(another_thread_wakes_a_poll),
               RING_TEST(signals_do_not_prolong_a_poll))
