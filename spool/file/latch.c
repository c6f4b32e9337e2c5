/* SPDX-License-Identifier: MIT */
/*
 * latch.c - a list of all who have one or wait; see spool/file/latch.h
 *
 * In the order in which they came: the first of an id has its latch. There are
 * as many as verbs under way.
 */
#include "spool/file/latch.h"

#include <string.h>

#include <pirn/invariant.h>
#include <pirn/task.h>

/* The first of that id from @latch on; NULL: there is none. */
static struct pirn__latch *find(struct pirn__latch *latch,
                                const struct pirn_id *id)
{
    while (latch != NULL && memcmp(&latch->id, id, sizeof(*id)) != 0) {
        latch = latch->next;
    }
    return latch;
}

bool pirn__latch_take(struct pirn__latch *latch, struct pirn_spool *spool,
                      const struct pirn_id *id, pirn_op_fn *fn)
{
    struct pirn__latch **last = &spool->latches;
    bool is_free = find(spool->latches, id) == NULL;

    pirn_assert(latch->spool == NULL);
    while (*last != NULL) {
        last = &(*last)->next;
    }
    *last = latch;
    latch->next = NULL;
    latch->spool = spool;
    latch->id = *id;
    if (!is_free) {
        pirn_prep_task(&latch->op, NULL);
        pirn_start(spool->context, &latch->op, fn);
    }
    return is_free;
}

void pirn__latch_release(struct pirn__latch *latch)
{
    struct pirn_spool *spool = latch->spool;
    struct pirn__latch **at = &spool->latches;

    pirn_assert(find(spool->latches, &latch->id) == latch);
    while (*at != latch) {
        at = &(*at)->next;
    }
    *at = latch->next;
    latch->spool = NULL;
    struct pirn__latch *next = find(*at, &latch->id);
    if (next != NULL) {
        pirn_task_finish(spool->context, &next->op, 0);
    }
}
