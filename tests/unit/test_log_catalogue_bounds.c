/* SPDX-License-Identifier: MIT */
/*
 * test_log_catalogue_bounds.c - every verb in every state, stale grips, the
 * dead, memory that lies, memory that ends
 */
#include "test_log_catalogue.h"

#include <errno.h>

/* ---- every operation in every state ---- */

/* Brings an item of queue 0 into @to; @ret_grip is what the actor had last. */
static uint32_t bring(const struct rig *rig, enum pirn__state to,
                      struct pirn__grip *ret_grip)
{
    struct pirn__route route = {
        .flags = to == PIRN__HELD ? PIRN__RECORD_HELD : 0,
    };
    *ret_grip = fill_as(rig, route, to == PIRN__DELAYED ? LATER : 0);
    if (to == PIRN__FREE) {
        struct pirn__grip grip = *ret_grip;
        turn(rig, ret_grip, PIRN__REMOVING);
        grip = *ret_grip;
        assert_int_equal(pirn__slot_free(&rig->c, &rig->me, &grip), 0);
    } else if (to != PIRN__FILLING) {
        struct pirn__grip grip = *ret_grip;
        release(rig, &grip, false);
    }
    if (to == PIRN__CLAIMED || to == PIRN__UPDATING || to == PIRN__REMOVING) {
        *ret_grip = next_of(rig, 0);
    }
    if (to == PIRN__UPDATING || to == PIRN__REMOVING) {
        turn(rig, ret_grip, to);
    }
    assert_int_equal(state_of(ret_grip->slot), to);
    return ret_grip->slot;
}

enum verb {
    CLAIM_NEXT,
    CLAIM,
    RELEASE,
    TURN_UPDATING,
    TURN_REMOVING,
    FREE,
    EXPIRE,
    INHERIT,
    VERBS,
};

/* What a verb returns; the grip is of the state, or one that was given up.
 * NOT_ASKED: an assertion of the caller's, who reads it off his grip. */
enum { NOT_ASKED = 77 };

static const int expected[PIRN__STATE_COUNT][VERBS] = {
    [PIRN__FREE] = {0, -ENOENT, NOT_ASKED, NOT_ASKED, NOT_ASKED, -ESTALE, 0, 0},
    [PIRN__FILLING] = {0, 0, 0, NOT_ASKED, 0, NOT_ASKED, 0, 1},
    [PIRN__READY] = {1, 1, -ESTALE, NOT_ASKED, -ESTALE, NOT_ASKED, 0, 0},
    [PIRN__DELAYED] = {0, 1, -ESTALE, NOT_ASKED, -ESTALE, NOT_ASKED, 1, 0},
    [PIRN__HELD] = {0, 1, -ESTALE, NOT_ASKED, -ESTALE, NOT_ASKED, 0, 0},
    [PIRN__CLAIMED] = {0, 0, 0, 0, 0, NOT_ASKED, 0, 1},
    [PIRN__UPDATING] = {0, 0, 0, NOT_ASKED, 0, NOT_ASKED, 0, 1},
    [PIRN__REMOVING] = {0, 0, NOT_ASKED, NOT_ASKED, NOT_ASKED, 0, 0, 1},
};

static int verb_do(const struct rig *rig, enum verb verb, uint32_t slot,
                   struct pirn__grip *grip)
{
    struct pirn__grip got;
    struct pirn__heritage mine = rig_heritage(&memory, ME);
    uint32_t queue;
    switch (verb) {
    case CLAIM_NEXT:
        return pirn__slot_claim_next(&rig->c, &rig->other, 0, &got);
    case CLAIM:
        return pirn__slot_claim(&rig->c, &rig->other, slot,
                                incarnation_of(grip), &got);
    case RELEASE:
        return pirn__slot_release(&rig->c, &rig->me, grip, RIG_NOW, true, NULL);
    case TURN_UPDATING:
        return pirn__slot_turn(&rig->c, grip, PIRN__UPDATING);
    case TURN_REMOVING:
        return pirn__slot_turn(&rig->c, grip, PIRN__REMOVING);
    case FREE:
        return pirn__slot_free(&rig->c, &rig->me, grip);
    case EXPIRE:
        return pirn__catalogue_expire(&rig->c, &rig->other,
                                      LATER + PIRN__TICK_NS, &queue);
    case INHERIT:
        return pirn__slot_inherit(&rig->c, &rig->other, &mine, &got);
    case VERBS:
        break;
    }
    return NOT_ASKED;
}

