/* SPDX-License-Identifier: MIT */
/*
 * test_chain.c - a chain commits a file, or leaves nothing of it
 *
 * Each test runs twice on the running kernel: with linked runs and without.
 */
#include "tests/kernel/ring.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { OPEN, WRITE, FSYNC, RENAME, SYNC_DIR, CLOSE, UNLINK, STEPS };

/* A commit, with what a test spoils in it. */
struct commit {
    struct pirn_op steps[STEPS];
    struct pirn_op *order[STEPS];
    struct pirn_chain chain;
    const char *tmp;
    const char *name;
    int sync_fd; /* synced instead of the file; 0: the file */
    char body[100];
};

static void ended(struct pirn_op *op, int32_t result)
{
    (void)op; /* the chain is idle then, and has the result */
    (void)result;
}

static void prepare(struct commit *commit, const struct ring *ring)
{
    struct pirn_op *steps = commit->steps;
    int dir = ring->dir_fd;
    const char *tmp = commit->tmp ? commit->tmp : "tmp";
    const char *name = commit->name ? commit->name : "name";

    memset(commit->body, 'x', sizeof(commit->body));
    pirn_prep_open(&steps[OPEN], dir, tmp, O_CREAT | O_EXCL | O_WRONLY, 0600);
    pirn_prep_write(&steps[WRITE], PIRN_FD_OF(OPEN), commit->body,
                    sizeof(commit->body), 0);
    pirn_prep_fsync(&steps[FSYNC],
                    commit->sync_fd ? commit->sync_fd : PIRN_FD_OF(OPEN),
                    PIRN_SYNC_ALL);
    pirn_prep_rename(&steps[RENAME], dir, tmp, dir, name, 0);
    pirn_prep_fsync(&steps[SYNC_DIR], dir, PIRN_SYNC_ALL);
    pirn_prep_close(&steps[CLOSE], PIRN_FD_OF(OPEN));
    pirn_prep_unlink(&steps[UNLINK], dir, tmp, 0);
    pirn_step_when(&steps[CLOSE], PIRN_STEP_ALWAYS);
    pirn_step_when(&steps[UNLINK], PIRN_STEP_UNDO);
    for (int i = 0; i < STEPS; i++) {
        commit->order[i] = &steps[i];
    }
    pirn_prep_chain(&commit->chain, commit->order, STEPS);
}

static int32_t carry_out(struct commit *commit, const struct ring *ring)
{
    prepare(commit, ring);
    return pirn_wait(ring->context, &commit->chain.op);
}

static void assert_nothing_is_left(const struct ring *ring)
{
    assert_false(ring_has(ring, "tmp"));
    assert_false(ring_has(ring, "name"));
    assert_int_equal(count_descriptors(), ring->fd_count_within);
}

static void committed_file_has_its_name_and_all_its_bytes(void **state)
{
    struct ring *ring = *state;
    struct commit commit = {0};
    struct stat stat;
    int fds = count_descriptors();

    for (int i = 0; i < 3; i++) { /* and again: it replaces */
        assert_int_equal(carry_out(&commit, ring), 0);
        assert_int_equal(fstatat(ring->dir_fd, "name", &stat, 0), 0);
        assert_int_equal(stat.st_size, 100);
        assert_false(ring_has(ring, "tmp"));
        assert_int_equal(count_descriptors(), fds);
    }
}

static void failed_open_publishes_nothing(void **state)
{
    struct commit commit = {.tmp = "missing/tmp"};

    assert_int_equal(carry_out(&commit, *state), -ENOENT);
    assert_int_equal(pirn_chain_failed(&commit.chain), OPEN);
    assert_nothing_is_left(*state);
}

/* The limit cuts the first write short, and fails its continuation. */
static void failed_write_publishes_nothing(void **state)
{
    const struct rlimit tight = {60, RLIM_INFINITY};
    const struct rlimit wide = {RLIM_INFINITY, RLIM_INFINITY};
    struct commit commit = {0};
    int32_t r;

    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    r = carry_out(&commit, *state);
    setrlimit(RLIMIT_FSIZE, &wide);
    assert_int_equal(r, -EFBIG);
    assert_int_equal(pirn_chain_failed(&commit.chain), WRITE);
    assert_int_equal(pirn_op_result(&commit.steps[FSYNC]), -ECANCELED);
    assert_int_equal(pirn_op_result(&commit.steps[RENAME]), -ECANCELED);
    assert_nothing_is_left(*state);
}

