/* SPDX-License-Identifier: MIT */
/*
 * test_event_ring.c - each serial is heard once, or counted once
 *
 * Method: event_ring.c is compiled into this file with a hook before each
 * atomic step; a teller who is stopped is one whose slot is put back as it was,
 * whole or in part, and who goes on is one whose words are stored again.
 */
#define PIRN__ATOM_STEPS
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "spool/log/event_ring.c"

enum { SLOTS = 32, KEPT = SLOTS - SLOTS / 16 };

static uint64_t next;
static struct pirn__event_slot slots[SLOTS];
static const struct pirn__event_ring ring = {&next, slots, SLOTS};

/* Another who tells, before the step that is @left away. */
static int left = -1;

static void tell(uint32_t owner)
{
    struct pirn_spool_event event = {.kind = PIRN_EVENT_CLAIMED,
                                     .owner = owner,
                                     .attempts = 7,
                                     .due_ns = 11,
                                     .count = 13,
                                     .time_ns = 17,
                                     .queue = "incoming",
                                     .to = "done"};

    memset(&event.id, (int)owner, sizeof(event.id));
    pirn__event_ring_tell(&ring, &event);
}

void pirn__atom_step(const uint64_t *at)
{
    (void)at;
    if (left >= 0 && left-- == 0) {
        tell(99);
    }
}

static int begin(void **state)
{
    (void)state;
    next = 0;
    left = -1;
    memset(slots, 0, sizeof(slots));
    return 0;
}

static struct pirn__event_reader listen(void)
{
    struct pirn__event_reader reader;

    pirn__event_reader_init(&reader, &ring);
    return reader;
}

static int read_at(struct pirn__event_reader *reader, uint64_t now_ns,
                   struct pirn_spool_event *ret_event)
{
    return pirn__event_ring_read(&ring, reader, now_ns, ret_event);
}

/* The next is one that @owner told, whole. */
static void expect(struct pirn__event_reader *reader, uint32_t owner)
{
    struct pirn_spool_event event;
    uint8_t id[16];

    memset(id, (int)owner, sizeof(id));
    assert_int_equal(read_at(reader, 1, &event), 1);
    assert_int_equal(event.kind, PIRN_EVENT_CLAIMED);
    assert_int_equal(event.owner, owner);
    assert_memory_equal(event.id.bytes, id, sizeof(id));
    assert_string_equal(event.queue, "incoming");
    assert_string_equal(event.to, "done");
    assert_int_equal(event.attempts, 7);
    assert_int_equal(event.due_ns, 11);
    assert_int_equal(event.count, 13);
    assert_int_equal(event.time_ns, 17);
}

static void expect_none(struct pirn__event_reader *reader, uint64_t now_ns)
{
    struct pirn_spool_event event;

    assert_int_equal(read_at(reader, now_ns, &event), 0);
}

static void expect_lost(struct pirn__event_reader *reader, uint64_t now_ns,
                        uint64_t first, uint64_t count)
{
    struct pirn_spool_event event;

    assert_int_equal(read_at(reader, now_ns, &event), 1);
    assert_int_equal(event.kind, PIRN_EVENT_LOST);
    assert_int_equal(event.serial, first);
    assert_int_equal(event.count, count);
}

static void what_is_told_is_heard_once_and_in_its_order(void **state)
{
    struct pirn__event_reader reader = listen();

    (void)state;
    for (uint32_t i = 0; i < 5 * SLOTS; i++) { /* five times round */
        tell(i);
        if (i % 3 == 2) {
            expect(&reader, i - 2);
            expect(&reader, i - 1);
            expect(&reader, i);
            expect_none(&reader, 1);
        }
    }
}

static void who_begins_hears_what_comes_from_then_on(void **state)
{
    (void)state;
    tell(1);
    struct pirn__event_reader reader = listen();
    expect_none(&reader, 1);
    tell(2);
    expect(&reader, 2);
}

static void a_full_ring_is_heard_to_the_last(void **state)
{
    struct pirn__event_reader reader = listen();

    (void)state;
    for (uint32_t i = 0; i < SLOTS; i++) {
        tell(i);
    }
    for (uint32_t i = 0; i < SLOTS; i++) {
        expect(&reader, i);
    }
    expect_none(&reader, 1);
}

static void who_is_overtaken_is_told_how_many_he_lost(void **state)
{
    (void)state;
    for (uint32_t more = 1; more < 3 * SLOTS; more++) {
        begin(NULL);
        struct pirn__event_reader reader = listen();
        uint32_t told = SLOTS + more;
        for (uint32_t i = 0; i < told; i++) {
            tell(i % 100);
        }
        expect_lost(&reader, 1, 0, told - KEPT);
        for (uint32_t i = told - KEPT; i < told; i++) {
            expect(&reader, i % 100);
        }
        expect_none(&reader, 1);
    }
}

static void who_is_overtaken_while_he_reads_is_told_so(void **state)
{
    struct pirn__event_reader reader = listen();

    (void)state;
    for (uint32_t i = 0; i < SLOTS; i++) {
        tell(i);
    }
    slots[0].sum ^= 1; /* by one who has stored half of it */
    left = 1;          /* and he tells between the two looks at next */
    expect_lost(&reader, 1, 0, SLOTS + 1 - KEPT);
    expect(&reader, SLOTS + 1 - KEPT);
}

