/* SPDX-License-Identifier: MIT */
/*
 * pirn/child.h - wait for a child process to end
 *
 * However it was made: fork(2), posix_spawn(3), vfork(2). The number of a child
 * stays its own until somebody has waited for it, so as long as the op is on
 * loan it is safe to send signals to: kill(pid, ...). No SIGCHLD is needed, and
 * one who handles it is not disturbed, as long as he waits for none of these
 * children himself.
 */
#ifndef PIRN_CHILD_H
#define PIRN_CHILD_H

#include <stdint.h>
#include <sys/types.h>
#include <sys/wait.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

/* Placed by the caller; op is what is started. */
struct pirn_child {
    struct pirn_op op;
    struct {
        struct pirn_op step;
        struct pirn_context *context;
        uint64_t info[16]; /* siginfo_t, which C alone does not know */
        int32_t pid;       /* 0: the descriptor is the caller's */
        int32_t pidfd;
        int32_t result;
        bool was_ready;
    } priv;
};

/**
 * pirn_prep_child() - wait for a child of this process to end
 * @child: child->op is idle; start it
 * @pid:   the child; it may have ended already
 *
 * Result: the status, as wait(2) has it: WIFEXITED(result) and
 * WEXITSTATUS(result), WIFSIGNALED(result) and WTERMSIG(result). The child has
 * then been waited for: its number is free. Or
 *   -ECHILD     no child of this process, or somebody has waited for it (that
 *               is what SIGCHLD does that is ignored)
 *   -ECANCELED  it runs on, and may be waited for again; an end that was seen
 *               in time is told instead
 *   -EMFILE     no descriptor is left: each wait has one
 *
 * Kernel:  pidfd_open(2), 5.3, and waitid(2) with P_PIDFD, 5.4, in place,
 *          around pirn_prep_poll().
 */
PIRN_API void pirn_prep_child(struct pirn_child *child, pid_t pid);

/**
 * pirn_prep_child_pidfd() - the same by a descriptor
 * @pidfd: of the child, as clone(2) or pidfd_open(2) give it; borrowed until
 *         the op ends, not closed
 */
PIRN_API void pirn_prep_child_pidfd(struct pirn_child *child, int pidfd);

PIRN_END_DECLS

#endif /* PIRN_CHILD_H */
