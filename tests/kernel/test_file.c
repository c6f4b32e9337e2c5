/* SPDX-License-Identifier: MIT */
/* test_file.c - sentences of pirn/file.h, on the running kernel */
#include "tests/kernel/ring.h"

#include <linux/stat.h>
#include <stdatomic.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int open_new(struct ring *ring, const char *name)
{
    struct pirn_op op = {0};

    pirn_prep_open(&op, ring->dir_fd, name, O_CREAT | O_EXCL | O_RDWR, 0640);
    return pirn_wait(ring->context, &op);
}

static void close_fd(struct ring *ring, int fd)
{
    struct pirn_op op = {0};

    pirn_prep_close(&op, fd);
    assert_int_equal(pirn_wait(ring->context, &op), 0);
}

static void write_then_sync_then_read_back(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    char back[8] = "";
    int fd = open_new(ring, "a");

    assert_true(fd >= 0);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    pirn_prep_write(&op, fd, "hello", 5, 2);
    assert_int_equal(pirn_wait(ring->context, &op), 5);
    pirn_prep_fsync(&op, fd, PIRN_SYNC_DATA);
    assert_int_equal(pirn_wait(ring->context, &op), 0);
    pirn_prep_fsync(&op, fd, PIRN_SYNC_ALL);
    assert_int_equal(pirn_wait(ring->context, &op), 0);
    pirn_prep_read(&op, fd, back, sizeof(back), 0);
    assert_int_equal(pirn_wait(ring->context, &op), 7); /* short at the end */
    assert_memory_equal(back, "\0\0hello", 7);
    pirn_prep_read(&op, fd, back, sizeof(back), 7);
    assert_int_equal(pirn_wait(ring->context, &op), 0);
    pirn_prep_fsync(&op, ring->dir_fd, PIRN_SYNC_ALL);
    assert_int_equal(pirn_wait(ring->context, &op), 0);
    close_fd(ring, fd);
}

enum { CACHESTAT = 451 }; /* Linux 6.5 */

/* Pages of the first @len bytes that are not on their disk yet; 0 where the
 * kernel does not tell. */
static uint64_t dirty_pages(int fd, uint64_t len)
{
    const uint64_t range[2] = {0, len};
    uint64_t stat[5] = {0}; /* cached, dirty, written back, evicted, recently */

    if (syscall(CACHESTAT, fd, range, stat, 0) < 0) {
        assert_true(errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM);
        return 0;
    }
    return stat[1] + stat[2];
}

static void what_is_written_durably_is_not_dirty(void **state)
{
    static char bytes[3 * 4096];
    const struct iovec pieces[] = {{bytes, 5000}, {bytes + 5000, 7288}};
    struct ring *ring = *state;
    struct pirn_op op = {0};
    char back[sizeof(bytes)];
    int fd = open_new(ring, "a");

    memset(bytes, 'd', sizeof(bytes));
    pirn_prep_write_durable(&op, fd, bytes, sizeof(bytes), 0);
    assert_int_equal(pirn_wait(ring->context, &op), sizeof(bytes));
    assert_int_equal(dirty_pages(fd, sizeof(bytes)), 0);
    bytes[5000] = 'e';
    pirn_prep_write_durable(&op, fd, bytes + 5000, 1, 5000);
    assert_int_equal(pirn_wait(ring->context, &op), 1);
    assert_int_equal(dirty_pages(fd, sizeof(bytes)), 0);
    bytes[100] = bytes[9000] = 'f';
    pirn_prep_writev_durable(&op, fd, pieces, 2, 0);
    assert_int_equal(pirn_wait(ring->context, &op), sizeof(bytes));
    assert_int_equal(dirty_pages(fd, sizeof(bytes)), 0);
    pirn_prep_read(&op, fd, back, sizeof(back), 0);
    assert_int_equal(pirn_wait(ring->context, &op), sizeof(back));
    assert_memory_equal(back, bytes, sizeof(back));
    pirn_prep_write_durable(&op, -1, bytes, 1, 0);
    assert_int_equal(pirn_wait(ring->context, &op), -EBADF);
    close_fd(ring, fd);
}

