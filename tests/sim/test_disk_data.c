/* SPDX-License-Identifier: MIT */
/*
 * test_disk_data.c - what is in a file: bytes, holes, room, mapped pages
 */
#include "test.h"

#include <linux/falloc.h>

#include "tests/sim/disk_rig.h"

enum { RW = O_RDWR | O_CREAT };

static struct disk *small_disk(uint32_t sectors)
{
    struct disk_config config = {
        .profile = DISK_STRICT,
        .capacity_bytes = (uint64_t)sectors * DISK_SECTOR,
        .inode_max = 10,
    };

    return disk_create(&config);
}

/* Every offset and length around two sectors' edges, against plain memory. */
static void what_was_written_is_read(void **state)
{
    uint8_t model[4 * DISK_SECTOR] = {0};
    uint8_t bytes[4 * DISK_SECTOR];
    struct disk *disk = rig_disk(DISK_STRICT);
    uint32_t inode = rig_open(disk, "a", RW);
    uint64_t size = 0;
    uint8_t value = 0;

    (void)state;
    for (uint32_t begin = 509; begin < 515; begin++) {
        for (uint32_t end = begin; end < 3 * DISK_SECTOR; end += 101) {
            memset(bytes, ++value, sizeof(bytes));
            memset(model + begin, value, end - begin);
            assert_int_equal(disk_write(disk, inode, begin, bytes, end - begin),
                             end - begin);
            size = end > begin && end > size ? end : size;
            assert_int_equal(disk_size(disk, inode), size);
            assert_int_equal(disk_read(disk, inode, 0, bytes, sizeof(bytes)),
                             size);
            assert_memory_equal(bytes, model, size);
        }
    }
    assert_int_equal(disk_read(disk, inode, size, bytes, 1), 0);
    assert_int_equal(disk_read(disk, inode, UINT64_MAX, bytes, 1), 0);
    disk_destroy(disk);
}

static void a_hole_reads_as_zeros_and_takes_no_room(void **state)
{
    struct disk *disk = small_disk(1);
    uint32_t inode = rig_open(disk, "a", RW);
    uint8_t bytes[600];

    (void)state;
    assert_int_equal(disk_write(disk, inode, 1 << 20, "x", 1), 1);
    assert_int_equal(disk_read(disk, inode, (1 << 20) - 599, bytes, 600), 600);
    for (int i = 0; i < 599; i++) {
        assert_int_equal(bytes[i], 0);
    }
    assert_int_equal(bytes[599], 'x');
    disk_destroy(disk);
}

static void a_write_is_short_where_the_room_ends(void **state)
{
    struct disk *disk = small_disk(2);
    uint32_t inode = rig_open(disk, "a", RW);
    uint32_t other = rig_open(disk, "b", RW);
    uint8_t bytes[2000] = {0};

    (void)state;
    assert_int_equal(disk_write(disk, inode, 100, bytes, 2000), 924);
    assert_int_equal(disk_size(disk, inode), 1024);
    assert_int_equal(disk_write(disk, inode, 1024, bytes, 1), -ENOSPC);
    assert_int_equal(disk_write(disk, other, 0, bytes, 1), -ENOSPC);
    assert_int_equal(disk_size(disk, other), 0);
    assert_int_equal(disk_write(disk, inode, 0, bytes, 1024), 1024);
    assert_int_equal(disk_truncate(disk, inode, 512), 0);
    assert_int_equal(disk_write(disk, other, 0, bytes, 1), 1);
    disk_destroy(disk);
}

