/* SPDX-License-Identifier: MIT */
/*
 * test_plain.c - several operations on one descriptor, without io_uring
 *
 * What plain shares with the ring is tested by the tests of the operations, run
 * with PIRN_ENGINE=plain.
 */
#include "tests/kernel/plain.h"

#include <poll.h>
#include <pthread.h>

static void receivers_of_one_descriptor_keep_their_order(void **state)
{
    struct bed *bed = *state;
    struct note notes[3] = {0};
    char bytes[3] = {0};

    for (int i = 0; i < 3; i++) {
        pirn_prep_recv(&notes[i].op, bed->ends[0], &bytes[i], 1, 0);
        note_start(bed->context, &notes[i]);
        turn(bed, 0);
    }
    assert_int_equal(write(bed->ends[1], "ab", 2), 2);
    turn_until(bed, &notes[1], 1);
    assert_int_equal(notes[2].calls, 0);
    assert_int_equal(write(bed->ends[1], "c", 1), 1);
    turn_until(bed, &notes[2], 1);
    assert_memory_equal(bytes, "abc", 3);
    assert_true(notes[0].place < notes[1].place);
}

/* What comes in while they wait is not for one that is started later. */
static void who_comes_later_waits_behind(void **state)
{
    struct bed *bed = *state;
    struct note first = {0};
    struct note second = {0};
    char bytes[2];

    pirn_prep_recv(&first.op, bed->ends[0], &bytes[0], 1, 0);
    note_start(bed->context, &first);
    turn(bed, 0);
    assert_int_equal(write(bed->ends[1], "ab", 2), 2);
    pirn_prep_recv(&second.op, bed->ends[0], &bytes[1], 1, 0);
    note_start(bed->context, &second);
    drain(bed);
    assert_memory_equal(bytes, "ab", 2);
}

enum { BYTES = 200000 };

/* As slowly as they are received, now more and now less. */
static void *write_bytes(void *argument)
{
    const int *fd = argument;

    for (int i = 0; i < BYTES; i++) {
        char byte = (char)i;

        if (write(*fd, &byte, 1) != 1) {
            return argument;
        }
        for (volatile int spin = 0; spin < i % 2048; spin++) {
        }
    }
    return NULL;
}

/* Bytes come while all are being tried: none may have what one before it has
 * just missed. */
static void receivers_keep_their_order_while_bytes_come(void **state)
{
    enum { COUNT = 8 };
    struct bed *bed = *state;
    struct note notes[COUNT] = {0};
    char bytes[COUNT];
    int wrong = 0;
    void *failed;
    pthread_t thread;

    assert_int_equal(pthread_create(&thread, NULL, write_bytes, &bed->ends[1]),
                     0);
    for (int i = 0; i < BYTES; i += COUNT) {
        for (int k = 0; k < COUNT; k++) {
            pirn_prep_recv(&notes[k].op, bed->ends[0], &bytes[k], 1, 0);
            note_start(bed->context, &notes[k]);
        }
        drain(bed);
        for (int k = 0; k < COUNT; k++) {
            wrong += bytes[k] != (char)(i + k);
        }
    }
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    assert_int_equal(wrong, 0);
}

/* Each of the two directions waits, is served and goes on by itself. */
static void a_descriptor_is_waited_for_in_both_directions(void **state)
{
    struct bed *bed = *state;
    char *big = calloc(1, BIG);
    char *back = calloc(1, BIG);
    struct note send = {0};
    struct note recv = {0};
    struct note drain_all = {0};
    char byte = 0;

    pirn_prep_recv(&recv.op, bed->ends[0], &byte, 1, 0);
    note_start(bed->context, &recv);
    pirn_prep_send(&send.op, bed->ends[0], big, BIG, MSG_WAITALL);
    note_start(bed->context, &send);
    turn(bed, 0);
    assert_int_equal(recv.calls + send.calls, 0);

    assert_int_equal(write(bed->ends[1], "x", 1), 1);
    turn_until(bed, &recv, 1);
    assert_int_equal(recv.result, 1);
    assert_int_equal(send.calls, 0);

    pirn_prep_recv(&drain_all.op, bed->ends[1], back, BIG, MSG_WAITALL);
    note_start(bed->context, &drain_all);
    drain(bed);
    assert_int_equal(send.result, BIG);
    assert_int_equal(drain_all.result, BIG);
    free(big);
    free(back);
}