/* A ring links writes that follow each other, and none of these. */
static void a_durable_write_is_a_step_that_no_ring_links(void **state)
{
    static char bytes[4096];
    struct ring *ring = *state;
    struct pirn_op write = {0};
    struct pirn_op durable = {0};
    struct pirn_op gathered = {0};
    const struct iovec piece = {bytes, sizeof(bytes)};
    struct pirn_op *const steps[] = {&write, &durable};
    struct pirn_chain chain = {0};
    int fd = open_new(ring, "a");

    pirn_prep_write(&write, fd, bytes, sizeof(bytes), 0);
    pirn_prep_write_durable(&durable, fd, bytes, sizeof(bytes), sizeof(bytes));
    if (!ring_is_plain() && !ring_has_pool()) {
        assert_true(pirn__context_joins(ring->context, &write, &write));
        assert_false(pirn__context_joins(ring->context, &write, &durable));
        assert_false(pirn__context_joins(ring->context, &durable, &write));
        pirn_prep_writev_durable(&gathered, fd, &piece, 1, 0);
        assert_false(pirn__context_joins(ring->context, &gathered, &write));
        assert_false(pirn__context_joins(ring->context, &write, &gathered));
    }
    pirn_prep_chain(&chain, steps, 2);
    assert_int_equal(pirn_wait(ring->context, &chain.op), 0);
    assert_int_equal(lseek(fd, 0, SEEK_END), 2 * sizeof(bytes));
    close_fd(ring, fd);
}

static void offset_current_is_where_the_file_stands(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    char back[7] = "";
    int fd = open_new(ring, "a");

    pirn_prep_write(&op, fd, "abc", 3, PIRN_OFFSET_CURRENT);
    assert_int_equal(pirn_wait(ring->context, &op), 3);
    assert_int_equal(pirn_wait(ring->context, &op), 3); /* again */
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    pirn_prep_read(&op, fd, back, 6, PIRN_OFFSET_CURRENT);
    assert_int_equal(pirn_wait(ring->context, &op), 6);
    assert_string_equal(back, "abcabc");
    close_fd(ring, fd);
}

static void pieces_are_gathered_and_scattered(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    char left[4] = "";
    char right[4] = "";
    char one[] = "one";
    char two[] = "two";
    const struct iovec out[] = {{one, 3}, {two, 3}};
    const struct iovec in[] = {{left, 2}, {right, 3}};
    int fd = open_new(ring, "a");

    pirn_prep_writev(&op, fd, out, 2, 1);
    assert_int_equal(pirn_wait(ring->context, &op), 6);
    pirn_prep_readv(&op, fd, in, 2, 1);
    assert_int_equal(pirn_wait(ring->context, &op), 5);
    assert_string_equal(left, "on");
    assert_string_equal(right, "etw");
    close_fd(ring, fd);
}

static void size_can_be_reserved_and_set(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    struct statx statx;
    int fd = open_new(ring, "a");

    pirn_prep_fallocate(&op, fd, 0, 0, 8192);
    assert_int_equal(pirn_wait(ring->context, &op), 0);
    pirn_prep_stat(&op, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &statx);
    assert_int_equal(pirn_wait(ring->context, &op), 0);
    assert_int_equal(statx.stx_size, 8192);
    assert_int_equal(statx.stx_mode & 0777, 0640);
    pirn_prep_truncate(&op, fd, 10);
    assert_int_equal(pirn_wait(ring->context, &op), 0);
    pirn_prep_stat(&op, ring->dir_fd, "a", 0, STATX_SIZE, &statx);
    assert_int_equal(pirn_wait(ring->context, &op), 0);
    assert_int_equal(statx.stx_size, 10);
    close_fd(ring, fd);
}

static int32_t open_beneath(struct ring *ring, const char *path, int flags)
{
    struct pirn_op op = {0};
    int32_t r;

    pirn_prep_open_beneath(&op, ring->dir_fd, path, flags, 0600);
    r = pirn_wait(ring->context, &op);
    if (r >= 0) {
        close_fd(ring, r);
    }
    return r;
}

