/* SPDX-License-Identifier: MIT */
/*
 * run.h - a run of finite loans as one job, stepped by a worker
 *
 * One hand-over for a whole commit instead of one per step. The worker goes on
 * as a chain would, as long as there is no doubt what a chain would do:
 *
 *   a step succeeded       the next one
 *   an unmarked one failed only marked steps from now on
 *   else                   break off: the chain looks at it, and goes on
 *                          behind it (ENGINE_NOT_BEGUN)
 *
 * Doubtful are a short transfer, an interrupted one, and an open whose
 * descriptor might wait for a peer. So no rule about these stands here.
 */
#ifndef RUNTIME_ENGINE_RUN_H
#define RUNTIME_ENGINE_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "pirn/invariant.h"
#include "runtime/engine/engine.h"
#include "runtime/engine/errand.h"

/* How many of @queue go together, the loan at @link first: all of a run are
 * queued at once. */
static inline uint32_t pirn__run_length(const struct pirn_link *queue,
                                        const struct pirn_link *link)
{
    uint32_t length = 1;

    while (pirn_container_of(link, struct pirn_loan, link)->flags &
           LOAN_LINKED) {
        link = link->next;
        pirn_assert_rule(link != queue, "a run is queued whole");
        length++;
    }
    return length;
}

/* Whether a worker may carry @loan out: it cannot come to wait for a peer. */
bool pirn__run_is_job(const struct pirn_loan *loan);

/* Whether a run may have @behind right behind @before (engine_class.joins). */
bool pirn__run_joins(const struct pirn_loan *before,
                     const struct pirn_loan *behind);

/* Whether to carry @loan out in a run spares a ring one of its workers. */
bool pirn__run_spares(const struct pirn_loan *loan);

/*
 * Errands for the loan at @link, or for the run; they are in flight now, and
 * stay on their list.
 *
 * Return: the errand of the first; NULL: no memory, and nothing has changed
 */
struct errand *pirn__run_take(struct errands *errands, struct pirn_link *link);

/* The same for the head of @queue, and move them to @inflight. */
struct errand *pirn__run_begin(struct errands *errands, struct pirn_link *queue,
                               struct pirn_link *inflight);

/* @errand, in a run, is not to be begun any more, if it is not marked. */
void pirn__run_cancel(struct errand *errand);

/*
 * Any thread. Carry out the loan of @first, or all of the run, by @call; each
 * errand has its result then. Of a loan it reads what describes the operation,
 * since the rest is its context's meanwhile.
 */
void pirn__run_do(struct errand *first,
                  int32_t (*call)(const struct pirn_loan *loan));

/* Those of the run of @first, or the one alone, end on the list @done. */
void pirn__run_end(struct errand *first, struct pirn_link *done);

#endif /* RUNTIME_ENGINE_RUN_H */