static void failed_fsync_of_a_pipe_publishes_nothing(void **state)
{
    struct commit commit = {0};
    int32_t r;
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    commit.sync_fd = fds[0];
    r = carry_out(&commit, *state);
    close(fds[0]);
    close(fds[1]);
    assert_int_equal(r, -EINVAL);
    assert_int_equal(pirn_chain_failed(&commit.chain), FSYNC);
    assert_int_equal(pirn_op_result(&commit.steps[WRITE]), 100);
    assert_int_equal(pirn_op_result(&commit.steps[RENAME]), -ECANCELED);
    assert_nothing_is_left(*state);
}

static void failed_fsync_of_a_socket_publishes_nothing(void **state)
{
    struct commit commit = {0};
    int32_t r;

    commit.sync_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    r = carry_out(&commit, *state);
    close(commit.sync_fd);
    assert_int_equal(r, -EINVAL);
    assert_int_equal(pirn_chain_failed(&commit.chain), FSYNC);
    assert_nothing_is_left(*state);
}

static void failed_rename_publishes_nothing(void **state)
{
    struct commit commit = {.name = "missing/name"};

    assert_int_equal(carry_out(&commit, *state), -ENOENT);
    assert_int_equal(pirn_chain_failed(&commit.chain), RENAME);
    assert_int_equal(pirn_op_result(&commit.steps[FSYNC]), 0);
    assert_nothing_is_left(*state);
}

/* Cancelled while it runs: whole, or nothing. */
static void cancelled_commit_is_whole_or_nothing(void **state)
{
    struct ring *ring = *state;
    int whole = 0;

    for (int turns = 0; turns < 8; turns++) {
        struct commit commit = {0};
        struct stat stat;

        prepare(&commit, ring);
        pirn_start(ring->context, &commit.chain.op, ended);
        for (int i = 0; i < turns; i++) {
            assert_true(pirn_context_turn(ring->context, 100000) >= 0);
        }
        pirn_cancel(ring->context, &commit.chain.op);
        assert_int_equal(pirn_context_drain(ring->context), 0);
        if (pirn_op_result(&commit.chain.op) == 0) {
            whole++;
            assert_int_equal(fstatat(ring->dir_fd, "name", &stat, 0), 0);
            assert_int_equal(stat.st_size, 100);
        } else if (pirn_chain_failed(&commit.chain) <= RENAME) {
            assert_false(ring_has(ring, "name"));
        }
        assert_false(ring_has(ring, "tmp"));
        unlinkat(ring->dir_fd, "name", 0);
        assert_nothing_is_left(ring);
    }
    print_message("%d of 8 were whole\n", whole);
}

