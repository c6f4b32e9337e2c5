/* SPDX-License-Identifier: MIT */
/*
 * test_disk_names.c - calls on paths answer as the kernel's do
 *
 * Method: one tree, and a table of calls with the error that each has to give;
 * none of them may change anything, which the disk's hash shows. Then what
 * calls that succeed do: links, holders, listings.
 */
#include "test.h"

#include <dirent.h>
#include <linux/fs.h>
#include <linux/openat2.h>

#include "tests/sim/disk_rig.h"

enum { DIR_READ = O_RDONLY | O_DIRECTORY, MAKE = O_WRONLY | O_CREAT };

/* d/ with the file d/f and the empty d/e/; the file f; links l to f, up to .. ,
 * round to itself, gone to nothing, top to /. */
static struct disk *tree(void)
{
    struct disk *disk = rig_disk(DISK_STRICT);

    rig_mkdir(disk, "d");
    rig_mkdir(disk, "d/e");
    rig_put(disk, "d/f", "in d");
    rig_put(disk, "f", "f");
    assert_int_equal(disk_symlink(disk, "f", DISK_ROOT, "l"), 0);
    assert_int_equal(disk_symlink(disk, "..", DISK_ROOT, "d/up"), 0);
    assert_int_equal(disk_symlink(disk, "round", DISK_ROOT, "round"), 0);
    assert_int_equal(disk_symlink(disk, "nothing", DISK_ROOT, "gone"), 0);
    assert_int_equal(disk_symlink(disk, "/", DISK_ROOT, "d/top"), 0);
    return disk;
}

static uint32_t inode_of(struct disk *disk, const char *path)
{
    struct statx statx;

    assert_int_equal(
        disk_stat(disk, DISK_ROOT, path, AT_SYMLINK_NOFOLLOW, &statx), 0);
    return (uint32_t)statx.stx_ino;
}

static void each_open_that_cannot_be_is_refused(void **state)
{
    static char too_long[300];
    static char far_too_long[5000];
    const struct {
        const char *path;
        int flags;
        uint64_t resolve;
        int error;
    } rows[] = {
        {"", O_RDONLY, 0, -ENOENT},
        {"x", O_RDONLY, 0, -ENOENT},
        {"x/y", MAKE, 0, -ENOENT},
        {"x/", MAKE, 0, -EISDIR},
        {"f", MAKE | O_EXCL, 0, -EEXIST},
        {"l", MAKE | O_EXCL, 0, -EEXIST},
        {"gone", MAKE | O_EXCL, 0, -EEXIST},
        {"d", MAKE, 0, -EISDIR},
        {"d", O_WRONLY, 0, -EISDIR},
        {"d", O_RDWR, 0, -EISDIR},
        {"d", O_RDONLY | O_TRUNC, 0, -EISDIR},
        {"/", O_RDWR, 0, -EISDIR},
        {"f", DIR_READ, 0, -ENOTDIR},
        {"f/", O_RDONLY, 0, -ENOTDIR},
        {"f/x", O_RDONLY, 0, -ENOTDIR},
        {"f/..", O_RDONLY, 0, -ENOTDIR},
        {"l/x", O_RDONLY, 0, -ENOTDIR},
        {"l", O_RDONLY | O_NOFOLLOW, 0, -ELOOP},
        {"round", O_RDONLY, 0, -ELOOP},
        {"gone", O_RDONLY, 0, -ENOENT},
        {too_long, O_RDONLY, 0, -ENAMETOOLONG},
        {far_too_long, O_RDONLY, 0, -ENAMETOOLONG},
        {"d", O_RDWR | O_TMPFILE, 0, -EOPNOTSUPP},
        {"x", O_CREAT | O_DIRECTORY, 0, -EINVAL},
        {"f", O_RDONLY, 1 << 20, -EINVAL},
        {"l", O_RDONLY, RESOLVE_NO_SYMLINKS, -ELOOP},
        {"d/up/f", O_RDONLY, RESOLVE_NO_SYMLINKS, -ELOOP},
        {"/f", O_RDONLY, RESOLVE_BENEATH, -EXDEV},
        {"..", O_RDONLY, RESOLVE_BENEATH, -EXDEV},
        {"d/../../f", O_RDONLY, RESOLVE_BENEATH, -EXDEV},
        {"d/top", O_RDONLY, RESOLVE_BENEATH, -EXDEV},
    };
    struct disk *disk = tree();
    uint64_t hash = disk_hash(disk);

    (void)state;
    memset(too_long, 'n', 256);
    memset(far_too_long, '/', 4096);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t inode = 77;

        assert_int_equal(disk_open(disk, DISK_ROOT, rows[i].path, rows[i].flags,
                                   0600, rows[i].resolve, &inode),
                         rows[i].error);
        assert_int_equal(inode, 77);
    }
    assert_int_equal(disk_hash(disk), hash);
    disk_destroy(disk);
}

