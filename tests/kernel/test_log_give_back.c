/* SPDX-License-Identifier: MIT */
/*
 * test_log_give_back.c - an item that was changed and cannot be made ready
 *
 * The entry that leads to a ready item needs a block of the index. Here no more
 * are to be had for a while: the record is written then, and the give back
 * fails behind it.
 */
#include "kernel/test_log.h"

#include "spool/log/log.h"

static const struct pirn_change to_high = {.what = PIRN_CHANGE_PRIORITY,
                                           .priority = 3};

/* Lanes that were never used get no first block. Return: how many there were.
 */
static uint32_t take_blocks(struct bed *bed)
{
    struct pirn__lanes *lanes = &bed->spool->log->index.catalogue.lanes;
    uint32_t count = lanes->block_count;

    lanes->block_count = pirn__lanes_blocks_used(lanes);
    return count;
}

static void give_blocks(struct bed *bed, uint32_t count)
{
    bed->spool->log->index.catalogue.lanes.block_count = count;
}

/* It has the item "one", whose change was written. */
static uint32_t fail_to_give_back(struct bed *bed, struct pirn_claim *claim)
{
    (void)log_put(bed, "one");
    assert_int_equal(bed_claim(bed, claim), 1);
    uint32_t blocks = take_blocks(bed);
    assert_int_equal(log_give_back_as(bed, claim, &to_high), -ENOSPC);
    return blocks;
}

static void an_item_that_cannot_be_given_back_is_ours_still(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    uint32_t blocks = fail_to_give_back(bed, &claim);

    assert_int_equal(claim.item.version, 2);
    assert_int_equal(claim.item.priority, 3);
    assert_int_equal(claim.item.state, PIRN_ITEM_CLAIMED);
    assert_int_equal(bed_status(bed).claimed, 1);
    log_expect_body(bed, &claim, "one");
    log_expect_none(bed, "incoming");
    give_blocks(bed, blocks);
    assert_int_equal(bed_remove(bed, &claim), 0);
    log_expect_none(bed, "incoming");
}

static void it_is_given_back_when_there_is_room_again(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    uint32_t blocks = fail_to_give_back(bed, &claim);

    assert_int_equal(log_give_back_as(bed, &claim, &to_high), -ENOSPC);
    give_blocks(bed, blocks);
    assert_int_equal(log_update(bed, &claim, &to_high), 0);
    assert_int_equal(log_give_back_as(bed, &claim, &to_high), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.version, 5);
    log_expect_body(bed, &claim, "one");
    assert_int_equal(bed_remove(bed, &claim), 0);
}

/* However often it is tried; and one that is to count nothing counts nothing.
 */
static void it_counts_one_attempt_when_it_succeeds(void **state)
{
    const struct pirn_change untried = {.what = PIRN_CHANGE_UNTRIED};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    uint32_t blocks = fail_to_give_back(bed, &claim);

    assert_int_equal(claim.item.attempts, 0);
    assert_int_equal(log_give_back_as(bed, &claim, &to_high), -ENOSPC);
    assert_int_equal(claim.item.attempts, 0);
    give_blocks(bed, blocks);
    assert_int_equal(log_give_back_as(bed, &claim, &to_high), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 1);
    assert_int_equal(log_give_back_as(bed, &claim, &untried), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

/* Closing gives it back, and that is its one attempt. */
static void nor_does_who_closes_with_it_count_two(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim before = {0};
    struct pirn_claim claim = {0};
    uint32_t blocks = fail_to_give_back(bed, &before);

    give_blocks(bed, blocks);
    log_reopen(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.attempts, 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void what_was_changed_survives_a_power_cut(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim before = {0};
    struct pirn_claim claim = {0};
    uint32_t blocks = fail_to_give_back(bed, &before);

    give_blocks(bed, blocks);
    log_power_cut_and_open(bed);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(claim.item.priority, 3);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

BED_MAIN(LOG_TEST(an_item_that_cannot_be_given_back_is_ours_still),
         LOG_TEST(it_is_given_back_when_there_is_room_again),
         LOG_TEST(it_counts_one_attempt_when_it_succeeds),
         LOG_TEST(nor_does_who_closes_with_it_count_two),
         LOG_TEST(what_was_changed_survives_a_power_cut))
