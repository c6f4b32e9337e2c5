/* SPDX-License-Identifier: MIT */
/*
 * test_disk_sync.c - what a sync makes durable, a failed one does not, and what
 * chaos shows
 *
 * Method: as test_disk_cut.c; for what a seed decides, many seeds, and the set
 * of what they showed.
 */
#include "test.h"

#include <linux/fs.h>
#include <stdio.h>
#include <time.h>

#include "tests/sim/disk_rig.h"

static void sync_data(struct disk *disk, const char *path)
{
    uint32_t inode = rig_open(disk, path, O_RDONLY);

    assert_int_equal(disk_sync(disk, inode, true), 0);
    disk_release(disk, inode);
}

static void sync_failed(struct disk *disk, const char *path)
{
    uint32_t inode = rig_open(disk, path, O_RDONLY);

    disk_sync_failed(disk, inode);
    disk_release(disk, inode);
}

static void a_sync_is_of_one_file(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);

    (void)state;
    rig_write(disk, "a", 0, "");
    rig_write(disk, "b", 0, "");
    rig_sync(disk, "/");
    rig_write(disk, "a", 0, "x");
    rig_write(disk, "b", 0, "y");
    sync_data(disk, "a");
    assert_int_equal(disk_unit_count(disk), 2);
    rig_expect_left(disk, "a b", "a=x b=\na=x b=0\na=x b=y\n");
    disk_destroy(disk);
}

/* Sector 0 is written, and sector 1 written and synced. */
static void a_sync_of_a_range_is_of_its_sectors(void **state)
{
    static const enum disk_profile profiles[] = {DISK_STRICT, DISK_EXT4};

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct disk *disk = rig_disk(profiles[i]);
        uint32_t inode;
        char byte = 0;

        rig_put(disk, "a", "");
        rig_sync(disk, "/");
        rig_write(disk, "a", 0, "x");
        rig_write(disk, "a", DISK_SECTOR, "y");
        inode = rig_open(disk, "a", O_RDWR);
        disk_sync_range(disk, inode, DISK_SECTOR, 1);
        disk_release(disk, inode);
        rig_expect_left(disk, "a",
                        "a=0000000000000000000000000000000\n"
                        "a=x000000000000000000000000000000\n");
        disk_cut(disk, NULL, 0);
        inode = rig_open(disk, "a", O_RDONLY);
        assert_int_equal(disk_read(disk, inode, DISK_SECTOR, &byte, 1), 1);
        assert_int_equal(byte, 'y');
        disk_destroy(disk);
    }
}

/* What was cut off does not come back with a later sync. */
static void a_sync_of_a_range_keeps_the_order_of_what_was_cut(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);
    uint32_t inode;

    (void)state;
    rig_put(disk, "a", "");
    rig_sync(disk, "/");
    rig_write(disk, "a", 0, "x");
    inode = rig_open(disk, "a", O_RDWR);
    assert_int_equal(disk_truncate(disk, inode, 0), 0);
    disk_release(disk, inode);
    rig_write(disk, "a", DISK_SECTOR, "y");
    inode = rig_open(disk, "a", O_RDWR);
    disk_sync_range(disk, inode, DISK_SECTOR, 1);
    disk_release(disk, inode);
    rig_expect_left(disk, "a", "a=0000000000000000000000000000000\n");
    disk_destroy(disk);
}

static void a_range_that_failed_is_clean_and_not_on_disk(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);
    uint32_t inode;

    (void)state;
    rig_put(disk, "a", "..");
    rig_sync(disk, "/");
    rig_write(disk, "a", 0, "x");
    inode = rig_open(disk, "a", O_RDWR);
    disk_sync_range_failed(disk, inode, 0, 1);
    disk_release(disk, inode);
    rig_expect(disk, "a", "a=x.");
    sync_data(disk, "a");
    rig_expect_left(disk, "a", "a=..\n");
    disk_destroy(disk);
}

static void ext4_writes_no_other_files_appends(void **state)
{
    struct disk *disk = rig_disk(DISK_EXT4);

    (void)state;
    rig_write(disk, "b", 0, "y");
    rig_put(disk, "a", "x");
    rig_expect_left(disk, "a b", "a=x b=\na=x b=y\n");
    disk_destroy(disk);
}