static void each_verb_does_in_each_state_what_the_table_says(void **state)
{
    (void)state;
    for (enum pirn__state from = 0; from < PIRN__STATE_COUNT; from++) {
        for (enum verb verb = 0; verb < VERBS; verb++) {
            if (expected[from][verb] == NOT_ASKED) {
                continue;
            }
            struct rig rig = rig_usual();
            struct pirn__grip grip;
            uint32_t slot = bring(&rig, from, &grip);
            uint64_t before = memory.slots[slot].word;
            int r = verb_do(&rig, verb, slot, &grip);
            if (r != expected[from][verb]) {
                fail_msg("state %u verb %u: %d, not %d", from, verb, r,
                         expected[from][verb]);
            }
            if (r < 0) {
                assert_int_equal(memory.slots[slot].word, before);
            }
            assert_int_equal(rig.me.hand->put, 0);
            assert_int_equal(rig.other.hand->put, 0);
        }
    }
}

static void a_grip_given_up_opens_nothing_though_the_item_is_ours_again(
    void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t slot = put(&rig, 0, 0);
    struct pirn__grip old = next_of(&rig, 0);
    struct pirn__grip grip = old;
    release(&rig, &grip, true);
    struct pirn__grip now = next_of(&rig, 0);
    assert_int_equal(now.slot, slot);
    assert_int_equal(pirn__slot_turn(&rig.c, &old, PIRN__REMOVING), -ESTALE);
    assert_int_equal(
        pirn__slot_release(&rig.c, &rig.me, &old, RIG_NOW, true, NULL),
        -ESTALE);
    end(&rig, &now);
}

static void freed_twice_it_is_free_once(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    struct pirn__grip grip = fill(&rig);
    turn(&rig, &grip, PIRN__REMOVING);
    assert_int_equal(pirn__slot_free(&rig.c, &rig.me, &grip), 0);
    assert_int_equal(pirn__slot_free(&rig.c, &rig.me, &grip), -ESTALE);
    struct pirn__grip again = fill(&rig);
    assert_int_equal(again.slot, grip.slot);
    assert_int_equal(pirn__slot_free(&rig.c, &rig.me, &grip), -ESTALE);
    assert_int_not_equal(fill(&rig).slot, again.slot);
}

static void an_incarnation_that_is_gone_cannot_be_claimed(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t slot = put(&rig, 0, 0);
    struct pirn__grip grip = next_of(&rig, 0);
    uint32_t old = incarnation_of(&grip);
    end(&rig, &grip);
    assert_int_equal(put(&rig, 0, 0), slot);
    assert_int_equal(pirn__slot_claim(&rig.c, &rig.me, slot, old, &grip),
                     -ENOENT);
    assert_int_equal(pirn__slot_claim(&rig.c, &rig.me, slot + 1, 0, &grip),
                     -ENOENT);
    assert_int_equal(pirn__slot_claim(&rig.c, &rig.me, 1u << 31, 0, &grip),
                     -ENOENT);
}

/* ---- the dead ---- */

static void all_that_a_dead_owner_had_is_inherited(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    static const enum pirn__state states[] = {
        PIRN__FILLING, PIRN__READY,    PIRN__CLAIMED,
        PIRN__HELD,    PIRN__UPDATING, PIRN__REMOVING,
    };
    struct pirn__grip old[6];
    for (size_t i = 6; i-- > 0;) {
        bring(&rig, states[i], &old[i]);
    }
    struct pirn__heritage mine = rig_heritage(&memory, ME);
    struct pirn__grip grip;
    int count = 0;
    while (pirn__slot_inherit(&rig.c, &rig.other, &mine, &grip)) {
        struct pirn__word word = rig_word(&memory, grip.slot);
        enum pirn__state was = states[5 - grip.slot];
        assert_true(pirn__word_pack(word) == grip.word);
        assert_int_equal(word.owner, OTHER);
        assert_int_equal(word.state, was);
        assert_true(pirn__state_is_passing(was));
        count++;
    }
    assert_int_equal(count, 4);
    assert_int_equal(pirn__slot_turn(&rig.c, &old[0], PIRN__REMOVING), -ESTALE);
    assert_int_equal(pirn__slot_free(&rig.c, &rig.me, &old[5]), -ESTALE);
}

