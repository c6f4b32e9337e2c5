/* SPDX-License-Identifier: MIT */
/*
 * test_log_catalogue.c - lives, order and times of items, one actor at a time
 *
 * Several at once, and their deaths: sim/test_log_catalogue_steps.c.
 */
#include "test_log_catalogue.h"

#include <errno.h>

/* ---- a life ---- */

static void a_route_comes_back_as_it_was_packed(void **state)
{
    (void)state;
    struct pirn__route route = {
        .version = 0xabcdef,
        .queue = 0x1234,
        .attempts = 0x5678,
        .priority = 0xb,
        .flags = PIRN__RECORD_HELD,
    };
    uint64_t value = pirn__route_pack(route);
    assert_true(value == 0xabcdef12345678b2ull);
    struct pirn__route back = pirn__route_unpack(value);
    assert_true(pirn__route_pack(back) == value);
    assert_int_equal(back.version, route.version);
    assert_int_equal(back.queue, route.queue);
    assert_int_equal(back.attempts, route.attempts);
    assert_int_equal(back.priority, route.priority);
    assert_int_equal(back.flags, route.flags);
}

static void an_item_goes_round(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    struct pirn__grip grip = fill(&rig);
    assert_int_equal(state_of(grip.slot), PIRN__FILLING);
    assert_int_equal(rig_word(&memory, grip.slot).owner, ME);
    bool ready = false;
    assert_int_equal(
        pirn__slot_release(&rig.c, &rig.me, &grip, RIG_NOW, false, &ready), 0);
    assert_true(ready);
    assert_int_equal(state_of(grip.slot), PIRN__READY);
    assert_true(rig_word(&memory, grip.slot).hinted);
    uint32_t slot = grip.slot;
    grip = next_of(&rig, 0);
    assert_int_equal(grip.slot, slot);
    assert_int_equal(state_of(slot), PIRN__CLAIMED);
    assert_int_equal(rig_word(&memory, slot).fence, 1);
    assert_false(rig_word(&memory, slot).hinted);
    turn(&rig, &grip, PIRN__UPDATING);
    assert_int_equal(state_of(slot), PIRN__UPDATING);
    turn(&rig, &grip, PIRN__CLAIMED);
    end(&rig, &grip);
    assert_int_equal(state_of(slot), PIRN__FREE);
    assert_int_equal(rig.me.hand->put, 0);
    next_is_none(&rig, 0);
}

static void freed_slots_come_before_new_ones_and_with_a_new_incarnation(
    void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    struct pirn__grip grip = fill(&rig);
    struct pirn__grip second = fill(&rig);
    assert_int_equal(grip.slot, 0);
    assert_int_equal(second.slot, 1);
    assert_int_equal(pirn__catalogue_used(&rig.c), 2);
    uint32_t before = incarnation_of(&grip);
    end(&rig, &grip);
    struct pirn__grip again = fill(&rig);
    assert_int_equal(again.slot, 0);
    assert_int_equal(incarnation_of(&again), before + 1);
    assert_int_equal(pirn__catalogue_used(&rig.c), 2);
}

static void all_slots_are_given_out_and_no_more(void **state)
{
    (void)state;
    struct rig rig = rig_make(6, RIG_BLOCKS);
    struct pirn__grip grips[6];
    for (int round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < 6; i++) {
            grips[i] = fill(&rig);
            assert_int_equal(grips[i].slot, i);
        }
        struct pirn__grip none;
        assert_int_equal(pirn__slot_fill(&rig.c, &rig.me, RIG_SLOTS, &none),
                         -ENOSPC);
        for (uint32_t i = 0; i < 6; i++) {
            end(&rig, &grips[i]);
        }
    }
}

static void slots_that_are_not_backed_are_not_touched(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    struct pirn__grip grip;
    assert_int_equal(pirn__slot_fill(&rig.c, &rig.me, 1, &grip), 0);
    assert_int_equal(pirn__slot_fill(&rig.c, &rig.me, 1, &grip), -ENOSPC);
    assert_int_equal(pirn__catalogue_used(&rig.c), 1);
    assert_int_equal(memory.slots[1].word, 0);
    assert_int_equal(pirn__slot_fill(&rig.c, &rig.me, 2, &grip), 0);
    assert_int_equal(grip.slot, 1);
}

