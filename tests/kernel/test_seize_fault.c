/* SPDX-License-Identifier: MIT */
/*
 * test_seize_fault.c - a seizure on a disk that fails loses no item
 *
 * One result after the other is spoiled, of whatever kind: what was asked for
 * may be done all the same.
 */
#include "kernel/faulty_bed.h"
#include "kernel/test_fence.h"

enum { MOST = 200 };

/* What there is of the item, when nobody has it. */
static void expect_one(struct bed *bed, const struct pirn_id *id, bool is_gone)
{
    struct pirn_claim claim = {0};

    bed_close(bed);
    assert_int_equal(bed_open(bed, false), 0);
    pirn_prep_claim_id(&claim, bed->spool, id);
    int32_t r = pirn_wait(bed->context, &claim.op);
    assert_int_equal(r, is_gone ? -ENOENT : 1);
    if (r == 1) {
        assert_int_equal(bed_remove(bed, &claim), 0);
    }
    assert_int_equal(pirn_context_drain(bed->context), 0); /* the removal */
    struct pirn_status status = bed_status(bed);
    assert_int_equal(status.ready + status.claimed + status.held, 0);
}

/* Return: whether anything was spoiled */
static bool seize_on_a_bad_disk(struct bed *bed, struct bed *his,
                                uint32_t place, uint32_t *ret_errors)
{
    struct pirn_claim theirs = {0};
    struct pirn_claim ours = {0};

    bed_put_many(his, 1);
    assert_int_equal(bed_claim(his, &theirs), 1);
    const struct pirn_id id = theirs.item.id;
    faulty_plan(ENGINE_OPCODE_COUNT, place, 1, -EIO);
    pirn_prep_seize(&ours, bed->spool, &id);
    int32_t r = pirn_wait(bed->context, &ours.op);
    bool was_spoiled = faulty_outcome()->failed > 0;
    bed_heal();
    assert_true(was_spoiled || r == 1);
    *ret_errors += r < 0;
    int32_t told = bed_remove(his, &theirs);
    assert_true(told == -ESTALE || (told == 0 && r != 1));
    if (r == 1) {
        assert_int_equal(bed_remove(bed, &ours), 0);
    }
    assert_int_equal(pirn_context_drain(his->context), 0);
    expect_one(bed, &id, told == 0 || r == 1);
    return was_spoiled;
}

static void whatever_fails_in_a_seizure_the_item_is_somewhere_once(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    uint32_t errors = 0;
    uint32_t place = 1;

    bed_join(bed, &his);
    while (place < MOST && seize_on_a_bad_disk(bed, &his, place, &errors)) {
        place++;
    }
    assert_in_range(place, 2, MOST - 1);
    assert_true(errors > 0);
    bed_leave(&his);
}

/* Among files: else a power cut brought his claim back beside another name. */
static void it_is_ours_when_his_directory_is_synced(void **state)
{
    struct bed *bed = *state;
    struct bed his;
    struct pirn_claim theirs = {0};
    struct pirn_claim ours = {0};

    bed_join(bed, &his);
    bed_put_many(&his, 1);
    assert_int_equal(bed_claim(&his, &theirs), 1);
    const struct pirn_id id = theirs.item.id;
    faulty_plan(ENGINE_FSYNC, 1, 1, -EIO);
    pirn_prep_seize(&ours, bed->spool, &id);
    assert_int_equal(pirn_wait(bed->context, &ours.op), -EIO);
    assert_int_equal(faulty_outcome()->failed, 1);
    bed_heal();
    assert_null(ours.priv.work);
    assert_int_equal(bed_remove(&his, &theirs), -ESTALE);
    assert_int_equal(bed_status(bed).claimed, 1);
    expect_one(bed, &id, false);
    bed_leave(&his);
}

BED_MAIN(
    BED_FAULTY_TEST(whatever_fails_in_a_seizure_the_item_is_somewhere_once),
    LOG_FAULTY_TEST(whatever_fails_in_a_seizure_the_item_is_somewhere_once),
    BED_FAULTY_TEST(it_is_ours_when_his_directory_is_synced))