static void inherited_under_the_same_number_the_old_grips_are_stale(
    void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    put(&rig, 0, 0);
    struct pirn__grip old = next_of(&rig, 0);
    struct pirn__heritage mine = rig_heritage(&memory, ME);
    struct pirn__grip grip;
    assert_true(pirn__slot_inherit(&rig.c, &rig.me, &mine, &grip));
    assert_int_equal(pirn__slot_turn(&rig.c, &old, PIRN__REMOVING), -ESTALE);
    end(&rig, &grip);
    assert_false(pirn__slot_inherit(&rig.c, &rig.me, &mine, &grip));
}

static void what_died_while_it_was_moved_is_found_where_it_is(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t slot = put(&rig, 0, 1);
    claim(&rig, slot);
    rig_write(&memory, slot, (struct pirn__route){.queue = 1}, 0);
    struct pirn__heritage mine = rig_heritage(&memory, ME);
    struct pirn__grip grip;
    assert_true(pirn__slot_inherit(&rig.c, &rig.other, &mine, &grip));
    assert_int_equal(
        pirn__slot_release(&rig.c, &rig.other, &grip, RIG_NOW, true, NULL), 0);
    next_is_none(&rig, 0);
    assert_int_equal(next_of(&rig, 1).slot, slot);
}

/* ---- shared memory is input ---- */

static void numbers_out_of_range_are_refused_and_change_no_slot(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    struct pirn__grip grip = fill(&rig);
    uint32_t queue;
    struct pirn__entry wild = {.slot = 1u << 20, .incarnation = 1};

    assert_int_equal(pirn__slot_claim_next(&rig.c, &rig.me, 2, &grip),
                     -EBADMSG);
    rig_write(&memory, grip.slot, (struct pirn__route){.queue = 2}, 0);
    uint64_t before = memory.slots[grip.slot].word;
    assert_int_equal(
        pirn__slot_release(&rig.c, &rig.me, &grip, RIG_NOW, true, NULL),
        -EBADMSG);
    assert_int_equal(memory.slots[grip.slot].word, before);
    end(&rig, &grip);
    assert_int_equal(
        pirn__lane_put(&rig.c.lanes, RIG_FIRST_LANE, wild, rig.me.hand), 0);
    assert_int_equal(pirn__slot_claim_next(&rig.c, &rig.me, 0, &grip),
                     -EBADMSG);
    assert_int_equal(pirn__wheel_put(&rig.c.wheel, wild, LATER, rig.me.hand),
                     0);
    assert_int_equal(
        pirn__catalogue_expire(&rig.c, &rig.me, LATER + PIRN__TICK_NS, &queue),
        -EBADMSG);
    fill(&rig);
    assert_int_equal(
        pirn__lane_put(&rig.c.lanes, RIG_FREE_LANE, wild, rig.me.hand), 0);
    assert_int_equal(pirn__slot_fill(&rig.c, &rig.me, RIG_SLOTS, &grip),
                     -EBADMSG);
    memory.state[0] = RIG_SLOTS + 1;
    assert_int_equal(pirn__slot_fill(&rig.c, &rig.me, RIG_SLOTS, &grip),
                     -EBADMSG);
    assert_int_equal(rig.me.hand->put, 0);
}

static void states_that_there_are_not_are_refused(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t slot = put(&rig, 0, 0);
    uint32_t later = delay(&rig, LATER);
    struct pirn__grip grip;
    struct pirn__slot read;
    uint32_t queue;
    struct pirn__heritage nobodys = rig_heritage(&memory, 0);

    memory.trails[0] = UINT64_MAX;
    memory.slots[slot].word |= 0xfull << 60;
    memory.slots[later].word |= 0xfull << 60;
    assert_int_equal(pirn__slot_claim(&rig.c, &rig.me, slot, 1, &grip),
                     -EBADMSG);
    assert_int_equal(pirn__slot_claim_next(&rig.c, &rig.me, 0, &grip),
                     -EBADMSG);
    assert_int_equal(
        pirn__catalogue_expire(&rig.c, &rig.me, LATER + PIRN__TICK_NS, &queue),
        -EBADMSG);
    assert_int_equal(pirn__slot_read(&rig.c, slot, &read), -EBADMSG);
    assert_int_equal(pirn__slot_read(&rig.c, RIG_SLOTS, &read), -EBADMSG);
    assert_false(pirn__slot_inherit(&rig.c, &rig.me, &nobodys, &grip));
}