static void ext4_fdatasync_commits_what_the_file_needs_only(void **state)
{
    struct disk *disk = rig_disk(DISK_EXT4);

    (void)state;
    rig_write(disk, "a", 0, "old");
    sync_data(disk, "a"); /* it was made */
    rig_expect_left(disk, "a", "a=old\n");
    rig_rename(disk, "a", "b", 0);
    rig_write(disk, "b", 0, "new");
    sync_data(disk, "b"); /* data replace data */
    rig_expect_left(disk, "a b", "a=- b=new\na=new b=-\n");
    rig_write(disk, "b", 3, "er");
    sync_data(disk, "b"); /* a new size */
    rig_expect_left(disk, "a b", "a=- b=newer\n");
    disk_destroy(disk);
}

/* A size that truncate set is in the journal, and what the file had before. */
static void ext4_commits_older_data_with_a_truncation(void **state)
{
    struct disk *disk = rig_disk(DISK_EXT4);
    uint32_t inode = rig_open(disk, "a", O_RDWR | O_CREAT);

    (void)state;
    assert_int_equal(disk_write(disk, inode, 0, "abcd", 4), 4);
    assert_int_equal(disk_truncate(disk, inode, 2), 0);
    rig_put(disk, "b", "y");
    rig_expect_left(disk, "a b", "a=ab b=y\n");
    assert_int_equal(disk_write(disk, inode, 2, "ef", 2), 2);
    assert_int_equal(disk_sync(disk, inode, false), 0);
    rig_expect_left(disk, "a b", "a=abef b=y\n");
    disk_destroy(disk);
}

/* The spool's removal rests on it: spool/file/README.md, S6. */
static void a_synced_rename_does_not_sync_the_one_before(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);

    (void)state;
    rig_mkdir(disk, "p");
    rig_mkdir(disk, "q");
    rig_mkdir(disk, "o");
    rig_put(disk, "p/x", "x");
    disk_sync_all(disk);
    rig_rename(disk, "p/x", "q/x", 0);
    rig_rename(disk, "q/x", "o/x", 0);
    rig_sync(disk, "o");
    rig_expect_left(disk, "p/x q/x o/x",
                    "p/x=- q/x=- o/x=x\np/x=x q/x=- o/x=x\n");
    rig_sync(disk, "q");
    rig_expect_left(disk, "p/x q/x o/x", "p/x=- q/x=- o/x=x\n");
    disk_destroy(disk);
}

/* A name that is older than what is durable there does not come back. */
static void what_a_synced_unit_replaced_is_void(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);

    (void)state;
    rig_mkdir(disk, "tmp");
    rig_mkdir(disk, "q");
    disk_sync_all(disk);
    rig_put(disk, "tmp/x", "x");
    rig_rename(disk, "tmp/x", "q/x", 0);
    rig_sync(disk, "q");
    assert_int_equal(disk_unit_count(disk), 0);
    rig_expect_left(disk, "tmp/x q/x", "tmp/x=- q/x=x\n");
    disk_destroy(disk);
}

static void a_synced_move_of_a_directory_syncs_those_before(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);

    (void)state;
    rig_mkdir(disk, "a");
    rig_mkdir(disk, "b");
    rig_mkdir(disk, "c");
    disk_sync_all(disk);
    rig_mkdir(disk, "a/d");
    rig_rename(disk, "a/d", "b/d", 0);
    rig_rename(disk, "b/d", "c/d", 0);
    rig_sync(disk, "c");
    assert_int_equal(disk_unit_count(disk), 0);
    rig_expect_left(disk, "a/d b/d c/d", "a/d=- b/d=- c/d=/\n");
    disk_destroy(disk);
}

/* rmdir is durable; that the file had left before is not: it is lost. */
static void what_was_in_a_removed_directory_goes_with_it(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);

    (void)state;
    rig_mkdir(disk, "d");
    rig_mkdir(disk, "e");
    rig_put(disk, "d/x", "x");
    disk_sync_all(disk);
    rig_rename(disk, "d/x", "e/x", 0);
    assert_int_equal(disk_unlink(disk, DISK_ROOT, "d", AT_REMOVEDIR), 0);
    rig_sync(disk, "/");
    rig_expect_left(disk, "d e/x", "d=- e/x=-\nd=- e/x=x\n");
    disk_destroy(disk);
}

static uint64_t number_of(struct disk *disk, const char *path)
{
    struct statx statx;

    assert_int_equal(disk_stat(disk, DISK_ROOT, path, 0, &statx), 0);
    return statx.stx_ino;
}

