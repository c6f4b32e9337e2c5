/* SPDX-License-Identifier: MIT */
/* test_rearm.c - multishots that the kernel ends, and that go on; and the
 * buffers that they receive into */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "runtime/context.h"
#include "tests/sim/bed.h"
#include "tests/sim/note.h"

enum { BUFFERS = 4, BUFFER_BYTES = 8 };

static int setup_few(void **state)
{
    return bed_create(state, &(struct script_config){
                                 .buffer_count = BUFFERS,
                                 .buffer_bytes = BUFFER_BYTES,
                             });
}

static int setup_narrow(void **state)
{
    return bed_create(state, &(struct script_config){
                                 .turn_budget = 1,
                                 .buffer_count = BUFFERS,
                                 .buffer_bytes = BUFFER_BYTES,
                             });
}

static int setup_many(void **state)
{
    return bed_create(state, &(struct script_config){.buffer_count = 256});
}

/* What came, one delivery after the other. */
struct ear {
    struct shot_note note;
    char text[128];
    size_t len;
};

static void hear(struct pirn_multishot *shot, int32_t result,
                 enum pirn_more more)
{
    struct ear *ear = pirn_container_of(shot, struct ear, note.shot);

    if (result > 0) {
        memcpy(ear->text + ear->len, pirn_multishot_bytes(shot),
               (size_t)result);
        ear->len += (size_t)result;
    }
    shot_note_fn(shot, result, more);
}

static void listen_to(struct bed *bed, struct ear *ear)
{
    pirn_prep_multishot_recv(&ear->note.shot, 3, 0);
    pirn_multishot_start(bed->context, &ear->note.shot, hear);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
}

/* The peer ends, and with it what is left of @ear. */
static void end_of(struct bed *bed, struct ear *ear)
{
    script_deliver(bed->kernel, &ear->note.shot, 0, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(ear->note.lasts, 1);
    assert_true(pirn_multishot_is_idle(&ear->note.shot));
}

static void bytes_come_in_order_and_buffers_go_back(void **state)
{
    struct bed *bed = *state;
    struct ear ear = {0};

    listen_to(bed, &ear);
    for (int i = 0; i < 3 * BUFFERS; i++) {
        script_deliver_bytes(bed->kernel, &ear.note.shot, "ab", 2, PIRN_MORE);
        assert_int_equal(script_buffer_count(bed->kernel), BUFFERS - 1);
        assert_int_equal(pirn_context_turn(bed->context, 0), 1);
        assert_int_equal(script_buffer_count(bed->kernel), BUFFERS);
    }
    end_of(bed, &ear);
    assert_string_equal(ear.text, "abababababababababababab");
}

static void one_that_the_kernel_ended_with_bytes_goes_on(void **state)
{
    struct bed *bed = *state;
    struct ear ear = {0};

    listen_to(bed, &ear);
    script_deliver_bytes(bed->kernel, &ear.note.shot, "one ", 4, PIRN_LAST);
    assert_false(script_has_shot(bed->kernel, &ear.note.shot));
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(ear.note.lasts, 0);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_true(script_has_shot(bed->kernel, &ear.note.shot));
    script_deliver_bytes(bed->kernel, &ear.note.shot, "two", 3, PIRN_MORE);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    end_of(bed, &ear);
    assert_string_equal(ear.text, "one two");
}

/* Every reason of the kernel's own that is no delivery: nobody sees it. */
static void reasons_of_the_kernels_own_are_not_seen(void **state)
{
    static const int32_t reasons[] = {-EINTR, -ECANCELED, -ENOBUFS};
    struct bed *bed = *state;
    struct ear ear = {0};

    listen_to(bed, &ear);
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        script_deliver(bed->kernel, &ear.note.shot, reasons[i], PIRN_LAST);
        assert_int_equal(pirn_context_turn(bed->context, 0), 0);
        assert_int_equal(pirn_context_turn(bed->context, 0), 0);
        assert_true(script_has_shot(bed->kernel, &ear.note.shot));
    }
    assert_int_equal(ear.note.deliveries, 0);
    end_of(bed, &ear);
}