static void open_beneath_never_leaves_its_directory(void **state)
{
    struct ring *ring = *state;

    assert_int_equal(mkdirat(ring->dir_fd, "sub", 0700), 0);
    assert_int_equal(symlinkat("sub", ring->dir_fd, "link"), 0);
    assert_int_equal(symlinkat("/etc", ring->dir_fd, "etc"), 0);
    assert_true(open_beneath(ring, "sub/new", O_CREAT | O_WRONLY) >= 0);
    assert_true(open_beneath(ring, "sub/new", O_RDONLY) >= 0);
    assert_true(open_beneath(ring, "sub/../sub/new", O_RDONLY) >= 0);
    assert_int_equal(open_beneath(ring, "..", O_RDONLY), -EXDEV);
    assert_int_equal(open_beneath(ring, "sub/../../x", O_RDONLY), -EXDEV);
    assert_int_equal(open_beneath(ring, "/etc/passwd", O_RDONLY), -EXDEV);
    assert_int_equal(open_beneath(ring, "etc/passwd", O_RDONLY), -ELOOP);
    assert_int_equal(open_beneath(ring, "link/new", O_RDONLY), -ELOOP);
    assert_int_equal(open_beneath(ring, "none", O_RDONLY), -ENOENT);
}

/* Each keeps its own flags while all are on their way. */
static void many_open_beneath_at_once(void **state)
{
    struct ring *ring = *state;
    struct note notes[20] = {0};
    mode_t mask = umask(0);
    char names[20][8];
    struct stat stat;

    for (int i = 0; i < 20; i++) {
        snprintf(names[i], sizeof(names[i]), "n%d", i);
        pirn_prep_open_beneath(&notes[i].op, ring->dir_fd, names[i],
                               i % 2 ? O_RDONLY : O_CREAT | O_WRONLY,
                               0600 + (uint32_t)i % 8);
        note_start(ring->context, &notes[i]);
    }
    assert_int_equal(pirn_context_drain(ring->context), 0);
    umask(mask);
    for (int i = 0; i < 20; i++) {
        if (i % 2) {
            assert_int_equal(notes[i].result, -ENOENT);
        } else {
            assert_int_equal(fstat(notes[i].result, &stat), 0);
            assert_int_equal(stat.st_mode & 0777, 0600 + i % 8);
            close(notes[i].result);
        }
    }
}

static int32_t lock(struct ring *ring, int fd, uint64_t offset, uint64_t len,
                    enum pirn_lock what)
{
    struct pirn_op op = {0};

    pirn_prep_lock(&op, fd, offset, len, what);
    return pirn_wait(ring->context, &op);
}

static void locks_belong_to_descriptions(void **state)
{
    struct ring *ring = *state;
    int one = open_new(ring, "a");
    int two = openat(ring->dir_fd, "a", O_RDWR | O_CLOEXEC);
    int again = fcntl(one, F_DUPFD_CLOEXEC, 0);

    assert_int_equal(lock(ring, one, 7, 1, PIRN_LOCK_EXCLUSIVE), 0);
    assert_int_equal(lock(ring, two, 7, 1, PIRN_LOCK_EXCLUSIVE), -EAGAIN);
    assert_int_equal(lock(ring, two, 7, 1, PIRN_LOCK_SHARED), -EAGAIN);
    assert_int_equal(lock(ring, two, 8, 1, PIRN_LOCK_EXCLUSIVE), 0);
    assert_int_equal(lock(ring, two, 6, 0, PIRN_LOCK_SHARED), -EAGAIN);
    assert_int_equal(lock(ring, again, 7, 1, PIRN_LOCK_EXCLUSIVE), 0);

    close_fd(ring, one); /* its duplicate holds on */
    assert_int_equal(lock(ring, two, 7, 1, PIRN_LOCK_EXCLUSIVE), -EAGAIN);
    close_fd(ring, again);
    assert_int_equal(lock(ring, two, 7, 1, PIRN_LOCK_EXCLUSIVE), 0);
    one = openat(ring->dir_fd, "a", O_RDWR | O_CLOEXEC);
    assert_int_equal(lock(ring, two, 7, 1, PIRN_LOCK_RELEASE), 0);
    assert_int_equal(lock(ring, one, 7, 1, PIRN_LOCK_SHARED), 0);
    assert_int_equal(lock(ring, two, 7, 1, PIRN_LOCK_SHARED), 0);
    close_fd(ring, one);
    close_fd(ring, two);
}

