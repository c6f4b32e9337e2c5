/* SPDX-License-Identifier: MIT */
/*
 * test_disk_cut.c - what a power cut leaves of what was not synced
 *
 * Method: a script of a few calls, then every subset of its units, and exactly
 * the outcomes that the profile allows. The protocols of the textbooks are
 * judged in the same way: which of them lose a file, and in which profile.
 */
#include "test.h"

#include <linux/fs.h>

#include "tests/sim/disk_rig.h"

static void of_a_new_file_any_part_may_be_left(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);

    (void)state;
    rig_write(disk, "a", 0, "x");
    assert_int_equal(disk_unit_count(disk), 3);
    rig_expect_left(disk, "a", "a=\na=-\na=0\na=x\n");
    disk_destroy(disk);
}

static void ext4_shows_no_size_without_its_data(void **state)
{
    struct disk *disk = rig_disk(DISK_EXT4);

    (void)state;
    rig_write(disk, "a", 0, "x");
    rig_expect_left(disk, "a", "a=\na=-\na=x\n");
    disk_destroy(disk);
}

static void an_overwritten_sector_is_old_or_new(void **state)
{
    (void)state;
    for (int profile = DISK_STRICT; profile <= DISK_CHAOS; profile++) {
        struct disk *disk = rig_disk(profile);

        rig_put(disk, "a", "old");
        rig_sync(disk, "/");
        rig_write(disk, "a", 0, "now");
        rig_write(disk, "a", 0, "new");
        rig_expect_left(disk, "a", "a=new\na=now\na=old\n");
        disk_destroy(disk);
    }
}

static void of_two_sectors_any_may_be_left(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);
    uint32_t inode = rig_open(disk, "a", O_RDWR | O_CREAT);
    char bytes[2 * DISK_SECTOR];
    int seen = 0;

    (void)state;
    assert_int_equal(disk_truncate(disk, inode, sizeof(bytes)), 0);
    disk_sync_all(disk);
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(disk_write(disk, inode, 0, bytes, sizeof(bytes)),
                     sizeof(bytes));
    assert_int_equal(disk_unit_count(disk), 2);
    for (int subset = 0; subset < 4; subset++) {
        struct disk *clone = disk_clone(disk);
        bool survives[2] = {subset & 1, subset >> 1};

        disk_cut(clone, survives, 0);
        disk_hold(clone, inode);
        assert_int_equal(disk_read(clone, inode, 0, bytes, sizeof(bytes)),
                         sizeof(bytes));
        for (int i = 0; i < 2; i++) {
            assert_int_equal(bytes[i * DISK_SECTOR], survives[i] ? 'x' : 0);
            assert_int_equal(bytes[i * DISK_SECTOR + DISK_SECTOR - 1],
                             survives[i] ? 'x' : 0);
            seen++;
        }
        disk_destroy(clone);
    }
    assert_int_equal(seen, 8);
    disk_destroy(disk);
}

static void a_rename_is_whole_or_not_at_all(void **state)
{
    (void)state;
    for (int profile = DISK_STRICT; profile <= DISK_CHAOS; profile++) {
        struct disk *disk = rig_disk(profile);

        rig_mkdir(disk, "d");
        rig_put(disk, "a", "x");
        disk_sync_all(disk);
        rig_rename(disk, "a", "d/b", 0);
        rig_expect_left(disk, "a d/b", "a=- d/b=x\na=x d/b=-\n");
        disk_destroy(disk);
    }
}

static void an_exchange_is_whole_or_not_at_all(void **state)
{
    (void)state;
    for (int profile = DISK_STRICT; profile <= DISK_CHAOS; profile++) {
        struct disk *disk = rig_disk(profile);

        rig_put(disk, "a", "x");
        rig_put(disk, "b", "y");
        disk_sync_all(disk);
        rig_rename(disk, "a", "b", RENAME_EXCHANGE);
        rig_expect_left(disk, "a b", "a=x b=y\na=y b=x\n");
        disk_destroy(disk);
    }
}

static void a_replaced_name_leads_to_the_old_or_the_new_file(void **state)
{
    (void)state;
    for (int profile = DISK_STRICT; profile <= DISK_CHAOS; profile++) {
        struct disk *disk = rig_disk(profile);

        rig_put(disk, "a", "old");
        rig_put(disk, "tmp", "new");
        disk_sync_all(disk);
        rig_rename(disk, "tmp", "a", 0);
        rig_expect_left(disk, "tmp a", "tmp=- a=new\ntmp=new a=old\n");
        disk_destroy(disk);
    }
}

static void an_unlinked_file_comes_back_whole_or_not_at_all(void **state)
{
    (void)state;
    for (int profile = DISK_STRICT; profile <= DISK_CHAOS; profile++) {
        struct disk *disk = rig_disk(profile);

        rig_put(disk, "a", "x");
        disk_sync_all(disk);
        rig_unlink(disk, "a");
        rig_expect_left(disk, "a", "a=-\na=x\n");
        disk_destroy(disk);
    }
}

