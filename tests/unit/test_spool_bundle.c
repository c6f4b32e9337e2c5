/* SPDX-License-Identifier: MIT */
/* test_spool_bundle.c - small operations on paths that go together */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "pirn/path.h"
#include "spool/bundle.h"
#include "tests/sim/bed.h"

enum { MANY = 2 * PIRN__BUNDLE_MAX + 3, TURNS = 100 };

/* Its name's length says whose it is. */
struct one {
    struct pirn__bundle_entry entry;
    char name[MANY + 1];
    uint32_t told;
    int32_t result;
    uint32_t told_after; /* so many had been carried out by then */
    uint32_t again;      /* so often it is pushed once more */
};

/* What a worker, who has no argument, has carried out. */
static struct {
    struct pirn__bundle bundle;
    struct one ones[MANY];
    uint32_t order[2 * MANY];
    uint32_t count;
} play;

/* Every third one fails. */
static int32_t carry_out(const struct pirn_loan *loan)
{
    uint32_t index = (uint32_t)strlen((const char *)(uintptr_t)loan->addr);

    play.order[play.count++] = index;
    return index % 3 == 0 ? -ENOENT : 0;
}

static int setup(void **state)
{
    struct script_config config = {.worker = carry_out};

    memset(&play, 0, sizeof(play));
    for (uint32_t i = 0; i < MANY; i++) {
        memset(play.ones[i].name, 'n', i);
    }
    (void)bed_create(state, &config);
    pirn__bundle_init(&play.bundle, ((struct bed *)*state)->context);
    return 0;
}

static int teardown(void **state)
{
    pirn__bundle_deinit(&play.bundle);
    return bed_teardown(state);
}

static void push(struct one *one);

static void told(struct pirn_op *op, int32_t result)
{
    struct one *one = pirn_container_of(op, struct one, entry.op);

    one->told++;
    one->result = result;
    one->told_after = play.count;
    if (one->again > 0) {
        one->again--;
        push(one);
    }
}

static void push(struct one *one)
{
    pirn_prep_unlink(&one->entry.op, AT_FDCWD, one->name, 0);
    pirn__bundle_push(&play.bundle, &one->entry, told);
}

static void push_all(uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        push(&play.ones[i]);
    }
}

static void turn(struct bed *bed)
{
    for (int i = 0; i < TURNS && pirn_context_loaned(bed->context) > 0; i++) {
        assert_true(pirn_context_turn(bed->context, 0) >= 0);
    }
    assert_int_equal(pirn_context_loaned(bed->context), 0);
}

static void each_is_told_once_and_how_it_went(void **state)
{
    push_all(MANY);
    turn(*state);
    for (uint32_t i = 0; i < MANY; i++) {
        assert_int_equal(play.ones[i].told, 1);
        assert_int_equal(play.ones[i].result, i % 3 == 0 ? -ENOENT : 0);
        assert_int_equal(play.order[i], i);
    }
    assert_int_equal(play.count, MANY);
}

static void those_who_wait_together_go_together(void **state)
{
    push_all(PIRN__BUNDLE_MAX);
    turn(*state);
    assert_int_equal(play.ones[0].told_after, PIRN__BUNDLE_MAX);
}

static void no_more_are_under_way_than_two_flights_have_room_for(void **state)
{
    push_all(MANY);
    turn(*state);
    for (uint32_t i = 0; i < PIRN__BUNDLE_MAX; i++) {
        assert_in_range(play.ones[i].told_after, PIRN__BUNDLE_MAX,
                        PIRN__BUNDLE_FLIGHTS * PIRN__BUNDLE_MAX);
    }
    assert_int_equal(play.ones[MANY - 1].told_after, MANY);
}

static void who_comes_alone_waits_for_nobody(void **state)
{
    struct bed *bed = *state;

    push(&play.ones[1]);
    for (int i = 0; i < 3; i++) { /* its own turn's end, and its work */
        assert_true(pirn_context_turn(bed->context, 0) >= 0);
    }
    assert_int_equal(play.ones[1].told, 1);
}

static void who_is_told_may_push_again(void **state)
{
    play.ones[0].again = 2;
    play.ones[MANY - 1].again = 1;
    push_all(MANY);
    turn(*state);
    assert_int_equal(play.ones[0].told, 3);
    assert_int_equal(play.ones[MANY - 1].told, 2);
    assert_int_equal(play.count, MANY + 3);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

TEST_MAIN(T(each_is_told_once_and_how_it_went),
          T(those_who_wait_together_go_together),
          T(no_more_are_under_way_than_two_flights_have_room_for),
          T(who_comes_alone_waits_for_nobody), T(who_is_told_may_push_again))
