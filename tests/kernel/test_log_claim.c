/* SPDX-License-Identifier: MIT */
/*
 * test_log_claim.c - who gets which item, and what he may do with it
 */
#include "kernel/test_log.h"

#include <pirn/timer.h>

static uint64_t now(const struct bed *bed)
{
    return pirn_context_realtime_ns(bed->context);
}

static void let_pass(struct bed *bed, uint64_t ns)
{
    struct pirn_op timer = {0};

    pirn_prep_timer(&timer, ns);
    assert_int_equal(pirn_wait(bed->context, &timer), 0);
}

static void a_higher_priority_goes_first(void **state)
{
    struct bed *bed = *state;

    (void)bed_put_as(bed, "normal", 0, 0, false);
    (void)bed_put_as(bed, "lowest", -8, 0, false);
    (void)bed_put_as(bed, "highest", 7, 0, false);
    (void)bed_put_as(bed, "low", -1, 0, false);
    (void)bed_put_as(bed, "high", 1, 0, false);
    log_expect_next(bed, "incoming", "highest");
    log_expect_next(bed, "incoming", "high");
    log_expect_next(bed, "incoming", "normal");
    log_expect_next(bed, "incoming", "low");
    log_expect_next(bed, "incoming", "lowest");
    log_expect_none(bed, "incoming");
}

static void what_was_given_back_goes_before_what_is_new(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim one = {0};

    (void)log_put(bed, "one");
    (void)log_put(bed, "two");
    assert_int_equal(bed_claim(bed, &one), 1);
    assert_int_equal(one.item.attempts, 0);
    assert_int_equal(bed_give_back(bed, &one), 0);
    (void)bed_put_as(bed, "above", 1, 0, false);
    log_expect_next(bed, "incoming", "above");
    assert_int_equal(bed_claim(bed, &one), 1);
    log_expect_body(bed, &one, "one");
    assert_int_equal(one.item.attempts, 1);
    assert_int_equal(bed_remove(bed, &one), 0);
    log_expect_next(bed, "incoming", "two");
}

