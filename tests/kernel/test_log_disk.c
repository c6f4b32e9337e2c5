/* SPDX-License-Identifier: MIT */
/*
 * test_log_disk.c - the disk is full, or may not be written
 *
 * On a small file system in memory, mounted where the spool is; who may not
 * mount skips this.
 */
#include "kernel/test_log.h"

#include <sys/mount.h>

enum { BODY = 60 * 1024 };

static int setup(void **state)
{
    if (log_setup_closed(state) < 0) {
        return -1;
    }
    struct bed *bed = *state;
    if (mount("tmpfs", bed->path, "tmpfs", 0, "size=6m") < 0) {
        return -1;
    }
    return bed_open(bed, true);
}

static int teardown(void **state)
{
    struct bed *bed = *state;

    bed_close(bed);
    return umount(bed->path) < 0 ? -1 : log_teardown(state);
}

static unsigned fill(struct bed *bed)
{
    static uint8_t body[BODY];
    unsigned count = 0;
    int32_t r = 0;

    while (r == 0 && count < 1000) {
        struct pirn_draft draft = {0};
        r = log_enqueue(bed, &draft, "incoming", body, BODY, NULL);
        count += r == 0;
    }
    assert_int_equal(r, -ENOSPC);
    return count;
}

static void a_full_disk_lets_all_be_changed_and_removed(void **state)
{
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    for (int round = 0; round < 3; round++) {
        unsigned count = fill(bed);
        assert_true(count > 0);
        assert_int_equal(bed_status(bed).ready, count);
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(bed_give_back(bed, &claim), 0);
        for (unsigned i = 0; i < count; i++) {
            assert_int_equal(bed_claim(bed, &claim), 1);
            assert_int_equal(log_remove_durable(bed, &claim), 0);
        }
        assert_int_equal(pirn_context_drain(bed->context), 0);
        assert_int_equal(bed_status(bed).drafts, 0);
    }
    log_expect_none(bed, "incoming");
}

static void a_disk_that_may_not_be_written_is_told(void **state)
{
    struct bed *bed = *state;

    (void)log_put(bed, "one");
    bed_close(bed);
    assert_int_equal(mount(NULL, bed->path, NULL, MS_REMOUNT | MS_RDONLY, NULL),
                     0);
    assert_int_equal(bed_open(bed, false), -EROFS);
    assert_int_equal(mount(NULL, bed->path, NULL, MS_REMOUNT, NULL), 0);
    assert_int_equal(bed_open(bed, false), 0);
    log_expect_next(bed, "incoming", "one");
}

static bool may_mount(void)
{
    char path[] = "/tmp/pirn-mount-XXXXXX";
    bool may = mkdtemp(path) != NULL &&
               mount("tmpfs", path, "tmpfs", 0, "size=64k") == 0;

    if (may) {
        umount(path);
    }
    rmdir(path);
    return may;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_full_disk_lets_all_be_changed_and_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_disk_that_may_not_be_written_is_told,
                                        setup, teardown),
    };

    if (bed_is_refused() || !may_mount()) {
        fprintf(stderr, "skipped: no context, or no mount\n");
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
