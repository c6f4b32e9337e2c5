/* SPDX-License-Identifier: MIT */
/* test_jobs.c - which operations are jobs, and what is without memory */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "pirn/file.h"
#include "pirn/path.h"
#include "runtime/engine/jobs.h"
#include "runtime/engine/run.h"
#include "runtime/list.h"

enum { PAGE = 64, RUN = 3 };

struct bed {
    struct jobs jobs;
    struct pirn_link queue;
    struct pirn_link refused;
    struct pirn_op ops[PAGE + RUN];
    int dir_fd;
    int pipe[2];
};

static void nobody_sleeps(void *owner)
{
    (void)owner;
}

static int setup(void **state)
{
    const struct pool_config config = {1, POOL_IDLE_NS, nobody_sleeps, NULL};
    struct bed *bed = calloc(1, sizeof(*bed));

    *state = bed;
    list_init(&bed->queue);
    list_init(&bed->refused);
    bed->dir_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return pipe(bed->pipe) + pirn__jobs_init(&bed->jobs, &config, 1);
}

static int teardown(void **state)
{
    struct bed *bed = *state;

    pirn__jobs_stop(&bed->jobs);
    pirn__jobs_deinit(&bed->jobs);
    close(bed->dir_fd);
    close(bed->pipe[0]);
    close(bed->pipe[1]);
    free(bed);
    return 0;
}

static void enqueue(struct bed *bed, struct pirn_op *op, bool is_linked)
{
    op->priv.state = LOAN_QUEUED;
    op->priv.flags |= is_linked ? LOAN_LINKED : 0;
    list_push_tail(&bed->queue, &op->priv.link);
}

static bool take(struct bed *bed)
{
    return pirn__jobs_take(&bed->jobs, bed->queue.next, &bed->refused);
}

static void what_waits_for_a_peer_is_no_job(void **state)
{
    struct bed *bed = *state;
    struct pirn_op op = {0};
    char byte;

    pirn_prep_read(&op, bed->pipe[0], &byte, 1, PIRN_OFFSET_CURRENT);
    assert_false(pirn__run_is_job(&op.priv));
    pirn_prep_close(&op, bed->pipe[0]);
    assert_false(pirn__run_is_job(&op.priv));
    pirn_prep_splice(&op, bed->dir_fd, 0, bed->pipe[1], 0, 1, 0);
    assert_false(pirn__run_is_job(&op.priv));
    pirn_prep_nop(&op);
    assert_false(pirn__run_is_job(&op.priv));
    pirn_prep_read(&op, bed->dir_fd, &byte, 1, PIRN_OFFSET_CURRENT);
    assert_true(pirn__run_is_job(&op.priv));
}

/* Whether @op alone is a job. */
static bool take_one(struct bed *bed, struct pirn_op *op)
{
    bool is_taken;

    enqueue(bed, op, false);
    is_taken = take(bed);
    list_unlink(&op->priv.link);
    return is_taken;
}

static void what_the_cache_may_have_is_the_rings(void **state)
{
    struct bed *bed = *state;
    char byte;

    pirn_prep_read(&bed->ops[0], bed->dir_fd, &byte, 1, 0);
    pirn_prep_open(&bed->ops[1], bed->dir_fd, ".", O_RDONLY, 0);
    pirn_prep_open(&bed->ops[2], bed->dir_fd, ".", O_RDONLY | O_CREAT, 0);
    pirn_prep_fsync(&bed->ops[3], bed->dir_fd, PIRN_SYNC_ALL);
    assert_false(take_one(bed, &bed->ops[0]));
    assert_false(take_one(bed, &bed->ops[1]));
    assert_true(take_one(bed, &bed->ops[2]));
    assert_true(take_one(bed, &bed->ops[3]));
}

/* Whether @op, with one more behind it, is a job. */
static bool take_two(struct bed *bed, struct pirn_op *op)
{
    struct pirn_op *behind = &op[1];
    bool is_taken;

    pirn_prep_fsync(behind, bed->dir_fd, PIRN_SYNC_ALL);
    enqueue(bed, op, true);
    enqueue(bed, behind, false);
    is_taken = take(bed);
    list_unlink(&op->priv.link);
    list_unlink(&behind->priv.link);
    return is_taken;
}

static void where_runs_alone_are_jobs_the_rest_is_the_rings(void **state)
{
    struct bed *bed = *state;
    struct pirn_op *ops = bed->ops;
    char byte;

    bed->jobs.runs_alone = true;
    pirn_prep_fsync(&ops[0], bed->dir_fd, PIRN_SYNC_ALL);
    assert_false(take_one(bed, &ops[0]));
    pirn_prep_unlink(&ops[1], bed->dir_fd, "none", 0);
    assert_true(take_two(bed, &ops[1]));
    pirn_prep_open(&ops[3], bed->dir_fd, "none", O_RDWR | O_CREAT | O_EXCL, 0);
    assert_true(take_two(bed, &ops[3]));
    pirn_prep_open(&ops[5], bed->dir_fd, "fifo", O_RDWR | O_CREAT, 0);
    assert_false(take_two(bed, &ops[5]));
    pirn_prep_read(&ops[7], bed->dir_fd, &byte, 1, 0);
    assert_false(take_two(bed, &ops[7]));
}

static void fill_memory(struct bed *bed)
{
    for (int i = 0; i < PAGE; i++) {
        pirn_prep_fsync(&bed->ops[i], bed->dir_fd, PIRN_SYNC_ALL);
        assert_true(take_one(bed, &bed->ops[i]));
    }
    /* From now on a page is larger than all addresses there are. */
    bed->jobs.errands.pages.element_bytes = (size_t)1 << 41;
}

static void a_run_without_memory_ends_whole_and_nothing_of_it_begins(
    void **state)
{
    struct bed *bed = *state;
    struct pirn_op *ops = &bed->ops[PAGE];

    if (!MEMORY_MAY_END) {
        return;
    }
    fill_memory(bed);
    for (int i = 0; i < RUN; i++) {
        pirn_prep_fsync(&ops[i], bed->dir_fd, PIRN_SYNC_ALL);
        enqueue(bed, &ops[i], i + 1 < RUN);
    }
    assert_true(take(bed));
    assert_true(list_is_empty(&bed->queue));
    assert_int_equal(ops[0].priv.result, -ENOMEM);
    assert_int_equal(ops[1].priv.result, ENGINE_NOT_BEGUN);
    assert_int_equal(ops[2].priv.result, ENGINE_NOT_BEGUN);
    for (int i = 0; i < RUN; i++) {
        assert_ptr_equal(list_pop_head(&bed->refused), &ops[i].priv.link);
    }
}

static void one_without_memory_is_left_to_the_ring(void **state)
{
    struct bed *bed = *state;

    if (!MEMORY_MAY_END) {
        return;
    }
    fill_memory(bed);
    pirn_prep_fsync(&bed->ops[PAGE], bed->dir_fd, PIRN_SYNC_ALL);
    assert_false(take_one(bed, &bed->ops[PAGE]));
    assert_int_equal(bed->ops[PAGE].priv.state, LOAN_QUEUED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

TEST_MAIN(T(what_waits_for_a_peer_is_no_job),
          T(what_the_cache_may_have_is_the_rings),
          T(where_runs_alone_are_jobs_the_rest_is_the_rings),
          T(a_run_without_memory_ends_whole_and_nothing_of_it_begins),
          T(one_without_memory_is_left_to_the_ring))
