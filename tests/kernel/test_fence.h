/* SPDX-License-Identifier: MIT */
/*
 * test_fence.h - two who have one spool open, and one of them stopped
 *
 * Who is stopped in the midst of a verb is a context that nobody turns.
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

static inline void leave(struct bed *other)
{
    bed_close(other);
    pirn_context_destroy(other->context);
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

static int32_t ended;

static inline void note(struct pirn_op *op, int32_t result)
{
    (void)op;
    ended = result;
}

/* Of @spool's own clock: at most so many turns, or until the op has ended. */
static inline void turn_some(struct bed *bed, int turns)
{
    for (int i = 0; i < turns && pirn_context_loaned(bed->context) > 0; i++) {
        assert_true(pirn_context_turn(bed->context, UINT64_MAX) >= 0);
    }
}

/* What stands in a directory of the spool's. */
static inline int entries_of(const struct bed *bed, const char *relative)
{
    DIR *dir = opendir(bed_at(bed, relative));
    int count = 0;

    assert_non_null(dir);
    for (struct dirent *at = readdir(dir); at != NULL; at = readdir(dir)) {
        count += at->d_name[0] != '.';
    }
    closedir(dir);
    return count;
}

/* When nobody but @owners has it open: the kernel may let a dead one's lock go
 * after it has told of his death. */
static inline struct pirn_status status_of(struct bed *bed, uint32_t owners)
{
    struct pirn_status status = bed_status(bed);

    for (int i = 0; i < 2000 && status.owners > owners; i++) {
        status = bed_status(bed);
    }
    assert_int_equal(status.owners, owners);
    return status;
}

#endif /* TESTS_KERNEL_TEST_FENCE_H */