/* -EAGAIN among them: on a descriptor that does not wait, to go on is to
 * spin. */
static void errors_say_why_it_does_not_go_on(void **state)
{
    static const int32_t errors[] = {-ECONNRESET, -EAGAIN, -EBADF, -ENOMEM};
    struct bed *bed = *state;

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct ear ear = {0};

        listen_to(bed, &ear);
        script_deliver(bed->kernel, &ear.note.shot, errors[i], PIRN_LAST);
        assert_int_equal(pirn_context_turn(bed->context, 0), 1);
        assert_int_equal(ear.note.lasts, 1);
        assert_int_equal(ear.note.results[0], errors[i]);
        assert_int_equal(script_inflight_count(bed->kernel), 0);
    }
}

static void a_cancelled_one_does_not_go_on(void **state)
{
    struct bed *bed = *state;
    struct ear ear = {0};

    listen_to(bed, &ear);
    script_deliver_bytes(bed->kernel, &ear.note.shot, "late", 4, PIRN_LAST);
    pirn_multishot_cancel(bed->context, &ear.note.shot);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(ear.note.lasts, 1);
    assert_string_equal(ear.text, "late");
    assert_int_equal(script_buffer_count(bed->kernel), BUFFERS);
}

/* It waits on our queue, and a delivery of its former life for its turn: that
 * is then its last. */
static void cancelled_before_it_went_on_it_ends_with_what_waits(void **state)
{
    struct bed *bed = *state;
    struct ear ear = {0};

    listen_to(bed, &ear);
    script_deliver_bytes(bed->kernel, &ear.note.shot, "1", 1, PIRN_MORE);
    script_deliver_bytes(bed->kernel, &ear.note.shot, "2", 1, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    pirn_multishot_cancel(bed->context, &ear.note.shot);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(ear.note.lasts, 1);
    assert_string_equal(ear.text, "12");
    assert_int_equal(script_inflight_count(bed->kernel), 0);
}

/* What the kernel says for reasons of its own is no error of the descriptor's,
 * and so not what its caller is told. */
static void a_cancelled_one_ends_cancelled_whatever_the_kernel_says(
    void **state)
{
    static const int32_t reasons[] = {-EINTR, -ECANCELED, -ENOBUFS};
    struct bed *bed = *state;

    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
        struct ear ear = {0};

        listen_to(bed, &ear);
        pirn_multishot_cancel(bed->context, &ear.note.shot);
        script_deliver(bed->kernel, &ear.note.shot, reasons[i], PIRN_LAST);
        assert_int_equal(pirn_context_turn(bed->context, 0), 1);
        assert_int_equal(ear.note.lasts, 1);
        assert_int_equal(ear.note.results[0], -ECANCELED);
    }
}

/* A read in a worker has its buffer before it has bytes. */
static void a_buffer_without_bytes_goes_back(void **state)
{
    struct bed *bed = *state;
    struct ear ear = {0};

    listen_to(bed, &ear);
    script_deliver_spoilt(bed->kernel, &ear.note.shot, -EINTR);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_int_equal(script_buffer_count(bed->kernel), BUFFERS);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_deliver_spoilt(bed->kernel, &ear.note.shot, 0);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(ear.note.lasts, 1);
    assert_int_equal(script_buffer_count(bed->kernel), BUFFERS);
}