/* "As if the others had never been made" (disk_order.c). */
static void of_two_renames_the_second_alone_leaves_two_names(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);
    struct statx statx;
    bool survives[2] = {false, true};

    (void)state;
    rig_put(disk, "a", "x");
    disk_sync_all(disk);
    rig_rename(disk, "a", "b", 0);
    rig_rename(disk, "b", "c", 0);
    rig_expect_left(disk, "a b c",
                    "a=- b=- c=x\na=- b=x c=-\na=x b=- c=-\na=x b=- c=x\n");
    disk_cut(disk, survives, 0);
    assert_int_equal(disk_stat(disk, DISK_ROOT, "a", 0, &statx), 0);
    assert_int_equal(statx.stx_nlink, 2);
    disk_destroy(disk);
}

static void ext4_leaves_a_prefix_of_the_names(void **state)
{
    struct disk *disk = rig_disk(DISK_EXT4);

    (void)state;
    rig_put(disk, "a", "x");
    disk_sync_all(disk);
    rig_rename(disk, "a", "b", 0);
    rig_mkdir(disk, "d");
    rig_rename(disk, "b", "d/c", 0);
    rig_expect_left(disk, "a b d/c d",
                    "a=- b=- d/c=x d=/\na=- b=x d/c=- d=-\n"
                    "a=- b=x d/c=- d=/\na=x b=- d/c=- d=-\n");
    disk_destroy(disk);
}

static void ext4_may_leave_an_appended_size_behind_younger_names(void **state)
{
    struct disk *disk = rig_disk(DISK_EXT4);

    (void)state;
    rig_write(disk, "tmp", 0, "x");
    rig_rename(disk, "tmp", "a", 0);
    rig_expect_left(disk, "tmp a",
                    "tmp= a=-\ntmp=- a=\ntmp=- a=-\n"
                    "tmp=- a=x\ntmp=x a=-\n");
    disk_destroy(disk);
}

/* Whether a cut of @disk may leave "a" so long, with a first byte so. */
static bool may_leave(const struct disk *disk, uint64_t size, char first)
{
    bool survives[RIG_UNITS_MAX];
    bool found = false;

    for (uint32_t subset = 0; subset < 1U << disk_unit_count(disk); subset++) {
        struct disk *clone = disk_clone(disk);
        uint32_t inode;
        char byte = -1;

        for (int i = 0; i < RIG_UNITS_MAX; i++) {
            survives[i] = subset >> i & 1;
        }
        disk_cut(clone, survives, 0);
        inode = rig_open(clone, "a", O_RDONLY);
        (void)disk_read(clone, inode, 0, &byte, 1);
        found |= disk_size(clone, inode) == size && byte == first;
        disk_destroy(clone);
    }
    return found;
}

/* The second append is in a sector of its own, and all of it may be there. */
static void ext4_shows_no_append_without_the_one_before(void **state)
{
    struct disk *disk = rig_disk(DISK_EXT4);
    uint32_t inode = rig_open(disk, "a", O_RDWR | O_CREAT);
    char bytes[DISK_SECTOR];

    (void)state;
    disk_sync_all(disk);
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(disk_write(disk, inode, 0, bytes, DISK_SECTOR),
                     DISK_SECTOR);
    assert_int_equal(disk_write(disk, inode, DISK_SECTOR, "y", 1), 1);
    assert_true(may_leave(disk, DISK_SECTOR, 'x'));
    assert_true(may_leave(disk, DISK_SECTOR + 1, 'x'));
    assert_false(may_leave(disk, DISK_SECTOR + 1, 0));
    disk_destroy(disk);
}

/* Truncation says how long the file is, whether or not its data came. */
static void ext4_appends_behind_a_truncation_whatever_was_before(void **state)
{
    struct disk *disk = rig_disk(DISK_EXT4);
    uint32_t inode = rig_open(disk, "a", O_RDWR | O_CREAT);
    char bytes[DISK_SECTOR];

    (void)state;
    disk_sync_all(disk);
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(disk_write(disk, inode, 0, bytes, DISK_SECTOR),
                     DISK_SECTOR);
    assert_int_equal(disk_truncate(disk, inode, 600), 0);
    assert_int_equal(disk_write(disk, inode, 600, "y", 1), 1);
    assert_true(may_leave(disk, 600, 0));
    assert_true(may_leave(disk, 601, 0));
    assert_true(may_leave(disk, 601, 'x'));
    disk_destroy(disk);
}