/* ---- order ---- */

static void the_higher_priority_comes_first_then_the_older(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t slots[PIRN__PRIORITIES][2];
    for (uint8_t turn = 0; turn < 2; turn++) {
        for (uint8_t i = 0; i < PIRN__PRIORITIES; i++) {
            uint8_t priority = (uint8_t)(i * 7 % PIRN__PRIORITIES);
            slots[priority][turn] = put(&rig, 1, priority);
        }
    }
    next_is_none(&rig, 0);
    for (uint32_t i = PIRN__PRIORITIES; i-- > 0;) {
        assert_int_equal(next_of(&rig, 1).slot, slots[i][0]);
        assert_int_equal(next_of(&rig, 1).slot, slots[i][1]);
    }
    next_is_none(&rig, 1);
}

static void what_was_given_back_comes_before_what_is_new(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t high = put(&rig, 0, 5);
    uint32_t low = put(&rig, 0, 4);
    uint32_t lower = put(&rig, 0, 4);
    struct pirn__grip first = next_of(&rig, 0);
    struct pirn__grip second = next_of(&rig, 0);
    assert_int_equal(first.slot, high);
    assert_int_equal(second.slot, low);
    release(&rig, &second, true);
    assert_int_equal(next_of(&rig, 0).slot, low);
    assert_int_equal(next_of(&rig, 0).slot, lower);
    uint32_t last = put(&rig, 0, 5);
    release(&rig, &first, true);
    assert_int_equal(next_of(&rig, 0).slot, high);
    assert_int_equal(next_of(&rig, 0).slot, last);
}

static void claimed_by_id_and_given_back_it_keeps_its_place(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t first = put(&rig, 0, 1);
    uint32_t second = put(&rig, 0, 1);
    struct pirn__grip grip = claim(&rig, first);
    assert_true(rig_word(&memory, first).hinted);
    uint32_t third = put(&rig, 0, 1);
    release(&rig, &grip, false);
    assert_int_equal(next_of(&rig, 0).slot, first);
    assert_int_equal(next_of(&rig, 0).slot, second);
    assert_int_equal(next_of(&rig, 0).slot, third);
    uint32_t lane = RIG_FIRST_LANE + (PIRN__PRIORITIES - 1 - 1) * 2;
    assert_true(pirn__lane_is_empty(&rig.c.lanes, lane));
    assert_true(pirn__lane_is_empty(&rig.c.lanes, lane + 1));
}

static void the_place_of_an_item_that_is_gone_is_not_its_successors(
    void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t first = put(&rig, 0, 1);
    uint32_t second = put(&rig, 0, 1);
    struct pirn__grip grip = claim(&rig, first);
    end(&rig, &grip);
    assert_int_equal(put(&rig, 0, 1), first);
    assert_int_equal(next_of(&rig, 0).slot, second);
    assert_int_equal(next_of(&rig, 0).slot, first);
    next_is_none(&rig, 0);
}

static void an_entry_met_while_its_item_was_claimed_is_made_up_for(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t slot = put(&rig, 0, 1);
    struct pirn__grip grip = claim(&rig, slot);
    next_is_none(&rig, 0); /* the entry is gone */
    assert_false(rig_word(&memory, slot).hinted);
    release(&rig, &grip, false);
    assert_int_equal(next_of(&rig, 0).slot, slot);
}

static void moved_by_id_it_is_found_where_it_is_and_not_where_it_was(
    void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t slot = put(&rig, 0, 1);
    struct pirn__grip grip = claim(&rig, slot);
    rig_write(&memory, slot, (struct pirn__route){.queue = 1}, 0);
    release(&rig, &grip, false);
    next_is_none(&rig, 0);
    assert_true(rig_word(&memory, slot).hinted);
    assert_int_equal(next_of(&rig, 1).slot, slot);
    next_is_none(&rig, 1);
}