static void a_slot_is_read_as_it_is(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t slot = put(&rig, 1, 7);
    memory.slots[slot].part = 11;
    memory.slots[slot].body = 12;
    memory.slots[slot].sizes = 13;
    memory.slots[slot].due = 14;
    struct pirn__slot read;
    assert_int_equal(pirn__slot_read(&rig.c, slot, &read), 0);
    assert_memory_equal(&read, &memory.slots[slot], sizeof read);
    memory.slots[slot + 1].part = 15;
    assert_int_equal(pirn__slot_read(&rig.c, slot + 1, &read), 0);
    assert_int_equal(read.part, 0);
}

/* ---- no block ---- */

/* So many blocks that the free lane has none. */
static void without_a_block_a_release_is_refused_and_nothing_is_lost(
    void **state)
{
    (void)state;
    struct rig rig = rig_make(RIG_SLOTS, 1);
    struct pirn__grip grips[RIG_CELLS + 1];
    for (uint32_t i = 0; i <= RIG_CELLS; i++) {
        grips[i] = fill_as(&rig, (struct pirn__route){.queue = 1}, 0);
    }
    for (uint32_t i = 0; i < RIG_CELLS; i++) {
        release(&rig, &grips[i], false);
    }
    struct pirn__grip *last = &grips[RIG_CELLS];
    for (int delayed = 0; delayed < 2; delayed++) {
        uint64_t due = delayed ? LATER : 0;
        rig_write(&memory, last->slot, (struct pirn__route){.queue = 1}, due);
        assert_int_equal(
            pirn__slot_release(&rig.c, &rig.me, last, RIG_NOW, false, NULL),
            -ENOSPC);
        assert_int_equal(state_of(last->slot), PIRN__FILLING);
        assert_int_equal(rig.me.hand->put, 0);
    }
    turn(&rig, last, PIRN__REMOVING);
    assert_int_equal(pirn__slot_free(&rig.c, &rig.me, last), -ENOSPC);
    assert_int_equal(state_of(last->slot), PIRN__REMOVING);
    assert_int_equal(rig.me.hand->put, 0);
    for (uint32_t i = 0; i < RIG_CELLS; i++) {
        assert_int_equal(next_of(&rig, 1).slot, grips[i].slot);
    }
}

static void without_a_block_what_is_due_waits_in_the_hand(void **state)
{
    (void)state;
    struct rig rig = rig_make(RIG_SLOTS, 1);
    uint32_t slot = delay(&rig, LATER);
    struct pirn__grip grip;
    uint32_t queue;
    uint64_t then = LATER + PIRN__TICK_NS;
    assert_int_equal(pirn__catalogue_expire(&rig.c, &rig.me, then, &queue),
                     -ENOSPC);
    assert_int_equal(pirn__slot_claim_next(&rig.c, &rig.me, 1, &grip), -ENOSPC);
    rig.c.lanes.block_count = RIG_BLOCKS;
    assert_int_equal(next_of(&rig, 1).slot, slot);
    assert_int_equal(rig.me.hand->put, 0);
}

/* ---- built again ---- */

static int restore(struct rig *rig, uint32_t slot, struct pirn__route route,
                   uint64_t due_ns)
{
    struct pirn__slot item = {
        .word = 70,
        .part = slot,
        .route = pirn__route_pack(route),
        .due = due_ns,
        .born = 7,
    };

    return pirn__slot_restore(&rig->c, &rig->me, slot, &item, RIG_NOW);
}

