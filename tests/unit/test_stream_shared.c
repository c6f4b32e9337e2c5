/* SPDX-License-Identifier: MIT */
/* test_stream_shared.c - streams that receive into the context's buffers */
#include "test.h"

#include "tests/sim/stream_rig.h"

enum { BUFFERS = 32, BUFFER_BYTES = 4096 };

static int setup(void **state)
{
    return bed_create(state, &(struct script_config){
                                 .buffer_count = BUFFERS,
                                 .buffer_bytes = BUFFER_BYTES,
                             });
}

/* The kernel's side of what the stream receives with. */
static bool listens(struct stream_rig *rig)
{
    return script_has_shot(rig->bed->kernel, &rig->stream.priv.shot);
}

static void init(struct stream_rig *rig, void **state)
{
    rig_init_shared(rig, state);
    pirn_stream_resume(&rig->stream);
    rig_turns(rig, 1);
    assert_true(listens(rig));
}

/* It closes, and every buffer is the kernel's again. */
static void settle(struct stream_rig *rig)
{
    rig_close(rig, PIRN_STREAM_ABORT);
    rig_turns(rig, 3);
    script_complete(rig->bed->kernel, rig_send_op(rig), 0);
    rig_turns(rig, 2);
    assert_int_equal(rig->close.calls, 1);
    assert_int_equal(script_buffer_count(rig->bed->kernel), BUFFERS);
}

static void bytes_come_in_order_without_asking_again(void **state)
{
    struct stream_rig rig;

    init(&rig, state);
    for (int i = 0; i < 20; i++) {
        rig_deliver_shared(&rig, "ab", PIRN_MORE);
        assert_int_equal(rig_turns(&rig, 1), 1);
        assert_int_equal(script_buffer_count(rig.bed->kernel), BUFFERS);
    }
    assert_int_equal(script_inflight_count(rig.bed->kernel), 1);
    assert_string_equal(rig.got, "abababababababababababababababababababab");
    settle(&rig);
}

/* What it leaves is kept, and nothing more is asked for until it is taken. */
static void taking_fewer_pauses_and_stops_the_kernel(void **state)
{
    struct stream_rig rig;

    init(&rig, state);
    rig.take = 2;
    rig_deliver_shared(&rig, "abcde", PIRN_MORE);
    rig_turns(&rig, 1);
    assert_string_equal(rig.got, "ab");
    rig_turns(&rig, 3);
    assert_false(listens(&rig));
    assert_int_equal(script_cancel_count(rig.bed->kernel), 1);
    assert_int_equal(rig.calls, 1);

    rig.take = 0;
    pirn_stream_resume(&rig.stream);
    assert_int_equal(rig.calls, 1);
    rig_turns(&rig, 1);
    assert_string_equal(rig.got, "abcde");
    rig_turns(&rig, 1);
    assert_true(listens(&rig));
    settle(&rig);
}

/* Paused, it does not ask the kernel to stop until the kernel delivers. */
static void pause_costs_nothing_while_nothing_comes(void **state)
{
    struct stream_rig rig;

    init(&rig, state);
    pirn_stream_pause(&rig.stream);
    rig_turns(&rig, 2);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 2);
    assert_int_equal(script_cancel_count(rig.bed->kernel), 0);
    assert_true(listens(&rig));
    settle(&rig);
}

/* Three deliveries on their way when it pauses; the third is its last. */
static void all_that_comes_while_paused_is_given_in_order(void **state)
{
    struct stream_rig rig;

    init(&rig, state);
    pirn_stream_pause(&rig.stream);
    rig_deliver_shared(&rig, "one ", PIRN_MORE);
    rig_deliver_shared(&rig, "two ", PIRN_MORE);
    rig_turns(&rig, 1);
    rig_turns(&rig, 3);
    assert_int_equal(rig.calls, 0);
    assert_false(listens(&rig));
    assert_int_equal(script_buffer_count(rig.bed->kernel), BUFFERS - 2);

    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 1);
    assert_string_equal(rig.got, "one two ");
    assert_int_equal(rig.calls, 2);
    rig_turns(&rig, 1);
    assert_true(listens(&rig));
    rig_deliver_shared(&rig, "three", PIRN_MORE);
    rig_turns(&rig, 1);
    assert_string_equal(rig.got, "one two three");
    settle(&rig);
}

/* The peer's last bytes are held: its end waits behind them. */
static void the_end_is_told_behind_what_is_held(void **state)
{
    struct stream_rig rig;

    init(&rig, state);
    pirn_stream_pause(&rig.stream);
    rig_deliver_shared(&rig, "last words", PIRN_MORE);
    script_deliver(rig.bed->kernel, &rig.stream.priv.shot, 0, PIRN_LAST);
    rig_turns(&rig, 2);
    assert_int_equal(rig.calls, 0);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 2);
    assert_string_equal(rig.got, "last words");
    assert_int_equal(rig.ends, 1);
    assert_int_equal(rig.end_result, 0);
    rig_turns(&rig, 2);
    assert_int_equal(rig.calls, 2);
    assert_false(listens(&rig));
    settle(&rig);
}