static void with_another_priority_it_gets_another_place(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    put(&rig, 0, 2);
    uint32_t slot = put(&rig, 0, 1);
    struct pirn__grip grip = claim(&rig, slot);
    rig_write(&memory, slot, (struct pirn__route){.priority = 3}, 0);
    release(&rig, &grip, false);
    assert_int_equal(next_of(&rig, 0).slot, slot);
}

/* ---- time ---- */

static void a_delayed_item_is_ready_when_its_time_has_come(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t slot = delay(&rig, LATER);
    next_is_none(&rig, 1);
    assert_false(expire(&rig, LATER - PIRN__TICK_NS));
    assert_int_equal(state_of(slot), PIRN__DELAYED);
    assert_true(expire(&rig, LATER + PIRN__TICK_NS));
    assert_false(expire(&rig, LATER + PIRN__TICK_NS));
    assert_int_equal(next_of(&rig, 1).slot, slot);
    next_is_none(&rig, 1);
}

static void it_is_due_at_the_first_tick_that_is_not_before_its_time(
    void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t at_tick = delay(&rig, LATER);
    uint32_t behind = delay(&rig, LATER + 1);
    assert_false(expire(&rig, LATER - 1));
    assert_true(expire(&rig, LATER));
    assert_int_equal(next_of(&rig, 1).slot, at_tick);
    assert_false(expire(&rig, LATER + 1));
    assert_false(expire(&rig, LATER + PIRN__TICK_NS - 1));
    assert_int_equal(state_of(behind), PIRN__DELAYED);
    assert_true(expire(&rig, LATER + PIRN__TICK_NS));
    assert_int_equal(next_of(&rig, 1).slot, behind);
}

static void recovered_from_a_hand_it_waits_for_its_time_all_the_same(
    void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t slot = delay(&rig, LATER + 1);
    uint16_t incarnation =
        (uint16_t)pirn__word_unpack(memory.slots[slot].word).incarnation;
    uint32_t due = rig.c.wheel.first_lane + PIRN__WHEEL_LANES - 1;
    pirn__hand_set(rig.other.hand, due,
                   (struct pirn__entry){slot, incarnation});
    int r = pirn__hand_recover(&rig.c.lanes, rig.other.hand, rig.me.hand);
    assert_int_equal(r, 0);
    assert_false(expire(&rig, LATER));
    assert_int_equal(state_of(slot), PIRN__DELAYED);
    assert_true(expire(&rig, LATER + PIRN__TICK_NS));
    assert_false(expire(&rig, LATER + PIRN__TICK_NS));
}

static void one_call_looks_at_so_many_entries_and_the_next_goes_on(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t slot = delay(&rig, LATER + PIRN__TICK_NS);
    struct pirn__entry stale = {slot, (uint16_t)-1};
    for (uint32_t i = 0; i < 1500; i++) {
        int r = pirn__wheel_put(&rig.c.wheel, stale, LATER, rig.me.hand);
        assert_int_equal(r, 0);
    }
    uint64_t then = LATER + PIRN__TICK_NS;
    assert_false(expire(&rig, then));
    assert_int_equal(state_of(slot), PIRN__DELAYED);
    struct pirn__wheel_look look = {0};
    assert_true(pirn__wheel_next_ns(&rig.c.wheel, &look) <= then);
    assert_true(expire(&rig, then));
    assert_int_equal(next_of(&rig, 1).slot, slot);
}

static void delays_of_all_lengths_are_met(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint64_t delays[] = {1,          5ull << 20, 300ull << 20, 1ull << 37,
                         1ull << 45, 1ull << 51, 3ull << 52};
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        delay(&rig, RIG_NOW + delays[i]);
    }
    for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++) {
        uint64_t due = RIG_NOW + delays[i];
        if (i > 0) {
            assert_false(expire(&rig, due - PIRN__TICK_NS));
        }
        assert_true(expire(&rig, due + PIRN__TICK_NS));
        assert_int_equal(next_of(&rig, 1).slot, i);
    }
}

