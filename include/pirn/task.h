/* SPDX-License-Identifier: MIT */
/*
 * pirn/task.h - an op that its owner finishes
 *
 * Whatever a program itself calls an operation becomes one: a task can be
 * started, chained, cancelled and waited for in the same words as a write. The
 * spool's calls and the stream's are tasks.
 *
 *   pirn_start() -> verbs->begin() -> ... your work ... -> pirn_task_finish()
 *                                                              -> fn, in a turn
 */
#ifndef PIRN_TASK_H
#define PIRN_TASK_H

#include <stdbool.h>

#include <pirn/op.h>

PIRN_BEGIN_DECLS

/* What a kind of task does. One static table per kind. */
struct pirn_task_verbs {
    /* The loan begins; called from inside the start. May finish at once. */
    void (*begin)(struct pirn_context *context, struct pirn_op *op);
    /* Asked to end early, at most once per loan. NULL: tasks of this kind end
     * when they end. Called from inside the cancel; may finish at once. */
    void (*cancel)(struct pirn_context *context, struct pirn_op *op);
    const char *name; /* for people (pirn/trace.h); NULL: "task" */
};

/**
 * pirn_prep_task() - an op that ends when pirn_task_finish() is called
 * @op:    idle
 * @verbs: static; NULL for a task that only waits to be finished
 */
PIRN_API void pirn_prep_task(struct pirn_op *op,
                             const struct pirn_task_verbs *verbs);

/**
 * pirn_task_finish() - end a task's loan
 * @context: the context on which it was started
 * @op:      a loaned task, not finished before
 * @result:  what its function will be called with, in a later turn
 *
 * Context: the context's thread; from elsewhere post first.
 */
PIRN_API void pirn_task_finish(struct pirn_context *context, struct pirn_op *op,
                               int32_t result);

/** pirn_task_is_cancelled() - whether somebody asked the loaned task to end */
PIRN_API bool pirn_task_is_cancelled(const struct pirn_op *op);

PIRN_END_DECLS

#endif /* PIRN_TASK_H */
