/* SPDX-License-Identifier: MIT */
/*
 * test_file.h - items of the file layout that are changed
 */
#ifndef TESTS_KERNEL_TEST_FILE_H
#define TESTS_KERNEL_TEST_FILE_H

#include "kernel/test_spool.h"

static inline void file_reopen(struct bed *bed)
{
    bed_close(bed);
    assert_int_equal(bed_open(bed, false), 0);
}

static inline void file_make_queue(struct bed *bed, const char *queue)
{
    assert_int_equal(
        pirn_spool_create_queue_as(bed->spool, queue, PIRN_LAYOUT_FILE), 0);
}

static inline int32_t file_claim_id(struct bed *bed, struct pirn_claim *claim,
                                    const struct pirn_id *id)
{
    pirn_prep_claim_id(claim, bed->spool, id);
    return pirn_wait(bed->context, &claim->op);
}

static inline int32_t file_claim_of(struct bed *bed, struct pirn_claim *claim,
                                    const char *queue)
{
    pirn_prep_claim(claim, bed->spool, queue);
    return pirn_wait(bed->context, &claim->op);
}

static inline int32_t file_update(struct bed *bed, struct pirn_claim *claim,
                                  const struct pirn_change *change)
{
    pirn_prep_update(claim, change);
    return pirn_wait(bed->context, &claim->op);
}

static inline int32_t file_give_back_as(struct bed *bed,
                                        struct pirn_claim *claim,
                                        const struct pirn_change *change)
{
    pirn_prep_give_back_as(claim, change);
    return pirn_wait(bed->context, &claim->op);
}

#endif /* TESTS_KERNEL_TEST_FILE_H */