/* What a/x replaced is gone for good; but the half of that rename which takes
 * a/x away is un-synced, and tells what was there. */
static void a_number_is_not_given_anew_while_a_unit_speaks_of_it(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);
    uint64_t number;

    (void)state;
    rig_mkdir(disk, "a");
    rig_mkdir(disk, "b");
    rig_mkdir(disk, "c");
    rig_put(disk, "a/x", "x");
    rig_put(disk, "b/x", "replaced");
    rig_put(disk, "c/x", "y");
    disk_sync_all(disk);
    number = number_of(disk, "b/x");
    rig_rename(disk, "a/x", "b/x", 0);
    rig_rename(disk, "c/x", "b/x", 0);
    rig_sync(disk, "c");
    assert_int_equal(disk_unit_count(disk), 1);
    rig_write(disk, "new", 0, "");
    assert_int_not_equal(number_of(disk, "new"), number);
    rig_sync(disk, "a");
    rig_write(disk, "newer", 0, ""); /* has what a/x was */
    rig_write(disk, "newest", 0, "");
    assert_int_equal(number_of(disk, "newest"), number);
    disk_destroy(disk);
}

/* --- a sync that failed --- */

static void after_a_failed_sync_a_later_one_saves_nothing(void **state)
{
    (void)state;
    for (int profile = DISK_STRICT; profile <= DISK_CHAOS; profile++) {
        struct disk *disk = rig_disk(profile);

        rig_put(disk, "a", "old");
        disk_sync_all(disk);
        rig_write(disk, "a", 0, "new");
        sync_failed(disk, "a");
        assert_int_equal(disk_unit_count(disk), 0);
        rig_expect(disk, "a", "a=new");
        rig_sync(disk, "a");
        rig_expect(disk, "a", "a=new");
        rig_expect_left(disk, "a", "a=old\n");
        disk_destroy(disk);
    }
}

static void after_a_failed_append_the_next_leaves_a_gap(void **state)
{
    struct disk *disk = rig_disk(DISK_STRICT);
    uint32_t inode = rig_open(disk, "a", O_RDWR | O_CREAT);
    char bytes[DISK_SECTOR + 2];

    (void)state;
    disk_sync_all(disk);
    memset(bytes, 'x', DISK_SECTOR);
    assert_int_equal(disk_write(disk, inode, 0, bytes, DISK_SECTOR),
                     DISK_SECTOR);
    disk_sync_failed(disk, inode);
    assert_int_equal(disk_write(disk, inode, DISK_SECTOR, "y", 1), 1);
    assert_int_equal(disk_sync(disk, inode, false), 0);
    assert_int_equal(disk_read(disk, inode, 0, bytes, 1), 1);
    assert_int_equal(bytes[0], 'x');
    disk_cut(disk, NULL, 0);
    disk_hold(disk, inode);
    assert_int_equal(disk_read(disk, inode, 0, bytes, sizeof(bytes)),
                     DISK_SECTOR + 1);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[DISK_SECTOR], 'y');
    disk_destroy(disk);
}

static void what_is_written_over_a_failed_append_is_shown(void **state)
{
    (void)state;
    for (int profile = DISK_STRICT; profile <= DISK_CHAOS; profile++) {
        struct disk *disk = rig_disk(profile);
        uint32_t inode = rig_open(disk, "a", O_RDWR | O_CREAT);
        char byte = 0;

        disk_sync_all(disk);
        assert_int_equal(disk_write(disk, inode, 0, "x", 1), 1);
        disk_sync_failed(disk, inode);
        assert_int_equal(disk_write(disk, inode, 0, "y", 1), 1);
        assert_int_equal(disk_sync(disk, inode, true), 0);
        disk_cut(disk, NULL, 0);
        disk_hold(disk, inode);
        assert_int_equal(disk_read(disk, inode, 0, &byte, 1), 1);
        assert_int_equal(byte, 'y');
        disk_destroy(disk);
    }
}

static void after_a_failed_sync_of_a_directory_its_names_are_lost(void **state)
{
    (void)state;
    for (int profile = DISK_STRICT; profile <= DISK_CHAOS; profile++) {
        struct disk *disk = rig_disk(profile);

        rig_mkdir(disk, "d");
        rig_put(disk, "a", "x");
        disk_sync_all(disk);
        rig_rename(disk, "a", "d/a", 0);
        sync_failed(disk, "d");
        rig_sync(disk, "d");
        rig_sync(disk, "/");
        rig_expect(disk, "a d/a", "a=- d/a=x");
        rig_expect_left(disk, "a d/a", "a=x d/a=-\n");
        disk_destroy(disk);
    }
}

