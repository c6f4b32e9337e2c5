/* SPDX-License-Identifier: MIT */
/* test_timer.c - timers by the kernel's clock: never early, in order */
#include "tests/kernel/ring.h"

#include <signal.h>
#include <sys/time.h>
#include <time.h>

enum { MS = 1000000, TIMERS = 200 };

static uint64_t now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

struct timed {
    struct note note;
    uint64_t ended_ns;
};

static void timed_fn(struct pirn_op *op, int32_t result)
{
    note_fn(op, result);
    pirn_container_of(op, struct timed, note.op)->ended_ns = now_ns();
}

static void timers_are_never_early_and_in_order(void **state)
{
    struct ring *ring = *state;
    static struct timed timers[TIMERS];
    uint32_t seed = 0x7069726e;

    print_message("seed 0x%x\n", seed);
    for (int i = 0; i < TIMERS; i++) {
        seed = seed * 1664525u + 1013904223u;
        pirn_prep_timer_at(&timers[i].note.op,
                           now_ns() + (seed >> 8) % (50 * MS));
        pirn_start(ring->context, &timers[i].note.op, timed_fn);
    }
    assert_int_equal(pirn_context_drain(ring->context), 0);
    for (int i = 0; i < TIMERS; i++) {
        uint64_t deadline_ns = timers[i].note.op.priv.offset;

        assert_true(timers[i].ended_ns >= deadline_ns);
        for (int k = 0; k < TIMERS; k++) {
            if (timers[k].note.op.priv.offset < deadline_ns) {
                assert_true(timers[k].note.place < timers[i].note.place);
            }
        }
    }
}

static void turn_waits_no_longer_than_it_may(void **state)
{
    struct ring *ring = *state;
    uint64_t began_ns = now_ns();

    assert_int_equal(pirn_context_turn(ring->context, 5 * MS), 0);
    assert_true(now_ns() - began_ns >= 4 * MS);
}

static void interrupt(int number)
{
    (void)number;
}

static void signals_do_not_end_a_wait_early_nor_fail_it(void **state)
{
    struct ring *ring = *state;
    const struct sigaction action = {.sa_handler = interrupt};
    const struct itimerval often = {{0, 500}, {0, 500}};
    const struct itimerval never = {{0, 0}, {0, 0}};
    struct pirn_op op = {0};
    uint64_t began_ns = now_ns();
    int32_t r;

    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    pirn_prep_timer(&op, 20 * MS);
    r = pirn_wait(ring->context, &op);
    setitimer(ITIMER_REAL, &never, NULL);
    signal(SIGALRM, SIG_IGN); /* the last may be on its way yet */
    assert_int_equal(r, 0);
    assert_true(now_ns() - began_ns >= 20 * MS);
}

static void clocks_are_the_kernels(void **state)
{
    struct ring *ring = *state;
    struct timespec real;
    uint64_t before_ns = now_ns();

    assert_true(pirn_context_turn(ring->context, 0) >= 0);
    assert_in_range(pirn_context_now_ns(ring->context), before_ns, now_ns());
    clock_gettime(CLOCK_REALTIME, &real);
    assert_in_range(pirn_context_realtime_ns(ring->context) / 1000000000u,
                    (uint64_t)real.tv_sec, (uint64_t)real.tv_sec + 5);
}

/* The 22nd field, behind the name in parentheses and 19 more. */
static unsigned long long start_ticks(void)
{
    FILE *file = fopen("/proc/self/stat", "r");
    unsigned long long ticks = 0;

    assert_non_null(file);
    assert_true(fscanf(file, "%*d (%*[^)]) %*c") >= 0);
    for (int i = 0; i < 18; i++) {
        assert_true(fscanf(file, "%*s") >= 0);
    }
    assert_int_equal(fscanf(file, "%llu", &ticks), 1);
    fclose(file);
    return ticks;
}

static void identity_and_random_are_this_process(void **state)
{
    struct ring *ring = *state;
    struct pirn_identity one = {0};
    struct pirn_identity two = {0};
    uint8_t bytes[2][64] = {{0}};

    pirn_context_identity(ring->context, &one);
    pirn_context_identity(ring->context, &two);
    assert_int_equal(one.pid, getpid());
    assert_int_equal(one.start_ticks, start_ticks());
    assert_int_equal(one.start_ticks, two.start_ticks);
    assert_memory_not_equal(one.boot_id, bytes[0], 16);
    pirn_context_random(ring->context, bytes[0], 64);
    pirn_context_random(ring->context, bytes[1], 64);
    assert_memory_not_equal(bytes[0], bytes[1], 64);
    assert_string_equal(pirn_context_engine(ring->context),
                        ring_is_plain() ? "plain" : "uring");
    assert_true(strlen(pirn_context_reason(ring->context)) > 0);
}

RING_TEST_MAIN(RING_TEST(timers_are_never_early_and_in_order),
               RING_TEST(turn_waits_no_longer_than_it_may),
               RING_TEST(signals_do_not_end_a_wait_early_nor_fail_it),
               RING_TEST(clocks_are_the_kernels),
               RING_TEST(identity_and_random_are_this_process))
