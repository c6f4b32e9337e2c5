/* SPDX-License-Identifier: MIT */
/*
 * test_model_disk.c - the model disk answers as the running kernel does
 *
 * Method: random calls on a few short paths, on a directory of this machine and
 * on a model disk at once; each call must end with the same result or the same
 * error on both, and now and then the two trees are compared name by name. What
 * the model has no answer for (times, owners, links counted for directories) is
 * not compared. PIRN_SEED=N begins with the same number.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/sim/model/disk.h"

enum { STEPS = 20000, TREE_EVERY = 200 };

struct pair {
    struct disk *disk;
    uint64_t random;
    uint32_t opened;
    int dir_fd;
    char path[4096];
};

/* xorshift64* */
static uint32_t draw(struct pair *pair, uint32_t below)
{
    pair->random ^= pair->random >> 12;
    pair->random ^= pair->random << 25;
    pair->random ^= pair->random >> 27;
    return (uint32_t)(pair->random * 0x2545f4914f6cdd1d >> 33) % below;
}

static bool one_in(struct pair *pair, uint32_t n)
{
    return draw(pair, n) == 0;
}

/* One to three of four names. Nothing leads out of the directory: ".." only
 * stands behind a name, and no link leads to "." (targets, below). */
static void draw_path(struct pair *pair, char *path)
{
    uint32_t depth = 1 + draw(pair, 3);
    size_t len = 0;

    for (uint32_t i = 0; i < depth; i++) {
        if (i > 0) {
            path[len++] = '/';
        }
        path[len++] = (char)('a' + draw(pair, 4));
        if (one_in(pair, 20)) {
            len += (size_t)sprintf(path + len, "/../%c",
                                   (int)('a' + draw(pair, 4)));
        }
        if (one_in(pair, 30)) {
            len += (size_t)sprintf(path + len, "%s",
                                   one_in(pair, 2) ? "/." : "//.//");
        }
    }
    (void)sprintf(path + len, "%s", one_in(pair, 15) ? "/" : "");
}

/* Both results are the same; else which call differs. */
static void agree(const char *call, const char *path, const char *other,
                  int64_t model, int64_t real)
{
    if (model != real) {
        fail_msg("%s %s %s: the model says %lld, the kernel %lld", call, path,
                 other, (long long)model, (long long)real);
    }
}

static int result_of(long returned)
{
    return returned < 0 ? -errno : (int)returned;
}

/* Of "..", the kernel may say that it has to be asked again (openat2(2)). */
static int open_real(struct pair *pair, const char *path, int flags,
                     uint64_t resolve)
{
    struct open_how how = {
        .flags = (unsigned)flags | O_CLOEXEC,
        .mode = flags & O_CREAT ? 0640 : 0,
        .resolve = resolve,
    };
    int fd;

    do {
        fd = result_of(
            syscall(SYS_openat2, pair->dir_fd, path, &how, sizeof(how)));
    } while (fd == -EAGAIN);
    return fd;
}

static int open_both(struct pair *pair, const char *path, int flags,
                     uint64_t resolve, int *ret_fd, uint32_t *ret_inode)
{
    char text[64];
    int result =
        disk_open(pair->disk, DISK_ROOT, path, flags, 0640, resolve, ret_inode);

    *ret_fd = open_real(pair, path, flags, resolve);
    (void)snprintf(text, sizeof(text), "open %#o %#llx", (unsigned)flags,
                   (unsigned long long)resolve);
    agree(text, path, "", result, *ret_fd < 0 ? *ret_fd : 0);
    pair->opened += result == 0;
    return result;
}

