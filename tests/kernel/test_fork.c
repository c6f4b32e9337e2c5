/* SPDX-License-Identifier: MIT */
/*
 * test_fork.c - after fork the child uses no context of its parent
 *
 * The child's thread is at the same addresses as the parent's, so each way of
 * using a context is tried. dies() forks; what it runs, the child does.
 */
#include "tests/kernel/ring.h"

#include <pthread.h>
#include <sys/wait.h>

#include "tests/sim/death.h"

static const char rule[] = "after fork the child uses no context of its parent";

/* The parent's; the child has them as they were. */
static struct pirn_context *parents;
static struct note loaned; /* on loan to it */

static int ignored; /* what a child that ought to be dead is told */

/* --- what a child may not do --- */

static void start(void)
{
    struct note note = {0};

    pirn_prep_nop(&note.op);
    note_start(parents, &note);
}

static void start_a_multishot(void)
{
    struct shot_note note = {0};

    pirn_prep_multishot_timer(&note.shot, 1);
    pirn_multishot_start(parents, &note.shot, shot_note_fn);
}

static void turn(void)
{
    ignored = pirn_context_turn(parents, 0);
}

static void run(void)
{
    ignored = pirn_context_run(parents);
}

static void ask_for_the_deadline(void)
{
    (void)pirn_context_deadline_ns(parents);
}

static void cancel(void)
{
    pirn_cancel(parents, &loaned.op);
}

static void destroy(void)
{
    pirn_context_destroy(parents);
}

static void post(void)
{
    struct note note = {0};

    pirn_post(parents, &note.op, note_fn);
}

static void stop(void)
{
    pirn_context_stop(parents);
}

/* A context of its own does not make the parent's its own. */
static void create_and_start(void)
{
    struct pirn_context *own = NULL;

    ignored = pirn__context_create_on(ring_chosen(), NULL, &own);
    start();
}

static void *start_in_a_thread(void *argument)
{
    create_and_start();
    return argument;
}

static void start_from_a_thread(void)
{
    pthread_t thread;

    if (pthread_create(&thread, NULL, start_in_a_thread, NULL) == 0) {
        pthread_join(thread, NULL);
    }
}

static void fork_again(void)
{
    if (!dies(start, rule)) {
        _exit(1);
    }
    start();
}

static const struct {
    const char *name;
    void (*act)(void);
} acts[] = {
    {"start", start},
    {"multishot start", start_a_multishot},
    {"turn", turn},
    {"run", run},
    {"deadline", ask_for_the_deadline},
    {"cancel", cancel},
    {"destroy", destroy},
    {"post", post},
    {"stop", stop},
    {"create its own, start on the other", create_and_start},
    {"start from a thread of its own", start_from_a_thread},
    {"fork again", fork_again},
};

/* Something is on loan: a read that waits until something is written. */
static void lend(struct ring *ring, int fd, char *byte)
{
    parents = ring->context;
    loaned = (struct note){0};
    pirn_prep_read(&loaned.op, fd, byte, 1, PIRN_OFFSET_CURRENT);
    note_start(parents, &loaned);
    assert_int_equal(pirn_context_turn(parents, 0), 0);
}

/* The loan ends as if there had been no fork, and nothing else has happened. */
static void expect_it_goes_on(int fd, const char *byte)
{
    assert_int_equal(loaned.calls, 0);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(pirn_context_drain(parents), 0);
    assert_int_equal(loaned.calls, 1);
    assert_int_equal(loaned.result, 1);
    assert_int_equal(*byte, 'x');
}

static void child_that_uses_its_parents_context_stops(void **state)
{
    char byte = 0;
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    lend(*state, fds[0], &byte);
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (!dies(acts[i].act, rule)) {
            fail_msg("a child went on after: %s", acts[i].name);
        }
    }
    expect_it_goes_on(fds[1], &byte);
    close(fds[0]);
    close(fds[1]);
}

/* --- what it may --- */

/* A write and a read through a pipe, on a context of its own; 0: all went well,
 * and the context could be destroyed. */
static int work_on_a_context_of_ones_own(void)
{
    struct pirn_context *own = NULL;
    struct pirn_op op = {0};
    char byte = 0;
    int fds[2];

    if (pipe(fds) < 0 ||
        pirn__context_create_on(ring_chosen(), NULL, &own) < 0) {
        return 2;
    }
    pirn_prep_write(&op, fds[1], "y", 1, PIRN_OFFSET_CURRENT);
    if (pirn_wait(own, &op) != 1) {
        return 3;
    }
    pirn_prep_read(&op, fds[0], &byte, 1, PIRN_OFFSET_CURRENT);
    if (pirn_wait(own, &op) != 1 || byte != 'y') {
        return 4;
    }
    pirn_context_destroy(own);
    return 0;
}

static void child_may_have_contexts_of_its_own(void **state)
{
    char byte = 0;
    int fds[2];
    int status;
    pid_t child;

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    lend(*state, fds[0], &byte);
    child = fork();
    if (child == 0) {
        _exit(work_on_a_context_of_ones_own());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    expect_it_goes_on(fds[1], &byte);
    close(fds[0]);
    close(fds[1]);
}

/* --- and that the rule about threads is another --- */

static void *turn_elsewhere(void *argument)
{
    turn();
    return argument;
}

static void turn_in_a_thread_of_the_same_process(void)
{
    pthread_t thread;

    if (pirn__context_create_on(ring_chosen(), NULL, &parents) == 0 &&
        pthread_create(&thread, NULL, turn_elsewhere, NULL) == 0) {
        pthread_join(thread, NULL);
    }
}

static void another_thread_is_told_of_threads(void **state)
{
    (void)state;
    assert_true(dies(turn_in_a_thread_of_the_same_process,
                     "a context belongs to the thread that created it"));
}

RING_TEST_MAIN(RING_TEST(child_that_uses_its_parents_context_stops),
               RING_TEST(child_may_have_contexts_of_its_own),
               RING_TEST(another_thread_is_told_of_threads))
