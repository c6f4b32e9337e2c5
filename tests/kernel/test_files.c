/* SPDX-License-Identifier: MIT */
/*
 * test_files.c - what works on files, in threads beside the ring
 *
 * What is the same under every policy is tested by the other files, with
 * PIRN_FILES=pool in the environment.
 */
#include "tests/kernel/ring.h"

#include <poll.h>

enum { WAIT_MS = 20000 };

static struct pirn_context *pooled(uint32_t worker_max)
{
    const struct pirn_context_config config = {.engine = PIRN_ENGINE_URING,
                                               .files = PIRN_FILES_POOL,
                                               .worker_max = worker_max};
    struct pirn_context *context;

    assert_int_equal(pirn_context_create(&config, &context), 0);
    return context;
}

/* A config asks, the environment decides. */
static void the_policy_can_be_asked_for_and_is_told(void **state)
{
    struct pirn_context_config config = {.files = PIRN_FILES_POOL};
    struct pirn_context *context = NULL;
    const char *before = getenv("PIRN_FILES");
    char *kept = before ? strdup(before) : NULL;

    (void)state;
    unsetenv("PIRN_FILES");
    assert_int_equal(pirn_context_create(&config, &context), 0);
    assert_string_equal(pirn_context_files(context), "pool");
    context = pirn_context_destroy(context);
    setenv("PIRN_FILES", "ring", 1);
    assert_int_equal(pirn_context_create(&config, &context), 0);
    assert_string_equal(pirn_context_files(context), "ring");
    context = pirn_context_destroy(context);
    setenv("PIRN_FILES", "cloud", 1);
    assert_int_equal(pirn_context_create(&config, &context), -EINVAL);
    unsetenv("PIRN_FILES");
    config.files = PIRN_FILES_AUTO;
    assert_int_equal(pirn_context_create(&config, &context), 0);
    assert_string_equal(pirn_context_files(context),
                        ring_is_plain() ? "pool" : "both");
    context = pirn_context_destroy(context);
    config.files = (enum pirn_files)3;
    assert_int_equal(pirn_context_create(&config, &context), -EINVAL);
    if (kept != NULL) {
        setenv("PIRN_FILES", kept, 1);
        free(kept);
    }
}

struct commit {
    struct pirn_op steps[6];
    struct pirn_op *order[6];
    struct pirn_chain chain;
};

static void prepare(struct commit *commit, int dir_fd, const char *name)
{
    pirn_prep_open(&commit->steps[0], dir_fd, "tmp",
                   O_CREAT | O_EXCL | O_WRONLY, 0600);
    pirn_prep_write(&commit->steps[1], PIRN_FD_OF(0), "body", 4, 0);
    pirn_prep_fsync(&commit->steps[2], PIRN_FD_OF(0), PIRN_SYNC_ALL);
    pirn_prep_rename(&commit->steps[3], dir_fd, "tmp", dir_fd, name, 0);
    pirn_prep_close(&commit->steps[4], PIRN_FD_OF(0));
    pirn_step_when(&commit->steps[4], PIRN_STEP_ALWAYS);
    pirn_prep_unlink(&commit->steps[5], dir_fd, "tmp", 0);
    pirn_step_when(&commit->steps[5], PIRN_STEP_UNDO);
    for (int i = 0; i < 6; i++) {
        commit->order[i] = &commit->steps[i];
    }
    pirn_prep_chain(&commit->chain, commit->order, 6);
}

static int count_threads(const char *prefix)
{
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    int count = 0;

    while (tasks != NULL && (task = readdir(tasks)) != NULL) {
        char path[300];
        char name[16] = "";
        FILE *file;

        snprintf(path, sizeof(path), "/proc/self/task/%s/comm", task->d_name);
        file = fopen(path, "r");
        if (file != NULL) {
            count += fgets(name, sizeof(name), file) != NULL &&
                     strncmp(name, prefix, strlen(prefix)) == 0;
            fclose(file);
        }
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    return count;
}

static void a_commit_meets_no_worker_of_the_kernels(void **state)
{
    struct ring *ring = *state;
    struct pirn_context *context = pooled(2);
    struct pirn_context_stats stats;
    struct commit commit = {0};

    prepare(&commit, ring->dir_fd, "name");
    assert_int_equal(pirn_wait(context, &commit.chain.op), 0);
    assert_int_equal(count_threads("iou-wrk"), 0);
    assert_true(ring_has(ring, "name"));
    assert_false(ring_has(ring, "tmp"));
    pirn_context_stats(context, &stats);
    assert_int_equal(stats.submitted, 6);
    pirn_context_destroy(context);
}

/* They fail, and run in any case: what they do is not the question. */
static void steps_in_a_row_are_one_threads(void **state)
{
    const struct pirn_context_config config = {.engine = PIRN_ENGINE_URING};
    struct ring *ring = *state;
    struct pirn_op steps[4] = {0};
    struct pirn_op *order[4];
    struct pirn_chain chain = {0};
    struct pirn_context *context;

    assert_int_equal(pirn_context_create(&config, &context), 0);
    for (int i = 0; i < 4; i++) {
        pirn_prep_unlink(&steps[i], ring->dir_fd, "none", 0);
        pirn_step_when(&steps[i], PIRN_STEP_ALWAYS);
        order[i] = &steps[i];
    }
    pirn_prep_chain(&chain, order, 4);
    assert_int_equal(pirn_wait(context, &chain.op), 0);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pirn_op_result(&steps[i]), -ENOENT);
    }
    assert_int_equal(count_threads("iou-wrk"), 0);
    pirn_context_destroy(context);
}

