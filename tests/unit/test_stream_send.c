/* SPDX-License-Identifier: MIT */
/* test_stream_send.c - one send in flight, in order: pirn/stream.h */
#include "test.h"

#include <stdlib.h>

#include "tests/sim/stream_rig.h"

static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz";

/* What the send in flight gathers, as one string. */
static const char *gathered(struct stream_rig *rig)
{
    static char all[512];
    const struct msghdr *message = &rig->stream.priv.message;
    size_t len = 0;

    for (size_t i = 0; i < message->msg_iovlen; i++) {
        memcpy(all + len, message->msg_iov[i].iov_base,
               message->msg_iov[i].iov_len);
        len += message->msg_iov[i].iov_len;
    }
    all[len] = '\0';
    return all;
}

static void settle(struct stream_rig *rig)
{
    rig_close(rig, PIRN_STREAM_ABORT);
    rig_turns(rig, 3);
    script_complete(rig->bed->kernel, rig_send_op(rig), 0);
    rig_turns(rig, 2);
    assert_int_equal(rig->close.calls, 1);
}

static void send_ends_when_the_socket_has_taken_all(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, text, 10);
    assert_int_equal(pirn_stream_unsent(&rig.stream), 10);
    rig_turns(&rig, 1);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 4);
    rig_turns(&rig, 2);
    assert_int_equal(rig.sends[0].calls, 0);
    assert_int_equal(pirn_stream_unsent(&rig.stream), 6);
    assert_string_equal(gathered(&rig), "456789");
    script_complete(rig.bed->kernel, rig_send_op(&rig), 6);
    rig_turns(&rig, 2);
    assert_int_equal(rig.sends[0].calls, 1);
    assert_int_equal(rig.sends[0].result, 10);
    assert_int_equal(pirn_stream_unsent(&rig.stream), 0);
    settle(&rig);
}

static void what_is_started_before_the_turn_leaves_in_one_send(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, text, 3);
    rig_send(&rig, 1, text + 3, 4);
    rig_send(&rig, 2, text + 7, 3);
    rig_turns(&rig, 1);
    assert_int_equal(script_inflight_count(rig.bed->kernel), 1);
    assert_string_equal(gathered(&rig), "0123456789");
    script_complete(rig.bed->kernel, rig_send_op(&rig), 10);
    rig_turns(&rig, 2);
    assert_int_equal(rig.sends[0].result, 3);
    assert_int_equal(rig.sends[1].result, 4);
    assert_int_equal(rig.sends[2].result, 3);
    assert_true(rig.sends[0].place < rig.sends[1].place);
    assert_true(rig.sends[1].place < rig.sends[2].place);
    settle(&rig);
}

static void one_send_is_in_flight_and_the_rest_waits(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, text, 3);
    rig_turns(&rig, 1);
    rig_send(&rig, 1, text + 3, 4);
    rig_send(&rig, 2, text + 7, 3);
    rig_turns(&rig, 2);
    assert_int_equal(script_inflight_count(rig.bed->kernel), 1);
    assert_string_equal(gathered(&rig), "012");
    script_complete(rig.bed->kernel, rig_send_op(&rig), 3);
    rig_turns(&rig, 2);
    assert_string_equal(gathered(&rig), "3456789");
    script_complete(rig.bed->kernel, rig_send_op(&rig), 7);
    rig_turns(&rig, 2);
    settle(&rig);
}

/* Sends of all lengths, taken in chunks of all lengths: what left, in order. */
static void any_chunking_keeps_the_order(void **state)
{
    uint32_t seed = 0x7069726e;

    print_message("seed 0x%x\n", seed);
    for (int round = 0; round < 200; round++) {
        struct stream_rig rig;
        char left[512] = "";
        uint32_t started = 0;
        uint32_t from = 0;

        rig_init(&rig, state);
        while (started < RIG_SENDS || pirn_stream_unsent(&rig.stream) > 0) {
            seed = seed * 1664525u + 1013904223u;
            if (started < RIG_SENDS && (seed >> 30) > 0) {
                uint32_t len = 1 + (seed >> 8) % 9;

                from = (from + 1) % 20;
                rig_send(&rig, started++, text + from, len);
            } else if (rig_has_send(&rig)) {
                size_t room = strlen(gathered(&rig));
                uint32_t took = 1 + (seed >> 8) % (uint32_t)room;

                strncat(left, gathered(&rig), took);
                script_complete(rig.bed->kernel, rig_send_op(&rig),
                                (int32_t)took);
            }
            if ((seed >> 20) % 3 == 0 || started == RIG_SENDS) {
                rig_turns(&rig, 1);
            }
            assert_true(script_inflight_count(rig.bed->kernel) <= 1);
        }
        rig_turns(&rig, 2);
        for (uint32_t i = 0, at = 0; i < RIG_SENDS; i++) {
            const struct pirn_loan *loan = &rig.sends[i].op.priv;

            assert_int_equal(rig.sends[i].result, loan->len);
            assert_memory_equal(left + at, (const char *)loan->addr, loan->len);
            at += loan->len;
        }
        settle(&rig);
    }
}