/* The engine has the first 64; when it runs out it gets more. */
static void who_runs_out_gets_more(void **state)
{
    struct bed *bed = *state;
    struct ear ear = {0};
    uint32_t had = script_buffer_count(bed->kernel);

    assert_true(had < 256);
    listen_to(bed, &ear);
    script_deliver(bed->kernel, &ear.note.shot, -ENOBUFS, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_int_equal(script_buffer_count(bed->kernel), 2 * had);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_true(script_has_shot(bed->kernel, &ear.note.shot));
    end_of(bed, &ear);
}

/* Takes all buffers, leaves two ears without, and delivers what there is. */
static void starve(struct bed *bed, struct ear *full, struct ear *empty,
                   struct ear *behind)
{
    listen_to(bed, full);
    listen_to(bed, empty);
    listen_to(bed, behind);
    for (int i = 0; i < BUFFERS; i++) {
        script_deliver_bytes(bed->kernel, &full->note.shot, "x", 1, PIRN_MORE);
    }
    script_deliver(bed->kernel, &empty->note.shot, -ENOBUFS, PIRN_LAST);
    script_deliver(bed->kernel, &behind->note.shot, -ENOBUFS, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
}

/* One delivery a turn: one buffer comes back, and one ear goes on. */
static void buffers_that_come_back_serve_those_who_wait_in_order(void **state)
{
    struct bed *bed = *state;
    struct ear full = {0}, empty = {0}, behind = {0};

    starve(bed, &full, &empty, &behind);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_true(script_has_shot(bed->kernel, &empty.note.shot));
    assert_false(script_has_shot(bed->kernel, &behind.note.shot));
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_true(script_has_shot(bed->kernel, &behind.note.shot));
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);

    end_of(bed, &full);
    end_of(bed, &empty);
    end_of(bed, &behind);
    assert_int_equal(script_buffer_count(bed->kernel), BUFFERS);
}

static void one_that_waits_for_a_buffer_can_be_cancelled(void **state)
{
    struct bed *bed = *state;
    struct ear full = {0}, empty = {0}, behind = {0};

    starve(bed, &full, &empty, &behind);
    pirn_multishot_cancel(bed->context, &behind.note.shot);
    assert_int_equal(pirn_context_turn(bed->context, 0), 2);
    assert_int_equal(behind.note.lasts, 1);
    assert_int_equal(behind.note.results[0], -ECANCELED);
    while (full.note.deliveries < BUFFERS) {
        assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    }
    end_of(bed, &full);
    end_of(bed, &empty);
}

/* Keeps what comes, as a stream does that is paused. */
struct keeper {
    struct pirn_multishot shot;
    struct pirn_context *context;
    uint16_t kept[BUFFERS];
    int count;
};

static void keep(struct pirn_multishot *shot, int32_t result,
                 enum pirn_more more)
{
    struct keeper *keeper = pirn_container_of(shot, struct keeper, shot);

    (void)more;
    if (result > 0) {
        keeper->kept[keeper->count++] =
            pirn__context_keep_buffer(keeper->context);
    }
}

/* All buffers are kept; @first and @second wait for one, in this order. */
static void keep_all(struct bed *bed, struct keeper *keeper, struct ear *first,
                     struct ear *second)
{
    *keeper = (struct keeper){.context = bed->context};
    pirn_prep_multishot_recv(&keeper->shot, 3, 0);
    pirn_multishot_start(bed->context, &keeper->shot, keep);
    listen_to(bed, first);
    listen_to(bed, second);
    for (int i = 0; i < BUFFERS; i++) {
        script_deliver_bytes(bed->kernel, &keeper->shot, "x", 1, PIRN_MORE);
    }
    script_deliver(bed->kernel, &first->note.shot, -ENOBUFS, PIRN_LAST);
    script_deliver(bed->kernel, &second->note.shot, -ENOBUFS, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), BUFFERS);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_int_equal(script_inflight_count(bed->kernel), 1);
}

static void put_rest(struct bed *bed, struct keeper *keeper)
{
    while (keeper->count > 0) {
        pirn__context_put_buffer(bed->context, keeper->kept[--keeper->count]);
    }
    script_deliver(bed->kernel, &keeper->shot, 0, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(script_buffer_count(bed->kernel), BUFFERS);
}

/* The first in the line asks for a buffer, and then nothing comes to it: who
 * stands behind it must not wait for that; and the turn does not sleep. */
static void a_silent_one_does_not_hold_the_line_up(void **state)
{
    struct bed *bed = *state;
    struct ear silent = {0}, behind = {0};
    struct keeper keeper;

    keep_all(bed, &keeper, &silent, &behind);
    pirn__context_put_buffer(bed->context, keeper.kept[--keeper.count]);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 0);
    assert_true(script_has_shot(bed->kernel, &silent.note.shot));
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_true(script_has_shot(bed->kernel, &behind.note.shot));
    end_of(bed, &silent);
    end_of(bed, &behind);
    put_rest(bed, &keeper);
}

