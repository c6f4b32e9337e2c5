/* SPDX-License-Identifier: MIT */
/* test_path.c - sentences of pirn/path.h, on the running kernel */
#include "tests/kernel/ring.h"

#include <linux/fs.h>
#include <sys/wait.h>

static int32_t wait_for(struct ring *ring, struct pirn_op *op)
{
    return pirn_wait(ring->context, op);
}

static void names_are_given_and_taken(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    int fd = ring->dir_fd;

    ring_put(ring, "a", "a");
    ring_put(ring, "b", "b");
    pirn_prep_mkdir(&op, fd, "sub", 0700);
    assert_int_equal(wait_for(ring, &op), 0);
    assert_int_equal(wait_for(ring, &op), -EEXIST);
    pirn_prep_rename(&op, fd, "a", fd, "b", RENAME_NOREPLACE);
    assert_int_equal(wait_for(ring, &op), -EEXIST);
    pirn_prep_rename(&op, fd, "a", fd, "b", 0);
    assert_int_equal(wait_for(ring, &op), 0);
    assert_false(ring_has(ring, "a"));
    pirn_prep_link(&op, fd, "b", fd, "sub/c", 0);
    assert_int_equal(wait_for(ring, &op), 0);
    assert_true(ring_has(ring, "sub/c"));
    pirn_prep_symlink(&op, "sub/c", fd, "link");
    assert_int_equal(wait_for(ring, &op), 0);
    assert_true(ring_has(ring, "link"));
    pirn_prep_unlink(&op, fd, "sub", AT_REMOVEDIR);
    assert_int_equal(wait_for(ring, &op), -ENOTEMPTY);
    pirn_prep_unlink(&op, fd, "sub/c", 0);
    assert_int_equal(wait_for(ring, &op), 0);
    assert_int_equal(wait_for(ring, &op), -ENOENT);
    pirn_prep_unlink(&op, fd, "sub", AT_REMOVEDIR);
    assert_int_equal(wait_for(ring, &op), 0);
    assert_false(ring_has(ring, "sub"));
}

/* Threads of this process, those of the kernel's workers included. */
static int count_threads(void)
{
    DIR *dir = opendir("/proc/self/task");
    int count = 0;

    while (dir != NULL && readdir(dir) != NULL) {
        count++;
    }
    closedir(dir);
    return count;
}

static int open_fifo(struct pirn_context *context, int dir_fd, int flags)
{
    struct pirn_op op = {0};

    pirn_prep_open(&op, dir_fd, "fifo", flags, 0);
    return pirn_wait(context, &op);
}

/* In a child: 0, if a byte went in. */
static int write_by_operation(const struct ring *ring)
{
    struct pirn_context *context;
    struct pirn_op op = {0};
    int32_t r = -1;
    int fd;

    if (pirn__context_create_on(ring_chosen(), NULL, &context) == 0) {
        fd = open_fifo(context, ring->dir_fd, O_RDWR);
        pirn_prep_write(&op, fd, "o", 1, PIRN_OFFSET_CURRENT);
        r = pirn_wait(context, &op);
        pirn_context_destroy(context);
    }
    return r == 1 ? 0 : 1;
}

static int write_by_call(const struct ring *ring)
{
    int fd = openat(ring->dir_fd, "fifo", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    return write(fd, "c", 1) == 1 ? 0 : 1;
}

static void wait_for_another_process(struct ring *ring, int fd,
                                     int (*write_one)(const struct ring *ring),
                                     char expected)
{
    struct note note = {0};
    char bytes[8] = "";
    int threads = count_threads();
    int status = -1;
    pid_t child;

    pirn_prep_read(&note.op, fd, bytes, sizeof(bytes), PIRN_OFFSET_CURRENT);
    note_start(ring->context, &note);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(pirn_context_turn(ring->context, 0), 0);
    }
    assert_in_range(count_threads(), 1, threads);
    child = fork();
    if (child == 0) {
        _exit(write_one(ring));
    }
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(note.result, 1);
    assert_int_equal(bytes[0], expected);
}

