/* SPDX-License-Identifier: MIT */
/*
 * settle.c - see spool/settle.h
 *
 * Everything that looks for an item by its id, counts, writes or removes has to
 * know all items. So it waits, in the order in which it was begun; and a claim
 * of an item that was handed out before goes no further than to have it.
 *
 * Others wait at the gate: they would not find an index. A failure is final:
 * the index is nobody's then, and who opens alone next makes another.
 */
#include "spool/settle.h"

#include <errno.h>
#include <stdlib.h>

#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/log/claim.h"
#include "spool/log/rebuild.h"
#include "spool/owner.h"

struct pirn__settling {
    struct pirn_spool *spool;
    struct pirn__rebuild_wait whole;
    struct pirn_op gate;
    struct pirn__sweep_wait sweep;
};

static void begin_all(struct pirn_spool *spool)
{
    struct pirn__held *held = spool->settle.head;

    spool->settle.head = NULL;
    spool->settle.tail = NULL;
    while (held != NULL) {
        struct pirn__held *next = held->next;
        held->begin(spool->context, held->op);
        free(held);
        held = next;
    }
}

/* What waits is begun; each hears then of what went wrong. */
static void end(struct pirn__settling *settling, int32_t result)
{
    struct pirn_spool *spool = settling->spool;

    pirn_assert(spool->settle.is_pending && result <= 0);
    spool->settle.is_pending = false;
    spool->settle.result = result;
    spool->settle.settling = NULL;
    free(settling);
    pirn__log_claims_retry(spool->log);
    begin_all(spool);
    pirn__waiters_finish(spool->context, &spool->settle.waiters, 0);
}

static void swept(struct pirn_op *op, int32_t result)
{
    struct pirn__settling *settling =
        pirn_container_of(op, struct pirn__settling, sweep.waiter.op);

    (void)result; /* what it could not do, the next one tries again */
    end(settling, 0);
}

static void unreserved(struct pirn_op *op, int32_t result)
{
    struct pirn__sweep *sweep =
        pirn_container_of(op, struct pirn__sweep, unreserve.op);
    struct pirn_spool *spool = sweep->spool;
    struct pirn__settling *settling = spool->settle.settling;

    (void)result; /* the next owner of the slot tries again */
    pirn__prep_sweep(&settling->sweep, spool);
    pirn_start(spool->context, &settling->sweep.waiter.op, swept);
}

static void opened_gate(struct pirn_op *op, int32_t result)
{
    struct pirn__settling *settling =
        pirn_container_of(op, struct pirn__settling, gate);
    struct pirn_spool *spool = settling->spool;

    if (result < 0) {
        end(settling, result);
        return;
    }
    pirn_assert(!spool->sweeping);
    spool->sweep->spool = spool;
    pirn__prep_unreserve(&spool->sweep->unreserve, spool, spool->slot);
    if (!spool->is_settled) {
        unreserved(&spool->sweep->unreserve.op, 0);
        return;
    }
    pirn_start(spool->context, &spool->sweep->unreserve.op, unreserved);
}

static void is_whole(struct pirn_op *op, int32_t result)
{
    struct pirn__settling *settling =
        pirn_container_of(op, struct pirn__settling, whole.waiter.op);

    if (result < 0) {
        end(settling, result);
        return;
    }
    pirn__prep_owner_gate(&settling->gate, settling->spool);
    pirn_start(settling->spool->context, &settling->gate, opened_gate);
}

int pirn__settle_start(struct pirn_spool *spool)
{
    struct pirn__settling *settling = calloc(1, sizeof(*settling));

    if (settling == NULL) {
        return -ENOMEM;
    }
    pirn_assert(spool->settle.is_pending);
    settling->spool = spool;
    spool->settle.settling = settling;
    pirn__prep_rebuild_wait(&settling->whole, spool->log);
    pirn_start(spool->context, &settling->whole.waiter.op, is_whole);
    return 0;
}

/* ---- who waits ---- */

struct waiting {
    struct pirn__waiter waiter;
    struct pirn_spool *spool;
};

static void wait_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct waiting *waiting = pirn_container_of(op, struct waiting, waiter.op);

    pirn_assert(context == waiting->spool->context);
    pirn__waiters_push(&waiting->spool->settle.waiters, &waiting->waiter);
}

void pirn__settle_wait(struct pirn_spool *spool)
{
    static const struct pirn_task_verbs verbs = {.begin = wait_begin};
    struct waiting waiting = {.spool = spool};

    if (spool->settle.is_pending) {
        pirn_prep_task(&waiting.waiter.op, &verbs);
        (void)pirn_wait(spool->context, &waiting.waiter.op);
    }
}

bool pirn__settle_holds(struct pirn_spool *spool, struct pirn_op *op,
                        pirn__verb_fn *begin)
{
    struct pirn__settle *settle = &spool->settle;

    if (!settle->is_pending && settle->result == 0) {
        return false;
    }
    struct pirn__held *held = settle->is_pending ? malloc(sizeof(*held)) : NULL;
    if (held == NULL) {
        pirn_task_finish(spool->context, op,
                         settle->is_pending ? -ENOMEM : settle->result);
        return true;
    }
    *held = (struct pirn__held){.op = op, .begin = begin};
    if (settle->head == NULL) {
        settle->head = held;
    } else {
        settle->tail->next = held;
    }
    settle->tail = held;
    return true;
}
