/* SPDX-License-Identifier: MIT */
/*
 * test_log_device.c - a failure concerns the device, not one file
 *
 * Another process's write has failed while ours is in flight: the device may
 * have dropped our pages and told him. What he does is done here by hand: he
 * raises the count that all share.
 */
#include "kernel/test_log.h"

#include "spool/log/atom.h"
#include "spool/log/log.h"

static void start(struct bed *bed, struct bed_draft *draft, const char *text)
{
    draft->result = 1;
    pirn_prep_enqueue(&draft->draft, bed->spool, "incoming", text, strlen(text),
                      NULL);
    pirn_start(bed->context, &draft->draft.op, bed_note);
}

/* Until its batch is written; what becomes of that is heard in a later turn. */
static void fly(struct bed *bed)
{
    for (int turns = 0; !bed->spool->log->writer.is_flying; turns++) {
        assert_true(turns < 100);
        assert_true(pirn_context_turn(bed->context, 0) >= 0);
    }
}

static void others_fail(struct bed *bed)
{
    (void)pirn__atom_add(&bed->spool->log->index.head->failures, 1);
}

static void what_is_in_flight_when_another_fails_is_not_acknowledged(
    void **state)
{
    struct bed *bed = *state;
    struct bed_draft draft = {0};

    (void)log_put(bed, "before");
    start(bed, &draft, "in flight");
    fly(bed);
    others_fail(bed);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    assert_int_equal(draft.result, -EIO);
    log_power_cut_and_open(bed);
    log_expect_next(bed, "incoming", "before");
    log_expect_none(bed, "incoming");
}

static void what_begins_after_it_is_acknowledged(void **state)
{
    struct bed *bed = *state;
    struct bed_draft draft = {0};

    (void)log_put(bed, "before");
    others_fail(bed);
    start(bed, &draft, "behind");
    assert_int_equal(pirn_context_drain(bed->context), 0);
    assert_int_equal(draft.result, 0);
    log_power_cut_and_open(bed);
    log_expect_next(bed, "incoming", "before");
    log_expect_next(bed, "incoming", "behind");
    log_expect_none(bed, "incoming");
}

BED_MAIN(LOG_TEST(what_is_in_flight_when_another_fails_is_not_acknowledged),
         LOG_TEST(what_begins_after_it_is_acknowledged))