static void a_directory_has_one_parent_after_any_cut(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);

    (void)state;
    rig_mkdir(disk, "a");
    rig_mkdir(disk, "b");
    rig_mkdir(disk, "c");
    rig_mkdir(disk, "a/d");
    disk_sync_all(disk);
    rig_rename(disk, "a/d", "b/d", 0);
    rig_rename(disk, "b/d", "c/d", 0);
    rig_expect_left(disk, "a/d b/d c/d",
                    "a/d=- b/d=- c/d=/\na/d=- b/d=/ c/d=-\n"
                    "a/d=/ b/d=- c/d=-\n");
    disk_destroy(disk);
}

static void a_file_does_not_take_a_directory_that_has_not_left(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);

    (void)state;
    rig_mkdir(disk, "d");
    rig_put(disk, "f", "x");
    disk_sync_all(disk);
    rig_rename(disk, "d", "e", 0);
    rig_rename(disk, "f", "d", 0);
    rig_expect_left(disk, "d e f", "d=- e=/ f=x\nd=/ e=- f=x\nd=x e=/ f=-\n");
    disk_destroy(disk);
}

static void what_is_below_a_lost_directory_is_lost(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);

    (void)state;
    rig_mkdir(disk, "d");
    rig_put(disk, "d/a", "x");
    rig_sync(disk, "d");
    rig_expect_left(disk, "d d/a", "d=- d/a=-\nd=/ d/a=x\n");
    disk_destroy(disk);
}

static void the_room_of_what_is_lost_is_free(void **state)
{
    struct disk_config config = {DISK_STRICT, DISK_SECTOR, 3};
    struct disk *disk = disk_create(&config);

    (void)state;
    rig_mkdir(disk, "d");
    rig_put(disk, "d/a", "x");
    rig_sync(disk, "d");
    disk_cut(disk, NULL, 0);
    rig_mkdir(disk, "e");
    rig_write(disk, "e/b", 0, "y");
    rig_expect(disk, "d e/b", "d=- e/b=y");
    disk_destroy(disk);
}

/* /a/b; b moves up, then a below b: a's move alone makes a circle. */
static void directories_that_hang_on_each_other_are_lost(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);
    bool survives[2] = {false, true};
    struct statx statx;

    (void)state;
    rig_mkdir(disk, "a");
    rig_mkdir(disk, "a/b");
    disk_sync_all(disk);
    rig_rename(disk, "a/b", "b", 0);
    rig_rename(disk, "a", "b/a", 0);
    disk_cut(disk, survives, 0);
    rig_expect(disk, "a b b/a", "a=- b=- b/a=-");
    assert_int_equal(disk_stat(disk, DISK_ROOT, "/", 0, &statx), 0);
    assert_int_equal(statx.stx_nlink, 2);
    disk_destroy(disk);
}

static void truncated_bytes_do_not_come_back_at_growth(void **state)
{
    (void)state;
    for (int profile = DISK_STRICT; profile <= DISK_CHAOS; profile++) {
        struct disk *disk = rig_disk(profile);
        uint32_t inode;

        rig_put(disk, "a", "abcd");
        disk_sync_all(disk);
        inode = rig_open(disk, "a", O_RDWR);
        assert_int_equal(disk_truncate(disk, inode, 2), 0);
        assert_int_equal(disk_truncate(disk, inode, 4), 0);
        rig_expect(disk, "a", "a=ab00");
        rig_expect_left(disk, "a", "a=ab\na=ab00\na=abcd\n");
        disk_destroy(disk);
    }
}

static void room_is_one_unit_with_its_size(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);
    uint32_t inode = rig_open(disk, "a", O_RDWR | O_CREAT);

    (void)state;
    disk_sync_all(disk);
    assert_int_equal(disk_fallocate(disk, inode, 0, 0, 4), 0);
    assert_int_equal(disk_unit_count(disk), 1);
    rig_expect_left(disk, "a", "a=\na=0000\n");
    disk_destroy(disk);
}

/* --- protocols --- */

/* write tmp, (fsync tmp), rename, (fsync dir): what is seen after the cut. */
static void judge(enum disk_profile profile, bool sync_file, bool sync_dir,
                  const char *expected)
{
    struct disk *disk = rig_disk(profile);

    rig_mkdir(disk, "tmp");
    rig_mkdir(disk, "new");
    disk_sync_all(disk);
    rig_write(disk, "tmp/a", 0, "x");
    if (sync_file) {
        rig_sync(disk, "tmp/a");
    }
    rig_rename(disk, "tmp/a", "new/a", 0);
    if (sync_dir) {
        rig_sync(disk, "new");
    }
    rig_expect_left(disk, "new/a", expected);
    disk_destroy(disk);
}

static void the_right_protocol_never_loses(void **state)
{
    (void)state;
    judge(DISK_STRICT, true, true, "new/a=x\n");
    judge(DISK_EXT4, true, true, "new/a=x\n");
    judge(DISK_CHAOS, true, true, "new/a=x\n");
}

