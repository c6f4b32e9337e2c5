/* SPDX-License-Identifier: MIT */
/* test_stream_receive.c - bytes come in, paced: pirn/stream.h */
#include "test.h"

#include "tests/sim/stream_rig.h"

static void settle(struct stream_rig *rig)
{
    rig_close(rig, PIRN_STREAM_ABORT);
    rig_turns(rig, 3);
    script_complete(rig->bed->kernel, rig_send_op(rig), 0);
    rig_turns(rig, 2);
    assert_int_equal(rig->close.calls, 1);
}

static void nothing_is_received_before_the_resume(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_turns(&rig, 2);
    assert_int_equal(script_inflight_count(rig.bed->kernel), 0);
    pirn_stream_resume(&rig.stream);
    pirn_stream_resume(&rig.stream); /* twice is once */
    rig_turns(&rig, 1);
    assert_int_equal(script_inflight_count(rig.bed->kernel), 1);
    settle(&rig);
}

static void bytes_come_in_order_and_receiving_goes_on(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    rig_deliver(&rig, "one");
    rig_turns(&rig, 2);
    assert_true(rig_has_recv(&rig));
    rig_deliver(&rig, "two");
    rig_turns(&rig, 2);
    assert_string_equal(rig.got, "onetwo");
    settle(&rig);
}

static void taking_fewer_pauses_and_the_rest_comes_after_the_resume(
    void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig.take = 2;
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    rig_deliver(&rig, "hello");
    rig_turns(&rig, 3);
    assert_int_equal(rig.calls, 1);
    assert_string_equal(rig.got, "he");
    assert_int_equal(script_inflight_count(rig.bed->kernel), 0);

    pirn_stream_resume(&rig.stream);
    assert_int_equal(rig.calls, 1); /* in a later turn */
    rig_turns(&rig, 3);
    assert_int_equal(rig.calls, 2);
    assert_string_equal(rig.got, "hell");
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 2);
    assert_string_equal(rig.got, "hello");
    assert_true(rig_has_recv(&rig)); /* all is taken: the socket again */
    settle(&rig);
}

static void resume_from_inside_gives_the_rest_in_later_turns(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig.take = 2;
    rig.resume_inside = true;
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    rig_deliver(&rig, "hello");
    assert_int_equal(rig_turns(&rig, 1), 1);
    assert_string_equal(rig.got, "he");
    rig_turns(&rig, 1);
    assert_string_equal(rig.got, "hell");
    rig_turns(&rig, 2);
    assert_string_equal(rig.got, "hello");
    assert_true(rig_has_recv(&rig));
    settle(&rig);
}

/* A resume is for the call in which it was made. */
static void resume_with_all_taken_is_not_remembered(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig.resume_inside = true;
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    rig_deliver(&rig, "all");
    rig_turns(&rig, 2);
    rig.resume_inside = false;
    rig.take = 1;
    rig_deliver(&rig, "two");
    rig_turns(&rig, 4);
    assert_int_equal(rig.calls, 2);
    assert_string_equal(rig.got, "allt");
    settle(&rig);
}

static void pause_keeps_what_comes_meanwhile(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    pirn_stream_pause(&rig.stream);
    rig_deliver(&rig, "later");
    rig_turns(&rig, 2);
    assert_int_equal(rig.calls, 0);
    assert_int_equal(script_inflight_count(rig.bed->kernel), 0);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 2);
    assert_string_equal(rig.got, "later");
    settle(&rig);
}

static void pause_from_inside_stops_receiving(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig.pause_inside = true;
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    rig_deliver(&rig, "stop");
    rig_turns(&rig, 2);
    assert_string_equal(rig.got, "stop");
    assert_int_equal(script_inflight_count(rig.bed->kernel), 0);
    settle(&rig);
}

static void pause_and_resume_before_the_turn_change_nothing(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    pirn_stream_pause(&rig.stream);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    assert_int_equal(script_inflight_count(rig.bed->kernel), 1);
    rig_deliver(&rig, "still");
    rig_turns(&rig, 1);
    assert_string_equal(rig.got, "still");
    settle(&rig);
}

static void peers_end_is_told_once(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    script_complete(rig.bed->kernel, rig_recv_op(&rig), 0);
    rig_turns(&rig, 1);
    assert_int_equal(rig.ends, 1);
    assert_int_equal(rig.end_result, 0);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 2);
    assert_int_equal(rig.calls, 1);
    assert_int_equal(script_inflight_count(rig.bed->kernel), 0);
    rig_send(&rig, 0, "still open", 10); /* our side is */
    rig_turns(&rig, 1);
    assert_true(rig_has_send(&rig));
    script_complete(rig.bed->kernel, rig_send_op(&rig), 10);
    rig_turns(&rig, 2);
    assert_int_equal(rig.sends[0].result, 10);
    settle(&rig);
}

static void peers_end_is_told_to_a_paused_stream_too(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    pirn_stream_pause(&rig.stream);
    script_complete(rig.bed->kernel, rig_recv_op(&rig), 0);
    rig_turns(&rig, 1);
    assert_int_equal(rig.ends, 1);
    settle(&rig);
}

/* Also what may pass, where to ask again at once would be to spin. */
static void error_is_told_once(void **state)
{
    static const int32_t errors[] = {-ECONNRESET, -EAGAIN, -ENOMEM};

    for (int i = 0; i < 3; i++) {
        struct stream_rig rig;

        rig_init(&rig, state);
        pirn_stream_resume(&rig.stream);
        rig_turns(&rig, 1);
        script_complete(rig.bed->kernel, rig_recv_op(&rig), errors[i]);
        rig_turns(&rig, 3);
        assert_int_equal(rig.calls, 1);
        assert_int_equal(rig.end_result, errors[i]);
        assert_int_equal(script_inflight_count(rig.bed->kernel), 0);
        settle(&rig);
    }
}

/* A signal, or a cancellation that nobody asked for. */
static void what_only_passes_does_not_end_the_receiving(void **state)
{
    static const int32_t reasons[] = {-EINTR, -ECANCELED};
    struct stream_rig rig;

    rig_init(&rig, state);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    for (int i = 0; i < 2; i++) {
        script_complete(rig.bed->kernel, rig_recv_op(&rig), reasons[i]);
        rig_turns(&rig, 2);
        assert_int_equal(rig.calls, 0);
    }
    rig_deliver(&rig, "hello");
    rig_turns(&rig, 1);
    assert_string_equal(rig.got, "hello");
    settle(&rig);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(nothing_is_received_before_the_resume),
          T(bytes_come_in_order_and_receiving_goes_on),
          T(taking_fewer_pauses_and_the_rest_comes_after_the_resume),
          T(resume_from_inside_gives_the_rest_in_later_turns),
          T(resume_with_all_taken_is_not_remembered),
          T(pause_keeps_what_comes_meanwhile),
          T(pause_from_inside_stops_receiving),
          T(pause_and_resume_before_the_turn_change_nothing),
          T(peers_end_is_told_once),
          T(peers_end_is_told_to_a_paused_stream_too), T(error_is_told_once),
          T(what_only_passes_does_not_end_the_receiving))
