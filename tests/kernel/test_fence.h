/* SPDX-License-Identifier: MIT */
/*
 * test_fence.h - two who have one spool open, of whom one may be fenced out
 */
#ifndef TESTS_KERNEL_TEST_FENCE_H
#define TESTS_KERNEL_TEST_FENCE_H

#include "kernel/test_log.h"

/* Somebody else who has the spool of @bed open. */
static inline void join(const struct bed *bed, struct bed *ret_other,
                        uint64_t lease_ns)
{
    *ret_other = *bed;
    assert_int_equal(pirn_context_create(NULL, &ret_other->context), 0);
    const struct pirn_spool_config config = {
        .path = bed->path,
        .index_dir = bed->index_dir,
        .lease_ns = lease_ns,
    };
    assert_int_equal(
        pirn_spool_open(ret_other->context, &config, &ret_other->spool), 0);
}

/* The owner that is not the asking one; there are two. */
static inline struct pirn_spool_owner other_of(struct bed *bed)
{
    struct pirn_owners owners = {0};

    pirn_prep_owners(&owners, bed->spool);
    assert_int_equal(pirn_wait(bed->context, &owners.op), 0);
    assert_int_equal(owners.count, 2);
    struct pirn_spool_owner other =
        owners.owners[owners.owners[0].is_self ? 1 : 0];
    assert_false(other.is_self);
    pirn_owners_end(&owners);
    return other;
}

#endif /* TESTS_KERNEL_TEST_FENCE_H */