static void allocated_room_is_ones_own(void **state)
{
    struct disk *disk = small_disk(4);
    uint32_t inode = rig_open(disk, "a", RW);
    uint32_t other = rig_open(disk, "b", RW);
    uint8_t bytes[2048] = {1};
    struct statx statx;

    (void)state;
    assert_int_equal(disk_fallocate(disk, inode, 0, 0, 2049), -ENOSPC);
    assert_int_equal(disk_size(disk, inode), 0);
    assert_int_equal(disk_fallocate(disk, inode, 0, 10, 1000), 0);
    assert_int_equal(disk_size(disk, inode), 1010);
    assert_int_equal(disk_fallocate(disk, inode, FALLOC_FL_KEEP_SIZE, 0, 1025),
                     0);
    assert_int_equal(disk_size(disk, inode), 1010);
    assert_int_equal(disk_stat(disk, inode, "", AT_EMPTY_PATH, &statx), 0);
    assert_int_equal(statx.stx_blocks, 3);
    assert_int_equal(disk_write(disk, other, 0, bytes, 2048), 512);
    assert_int_equal(disk_write(disk, inode, 0, bytes, 2048), 1536);
    disk_destroy(disk);
}

static void each_call_on_data_that_cannot_be_is_refused(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);
    uint32_t dir = rig_open(disk, "/", O_RDONLY);
    uint32_t file = rig_open(disk, "a", RW);
    uint64_t hash = disk_hash(disk);
    uint8_t byte = 0;

    (void)state;
    assert_int_equal(disk_read(disk, dir, 0, &byte, 1), -EISDIR);
    assert_int_equal(disk_write(disk, dir, 0, &byte, 1), -EISDIR);
    assert_int_equal(disk_truncate(disk, dir, 0), -EINVAL);
    assert_int_equal(disk_fallocate(disk, dir, 0, 0, 1), -EISDIR);
    assert_int_equal(disk_write(disk, file, INT64_MAX, &byte, 1), -EFBIG);
    assert_int_equal(disk_truncate(disk, file, INT64_MAX), -EFBIG);
    assert_int_equal(disk_fallocate(disk, file, 0, INT64_MAX, 1), -EFBIG);
    assert_int_equal(disk_fallocate(disk, file, 0, 0, 0), -EINVAL);
    assert_int_equal(disk_fallocate(disk, file, FALLOC_FL_PUNCH_HOLE, 0, 1),
                     -EOPNOTSUPP);
    assert_int_equal(disk_hash(disk), hash);
    disk_destroy(disk);
}

static void opening_can_truncate(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);

    (void)state;
    rig_put(disk, "a", "abc");
    disk_sync_all(disk);
    (void)rig_open(disk, "a", O_WRONLY | O_TRUNC);
    rig_expect(disk, "a", "a=");
    rig_expect_left(disk, "a", "a=\na=abc\n");
    disk_destroy(disk);
}

/* --- mapped pages --- */

static struct disk *mapped_disk(uint32_t *ret_inode, uint8_t **ret_bytes)
{
    struct disk *disk = rig_disk(DISK_STRICT);

    *ret_inode = rig_open(disk, "a", RW);
    assert_int_equal(disk_truncate(disk, *ret_inode, 5000), 0);
    disk_sync_all(disk);
    *ret_bytes = disk_map(disk, *ret_inode, 0);
    assert_non_null(*ret_bytes);
    return disk;
}

static void a_page_shows_calls_and_calls_show_the_page(void **state)
{
    uint32_t inode;
    uint8_t *bytes;
    struct disk *disk = mapped_disk(&inode, &bytes);
    uint8_t read[3];

    (void)state;
    assert_ptr_equal(disk_map(disk, inode, 0), bytes);
    bytes[1] = 'm';
    assert_int_equal(disk_write(disk, inode, 2, "w", 1), 1);
    assert_int_equal(bytes[2], 'w');
    assert_int_equal(disk_read(disk, inode, 0, read, 3), 3);
    assert_memory_equal(read, "\0mw", 3);
    assert_int_equal(disk_truncate(disk, inode, 2), 0);
    assert_int_equal(bytes[1], 'm');
    assert_int_equal(bytes[2], 0);
    disk_destroy(disk);
}

static void a_page_behind_the_end_or_the_room_is_not_mapped(void **state)
{
    struct disk *disk = small_disk(9);
    uint32_t inode = rig_open(disk, "a", RW);

    (void)state;
    assert_null(disk_map(disk, inode, 0));
    assert_int_equal(disk_truncate(disk, inode, 5200), 0);
    assert_null(disk_map(disk, inode, 2));
    assert_non_null(disk_map(disk, inode, 0));
    assert_null(disk_map(disk, inode, 1));
    disk_destroy(disk);
}

