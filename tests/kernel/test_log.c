/* SPDX-License-Identifier: MIT */
/*
 * test_log.c - items of the log layout, through the spool's verbs
 *
 * Method: a small log (64 KiB of items fill a part of a segment of 1 MiB), one
 * context; the index in the spool's own directory where a test says that it is
 * lost, as a power cut loses it: then the spool is opened anew from its disk.
 */
#include "kernel/test_spool.h"

static int setup(void **state)
{
    if (bed_setup_empty(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    bed->layout = PIRN_LAYOUT_LOG;
    bed->log_slots = 4096;
    bed->log_segments = 16;
    bed->log_segment_bytes = 1024 * 1024;
    return bed_open(bed, true);
}

static int32_t claim(struct bed *bed, struct pirn_claim *claim)
{
    pirn_prep_claim(claim, bed->spool, "incoming");
    return pirn_wait(bed->context, &claim->op);
}

static int32_t end(struct bed *bed, struct pirn_claim *claim)
{
    pirn_prep_remove(claim);
    return pirn_wait(bed->context, &claim->op);
}

static void an_item_goes_in_and_comes_out(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim one = {0};
    char buf[64];
    struct pirn_id id = bed_put(bed, "hello", 5);

    assert_int_equal(claim(bed, &one), 1);
    assert_memory_equal(&one.item.id, &id, sizeof(id));
    assert_int_equal(one.item.size_bytes, 5);
    assert_string_equal(one.item.queue, "incoming");
    pirn_prep_claim_read(&one, buf, sizeof(buf), 0);
    assert_int_equal(pirn_wait(bed->context, &one.op), 5);
    assert_memory_equal(buf, "hello", 5);
    assert_int_equal(end(bed, &one), 0);
    assert_int_equal(claim(bed, &one), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_item_goes_in_and_comes_out, setup,
                                        bed_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