static void ext4_fails_a_file_before_the_journal(void **state)
{
    struct disk *disk = rig_disk(DISK_EXT4);

    (void)state;
    rig_write(disk, "a", 0, "x");
    sync_failed(disk, "a");
    rig_sync(disk, "/");
    rig_expect_left(disk, "a", "a=\n");
    disk_destroy(disk);
}

/* --- chaos --- */

/* What the first sector of "new" shows over 200 seeds, its size being durable
 * and its data not: bits of 1 zeros, 2 the freed file, 4 the data, 8 else. */
static int shown(enum disk_profile profile, bool freed)
{
    int seen = 0;

    for (uint64_t torn = 0; torn < 200; torn++) {
        struct disk *disk = rig_disk(profile);
        bool survives[3] = {true, false, true};
        char text[8];

        if (freed) {
            rig_put(disk, "old", "stale");
            rig_sync(disk, "/");
            rig_unlink(disk, "old");
            rig_sync(disk, "/");
        }
        rig_write(disk, "never", 0, "bytes that never got there");
        rig_unlink(disk, "never");
        rig_sync(disk, "/");
        rig_write(disk, "new", 0, "fresh");
        disk_cut(disk, survives, torn);
        rig_look(disk, "new", text, sizeof(text));
        seen |= strcmp(text, "00000") == 0   ? 1
                : strcmp(text, "stale") == 0 ? 2
                : strcmp(text, "fresh") == 0 ? 4
                                             : 8;
        disk_destroy(disk);
    }
    return seen;
}

static void only_chaos_shows_stale_bytes_and_only_of_freed_files(void **state)
{
    (void)state;
    assert_int_equal(shown(DISK_STRICT, true), 1);
    assert_int_equal(shown(DISK_CHAOS, true), 1 | 2);
    assert_int_equal(shown(DISK_CHAOS, false), 1);
}

static void chaos_shows_no_stale_bytes_in_room_that_was_allocated(void **state)
{
    (void)state;
    for (uint64_t torn = 1; torn < 100; torn++) {
        struct disk *disk = rig_disk(DISK_CHAOS);
        uint32_t inode;

        rig_put(disk, "old", "stale");
        rig_sync(disk, "/");
        rig_unlink(disk, "old");
        inode = rig_open(disk, "new", O_RDWR | O_CREAT);
        assert_int_equal(disk_fallocate(disk, inode, 0, 0, 5), 0);
        disk_sync_all(disk);
        assert_int_equal(disk_write(disk, inode, 0, "fresh", 5), 5);
        disk_cut(disk, NULL, torn);
        rig_expect(disk, "new", "new=00000");
        disk_destroy(disk);
    }
}

/* Bytes of "a" after a cut that leaves the last write: bits of 1 whole new,
 * 2 a beginning of new and then old, 4 else. */
static int torn_shown(enum disk_profile profile)
{
    char bytes[DISK_SECTOR];
    int seen = 0;

    for (uint64_t torn = 0; torn < 200; torn++) {
        struct disk *disk = rig_disk(profile);
        uint32_t inode = rig_open(disk, "a", O_RDWR | O_CREAT);
        bool survives[1] = {true};
        uint32_t keep = 0;

        memset(bytes, 'o', sizeof(bytes));
        assert_int_equal(disk_write(disk, inode, 0, bytes, DISK_SECTOR),
                         DISK_SECTOR);
        disk_sync_all(disk);
        memset(bytes, 'n', sizeof(bytes));
        assert_int_equal(disk_write(disk, inode, 0, bytes, DISK_SECTOR),
                         DISK_SECTOR);
        disk_cut(disk, survives, torn);
        disk_hold(disk, inode);
        assert_int_equal(disk_read(disk, inode, 0, bytes, DISK_SECTOR),
                         DISK_SECTOR);
        while (keep < DISK_SECTOR && bytes[keep] == 'n') {
            keep++;
        }
        seen |= keep == DISK_SECTOR ? 1 : keep > 0 ? 2 : 4;
        while (keep < DISK_SECTOR) {
            seen |= bytes[keep++] == 'o' ? 0 : 4;
        }
        disk_destroy(disk);
    }
    return seen;
}

