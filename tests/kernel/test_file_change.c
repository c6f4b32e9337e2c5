/* SPDX-License-Identifier: MIT */
/*
 * test_file_change.c - what is known of an item of files changes, and where it
 * stands with it
 *
 * What a change says is looked at by who made it, by another context, and by
 * who opens the spool anew.
 */
#include "kernel/changed.h"
#include "kernel/test_file.h"

/* Every combination of the five, by an update. */
static void an_update_changes_what_it_says_and_nothing_else(void **state)
{
    struct bed *bed = *state;
    char buf[64];
    struct pirn_fields fields = changed_fields(buf, sizeof(buf), "after");

    file_make_queue(bed, "other");
    for (uint32_t what = 0; what <= CHANGED_ALL; what++) {
        struct pirn_claim claim = {0};
        struct pirn_id id = changed_put(bed);
        struct pirn_change change = changed_by(what, &fields);
        assert_int_equal(file_claim_id(bed, &claim, &id), 1);
        assert_int_equal(file_update(bed, &claim, &change), 0);
        changed_expect(&claim.item, what);
        assert_int_equal(claim.item.version, 2);
        assert_int_equal(claim.item.attempts, 0);
        changed_expect_seen(bed, &id, what, PIRN_ITEM_CLAIMED, 2);
        assert_int_equal(bed_give_back(bed, &claim), 0);
        changed_expect_seen(bed, &id, what, changed_state(what), 3);
        changed_remove(bed, &id);
    }
}

/* Likewise, by a give back, seen by another context. */
static void a_give_back_changes_what_it_says_and_nothing_else(void **state)
{
    struct bed *bed = *state;
    char buf[64];
    struct pirn_fields fields = changed_fields(buf, sizeof(buf), "after");

    file_make_queue(bed, "other");
    for (uint32_t what = 0; what <= CHANGED_ALL; what++) {
        struct pirn_claim claim = {0};
        struct pirn_id id = changed_put(bed);
        struct pirn_change change = changed_by(what, &fields);
        assert_int_equal(file_claim_id(bed, &claim, &id), 1);
        assert_int_equal(file_give_back_as(bed, &claim, &change), 0);
        changed_expect_seen_elsewhere(bed, &id, what, changed_state(what), 2);
        changed_remove(bed, &id);
    }
}

static void an_update_is_there_when_its_owner_is_not(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[CHANGED_ALL + 1];
    char buf[64];
    struct pirn_fields fields = changed_fields(buf, sizeof(buf), "after");

    file_make_queue(bed, "other");
    for (uint32_t what = 0; what <= CHANGED_ALL; what++) {
        struct pirn_claim claim = {0};
        struct pirn_change change = changed_by(what, &fields);
        ids[what] = changed_put(bed);
        assert_int_equal(file_claim_id(bed, &claim, &ids[what]), 1);
        assert_int_equal(file_update(bed, &claim, &change), 0);
    }
    file_reopen(bed);
    for (uint32_t what = 0; what <= CHANGED_ALL; what++) {
        changed_expect_seen(bed, &ids[what], what, changed_state(what), 3);
        changed_remove(bed, &ids[what]);
    }
    assert_int_equal(bed_status(bed).leftovers, 0);
}

