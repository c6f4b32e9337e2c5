/* SPDX-License-Identifier: MIT */
/* test_stream_send.c - one send in flight, in order: pirn/stream.h */
#include "test.h"

#include <stdlib.h>

#include "runtime/context.h"
#include "runtime/gather.h"
#include "runtime/memory_check.h"
#include "tests/sim/stream_rig.h"

static const char text[] = "0123456789abcdefghijklmnopqrstuvwxyz";

/* The same, no two of them neighbours. */
static const char *apart(uint32_t i)
{
    static char spaced[2 * sizeof(text)];

    assert_true(i < sizeof(text));
    spaced[2 * i] = text[i];
    return &spaced[2 * i];
}

/* The first @count of them, each a send. */
static void send_apart(struct stream_rig *rig, uint32_t from, uint32_t count)
{
    for (uint32_t i = from; i < from + count; i++) {
        rig_send(rig, i, apart(i), 1);
    }
}

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

/* The kernel takes what is gathered, which is @expected. */
static void takes(struct stream_rig *rig, const char *expected)
{
    assert_string_equal(gathered(rig), expected);
    script_complete(rig->bed->kernel, rig_send_op(rig),
                    (int32_t)strlen(expected));
    rig_turns(rig, 2);
}

static void end_close(struct stream_rig *rig)
{
    rig_turns(rig, 3);
    script_complete(rig->bed->kernel, rig_send_op(rig), 0);
    rig_turns(rig, 2);
    assert_int_equal(rig->close.calls, 1);
}

static void settle(struct stream_rig *rig)
{
    rig_close(rig, PIRN_STREAM_ABORT);
    end_close(rig);
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

/* Also what may pass, where to ask again at once would be to spin. */
static void error_ends_all_that_wait_with_the_same(void **state)
{
    static const int32_t errors[] = {-ECONNRESET, -ENOMEM, -ENOBUFS, -EAGAIN};

    for (size_t k = 0; k < sizeof(errors) / sizeof(errors[0]); k++) {
        struct stream_rig rig;

        rig_init(&rig, state);
        rig_send(&rig, 0, text, 10);
        rig_turns(&rig, 1);
        rig_send(&rig, 1, text, 10);
        rig_send(&rig, 2, text, 10);
        script_complete(rig.bed->kernel, rig_send_op(&rig), errors[k]);
        rig_turns(&rig, 2);
        rig_send(&rig, 3, text, 10); /* and all that come later */
        rig_turns(&rig, 1);
        for (int i = 0; i < 4; i++) {
            assert_int_equal(rig.sends[i].calls, 1);
            assert_int_equal(rig.sends[i].result, errors[k]);
        }
        assert_int_equal(pirn_stream_unsent(&rig.stream), 0);
        settle(&rig);
    }
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

/* A signal, or a cancellation that nobody asked for; in a flush as well. */
static void what_only_passes_does_not_end_a_send(void **state)
{
    static const int32_t reasons[] = {-EINTR, -ECANCELED};
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, text, 10);
    rig_turns(&rig, 1);
    for (int i = 0; i < 2; i++) {
        script_complete(rig.bed->kernel, rig_send_op(&rig), reasons[i]);
        rig_turns(&rig, 2);
        assert_string_equal(gathered(&rig), "0123456789");
    }
    script_complete(rig.bed->kernel, rig_send_op(&rig), 4);
    rig_turns(&rig, 2);
    rig_close(&rig, PIRN_STREAM_FLUSH);
    for (int i = 0; i < 2; i++) {
        script_complete(rig.bed->kernel, rig_send_op(&rig), reasons[i]);
        rig_turns(&rig, 2);
        assert_string_equal(gathered(&rig), "456789");
    }
    script_complete(rig.bed->kernel, rig_send_op(&rig), 6);
    rig_turns(&rig, 2);
    assert_int_equal(rig.sends[0].calls, 1);
    assert_int_equal(rig.sends[0].result, 10);
    assert_int_equal(rig.close.calls, 0);
    pirn_cancel(rig.bed->context, &rig.close.op); /* now it is asked for */
    end_close(&rig);
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
    send_apart(&rig, 0, PIRN_STREAM_GATHER + 1);
    rig_turns(&rig, 1);
    pirn_cancel(rig.bed->context, &rig.sends[PIRN_STREAM_GATHER].op);
    takes(&rig, "0123456789abcdefghijklmnopqrstuv");
    rig_turns(&rig, 1);
    assert_int_equal(rig.sends[PIRN_STREAM_GATHER - 1].result, 1);
    assert_int_equal(rig.sends[PIRN_STREAM_GATHER].result, -ECANCELED);
    assert_int_equal(script_inflight_count(rig.bed->kernel), 0);
    settle(&rig);
}

static void gather_of_what_waited_is_bounded_too(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    send_apart(&rig, 0, 1);
    rig_turns(&rig, 1);
    send_apart(&rig, 1, PIRN_STREAM_GATHER + 2);
    takes(&rig, "0");
    takes(&rig, "123456789abcdefghijklmnopqrstuvw");
    takes(&rig, "xy");
    settle(&rig);
}

static uint64_t bytes_asked(const struct stream_rig *rig)
{
    const struct msghdr *message = &rig->stream.priv.message;
    uint64_t bytes = 0;

    for (size_t i = 0; i < message->msg_iovlen; i++) {
        bytes += message->msg_iov[i].iov_len;
    }
    return bytes;
}

/* Or what has left would be told as a negative number. Neighbours or not; no
 * byte of it is read, but by who watches whether it is there. */
static void a_send_asks_for_no_more_than_a_result_can_say(void **state)
{
    uint8_t *nowhere = (uint8_t *)(uintptr_t)0x10000;
    struct stream_rig rig;

#ifdef PIRN_WATCHED
    print_message("not in a watched build: it sends memory that is nowhere\n");
    return;
#endif
    rig_init(&rig, state);
    rig_send(&rig, 0, nowhere, INT32_MAX);
    rig_send(&rig, 1, nowhere + INT32_MAX, 10);
    rig_send(&rig, 2, nowhere, 10);
    rig_turns(&rig, 1);
    assert_int_equal(bytes_asked(&rig), INT32_MAX);
    script_complete(rig.bed->kernel, rig_send_op(&rig), INT32_MAX);
    rig_turns(&rig, 2);
    assert_int_equal(rig.sends[0].result, INT32_MAX);
    assert_int_equal(bytes_asked(&rig), 20);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 20);
    rig_turns(&rig, 2);
    assert_int_equal(rig.sends[2].result, 10);
    settle(&rig);
}