static void each_rename_that_cannot_be_is_refused(void **state)
{
    const struct {
        const char *old;
        const char *new;
        unsigned flags;
        int error;
    } rows[] = {
        {"x", "y", 0, -ENOENT},
        {"f", "x/y", 0, -ENOENT},
        {"", "y", 0, -ENOENT},
        {"f", "f/y", 0, -ENOTDIR},
        {"f", "d", 0, -EISDIR},
        {"d", "f", 0, -ENOTDIR},
        {"f", "y/", 0, -ENOTDIR},
        {"f/", "y", 0, -ENOTDIR},
        {"d/e", "d", 0, -ENOTEMPTY},
        {"d", "d/e", 0, -EINVAL},
        {"d", "d/e/x", 0, -EINVAL},
        {".", "x", 0, -EBUSY},
        {"d/..", "x", 0, -EBUSY},
        {"f", "/", 0, -EBUSY},
        {"f", "l", RENAME_NOREPLACE, -EEXIST},
        {"f", "f", RENAME_NOREPLACE, -EEXIST},
        {"f", ".", RENAME_NOREPLACE, -EEXIST},
        {"f", "x", RENAME_EXCHANGE, -ENOENT},
        {"d", "d/e", RENAME_EXCHANGE, -EINVAL},
        {"d/e", "d", RENAME_EXCHANGE, -EINVAL},
        {"f", "x", RENAME_EXCHANGE | RENAME_NOREPLACE, -EINVAL},
        {"f", "x", RENAME_WHITEOUT, -EINVAL},
    };
    struct disk *disk = tree();
    uint64_t hash = disk_hash(disk);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(disk_rename(disk, DISK_ROOT, rows[i].old, DISK_ROOT,
                                     rows[i].new, rows[i].flags),
                         rows[i].error);
    }
    assert_int_equal(disk_hash(disk), hash);
    disk_destroy(disk);
}

enum call { UNLINK, RMDIR, MKDIR, LINK, SYMLINK, STAT, UNLINK_ODD };

static int do_call(struct disk *disk, enum call call, const char *path,
                   const char *to)
{
    struct statx statx;

    switch (call) {
    case UNLINK:
        return disk_unlink(disk, DISK_ROOT, path, 0);
    case RMDIR:
        return disk_unlink(disk, DISK_ROOT, path, AT_REMOVEDIR);
    case MKDIR:
        return disk_mkdir(disk, DISK_ROOT, path, 0700);
    case LINK:
        return disk_link(disk, DISK_ROOT, path, DISK_ROOT, to);
    case SYMLINK:
        return disk_symlink(disk, path, DISK_ROOT, to);
    case STAT:
        return disk_stat(disk, DISK_ROOT, path, 0, &statx);
    case UNLINK_ODD:
        return disk_unlink(disk, DISK_ROOT, path, 1);
    }
    return 1;
}

static void each_other_call_that_cannot_be_is_refused(void **state)
{
    const struct {
        enum call call;
        const char *path;
        const char *to;
        int error;
    } rows[] = {
        {UNLINK, "x", NULL, -ENOENT},        {UNLINK, "d", NULL, -EISDIR},
        {UNLINK, ".", NULL, -EISDIR},        {UNLINK, "f/", NULL, -ENOTDIR},
        {UNLINK, "f/x", NULL, -ENOTDIR},     {UNLINK_ODD, "f", NULL, -EINVAL},
        {RMDIR, "x", NULL, -ENOENT},         {RMDIR, "f", NULL, -ENOTDIR},
        {RMDIR, "d", NULL, -ENOTEMPTY},      {RMDIR, "d/e/.", NULL, -EINVAL},
        {RMDIR, "d/e/..", NULL, -ENOTEMPTY}, {RMDIR, "/", NULL, -EBUSY},
        {MKDIR, "d", NULL, -EEXIST},         {MKDIR, "d/", NULL, -EEXIST},
        {MKDIR, "f/", NULL, -EEXIST},        {MKDIR, "gone", NULL, -EEXIST},
        {MKDIR, "/", NULL, -EEXIST},         {MKDIR, "f/x", NULL, -ENOTDIR},
        {MKDIR, "x/y", NULL, -ENOENT},       {LINK, "x", "y", -ENOENT},
        {LINK, "f", "d/f", -EEXIST},         {LINK, "f", "x/y", -ENOENT},
        {LINK, "f", "y/", -ENOENT},          {LINK, "d", "y", -EPERM},
        {SYMLINK, "", "y", -ENOENT},         {SYMLINK, "x", "f", -EEXIST},
        {SYMLINK, "x", "gone", -EEXIST},     {SYMLINK, "x", "y/", -ENOENT},
        {STAT, "x", NULL, -ENOENT},          {STAT, "", NULL, -ENOENT},
        {STAT, "gone", NULL, -ENOENT},       {STAT, "round", NULL, -ELOOP},
    };
    struct disk *disk = tree();
    uint64_t hash = disk_hash(disk);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(do_call(disk, rows[i].call, rows[i].path, rows[i].to),
                         rows[i].error);
    }
    assert_int_equal(disk_hash(disk), hash);
    disk_destroy(disk);
}