static void a_failed_commit_is_undone(void **state)
{
    struct ring *ring = *state;
    struct pirn_context *context = pooled(2);
    struct commit commit = {0};
    int fd_count = count_descriptors();

    prepare(&commit, ring->dir_fd, "missing/name");
    assert_int_equal(pirn_wait(context, &commit.chain.op), -ENOENT);
    assert_int_equal(pirn_chain_failed(&commit.chain), 3);
    assert_int_equal(pirn_op_result(&commit.steps[4]), 0);
    assert_int_equal(pirn_op_result(&commit.steps[5]), 0);
    assert_false(ring_has(ring, "tmp"));
    assert_int_equal(count_descriptors(), fd_count);
    pirn_context_destroy(context);
}

static void ended(struct pirn_op *op, int32_t result)
{
    (void)op; /* the chain is idle then, and has the result */
    (void)result;
}

/* The only worker opens a FIFO; the step that reads from it is the ring's. */
static void who_waits_for_a_peer_holds_no_worker(void **state)
{
    struct ring *ring = *state;
    struct pirn_context *context = pooled(1);
    struct pirn_op steps[3] = {0};
    struct pirn_op *order[3] = {&steps[0], &steps[1], &steps[2]};
    struct pirn_chain chain = {0};
    struct note sync = {0};
    char byte = 0;
    int fd;

    assert_int_equal(mkfifoat(ring->dir_fd, "fifo", 0600), 0);
    pirn_prep_open(&steps[0], ring->dir_fd, "fifo", O_RDWR | O_CREAT, 0600);
    pirn_prep_read(&steps[1], PIRN_FD_OF(0), &byte, 1, 0);
    pirn_prep_close(&steps[2], PIRN_FD_OF(0));
    pirn_step_when(&steps[2], PIRN_STEP_ALWAYS);
    pirn_chain_start(context, &chain, order, 3, ended);
    pirn_prep_fsync(&sync.op, ring->dir_fd, PIRN_SYNC_ALL);
    assert_int_equal(pirn_wait(context, &sync.op), 0);
    assert_false(pirn_op_is_idle(&chain.op));
    fd = openat(ring->dir_fd, "fifo", O_WRONLY | O_NONBLOCK);
    while (fd < 0) { /* until the chain has opened it */
        assert_true(pirn_context_turn(context, PIRN_FOREVER) >= 0);
        fd = openat(ring->dir_fd, "fifo", O_WRONLY | O_NONBLOCK);
    }
    assert_int_equal(write(fd, "b", 1), 1);
    close(fd);
    assert_int_equal(pirn_context_drain(context), 0);
    assert_int_equal(pirn_op_result(&chain.op), 0);
    assert_int_equal(byte, 'b');
    pirn_context_destroy(context);
}

static void a_job_wakes_the_loop_that_hosts_the_context(void **state)
{
    struct ring *ring = *state;
    struct pirn_context *context = pooled(1);
    struct pollfd ask = {pirn_context_fd(context), POLLIN, 0};

    assert_true(ask.fd >= 0);
    for (int i = 0; i < 500; i++) {
        struct note sync = {0};

        pirn_prep_fsync(&sync.op, ring->dir_fd, PIRN_SYNC_ALL);
        note_start(context, &sync);
        while (sync.calls == 0) {
            if (pirn_context_deadline_ns(context) != 0) {
                assert_int_equal(poll(&ask, 1, WAIT_MS), 1);
            }
            assert_true(pirn_context_turn(context, 0) >= 0);
        }
        assert_int_equal(sync.result, 0);
    }
    pirn_context_destroy(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RING_TEST(the_policy_can_be_asked_for_and_is_told),
        RING_TEST(a_commit_meets_no_worker_of_the_kernels),
        RING_TEST(steps_in_a_row_are_one_threads),
        RING_TEST(a_failed_commit_is_undone),
        RING_TEST(who_waits_for_a_peer_holds_no_worker),
        RING_TEST(a_job_wakes_the_loop_that_hosts_the_context),
    };
    const char *files = getenv("PIRN_FILES");

    if (ring_skip_all()) {
        return TEST_SKIP;
    }
    if (files != NULL && strcmp(files, "pool") != 0) {
        print_message("skipped: PIRN_FILES asks for another policy\n");
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
