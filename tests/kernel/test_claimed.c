/* SPDX-License-Identifier: MIT */
/*
 * test_claimed.c - since when an item is claimed, as whoever looks sees it
 *
 * Nobody waits for an item to be claimed for long: a test puts back what stands
 * in the log's row of stamps.
 */
#include "kernel/midst.h"
#include "kernel/test_fence.h"

#include "spool/log/log.h"

/* A log says in which second; a file system's time is early by less. */
#define SECOND_NS 1000000000ull

enum { HOUR_S = 3600, SECONDS_AT = 6 };

/* Of the log: the stamp of an item's slot. */
static uint32_t *stamp_of(const struct bed *bed, const struct pirn_id *id)
{
    struct pirn__log_id parts;

    pirn__log_id_unpack(id, &parts);
    return &bed->spool->log->index.stamps[parts.slot];
}

static void make_older(const struct bed *bed, const struct pirn_id *id)
{
    *stamp_of(bed, id) -= (uint32_t)HOUR_S << SECONDS_AT;
}

static uint64_t real_ns(const struct bed *bed)
{
    return pirn_context_realtime_ns(bed->context);
}

static uint64_t claimed_ns(struct bed *bed, const struct pirn_id *id)
{
    struct pirn_view view = {0};

    assert_int_equal(bed_look(bed, &view, id), 0);
    bool is_claimed = view.item.state == PIRN_ITEM_CLAIMED;
    uint64_t ns = view.item.claimed_ns;
    bed_view_end(bed, &view);
    assert_true(is_claimed || ns == 0);
    return ns;
}

/* Between two moments of the real time, as far as it is said. */
static void expect_claimed(struct bed *bed, const struct pirn_id *id,
                           uint64_t from_ns, uint64_t to_ns)
{
    uint64_t ns = claimed_ns(bed, id);

    assert_true(ns >= from_ns - SECOND_NS);
    assert_true(ns <= to_ns);
}

static void an_item_says_since_when_it_is_claimed(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim claim = {0};
    struct pirn_id id = log_put(bed, "a body");

    join(bed, &his, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(claimed_ns(bed, &id), 0);
        uint64_t from_ns = real_ns(bed);
        assert_int_equal(i == 0 ? bed_claim(&his, &claim)
                                : log_claim_id(&his, &claim, &id),
                         1);
        uint64_t to_ns = real_ns(bed);
        expect_claimed(bed, &id, from_ns, to_ns);
        expect_claimed(&his, &id, from_ns, to_ns);
        if (bed->layout == PIRN_LAYOUT_LOG) {
            make_older(bed, &id); /* as if it had been so for long */
            expect_claimed(bed, &id, from_ns - HOUR_S * SECOND_NS,
                           to_ns - HOUR_S * SECOND_NS);
        }
        assert_int_equal(bed_give_back(&his, &claim), 0);
    }
    assert_int_equal(claimed_ns(bed, &id), 0);
    bed_leave(&his);
}

static void a_claim_that_was_waited_for_says_it_too(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    pirn_prep_claim_wait(&claim, bed->spool, "incoming", UINT64_MAX);
    pirn_start(bed->context, &claim.op, note);
    assert_true(pirn_context_turn(bed->context, 0) >= 0);
    uint64_t from_ns = real_ns(bed);
    struct pirn_id id = log_put(bed, "a body");
    assert_int_equal(pirn_context_drain(bed->context), 0);
    assert_int_equal(ended, 1);
    expect_claimed(bed, &id, from_ns, real_ns(bed));
    assert_int_equal(bed_remove(bed, &claim), 0);
}

/* Of files his change is the beginning: their time is of the name. */
static void what_he_changes_is_his_since_he_claimed_it(void **state)
{
    const struct pirn_change urgent = {.what = PIRN_CHANGE_PRIORITY,
                                       .priority = 3};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id id = log_put(bed, "a body");
    uint64_t from_ns = real_ns(bed);

    assert_int_equal(bed_claim(bed, &claim), 1);
    uint64_t to_ns = real_ns(bed);
    make_older(bed, &id);
    assert_int_equal(log_update(bed, &claim, &urgent), 0);
    expect_claimed(bed, &id, from_ns - HOUR_S * SECOND_NS,
                   to_ns - HOUR_S * SECOND_NS);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

static void who_seizes_it_has_it_since_then(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim theirs = {0};
    struct pirn_claim ours = {0};

    join(bed, &his, 0);
    bed_put_many(bed, 1);
    assert_int_equal(bed_claim(&his, &theirs), 1);
    const struct pirn_id id = theirs.item.id;
    if (bed->layout == PIRN_LAYOUT_LOG) {
        make_older(bed, &id);
    }
    uint64_t from_ns = real_ns(bed);
    pirn_prep_seize(&ours, bed->spool, &id);
    assert_int_equal(pirn_wait(bed->context, &ours.op), 1);
    expect_claimed(bed, &id, from_ns, real_ns(bed));
    assert_int_equal(bed_remove(bed, &ours), 0);
    bed_leave(&his);
}

/* Whoever was stopped between the two stores of a claim. */
static void what_is_not_known_is_not_said(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};
    struct pirn_id id = log_put(bed, "a body");

    assert_int_equal(bed_claim(bed, &claim), 1);
    uint32_t stamp = *stamp_of(bed, &id);
    *stamp_of(bed, &id) = 0;
    assert_int_equal(claimed_ns(bed, &id), 0);
    *stamp_of(bed, &id) = stamp ^ 1; /* another claim's */
    assert_int_equal(claimed_ns(bed, &id), 0);
    *stamp_of(bed, &id) = stamp;
    assert_true(claimed_ns(bed, &id) > 0);
    assert_int_equal(bed_remove(bed, &claim), 0);
}

/* The slot is the same, and so is the number of the claim. */
static void a_new_item_in_the_slot_of_another_begins_anew(void **state)
{
    struct bed *bed = *state;
    struct pirn__log *log = bed->spool->log;
    struct pirn_claim claim = {0};
    struct pirn__grip grip;
    struct pirn__log_id parts;
    struct pirn_id id = log_put(bed, "one");
    const uint32_t *stamp = stamp_of(bed, &id);

    assert_int_equal(bed_claim(bed, &claim), 1);
    assert_int_equal(log_remove_durable(bed, &claim), 0);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    id = log_put(bed, "two");
    assert_ptr_equal(stamp_of(bed, &id), stamp);
    pirn__log_id_unpack(&id, &parts);
    assert_int_equal(pirn__slot_claim(&log->index.catalogue, &log->actor,
                                      parts.slot, parts.incarnation, &grip),
                     1);
    assert_int_equal(claimed_ns(bed, &id), 0); /* it was not stamped yet */
    assert_int_equal(pirn__slot_release(&log->index.catalogue, &log->actor,
                                        &grip, real_ns(bed), true, NULL),
                     0);
    log_expect_next(bed, "incoming", "two");
}

#define FILE_TEST(name) \
    cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)
#define BOTH(name) FILE_TEST(name), LOG_TEST(name)

BED_MAIN(BOTH(an_item_says_since_when_it_is_claimed),
         BOTH(a_claim_that_was_waited_for_says_it_too),
         LOG_TEST(what_he_changes_is_his_since_he_claimed_it),
         BOTH(who_seizes_it_has_it_since_then),
         LOG_TEST(what_is_not_known_is_not_said),
         LOG_TEST(a_new_item_in_the_slot_of_another_begins_anew))