static void without_a_sync_of_the_file_it_may_be_empty(void **state)
{
    (void)state;
    judge(DISK_STRICT, false, true, "new/a=\nnew/a=0\nnew/a=x\n");
    judge(DISK_EXT4, false, true, "new/a=\nnew/a=x\n");
    judge(DISK_CHAOS, false, true, "new/a=\nnew/a=0\nnew/a=x\n");
}

static void without_a_sync_of_the_directory_the_name_may_be_lost(void **state)
{
    (void)state;
    judge(DISK_STRICT, true, false, "new/a=-\nnew/a=x\n");
    judge(DISK_EXT4, true, false, "new/a=-\nnew/a=x\n");
    judge(DISK_CHAOS, true, false, "new/a=-\nnew/a=x\n");
}

/* Postfix: create in place, one fsync of the file. */
static void a_file_synced_in_place_is_found_on_ext4_only(void **state)
{
    const char *expected[] = {"a=-\na=x\n", "a=x\n", "a=-\na=x\n"};

    (void)state;
    for (int profile = DISK_STRICT; profile <= DISK_CHAOS; profile++) {
        struct disk *disk = rig_disk(profile);

        rig_put(disk, "a", "x");
        rig_expect_left(disk, "a", expected[profile]);
        disk_destroy(disk);
    }
}

/* rename first, fsync the file last. */
static void a_file_synced_after_its_rename_is_found_on_ext4_only(void **state)
{
    const char *expected[] = {"new=-\nnew=x\n", "new=x\n", "new=-\nnew=x\n"};

    (void)state;
    for (int profile = DISK_STRICT; profile <= DISK_CHAOS; profile++) {
        struct disk *disk = rig_disk(profile);

        rig_write(disk, "tmp", 0, "x");
        rig_rename(disk, "tmp", "new", 0);
        rig_sync(disk, "new");
        rig_expect_left(disk, "new", expected[profile]);
        disk_destroy(disk);
    }
}

/* The directory that the file left: a rename is one unit. */
static void a_sync_of_either_directory_is_enough_for_a_rename(void **state)
{
    (void)state;
    for (int profile = DISK_STRICT; profile <= DISK_CHAOS; profile++) {
        for (int which = 0; which < 2; which++) {
            struct disk *disk = rig_disk(profile);

            rig_mkdir(disk, "a");
            rig_mkdir(disk, "b");
            rig_put(disk, "a/x", "x");
            disk_sync_all(disk);
            rig_rename(disk, "a/x", "b/x", 0);
            rig_sync(disk, which ? "a" : "b");
            rig_expect_left(disk, "a/x b/x", "a/x=- b/x=x\n");
            disk_destroy(disk);
        }
    }
}

TEST_MAIN(
    cmocka_unit_test(of_a_new_file_any_part_may_be_left),
    cmocka_unit_test(ext4_shows_no_size_without_its_data),
    cmocka_unit_test(an_overwritten_sector_is_old_or_new),
    cmocka_unit_test(of_two_sectors_any_may_be_left),
    cmocka_unit_test(a_rename_is_whole_or_not_at_all),
    cmocka_unit_test(an_exchange_is_whole_or_not_at_all),
    cmocka_unit_test(a_replaced_name_leads_to_the_old_or_the_new_file),
    cmocka_unit_test(an_unlinked_file_comes_back_whole_or_not_at_all),
    cmocka_unit_test(of_two_renames_the_second_alone_leaves_two_names),
    cmocka_unit_test(ext4_leaves_a_prefix_of_the_names),
    cmocka_unit_test(ext4_may_leave_an_appended_size_behind_younger_names),
    cmocka_unit_test(ext4_shows_no_append_without_the_one_before),
    cmocka_unit_test(ext4_appends_behind_a_truncation_whatever_was_before),
    cmocka_unit_test(a_directory_has_one_parent_after_any_cut),
    cmocka_unit_test(a_file_does_not_take_a_directory_that_has_not_left),
    cmocka_unit_test(what_is_below_a_lost_directory_is_lost),
    cmocka_unit_test(the_room_of_what_is_lost_is_free),
    cmocka_unit_test(directories_that_hang_on_each_other_are_lost),
    cmocka_unit_test(truncated_bytes_do_not_come_back_at_growth),
    cmocka_unit_test(room_is_one_unit_with_its_size),
    cmocka_unit_test(the_right_protocol_never_loses),
    cmocka_unit_test(without_a_sync_of_the_file_it_may_be_empty),
    cmocka_unit_test(without_a_sync_of_the_directory_the_name_may_be_lost),
    cmocka_unit_test(a_file_synced_in_place_is_found_on_ext4_only),
    cmocka_unit_test(a_file_synced_after_its_rename_is_found_on_ext4_only),
    cmocka_unit_test(a_sync_of_either_directory_is_enough_for_a_rename))
