/* SPDX-License-Identifier: MIT */
/* test_stream_file.c - a file on a stream, on a kernel that does what we say */
#include "test.h"

#include "runtime/engine/engine.h"
#include "tests/sim/stream_rig.h"

enum { HALF = 8, FILE_FD = 40 };

static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz";

struct bench {
    struct stream_rig rig;
    struct pirn_stream_file file;
    char buf[2 * HALF];
    char left[64]; /* what the socket has taken */
    int calls;
    int32_t result;
};

static void ended(struct pirn_op *op, int32_t result)
{
    struct bench *bench = pirn_container_of(op, struct bench, file.op);

    bench->calls++;
    bench->result = result;
}

static void start(struct bench *bench, void **state, uint64_t offset,
                  uint64_t len)
{
    memset(bench, 0, sizeof(*bench));
    rig_init(&bench->rig, state);
    pirn_prep_stream_file(&bench->file, &bench->rig.stream, FILE_FD, offset,
                          len, bench->buf, sizeof(bench->buf));
    pirn_start(bench->rig.bed->context, &bench->file.op, ended);
    rig_turns(&bench->rig, 2);
}

static void settle(struct bench *bench)
{
    rig_close(&bench->rig, PIRN_STREAM_ABORT);
    rig_turns(&bench->rig, 4);
    if (script_inflight_count(bench->rig.bed->kernel) > 0) {
        script_complete(bench->rig.bed->kernel, rig_send_op(&bench->rig), 0);
    }
    rig_turns(&bench->rig, 2);
    assert_int_equal(bench->rig.close.calls, 1);
}

/* The read in flight; NULL: there is none. */
static struct pirn_op *read_op(struct bench *bench)
{
    for (int i = 0; i < 2; i++) {
        struct pirn_op *op = &bench->file.priv.halves[i].op;

        if (op->priv.opcode == ENGINE_READ &&
            script_has(bench->rig.bed->kernel, op)) {
            return op;
        }
    }
    return NULL;
}

/* The file gives as much as it is asked for, at most @most. */
static void give(struct bench *bench, uint32_t most)
{
    struct pirn_op *op = read_op(bench);
    uint32_t len = op->priv.len < most ? op->priv.len : most;

    memcpy((void *)(uintptr_t)op->priv.addr, text + op->priv.offset, len);
    script_complete(bench->rig.bed->kernel, op, (int32_t)len);
    rig_turns(&bench->rig, 4);
}

/* The socket takes what was gathered, at most @most bytes. */
static void take(struct bench *bench, uint32_t most)
{
    const struct msghdr *message = &bench->rig.stream.priv.message;
    uint32_t took = 0;

    for (size_t i = 0; i < message->msg_iovlen && took < most; i++) {
        uint32_t len = (uint32_t)message->msg_iov[i].iov_len;

        len = len < most - took ? len : most - took;
        strncat(bench->left, message->msg_iov[i].iov_base, len);
        took += len;
    }
    script_complete(bench->rig.bed->kernel, rig_send_op(&bench->rig),
                    (int32_t)took);
    rig_turns(&bench->rig, 4);
}

static void one_half_is_read_while_the_other_leaves(void **state)
{
    struct bench bench;

    start(&bench, state, 3, 30);
    give(&bench, HALF);
    assert_true(rig_has_send(&bench.rig));
    assert_non_null(read_op(&bench));
    assert_int_equal(script_inflight_count(bench.rig.bed->kernel), 2);
    while (bench.calls == 0) {
        if (read_op(&bench) != NULL) {
            give(&bench, HALF);
        } else {
            take(&bench, HALF);
        }
    }
    assert_int_equal(bench.result, 0);
    assert_string_equal(bench.left, "3456789abcdefghijklmnopqrstuvw");
    assert_int_equal(pirn_stream_file_sent(&bench.file), 30);
    settle(&bench);
}

/* Reads and sends of all lengths, in all orders that a seed makes. */
static void any_chunking_keeps_the_order(void **state)
{
    uint32_t seed = 0x66696c65;

    print_message("seed 0x%x\n", seed);
    for (int round = 0; round < 300; round++) {
        struct bench bench;

        start(&bench, state, 0, 36);
        while (bench.calls == 0) {
            seed = seed * 1664525u + 1013904223u;
            if (read_op(&bench) != NULL &&
                ((seed >> 30) || !rig_has_send(&bench.rig))) {
                give(&bench, 1 + (seed >> 8) % HALF);
            } else if (rig_has_send(&bench.rig)) {
                take(&bench, 1 + (seed >> 8) % (2 * HALF));
            }
        }
        assert_int_equal(bench.result, 0);
        assert_string_equal(bench.left, text);
        settle(&bench);
    }
}

static void nothing_is_sent_at_once(void **state)
{
    struct bench bench;

    start(&bench, state, 0, 0);
    assert_int_equal(bench.calls, 1);
    assert_int_equal(bench.result, 0);
    settle(&bench);
}

static void a_file_that_ends_early_is_enodata(void **state)
{
    struct bench bench;

    start(&bench, state, 0, 30);
    give(&bench, HALF);
    script_complete(bench.rig.bed->kernel, read_op(&bench), 0);
    rig_turns(&bench.rig, 4);
    assert_int_equal(bench.calls, 0); /* what was read leaves first */
    take(&bench, HALF);
    assert_int_equal(bench.calls, 1);
    assert_int_equal(bench.result, -ENODATA);
    assert_int_equal(pirn_stream_file_sent(&bench.file), HALF);
    settle(&bench);
}

static void an_interrupted_read_is_asked_again(void **state)
{
    struct bench bench;

    start(&bench, state, 0, 8);
    script_complete(bench.rig.bed->kernel, read_op(&bench), -EINTR);
    rig_turns(&bench.rig, 4);
    give(&bench, HALF);
    take(&bench, HALF);
    assert_int_equal(bench.result, 0);
    assert_string_equal(bench.left, "01234567");
    settle(&bench);
}

static void errors_of_either_side_end_it(void **state)
{
    for (int side = 0; side < 2; side++) {
        struct bench bench;

        start(&bench, state, 0, 30);
        give(&bench, HALF);
        script_complete(bench.rig.bed->kernel,
                        side ? read_op(&bench) : rig_send_op(&bench.rig),
                        side ? -EIO : -ECONNRESET);
        rig_turns(&bench.rig, 4);
        assert_int_equal(bench.calls, 0); /* the other is still in flight */
        if (side) {
            take(&bench, HALF);
        } else {
            give(&bench, HALF);
        }
        assert_int_equal(bench.calls, 1);
        assert_int_equal(bench.result, side ? -EIO : -ECONNRESET);
        settle(&bench);
    }
}

static void a_cancel_ends_it_when_nothing_is_in_flight(void **state)
{
    struct bench bench;

    start(&bench, state, 0, 30);
    give(&bench, HALF);
    pirn_cancel(bench.rig.bed->context, &bench.file.op);
    rig_turns(&bench.rig, 3);
    assert_int_equal(bench.calls, 0); /* a send is not cut in its middle */
    take(&bench, HALF);
    assert_int_equal(bench.calls, 1);
    assert_int_equal(bench.result, -ECANCELED);
    settle(&bench);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(one_half_is_read_while_the_other_leaves),
          T(any_chunking_keeps_the_order), T(nothing_is_sent_at_once),
          T(a_file_that_ends_early_is_enodata),
          T(an_interrupted_read_is_asked_again),
          T(errors_of_either_side_end_it),
          T(a_cancel_ends_it_when_nothing_is_in_flight))
