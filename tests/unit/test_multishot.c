/* SPDX-License-Identifier: MIT */
/* test_multishot.c - what delivers many times and then LAST */
#include "test.h"

#include <errno.h>

#include "tests/sim/bed.h"
#include "tests/sim/note.h"

static void start(struct bed *bed, struct shot_note *note)
{
    pirn_prep_multishot_accept(&note->shot, 3);
    pirn_multishot_start(bed->context, &note->shot, shot_note_fn);
}

static void deliveries_come_in_order_and_last_once(void **state)
{
    struct bed *bed = *state;
    struct shot_note note = {0};

    start(bed, &note);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_deliver(bed->kernel, &note.shot, 5, PIRN_MORE);
    script_deliver(bed->kernel, &note.shot, 6, PIRN_MORE);
    assert_int_equal(pirn_context_turn(bed->context, 0), 2);
    assert_false(pirn_multishot_is_idle(&note.shot));
    assert_int_equal(note.lasts, 0);

    script_deliver(bed->kernel, &note.shot, -EMFILE, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(note.lasts, 1);
    assert_int_equal(note.deliveries, 3);
    assert_int_equal(note.results[0], 5);
    assert_int_equal(note.results[1], 6);
    assert_int_equal(note.results[2], -EMFILE);
    assert_true(pirn_multishot_is_idle(&note.shot));
    assert_int_equal(pirn_context_loaned(bed->context), 0);
}

static void cancel_of_a_queued_one_is_one_last(void **state)
{
    struct bed *bed = *state;
    struct shot_note note = {0};

    start(bed, &note);
    pirn_multishot_cancel(bed->context, &note.shot);
    assert_int_equal(note.deliveries, 0);
    assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), 1);
    assert_int_equal(note.lasts, 1);
    assert_int_equal(note.results[0], -ECANCELED);
    assert_int_equal(script_inflight_count(bed->kernel), 0);
    assert_int_equal(script_cancel_count(bed->kernel), 0);
}

static void cancel_delivers_what_was_on_its_way_and_last(void **state)
{
    struct bed *bed = *state;
    struct shot_note note = {0};

    start(bed, &note);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_deliver(bed->kernel, &note.shot, 5, PIRN_MORE);
    pirn_multishot_cancel(bed->context, &note.shot);
    pirn_multishot_cancel(bed->context, &note.shot);
    assert_int_equal(pirn_context_turn(bed->context, 0), 2);
    assert_int_equal(note.results[0], 5);
    assert_int_equal(note.results[1], -ECANCELED);
    assert_int_equal(note.lasts, 1);
    assert_int_equal(script_cancel_count(bed->kernel), 1);
}

/* Starts again from its own last delivery. */
struct phoenix {
    struct shot_note note;
    struct pirn_context *context;
    int lives;
};

static void phoenix_fn(struct pirn_multishot *shot, int32_t result,
                       enum pirn_more more)
{
    struct phoenix *phoenix =
        pirn_container_of(shot, struct phoenix, note.shot);

    shot_note_fn(shot, result, more);
    if (more == PIRN_LAST && phoenix->lives-- > 0) {
        pirn_multishot_start(phoenix->context, shot, phoenix_fn);
    }
}

static void start_phoenix(struct bed *bed, struct phoenix *phoenix)
{
    phoenix->context = bed->context;
    pirn_prep_multishot_accept(&phoenix->note.shot, 3);
    pirn_multishot_start(bed->context, &phoenix->note.shot, phoenix_fn);
}

static void last_delivery_may_start_it_again(void **state)
{
    struct bed *bed = *state;
    struct phoenix phoenix = {.lives = 1};

    start_phoenix(bed, &phoenix);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_deliver(bed->kernel, &phoenix.note.shot, -EMFILE, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_true(script_has_shot(bed->kernel, &phoenix.note.shot));
    script_deliver(bed->kernel, &phoenix.note.shot, -EMFILE, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(phoenix.note.lasts, 2);
}

static int setup_narrow(void **state)
{
    return bed_create(state, &(struct script_config){.turn_budget = 1});
}

/* Its last delivery is parked: the kernel has it no more, the context has. */
static void cancel_of_a_parked_last_spares_the_second_life(void **state)
{
    struct bed *bed = *state;
    struct phoenix phoenix = {.lives = 1};

    start_phoenix(bed, &phoenix);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_deliver(bed->kernel, &phoenix.note.shot, 5, PIRN_MORE);
    script_deliver(bed->kernel, &phoenix.note.shot, -EMFILE, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    pirn_multishot_cancel(bed->context, &phoenix.note.shot);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1); /* restarted */
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);

    assert_int_equal(script_cancel_miss_count(bed->kernel), 1);
    assert_true(script_has_shot(bed->kernel, &phoenix.note.shot));
    script_deliver(bed->kernel, &phoenix.note.shot, -EMFILE, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(phoenix.note.deliveries, 3);
    assert_int_equal(phoenix.note.results[1], -EMFILE);
    assert_int_equal(phoenix.note.results[2], -EMFILE);
}

/* And the same where the cancellation found no room before the restart. */
static void waiting_cancel_of_a_parked_last_is_dropped(void **state)
{
    struct bed *bed = *state;
    struct phoenix phoenix = {.lives = 1};

    start_phoenix(bed, &phoenix);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_deliver(bed->kernel, &phoenix.note.shot, 5, PIRN_MORE);
    script_deliver(bed->kernel, &phoenix.note.shot, -EMFILE, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    pirn_multishot_cancel(bed->context, &phoenix.note.shot);
    script_set_room(bed->kernel, 0);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1); /* restarted */
    script_set_room(bed->kernel, 4);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);

    assert_int_equal(script_cancel_count(bed->kernel), 0);
    assert_true(script_has_shot(bed->kernel, &phoenix.note.shot));
    script_deliver(bed->kernel, &phoenix.note.shot, -EMFILE, PIRN_LAST);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)
#define NARROW(name) \
    cmocka_unit_test_setup_teardown(name, setup_narrow, bed_teardown)

TEST_MAIN(T(deliveries_come_in_order_and_last_once),
          T(cancel_of_a_queued_one_is_one_last),
          T(cancel_delivers_what_was_on_its_way_and_last),
          T(last_delivery_may_start_it_again),
          NARROW(cancel_of_a_parked_last_spares_the_second_life),
          NARROW(waiting_cancel_of_a_parked_last_is_dropped))
