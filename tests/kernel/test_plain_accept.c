/* SPDX-License-Identifier: MIT */
/* test_plain_accept.c - accepting and connecting without ever blocking */
#include "tests/kernel/plain.h"

#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/un.h>

/* Where a delivery cancels its own multishot. */
static struct pirn_context *note_context;

static int listening(uint16_t *ret_port, int backlog)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (void *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (void *)&address, &len), 0);
    *ret_port = address.sin_port;
    return fd;
}

static struct sockaddr_in loopback(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = port};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static int connected(uint16_t port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (void *)&address, sizeof(address)), 0);
    return fd;
}

static void a_multishot_accept_takes_every_connection_until_cancelled(
    void **state)
{
    struct bed *bed = *state;
    struct shot_note accepts = {0};
    uint16_t port;
    int listener = listening(&port, 64);
    int clients[20];

    pirn_prep_multishot_accept(&accepts.shot, listener);
    pirn_multishot_start(bed->context, &accepts.shot, shot_note_fn);
    for (int i = 0; i < 20; i++) {
        clients[i] = connected(port);
        if (i % 3 == 0) {
            turn(bed, 0);
        }
    }
    while (accepts.deliveries < 20) {
        turn(bed, PIRN_FOREVER);
    }
    pirn_multishot_cancel(bed->context, &accepts.shot);
    drain(bed);
    assert_int_equal(accepts.deliveries, 21);
    assert_int_equal(accepts.lasts, 1);
    assert_int_equal(accepts.results[20], -ECANCELED);
    for (int i = 0; i < 20; i++) { /* in the order in which they came */
        char number = (char)i;

        assert_int_equal(write(clients[i], &number, 1), 1);
        assert_int_equal(read(accepts.results[i], &number, 1), 1);
        assert_int_equal(number, i);
        close(clients[i]);
        close(accepts.results[i]);
    }
    close(listener);
}

static void cancel_at_first(struct pirn_multishot *shot, int32_t result,
                            enum pirn_more more)
{
    struct shot_note *note = pirn_container_of(shot, struct shot_note, shot);

    shot_note_fn(shot, result, more);
    if (note->deliveries == 1) {
        pirn_multishot_cancel(note_context, shot);
    }
}

/* No room for more deliveries when it is cancelled, and one connection already
 * taken: it is delivered, and those that were not taken stay. */
static void a_cancelled_multishot_delivers_what_it_has_taken(void **state)
{
    enum { COUNT = 30 };
    struct pirn_context_config config = {.sq_entries = 8, .cq_entries = 8};
    struct shot_note accepts = {0};
    uint16_t port;
    int listener = listening(&port, 64);
    int clients[COUNT];
    int left = 0;
    int fd;

    (void)state;
    assert_int_equal(
        pirn__context_create_on(&pirn__engine_plain, &config, &note_context),
        0);
    for (int i = 0; i < COUNT; i++) {
        clients[i] = connected(port);
    }
    pirn_prep_multishot_accept(&accepts.shot, listener);
    pirn_multishot_start(note_context, &accepts.shot, cancel_at_first);
    assert_int_equal(pirn_context_drain(note_context), 0);
    note_context = pirn_context_destroy(note_context);

    assert_int_equal(accepts.lasts, 1);
    assert_int_equal(accepts.results[accepts.deliveries - 1], -ECANCELED);
    assert_in_range(accepts.deliveries, 2, COUNT);
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        left++;
        close(fd);
    }
    assert_int_equal(accepts.deliveries - 1 + left, COUNT);
    for (int i = 0; i < COUNT; i++) {
        close(clients[i]);
    }
    for (int i = 0; i + 1 < accepts.deliveries; i++) {
        close(accepts.results[i]);
    }
    close(listener);
}

static void an_accept_that_fails_ends_a_multishot(void **state)
{
    struct bed *bed = *state;
    struct shot_note accepts = {0};

    pirn_prep_multishot_accept(&accepts.shot, bed->ends[0]);
    pirn_multishot_start(bed->context, &accepts.shot, shot_note_fn);
    drain(bed);
    assert_int_equal(accepts.deliveries, 1);
    assert_int_equal(accepts.lasts, 1);
    assert_true(accepts.results[0] == -EINVAL ||
                accepts.results[0] == -EOPNOTSUPP);
}

/* One of the two contexts on a blocking listener. */
struct taker {
    struct pirn_context *context;
    struct pirn_op accept;
    int listener;
    _Atomic int *taken;
    pthread_t thread;
};

static void took(struct pirn_op *op, int32_t result)
{
    struct taker *taker = pirn_container_of(op, struct taker, accept);

    if (result >= 0) {
        close(result);
        ++*taker->taken;
        pirn_start(taker->context, op, took);
    }
}