static void nor_does_one_that_is_cancelled(void **state)
{
    struct bed *bed = *state;
    struct ear cancelled = {0}, behind = {0};
    struct keeper keeper;

    keep_all(bed, &keeper, &cancelled, &behind);
    pirn__context_put_buffer(bed->context, keeper.kept[--keeper.count]);
    pirn_multishot_cancel(bed->context, &cancelled.note.shot);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(cancelled.note.lasts, 1);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_true(script_has_shot(bed->kernel, &behind.note.shot));
    end_of(bed, &behind);
    put_rest(bed, &keeper);
}

/* The buffer that came back was taken by somebody else: it waits again. */
static void who_comes_too_late_for_a_buffer_waits_on(void **state)
{
    struct bed *bed = *state;
    struct ear first = {0}, second = {0};
    struct keeper keeper;

    keep_all(bed, &keeper, &first, &second);
    pirn__context_put_buffer(bed->context, keeper.kept[--keeper.count]);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_deliver_bytes(bed->kernel, &keeper.shot, "y", 1, PIRN_MORE);
    script_deliver(bed->kernel, &first.note.shot, -ENOBUFS, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    }
    pirn_multishot_cancel(bed->context, &first.note.shot);
    pirn_multishot_cancel(bed->context, &second.note.shot);
    assert_int_equal(pirn_context_turn(bed->context, 0), 2);
    put_rest(bed, &keeper);
}

static void a_failed_ring_ends_those_who_wait_for_buffers(void **state)
{
    struct bed *bed = *state;
    struct ear full = {0}, empty = {0}, behind = {0};
    int turns = 0;

    starve(bed, &full, &empty, &behind);
    script_fail(bed->kernel, -EIO);
    while (pirn_context_loaned(bed->context) > 0 && turns++ < 20) {
        if (pirn_context_turn(bed->context, 0) < 0) {
            break; /* all has been told */
        }
    }
    assert_int_equal(empty.note.results[0], -EIO);
    assert_int_equal(behind.note.results[0], -EIO);
    assert_int_equal(full.note.lasts, 1);
    assert_int_equal(full.len, BUFFERS);
}

static void accepts_go_on_with_descriptor_zero(void **state)
{
    struct bed *bed = *state;
    struct shot_note note = {0};

    pirn_prep_multishot_accept(&note.shot, 3);
    pirn_multishot_start(bed->context, &note.shot, shot_note_fn);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_deliver(bed->kernel, &note.shot, 0, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(note.lasts, 0);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_true(script_has_shot(bed->kernel, &note.shot));
    pirn_multishot_cancel(bed->context, &note.shot);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(note.lasts, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)
#define FEW(name) cmocka_unit_test_setup_teardown(name, setup_few, bed_teardown)
#define MANY(name) \
    cmocka_unit_test_setup_teardown(name, setup_many, bed_teardown)
#define NARROW(name) \
    cmocka_unit_test_setup_teardown(name, setup_narrow, bed_teardown)

TEST_MAIN(FEW(bytes_come_in_order_and_buffers_go_back),
          FEW(one_that_the_kernel_ended_with_bytes_goes_on),
          FEW(reasons_of_the_kernels_own_are_not_seen),
          FEW(errors_say_why_it_does_not_go_on),
          FEW(a_cancelled_one_does_not_go_on),
          FEW(a_cancelled_one_ends_cancelled_whatever_the_kernel_says),
          FEW(a_buffer_without_bytes_goes_back),
          NARROW(cancelled_before_it_went_on_it_ends_with_what_waits),
          MANY(who_runs_out_gets_more),
          NARROW(buffers_that_come_back_serve_those_who_wait_in_order),
          NARROW(one_that_waits_for_a_buffer_can_be_cancelled),
          FEW(a_silent_one_does_not_hold_the_line_up),
          FEW(nor_does_one_that_is_cancelled),
          FEW(who_comes_too_late_for_a_buffer_waits_on),
          NARROW(a_failed_ring_ends_those_who_wait_for_buffers),
          T(accepts_go_on_with_descriptor_zero))