static void only_chaos_tears_a_sector(void **state)
{
    (void)state;
    assert_int_equal(torn_shown(DISK_STRICT), 1);
    assert_int_equal(torn_shown(DISK_EXT4), 1);
    assert_int_equal(torn_shown(DISK_CHAOS), 1 | 2);
}

/* How many different sets of a mapped page's sectors cuts leave. */
static int page_sets(enum disk_profile profile)
{
    bool seen[256] = {false};
    int count = 0;

    for (uint64_t torn = 0; torn < 500; torn++) {
        struct disk *disk = rig_disk(profile);
        uint32_t inode = rig_open(disk, "a", O_RDWR | O_CREAT);
        bool survives[1] = {true};
        unsigned set = 0;
        uint8_t *bytes;

        assert_int_equal(disk_truncate(disk, inode, DISK_PAGE), 0);
        disk_sync_all(disk);
        bytes = disk_map(disk, inode, 0);
        memset(bytes, 'x', DISK_PAGE);
        disk_touch(disk, inode, 0);
        disk_cut(disk, survives, torn);
        disk_hold(disk, inode);
        for (unsigned i = 0; i < DISK_PAGE / DISK_SECTOR; i++) {
            char byte;
            assert_int_equal(
                disk_read(disk, inode, (i + 1) * DISK_SECTOR - 1, &byte, 1), 1);
            set |= (unsigned)(byte == 'x') << i;
        }
        count += !seen[set];
        seen[set] = true;
        disk_destroy(disk);
    }
    assert_true(seen[255]);
    return count;
}

static void only_chaos_tears_a_mapped_page(void **state)
{
    (void)state;
    assert_int_equal(page_sets(DISK_STRICT), 1);
    assert_int_equal(page_sets(DISK_EXT4), 1);
    assert_true(page_sets(DISK_CHAOS) > 50);
}

/* --- clones and numbers --- */

/* A life with a bit of everything; @stop: how many calls of it. */
static struct disk *life(enum disk_profile profile, int stop)
{
    struct disk *disk = rig_disk(profile);

    for (int i = 0; i < stop; i++) {
        char path[32];

        (void)snprintf(path, sizeof(path), "d%d", i / 7 % 3);
        switch (i % 7) {
        case 0:
            (void)disk_mkdir(disk, DISK_ROOT, path, 0700);
            break;
        case 1:
            rig_write(disk, "a", (uint64_t)i * 100, "some bytes");
            break;
        case 2:
            rig_write(disk, "b", 0, path);
            break;
        case 3:
            rig_rename(disk, "a", "c", i % 2 ? 0 : RENAME_NOREPLACE);
            break;
        case 4:
            rig_sync(disk, i % 2 ? "c" : "b");
            break;
        case 5:
            rig_rename(disk, "b", "c", RENAME_EXCHANGE);
            break;
        case 6:
            rig_unlink(disk, "c");
            rig_sync(disk, i % 3 ? "/" : path);
            break;
        }
    }
    return disk;
}

static void the_same_calls_make_the_same_number_and_each_changes_it(
    void **state)
{
    (void)state;
    for (int profile = DISK_STRICT; profile <= DISK_CHAOS; profile++) {
        uint64_t before = 0;

        for (int stop = 1; stop < 7; stop++) {
            struct disk *disk = life(profile, stop);
            struct disk *again = life(profile, stop);

            assert_int_equal(disk_hash(disk), disk_hash(again));
            assert_int_not_equal(disk_hash(disk), before);
            before = disk_hash(disk);
            disk_destroy(disk);
            disk_destroy(again);
        }
    }
}

/* Both go on as the other would have, and neither sees what the other does. */
static void a_clone_is_the_same_disk_and_another(void **state)
{
    (void)state;
    for (int profile = DISK_STRICT; profile <= DISK_CHAOS; profile++) {
        for (int stop = 0; stop < 30; stop++) {
            struct disk *disk = life(profile, stop);
            struct disk *clone = disk_clone(disk);
            uint64_t hash = disk_hash(disk);
            uint32_t count = disk_unit_count(disk);
            bool *survives = calloc(count + 1, sizeof(*survives));

            assert_int_equal(disk_hash(clone), hash);
            assert_int_equal(disk_unit_count(clone), count);
            for (uint32_t i = 0; i < count; i++) {
                survives[i] = i % 3 != 1;
            }
            disk_cut(clone, survives, 7);
            assert_int_equal(disk_hash(disk), hash);
            disk_cut(disk, survives, 7);
            assert_int_equal(disk_hash(clone), disk_hash(disk));
            rig_write(clone, "e", 0, "x");
            rig_expect(disk, "e", "e=-");
            disk_destroy(disk);
            rig_expect(clone, "e", "e=x");
            disk_destroy(clone);
            free(survives);
        }
    }
}

