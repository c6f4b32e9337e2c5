/* SPDX-License-Identifier: MIT */
/*
 * test_plain_pool.c - a bounded number of threads for finite operations
 *
 * A job here reads one byte from a pipe, which the pool of an engine would
 * never be given: so the test holds the workers, and decides when each may go
 * on.
 */
#include "test.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "runtime/engine/engine.h"
#include "runtime/engine/pool.h"
#include "runtime/list.h"

enum { JOBS = 200, WORKERS = 3, WAIT_MS = 20000 };

struct bed {
    struct pool *pool;
    int doorbell;
    int gate[2];
    struct pirn_link done;
    uint32_t done_count;
    struct pirn_loan loans[JOBS];
    struct errand errands[JOBS];
    char bytes[JOBS];
};

static void ring(void *owner)
{
    const struct bed *bed = owner;
    uint64_t one = 1;

    if (write(bed->doorbell, &one, sizeof(one)) != sizeof(one)) {
        abort();
    }
}

static int setup_with(void **state, uint64_t idle_ns)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    const struct pool_config config = {WORKERS, idle_ns, ring, bed};

    alarm(60); /* nothing here waits long, unless it waits for ever */
    list_init(&bed->done);
    bed->doorbell = eventfd(0, EFD_CLOEXEC);
    *state = bed;
    if (pipe(bed->gate) != 0) {
        return -1;
    }
    return pirn__pool_create(&config, &bed->pool);
}

static int setup(void **state)
{
    return setup_with(state, UINT64_C(60000000000));
}

static int setup_hasty(void **state)
{
    return setup_with(state, 1);
}

static int teardown(void **state)
{
    struct bed *bed = *state;

    pirn__pool_destroy(bed->pool);
    close(bed->doorbell);
    close(bed->gate[0]);
    close(bed->gate[1]);
    free(bed);
    return 0;
}

static void push_one(struct bed *bed, uint32_t index, uint8_t opcode, int fd)
{
    bed->loans[index] = (struct pirn_loan){
        .opcode = opcode,
        .fd = fd,
        .addr = (uintptr_t)&bed->bytes[index],
        .len = 1,
        .offset = UINT64_MAX,
    };
    bed->errands[index].loan = &bed->loans[index];
    pirn__pool_push(bed->pool, &bed->errands[index]);
}

/* Jobs @first to @first + @count - 1, each held until a byte comes. */
static void push(struct bed *bed, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        push_one(bed, i, ENGINE_READ, bed->gate[0]);
    }
    pirn__pool_flush(bed->pool);
}

static void let_go(struct bed *bed, uint32_t count)
{
    char bytes[JOBS] = {0};

    assert_int_equal(write(bed->gate[1], bytes, count), count);
}

/* Sleep as an engine does; 0: nobody rang. */
static int sleep_once(struct bed *bed, int timeout_ms)
{
    struct pollfd ask = {bed->doorbell, POLLIN, 0};
    uint64_t rung = 0;
    int n = 0;

    if (pirn__pool_lie_down(bed->pool)) {
        n = poll(&ask, 1, timeout_ms);
        if (n == 1) {
            assert_int_equal(read(bed->doorbell, &rung, sizeof(rung)), 8);
        }
    }
    pirn__pool_get_up(bed->pool);
    return (int)rung;
}

static void collect(struct bed *bed)
{
    struct pirn_link ended;
    struct pirn_link *link;

    list_init(&ended);
    pirn__pool_collect(bed->pool, &ended);
    while ((link = list_pop_head(&ended)) != NULL) {
        assert_int_equal(errand_of(link)->result, 1);
        bed->done_count++;
    }
}

static void collect_until(struct bed *bed, uint32_t count)
{
    while (bed->done_count < count) {
        sleep_once(bed, WAIT_MS);
        collect(bed);
    }
    assert_int_equal(bed->done_count, count);
}

/* A job that can be cancelled has not begun: then it is pushed anew. */
static void wait_until_begun(struct bed *bed, uint32_t index)
{
    while (pirn__pool_cancel(bed->pool, &bed->errands[index])) {
        push(bed, index, 1);
    }
}

/* As many jobs as there are workers, each begun. */
static void hold_all_workers(struct bed *bed)
{
    push(bed, 0, WORKERS);
    for (uint32_t i = 0; i < WORKERS; i++) {
        wait_until_begun(bed, i);
    }
}

static void two_hundred_slow_jobs_have_three_threads(void **state)
{
    struct bed *bed = *state;

    push(bed, 0, JOBS);
    for (uint32_t i = 0; i < JOBS; i++) {
        assert_int_equal(pirn__pool_worker_count(bed->pool), WORKERS);
        let_go(bed, 1);
        collect_until(bed, i + 1);
    }
}

static void a_worker_is_started_only_when_none_is_idle(void **state)
{
    struct bed *bed = *state;

    assert_int_equal(pirn__pool_worker_count(bed->pool), 0);
    push(bed, 0, 1);
    assert_int_equal(pirn__pool_worker_count(bed->pool), 1);
    push(bed, 1, 1);
    assert_int_equal(pirn__pool_worker_count(bed->pool), 2);
    let_go(bed, 2);
    collect_until(bed, 2);
    push(bed, 2, 2);
    assert_int_equal(pirn__pool_worker_count(bed->pool), 2);
    let_go(bed, 2);
    collect_until(bed, 4);
}

static void idle_workers_end_and_others_are_started(void **state)
{
    struct bed *bed = *state;

    for (uint32_t i = 0; i < 20; i++) {
        push(bed, i, 1);
        let_go(bed, 1);
        collect_until(bed, i + 1);
        while (pirn__pool_worker_count(bed->pool) > 0) {
        }
    }
}

