/* SPDX-License-Identifier: MIT */
/*
 * test_log_change.c - what is known of an item changes, and its body does not
 *
 * What a change says is looked at by who made it, by another context, and by
 * who opens the spool after a power cut.
 */
#include "kernel/changed.h"
#include "kernel/test_log.h"

static void make_other(struct bed *bed)
{
    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, "other", PIRN_LAYOUT_LOG), 0);
}

/* Every combination of the five, by an update. */
static void an_update_changes_what_it_says_and_nothing_else(void **state)
{
    struct bed *bed = *state;
    char buf[64];
    struct pirn_fields fields = changed_fields(buf, sizeof(buf), "after");

    make_other(bed);
    for (uint32_t what = 0; what <= CHANGED_ALL; what++) {
        struct pirn_claim claim = {0};
        struct pirn_id id = changed_put(bed);
        struct pirn_change change = changed_by(what, &fields);
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        assert_int_equal(log_update(bed, &claim, &change), 0);
        changed_expect(&claim.item, what);
        assert_int_equal(claim.item.version, 2);
        log_expect_body(bed, &claim, "body");
        changed_expect_seen(bed, &id, what, PIRN_ITEM_CLAIMED, 2);
        assert_int_equal(bed_give_back(bed, &claim), 0);
        changed_expect_seen(bed, &id, what, changed_state(what), 2);
        changed_remove(bed, &id);
    }
}

/* Likewise, by a give back, seen by another context. */
static void a_give_back_changes_what_it_says_and_nothing_else(void **state)
{
    struct bed *bed = *state;
    char buf[64];
    struct pirn_fields fields = changed_fields(buf, sizeof(buf), "after");

    make_other(bed);
    for (uint32_t what = 0; what <= CHANGED_ALL; what++) {
        struct pirn_claim claim = {0};
        struct pirn_id id = changed_put(bed);
        struct pirn_change change = changed_by(what, &fields);
        assert_int_equal(log_claim_id(bed, &claim, &id), 1);
        assert_int_equal(log_give_back_as(bed, &claim, &change), 0);
        changed_expect_seen_elsewhere(bed, &id, what, changed_state(what), 2);
        changed_remove(bed, &id);
    }
}

static void every_change_survives_a_power_cut(void **state)
{
    struct bed *bed = *state;
    struct pirn_id ids[CHANGED_ALL + 1];
    char buf[64];
    struct pirn_fields fields = changed_fields(buf, sizeof(buf), "after");

    make_other(bed);
    for (uint32_t what = 0; what <= CHANGED_ALL; what++) {
        struct pirn_claim claim = {0};
        struct pirn_change change = changed_by(what, &fields);
        ids[what] = changed_put(bed);
        assert_int_equal(log_claim_id(bed, &claim, &ids[what]), 1);
        assert_int_equal(what % 2 ? log_update(bed, &claim, &change)
                                  : log_give_back_as(bed, &claim, &change),
                         0);
        if (what % 2) {
            assert_int_equal(bed_give_back(bed, &claim), 0);
        }
    }
    log_power_cut_and_open(bed);
    for (uint32_t what = 0; what <= CHANGED_ALL; what++) {
        changed_expect_seen(bed, &ids[what], what, changed_state(what), 2);
        changed_remove(bed, &ids[what]);
    }
}

static void the_last_of_many_versions_is_the_one(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id id = changed_put(bed);

    make_other(bed);
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    for (int i = 1; i <= 20; i++) {
        struct pirn_change change = {.what = PIRN_CHANGE_PRIORITY,
                                     .priority = (int8_t)(i % 16 - 8)};
        assert_int_equal(log_update(bed, &claim, &change), 0);
        assert_int_equal(claim.item.version, i + 1);
    }
    assert_int_equal(bed_give_back(bed, &claim), 0);
    log_power_cut_and_open(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.version, 21);
    assert_int_equal(claim.item.priority, 20 % 16 - 8);
    log_expect_body(bed, &claim, "body");
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    log_power_cut_and_open(bed);
    log_expect_gone(bed, &id);
    log_expect_none(bed, "incoming");
}

static void attempts_are_counted_unless_it_was_none(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    const struct pirn_change tried = {.what = PIRN_CHANGE_PRIORITY};
    const struct pirn_change untried = {.what = PIRN_CHANGE_PRIORITY |
                                                PIRN_CHANGE_UNTRIED};

    (void)changed_put(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_give_back_as(bed, &claim, &tried), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 1);
    assert_int_equal(log_give_back_as(bed, &claim, &untried), 0);
    log_power_cut_and_open(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 1);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 2);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void a_change_that_is_refused_changes_nothing(void **state)
{
    static char odd[] = "name";
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_fields no_pairs = {.bytes = odd, .len = 5, .cap = 5};
    const struct pirn_change away = {.what = PIRN_CHANGE_QUEUE |
                                             PIRN_CHANGE_PRIORITY,
                                     .queue = "nowhere",
                                     .priority = 5};
    const struct pirn_change bad = {.what = PIRN_CHANGE_FIELDS,
                                    .fields = &no_pairs};
    struct pirn_id id = changed_put(bed);

    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_update(bed, &claim, &away), -ENOENT);
    assert_int_equal(log_update(bed, &claim, &bad), -EINVAL);
    assert_int_equal(log_give_back_as(bed, &claim, &away), -ENOENT);
    assert_int_equal(log_give_back_as(bed, &claim, &bad), -EINVAL);
    changed_expect(&claim.item, 0);
    log_expect_body(bed, &claim, "body"); /* we have it still */
    assert_int_equal(bed_give_back(bed, &claim), 0);
    changed_expect_seen(bed, &id, 0, PIRN_ITEM_READY, 1);
}

static void an_update_moves_nothing_into_a_queue_of_files(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    const struct pirn_change away = {.what = PIRN_CHANGE_QUEUE,
                                     .queue = "quarantine"};

    (void)changed_put(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_update(bed, &claim, &away), -ENOENT);
    assert_int_equal(bed_give_back(bed, &claim), 0);
}

static void a_released_item_is_ready(void **state)
{
    struct bed *bed = *state;
    struct pirn_draft draft = {.held = true, .due_ns = BED_FAR_NS};
    struct pirn_claim claim = {0};
    const struct pirn_change release = {
        .what = PIRN_CHANGE_HELD | PIRN_CHANGE_DUE | PIRN_CHANGE_UNTRIED};

    assert_int_equal(log_enqueue(bed, &draft, "incoming", "x", 1, NULL), 0);
    log_expect_none(bed, "incoming");
    assert_int_equal(log_claim_id(bed, &claim, &draft.id), 1);
    assert_int_equal(log_give_back_as(bed, &claim, &release), 0);
    log_expect_next(bed, "incoming", "x");
}

BED_MAIN(LOG_TEST(an_update_changes_what_it_says_and_nothing_else),
         LOG_TEST(a_give_back_changes_what_it_says_and_nothing_else),
         LOG_TEST(every_change_survives_a_power_cut),
         LOG_TEST(the_last_of_many_versions_is_the_one),
         LOG_TEST(attempts_are_counted_unless_it_was_none),
         LOG_TEST(a_change_that_is_refused_changes_nothing),
         LOG_TEST(an_update_moves_nothing_into_a_queue_of_files),
         LOG_TEST(a_released_item_is_ready))
