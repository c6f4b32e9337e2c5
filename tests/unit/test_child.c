/* SPDX-License-Identifier: MIT */
/* test_child.c - a child in each state that the kernel may tell of */
#include "test.h"

#include <errno.h>
#include <signal.h>

#include "runtime/engine/engine.h"
#include "tests/sim/bed.h"
#include "tests/sim/note.h"

enum { PID = 4711, PIDFD = 9 };

struct rig {
    struct pirn_child child;
    struct bed *bed;
    int calls;
    int32_t result;
};

static void ended(struct pirn_op *op, int32_t result)
{
    struct rig *rig = pirn_container_of(op, struct rig, child.op);

    rig->calls++;
    rig->result = result;
}

static void turn(struct rig *rig)
{
    assert_true(pirn_context_turn(rig->bed->context, 0) >= 0);
}

/* The step that the kernel has ends; the next one is with it then. */
static void step(struct rig *rig, uint8_t opcode, int32_t result)
{
    assert_int_equal(rig->child.priv.step.priv.opcode, opcode);
    script_complete(rig->bed->kernel, &rig->child.priv.step, result);
    turn(rig);
    turn(rig);
}

static void answer(struct rig *rig, int code, int status)
{
    siginfo_t *info = (void *)rig->child.priv.info;

    info->si_pid = PID;
    info->si_code = code;
    info->si_status = status;
    step(rig, ENGINE_WAITID, 0);
}

static void start(struct rig *rig, void **state)
{
    *rig = (struct rig){.bed = *state};
    pirn_prep_child(&rig->child, PID);
    pirn_start(rig->bed->context, &rig->child.op, ended);
    turn(rig);
    assert_int_equal(rig->child.priv.step.priv.fd, PID);
}

static void assert_ended(struct rig *rig, int32_t result)
{
    assert_int_equal(rig->calls, 1);
    assert_int_equal(rig->result, result);
    assert_int_equal(pirn_context_loaned(rig->bed->context), 0);
}

static void statuses_are_those_of_wait(void **state)
{
    static const struct {
        int code;
        int status;
    } ends[] = {{CLD_EXITED, 0},
                {CLD_EXITED, 3},
                {CLD_EXITED, 255},
                {CLD_KILLED, SIGKILL},
                {CLD_DUMPED, SIGSEGV}};
    struct rig rig;

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        bool exited = ends[i].code == CLD_EXITED;

        start(&rig, state);
        step(&rig, ENGINE_PIDFD_OPEN, PIDFD);
        answer(&rig, ends[i].code, ends[i].status);
        assert_int_equal(rig.child.priv.step.priv.fd, PIDFD);
        step(&rig, ENGINE_CLOSE, 0);
        assert_int_equal(rig.calls, 1);
        assert_int_equal(WIFEXITED(rig.result) != 0, exited);
        assert_int_equal(WIFSIGNALED(rig.result) != 0, !exited);
        assert_int_equal(exited ? WEXITSTATUS(rig.result)
                                : WTERMSIG(rig.result),
                         ends[i].status);
        assert_int_equal(WCOREDUMP(rig.result) != 0,
                         ends[i].code == CLD_DUMPED);
    }
    assert_ended(&rig, SIGSEGV | 0x80);
}

static void one_that_runs_is_polled_and_asked_again(void **state)
{
    struct rig rig;

    start(&rig, state);
    step(&rig, ENGINE_PIDFD_OPEN, PIDFD);
    step(&rig, ENGINE_WAITID, 0);
    assert_int_equal(rig.child.priv.step.priv.op_flags, POLLIN);
    step(&rig, ENGINE_POLL, POLLIN);
    answer(&rig, CLD_EXITED, 7);
    step(&rig, ENGINE_CLOSE, 0);
    assert_ended(&rig, 7 << 8);
}

