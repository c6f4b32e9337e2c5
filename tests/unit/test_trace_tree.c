/* SPDX-License-Identifier: MIT */
/* test_trace_tree.c - what led to what, as lines below each other */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "pirn/trace_tree.h"
#include "tests/sim/model/rng.h"
#include "tests/sim/serial_rig.h"

enum { LINES = 16, FLIGHTS = 8 };

struct grove {
    struct pirn_trace_tree tree;
    struct pirn_trace_line lines[LINES];
    struct pirn_trace_flight flights[FLIGHTS];
};

static void grow(struct grove *grove, struct bed *bed)
{
    pirn_trace_tree_begin(&grove->tree, bed->context, grove->lines, LINES,
                          grove->flights, FLIGHTS);
}

static void assert_tree(const struct grove *grove, const char *expected)
{
    char text[1024];

    assert_int_equal(pirn_trace_tree_print(&grove->tree, text, sizeof(text)),
                     strlen(expected));
    assert_string_equal(text, expected);
}

/* A nop, whose function writes, whose function starts over. */
struct round_trip {
    struct bed *bed;
    struct pirn_op nop;
    struct pirn_op write;
    int left;
};

static void gone_round(struct pirn_op *op, int32_t result);

static void write_next(struct pirn_op *op, int32_t result)
{
    struct round_trip *trip = pirn_container_of(op, struct round_trip, nop);

    (void)result;
    pirn_prep_write(&trip->write, 3, "1", 1, 0);
    pirn_start(trip->bed->context, &trip->write, gone_round);
}

static void gone_round(struct pirn_op *op, int32_t result)
{
    struct round_trip *trip = pirn_container_of(op, struct round_trip, write);

    (void)result;
    if (--trip->left > 0) {
        pirn_start(trip->bed->context, &trip->nop, write_next);
    }
}

static void what_a_function_starts_is_below_and_rounds_are_one_line(
    void **state)
{
    struct bed *bed = *state;
    struct grove grove;
    struct round_trip trip = {.bed = bed, .left = 2};

    grow(&grove, bed);
    pirn_prep_nop(&trip.nop);
    pirn_start(bed->context, &trip.nop, write_next);
    for (int i = 0; i < 2; i++) {
        turn(bed);
        script_pass(bed->kernel, 10);
        script_complete(bed->kernel, &trip.nop, 0);
        turn(bed);
        turn(bed);
        script_pass(bed->kernel, 5 + (uint64_t)i);
        script_complete(bed->kernel, &trip.write, 1);
        turn(bed);
    }
    assert_tree(&grove,
                "NOP: 2 started, 2 ended, 0 delivered, 20 ns, at most 10 ns\n"
                "  WRITE: 2 started, 2 ended, 0 delivered, 11 ns, at most 6 "
                "ns\n");
    assert_int_equal(pirn_trace_tree_lost(&grove.tree), 0);
    pirn_trace_tree_end(&grove.tree);
}

static void what_the_program_starts_between_turns_is_below_nothing(void **state)
{
    struct bed *bed = *state;
    struct grove grove;
    struct note notes[2] = {0};

    grow(&grove, bed);
    pirn_prep_immediate(&notes[0].op);
    note_start(bed->context, &notes[0]);
    turn(bed);
    pirn_prep_timer(&notes[1].op, 7);
    note_start(bed->context, &notes[1]);
    script_pass(bed->kernel, 7);
    turn(bed);
    assert_tree(
        &grove,
        "immediate: 1 started, 1 ended, 0 delivered, 0 ns, at most 0 ns\n"
        "timer: 1 started, 1 ended, 0 delivered, 7 ns, at most 7 ns\n");
    pirn_trace_tree_end(&grove.tree);
}

