/* SPDX-License-Identifier: MIT */
/*
 * test_log_trail.c - where an owner may have items, and what a recovery looks
 * at: which slots' words, not for how long
 */
#define PIRN__ATOM_STEPS
#include "spool/log/catalogue.c"
#include "spool/log/inherit.c"
#include "spool/log/trail.c"

#include "test_log_catalogue.h"

enum { SPAN_BITS = 3, SPAN = 1 << SPAN_BITS, SPANS = RIG_SLOTS / SPAN };

/* A bit of each slot whose word was looked at. */
static uint64_t looked;

/* Somebody changes this word, once, when the other one enters a span. */
static uint64_t *meddled;

void pirn__atom_step(const uint64_t *at)
{
    if (at == &memory.trails[OTHER] && meddled != NULL) {
        *meddled ^= PIRN__WORD_HINTED;
        meddled = NULL;
    }
    for (uint32_t slot = 0; slot < RIG_SLOTS; slot++) {
        if (at == &memory.slots[slot].word) {
            looked |= UINT64_C(1) << slot;
        }
    }
}

static uint64_t slots_of_span(uint32_t span)
{
    return UINT64_C(0xff) << span * SPAN;
}

/* Spans of several slots, and an item in each slot. */
static struct rig rig_of_spans(void)
{
    struct rig rig = rig_usual();

    rig.c.span_bits = SPAN_BITS;
    for (uint32_t i = 0; i < RIG_SLOTS; i++) {
        put(&rig, 0, 0);
    }
    return rig;
}

static uint64_t trail_of(uint16_t owner)
{
    return memory.trails[owner];
}

static void a_recovery_looks_only_where_the_dead_one_was(void **state)
{
    (void)state;
    struct rig rig = rig_of_spans();
    struct pirn__heritage mine = rig_heritage(&memory, ME);
    struct pirn__grip grip = claim(&rig, 2 * SPAN + 5);

    release(&rig, &grip, true);
    claim(&rig, SPAN + 3);
    claim(&rig, 6 * SPAN);
    claim(&rig, 6 * SPAN + 7);
    looked = 0;
    static const uint32_t slots[] = {SPAN + 3, 6 * SPAN, 6 * SPAN + 7};
    for (size_t i = 0; i < 3; i++) {
        assert_true(pirn__slot_inherit(&rig.c, &rig.other, &mine, &grip));
        assert_int_equal(grip.slot, slots[i]);
    }
    assert_false(pirn__slot_inherit(&rig.c, &rig.other, &mine, &grip));
    assert_true(looked == (slots_of_span(1) | slots_of_span(6)));
    assert_int_equal(trail_of(ME), 0);
    assert_int_equal(trail_of(OTHER), 1u << 1 | 1u << 6);
}

static void who_had_nothing_is_recovered_without_a_look(void **state)
{
    (void)state;
    struct rig rig = rig_of_spans();
    struct pirn__heritage mine = rig_heritage(&memory, ME);
    struct pirn__grip grip;

    assert_int_equal(trail_of(ME), 0);
    looked = 0;
    assert_false(pirn__slot_inherit(&rig.c, &rig.other, &mine, &grip));
    assert_true(looked == 0);
}

static void a_span_is_left_with_the_last_item(void **state)
{
    (void)state;
    struct rig rig = rig_of_spans();
    struct pirn__grip one = claim(&rig, 0);
    struct pirn__grip two = claim(&rig, 1);

    assert_int_equal(trail_of(ME), 1);
    release(&rig, &one, true);
    assert_int_equal(trail_of(ME), 1);
    turn(&rig, &two, PIRN__REMOVING);
    assert_int_equal(trail_of(ME), 1);
    assert_int_equal(pirn__slot_free(&rig.c, &rig.me, &two), 0);
    assert_int_equal(trail_of(ME), 0);
    one = fill(&rig);
    assert_int_equal(trail_of(ME), 1);
    end(&rig, &one);
    assert_int_equal(trail_of(ME), 0);
}

/* The first swap of each meets a word that has changed since it was read. */
static void a_swap_that_fails_leaves_no_trail(void **state)
{
    (void)state;
    struct rig rig = rig_of_spans();
    struct pirn__actor other = rig.other;
    struct pirn__grip grip;

    meddled = &memory.slots[0].word;
    assert_int_equal(pirn__slot_claim(&rig.c, &other, 0, 1, &grip), 1);
    assert_int_equal(
        pirn__slot_release(&rig.c, &other, &grip, RIG_NOW, true, NULL), 0);
    assert_int_equal(trail_of(OTHER), 0);
    grip = claim(&rig, 0);
    meddled = &memory.slots[0].word;
    assert_false(pirn__slot_take_over(&rig.c, &other, 0, grip.word, &grip));
    assert_int_equal(trail_of(OTHER), 0);
    end(&rig, &grip);
    meddled = &memory.slots[0].word;
    assert_int_equal(pirn__slot_fill(&rig.c, &other, RIG_SLOTS, &grip),
                     -ENOSPC); /* the entry led to nothing */
    assert_int_equal(trail_of(OTHER), 0);
}

