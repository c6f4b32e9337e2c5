/* SPDX-License-Identifier: MIT */
/*
 * test_workers.c - the kernel's workers are bounded
 *
 * Opening a FIFO keeps a worker until somebody opens its other end. More such
 * opens are started than workers are allowed; the workers are threads of ours,
 * and are counted by their names.
 */
#include "tests/kernel/ring.h"

enum { WORKERS = 3, OPENS = 24, TURNS = 10, TURN_NS = 5000000 };

static int count_workers(void)
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
                     strncmp(name, "iou-wrk", 7) == 0;
            fclose(file);
        }
    }
    if (tasks != NULL) {
        closedir(tasks);
    }
    return count;
}

static void workers_are_bounded(void **state)
{
    struct pirn_context_config config = {.engine = PIRN_ENGINE_URING,
                                         .files = PIRN_FILES_RING,
                                         .worker_max = WORKERS};
    static struct note notes[OPENS];
    struct ring *ring = *state;
    struct pirn_context *context;
    int most = 0;

    assert_int_equal(pirn_context_create(&config, &context), 0);
    assert_int_equal(mkfifoat(ring->dir_fd, "fifo", 0600), 0);
    for (int i = 0; i < OPENS; i++) {
        pirn_prep_open(&notes[i].op, ring->dir_fd, "fifo", O_RDONLY | O_CREAT,
                       0600);
        note_start(context, &notes[i]);
    }
    for (int i = 0; i < TURNS; i++) {
        int count;

        assert_true(pirn_context_turn(context, TURN_NS) >= 0);
        count = count_workers();
        most = count > most ? count : most;
    }
    for (int i = 0; i < OPENS; i++) {
        pirn_cancel(context, &notes[i].op);
    }
    assert_int_equal(pirn_context_drain(context), 0);
    pirn_context_destroy(context);
    print_message("%d workers at most\n", most);
    assert_in_range(most, 1, WORKERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {RING_TEST(workers_are_bounded)};

    if (ring_is_plain() || ring_has_pool()) {
        print_message("skipped: the kernel has workers for rings only\n");
        return TEST_SKIP;
    }
    return ring_is_refused() ? TEST_SKIP
                             : cmocka_run_group_tests(tests, NULL, NULL);
}
