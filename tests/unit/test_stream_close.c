/* SPDX-License-Identifier: MIT */
/* test_stream_close.c - a stream ends in an orderly way, or at once */
#include "test.h"

#include "runtime/engine/engine.h"
#include "tests/sim/stream_rig.h"

/* Which operation the stream's sending side has with the kernel. */
static uint8_t sending(struct stream_rig *rig)
{
    return rig_has_send(rig) ? rig_send_op(rig)->priv.opcode : ENGINE_NONE;
}

static void end_sending(struct stream_rig *rig, int32_t result)
{
    script_complete(rig->bed->kernel, rig_send_op(rig), result);
    rig_turns(rig, 3);
}

/* The descriptor is closed, and then the op ends, and nothing is on loan. */
static void assert_closes(struct stream_rig *rig)
{
    rig_turns(rig, 3);
    assert_int_equal(sending(rig), ENGINE_CLOSE);
    assert_int_equal(rig_send_op(rig)->priv.fd, RIG_FD);
    assert_int_equal(rig->close.calls, 0);
    end_sending(rig, 0);
    assert_int_equal(rig->close.calls, 1);
    assert_int_equal(rig->close.result, 0);
    assert_int_equal(pirn_context_loaned(rig->bed->context), 0);
    assert_int_equal(script_inflight_count(rig->bed->kernel), 0);
    memset(&rig->stream, 0xff, sizeof(rig->stream)); /* its memory is ours */
    rig_turns(rig, 2);
}

static void flush_sends_shuts_down_reads_on_and_closes(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    pirn_stream_resume(&rig.stream);
    rig_send(&rig, 0, "last words", 10);
    rig_turns(&rig, 1);
    rig_send(&rig, 1, "and more", 8);
    rig_close(&rig, PIRN_STREAM_FLUSH);
    rig_send(&rig, 2, "too late", 8);
    rig_turns(&rig, 1);
    assert_int_equal(rig.sends[2].result, -EPIPE);
    end_sending(&rig, 10);
    assert_int_equal(sending(&rig), ENGINE_SENDMSG);
    end_sending(&rig, 8);
    assert_int_equal(rig.sends[1].result, 8);
    assert_int_equal(sending(&rig), ENGINE_SHUTDOWN);
    assert_int_equal(rig_send_op(&rig)->priv.len, SHUT_WR);
    end_sending(&rig, 0);

    rig_deliver(&rig, "nobody cares"); /* read, so that nothing is reset */
    rig_turns(&rig, 2);
    assert_true(rig_has_recv(&rig));
    assert_int_equal(rig.close.calls, 0);
    script_complete(rig.bed->kernel, rig_recv_op(&rig), 0);
    assert_closes(&rig);
    assert_int_equal(rig.calls, 0); /* receive is not called any more */
}

static void flush_of_a_paused_stream_reads_on_too(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig.take = 1;
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    rig_deliver(&rig, "xyz"); /* of which two bytes stay in the buffer */
    rig_turns(&rig, 2);
    rig_close(&rig, PIRN_STREAM_FLUSH);
    rig_turns(&rig, 1);
    end_sending(&rig, 0); /* the shutdown */
    assert_true(rig_has_recv(&rig));
    script_complete(rig.bed->kernel, rig_recv_op(&rig), 0);
    assert_closes(&rig);
    assert_int_equal(rig.calls, 1);
}

static void flush_after_the_peers_end_does_not_linger(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    script_complete(rig.bed->kernel, rig_recv_op(&rig), 0);
    rig_turns(&rig, 1);
    rig_close(&rig, PIRN_STREAM_FLUSH);
    assert_closes(&rig);
}

static void flush_of_a_broken_stream_closes(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, "last words", 10);
    rig_close(&rig, PIRN_STREAM_FLUSH);
    rig_turns(&rig, 1);
    end_sending(&rig, -EPIPE);
    assert_int_equal(rig.sends[0].result, -EPIPE);
    assert_closes(&rig);
}

static void shutdown_without_a_peer_ends_the_lingering(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    rig_close(&rig, PIRN_STREAM_FLUSH);
    rig_turns(&rig, 1);
    end_sending(&rig, -ENOTCONN);
    assert_closes(&rig);
}

static void abort_of_an_idle_stream_closes(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_close(&rig, PIRN_STREAM_ABORT);
    assert_closes(&rig);
}