/* 100 pieces: more than are continued in one call. */
static void a_gathered_send_goes_on_until_all_is_sent(void **state)
{
    enum { PIECES = 100, PIECE = 40000 };
    struct bed *bed = *state;
    struct iovec iov[PIECES];
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = PIECES};
    uint8_t *bytes = malloc(PIECES * PIECE);
    uint8_t *back = malloc(PIECES * PIECE);
    struct note send = {0};
    struct note recv = {0};

    for (int i = 0; i < PIECES * PIECE; i++) {
        bytes[i] = (uint8_t)(i % 251);
    }
    for (int i = 0; i < PIECES; i++) {
        iov[i] = (struct iovec){bytes + i * PIECE, PIECE};
    }
    pirn_prep_sendmsg(&send.op, bed->ends[0], &message, MSG_WAITALL);
    note_start(bed->context, &send);
    turn(bed, 0);
    assert_int_equal(send.calls, 0);
    pirn_prep_recv(&recv.op, bed->ends[1], back, PIECES * PIECE, MSG_WAITALL);
    note_start(bed->context, &recv);
    drain(bed);
    assert_int_equal(send.result, PIECES * PIECE);
    assert_int_equal(recv.result, PIECES * PIECE);
    assert_memory_equal(bytes, back, PIECES * PIECE);
    free(bytes);
    free(back);
}

/* --- polls --- */

static void a_poll_takes_nothing_and_stands_in_nobodys_way(void **state)
{
    struct bed *bed = *state;
    struct note polls[2] = {0};
    struct note recv = {0};
    char byte;

    pirn_prep_poll(&polls[0].op, bed->ends[0], POLLIN);
    note_start(bed->context, &polls[0]);
    pirn_prep_recv(&recv.op, bed->ends[0], &byte, 1, 0);
    note_start(bed->context, &recv);
    pirn_prep_poll(&polls[1].op, bed->ends[0], POLLIN | POLLRDHUP);
    note_start(bed->context, &polls[1]);
    turn(bed, 0);
    assert_int_equal(polls[0].calls + recv.calls + polls[1].calls, 0);
    assert_int_equal(write(bed->ends[1], "ab", 2), 2);
    drain(bed);
    assert_int_equal(polls[0].result, POLLIN);
    assert_int_equal(recv.result, 1);
    assert_int_equal(polls[1].result, POLLIN);
}

static void a_poll_of_what_is_not_open_is_ebadf(void **state)
{
    struct bed *bed = *state;
    struct note polls[2] = {0};

    pirn_prep_poll(&polls[0].op, -1, POLLIN);
    note_start(bed->context, &polls[0]);
    pirn_prep_poll(&polls[1].op, 9999, POLLIN);
    note_start(bed->context, &polls[1]);
    drain(bed);
    assert_int_equal(polls[0].result, -EBADF);
    assert_int_equal(polls[1].result, -EBADF);
}

/* Ready at the start is told, then each arrival; what lies unread is not. */
static void a_multishot_poll_tells_of_changes_only(void **state)
{
    struct bed *bed = *state;
    struct shot_note watches[2] = {0};
    int fd = dup(0);

    close(fd);
    assert_int_equal(write(bed->ends[1], "a", 1), 1);
    for (int i = 0; i < 2; i++) {
        pirn_prep_multishot_poll(&watches[i].shot, bed->ends[0], POLLIN);
        pirn_multishot_start(bed->context, &watches[i].shot, shot_note_fn);
    }
    turn(bed, PIRN_FOREVER);
    turn(bed, 0);
    turn(bed, 0);
    assert_int_equal(watches[0].deliveries, 1);
    assert_int_equal(watches[1].deliveries, 1);
    assert_int_equal(write(bed->ends[1], "b", 1), 1);
    turn(bed, PIRN_FOREVER);
    turn(bed, 0);
    assert_int_equal(watches[0].deliveries, 2);
    assert_int_equal(watches[0].results[1], POLLIN);

    pirn_multishot_cancel(bed->context, &watches[0].shot);
    turn(bed, 0);
    turn(bed, 0);
    assert_int_equal(watches[0].lasts, 1);
    assert_int_equal(watches[0].results[2], -ECANCELED);
    assert_int_equal(write(bed->ends[1], "c", 1), 1);
    turn(bed, PIRN_FOREVER);
    assert_int_equal(watches[1].deliveries, 3);
    pirn_multishot_cancel(bed->context, &watches[1].shot);
    drain(bed);
    assert_int_equal(dup(0), fd); /* nothing was left open */
    close(fd);
}

/* --- splice --- */

/* The pipe waits for the socket, then the socket for the pipe. */
static void a_splice_waits_for_either_side_outside_the_pool(void **state)
{
    struct bed *bed = *state;
    struct note in = {0};
    struct note look = {0};
    struct note out = {0};
    struct statx statx;
    char bytes[3];

    pirn_prep_splice(&in.op, bed->ends[0], PIRN_OFFSET_CURRENT, bed->pipe[1],
                     PIRN_OFFSET_CURRENT, 100, 0);
    note_start(bed->context, &in);
    pirn_prep_splice(&out.op, bed->pipe[0], PIRN_OFFSET_CURRENT, bed->ends[0],
                     PIRN_OFFSET_CURRENT, 100, 0);
    note_start(bed->context, &out);
    pirn_prep_stat(&look.op, AT_FDCWD, "/", 0, STATX_BASIC_STATS, &statx);
    note_start(bed->context, &look);
    turn_until(bed, &look, 1); /* the only worker is free */
    turn(bed, 1000000);
    assert_int_equal(in.calls + out.calls, 0);
    assert_int_equal(write(bed->ends[1], "abc", 3), 3);
    drain(bed);
    assert_int_equal(in.result, 3);
    assert_int_equal(out.result, 3);
    assert_int_equal(read(bed->ends[1], bytes, 3), 3);
    assert_memory_equal(bytes, "abc", 3);
    assert_int_equal(fcntl(bed->ends[0], F_GETFL) & O_NONBLOCK, 0);
}

