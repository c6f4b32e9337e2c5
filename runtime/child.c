/* SPDX-License-Identifier: MIT */
/*
 * child.c - see pirn/child.h
 *
 * One step at a time:
 *
 *   open the pidfd -> wait, not waiting -> ended -> close -> the status
 *                      ^       |
 *                      |    runs on
 *                      +-- poll <---+
 *
 * It is asked before it is polled, so that one who is no child of ours is told
 * apart at once, and not when he ends. What waitid(2) has said is never taken
 * back: the child has been waited for.
 *
 * A pidfd is ready when the process has ended; if it is traced, the tracer has
 * the first word, and waitid(2) says for a while that it runs. It is then asked
 * again in a little time, not in every turn.
 */
#include "pirn/child.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "pirn/file.h"
#include "pirn/invariant.h"
#include "pirn/timer.h"
#include "runtime/context.h"

#define TRACED_NS UINT64_C(10000000)

static_assert(sizeof(siginfo_t) == sizeof(((struct pirn_child *)0)->priv.info),
              "there is room for what waitid(2) says");

enum { CORE_DUMPED = 0x80 }; /* of a status, see wait(2) */

static struct pirn_child *child_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn_child, priv.step);
}

static void start_step(struct pirn_child *child, pirn_op_fn *fn)
{
    pirn_start(child->priv.context, &child->priv.step, fn);
}

static void closed(struct pirn_op *step, int32_t result)
{
    struct pirn_child *child = child_of(step);

    (void)result;
    pirn_task_finish(child->priv.context, &child->op, child->priv.result);
}

static void end(struct pirn_child *child, int32_t result)
{
    child->priv.result = result;
    if (child->priv.pid == 0) {
        pirn_task_finish(child->priv.context, &child->op, result);
        return;
    }
    pirn_prep_close(&child->priv.step, child->priv.pidfd);
    start_step(child, closed);
}

static const siginfo_t *info_of(const struct pirn_child *child)
{
    return (const void *)child->priv.info;
}

static int32_t status_of(const siginfo_t *info)
{
    if (info->si_code == CLD_EXITED) {
        return (info->si_status & 0xff) << 8;
    }
    return info->si_status | (info->si_code == CLD_DUMPED ? CORE_DUMPED : 0);
}

static void ask(struct pirn_child *child);

static void is_due(struct pirn_op *step, int32_t result)
{
    struct pirn_child *child = child_of(step);

    if (result < 0) {
        end(child, result);
    } else {
        ask(child);
    }
}

static void sleep_on(struct pirn_child *child)
{
    if (child->priv.was_ready) {
        pirn_prep_timer(&child->priv.step, TRACED_NS);
    } else {
        pirn_prep_poll(&child->priv.step, child->priv.pidfd, POLLIN);
    }
    child->priv.was_ready = true;
    start_step(child, is_due);
}

static void answered(struct pirn_op *step, int32_t result)
{
    struct pirn_child *child = child_of(step);

    if (result < 0) {
        end(child, result);
    } else if (info_of(child)->si_pid != 0) {
        end(child, status_of(info_of(child)));
    } else if (pirn_task_is_cancelled(&child->op)) {
        end(child, -ECANCELED);
    } else {
        sleep_on(child);
    }
}

static void ask(struct pirn_child *child)
{
    struct pirn_loan *loan = pirn__prep(&child->priv.step, ENGINE_WAITID);

    memset(child->priv.info, 0, sizeof(child->priv.info));
    loan->fd = child->priv.pidfd;
    loan->addr = (uintptr_t)child->priv.info;
    loan->op_flags = WEXITED | WNOHANG;
    start_step(child, answered);
}

static void opened(struct pirn_op *step, int32_t result)
{
    struct pirn_child *child = child_of(step);

    if (result < 0) {
        pirn_task_finish(child->priv.context, &child->op,
                         result == -ESRCH ? -ECHILD : result);
        return;
    }
    child->priv.pidfd = result;
    ask(child);
}

static void child_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_child *child = pirn_container_of(op, struct pirn_child, op);

    child->priv.context = context;
    child->priv.was_ready = false;
    if (child->priv.pid == 0) {
        ask(child);
        return;
    }
    pirn__prep(&child->priv.step, ENGINE_PIDFD_OPEN)->fd = child->priv.pid;
    start_step(child, opened);
}

static void child_cancel(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_child *child = pirn_container_of(op, struct pirn_child, op);

    if (child->priv.step.priv.opcode != ENGINE_CLOSE) {
        pirn_cancel(context, &child->priv.step);
    }
}

static const struct pirn_task_verbs child_verbs = {
    .begin = child_begin,
    .cancel = child_cancel,
    .name = "child",
};

void pirn_prep_child(struct pirn_child *child, pid_t pid)
{
    pirn_assert_rule(pid > 0, "a child is waited for by its own number");

    pirn_prep_task(&child->op, &child_verbs);
    child->priv.pid = pid;
}

void pirn_prep_child_pidfd(struct pirn_child *child, int pidfd)
{
    pirn_prep_task(&child->op, &child_verbs);
    child->priv.pid = 0;
    child->priv.pidfd = pidfd;
}