static void deliveries_count_and_lead_to_more(void **state)
{
    struct bed *bed = *state;
    struct grove grove;
    struct shot_note shot = {0};
    struct note note = {0};

    grow(&grove, bed);
    pirn_prep_multishot_accept(&shot.shot, 3);
    pirn_multishot_start(bed->context, &shot.shot, shot_note_fn);
    pirn_post(bed->context, &note.op, note_fn);
    turn(bed);
    script_deliver(bed->kernel, &shot.shot, 8, PIRN_MORE);
    script_deliver(bed->kernel, &shot.shot, 9, PIRN_MORE);
    script_deliver(bed->kernel, &shot.shot, -EIO, PIRN_LAST);
    turn(bed);
    assert_tree(&grove, "ACCEPT: 1 started, 1 ended, 2 delivered, 0 ns, at "
                        "most 0 ns\n"
                        "post: 0 started, 1 ended, 0 delivered, 0 ns, at "
                        "most 0 ns\n");
    pirn_trace_tree_end(&grove.tree);
}

/* More than there is room for. */
static void ops_without_room_are_counted(void **state)
{
    struct bed *bed = *state;
    struct grove grove;
    struct note notes[12] = {0};

    grow(&grove, bed);
    for (int i = 0; i < 12; i++) {
        pirn_prep_timer(&notes[i].op, (uint64_t)(i * 5 % 12));
        note_start(bed->context, &notes[i]);
    }
    for (int i = 0; i < 12; i++) {
        script_pass(bed->kernel, 1);
        turn(bed);
    }
    assert_int_equal(pirn_trace_tree_lost(&grove.tree), 12 - (FLIGHTS - 1));
    assert_int_equal(grove.lines[1].started, FLIGHTS - 1);
    assert_int_equal(grove.lines[1].ended, 12);
    pirn_trace_tree_end(&grove.tree);
}

/* Ops at addresses that collide, ended in any order. */
static void who_is_followed_is_found_whatever_ended_before(void **state)
{
    struct bed *bed = *state;
    struct rng rng = rng_of(1, 1);
    struct grove grove;
    struct note notes[64] = {0};

    for (int run = 0; run < 500; run++) {
        uint64_t total_ns = 0;

        grow(&grove, bed);
        for (int i = 0; i < FLIGHTS - 1; i++) {
            struct note *note = &notes[rng_below(&rng, 64)];
            uint64_t ns = rng_between(&rng, 1, 20);

            if (pirn_op_is_idle(&note->op)) {
                pirn_prep_timer(&note->op, ns);
                note_start(bed->context, note);
                total_ns += ns;
            }
        }
        for (int i = 0; i < 20; i++) {
            script_pass(bed->kernel, 1);
            turn(bed);
        }
        assert_int_equal(grove.lines[1].total_ns, total_ns);
        assert_int_equal(grove.tree.priv.flight_count, 0);
        pirn_trace_tree_end(&grove.tree);
    }
}

static void text_is_cut_and_its_length_told(void **state)
{
    struct bed *bed = *state;
    struct grove grove;
    struct note note = {0};
    char text[68];

    grow(&grove, bed);
    assert_int_equal(pirn_trace_tree_print(&grove.tree, text, 5), 0);
    pirn_prep_immediate(&note.op);
    note_start(bed->context, &note);
    assert_int_equal(pirn_trace_tree_print(&grove.tree, text, 5), 63);
    assert_string_equal(text, "imme");
    assert_int_equal(pirn_trace_tree_print(&grove.tree, NULL, 0), 63);
    turn(bed);
    pirn_prep_timer(&note.op, 0);
    note_start(bed->context, &note);
    turn(bed);
    assert_int_equal(pirn_trace_tree_print(&grove.tree, text, 68), 122);
    assert_string_equal(text + 60, "ns\ntime");
    assert_int_equal(pirn_trace_tree_print(&grove.tree, text, 5), 122);
    assert_string_equal(text, "imme");
    pirn_trace_tree_end(&grove.tree);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(what_a_function_starts_is_below_and_rounds_are_one_line),
          T(what_the_program_starts_between_turns_is_below_nothing),
          T(deliveries_count_and_lead_to_more), T(ops_without_room_are_counted),
          T(who_is_followed_is_found_whatever_ended_before),
          T(text_is_cut_and_its_length_told))