static void abort_ends_what_waits_and_what_is_in_flight(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    pirn_stream_resume(&rig.stream);
    rig_send(&rig, 0, "in flight", 9);
    rig_turns(&rig, 1);
    rig_send(&rig, 1, "waiting", 7);
    rig_close(&rig, PIRN_STREAM_ABORT);
    rig_send(&rig, 2, "too late", 8);
    rig_turns(&rig, 2);
    assert_int_equal(rig.sends[0].result, -ECANCELED);
    assert_int_equal(rig.sends[1].result, -ECANCELED);
    assert_int_equal(rig.sends[2].result, -EPIPE);
    assert_int_equal(script_cancel_count(rig.bed->kernel), 2);
    assert_closes(&rig);
    assert_int_equal(rig.calls, 0);
}

/* The descriptor is closed when the kernel has let go of it. */
static void close_waits_for_a_receive_that_does_not_end(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    script_set_deaf(rig.bed->kernel, true);
    rig_close(&rig, PIRN_STREAM_ABORT);
    rig_turns(&rig, 3);
    assert_int_equal(sending(&rig), ENGINE_NONE);
    rig_deliver(&rig, "late");
    assert_closes(&rig);
    assert_int_equal(rig.calls, 0);
}

static void abort_reports_what_had_left(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, "gone", 4);
    rig_send(&rig, 1, "torn", 4);
    rig_turns(&rig, 1);
    script_set_deaf(rig.bed->kernel, true);
    rig_close(&rig, PIRN_STREAM_ABORT);
    rig_turns(&rig, 1);
    end_sending(&rig, 6);
    assert_int_equal(rig.sends[0].result, 4);
    assert_int_equal(rig.sends[1].result, -ECANCELED);
    assert_closes(&rig);
}

static void cancel_turns_a_flush_into_an_abort(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_send(&rig, 0, "stuck", 5);
    rig_turns(&rig, 1);
    rig_close(&rig, PIRN_STREAM_FLUSH);
    rig_turns(&rig, 1);
    pirn_cancel(rig.bed->context, &rig.close.op);
    rig_turns(&rig, 2);
    assert_int_equal(rig.sends[0].result, -ECANCELED);
    assert_closes(&rig);
}

static void cancel_ends_the_lingering(void **state)
{
    for (int shut = 0; shut < 2; shut++) {
        struct stream_rig rig;

        rig_init(&rig, state);
        rig_close(&rig, PIRN_STREAM_FLUSH);
        rig_turns(&rig, 1);
        assert_true(rig_has_recv(&rig));
        if (shut) {
            end_sending(&rig, 0);
        }
        pirn_cancel(rig.bed->context, &rig.close.op);
        assert_closes(&rig);
    }
}

static void cancel_while_it_closes_has_no_effect(void **state)
{
    struct stream_rig rig;

    rig_init(&rig, state);
    rig_close(&rig, PIRN_STREAM_ABORT);
    rig_turns(&rig, 1);
    pirn_cancel(rig.bed->context, &rig.close.op);
    rig_turns(&rig, 1);
    assert_int_equal(script_cancel_count(rig.bed->kernel), 0);
    assert_closes(&rig);
}

static void receive_may_close_from_inside(void **state)
{
    static const char *const words[] = {"bytes", NULL};
    static const enum pirn_stream_end ends[] = {PIRN_STREAM_FLUSH,
                                                PIRN_STREAM_ABORT};

    for (int code = 0; code < 8; code++) {
        const char *word = words[code % 2];
        struct stream_rig rig;

        rig_init(&rig, state);
        rig.close_inside = true;
        rig.close_how = ends[code / 2 % 2];
        rig.take_none = code / 4;
        pirn_stream_resume(&rig.stream);
        rig_turns(&rig, 1);
        if (word != NULL) {
            rig_deliver(&rig, word);
        } else {
            script_complete(rig.bed->kernel, rig_recv_op(&rig), 0);
        }
        rig_turns(&rig, 3);
        if (sending(&rig) == ENGINE_SHUTDOWN) {
            assert_int_equal(rig.close_how, PIRN_STREAM_FLUSH);
            end_sending(&rig, 0);
            script_complete(rig.bed->kernel, rig_recv_op(&rig), 0);
        }
        assert_closes(&rig);
        assert_int_equal(rig.calls, 1);
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(flush_sends_shuts_down_reads_on_and_closes),
          T(flush_of_a_paused_stream_reads_on_too),
          T(flush_after_the_peers_end_does_not_linger),
          T(flush_of_a_broken_stream_closes),
          T(shutdown_without_a_peer_ends_the_lingering),
          T(abort_of_an_idle_stream_closes),
          T(abort_ends_what_waits_and_what_is_in_flight),
          T(close_waits_for_a_receive_that_does_not_end),
          T(abort_reports_what_had_left), T(cancel_turns_a_flush_into_an_abort),
          T(cancel_ends_the_lingering), T(cancel_while_it_closes_has_no_effect),
          T(receive_may_close_from_inside))