static void each_path_leads_where_it_should(void **state)
{
    const struct {
        const char *path;
        uint64_t resolve;
        const char *to;
    } rows[] = {
        {"f", 0, "f"},
        {"//d//../f", 0, "f"},
        {"../../f", 0, "f"},
        {"l", 0, "f"},
        {"d/up/l", 0, "f"},
        {"d/up/d/f", 0, "d/f"},
        {"d/top/f", 0, "f"},
        {"d/e/../f", RESOLVE_BENEATH, "d/f"},
        {"d/up/f", RESOLVE_BENEATH, "f"},
        {"/../f", RESOLVE_IN_ROOT, "f"},
        {"f", RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, "f"},
        {"f", RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS, "f"},
    };
    struct disk *disk = tree();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint32_t inode;

        assert_int_equal(disk_open(disk, DISK_ROOT, rows[i].path, O_RDONLY, 0,
                                   rows[i].resolve, &inode),
                         0);
        assert_int_equal(inode, inode_of(disk, rows[i].to));
        disk_release(disk, inode);
    }
    disk_destroy(disk);
}

static void a_directory_can_be_the_end_of_the_world(void **state)
{
    struct disk *disk = tree();
    uint32_t dir = rig_open(disk, "d", DIR_READ);
    uint32_t inode;

    (void)state;
    assert_int_equal(
        disk_open(disk, dir, "/top/../f", O_RDONLY, 0, RESOLVE_IN_ROOT, &inode),
        0);
    assert_int_equal(inode, inode_of(disk, "d/f"));
    assert_int_equal(
        disk_open(disk, dir, "up/f", O_RDONLY, 0, RESOLVE_BENEATH, &inode),
        -EXDEV);
    assert_int_equal(disk_open(disk, dir, "../f", O_RDONLY, 0, 0, &inode), 0);
    assert_int_equal(inode, inode_of(disk, "f"));
    disk_destroy(disk);
}

static void a_link_to_nothing_makes_its_target(void **state)
{
    struct disk *disk = tree();

    (void)state;
    rig_write(disk, "gone", 0, "x");
    rig_expect(disk, "nothing gone", "nothing=x gone=x");
    disk_destroy(disk);
}

static void forty_links_are_followed_and_no_more(void **state)
{
    struct disk *disk = tree();
    struct statx statx;
    char target[8] = "f";
    char path[8];

    (void)state;
    for (int i = 1; i <= 41; i++) {
        (void)snprintf(path, sizeof(path), "s%d", i);
        assert_int_equal(disk_symlink(disk, target, DISK_ROOT, path), 0);
        strcpy(target, path);
        assert_int_equal(disk_stat(disk, DISK_ROOT, path, 0, &statx),
                         i <= 40 ? 0 : -ELOOP);
    }
    disk_destroy(disk);
}

static void stat_says_what_is_there(void **state)
{
    struct disk *disk = tree();
    uint32_t file = inode_of(disk, "f");
    struct statx statx;

    (void)state;
    assert_int_equal(disk_link(disk, DISK_ROOT, "f", DISK_ROOT, "d/g"), 0);
    assert_int_equal(disk_stat(disk, file, "", AT_EMPTY_PATH, &statx), 0);
    assert_int_equal(statx.stx_mode, S_IFREG | 0600);
    assert_int_equal(statx.stx_nlink, 2);
    assert_int_equal(statx.stx_size, 1);
    assert_int_equal(statx.stx_blocks, 1);
    assert_int_equal(disk_stat(disk, DISK_ROOT, "d", 0, &statx), 0);
    assert_int_equal(statx.stx_mode, S_IFDIR | 0700);
    assert_int_equal(statx.stx_nlink, 3);
    assert_int_equal(disk_stat(disk, DISK_ROOT, "l", 0, &statx), 0);
    assert_int_equal(statx.stx_ino, file);
    assert_int_equal(
        disk_stat(disk, DISK_ROOT, "l", AT_SYMLINK_NOFOLLOW, &statx), 0);
    assert_true(S_ISLNK(statx.stx_mode));
    assert_int_equal(statx.stx_size, 1);
    disk_destroy(disk);
}