static void a_job_not_begun_is_cancelled_and_a_begun_one_is_not(void **state)
{
    struct bed *bed = *state;

    hold_all_workers(bed);
    push(bed, WORKERS, 2);
    assert_true(pirn__pool_cancel(bed->pool, &bed->errands[WORKERS]));
    assert_false(pirn__pool_cancel(bed->pool, &bed->errands[0]));
    let_go(bed, WORKERS + 1);
    collect_until(bed, WORKERS + 1);
    assert_int_equal(bed->errands[WORKERS].result, 0); /* nobody did it */
}

static void an_ended_job_is_not_cancelled(void **state)
{
    struct bed *bed = *state;

    push(bed, 0, 1);
    let_go(bed, 1);
    while (pirn__pool_lie_down(bed->pool)) {
    }
    assert_false(pirn__pool_cancel(bed->pool, &bed->errands[0]));
    collect_until(bed, 1);
}

static void a_sleep_is_rung_once_however_many_end(void **state)
{
    struct bed *bed = *state;
    struct pollfd ask = {bed->doorbell, POLLIN, 0};
    uint64_t rung;

    push(bed, 0, JOBS);
    assert_true(pirn__pool_lie_down(bed->pool));
    let_go(bed, JOBS);
    assert_int_equal(poll(&ask, 1, WAIT_MS), 1);
    while (bed->done_count < JOBS) {
        collect(bed);
    }
    assert_int_equal(read(bed->doorbell, &rung, sizeof(rung)), 8);
    assert_int_equal(rung, 1);
    pirn__pool_get_up(bed->pool);
}

static void nobody_rings_for_an_owner_who_is_awake(void **state)
{
    struct bed *bed = *state;
    struct pollfd ask = {bed->doorbell, POLLIN, 0};

    push(bed, 0, JOBS);
    let_go(bed, JOBS);
    while (bed->done_count < JOBS) {
        collect(bed);
    }
    assert_int_equal(poll(&ask, 1, 0), 0);
}

static void a_sleeper_is_always_woken(void **state)
{
    struct bed *bed = *state;

    for (uint32_t round = 0; round < 2000; round++) {
        bed->done_count = 0;
        push(bed, 0, 2);
        let_go(bed, 2);
        while (bed->done_count < 2) {
            if (pirn__pool_lie_down(bed->pool)) {
                struct pollfd ask = {bed->doorbell, POLLIN, 0};
                uint64_t rung;

                assert_int_equal(poll(&ask, 1, WAIT_MS), 1);
                assert_int_equal(read(bed->doorbell, &rung, 8), 8);
            }
            pirn__pool_get_up(bed->pool);
            collect(bed);
        }
    }
}

/* The first of two jobs ends when the second has been done: by the other
 * worker, whom nobody calls but the one that was called. */
static void who_comes_calls_the_next(void **state)
{
    struct bed *bed = *state;

    push(bed, 0, 2);
    let_go(bed, 2);
    collect_until(bed, 2); /* now two are idle */
    for (uint32_t round = 0; round < 100; round++) {
        push_one(bed, 2, ENGINE_READ, bed->gate[0]);
        push_one(bed, 3, ENGINE_WRITE, bed->gate[1]);
        pirn__pool_flush(bed->pool);
        bed->done_count = 0;
        collect_until(bed, 2);
    }
    assert_int_equal(pirn__pool_worker_count(bed->pool), 2);
}

/* RLIMIT_NPROC does not bind root, so there is no memory for a stack; first of
 * the tests, because libc keeps the stacks of threads that have ended. */
static void without_a_thread_the_owner_does_it(void **state)
{
    struct bed *bed = *state;
    struct rlimit before;
    struct rlimit none;

    if (!MEMORY_MAY_END) {
        return;
    }
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    none = (struct rlimit){.rlim_cur = 1, .rlim_max = before.rlim_max};
    let_go(bed, 2);
    assert_int_equal(setrlimit(RLIMIT_AS, &none), 0);
    push(bed, 0, 2);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(pirn__pool_worker_count(bed->pool), 0);
    collect(bed);
    assert_int_equal(bed->done_count, 2);
}

static void a_stopped_pool_waits_for_what_has_begun(void **state)
{
    struct bed *bed = *state;

    for (uint32_t i = 0; i < WORKERS; i++) {
        bed->errands[i].result = -1;
    }
    hold_all_workers(bed);
    push(bed, WORKERS, JOBS - WORKERS);
    close(bed->gate[1]); /* all that is begun reads an end */
    pirn__pool_stop(bed->pool);
    bed->gate[1] = dup(bed->gate[0]);
    for (uint32_t i = 0; i < WORKERS; i++) {
        assert_int_equal(bed->errands[i].result, 0);
    }
    assert_int_equal(pirn__pool_worker_count(bed->pool), 0);
    assert_true(pirn__pool_lie_down(bed->pool));
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(without_a_thread_the_owner_does_it),
        T(two_hundred_slow_jobs_have_three_threads),
        T(a_worker_is_started_only_when_none_is_idle),
        cmocka_unit_test_setup_teardown(idle_workers_end_and_others_are_started,
                                        setup_hasty, teardown),
        T(a_job_not_begun_is_cancelled_and_a_begun_one_is_not),
        T(who_comes_calls_the_next),
        T(an_ended_job_is_not_cancelled),
        T(a_sleep_is_rung_once_however_many_end),
        T(nobody_rings_for_an_owner_who_is_awake),
        T(a_sleeper_is_always_woken),
        T(a_stopped_pool_waits_for_what_has_begun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