static void restored_items_come_in_order_and_the_rest_is_free(void **state)
{
    (void)state;
    struct rig rig = rig_make(8, RIG_BLOCKS);
    struct pirn__grip grip;
    static const uint32_t slots[] = {5, 1, 4};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(restore(&rig, slots[i], (struct pirn__route){0}, 0),
                         0);
    }
    assert_int_equal(restore(&rig, 4, (struct pirn__route){0}, 0), -EEXIST);
    assert_int_equal(restore(&rig, 8, (struct pirn__route){0}, 0), -ERANGE);
    assert_int_equal(pirn__catalogue_settle(&rig.c, &rig.me), 0);
    assert_int_equal(pirn__catalogue_used(&rig.c), 6);
    bool seen[8] = {false};
    for (int i = 0; i < 5; i++) {
        grip = fill(&rig);
        assert_false(seen[grip.slot]);
        seen[grip.slot] = true;
    }
    assert_int_equal(pirn__slot_fill(&rig.c, &rig.me, RIG_SLOTS, &grip),
                     -ENOSPC);
    for (size_t i = 0; i < 3; i++) {
        assert_false(seen[slots[i]]);
        grip = next_of(&rig, 0);
        assert_int_equal(grip.slot, slots[i]);
        assert_int_equal(incarnation_of(&grip), 70);
        assert_int_equal(rig.c.slots[grip.slot].part, grip.slot);
        assert_int_equal(rig.c.slots[grip.slot].born, 7);
    }
}

static void what_is_restored_is_as_its_fields_say(void **state)
{
    (void)state;
    struct rig rig = rig_make(8, RIG_BLOCKS);
    struct pirn__route held = {.flags = PIRN__RECORD_HELD};
    struct pirn__route nowhere = {.queue = UINT16_MAX};
    uint64_t then = LATER + PIRN__TICK_NS;
    uint32_t queue;
    struct pirn__grip grip;
    assert_int_equal(restore(&rig, 0, held, 0), 0);
    assert_int_equal(restore(&rig, 1, (struct pirn__route){0}, LATER), 0);
    assert_int_equal(restore(&rig, 2, nowhere, 0), -EBADMSG);
    assert_int_equal(pirn__slot_claim_next(&rig.c, &rig.me, 0, &grip), 0);
    assert_int_equal(pirn__catalogue_expire(&rig.c, &rig.me, then, &queue), 1);
    assert_int_equal(next_of(&rig, 0).slot, 1);
    assert_int_equal(pirn__slot_claim(&rig.c, &rig.me, 0, 70, &grip), 1);
    assert_int_equal(pirn__catalogue_used(&rig.c), 2);
    assert_int_equal(restore(&rig, 2, (struct pirn__route){0}, 0), 0);
}

static void without_a_block_nothing_is_restored(void **state)
{
    (void)state;
    struct rig rig = rig_make(8, 0);
    assert_int_equal(restore(&rig, 0, (struct pirn__route){0}, 0), -ENOSPC);
    assert_int_equal(pirn__catalogue_used(&rig.c), 0);
    assert_int_equal(rig.c.slots[0].word, 0);
    assert_int_equal(rig.me.hand->put, 0);
}

TEST_MAIN(
    cmocka_unit_test(each_verb_does_in_each_state_what_the_table_says),
    cmocka_unit_test(
        a_grip_given_up_opens_nothing_though_the_item_is_ours_again),
    cmocka_unit_test(freed_twice_it_is_free_once),
    cmocka_unit_test(an_incarnation_that_is_gone_cannot_be_claimed),
    cmocka_unit_test(all_that_a_dead_owner_had_is_inherited),
    cmocka_unit_test(inherited_under_the_same_number_the_old_grips_are_stale),
    cmocka_unit_test(what_died_while_it_was_moved_is_found_where_it_is),
    cmocka_unit_test(numbers_out_of_range_are_refused_and_change_no_slot),
    cmocka_unit_test(states_that_there_are_not_are_refused),
    cmocka_unit_test(a_slot_is_read_as_it_is),
    cmocka_unit_test(without_a_block_a_release_is_refused_and_nothing_is_lost),
    cmocka_unit_test(without_a_block_what_is_due_waits_in_the_hand),
    cmocka_unit_test(restored_items_come_in_order_and_the_rest_is_free),
    cmocka_unit_test(what_is_restored_is_as_its_fields_say),
    cmocka_unit_test(without_a_block_nothing_is_restored))
