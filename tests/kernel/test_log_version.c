/* SPDX-License-Identifier: MIT */
/*
 * test_log_version.c - an index that another version of the program has made
 */
#include "kernel/test_log.h"

#include <stddef.h>

#include "spool/log/index.h"

static void set_version(const struct bed *bed, uint64_t version)
{
    int fd = open(log_index_path(bed), O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, &version, sizeof(version),
                            offsetof(struct pirn__index_head, version)),
                     sizeof(version));
    close(fd);
}

static void who_is_alone_makes_it_anew(void **state)
{
    static const uint64_t versions[] = {PIRN__INDEX_VERSION - 1,
                                        PIRN__INDEX_VERSION + 1};
    struct bed *bed = *state;
    struct pirn_claim claim = {0};

    for (int i = 0; i < 2; i++) {
        (void)log_put(bed, "one");
        (void)log_put(bed, "gone");
        (void)log_put(bed, "two");
        log_expect_next(bed, "incoming", "one");
        assert_int_equal(bed_claim(bed, &claim), 1);
        assert_int_equal(log_remove_durable(bed, &claim), 0);
        bed_close(bed);
        set_version(bed, versions[i]);
        assert_int_equal(bed_open(bed, false), 0);
        log_expect_next(bed, "incoming", "two");
        log_expect_none(bed, "incoming");
    }
}

static void beside_others_who_use_it_he_is_refused(void **state)
{
    struct bed *bed = *state;
    struct bed other = *bed;

    (void)log_put(bed, "one");
    set_version(bed, PIRN__INDEX_VERSION + 1);
    assert_int_equal(bed_open(&other, false), -EPROTO);
    set_version(bed, PIRN__INDEX_VERSION);
    assert_int_equal(bed_open(&other, false), 0);
    log_expect_next(&other, "incoming", "one");
    bed_close(&other);
}

BED_MAIN(LOG_TEST(who_is_alone_makes_it_anew),
         LOG_TEST(beside_others_who_use_it_he_is_refused))
