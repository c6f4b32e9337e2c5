/* SPDX-License-Identifier: MIT */
/*
 * test_batch.c - with a minimal wait, what comes one by one arrives together
 *
 * Another thread writes one byte to each of many pipes that are being read. The
 * minimal wait is far longer than that takes, so what ends it is the number.
 */
#include "tests/kernel/ring.h"

#include <liburing.h>
#include <pthread.h>
#include <sched.h>

#include "runtime/engine/numbers.h"

enum { READS = PIRN_MIN_WAIT_BATCH, TRIES = 20 };

#define MUCH_NS UINT64_C(30000000000)

struct bed {
    struct pirn_context *context;
    struct note notes[READS];
    int pipes[READS][2];
    char bytes[READS];
    uint32_t count; /* of pipes that are written to */
};

static bool can_batch(void)
{
    struct io_uring_params params = {0};
    struct io_uring ring;

    if (io_uring_queue_init_params(8, &ring, &params) < 0) {
        return false;
    }
    io_uring_queue_exit(&ring);
    return (params.features & FEATURE_MIN_TIMEOUT) != 0;
}

static int setup(void **state)
{
    const struct pirn_context_config config = {.engine = PIRN_ENGINE_URING,
                                               .min_wait_ns = MUCH_NS};
    struct bed *bed = calloc(1, sizeof(*bed));

    *state = bed;
    for (int i = 0; i < READS; i++) {
        if (pipe2(bed->pipes[i], O_CLOEXEC) < 0) {
            return -1;
        }
    }
    return pirn_context_create(&config, &bed->context);
}

static int teardown(void **state)
{
    struct bed *bed = *state;

    pirn_context_destroy(bed->context);
    for (int i = 0; i < READS; i++) {
        close(bed->pipes[i][0]);
        close(bed->pipes[i][1]);
    }
    free(bed);
    return 0;
}

static void *write_to_each(void *argument)
{
    const struct bed *bed = argument;

    for (uint32_t i = 0; i < bed->count; i++) {
        if (write(bed->pipes[i][1], "x", 1) != 1) {
            abort();
        }
        sched_yield();
    }
    return NULL;
}

static void start_reads(struct bed *bed)
{
    for (int i = 0; i < READS; i++) {
        pirn_prep_read(&bed->notes[i].op, bed->pipes[i][0], &bed->bytes[i], 1,
                       PIRN_OFFSET_CURRENT);
        note_start(bed->context, &bed->notes[i]);
    }
}

static void a_batch_arrives_in_one_turn(void **state)
{
    struct bed *bed = *state;
    pthread_t thread;

    bed->count = READS;
    for (int i = 0; i < TRIES; i++) {
        start_reads(bed);
        assert_int_equal(pirn_context_turn(bed->context, 0), 0);
        assert_int_equal(pthread_create(&thread, NULL, write_to_each, bed), 0);
        assert_int_equal(pirn_context_turn(bed->context, PIRN_FOREVER), READS);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

/* The minimal wait is half a minute; the time limit is the test's. */
static void a_deadline_is_not_missed_for_a_batch(void **state)
{
    struct bed *bed = *state;
    struct note timer = {0};

    start_reads(bed);
    pirn_prep_timer(&timer.op, 1000000);
    note_start(bed->context, &timer);
    alarm(20);
    while (timer.calls == 0) {
        assert_true(pirn_context_turn(bed->context, PIRN_FOREVER) >= 0);
    }
    alarm(0);
    bed->count = READS;
    write_to_each(bed);
    assert_int_equal(pirn_context_drain(bed->context), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_batch_arrives_in_one_turn),
        T(a_deadline_is_not_missed_for_a_batch),
    };

    if (ring_skip_all()) {
        return TEST_SKIP;
    }
    if (!can_batch()) {
        print_message("skipped: this kernel has no minimal wait (6.12)\n");
        return TEST_SKIP;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
