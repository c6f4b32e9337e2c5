/* SPDX-License-Identifier: MIT */
/* test_context.c - contexts come and go, keep apart, and enter seldom */
#include "tests/kernel/ring.h"

static int count_mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "r");
    char line[512];
    int count = 0;

    while (fgets(line, sizeof(line), file) != NULL) {
        count++;
    }
    fclose(file);
    return count;
}

static void live_once(void)
{
    struct pirn_context *context;
    struct pirn_op op = {0};

    assert_int_equal(pirn_context_create(NULL, &context), 0);
    pirn_prep_nop(&op);
    assert_int_equal(pirn_wait(context, &op), 0);
    assert_true(pirn_context_fd(context) >= 0);
    assert_null(pirn_context_destroy(context));
}

static void a_destroyed_context_leaves_nothing(void **state)
{
    int mappings;
    int fds;

    (void)state;
    live_once();
    fds = count_descriptors();
    mappings = count_mappings();
    for (int i = 0; i < 50; i++) {
        live_once();
    }
    assert_int_equal(count_descriptors(), fds);
    assert_in_range(count_mappings(), 1, mappings + 10); /* malloc's own */
    assert_null(pirn_context_destroy(NULL));
}

static void contexts_of_one_thread_keep_apart(void **state)
{
    struct ring *ring = *state;
    struct note here = {0};
    struct note there = {0};
    struct pirn_context *other;

    assert_int_equal(pirn_context_create(NULL, &other), 0);
    pirn_prep_nop(&here.op);
    note_start(ring->context, &here);
    pirn_prep_nop(&there.op);
    note_start(other, &there);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(here.calls, 1);
    assert_int_equal(there.calls, 0);
    assert_int_equal(pirn_context_drain(other), 0);
    assert_int_equal(there.calls, 1);
    pirn_context_destroy(other);
}

/* Each turn is one system call at most: it takes all, and brings many. */
static void many_operations_take_few_turns(void **state)
{
    enum { MANY = 200 };
    static struct note notes[MANY];
    struct ring *ring = *state;
    struct pirn_context_stats stats;

    memset(notes, 0, sizeof(notes));
    for (int i = 0; i < MANY; i++) {
        pirn_prep_nop(&notes[i].op);
        note_start(ring->context, &notes[i]);
    }
    assert_int_equal(pirn_context_drain(ring->context), 0);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(notes[i].calls, 1);
    }
    pirn_context_stats(ring->context, &stats);
    print_message("%u turns\n", (unsigned)stats.turns);
    assert_in_range(stats.turns, 1, 4);
}

RING_TEST_MAIN(RING_TEST(a_destroyed_context_leaves_nothing),
               RING_TEST(contexts_of_one_thread_keep_apart),
               RING_TEST(many_operations_take_few_turns))