static void delayed_again_for_longer_it_does_not_come_early(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t slot = delay(&rig, LATER);
    struct pirn__grip grip = claim(&rig, slot);
    uint64_t second = LATER + 500 * PIRN__TICK_NS;
    rig_write(&memory, slot, (struct pirn__route){.queue = 1}, second);
    release(&rig, &grip, false);
    assert_false(expire(&rig, LATER + PIRN__TICK_NS));
    assert_int_equal(state_of(slot), PIRN__DELAYED);
    assert_true(expire(&rig, second + PIRN__TICK_NS));
    assert_false(expire(&rig, second + PIRN__TICK_NS));
    assert_int_equal(next_of(&rig, 1).slot, slot);
    next_is_none(&rig, 1);
}

static void delayed_again_for_less_it_comes_then_and_once(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint64_t second = LATER + 500 * PIRN__TICK_NS;
    uint32_t slot = delay(&rig, second);
    struct pirn__grip grip = claim(&rig, slot);
    rig_write(&memory, slot, (struct pirn__route){.queue = 1}, LATER);
    release(&rig, &grip, false);
    assert_true(expire(&rig, LATER + PIRN__TICK_NS));
    grip = next_of(&rig, 1);
    assert_false(expire(&rig, second + PIRN__TICK_NS));
    end(&rig, &grip);
    assert_false(expire(&rig, second + PIRN__TICK_NS));
}

static void an_entry_in_line_stays_through_a_delay(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t slot = put(&rig, 1, 0);
    struct pirn__grip grip = claim(&rig, slot);
    rig_write(&memory, slot, (struct pirn__route){.queue = 1}, LATER);
    release(&rig, &grip, false);
    assert_true(rig_word(&memory, slot).hinted);
    uint32_t second = put(&rig, 1, 0);
    assert_true(expire(&rig, LATER + PIRN__TICK_NS));
    assert_int_equal(next_of(&rig, 1).slot, slot);
    assert_int_equal(next_of(&rig, 1).slot, second);
}

static void a_delayed_item_met_in_line_still_comes_in_time(void **state)
{
    (void)state;
    struct rig rig = rig_usual();
    uint32_t slot = put(&rig, 1, 0);
    struct pirn__grip grip = claim(&rig, slot);
    rig_write(&memory, slot, (struct pirn__route){.queue = 1}, LATER);
    release(&rig, &grip, false);
    next_is_none(&rig, 1);
    assert_false(rig_word(&memory, slot).hinted);
    assert_true(expire(&rig, LATER + PIRN__TICK_NS));
    assert_false(expire(&rig, LATER + PIRN__TICK_NS));
    assert_int_equal(next_of(&rig, 1).slot, slot);
}

TEST_MAIN(
    cmocka_unit_test(a_route_comes_back_as_it_was_packed),
    cmocka_unit_test(an_item_goes_round),
    cmocka_unit_test(
        freed_slots_come_before_new_ones_and_with_a_new_incarnation),
    cmocka_unit_test(all_slots_are_given_out_and_no_more),
    cmocka_unit_test(slots_that_are_not_backed_are_not_touched),
    cmocka_unit_test(the_higher_priority_comes_first_then_the_older),
    cmocka_unit_test(what_was_given_back_comes_before_what_is_new),
    cmocka_unit_test(claimed_by_id_and_given_back_it_keeps_its_place),
    cmocka_unit_test(the_place_of_an_item_that_is_gone_is_not_its_successors),
    cmocka_unit_test(an_entry_met_while_its_item_was_claimed_is_made_up_for),
    cmocka_unit_test(moved_by_id_it_is_found_where_it_is_and_not_where_it_was),
    cmocka_unit_test(with_another_priority_it_gets_another_place),
    cmocka_unit_test(a_delayed_item_is_ready_when_its_time_has_come),
    cmocka_unit_test(it_is_due_at_the_first_tick_that_is_not_before_its_time),
    cmocka_unit_test(recovered_from_a_hand_it_waits_for_its_time_all_the_same),
    cmocka_unit_test(one_call_looks_at_so_many_entries_and_the_next_goes_on),
    cmocka_unit_test(delays_of_all_lengths_are_met),
    cmocka_unit_test(delayed_again_for_longer_it_does_not_come_early),
    cmocka_unit_test(delayed_again_for_less_it_comes_then_and_once),
    cmocka_unit_test(an_entry_in_line_stays_through_a_delay),
    cmocka_unit_test(a_delayed_item_met_in_line_still_comes_in_time))