static void *take(void *argument)
{
    struct taker *taker = argument;
    void *failed = taker;

    if (pirn__context_create_on(&pirn__engine_plain, NULL, &taker->context) <
        0) {
        return failed;
    }
    pirn_prep_accept(&taker->accept, taker->listener, NULL, NULL);
    pirn_start(taker->context, &taker->accept, took);
    while (*taker->taken < 400 &&
           pirn_context_turn(taker->context, 1000000) >= 0) {
    }
    pirn_cancel(taker->context, &taker->accept);
    if (pirn_context_drain(taker->context) == 0) {
        failed = NULL;
    }
    pirn_context_destroy(taker->context);
    return failed;
}

/* Both hear of a connection, and one of them comes too late. */
static void contexts_that_share_a_listener_never_block_in_accept(void **state)
{
    struct taker takers[2];
    _Atomic int taken = 0;
    uint16_t port;
    int listener = listening(&port, 64);
    void *failed;

    (void)state;
    for (int i = 0; i < 2; i++) {
        takers[i] = (struct taker){.listener = listener, .taken = &taken};
        assert_int_equal(
            pthread_create(&takers[i].thread, NULL, take, &takers[i]), 0);
    }
    for (int i = 0; i < 400; i++) {
        close(connected(port));
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(takers[i].thread, &failed), 0);
        assert_null(failed);
    }
    assert_int_equal(taken, 400);
    close(listener);
}

static void connecting_leaves_the_socket_blocking(void **state)
{
    struct bed *bed = *state;
    struct note connecting = {0};
    struct sockaddr_in address;
    uint16_t port;
    int listener = listening(&port, 8);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address = loopback(port);
    pirn_prep_connect(&connecting.op, fd, (void *)&address, sizeof(address));
    note_start(bed->context, &connecting);
    turn_until(bed, &connecting, 1);
    assert_int_equal(connecting.result, 0);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    close(fd);
    close(listener);

    fd = socket(AF_INET, SOCK_STREAM, 0);
    note_start(bed->context, &connecting); /* to a port without a listener */
    pirn_cancel(bed->context, &connecting.op);
    turn_until(bed, &connecting, 2);
    pirn_prep_connect(&connecting.op, fd, (void *)&address, sizeof(address));
    note_start(bed->context, &connecting);
    turn_until(bed, &connecting, 3);
    assert_int_equal(connecting.result, -ECONNREFUSED);
    close(fd);
}

/* A listener that accepts nobody: its queue holds two, the third must wait. */
static void a_connect_that_waits_is_cancelled(void **state)
{
    struct bed *bed = *state;
    struct note connects[4] = {0};
    struct sockaddr_in address;
    uint16_t port;
    int listener = listening(&port, 1);
    int fds[4];

    address = loopback(port);
    for (int i = 0; i < 4; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        pirn_prep_connect(&connects[i].op, fds[i], (void *)&address,
                          sizeof(address));
        note_start(bed->context, &connects[i]);
        turn(bed, 1000000);
    }
    assert_int_equal(connects[0].result, 0);
    assert_int_equal(connects[3].calls, 0);
    for (int i = 0; i < 4; i++) {
        pirn_cancel(bed->context, &connects[i].op);
    }
    drain(bed);
    assert_int_equal(connects[3].result, -ECANCELED);
    for (int i = 0; i < 4; i++) {
        close(fds[i]);
    }
    close(listener);
}

static void a_full_local_backlog_is_said_and_not_waited_for(void **state)
{
    struct bed *bed = *state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct note connects[3] = {0};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    socklen_t len = sizeof(sa_family_t) + 20;
    int fds[3];

    snprintf(address.sun_path + 1, 20, "pirn-plain-%d", getpid());
    assert_int_equal(bind(listener, (void *)&address, len), 0);
    assert_int_equal(listen(listener, 0), 0);
    for (int i = 0; i < 3; i++) {
        fds[i] = socket(AF_UNIX, SOCK_STREAM, 0);
        pirn_prep_connect(&connects[i].op, fds[i], (void *)&address, len);
        note_start(bed->context, &connects[i]);
        turn_until(bed, &connects[i], 1);
    }
    assert_int_equal(connects[0].result, 0);
    assert_int_equal(connects[2].result, -EAGAIN);
    for (int i = 0; i < 3; i++) {
        close(fds[i]);
    }
    close(listener);
}

/* Interest in a listener does not outlast the accept: one timer, one sleep. */
static void interest_ends_with_the_accept(struct bed *bed, bool cancelled)
{
    struct note accept = {0};
    struct note timer = {0};
    uint16_t port;
    int listener = listening(&port, 8);
    int client;

    pirn_prep_accept(&accept.op, listener, NULL, NULL);
    note_start(bed->context, &accept);
    turn(bed, 0);
    if (cancelled) {
        pirn_cancel(bed->context, &accept.op);
    } else {
        close(connected(port));
    }
    turn_until(bed, &accept, 1);
    if (accept.result >= 0) {
        close(accept.result);
    }
    client = connected(port);
    pirn_prep_timer(&timer.op, 20000000);
    note_start(bed->context, &timer);
    turn(bed, PIRN_FOREVER);
    assert_int_equal(timer.calls, 1);
    close(client);
    close(listener);
}

