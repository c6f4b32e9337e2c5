/* SPDX-License-Identifier: MIT */
/*
 * test_closed.c - a descriptor that is closed under an operation
 *
 * Against the rules of pirn/op.h, and still no loan may be lost by it. How
 * plain waits for a number that lives again: tests/kernel/test_plain.c.
 */
#include "tests/kernel/ring.h"

#include <poll.h>
#include <sys/socket.h>

static void connect_pair(int ends[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
}

/* What waits for a descriptor, one of each kind. */
enum { RECV, ACCEPT, POLL, SHOT, KINDS };

static void start(struct ring *ring, struct note *notes, struct shot_note *shot,
                  int fd)
{
    static char byte;

    pirn_prep_recv(&notes[RECV].op, fd, &byte, 1, 0);
    pirn_prep_accept(&notes[ACCEPT].op, fd, NULL, NULL);
    pirn_prep_poll(&notes[POLL].op, fd, POLLIN);
    for (int i = RECV; i <= POLL; i++) {
        note_start(ring->context, &notes[i]);
    }
    pirn_prep_multishot_poll(&shot->shot, fd, POLLIN);
    pirn_multishot_start(ring->context, &shot->shot, shot_note_fn);
    for (int i = 0; i < 3; i++) {
        assert_true(pirn_context_turn(ring->context, 0) >= 0);
    }
}

static void what_waits_for_it_can_be_cancelled(void **state)
{
    struct ring *ring = *state;
    struct note notes[KINDS] = {0};
    struct shot_note shot = {0};
    int ends[2];

    connect_pair(ends);
    start(ring, notes, &shot, ends[0]);
    close(ends[0]);
    assert_true(pirn_context_turn(ring->context, 0) >= 0);
    for (int i = RECV; i <= POLL; i++) {
        pirn_cancel(ring->context, &notes[i].op);
    }
    pirn_multishot_cancel(ring->context, &shot.shot);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(notes[RECV].result, -ECANCELED);
    assert_int_equal(notes[POLL].result, -ECANCELED);
    assert_int_equal(notes[ACCEPT].calls, 1); /* no socket that listens */
    assert_int_equal(shot.lasts, 1);
    close(ends[1]);
}

/* The number is another file's at once: its bytes are not for us. */
static void ring_has_the_file_and_not_the_number(void **state)
{
    struct ring *ring = *state;
    struct note recv = {0};
    char byte = 0;
    int ends[2];
    int others[2];

    if (ring_is_plain()) {
        return; /* it has only the number, as the header says */
    }
    connect_pair(ends);
    connect_pair(others);
    pirn_prep_recv(&recv.op, ends[0], &byte, 1, 0);
    note_start(ring->context, &recv);
    assert_int_equal(pirn_context_turn(ring->context, 0), 0);
    assert_int_equal(dup2(others[0], ends[0]), ends[0]);
    assert_int_equal(write(others[1], "b", 1), 1);
    assert_int_equal(pirn_context_turn(ring->context, 0), 0);
    assert_int_equal(write(ends[1], "a", 1), 1);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(recv.result, 1);
    assert_int_equal(byte, 'a');
    for (int i = 0; i < 2; i++) {
        close(ends[i]);
        close(others[i]);
    }
}

/* Closed before it is started, which is a result like any other. */
static void what_begins_on_it_ends_with_ebadf(void **state)
{
    struct ring *ring = *state;
    struct pirn_op steps[2] = {0};
    struct pirn_op *const order[2] = {&steps[0], &steps[1]};
    struct pirn_chain chain = {0};
    struct note note = {0};
    char byte = 0;
    int ends[2];

    connect_pair(ends);
    close(ends[0]);
    pirn_prep_recv(&note.op, ends[0], &byte, 1, 0);
    note_start(ring->context, &note);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(note.result, -EBADF);

    pirn_prep_write(&steps[0], ends[0], "x", 1, 0);
    pirn_prep_fsync(&steps[1], ends[1], PIRN_SYNC_ALL);
    pirn_prep_chain(&chain, order, 2);
    assert_int_equal(pirn_wait(ring->context, &chain.op), -EBADF);
    assert_int_equal(pirn_chain_failed(&chain), 0);
    assert_int_equal(pirn_op_result(&steps[1]), -ECANCELED);
    close(ends[1]);
}

static uint32_t hear(struct pirn_stream *stream, const uint8_t *bytes,
                     int32_t result)
{
    (void)stream;
    return bytes != NULL ? (uint32_t)result : 0;
}

/* Its descriptor is closed under its receive: it is closed all the same. */
static void stream_that_has_lost_it_can_be_aborted(void **state)
{
    static uint8_t buf[16];
    struct ring *ring = *state;
    struct pirn_stream stream;
    struct note close_note = {0};
    int ends[2];

    connect_pair(ends);
    pirn_stream_init(&stream, ring->context, ends[0], buf, sizeof(buf), hear);
    pirn_stream_resume(&stream);
    assert_true(pirn_context_turn(ring->context, 0) >= 0);
    close(ends[0]);
    pirn_prep_stream_close(&close_note.op, &stream, PIRN_STREAM_ABORT);
    note_start(ring->context, &close_note);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(close_note.calls, 1);
    close(ends[1]);
}

RING_TEST_MAIN(RING_TEST(what_waits_for_it_can_be_cancelled),
               RING_TEST(ring_has_the_file_and_not_the_number),
               RING_TEST(what_begins_on_it_ends_with_ebadf),
               RING_TEST(stream_that_has_lost_it_can_be_aborted))
