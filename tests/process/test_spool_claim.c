/* SPDX-License-Identifier: MIT */
/*
 * test_spool_claim.c - many processes, one queue, each item to exactly one
 *
 * The parent never makes a context: it forks, reads what the children tell by
 * pipes and counts. A child tells an item when it has it, before it ends it.
 * Nothing is asserted in a child; its exit code says what went wrong.
 */
#include "test.h"

#include <errno.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <pirn/context.h>
#include <pirn/spool.h>

enum { CLAIMERS = 8, LANES = 8, CHILD_REFUSED = TEST_SKIP };

/* What a child tells: one item that it has. Below PIPE_BUF, so never torn. */
struct told {
    struct pirn_id id;
    uint32_t attempts;
    uint32_t child;
};

struct child {
    struct pirn_context *context;
    struct pirn_spool *spool;
    uint32_t index;
    int pipe;
    bool keeps; /* what it has claimed, until it is killed */
    int failure;
};

struct lane {
    struct child *child;
    struct pirn_claim claim;
};

static char path[64];

static int begin(struct child *child, bool create)
{
    const struct pirn_spool_config config = {.path = path, .create = create};
    int r = pirn_context_create(NULL, &child->context);

    if (r < 0) {
        return CHILD_REFUSED;
    }
    r = pirn_spool_open(child->context, &config, &child->spool);
    return r < 0 ? 1 : 0;
}

static int end(struct child *child)
{
    pirn_spool_close(child->spool);
    pirn_context_destroy(child->context);
    return child->failure;
}

/* ---- a producer ---- */

struct item {
    struct child *child;
    struct pirn_draft draft;
    unsigned *left;
};

static void put_next(struct item *item);

static void put_one(struct pirn_op *op, int32_t result)
{
    struct item *item = pirn_container_of(op, struct item, draft.op);

    item->child->failure = result < 0 ? 2 : item->child->failure;
    put_next(item);
}

static void put_next(struct item *item)
{
    if (*item->left > 0) {
        --*item->left;
        pirn_prep_enqueue(&item->draft, item->child->spool, "incoming", "body",
                          4, NULL);
        pirn_start(item->child->context, &item->draft.op, put_one);
    }
}

static int produce(unsigned count)
{
    struct child child = {.pipe = -1};
    struct item items[64] = {0};
    int r = begin(&child, true);

    if (r != 0) {
        return r;
    }
    for (unsigned i = 0; i < 64; i++) {
        items[i].child = &child;
        items[i].left = &count;
        put_next(&items[i]);
    }
    return pirn_context_drain(child.context) < 0 ? 3 : end(&child);
}

/* ---- a claimer ---- */

static void claim_next(struct lane *lane);

static void removed(struct pirn_op *op, int32_t result)
{
    struct lane *lane = pirn_container_of(op, struct lane, claim.op);

    lane->child->failure = result < 0 ? 4 : lane->child->failure;
    claim_next(lane);
}

static void claimed(struct pirn_op *op, int32_t result)
{
    struct lane *lane = pirn_container_of(op, struct lane, claim.op);
    struct child *child = lane->child;

    if (result != 1) {
        child->failure = result < 0 ? 5 : child->failure;
        return; /* nothing is ready: the lane has ended */
    }
    struct told told = {lane->claim.item.id, lane->claim.item.attempts,
                        child->index};
    if (write(child->pipe, &told, sizeof(told)) != sizeof(told)) {
        child->failure = 6;
    }
    if (child->keeps) {
        lane = calloc(1, sizeof(*lane));
        lane->child = child;
        claim_next(lane);
        return;
    }
    pirn_prep_remove(&lane->claim);
    pirn_start(child->context, &lane->claim.op, removed);
}

static void claim_next(struct lane *lane)
{
    pirn_prep_claim(&lane->claim, lane->child->spool, "incoming");
    pirn_start(lane->child->context, &lane->claim.op, claimed);
}

static int claim_all(uint32_t index, int out, bool keeps)
{
    struct child child = {.index = index, .pipe = out, .keeps = keeps};
    struct lane lanes[LANES] = {0};
    int r = begin(&child, false);

    if (r != 0) {
        return r;
    }
    for (unsigned i = 0; i < LANES; i++) {
        lanes[i].child = &child;
        claim_next(&lanes[i]);
    }
    if (pirn_context_drain(child.context) < 0) {
        return 3;
    }
    if (keeps) {
        (void)pause();
    }
    return end(&child);
}

/* ---- the parent ---- */