/* He has taken his serial, and stores nothing. */
static void one_who_is_killed_costs_the_others_one_event(void **state)
{
    struct pirn__event_reader reader = listen();

    (void)state;
    tell(1);
    next++;
    tell(3);
    expect(&reader, 1);
    expect_none(&reader, 1000);
    expect_none(&reader, 1000 + PIRN__EVENT_GAP_NS - 1);
    expect_lost(&reader, 1000 + PIRN__EVENT_GAP_NS, 1, 1);
    expect(&reader, 3);
    expect_none(&reader, 1000);
}

static void one_who_is_only_slow_is_heard_in_his_place(void **state)
{
    struct pirn__event_reader reader = listen();
    struct pirn__event_slot slow;

    (void)state;
    tell(1);
    slow = slots[0];
    memset(&slots[0], 0, sizeof(slots[0]));
    tell(2);
    expect_none(&reader, 1000);
    slots[0] = slow;
    expect(&reader, 1);
    expect(&reader, 2);
}

/* Any number of words of one event and the rest of another, at any border. */
static void a_torn_slot_is_never_believed(void **state)
{
    struct pirn__event_slot older;
    struct pirn__event_slot newer;
    uint64_t *words = (uint64_t *)&slots[0];

    (void)state;
    tell(1);
    older = slots[0];
    for (int i = 1; i <= SLOTS; i++) {
        tell(2);
    }
    newer = slots[0];
    for (size_t i = 1; i < sizeof(newer) / 8; i++) {
        struct pirn__event_reader reader = {.serial = SLOTS};
        memcpy(words, &newer, sizeof(newer));
        memcpy(words, &older, i * 8);
        bool differs = memcmp(words, &newer, sizeof(newer)) != 0;
        if (differs) {
            expect_none(&reader, 1);
            expect_lost(&reader, 1 + PIRN__EVENT_GAP_NS, SLOTS, 1);
        }
    }
}

/* He was stopped for a whole turn, and his words come after the newer ones. */
static void an_older_event_that_comes_late_is_not_heard_again(void **state)
{
    struct pirn__event_reader reader = {.serial = SLOTS};
    struct pirn__event_slot older;

    (void)state;
    tell(1);
    older = slots[0];
    for (int i = 1; i <= SLOTS; i++) {
        tell(2);
    }
    slots[0] = older;
    expect_none(&reader, 1);
    expect_lost(&reader, 1 + PIRN__EVENT_GAP_NS, SLOTS, 1);
}

static void any_flipped_bit_is_seen(void **state)
{
    uint8_t *bytes = (uint8_t *)&slots[0];

    (void)state;
    tell(1);
    for (size_t bit = 0; bit < sizeof(slots[0]) * 8; bit++) {
        struct pirn__event_reader reader = {.serial = 0};
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_none(&reader, 1);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

/* Two tell, one between any two steps of the other: both are heard. */
static void two_who_tell_at_once_are_both_heard(void **state)
{
    struct pirn__event_reader reader = listen();

    (void)state;
    left = 0; /* before the other takes his serial */
    tell(1);
    expect(&reader, 99);
    expect(&reader, 1);
    expect_none(&reader, 1);
}

static void listeners_hear_the_same(void **state)
{
    struct pirn__event_reader one = listen();
    struct pirn__event_reader other = listen();

    (void)state;
    tell(1);
    tell(2);
    expect(&one, 1);
    expect(&one, 2);
    expect(&other, 1);
    expect(&other, 2);
}

/* 32 bits would be full in an hour. */
static void serials_go_on_where_32_bits_end(void **state)
{
    (void)state;
    next = UINT32_MAX - 3ull;
    struct pirn__event_reader reader = listen();
    for (uint32_t i = 0; i < 8; i++) {
        tell(i);
        expect(&reader, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_told_is_heard_once_and_in_its_order,
                               begin),
        cmocka_unit_test_setup(who_begins_hears_what_comes_from_then_on, begin),
        cmocka_unit_test_setup(a_full_ring_is_heard_to_the_last, begin),
        cmocka_unit_test_setup(who_is_overtaken_is_told_how_many_he_lost,
                               begin),
        cmocka_unit_test_setup(who_is_overtaken_while_he_reads_is_told_so,
                               begin),
        cmocka_unit_test_setup(one_who_is_killed_costs_the_others_one_event,
                               begin),
        cmocka_unit_test_setup(one_who_is_only_slow_is_heard_in_his_place,
                               begin),
        cmocka_unit_test_setup(a_torn_slot_is_never_believed, begin),
        cmocka_unit_test_setup(
            an_older_event_that_comes_late_is_not_heard_again, begin),
        cmocka_unit_test_setup(any_flipped_bit_is_seen, begin),
        cmocka_unit_test_setup(two_who_tell_at_once_are_both_heard, begin),
        cmocka_unit_test_setup(listeners_hear_the_same, begin),
        cmocka_unit_test_setup(serials_go_on_where_32_bits_end, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
