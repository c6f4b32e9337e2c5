/* SPDX-License-Identifier: MIT */
/* test_poll.c - readiness, splice and raw submissions on the running kernel */
#include "tests/kernel/ring.h"

#include <linux/io_uring.h>
#include <poll.h>

static void poll_tells_what_came(void **state)
{
    struct ring *ring = *state;
    struct note note = {0};
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pirn_prep_poll(&note.op, ends[0], POLLIN);
    note_start(ring->context, &note);
    assert_true(pirn_context_turn(ring->context, 0) >= 0);
    assert_int_equal(note.calls, 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(note.result, POLLIN);
    close(ends[0]);
    close(ends[1]);
}

static void poll_is_cancelled(void **state)
{
    struct ring *ring = *state;
    struct note note = {0};
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pirn_prep_poll(&note.op, ends[0], POLLIN);
    note_start(ring->context, &note);
    assert_true(pirn_context_turn(ring->context, 0) >= 0);
    pirn_cancel(ring->context, &note.op);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(note.result, -ECANCELED);
    close(ends[0]);
    close(ends[1]);
}

static void multishot_poll_tells_every_change(void **state)
{
    struct ring *ring = *state;
    struct shot_note note = {0};
    char byte;
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pirn_prep_multishot_poll(&note.shot, ends[0], POLLIN);
    pirn_multishot_start(ring->context, &note.shot, shot_note_fn);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(write(ends[1], "x", 1), 1);
        while (note.deliveries < i) {
            assert_true(pirn_context_turn(ring->context, PIRN_FOREVER) >= 0);
        }
        assert_int_equal(note.results[i - 1] & POLLIN, POLLIN);
        assert_int_equal(read(ends[0], &byte, 1), 1);
    }
    pirn_multishot_cancel(ring->context, &note.shot);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(note.lasts, 1);
    close(ends[0]);
    close(ends[1]);
}

static void splice_moves_a_file_into_a_pipe(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    char text[16] = "";
    int ends[2];
    int fd;

    ring_put(ring, "file", "0123456789");
    fd = openat(ring->dir_fd, "file", O_RDONLY | O_CLOEXEC);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pirn_prep_splice(&op, fd, 4, ends[1], PIRN_OFFSET_CURRENT, 100, 0);
    assert_int_equal(pirn_wait(ring->context, &op), 6);
    assert_int_equal(read(ends[0], text, sizeof(text)), 6);
    assert_string_equal(text, "456789");
    close(fd);
    close(ends[0]);
    close(ends[1]);
}

static void raw_submission_is_the_kernels_own(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    struct pirn_raw raw = {.opcode = IORING_OP_FADVISE};

    ring_put(ring, "file", "x");
    raw.fd = openat(ring->dir_fd, "file", O_RDONLY | O_CLOEXEC);
    raw.op_flags = POSIX_FADV_SEQUENTIAL;
    pirn_prep_raw(&op, &raw);
    if (ring_is_plain()) {
        assert_int_equal(pirn_wait(ring->context, &op), -EOPNOTSUPP);
        close(raw.fd);
        return;
    }
    assert_int_equal(pirn_wait(ring->context, &op), 0);
    close(raw.fd);

    raw.opcode = 250;
    pirn_prep_raw(&op, &raw);
    assert_int_equal(pirn_wait(ring->context, &op), -EINVAL);
}

RING_TEST_MAIN(RING_TEST(poll_tells_what_came), RING_TEST(poll_is_cancelled),
               RING_TEST(multishot_poll_tells_every_change),
               RING_TEST(splice_moves_a_file_into_a_pipe),
               RING_TEST(raw_submission_is_the_kernels_own))