static int code_of(pid_t pid)
{
    int status = 0;

    if (waitpid(pid, &status, 0) != pid) {
        return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_producer(unsigned count)
{
    pid_t pid = fork();

    if (pid == 0) {
        _exit(produce(count));
    }
    return code_of(pid);
}

static pid_t fork_claimer(uint32_t index, const int pipe[2], bool keeps)
{
    pid_t pid = fork();

    if (pid == 0) {
        close(pipe[0]);
        _exit(claim_all(index, pipe[1], keeps));
    }
    return pid;
}

static int compare_told(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct pirn_id));
}

static uint32_t read_told(int in, struct told *told, uint32_t cap)
{
    uint32_t count = 0;

    while (count < cap &&
           read(in, &told[count], sizeof(*told)) == sizeof(*told)) {
        count++;
    }
    return count;
}

static unsigned doubles(struct told *told, uint32_t count)
{
    unsigned found = 0;

    qsort(told, count, sizeof(*told), compare_told);
    for (uint32_t i = 1; i < count; i++) {
        found += compare_told(&told[i - 1], &told[i]) == 0;
    }
    return found;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void eight_processes_have_each_item_exactly_once(void **state)
{
    enum { COUNT = 10000 };
    struct told *told = calloc(COUNT + 100, sizeof(*told));
    unsigned had[CLAIMERS] = {0};
    pid_t pids[CLAIMERS];
    int ends[2];

    (void)state;
    assert_int_equal(run_producer(COUNT), 0);
    assert_int_equal(pipe(ends), 0);
    double since = now();
    for (uint32_t i = 0; i < CLAIMERS; i++) {
        pids[i] = fork_claimer(i, ends, false);
    }
    close(ends[1]);
    uint32_t count = read_told(ends[0], told, COUNT + 100);
    close(ends[0]);
    for (uint32_t i = 0; i < CLAIMERS; i++) {
        assert_int_equal(code_of(pids[i]), 0);
    }
    printf("%u items to %d processes in %.2f s\n", count, CLAIMERS,
           now() - since);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(told[i].attempts, 0);
        had[told[i].child]++;
    }
    for (uint32_t i = 0; i < CLAIMERS; i++) {
        printf("  process %u had %u\n", i, had[i]);
    }
    assert_int_equal(doubles(told, count), 0);
    assert_int_equal(count, COUNT);
    free(told);
}

static void what_a_killed_claimer_had_comes_back(void **state)
{
    enum { COUNT = 1000, ENOUGH = 300 };
    struct told *had = calloc(COUNT, sizeof(*had));
    struct told *told = calloc(COUNT, sizeof(*told));
    uint32_t count = 0;
    uint32_t again = 0;
    int dead[2];
    int ends[2];

    (void)state;
    assert_int_equal(run_producer(COUNT), 0);
    assert_int_equal(pipe(dead), 0);
    pid_t pid = fork_claimer(0, dead, true);
    close(dead[1]);
    assert_int_equal(read_told(dead[0], had, ENOUGH), ENOUGH);
    assert_int_equal(kill(pid, SIGKILL), 0); /* in the middle of claiming */
    assert_int_equal(code_of(pid), 128 + SIGKILL);

    double since = now();
    assert_int_equal(pipe(ends), 0);
    while (count < COUNT && now() - since < 10) {
        pid = fork_claimer(1, ends, false);
        assert_int_equal(code_of(pid), 0);
        struct told one;
        fd_set readable;
        for (;;) {
            struct timeval none = {0};
            FD_ZERO(&readable);
            FD_SET(ends[0], &readable);
            if (select(ends[0] + 1, &readable, NULL, NULL, &none) != 1) {
                break;
            }
            assert_int_equal(read(ends[0], &one, sizeof(one)), sizeof(one));
            again += one.attempts > 0;
            told[count++] = one;
        }
    }
    printf("all of a killed claimer's %u items had again after %.2f s "
           "(promised: 1 s)\n",
           again, now() - since);
    assert_int_equal(count, COUNT);
    assert_true(again >= ENOUGH);
    assert_int_equal(doubles(told, count), 0);
    close(dead[0]);
    close(ends[0]);
    close(ends[1]);
    free(had);
    free(told);
}

static int remove_one(const char *name, const struct stat *stat, int type,
                      struct FTW *at)
{
    (void)stat;
    (void)type;
    (void)at;
    return remove(name);
}

static int setup(void **state)
{
    const char *tmp = getenv("TMPDIR");

    (void)state;
    snprintf(path, sizeof(path), "%s/pirn-claim-XXXXXX", tmp ? tmp : "/tmp");
    return mkdtemp(path) == NULL ? -1 : 0;
}

static int teardown(void **state)
{
    (void)state;
    return nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(eight_processes_have_each_item_exactly_once),
        T(what_a_killed_claimer_had_comes_back),
    };

    setup(NULL);
    int code = run_producer(0);
    teardown(NULL);
    if (code == CHILD_REFUSED) {
        fprintf(stderr, "skipped: io_uring is refused\n");
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