static void what_was_stored_is_one_unit_for_each_touch(void **state)
{
    uint32_t inode;
    uint8_t *bytes;
    struct disk *disk = mapped_disk(&inode, &bytes);

    (void)state;
    disk_touch(disk, inode, 0);
    assert_int_equal(disk_unit_count(disk), 0);
    bytes[0] = 'x';
    bytes[4095] = 'y';
    disk_touch(disk, inode, 0);
    assert_int_equal(disk_unit_count(disk), 1);
    bytes[1] = 'z';
    disk_touch(disk, inode, 0);
    assert_int_equal(disk_unit_count(disk), 2);
    disk_destroy(disk);
}

/* A cut of a clone: what it shows of the bytes 0 and 4095. */
static void expect_after_cut(const struct disk *disk, bool survives, char first,
                             char last)
{
    struct disk *clone = disk_clone(disk);
    uint32_t inode;
    char byte;

    assert_int_equal(disk_unit_count(disk), survives);
    disk_cut(clone, &survives, 0);
    inode = rig_open(clone, "a", O_RDONLY);
    assert_int_equal(disk_read(clone, inode, 0, &byte, 1), 1);
    assert_int_equal(byte, first);
    assert_int_equal(disk_read(clone, inode, 4095, &byte, 1), 1);
    assert_int_equal(byte, last);
    disk_destroy(clone);
}

static void a_page_survives_whole_or_not_at_all(void **state)
{
    uint32_t inode;
    uint8_t *bytes;
    struct disk *disk = mapped_disk(&inode, &bytes);

    (void)state;
    bytes[0] = 'x';
    bytes[4095] = 'y';
    expect_after_cut(disk, false, 0, 0); /* not touched yet */
    disk_touch(disk, inode, 0);
    expect_after_cut(disk, true, 'x', 'y');
    bytes[0] = 'z';
    assert_int_equal(disk_sync(disk, inode, true), 0);
    expect_after_cut(disk, false, 'z', 'y');
    bytes[4095] = 'w';
    disk_release(disk, inode);
    expect_after_cut(disk, true, 'z', 'w');
    disk_destroy(disk);
}

/* A page with a size in its midst: what was stored behind is not the file's. */
static void what_is_stored_behind_the_end_is_not_of_the_file(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);
    uint32_t inode = rig_open(disk, "a", RW);
    uint8_t *bytes;
    uint8_t read[3] = {0};

    (void)state;
    assert_int_equal(disk_truncate(disk, inode, 1), 0);
    bytes = disk_map(disk, inode, 0);
    memcpy(bytes, "xyz", 3);
    disk_touch(disk, inode, 0);
    disk_release(disk, inode);
    inode = rig_open(disk, "a", RW);
    assert_int_equal(disk_truncate(disk, inode, 3), 0);
    assert_int_equal(disk_read(disk, inode, 0, read, 3), 3);
    assert_memory_equal(read, "x\0\0", 3);
    disk_destroy(disk);
}

TEST_MAIN(cmocka_unit_test(what_was_written_is_read),
          cmocka_unit_test(a_hole_reads_as_zeros_and_takes_no_room),
          cmocka_unit_test(a_write_is_short_where_the_room_ends),
          cmocka_unit_test(allocated_room_is_ones_own),
          cmocka_unit_test(each_call_on_data_that_cannot_be_is_refused),
          cmocka_unit_test(opening_can_truncate),
          cmocka_unit_test(a_page_shows_calls_and_calls_show_the_page),
          cmocka_unit_test(a_page_behind_the_end_or_the_room_is_not_mapped),
          cmocka_unit_test(what_was_stored_is_one_unit_for_each_touch),
          cmocka_unit_test(a_page_survives_whole_or_not_at_all),
          cmocka_unit_test(what_is_stored_behind_the_end_is_not_of_the_file))