static void what_is_held_nobody_has_until_it_is_released(void **state)
{
    const struct pirn_change hold = {.what = PIRN_CHANGE_HELD, .held = true};
    const struct pirn_change release = {.what = PIRN_CHANGE_HELD};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id id = bed_put(bed, "body", 4);

    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(file_give_back_as(bed, &claim, &hold), 0);
    assert_int_equal(bed_claim(bed, &claim), 0);
    file_reopen(bed);
    assert_int_equal(bed_claim(bed, &claim), 0);
    assert_int_equal(file_claim_id(bed, &claim, &id), 1);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_int_equal(bed_claim(bed, &claim), 0);
    assert_int_equal(file_claim_id(bed, &claim, &id), 1);
    assert_int_equal(file_give_back_as(bed, &claim, &release), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void an_untried_one_has_made_no_attempt(void **state)
{
    const struct pirn_change tried = {.what = PIRN_CHANGE_PRIORITY};
    const struct pirn_change untried = {.what = PIRN_CHANGE_UNTRIED};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    (void)bed_put(bed, "body", 4);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(file_give_back_as(bed, &claim, &tried), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 1);
    assert_int_equal(file_give_back_as(bed, &claim, &untried), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void what_cannot_be_changed_is_still_ours(void **state)
{
    char bytes[] = "BAD\0x";
    struct pirn_fields bad_fields = {bytes, sizeof(bytes), sizeof(bytes)};
    const struct pirn_change away = {.what = PIRN_CHANGE_QUEUE,
                                     .queue = "nowhere"};
    const struct pirn_change bad = {.what = PIRN_CHANGE_FIELDS,
                                    .fields = &bad_fields};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    (void)bed_put(bed, "body", 4);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(file_update(bed, &claim, &away), -ENOENT);
    assert_int_equal(file_give_back_as(bed, &claim, &away), -ENOENT);
    assert_int_equal(file_give_back_as(bed, &claim, &bad), -EINVAL);
    assert_string_equal(claim.item.queue, "incoming");
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void an_update_moves_nothing_into_a_queue_of_the_log(void **state)
{
    const struct pirn_change away = {.what = PIRN_CHANGE_QUEUE,
                                     .queue = "logged"};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "logged", PIRN_LAYOUT_LOG), 0);
    (void)bed_put(bed, "body", 4);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(file_update(bed, &claim, &away), -EOPNOTSUPP);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void what_is_moved_is_claimed_there(void **state)
{
    const struct pirn_change away = {.what = PIRN_CHANGE_QUEUE,
                                     .queue = "other"};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    file_make_queue(bed, "other");
    (void)bed_put(bed, "body", 4);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(file_give_back_as(bed, &claim, &away), 0);
    assert_int_equal(bed_claim(bed, &claim), 0);
    assert_int_equal(file_claim_of(bed, &claim, "other"), 1);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_int_equal(file_claim_of(bed, &claim, "other"), 1);
    assert_string_equal(claim.item.queue, "other");
    assert_int_equal(bed_remove(bed, &claim), 0);
}

/* Put from the lowest to the highest, and one more of none. */
static void higher_ones_come_first(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    for (int priority = -8; priority <= 7; priority++) {
        (void)bed_put_as(bed, "body", (int8_t)priority, 0, false);
    }
    for (int priority = 7; priority >= -8; priority--) {
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(claim.item.priority, priority);
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
    assert_int_equal(bed_claim(bed, &claim), 0);
}

/* Also for who has ids of the shards at hand. */
static void a_higher_one_overtakes_those_that_were_there(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    bed_put_many(bed, 20);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
    (void)bed_put_as(bed, "body", 3, 0, false);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.priority, 3);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.priority, 3);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void what_is_put_for_later_is_had_when_its_time_has_come(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    (void)bed_put_as(bed, "body", 0, BED_FAR_NS, false);
    assert_int_equal(bed_claim(bed, &claim), 0);
    uint64_t due_ns = pirn_context_realtime_ns(bed->context) + 500000000;
    struct pirn_id id = bed_put_as(bed, "body", 2, due_ns, false);
    pirn_prep_claim_wait(&claim, bed->spool, "incoming", 30000000000);
    assert_int_equal(pirn_wait(bed->context, &claim.op), 1);
    assert_memory_equal(&claim.item.id, &id, sizeof(id));
    assert_true(pirn_context_realtime_ns(bed->context) >= due_ns);
    assert_int_equal(claim.item.due_ns, due_ns);
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(bed_entries(bed, "incoming/.due"), 1);
}

static void who_counts_and_lists_sees_them_all(void **state)
{
    struct bed *bed = *state;
    uint32_t states[4] = {0};
    struct pirn_listing listing = {0};
    int32_t count;

    (void)bed_put(bed, "body", 4);
    (void)bed_put_as(bed, "body", 1, 0, false);
    (void)bed_put_as(bed, "body", 0, BED_FAR_NS, false);
    (void)bed_put_as(bed, "body", -2, BED_FAR_NS, false);
    (void)bed_put_as(bed, "body", 0, BED_FAR_NS, true);
    struct pirn_status status = bed_status(bed);
    assert_int_equal(status.ready, 2);
    assert_int_equal(status.delayed, 2);
    assert_int_equal(status.held, 1);
    assert_int_equal(status.leftovers, 0);
    pirn_prep_listing(&listing, bed->spool, "incoming");
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    do {
        pirn_prep_listing_next(&listing);
        count = pirn_wait(bed->context, &listing.op);
        assert_true(count >= 0);
        for (int32_t i = 0; i < count; i++) {
            states[listing.items[i].state]++;
        }
    } while (count > 0);
    pirn_prep_listing_end(&listing);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    assert_int_equal(states[PIRN_ITEM_READY], 2);
    assert_int_equal(states[PIRN_ITEM_DELAYED], 2);
    assert_int_equal(states[PIRN_ITEM_HELD], 1);
}

#define TEST(name) \
    cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

BED_MAIN(TEST(an_update_changes_what_it_says_and_nothing_else),
         TEST(a_give_back_changes_what_it_says_and_nothing_else),
         TEST(an_update_is_there_when_its_owner_is_not),
         TEST(what_is_held_nobody_has_until_it_is_released),
         TEST(an_untried_one_has_made_no_attempt),
         TEST(what_cannot_be_changed_is_still_ours),
         TEST(an_update_moves_nothing_into_a_queue_of_the_log),
         TEST(what_is_moved_is_claimed_there), TEST(higher_ones_come_first),
         TEST(a_higher_one_overtakes_those_that_were_there),
         TEST(what_is_put_for_later_is_had_when_its_time_has_come),
         TEST(who_counts_and_lists_sees_them_all))