/* What can be done with an open file. */
static void use_both(struct pair *pair, int fd, uint32_t inode)
{
    char bytes[700];
    char other[700];
    uint64_t offset = draw(pair, 1500);
    uint64_t len = draw(pair, sizeof(bytes));

    memset(bytes, (int)('A' + draw(pair, 26)), sizeof(bytes));
    switch (draw(pair, 3)) {
    case 0:
        assert_int_equal(disk_write(pair->disk, inode, offset, bytes, len),
                         pwrite(fd, bytes, len, (off_t)offset));
        break;
    case 1:
        assert_int_equal(disk_truncate(pair->disk, inode, offset),
                         result_of(ftruncate(fd, (off_t)offset)));
        break;
    case 2:
        assert_int_equal(
            disk_fallocate(pair->disk, inode, 0, offset, len),
            result_of(fallocate(fd, 0, (off_t)offset, (off_t)len)));
        break;
    }
    len = (uint64_t)pread(fd, other, sizeof(other), (off_t)offset / 2);
    assert_int_equal(disk_read(pair->disk, inode, offset / 2, bytes, 700), len);
    assert_memory_equal(bytes, other, len);
}

static void try_open(struct pair *pair, const char *path)
{
    static const int more[] = {O_CREAT, O_CREAT, O_EXCL,     O_TRUNC,
                               O_PATH,  0,       O_NOFOLLOW, O_DIRECTORY};
    static const uint64_t rules[] = {0, 0, 0, RESOLVE_BENEATH,
                                     RESOLVE_NO_SYMLINKS};
    int flags = one_in(pair, 3) ? O_RDONLY : O_RDWR;
    uint32_t inode;
    struct stat stat;
    int fd;

    flags |= more[draw(pair, 8)] | more[draw(pair, 8)];
    if (flags & O_PATH) {
        flags &= O_PATH | O_NOFOLLOW | O_DIRECTORY; /* openat2 is strict */
    }
    if ((flags & (O_EXCL | O_CREAT)) == O_EXCL) {
        flags &= ~O_EXCL; /* means nothing */
    }
    if (open_both(pair, path, flags, rules[draw(pair, 5)], &fd, &inode) < 0) {
        return;
    }
    assert_int_equal(fstat(fd, &stat), 0);
    if (S_ISREG(stat.st_mode) && (flags & O_ACCMODE) == O_RDWR) {
        use_both(pair, fd, inode);
    }
    assert_int_equal(close(fd), 0);
    disk_release(pair->disk, inode);
}

static void try_rename(struct pair *pair, const char *path, const char *other)
{
    static const unsigned flags[] = {0, RENAME_NOREPLACE, RENAME_EXCHANGE};
    unsigned flag = flags[draw(pair, 3)];

    agree(flag == 0   ? "rename"
          : flag == 1 ? "NOREPLACE"
                      : "EXCHANGE",
          path, other,
          disk_rename(pair->disk, DISK_ROOT, path, DISK_ROOT, other, flag),
          result_of(renameat2(pair->dir_fd, path, pair->dir_fd, other, flag)));
}

static void try_names(struct pair *pair, const char *path, const char *other)
{
    static const char *targets[] = {"a", "b/c", "c", "d/a/b"};
    const char *target = targets[draw(pair, 4)];
    int flags = one_in(pair, 3) ? AT_REMOVEDIR : 0;
    struct disk *disk = pair->disk;
    int fd = pair->dir_fd;

    switch (draw(pair, 8)) {
    case 0:
        agree("unlink", path, flags ? "dir" : "",
              disk_unlink(disk, DISK_ROOT, path, flags),
              result_of(unlinkat(fd, path, flags)));
        break;
    case 1:
        agree("link", path, other,
              disk_link(disk, DISK_ROOT, path, DISK_ROOT, other),
              result_of(linkat(fd, path, fd, other, 0)));
        break;
    case 2:
        if (one_in(pair, 4)) {
            agree("symlink", path, target,
                  disk_symlink(disk, target, DISK_ROOT, path),
                  result_of(symlinkat(target, fd, path)));
        }
        break;
    case 3:
    case 4:
        agree("mkdir", path, "", disk_mkdir(disk, DISK_ROOT, path, 0750),
              result_of(mkdirat(fd, path, 0750)));
        break;
    default:
        try_rename(pair, path, other);
        break;
    }
}