static void neighbours_in_memory_are_one_piece(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    for (uint32_t i = 0; i < 36; i++) {
        rig_send(&rig, i, text + i, 1);
    }
    rig_turns(&rig, 1);
    assert_int_equal(rig.stream.priv.message.msg_iovlen, 1);
    takes(&rig, text);
    assert_int_equal(rig.sends[35].result, 1);
    settle(&rig);
}

/* It touches the last piece gathered, but another is before it. */
static void a_neighbour_does_not_overtake_what_found_no_room(void **state)
{
    static const char pair[] = "!?";
    struct stream_rig rig;

    rig_init(&rig, state);
    send_apart(&rig, 0, PIRN_STREAM_GATHER - 1);
    rig_send(&rig, PIRN_STREAM_GATHER - 1, pair, 1);
    rig_send(&rig, PIRN_STREAM_GATHER, text, 1);
    rig_send(&rig, PIRN_STREAM_GATHER + 1, pair + 1, 1);
    rig_turns(&rig, 1);
    takes(&rig, "0123456789abcdefghijklmnopqrstu!");
    takes(&rig, "0?");
    settle(&rig);
}

/* All frames are lent: the few pieces that a stream keeps itself are enough. */
static void without_a_frame_pieces_leave_in_several_sends(void **state)
{
    struct iovec *frames[GATHER_FRAMES];
    struct stream_rig rig;
    struct gather *gather;

    rig_init(&rig, state);
    gather = pirn__context_gather(rig.bed->context);
    for (uint32_t i = 0; i < GATHER_FRAMES; i++) {
        frames[i] = gather_take(gather);
        assert_non_null(frames[i]);
    }
    assert_null(gather_take(gather));
    send_apart(&rig, 0, PIRN_STREAM_PIECES + 2);
    rig_turns(&rig, 1);
    takes(&rig, "0123");
    for (uint32_t i = 0; i < GATHER_FRAMES; i++) {
        gather_put(gather, frames[i]);
    }
    takes(&rig, "45");
    settle(&rig);
}

static void frames_come_back(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    for (int round = 0; round < 2 * GATHER_FRAMES; round++) {
        send_apart(&rig, 0, PIRN_STREAM_PIECES + 2);
        rig_turns(&rig, 1);
        takes(&rig, "012345");
    }
    assert_true(pirn__context_gather(rig.bed->context)->used <= 1);
    settle(&rig);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(send_ends_when_the_socket_has_taken_all),
          T(what_is_started_before_the_turn_leaves_in_one_send),
          T(one_send_is_in_flight_and_the_rest_waits),
          T(any_chunking_keeps_the_order),
          T(error_ends_all_that_wait_with_the_same),
          T(error_of_the_socket_ends_sends_too),
          T(socket_that_takes_nothing_is_broken),
          T(what_only_passes_does_not_end_a_send),
          T(cancel_of_a_send_that_waits_behind_another),
          T(cancel_of_what_is_gathered_has_no_effect), T(gather_is_bounded),
          T(gather_of_what_waited_is_bounded_too),
          T(a_send_asks_for_no_more_than_a_result_can_say),
          T(neighbours_in_memory_are_one_piece),
          T(a_neighbour_does_not_overtake_what_found_no_room),
          T(without_a_frame_pieces_leave_in_several_sends), T(frames_come_back))
