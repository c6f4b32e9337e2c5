/* SPDX-License-Identifier: MIT */
/* test_child.c - real children, however they end */
#include "tests/kernel/ring.h"

#include <signal.h>
#include <sys/syscall.h>

enum { MANY = 50 };

struct rig {
    struct pirn_child child;
    int calls;
    int32_t result;
};

static void ended(struct pirn_op *op, int32_t result)
{
    struct rig *rig = pirn_container_of(op, struct rig, child.op);

    rig->calls++;
    rig->result = result;
}

/* A child that exits with @code when @gate says something, or ends. */
static pid_t fork_behind(const int gate[2], int code)
{
    pid_t pid = fork();
    char byte;

    if (pid == 0) {
        close(gate[1]);
        _exit(read(gate[0], &byte, 1) < 0 ? 99 : code);
    }
    assert_true(pid > 0);
    return pid;
}

static pid_t fork_that_exits(int code)
{
    pid_t pid = fork();

    if (pid == 0) {
        _exit(code);
    }
    assert_true(pid > 0);
    return pid;
}

/* Without taking the status. */
static void wait_until_ended(pid_t pid)
{
    siginfo_t info;

    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
}

static void start(struct ring *ring, struct rig *rig, pid_t pid)
{
    pirn_prep_child(&rig->child, pid);
    pirn_start(ring->context, &rig->child.op, ended);
}

static void settle(struct ring *ring)
{
    for (int i = 0; i < 4; i++) {
        assert_true(pirn_context_turn(ring->context, 0) >= 0);
    }
}

static int32_t wait_for(struct ring *ring, struct rig *rig, pid_t pid)
{
    rig->calls = 0;
    start(ring, rig, pid);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(rig->calls, 1);
    return rig->result;
}

static void children_end_in_any_order_with_their_own_status(void **state)
{
    struct ring *ring = *state;
    static struct rig rigs[MANY];
    int gates[MANY][2];

    memset(rigs, 0, sizeof(rigs));
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(pipe2(gates[i], O_CLOEXEC), 0);
        start(ring, &rigs[i], fork_behind(gates[i], i));
        close(gates[i][0]);
    }
    settle(ring);
    for (int i = MANY - 1; i >= 0; i--) {
        assert_int_equal(rigs[i].calls, 0);
        assert_int_equal(write(gates[i][1], "x", 1), 1);
        while (rigs[i].calls == 0) {
            assert_true(pirn_context_turn(ring->context, PIRN_FOREVER) >= 0);
        }
        assert_true(WIFEXITED(rigs[i].result));
        assert_int_equal(WEXITSTATUS(rigs[i].result), i);
        close(gates[i][1]);
    }
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* none is left over */
    assert_int_equal(errno, ECHILD);
}

static void one_that_was_killed_says_by_what(void **state)
{
    struct ring *ring = *state;
    struct rig rig = {0};
    int gate[2];
    pid_t pid;

    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    pid = fork_behind(gate, 0);
    start(ring, &rig, pid);
    settle(ring);
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_true(WIFSIGNALED(rig.result));
    assert_int_equal(WTERMSIG(rig.result), SIGTERM);
    close(gate[0]);
    close(gate[1]);
}

static void one_that_has_ended_before(void **state)
{
    struct ring *ring = *state;
    struct rig rig = {0};
    pid_t pid = fork_that_exits(42);
    int32_t result;

    wait_until_ended(pid);
    result = wait_for(ring, &rig, pid);
    assert_true(WIFEXITED(result));
    assert_int_equal(WEXITSTATUS(result), 42);
    assert_int_equal(wait_for(ring, &rig, pid), -ECHILD);
}

static void who_is_no_child_is_not_waited_for(void **state)
{
    struct ring *ring = *state;
    struct rig rig = {0};

    assert_int_equal(wait_for(ring, &rig, getpid()), -ECHILD);
    assert_int_equal(wait_for(ring, &rig, 1), -ECHILD);
}

static void a_child_that_nobody_wants_is_no_child(void **state)
{
    struct ring *ring = *state;
    struct rig rig = {0};
    int gate[2];
    pid_t pid;

    assert_true(signal(SIGCHLD, SIG_IGN) == SIG_DFL);
    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    pid = fork_behind(gate, 0);
    start(ring, &rig, pid);
    settle(ring);
    close(gate[1]);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(rig.result, -ECHILD);
    signal(SIGCHLD, SIG_DFL);
    close(gate[0]);
}

static void cancelled_it_can_be_waited_for_again(void **state)
{
    struct ring *ring = *state;
    struct rig rig = {0};
    int gate[2];
    pid_t pid;

    assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
    pid = fork_behind(gate, 6);
    start(ring, &rig, pid);
    settle(ring);
    pirn_cancel(ring->context, &rig.child.op);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(rig.result, -ECANCELED);
    start(ring, &rig, pid);
    settle(ring);
    close(gate[1]);
    close(gate[0]);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(WEXITSTATUS(rig.result), 6);
}

static void a_descriptor_of_the_callers_stays_open(void **state)
{
    struct ring *ring = *state;
    struct rig rig = {0};
    pid_t pid = fork_that_exits(9);
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);

    assert_true(pidfd >= 0);
    pirn_prep_child_pidfd(&rig.child, pidfd);
    pirn_start(ring->context, &rig.child.op, ended);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(WEXITSTATUS(rig.result), 9);
    assert_int_equal(close(pidfd), 0);
}

RING_TEST_MAIN(RING_TEST(children_end_in_any_order_with_their_own_status),
               RING_TEST(one_that_was_killed_says_by_what),
               RING_TEST(one_that_has_ended_before),
               RING_TEST(who_is_no_child_is_not_waited_for),
               RING_TEST(a_child_that_nobody_wants_is_no_child),
               RING_TEST(cancelled_it_can_be_waited_for_again),
               RING_TEST(a_descriptor_of_the_callers_stays_open))
