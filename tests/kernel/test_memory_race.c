/* SPDX-License-Identifier: MIT */
/*
 * test_memory_race.c - what threads may do with memory that the kernel moves
 *
 * Only TSan sees a race; a build without it has nothing to test.
 */
#include "tests/kernel/ring.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "runtime/memory_check.h"
#include "tests/sim/death.h"

#ifdef PIRN_WATCHED_BY_TSAN

const char *__tsan_default_options(void);

/* The first race is the end. */
const char *__tsan_default_options(void)
{
    return "halt_on_error=1:abort_on_error=1";
}

static struct pirn_context *create(void)
{
    struct pirn_context *context = NULL;

    if (pirn__context_create_on(ring_chosen(), NULL, &context) < 0) {
        _exit(1);
    }
    return context;
}

/* --- a buffer on loan --- */

static char buf[64];
static atomic_bool is_on_loan; /* relaxed: it orders nothing */

static void *meddle(void *argument)
{
    while (!atomic_load_explicit(&is_on_loan, memory_order_relaxed)) {
        sched_yield();
    }
    buf[0] = 'x';
    return argument;
}

static void touch_what_is_on_loan(void)
{
    struct pirn_context *context = create();
    struct note note = {0};
    pthread_t meddler;
    int fds[2];

    if (pipe(fds) < 0 || pthread_create(&meddler, NULL, meddle, NULL) != 0) {
        return;
    }
    pirn_prep_read(&note.op, fds[0], buf, sizeof(buf), PIRN_OFFSET_CURRENT);
    note_start(context, &note);
    if (pirn_context_turn(context, 0) < 0) {
        return;
    }
    atomic_store_explicit(&is_on_loan, true, memory_order_relaxed);
    pthread_join(meddler, NULL);
}

static void another_threads_touch_of_what_is_on_loan_is_a_race(void **state)
{
    (void)state;
    assert_true(dies(touch_what_is_on_loan, "data race"));
}

/* --- a message by its address --- */

struct letter {
    int text; /* not atomic */
};

static void *send_letter(void *argument)
{
    static struct letter letter;
    struct letter *address = &letter;
    struct pirn_context *context = create();
    struct pirn_op op = {0};

    letter.text = 42;
    pirn_prep_write(&op, *(int *)argument, &address, sizeof(address),
                    PIRN_OFFSET_CURRENT);
    (void)pirn_wait(context, &op);
    pirn_context_destroy(context);
    return NULL;
}

static void what_comes_through_a_descriptor_is_handed_over(void **state)
{
    struct pirn_context *context = create();
    struct letter *letter = NULL;
    struct pirn_op op = {0};
    pthread_t sender;
    int fds[2];

    (void)state;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(pthread_create(&sender, NULL, send_letter, &fds[1]), 0);
    pirn_prep_read(&op, fds[0], &letter, sizeof(letter), PIRN_OFFSET_CURRENT);
    assert_int_equal(pirn_wait(context, &op), sizeof(letter));
    assert_int_equal(letter->text, 42);

    assert_int_equal(pthread_join(sender, NULL), 0);
    pirn_context_destroy(context);
    close(fds[0]);
    close(fds[1]);
}

RING_TEST_MAIN(
    cmocka_unit_test(another_threads_touch_of_what_is_on_loan_is_a_race),
    cmocka_unit_test(what_comes_through_a_descriptor_is_handed_over))

#else

int main(void)
{
    print_message("skipped: only TSan sees a race; build with "
                  "-Db_sanitize=thread -Dallocator=system\n");
    return TEST_SKIP;
}

#endif