static void compare_at(struct pair *pair, const char *path)
{
    struct statx real;
    struct statx model;
    int result = result_of(statx(pair->dir_fd, path, AT_SYMLINK_NOFOLLOW,
                                 STATX_BASIC_STATS, &real));

    assert_int_equal(
        disk_stat(pair->disk, DISK_ROOT, path, AT_SYMLINK_NOFOLLOW, &model),
        result);
    if (result == 0) {
        assert_int_equal(model.stx_mode, real.stx_mode);
    }
    if (result == 0 && !S_ISDIR(real.stx_mode)) {
        assert_int_equal(model.stx_size, real.stx_size);
        assert_int_equal(model.stx_nlink, real.stx_nlink);
    }
}

static void compare_trees(struct pair *pair)
{
    char path[8];

    for (int i = 0; i < 64; i++) {
        (void)sprintf(path, "%c/%c/%c", 'a' + i % 4, 'a' + i / 4 % 4,
                      'a' + i / 16);
        compare_at(pair, path);
        path[3] = '\0';
        compare_at(pair, path);
        path[1] = '\0';
        compare_at(pair, path);
    }
}

static void every_call_ends_as_in_the_kernel(void **state)
{
    struct pair *pair = *state;

    for (int i = 0; i < STEPS; i++) {
        char path[64];
        char other[64];

        draw_path(pair, path);
        draw_path(pair, other);
        if (one_in(pair, 2)) {
            try_open(pair, path);
        } else {
            try_names(pair, path, other);
        }
        if (i % TREE_EVERY == 0) {
            compare_trees(pair);
        }
    }
    assert_true(pair->opened > STEPS / 20); /* there was something to find */
}

static int make_pair(void **state)
{
    static struct pair pair;
    struct disk_config config = {DISK_STRICT, 1 << 26, 100000};
    const char *seed = getenv("PIRN_SEED");

    pair.random = seed ? strtoull(seed, NULL, 10) : 20261121;
    printf("PIRN_SEED=%llu\n", (unsigned long long)pair.random);
    pair.random |= 1ULL << 63;
    (void)umask(0);
    (void)snprintf(pair.path, sizeof(pair.path), "pirn-model-XXXXXX");
    if (mkdtemp(pair.path) == NULL) {
        return -1;
    }
    pair.dir_fd = open(pair.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pair.disk = disk_create(&config);
    *state = &pair;
    return pair.dir_fd < 0 ? -1 : 0;
}

static int remove_pair(void **state)
{
    struct pair *pair = *state;
    char command[5000];

    disk_destroy(pair->disk);
    (void)close(pair->dir_fd);
    (void)snprintf(command, sizeof(command), "rm -rf -- '%s'", pair->path);
    return system(command);
}

static int open_beneath(const char *path)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC,
                           .resolve = RESOLVE_BENEATH};
    long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));

    return fd < 0 ? -1 : close((int)fd);
}

/* The model is a file system that can do these; not every one can. */
static const char *lacking(void)
{
    char path[] = "pirn-model-XXXXXX";
    int fd = mkstemp(path);
    const char *lacks = NULL;

    if (fd < 0) {
        return "files in the current directory";
    }
    if (fallocate(fd, 0, 0, 1) < 0) {
        lacks = "fallocate";
    } else if (renameat2(AT_FDCWD, path, AT_FDCWD, path, RENAME_EXCHANGE) < 0) {
        lacks = "RENAME_EXCHANGE";
    } else if (open_beneath(path) < 0) {
        lacks = "openat2";
    }
    (void)close(fd);
    (void)unlink(path);
    return lacks;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_call_ends_as_in_the_kernel,
                                        make_pair, remove_pair),
    };
    const char *lacks = lacking();

    if (lacks != NULL) {
        printf("there is no %s here\n", lacks);
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