/* The pipe has something, and now the socket has no room. */
static void a_splice_goes_from_waiting_for_one_side_to_the_other(void **state)
{
    struct bed *bed = *state;
    struct note out = {0};
    char bytes[4096] = {0};
    size_t filled = 0;
    ssize_t n;

    while ((n = send(bed->ends[0], bytes, sizeof(bytes), MSG_DONTWAIT)) > 0) {
        filled += (size_t)n;
    }
    pirn_prep_splice(&out.op, bed->pipe[0], PIRN_OFFSET_CURRENT, bed->ends[0],
                     PIRN_OFFSET_CURRENT, 100, 0);
    note_start(bed->context, &out);
    turn(bed, 0);
    turn(bed, 10000000);
    assert_int_equal(write(bed->pipe[1], "abc", 3), 3);
    turn(bed, 10000000);
    turn(bed, 10000000);
    assert_int_equal(out.calls, 0);
    while (filled > 0) {
        n = read(bed->ends[1], bytes, sizeof(bytes));
        assert_true(n > 0);
        filled -= (size_t)n;
    }
    drain(bed);
    assert_int_equal(out.result, 3);
}

static void a_splice_that_waits_is_cancelled(void **state)
{
    struct bed *bed = *state;
    struct note in = {0};

    pirn_prep_splice(&in.op, bed->ends[0], PIRN_OFFSET_CURRENT, bed->pipe[1],
                     PIRN_OFFSET_CURRENT, 100, 0);
    note_start(bed->context, &in);
    turn(bed, 0);
    turn(bed, 10000000);
    pirn_cancel(bed->context, &in.op);
    drain(bed);
    assert_int_equal(in.result, -ECANCELED);
}

/* The number lives again, and epoll was not told by anybody. */
static void a_number_that_lives_again_is_waited_for(void **state)
{
    struct bed *bed = *state;
    char byte;

    for (int life = 0; life < 3; life++) {
        struct note recv = {0};
        int number = bed->ends[0];

        pirn_prep_recv(&recv.op, bed->ends[0], &byte, 1, 0);
        note_start(bed->context, &recv);
        turn(bed, 0);
        assert_int_equal(write(bed->ends[1], "x", 1), 1);
        turn_until(bed, &recv, 1);
        assert_int_equal(recv.result, 1);
        close(bed->ends[0]);
        close(bed->ends[1]);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, bed->ends), 0);
        assert_int_equal(bed->ends[0], number);
    }
}

/* Against the rules: it does what it can. */
static void a_wait_on_a_closed_descriptor_can_be_cancelled(void **state)
{
    struct bed *bed = *state;
    struct note recv = {0};
    char byte;

    pirn_prep_recv(&recv.op, bed->ends[0], &byte, 1, 0);
    note_start(bed->context, &recv);
    turn(bed, 0);
    close(bed->ends[0]);
    turn(bed, 0);
    pirn_cancel(bed->context, &recv.op);
    turn_until(bed, &recv, 1);
    assert_int_equal(recv.result, -ECANCELED);
    bed->ends[0] = dup(bed->ends[1]);
}

TEST_MAIN(PLAIN_TEST(receivers_of_one_descriptor_keep_their_order),
          PLAIN_TEST(who_comes_later_waits_behind),
          PLAIN_TEST(receivers_keep_their_order_while_bytes_come),
          PLAIN_TEST(a_descriptor_is_waited_for_in_both_directions),
          PLAIN_TEST(a_gathered_send_goes_on_until_all_is_sent),
          PLAIN_TEST(a_poll_takes_nothing_and_stands_in_nobodys_way),
          PLAIN_TEST(a_poll_of_what_is_not_open_is_ebadf),
          PLAIN_TEST(a_multishot_poll_tells_of_changes_only),
          PLAIN_TEST(a_splice_waits_for_either_side_outside_the_pool),
          PLAIN_TEST(a_splice_that_waits_is_cancelled),
          PLAIN_TEST(a_number_that_lives_again_is_waited_for),
          PLAIN_TEST(a_wait_on_a_closed_descriptor_can_be_cancelled),
          PLAIN_TEST(a_splice_goes_from_waiting_for_one_side_to_the_other))