static void what_is_deleted_lives_as_long_as_it_is_held(void **state)
{
    struct disk_config config = {DISK_STRICT, DISK_SECTOR, 3};
    struct disk *disk = disk_create(&config);
    uint32_t inode = rig_open(disk, "a", O_RDWR | O_CREAT);
    uint32_t other = rig_open(disk, "b", O_RDWR | O_CREAT);
    char byte = 'x';

    (void)state;
    assert_int_equal(disk_write(disk, inode, 0, "y", 1), 1);
    rig_unlink(disk, "a");
    assert_int_equal(disk_read(disk, inode, 0, &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_int_equal(disk_write(disk, other, 0, "z", 1), -ENOSPC);
    assert_int_equal(disk_mkdir(disk, DISK_ROOT, "d", 0), -ENOSPC);
    disk_hold(disk, inode);
    disk_release(disk, inode);
    assert_int_equal(disk_mkdir(disk, DISK_ROOT, "d", 0), -ENOSPC);
    disk_release(disk, inode);
    assert_int_equal(disk_write(disk, other, 0, "z", 1), 1);
    assert_int_equal(disk_mkdir(disk, DISK_ROOT, "d", 0), 0);
    disk_destroy(disk);
}

static void nothing_is_made_in_a_removed_directory(void **state)
{
    struct disk *disk = tree();
    uint32_t dir = rig_open(disk, "d/e", DIR_READ);
    uint64_t cursor = 0;
    uint32_t inode;
    char bytes[100];

    (void)state;
    assert_int_equal(disk_unlink(disk, DISK_ROOT, "d/e", AT_REMOVEDIR), 0);
    assert_int_equal(disk_open(disk, dir, "x", MAKE, 0600, 0, &inode), -ENOENT);
    assert_int_equal(disk_mkdir(disk, dir, "x", 0700), -ENOENT);
    assert_int_equal(disk_symlink(disk, "f", dir, "x"), -ENOENT);
    assert_int_equal(disk_link(disk, DISK_ROOT, "f", dir, "x"), -ENOENT);
    assert_int_equal(disk_rename(disk, DISK_ROOT, "f", dir, "x", 0), -ENOENT);
    assert_int_equal(disk_list(disk, dir, &cursor, bytes, sizeof(bytes)),
                     -ENOENT);
    disk_destroy(disk);
}

static void two_names_of_one_file_are_not_renamed(void **state)
{
    struct disk *disk = tree();

    (void)state;
    assert_int_equal(disk_link(disk, DISK_ROOT, "f", DISK_ROOT, "g"), 0);
    rig_rename(disk, "f", "g", 0);
    rig_expect(disk, "f g", "f=f g=f");
    disk_destroy(disk);
}

static void a_moved_directory_has_a_new_parent(void **state)
{
    struct disk *disk = tree();

    (void)state;
    rig_mkdir(disk, "new");
    rig_rename(disk, "d/e", "new/e", 0);
    assert_int_equal(inode_of(disk, "new/e/.."), inode_of(disk, "new"));
    rig_rename(disk, "new/e", "d/f", RENAME_EXCHANGE);
    assert_int_equal(inode_of(disk, "d/f/.."), inode_of(disk, "d"));
    rig_expect(disk, "new/e", "new/e=in d");
    disk_destroy(disk);
}

/* Room of old names is used again: what is there keeps its name. */
static void names_stay_while_many_others_go(void **state)
{
    struct disk *disk = tree();
    char path[64];

    (void)state;
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(path, sizeof(path), "a-name-that-is-not-short-%d", i);
        rig_write(disk, path, 0, "");
        rig_unlink(disk, path);
        rig_sync(disk, "/");
    }
    rig_expect(disk, "d/f f l d/up/f d/top/d/f",
               "d/f=in d f=f l=f d/up/f=f d/top/d/f=in d");
    assert_int_equal(disk_unlink(disk, DISK_ROOT, "d/e", AT_REMOVEDIR), 0);
    disk_destroy(disk);
}

/* --- listings --- */

/* Names met from @cursor on in calls of @len bytes, at most @calls. */
static int list(struct disk *disk, uint32_t dir, uint64_t *cursor, size_t len,
                int calls, int *met)
{
    _Alignas(8) char bytes[1024];
    int64_t count = 1;
    int sum = 0;

    assert_true(len <= sizeof(bytes));
    for (int i = 0; i < calls && count > 0; i++) {
        count = disk_list(disk, dir, cursor, bytes, len);
        assert_true(count >= 0);
        for (int64_t at = 0; at < count; sum++) {
            struct dirent64 *entry = (struct dirent64 *)(bytes + at);

            if (entry->d_name[0] == 'n') {
                met[atoi(entry->d_name + 1)]++;
            }
            assert_int_equal(entry->d_reclen % 8, 0);
            at += entry->d_reclen;
        }
    }
    return sum;
}

static void name_number(struct disk *disk, int number, bool make)
{
    char path[32];

    (void)snprintf(path, sizeof(path), "d/n%d", number);
    if (make) {
        rig_write(disk, path, 0, "");
    } else {
        rig_unlink(disk, path);
    }
}

/* Before each call on the way, a name goes and another comes. */
static void a_name_that_stays_is_listed_once_whatever_comes_and_goes(
    void **state)
{
    (void)state;
    for (size_t len = 32; len <= 256; len += 16) {
        struct disk *disk = rig_disk(DISK_STRICT);
        uint64_t cursor = 0;
        int met[64] = {0};
        uint32_t dir;

        rig_mkdir(disk, "d");
        dir = rig_open(disk, "d", DIR_READ);
        for (int i = 0; i < 20; i++) {
            name_number(disk, i, true);
        }
        for (int i = 0; i < 10; i++) {
            (void)list(disk, dir, &cursor, len, 1, met);
            name_number(disk, 2 * i, false);
            name_number(disk, 20 + i, true);
            rig_rename(disk, "d/n20", "d/n1", 0);
            rig_rename(disk, "d/n1", "d/n3", RENAME_EXCHANGE);
            name_number(disk, 20, true);
        }
        (void)list(disk, dir, &cursor, len, 1000, met);
        for (int i = 1; i < 20; i += 2) {
            assert_int_equal(met[i], 1);
        }
        for (int i = 0; i < 20; i += 2) {
            assert_true(met[i] <= 1);
        }
        disk_destroy(disk);
    }
}

static void a_listing_begins_with_the_dots_and_ends(void **state)
{
    struct disk *disk = tree();
    uint32_t dir = rig_open(disk, "d", DIR_READ);
    uint32_t file = rig_open(disk, "f", O_RDONLY);
    uint64_t cursor = 0;
    int met[64];
    char bytes[100];

    (void)state;
    assert_int_equal(disk_list(disk, dir, &cursor, bytes, 10), -EINVAL);
    assert_int_equal(cursor, 0);
    assert_int_equal(list(disk, dir, &cursor, 24, 2, met), 2);
    assert_int_equal(cursor, 2);
    assert_int_equal(list(disk, dir, &cursor, 1024, 9, met), 4);
    assert_int_equal(disk_list(disk, dir, &cursor, bytes, 10), 0);
    assert_int_equal(disk_list(disk, file, &cursor, bytes, 100), -ENOTDIR);
    disk_destroy(disk);
}

TEST_MAIN(
    cmocka_unit_test(each_open_that_cannot_be_is_refused),
    cmocka_unit_test(each_rename_that_cannot_be_is_refused),
    cmocka_unit_test(each_other_call_that_cannot_be_is_refused),
    cmocka_unit_test(each_path_leads_where_it_should),
    cmocka_unit_test(a_directory_can_be_the_end_of_the_world),
    cmocka_unit_test(a_link_to_nothing_makes_its_target),
    cmocka_unit_test(forty_links_are_followed_and_no_more),
    cmocka_unit_test(stat_says_what_is_there),
    cmocka_unit_test(what_is_deleted_lives_as_long_as_it_is_held),
    cmocka_unit_test(nothing_is_made_in_a_removed_directory),
    cmocka_unit_test(two_names_of_one_file_are_not_renamed),
    cmocka_unit_test(a_moved_directory_has_a_new_parent),
    cmocka_unit_test(names_stay_while_many_others_go),
    cmocka_unit_test(a_name_that_stays_is_listed_once_whatever_comes_and_goes),
    cmocka_unit_test(a_listing_begins_with_the_dots_and_ends))