/* What the kernel refuses before it begins would undo a linked run. */
static void step_refused_at_once_spares_those_before_it(void **state)
{
    struct ring *ring = *state;
    struct pirn_op steps[2] = {0};
    struct pirn_op *const order[] = {&steps[0], &steps[1]};
    struct pirn_chain chain = {0};
    char *path = calloc(1, 6000);
    int fd = openat(ring->dir_fd, "name", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

    memset(path, 'a', 5999);
    pirn_prep_write(&steps[0], fd, "hello", 5, 0);
    pirn_prep_unlink(&steps[1], ring->dir_fd, path, 0);
    pirn_prep_chain(&chain, order, 2);
    assert_int_equal(pirn_wait(ring->context, &chain.op), -ENAMETOOLONG);
    assert_int_equal(pirn_chain_failed(&chain), 1);
    assert_int_equal(pirn_op_result(&steps[0]), 5);
    assert_int_equal(lseek(fd, 0, SEEK_END), 5);
    close(fd);
    free(path);
}

static void short_read_does_not_stop_a_chain(void **state)
{
    struct ring *ring = *state;
    struct pirn_op steps[2] = {0};
    struct pirn_op *const order[] = {&steps[0], &steps[1]};
    struct pirn_chain chain = {0};
    char buf[100];
    int fd;

    ring_put(ring, "name", "hello");
    fd = openat(ring->dir_fd, "name", O_RDWR | O_CLOEXEC);
    pirn_prep_read(&steps[0], fd, buf, sizeof(buf), 0);
    pirn_prep_write(&steps[1], fd, "HELLO", 5, 0);
    pirn_prep_chain(&chain, order, 2);
    assert_int_equal(pirn_wait(ring->context, &chain.op), 0);
    assert_int_equal(pirn_op_result(&steps[0]), 5);
    assert_int_equal(pirn_op_result(&steps[1]), 5);
    close(fd);
}

/* Reads a pipe to its end, as long as bytes come. */
struct drinker {
    struct pirn_op op;
    struct pirn_context *context;
    char piece[5000];
    uint8_t *bytes;
    uint32_t len;
};

static void drink(struct pirn_op *op, int32_t result)
{
    struct drinker *drinker = pirn_container_of(op, struct drinker, op);

    if (result > 0) {
        memcpy(drinker->bytes + drinker->len, drinker->piece, (size_t)result);
        drinker->len += (uint32_t)result;
        pirn_start(drinker->context, op, drink);
    }
}

/* A pipe takes what it has room for. */
static void short_writes_go_on_until_all_is_there(void **state)
{
    enum { LEN = 1 << 20 };
    struct ring *ring = *state;
    struct drinker drinker = {.context = ring->context, .bytes = malloc(LEN)};
    struct pirn_op steps[2] = {0};
    struct pirn_op *const order[] = {&steps[0], &steps[1]};
    struct pirn_chain chain = {0};
    uint8_t *bytes = malloc(LEN);
    int32_t left;
    int ends[2];

    for (uint32_t i = 0; i < LEN; i++) {
        bytes[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    /* No step of a chain yet; and before Linux 6.4 a worker would write on
     * until somebody had read all. */
    assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    pirn_prep_write(&steps[0], ends[1], bytes, LEN, PIRN_OFFSET_CURRENT);
    left = pirn_wait(ring->context, &steps[0]);
    assert_in_range(left, 1, LEN - 1);
    assert_int_equal(fcntl(ends[0], F_SETFL, 0), 0);
    assert_int_equal(fcntl(ends[1], F_SETFL, 0), 0);
    while (left > 0) {
        left -= (int32_t)read(ends[0], drinker.piece, sizeof(drinker.piece));
    }
    pirn_prep_read(&drinker.op, ends[0], drinker.piece, sizeof(drinker.piece),
                   PIRN_OFFSET_CURRENT);
    pirn_prep_close(&steps[1], ends[1]);
    pirn_start(ring->context, &drinker.op, drink);
    pirn_prep_chain(&chain, order, 2);
    assert_int_equal(pirn_wait(ring->context, &chain.op), 0);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(pirn_op_result(&steps[0]), LEN);
    assert_int_equal(drinker.len, LEN);
    assert_memory_equal(drinker.bytes, bytes, LEN);
    close(ends[0]);
    free(drinker.bytes);
    free(bytes);
}

static void interrupt(int number)
{
    (void)number;
}

/* Twice in a millisecond, wherever the program is. */
static void signals_do_not_disturb_a_commit(void **state)
{
    const struct sigaction action = {.sa_handler = interrupt};
    const struct itimerval often = {{0, 500}, {0, 500}};
    const struct itimerval never = {{0, 0}, {0, 0}};
    int failures = 0;

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 50; i++) {
        struct commit commit = {0};

        failures += carry_out(&commit, *state) != 0;
    }
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_IGN); /* the last may be on its way yet */
    assert_int_equal(failures, 0);
    assert_true(ring_has(*state, "name"));
}

#define BOTH(name)                                                             \
    RING_TEST(name), cmocka_unit_test_setup_teardown(name, ring_setup_stepped, \
                                                     ring_teardown)

RING_TEST_MAIN(BOTH(committed_file_has_its_name_and_all_its_bytes),
               BOTH(failed_open_publishes_nothing),
               BOTH(failed_write_publishes_nothing),
               BOTH(failed_fsync_of_a_pipe_publishes_nothing),
               BOTH(failed_fsync_of_a_socket_publishes_nothing),
               BOTH(failed_rename_publishes_nothing),
               BOTH(cancelled_commit_is_whole_or_nothing),
               BOTH(step_refused_at_once_spares_those_before_it),
               BOTH(short_read_does_not_stop_a_chain),
               BOTH(short_writes_go_on_until_all_is_there),
               BOTH(signals_do_not_disturb_a_commit))