static void cancel_a_read(struct ring *ring, int fd)
{
    struct note note = {0};
    char byte;

    pirn_prep_read(&note.op, fd, &byte, 1, PIRN_OFFSET_CURRENT);
    note_start(ring->context, &note);
    assert_int_equal(pirn_context_turn(ring->context, 0), 0);
    pirn_cancel(ring->context, &note.op);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(note.result, -ECANCELED);
}

static void processes_wake_each_other_by_a_fifo(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    struct stat stat;
    mode_t mask = umask(0);

    pirn_prep_fifo(&op, ring->dir_fd, "fifo", 0620);
    assert_int_equal(wait_for(ring, &op), 0);
    umask(mask);
    assert_int_equal(wait_for(ring, &op), -EEXIST);
    assert_int_equal(fstatat(ring->dir_fd, "fifo", &stat, 0), 0);
    assert_int_equal(stat.st_mode, S_IFIFO | 0620);
    for (int i = 0; i < 2; i++) {
        int fd = open_fifo(ring->context, ring->dir_fd,
                           i == 0 ? O_RDWR : O_RDWR | O_NONBLOCK);

        assert_true(fd >= 0);
        wait_for_another_process(ring, fd, write_by_operation, 'o');
        cancel_a_read(ring, fd);
        wait_for_another_process(ring, fd, write_by_call, 'c');
        close(fd);
    }
}

enum { ENTRIES = 1000 };

static void thousand_entries_are_listed_once_each(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    _Alignas(8) static char buf[4096];
    bool seen[ENTRIES] = {false};
    int32_t len;
    int fd;

    for (int i = 0; i < ENTRIES; i++) {
        char name[16];

        snprintf(name, sizeof(name), "%d", i);
        ring_put(ring, name, "");
    }
    fd = openat(ring->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pirn_prep_list(&op, fd, buf, sizeof(buf));
    while ((len = wait_for(ring, &op)) > 0) {
        struct pirn_entry entry;
        uint32_t at = 0;

        while (pirn_entry_next(buf, (uint32_t)len, &at, &entry)) {
            int i = atoi(entry.name);

            assert_in_range(i, 0, ENTRIES - 1);
            assert_false(seen[i]);
            seen[i] = true;
            assert_true(entry.type == DT_REG || entry.type == DT_UNKNOWN);
        }
    }
    assert_int_equal(len, 0);
    for (int i = 0; i < ENTRIES; i++) {
        assert_true(seen[i]);
    }
    close(fd);
}

static void listing_of_what_is_no_directory_is_a_result(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    _Alignas(8) char buf[512];
    int fd;

    ring_put(ring, "a", "");
    fd = openat(ring->dir_fd, "a", O_RDONLY | O_CLOEXEC);
    pirn_prep_list(&op, fd, buf, sizeof(buf));
    assert_int_equal(wait_for(ring, &op), -ENOTDIR);
    close(fd);
}

/* What the ring cannot do is done in place, and reaped like the rest. */
static void calls_in_place_end_in_a_turn(void **state)
{
    struct ring *ring = *state;
    struct note notes[200] = {0};
    _Alignas(8) static char bufs[200][512];
    int fd = openat(ring->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    for (int i = 0; i < 200; i++) {
        pirn_prep_list(&notes[i].op, fd, bufs[i], 512);
        note_start(ring->context, &notes[i]);
    }
    assert_int_equal(notes[0].calls, 0);
    if (ring_is_plain()) { /* there it is a worker's */
        assert_int_equal(pirn_context_drain(ring->context), 0);
    } else {
        assert_int_equal(pirn_context_turn(ring->context, PIRN_FOREVER), 200);
    }
    assert_int_equal(pirn_context_loaned(ring->context), 0);
    close(fd);
}

RING_TEST_MAIN(RING_TEST(names_are_given_and_taken),
               RING_TEST(processes_wake_each_other_by_a_fifo),
               RING_TEST(thousand_entries_are_listed_once_each),
               RING_TEST(listing_of_what_is_no_directory_is_a_result),
               RING_TEST(calls_in_place_end_in_a_turn))