static void a_clone_holds_nothing(void **state)
{
    struct disk_config config = {DISK_STRICT, DISK_SECTOR, 2};
    struct disk *disk = disk_create(&config);
    uint32_t inode = rig_open(disk, "a", O_RDWR | O_CREAT);
    struct disk *clone;

    (void)state;
    assert_int_equal(disk_write(disk, inode, 0, "x", 1), 1);
    rig_unlink(disk, "a");
    clone = disk_clone(disk);
    assert_int_equal(disk_hash(clone), disk_hash(disk));
    rig_write(clone, "b", 0, "y");
    disk_destroy(clone);
    disk_destroy(disk);
}

static void people_can_read_what_a_unit_is(void **state)
{
    const char *texts[] = {
        "make q",          "make q/x",        "sector 0 of a",
        "size 1 of a",     "rename q/x to b", "link l",
        "exchange b to a", "unlink l",        "room of 2 sectors from 1 of a",
    };
    struct disk *disk = rig_disk(DISK_STRICT);
    uint32_t inode;
    char text[64];

    (void)state;
    rig_mkdir(disk, "q");
    rig_write(disk, "q/x", 0, "x");
    rig_rename(disk, "q/x", "b", 0);
    assert_int_equal(disk_link(disk, DISK_ROOT, "b", DISK_ROOT, "l"), 0);
    rig_write(disk, "a", 0, "");
    rig_rename(disk, "b", "a", RENAME_EXCHANGE);
    rig_unlink(disk, "l");
    inode = rig_open(disk, "a", O_RDWR);
    assert_int_equal(disk_fallocate(disk, inode, 0, 512, 1024), 0);
    for (uint32_t i = 0, row = 0; i < disk_unit_count(disk); i++) {
        disk_unit_text(disk, i, text, sizeof(text));
        if (strcmp(text, "make a") != 0) {
            assert_string_equal(text, texts[row++]);
        }
    }
    disk_destroy(disk);
}

TEST_MAIN(
    cmocka_unit_test(a_sync_is_of_one_file),
    cmocka_unit_test(a_sync_of_a_range_is_of_its_sectors),
    cmocka_unit_test(a_sync_of_a_range_keeps_the_order_of_what_was_cut),
    cmocka_unit_test(a_range_that_failed_is_clean_and_not_on_disk),
    cmocka_unit_test(ext4_writes_no_other_files_appends),
    cmocka_unit_test(ext4_fdatasync_commits_what_the_file_needs_only),
    cmocka_unit_test(ext4_commits_older_data_with_a_truncation),
    cmocka_unit_test(a_synced_rename_does_not_sync_the_one_before),
    cmocka_unit_test(what_a_synced_unit_replaced_is_void),
    cmocka_unit_test(a_synced_move_of_a_directory_syncs_those_before),
    cmocka_unit_test(what_was_in_a_removed_directory_goes_with_it),
    cmocka_unit_test(a_number_is_not_given_anew_while_a_unit_speaks_of_it),
    cmocka_unit_test(after_a_failed_sync_a_later_one_saves_nothing),
    cmocka_unit_test(after_a_failed_append_the_next_leaves_a_gap),
    cmocka_unit_test(what_is_written_over_a_failed_append_is_shown),
    cmocka_unit_test(after_a_failed_sync_of_a_directory_its_names_are_lost),
    cmocka_unit_test(ext4_fails_a_file_before_the_journal),
    cmocka_unit_test(only_chaos_shows_stale_bytes_and_only_of_freed_files),
    cmocka_unit_test(chaos_shows_no_stale_bytes_in_room_that_was_allocated),
    cmocka_unit_test(only_chaos_tears_a_sector),
    cmocka_unit_test(only_chaos_tears_a_mapped_page),
    cmocka_unit_test(the_same_calls_make_the_same_number_and_each_changes_it),
    cmocka_unit_test(a_clone_is_the_same_disk_and_another),
    cmocka_unit_test(a_clone_holds_nothing),
    cmocka_unit_test(people_can_read_what_a_unit_is))