static void a_listener_nobody_accepts_from_wakes_nobody(void **state)
{
    interest_ends_with_the_accept(*state, false);
    interest_ends_with_the_accept(*state, true);
}

static void accepts_and_polls_wait_on_one_listener(void **state)
{
    struct bed *bed = *state;
    struct note accepts[3] = {0};
    struct note polls[2] = {0};
    uint16_t port;
    int listener = listening(&port, 8);
    int clients[3];

    for (int i = 0; i < 3; i++) {
        pirn_prep_accept(&accepts[i].op, listener, NULL, NULL);
        note_start(bed->context, &accepts[i]);
        turn(bed, 0);
        if (i < 2) {
            pirn_prep_poll(&polls[i].op, listener, POLLIN);
            note_start(bed->context, &polls[i]);
            turn(bed, 0);
        }
    }
    for (int i = 0; i < 3; i++) {
        clients[i] = connected(port);
        turn_until(bed, &accepts[i], 1);
        assert_true(accepts[i].result >= 0);
        close(accepts[i].result);
        close(clients[i]);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(polls[i].result, POLLIN);
    }
    close(listener);
}

/* TCP does not heed SPLICE_F_NONBLOCK. */
static void a_splice_from_a_tcp_socket_does_not_hold_a_worker(void **state)
{
    struct bed *bed = *state;
    struct note splice = {0};
    struct note look = {0};
    struct statx statx;
    uint16_t port;
    int listener = listening(&port, 8);
    int client = connected(port);
    int fd = accept(listener, NULL, NULL);

    pirn_prep_splice(&splice.op, fd, PIRN_OFFSET_CURRENT, bed->pipe[1],
                     PIRN_OFFSET_CURRENT, 10, 0);
    note_start(bed->context, &splice);
    pirn_prep_stat(&look.op, AT_FDCWD, "/", 0, STATX_BASIC_STATS, &statx);
    note_start(bed->context, &look);
    turn_until(bed, &look, 1);
    assert_int_equal(splice.calls, 0);
    assert_int_equal(write(client, "abc", 3), 3);
    drain(bed);
    assert_int_equal(splice.result, 3);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    close(fd);
    close(client);
    close(listener);
}

/* --- beside the ring --- */

/* What O_NONBLOCK means to @class: nothing. */
static void wait_on_nonblocking(const struct engine_class *class)
{
    struct note accept = {0};
    struct note recv = {0};
    struct note read = {0};
    struct pirn_context *context;
    uint16_t port;
    int listener = listening(&port, 8);
    int ends[2];
    int both[2];
    char bytes[2];

    assert_int_equal(pirn__context_create_on(class, NULL, &context), 0);
    assert_int_equal(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends),
                     0);
    assert_int_equal(pipe2(both, O_NONBLOCK), 0);
    pirn_prep_accept(&accept.op, listener, NULL, NULL);
    note_start(context, &accept);
    pirn_prep_recv(&recv.op, ends[0], &bytes[0], 1, 0);
    note_start(context, &recv);
    pirn_prep_read(&read.op, both[0], &bytes[1], 1, PIRN_OFFSET_CURRENT);
    note_start(context, &read);
    assert_true(pirn_context_turn(context, 1000000) >= 0);
    assert_int_equal(accept.calls + recv.calls + read.calls, 0);
    assert_int_equal(write(both[1], "y", 1), 1);
    close(connected(port));
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(pirn_context_drain(context), 0);
    assert_true(accept.result >= 0);
    assert_int_equal(recv.result, 1);
    assert_int_equal(read.result, 1);
    pirn_context_destroy(context);
    close(accept.result);
    close(listener);
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(both[i]);
    }
}

static void nonblocking_means_the_same_to_plain_and_ring(void **state)
{
    struct pirn_context *context;

    (void)state;
    wait_on_nonblocking(&pirn__engine_plain);
    if (pirn__context_create_on(&pirn__engine_uring, NULL, &context) == 0) {
        pirn_context_destroy(context);
        wait_on_nonblocking(&pirn__engine_uring);
    }
}

TEST_MAIN(PLAIN_TEST(a_multishot_accept_takes_every_connection_until_cancelled),
          PLAIN_TEST(a_cancelled_multishot_delivers_what_it_has_taken),
          PLAIN_TEST(an_accept_that_fails_ends_a_multishot),
          PLAIN_TEST(contexts_that_share_a_listener_never_block_in_accept),
          PLAIN_TEST(connecting_leaves_the_socket_blocking),
          PLAIN_TEST(a_connect_that_waits_is_cancelled),
          PLAIN_TEST(a_full_local_backlog_is_said_and_not_waited_for),
          PLAIN_TEST(a_listener_nobody_accepts_from_wakes_nobody),
          PLAIN_TEST(accepts_and_polls_wait_on_one_listener),
          PLAIN_TEST(a_splice_from_a_tcp_socket_does_not_hold_a_worker),
          /* Last: the end of a ring may still interrupt a wait after it. */
          PLAIN_TEST(nonblocking_means_the_same_to_plain_and_ring))