static void error_ends_all_that_wait_with_the_same(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, text, 10);
    rig_turns(&rig, 1);
    rig_send(&rig, 1, text, 10);
    rig_send(&rig, 2, text, 10);
    script_complete(rig.bed->kernel, rig_send_op(&rig), -ECONNRESET);
    rig_turns(&rig, 2);
    rig_send(&rig, 3, text, 10); /* and all that come later */
    rig_turns(&rig, 1);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(rig.sends[i].calls, 1);
        assert_int_equal(rig.sends[i].result, -ECONNRESET);
    }
    assert_int_equal(pirn_stream_unsent(&rig.stream), 0);
    settle(&rig);
}

static void error_of_the_socket_ends_sends_too(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    script_complete(rig.bed->kernel, rig_recv_op(&rig), -ECONNRESET);
    rig_turns(&rig, 1);
    rig_send(&rig, 0, text, 10);
    rig_turns(&rig, 1);
    assert_int_equal(rig.sends[0].result, -ECONNRESET);
    settle(&rig);
}

static void socket_that_takes_nothing_is_broken(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, text, 10);
    rig_turns(&rig, 1);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 0);
    rig_turns(&rig, 2);
    assert_int_equal(rig.sends[0].result, -EPIPE);
    settle(&rig);
}

static void interrupted_send_goes_on(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, text, 10);
    rig_turns(&rig, 1);
    script_complete(rig.bed->kernel, rig_send_op(&rig), -EINTR);
    rig_turns(&rig, 2);
    assert_string_equal(gathered(&rig), "0123456789");
    script_complete(rig.bed->kernel, rig_send_op(&rig), 10);
    rig_turns(&rig, 2);
    assert_int_equal(rig.sends[0].result, 10);
    settle(&rig);
}

static void cancel_of_a_send_that_waits_behind_another(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, text, 3);
    rig_turns(&rig, 1);
    rig_send(&rig, 1, text + 3, 3);
    rig_send(&rig, 2, text + 6, 3);
    pirn_cancel(rig.bed->context, &rig.sends[1].op);
    assert_int_equal(rig.sends[1].calls, 0);
    assert_int_equal(pirn_stream_unsent(&rig.stream), 6);
    rig_turns(&rig, 1);
    assert_int_equal(rig.sends[1].result, -ECANCELED);

    script_complete(rig.bed->kernel, rig_send_op(&rig), 3);
    rig_turns(&rig, 2);
    assert_string_equal(gathered(&rig), "678");
    script_complete(rig.bed->kernel, rig_send_op(&rig), 3);
    rig_turns(&rig, 2);
    assert_int_equal(rig.sends[2].result, 3);
    settle(&rig);
}

static void cancel_of_what_is_gathered_has_no_effect(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, text, 3);
    rig_send(&rig, 1, text + 3, 3);
    rig_turns(&rig, 1);
    pirn_cancel(rig.bed->context, &rig.sends[0].op);
    pirn_cancel(rig.bed->context, &rig.sends[1].op);
    rig_turns(&rig, 1);
    assert_int_equal(script_cancel_count(rig.bed->kernel), 0);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 4); /* torn */
    rig_turns(&rig, 2);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 2);
    rig_turns(&rig, 2);
    assert_int_equal(rig.sends[0].result, 3);
    assert_int_equal(rig.sends[1].result, 3);
    settle(&rig);
}

/* More than one gather holds: what is over waits, and can be cancelled. */
static void gather_is_bounded(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    for (uint32_t i = 0; i < PIRN_STREAM_GATHER + 1; i++) {
        rig_send(&rig, i, text + i, 1);
    }
    rig_turns(&rig, 1);
    assert_string_equal(gathered(&rig), "0123456789abcdef");
    pirn_cancel(rig.bed->context, &rig.sends[PIRN_STREAM_GATHER].op);
    script_complete(rig.bed->kernel, rig_send_op(&rig), PIRN_STREAM_GATHER);
    rig_turns(&rig, 3);
    assert_int_equal(rig.sends[PIRN_STREAM_GATHER - 1].result, 1);
    assert_int_equal(rig.sends[PIRN_STREAM_GATHER].result, -ECANCELED);
    assert_int_equal(script_inflight_count(rig.bed->kernel), 0);
    settle(&rig);
}

static void gather_of_what_waited_is_bounded_too(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, text, 1);
    rig_turns(&rig, 1);
    for (uint32_t i = 1; i < PIRN_STREAM_GATHER + 3; i++) {
        rig_send(&rig, i, text + i, 1);
    }
    script_complete(rig.bed->kernel, rig_send_op(&rig), 1);
    rig_turns(&rig, 2);
    assert_string_equal(gathered(&rig), "123456789abcdefg");
    script_complete(rig.bed->kernel, rig_send_op(&rig), PIRN_STREAM_GATHER);
    rig_turns(&rig, 2);
    assert_string_equal(gathered(&rig), "hi");
    script_complete(rig.bed->kernel, rig_send_op(&rig), 2);
    rig_turns(&rig, 2);
    settle(&rig);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(send_ends_when_the_socket_has_taken_all),
          T(what_is_started_before_the_turn_leaves_in_one_send),
          T(one_send_is_in_flight_and_the_rest_waits),
          T(any_chunking_keeps_the_order),
          T(error_ends_all_that_wait_with_the_same),
          T(error_of_the_socket_ends_sends_too),
          T(socket_that_takes_nothing_is_broken), T(interrupted_send_goes_on),
          T(cancel_of_a_send_that_waits_behind_another),
          T(cancel_of_what_is_gathered_has_no_effect), T(gather_is_bounded),
          T(gather_of_what_waited_is_bounded_too))