/* The life before had one item there, which is not inherited yet. */
static void an_earlier_lifes_trail_stays_until_it_is_inherited(void **state)
{
    (void)state;
    struct rig rig = rig_of_spans();
    struct pirn__heritage mine = rig_heritage(&memory, ME);
    struct pirn__grip grip;

    claim(&rig, 3);
    rig.me = rig_actor(&memory, ME, &selves[0]);
    grip = claim(&rig, 4);
    release(&rig, &grip, true);
    assert_int_equal(trail_of(ME), 1);
    assert_true(pirn__slot_inherit(&rig.c, &rig.me, &mine, &grip));
    assert_int_equal(grip.slot, 3);
    struct pirn__grip more;
    assert_false(pirn__slot_inherit(&rig.c, &rig.me, &mine, &more));
    assert_int_equal(trail_of(ME), 1);
    release(&rig, &grip, true);
    assert_int_equal(trail_of(ME), 0);
}

/* As who closes gives back what he has. */
static void what_is_inherited_from_oneself_is_on_the_trail_once(void **state)
{
    (void)state;
    struct rig rig = rig_of_spans();
    struct pirn__heritage mine = rig_heritage(&memory, ME);
    struct pirn__grip grip;

    claim(&rig, 0);
    claim(&rig, 9);
    for (uint32_t span = 0; span < 2; span++) {
        assert_true(pirn__slot_inherit(&rig.c, &rig.me, &mine, &grip));
        assert_int_equal(trail_of(ME), 3u >> span << span);
        release(&rig, &grip, true);
    }
    assert_false(pirn__slot_inherit(&rig.c, &rig.me, &mine, &grip));
    assert_int_equal(trail_of(ME), 0);
}

static void who_is_fenced_out_has_too_long_a_trail_and_never_too_short(
    void **state)
{
    (void)state;
    struct rig rig = rig_of_spans();
    struct pirn__grip lost = claim(&rig, 0);
    struct pirn__grip kept = claim(&rig, 1);
    struct pirn__grip taken;

    assert_true(pirn__slot_take_over(&rig.c, &rig.other, 0, lost.word, &taken));
    assert_int_equal(trail_of(OTHER), 1);
    assert_int_equal(
        pirn__slot_release(&rig.c, &rig.me, &lost, RIG_NOW, true, NULL),
        -ESTALE);
    assert_int_equal(trail_of(ME), 1);
    release(&rig, &kept, true);
    assert_int_equal(trail_of(ME), 1);
}

static void a_trail_that_was_written_over_leads_to_no_slot_too_many(
    void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    struct pirn__heritage mine = rig_heritage(&memory, ME);
    struct pirn__grip grip;

    rig.c.span_bits = SPAN_BITS;
    for (uint32_t i = 0; i < SPAN + 2; i++) {
        put(&rig, 0, 0);
    }
    memory.trails[ME] = UINT64_MAX;
    looked = 0;
    assert_false(pirn__slot_inherit(&rig.c, &rig.other, &mine, &grip));
    assert_true(looked == (UINT64_C(1) << (SPAN + 2)) - 1);
    grip = claim(&rig, 0);
    selves[0].counts[0] = 0; /* as of a word that leads to us by chance */
    release(&rig, &grip, true);
    assert_int_equal(selves[0].counts[0], 0);
}

static void there_are_a_thousand_spans_at_most(void **state)
{
    (void)state;
    assert_int_equal(pirn__trail_span_bits(1), 0);
    assert_int_equal(pirn__trail_span_bits(PIRN__TRAIL_SPANS), 0);
    assert_int_equal(pirn__trail_span_bits(PIRN__TRAIL_SPANS + 1), 1);
    assert_int_equal(pirn__trail_span_bits(PIRN__LOG_SLOTS_MAX), 16);
    assert_int_equal(pirn__trail_next((uint64_t[]){0, 4}, 0, 128), 66);
    assert_int_equal(pirn__trail_next((uint64_t[]){1, 4}, 67, 128), 128);
    assert_int_equal(pirn__trail_next((uint64_t[]){0, 4}, 0, 66), 66);
    assert_int_equal(pirn__trail_next((uint64_t[]){2, 0}, 1, 128), 1);
}

TEST_MAIN(
    cmocka_unit_test(a_recovery_looks_only_where_the_dead_one_was),
    cmocka_unit_test(who_had_nothing_is_recovered_without_a_look),
    cmocka_unit_test(a_span_is_left_with_the_last_item),
    cmocka_unit_test(a_swap_that_fails_leaves_no_trail),
    cmocka_unit_test(an_earlier_lifes_trail_stays_until_it_is_inherited),
    cmocka_unit_test(what_is_inherited_from_oneself_is_on_the_trail_once),
    cmocka_unit_test(
        who_is_fenced_out_has_too_long_a_trail_and_never_too_short),
    cmocka_unit_test(a_trail_that_was_written_over_leads_to_no_slot_too_many),
    cmocka_unit_test(there_are_a_thousand_spans_at_most))
