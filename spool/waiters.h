/* SPDX-License-Identifier: MIT */
/*
 * spool/waiters.h - tasks that one piece of work will end together
 *
 * First in, first out. A waiter is a task; who does the work finishes all that
 * came before it began.
 */
#ifndef SPOOL_WAITERS_H
#define SPOOL_WAITERS_H

#include <pirn/invariant.h>
#include <pirn/op.h>
#include <pirn/task.h>

struct pirn__waiter {
    struct pirn_op op;
    struct pirn__waiter *next;
};

/* Zeroed memory is an empty list. */
struct pirn__waiters {
    struct pirn__waiter *head;
    struct pirn__waiter *tail;
};

static inline void pirn__waiters_push(struct pirn__waiters *waiters,
                                      struct pirn__waiter *waiter)
{
    pirn_assert(!pirn_op_is_idle(&waiter->op));
    waiter->next = NULL;
    if (waiters->head == NULL) {
        waiters->head = waiter;
    } else {
        waiters->tail->next = waiter;
    }
    waiters->tail = waiter;
}

/** pirn__waiters_take() - all of them; the list is empty then */
static inline struct pirn__waiters pirn__waiters_take(
    struct pirn__waiters *waiters)
{
    struct pirn__waiters taken = *waiters;

    *waiters = (struct pirn__waiters){0};
    return taken;
}

/** pirn__waiters_finish() - end all of them with one result */
static inline void pirn__waiters_finish(struct pirn_context *context,
                                        struct pirn__waiters *waiters,
                                        int32_t result)
{
    struct pirn__waiters taken = pirn__waiters_take(waiters);

    while (taken.head != NULL) {
        struct pirn__waiter *waiter = taken.head;
        taken.head = waiter->next;
        pirn_task_finish(context, &waiter->op, result);
    }
}

#endif /* SPOOL_WAITERS_H */