static void a_claim_says_what_the_item_is(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    uint64_t before = now(bed);
    struct pirn_id id = bed_put_as(bed, "hello", 3, 5, false);

    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_true(log_same_id(&claim.item.id, &id));
    assert_string_equal(claim.item.queue, "incoming");
    assert_int_equal(claim.item.state, PIRN_ITEM_CLAIMED);
    assert_int_equal(claim.item.version, 1);
    assert_int_equal(claim.item.priority, 3);
    assert_int_equal(claim.item.due_ns, 5);
    assert_int_equal(claim.item.size_bytes, 5);
    assert_true(claim.item.created_ns >= before);
    assert_true(claim.item.created_ns <= now(bed));
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void a_delayed_item_comes_when_it_is_due_and_not_before(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    uint64_t due = now(bed) + 80 * 1000000ull;
    struct pirn_id id = bed_put_as(bed, "later", 0, due, false);

    for (int tries = 0; tries < 1000; tries++) {
        int32_t r = bed_claim(bed, &claim);
        if (r == 1) {
            break;
        }
        assert_int_equal(r, 0);
        let_pass(bed, 5 * 1000000ull);
    }
    assert_true(now(bed) >= due);
    assert_true(log_same_id(&claim.item.id, &id));
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void delayed_items_come_in_the_order_of_their_times(void **state)
{
    static const char *const texts[] = {"c", "a", "d", "b"};
    /* Far enough, so that all are delayed before the first one is due. */
    static const uint64_t ms[] = {3030, 3010, 3040, 3020};
    struct bed *bed = *state;
    uint64_t from = now(bed);

    for (int i = 0; i < 4; i++) {
        (void)bed_put_as(bed, texts[i], 0, from + ms[i] * 1000000, false);
    }
    assert_int_equal(bed_status(bed).delayed, 4);
    let_pass(bed, 3100 * 1000000ull);
    log_expect_next(bed, "incoming", "a");
    log_expect_next(bed, "incoming", "b");
    log_expect_next(bed, "incoming", "c");
    log_expect_next(bed, "incoming", "d");
}

static void a_held_item_is_had_by_its_id_alone(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id held = bed_put_as(bed, "held", 0, 0, true);
    struct pirn_id later = bed_put_as(bed, "later", 0, now(bed) * 2, false);

    log_expect_none(bed, "incoming");
    assert_int_equal(bed_status(bed).held, 1);
    assert_int_equal(bed_status(bed).delayed, 1);
    assert_int_equal(log_claim_id(bed, &claim, &held), 1);
    log_expect_body(bed, &claim, "held");
    assert_int_equal(bed_give_back(bed, &claim), 0);
    log_expect_none(bed, "incoming"); /* held as before */
    assert_int_equal(bed_status(bed).held, 1);
    assert_int_equal(log_claim_id(bed, &claim, &later), 1);
    assert_int_equal(bed_give_back(bed, &claim), 0);
    log_expect_none(bed, "incoming");
    assert_int_equal(bed_status(bed).delayed, 1);
}

static void an_id_names_one_item_or_none(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_claim other = {0};
    struct pirn_id id = log_put(bed, "one");
    struct pirn_id foreign = id;

    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_int_equal(log_claim_id(bed, &other, &id), 0);
    for (int bit = 0; bit < 128; bit++) {
        foreign = id;
        foreign.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        log_expect_gone(bed, &foreign);
    }
    assert_int_equal(bed_give_back(bed, &claim), 0);
    for (int bit = 0; bit < 128; bit++) {
        foreign = id;
        foreign.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        log_expect_gone(bed, &foreign);
    }
    assert_int_equal(log_claim_id(bed, &claim, &id), 1);
    assert_int_equal(claim.item.attempts, 1); /* a foreign id tried nothing */
    assert_int_equal(bed_remove(bed, &claim), 0);
    log_expect_gone(bed, &id);
}

static void a_body_is_read_in_pieces_from_anywhere(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    char buf[16] = {0};

    (void)log_put(bed, "0123456789");
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_read(bed, &claim, buf, 4, 6), 4);
    assert_memory_equal(buf, "6789", 4);
    assert_int_equal(log_read(bed, &claim, buf, 3, 0), 3);
    assert_memory_equal(buf, "012", 3);
    assert_int_equal(log_read(bed, &claim, buf, 16, 8), 2);
    assert_int_equal(log_read(bed, &claim, buf, 16, 10), 0);
    assert_int_equal(log_read(bed, &claim, buf, 16, UINT64_MAX), 0);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void what_we_have_when_we_close_is_ready_again(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claims[2] = {0};

    (void)log_put(bed, "one");
    (void)log_put(bed, "two");
    assert_int_equal(bed_claim(bed, &claims[0]), 1);
    assert_int_equal(bed_claim(bed, &claims[1]), 1);
    log_reopen(bed);
    log_expect_next(bed, "incoming", "one");
    log_expect_next(bed, "incoming", "two");
}

static void a_removed_item_is_gone_either_way(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id one = log_put(bed, "one");
    struct pirn_id two = log_put(bed, "two");

    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(bed_remove(bed, &claim), 0);
    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    log_expect_gone(bed, &one);
    log_expect_gone(bed, &two);
    assert_int_equal(bed_status(bed).ready, 0);
    assert_int_equal(bed_status(bed).claimed, 0);
    assert_int_equal(bed_status(bed).body_bytes, 0);
}

static void no_queue_has_no_items(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    pirn_prep_claim(&claim, bed->spool, "nowhere");
    assert_int_equal(pirn_wait(bed->context, &claim.op), -ENOENT);
}

BED_MAIN(LOG_TEST(a_higher_priority_goes_first),
         LOG_TEST(what_was_given_back_goes_before_what_is_new),
         LOG_TEST(a_claim_says_what_the_item_is),
         LOG_TEST(a_delayed_item_comes_when_it_is_due_and_not_before),
         LOG_TEST(delayed_items_come_in_the_order_of_their_times),
         LOG_TEST(a_held_item_is_had_by_its_id_alone),
         LOG_TEST(an_id_names_one_item_or_none),
         LOG_TEST(a_body_is_read_in_pieces_from_anywhere),
         LOG_TEST(what_we_have_when_we_close_is_ready_again),
         LOG_TEST(a_removed_item_is_gone_either_way),
         LOG_TEST(no_queue_has_no_items))
