/* SPDX-License-Identifier: MIT */
/*
 * test_log_slot.c - a slot's fields, as a record says them
 */
#include "test.h"

#include "spool/log/slot.h"

static const struct pirn__head head = {
    .version = 7,
    .kind = PIRN__RECORD_META,
    .flags = PIRN__RECORD_HELD,
    .priority = 11,
    .queue = 300,
    .attempts = 40000,
    .part_bytes = 192,
    .due_ns = UINT64_C(0x123456789abcdef0),
    .body_bytes = UINT64_C(0xfedcba9876),
    .body = {.segment = 5, .at = 64, .generation = 2, .record = 9},
};

static void sizes_stand_beside_each_other(void **state)
{
    struct pirn__sizes sizes = {.part_bytes = 0xabcdef,
                                .body_bytes = UINT64_C(0x123456789a)};
    uint64_t packed = pirn__sizes_pack(sizes);

    (void)state;
    assert_true(packed == UINT64_C(0xabcdef123456789a));
    struct pirn__sizes again = pirn__sizes_unpack(packed);
    assert_int_equal(again.part_bytes, sizes.part_bytes);
    assert_true(again.body_bytes == sizes.body_bytes);
}

static void a_slot_says_what_its_record_says(void **state)
{
    struct pirn__slot slot = {.word = 1, .born = 2};

    (void)state;
    pirn__slot_take_record(&slot, &head, 77);
    struct pirn__route route = pirn__route_unpack(slot.route);
    assert_int_equal(route.version, 7);
    assert_int_equal(route.queue, 300);
    assert_int_equal(route.attempts, 40000);
    assert_int_equal(route.priority, 11);
    assert_int_equal(route.flags, PIRN__RECORD_HELD);
    assert_true(slot.part == 77 && slot.due == head.due_ns);
    assert_true(slot.body == pirn__place_pack(head.body));
    struct pirn__sizes sizes = pirn__sizes_unpack(slot.sizes);
    assert_int_equal(sizes.part_bytes, 192);
    assert_true(sizes.body_bytes == head.body_bytes);
    assert_true(slot.word == 1 && slot.born == 2);
}

static void a_version_that_failed_is_spent_and_nothing_is_pending(void **state)
{
    struct pirn__slot before = {0};

    (void)state;
    pirn__slot_take_record(&before, &head, 77);
    struct pirn__slot slot = before;
    slot.route |= PIRN__ROUTE_PENDING;
    slot.due = 99; /* where the record was to stand */
    pirn__slot_spend_version(&slot, &before, 8);
    assert_int_equal(pirn__route_unpack(slot.route).version, 8);
    assert_int_equal(slot.route & PIRN__ROUTE_PENDING, 0);
    struct pirn__route route = pirn__route_unpack(slot.route);
    route.version = 7;
    slot.route = pirn__route_pack(route);
    assert_memory_equal(&slot, &before, sizeof(slot));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_stand_beside_each_other),
        cmocka_unit_test(a_slot_says_what_its_record_says),
        cmocka_unit_test(a_version_that_failed_is_spent_and_nothing_is_pending),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