/* No turn spins while somebody else has the first word. */
static void one_that_is_traced_is_asked_again_later(void **state)
{
    struct rig rig;

    start(&rig, state);
    step(&rig, ENGINE_PIDFD_OPEN, PIDFD);
    step(&rig, ENGINE_WAITID, 0);
    step(&rig, ENGINE_POLL, POLLIN);
    step(&rig, ENGINE_WAITID, 0);
    assert_int_equal(script_inflight_count(rig.bed->kernel), 0);
    assert_int_equal(pirn_context_turn(rig.bed->context, PIRN_FOREVER), 1);
    assert_int_equal(script_timeout_ns(rig.bed->kernel), 10000000);
    turn(&rig);
    answer(&rig, CLD_EXITED, 0);
    step(&rig, ENGINE_CLOSE, 0);
    assert_ended(&rig, 0);
}

static void no_child_of_ours_is_told_at_once(void **state)
{
    struct rig rig;

    start(&rig, state);
    step(&rig, ENGINE_PIDFD_OPEN, PIDFD);
    step(&rig, ENGINE_WAITID, -ECHILD);
    step(&rig, ENGINE_CLOSE, 0);
    assert_ended(&rig, -ECHILD);

    start(&rig, state);
    step(&rig, ENGINE_PIDFD_OPEN, -ESRCH);
    assert_ended(&rig, -ECHILD);

    start(&rig, state);
    step(&rig, ENGINE_PIDFD_OPEN, -EMFILE);
    assert_ended(&rig, -EMFILE);
}

static void cancelled_while_it_sleeps(void **state)
{
    struct rig rig;

    start(&rig, state);
    step(&rig, ENGINE_PIDFD_OPEN, PIDFD);
    step(&rig, ENGINE_WAITID, 0);
    pirn_cancel(rig.bed->context, &rig.child.op);
    turn(&rig);
    turn(&rig);
    step(&rig, ENGINE_CLOSE, 0);
    assert_ended(&rig, -ECANCELED);
}

static void status_beats_a_late_cancel(void **state)
{
    struct rig rig;

    start(&rig, state);
    step(&rig, ENGINE_PIDFD_OPEN, PIDFD);
    script_set_deaf(rig.bed->kernel, true); /* it is being carried out */
    pirn_cancel(rig.bed->context, &rig.child.op);
    turn(&rig);
    answer(&rig, CLD_EXITED, 5);
    step(&rig, ENGINE_CLOSE, 0);
    assert_ended(&rig, 5 << 8);
}

static void cancelled_before_it_is_asked_or_closed(void **state)
{
    struct rig rig;

    start(&rig, state);
    script_set_deaf(rig.bed->kernel, true);
    pirn_cancel(rig.bed->context, &rig.child.op);
    step(&rig, ENGINE_PIDFD_OPEN, PIDFD); /* too late: it is there */
    step(&rig, ENGINE_WAITID, 0);
    step(&rig, ENGINE_CLOSE, 0);
    assert_ended(&rig, -ECANCELED);

    start(&rig, state);
    step(&rig, ENGINE_PIDFD_OPEN, PIDFD);
    ((siginfo_t *)(void *)rig.child.priv.info)->si_pid = PID;
    script_complete(rig.bed->kernel, &rig.child.priv.step, 0);
    turn(&rig); /* the kernel has not seen the close */
    pirn_cancel(rig.bed->context, &rig.child.op);
    turn(&rig);
    step(&rig, ENGINE_CLOSE, 0);
    assert_ended(&rig, 0);
}

static void a_borrowed_descriptor_is_not_closed(void **state)
{
    struct rig rig = {.bed = *state};

    pirn_prep_child_pidfd(&rig.child, PIDFD);
    pirn_start(rig.bed->context, &rig.child.op, ended);
    turn(&rig);
    answer(&rig, CLD_EXITED, 2);
    assert_ended(&rig, 2 << 8);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_setup, bed_teardown)

TEST_MAIN(T(statuses_are_those_of_wait),
          T(one_that_runs_is_polled_and_asked_again),
          T(one_that_is_traced_is_asked_again_later),
          T(no_child_of_ours_is_told_at_once), T(cancelled_while_it_sleeps),
          T(status_beats_a_late_cancel),
          T(cancelled_before_it_is_asked_or_closed),
          T(a_borrowed_descriptor_is_not_closed))