/* A process, and two maps in another: one file, one memory. */
static void mapped_memory_is_shared_by_processes(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    _Atomic uint32_t *words = NULL;
    _Atomic uint32_t *again = NULL;
    uint32_t back = 0;
    int status = -1;
    int fd = open_new(ring, "a");
    pid_t child;

    pirn_prep_fallocate(&op, fd, 0, 0, 8192);
    assert_int_equal(pirn_wait(ring->context, &op), 0);
    assert_int_equal(pirn_map_shared(ring->context, fd, 8192, (void **)&words),
                     0);
    assert_int_equal(pirn_map_shared(ring->context, fd, 8192, (void **)&again),
                     0);
    close_fd(ring, fd);
    assert_int_equal(words[2047], 0);
    child = fork();
    if (child == 0) {
        atomic_fetch_add(&words[2047], 7);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(words[2047], 7);
    assert_int_equal(again[2047], 7);
    pirn_unmap_shared(ring->context, words, 8192);
    pirn_unmap_shared(ring->context, again, 8192);

    fd = openat(ring->dir_fd, "a", O_RDONLY | O_CLOEXEC);
    pirn_prep_read(&op, fd, &back, sizeof(back), 8188);
    assert_int_equal(pirn_wait(ring->context, &op), sizeof(back));
    assert_int_equal(back, 7);
    close_fd(ring, fd);
}

static int map(struct ring *ring, int fd)
{
    void *untouched = ring;
    int r = pirn_map_shared(ring->context, fd, 4096, &untouched);

    assert_true(r == 0 || untouched == ring);
    return r;
}

static void what_cannot_be_mapped_is_an_error(void **state)
{
    struct ring *ring = *state;
    int fd;

    ring_put(ring, "a", "a");
    fd = openat(ring->dir_fd, "a", O_RDONLY | O_CLOEXEC);
    assert_int_equal(map(ring, fd), -EACCES);
    close(fd);
    assert_int_equal(map(ring, fd), -EBADF);
    fd = openat(ring->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(map(ring, fd) < 0);
    close(fd);
}

/* Where the file system can say at all; tmpfs cannot. */
static void what_is_in_memory_is_had_without_a_turn(void **state)
{
    struct ring *ring = *state;
    char text[16] = {0};

    ring_put(ring, "a", "0123456789");
    int fd = openat(ring->dir_fd, "a", O_RDONLY | O_CLOEXEC);
    int32_t r = pirn_read_cached(ring->context, fd, text, 4, 3);
    if (r != -EOPNOTSUPP) {
        assert_int_equal(r, 4);
        assert_string_equal(text, "3456");
        assert_int_equal(
            pirn_read_cached(ring->context, fd, text, sizeof(text), 8), 2);
        assert_memory_equal(text, "8956", 4);
        assert_int_equal(pirn_read_cached(ring->context, fd, text, 1, 10), 0);
    }
    close(fd);
    assert_int_equal(pirn_read_cached(ring->context, fd, text, 1, 0), -EBADF);
}

static void room_is_what_the_file_system_says(void **state)
{
    struct ring *ring = *state;
    struct pirn_room room;
    struct statvfs stat;
    struct pirn_op op = {0};

    assert_int_equal(fstatvfs(ring->dir_fd, &stat), 0);
    pirn_prep_room(&op, ring->dir_fd, &room);
    assert_int_equal(pirn_wait(ring->context, &op), 0);
    assert_int_equal(room.block_bytes, stat.f_frsize);
    assert_int_equal(room.bytes, stat.f_blocks * stat.f_frsize);
    assert_int_equal(room.inodes, stat.f_files);
    assert_true(room.free_bytes <= room.bytes);
    assert_true(room.free_inodes <= room.inodes);
    pirn_prep_room(&op, -1, &room);
    assert_int_equal(pirn_wait(ring->context, &op), -EBADF);
}

static void bad_descriptor_is_a_result(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    const int bad = 1 << 20;
    char byte = 0;

    pirn_prep_read(&op, bad, &byte, 1, 0);
    assert_int_equal(pirn_wait(ring->context, &op), -EBADF);
    pirn_prep_write(&op, bad, &byte, 1, 0);
    assert_int_equal(pirn_wait(ring->context, &op), -EBADF);
    pirn_prep_fsync(&op, bad, PIRN_SYNC_ALL);
    assert_int_equal(pirn_wait(ring->context, &op), -EBADF);
    pirn_prep_close(&op, bad);
    assert_int_equal(pirn_wait(ring->context, &op), -EBADF);
    pirn_prep_lock(&op, bad, 0, 1, PIRN_LOCK_SHARED);
    assert_int_equal(pirn_wait(ring->context, &op), -EBADF);
    pirn_prep_open(&op, ring->dir_fd, "none", O_RDONLY, 0);
    assert_int_equal(pirn_wait(ring->context, &op), -ENOENT);
}

static void cancel_ends_a_read_that_would_never_end(void **state)
{
    struct ring *ring = *state;
    struct note note = {0};
    char byte;
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pirn_prep_read(&note.op, fds[0], &byte, 1, PIRN_OFFSET_CURRENT);
    note_start(ring->context, &note);
    assert_int_equal(pirn_context_turn(ring->context, 0), 0);
    pirn_cancel(ring->context, &note.op);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(note.calls, 1);
    assert_int_equal(note.result, -ECANCELED);
    close(fds[0]);
    close(fds[1]);
}

enum { FLOOD = 3000 };

/* More than submissions and completions have room for, all at once. */
static void thousands_at_once_all_end(void **state)
{
    struct ring *ring = *state;
    struct note *notes = calloc(FLOOD, sizeof(*notes));
    int fds[2];
    static char bytes[FLOOD];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    for (int i = 0; i < FLOOD; i++) {
        pirn_prep_read(&notes[i].op, fds[0], &bytes[i], 1, PIRN_OFFSET_CURRENT);
        note_start(ring->context, &notes[i]);
    }
    assert_true(pirn_context_turn(ring->context, 0) >= 0);
    assert_int_equal(write(fds[1], bytes, FLOOD), FLOOD);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    for (int i = 0; i < FLOOD; i++) {
        assert_int_equal(notes[i].calls, 1);
        assert_int_equal(notes[i].result, 1);
    }
    free(notes);
    close(fds[0]);
    close(fds[1]);
}

RING_TEST_MAIN(RING_TEST(write_then_sync_then_read_back),
               RING_TEST(what_is_written_durably_is_not_dirty),
               RING_TEST(a_durable_write_is_a_step_that_no_ring_links),
               RING_TEST(offset_current_is_where_the_file_stands),
               RING_TEST(pieces_are_gathered_and_scattered),
               RING_TEST(size_can_be_reserved_and_set),
               RING_TEST(open_beneath_never_leaves_its_directory),
               RING_TEST(many_open_beneath_at_once),
               RING_TEST(locks_belong_to_descriptions),
               RING_TEST(mapped_memory_is_shared_by_processes),
               RING_TEST(what_cannot_be_mapped_is_an_error),
               RING_TEST(what_is_in_memory_is_had_without_a_turn),
               RING_TEST(room_is_what_the_file_system_says),
               RING_TEST(bad_descriptor_is_a_result),
               RING_TEST(cancel_ends_a_read_that_would_never_end),
               RING_TEST(thousands_at_once_all_end))