static void an_error_is_told_once(void **state)
{
    struct stream_rig rig;

    init(&rig, state);
    script_deliver(rig.bed->kernel, &rig.stream.priv.shot, -ECONNRESET,
                   PIRN_LAST);
    rig_turns(&rig, 2);
    assert_int_equal(rig.ends, 1);
    assert_int_equal(rig.end_result, -ECONNRESET);
    settle(&rig);
}

/* The kernel runs out of buffers before it hears that it shall stop: that is no
 * end of the stream. */
static void no_buffer_is_no_error_of_a_stream_that_stops(void **state)
{
    struct stream_rig rig;

    init(&rig, state);
    pirn_stream_pause(&rig.stream);
    rig_deliver_shared(&rig, "one ", PIRN_MORE);
    rig_turns(&rig, 1);
    script_deliver(rig.bed->kernel, &rig.stream.priv.shot, -ENOBUFS, PIRN_LAST);
    rig_turns(&rig, 2);
    pirn_stream_resume(&rig.stream);
    rig_turns(&rig, 2);
    assert_int_equal(rig.ends, 0);
    assert_true(listens(&rig));
    rig_deliver_shared(&rig, "two", PIRN_MORE);
    rig_turns(&rig, 1);
    assert_string_equal(rig.got, "one two");
    settle(&rig);
}

/* A turn brings so much of one stream, and the rest is given in later ones. */
static void a_turn_gives_no_more_than_its_budget(void **state)
{
    enum { PER_TURN = PIRN_STREAM_TURN_BYTES / BUFFER_BYTES };
    static char full[BUFFER_BYTES + 1];
    struct stream_rig rig;

    memset(full, 'x', BUFFER_BYTES);
    init(&rig, state);
    rig.count_only = true;
    for (int i = 0; i < PER_TURN + 3; i++) {
        rig_deliver_shared(&rig, full, PIRN_MORE);
    }
    rig_turns(&rig, 1);
    assert_int_equal(rig.calls, PER_TURN);
    rig_turns(&rig, 1);
    assert_int_equal(rig.calls, PER_TURN + 3);
    rig_turns(&rig, 2);
    assert_true(listens(&rig));
    assert_int_equal(script_buffer_count(rig.bed->kernel), BUFFERS);
    settle(&rig);
}

static void close_drops_what_is_held(void **state)
{
    struct stream_rig rig;

    init(&rig, state);
    pirn_stream_pause(&rig.stream);
    rig_deliver_shared(&rig, "unheard", PIRN_MORE);
    rig_turns(&rig, 3);
    assert_int_equal(script_buffer_count(rig.bed->kernel), BUFFERS - 1);
    settle(&rig);
    assert_int_equal(rig.calls, 0);
}

static void flush_reads_on_and_drops_until_the_peers_end(void **state)
{
    struct stream_rig rig;

    init(&rig, state);
    rig_close(&rig, PIRN_STREAM_FLUSH);
    rig_turns(&rig, 2);
    rig_deliver_shared(&rig, "unheard", PIRN_MORE);
    rig_turns(&rig, 1);
    assert_int_equal(script_buffer_count(rig.bed->kernel), BUFFERS);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 0); /* shutdown */
    rig_turns(&rig, 2);
    assert_int_equal(rig.close.calls, 0);
    script_deliver(rig.bed->kernel, &rig.stream.priv.shot, 0, PIRN_LAST);
    rig_turns(&rig, 2);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 0); /* close */
    rig_turns(&rig, 2);
    assert_int_equal(rig.close.calls, 1);
    assert_int_equal(rig.calls, 0);
}

/* From inside, with bytes in hand that the next user will overwrite. */
static void receive_may_close_from_inside(void **state)
{
    struct stream_rig rig;

    init(&rig, state);
    rig.close_inside = true;
    rig.close_how = PIRN_STREAM_ABORT;
    rig.take = 1;
    rig_deliver_shared(&rig, "bye", PIRN_MORE);
    rig_turns(&rig, 4);
    script_complete(rig.bed->kernel, rig_send_op(&rig), 0);
    rig_turns(&rig, 2);
    assert_int_equal(rig.close.calls, 1);
    assert_int_equal(rig.calls, 1);
    assert_int_equal(script_buffer_count(rig.bed->kernel), BUFFERS);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, bed_teardown)

TEST_MAIN(T(bytes_come_in_order_without_asking_again),
          T(taking_fewer_pauses_and_stops_the_kernel),
          T(pause_costs_nothing_while_nothing_comes),
          T(all_that_comes_while_paused_is_given_in_order),
          T(the_end_is_told_behind_what_is_held), T(an_error_is_told_once),
          T(no_buffer_is_no_error_of_a_stream_that_stops),
          T(a_turn_gives_no_more_than_its_budget), T(close_drops_what_is_held),
          T(flush_reads_on_and_drops_until_the_peers_end),
          T(receive_may_close_from_inside))
