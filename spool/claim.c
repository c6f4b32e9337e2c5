/* SPDX-License-Identifier: MIT */
/*
 * claim.c - items that somebody has, whatever their layout
 */
#include <errno.h>

#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/layout.h"
#include "spool/queue.h"

static struct pirn_claim *claim_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_claim, op);
}

static void claim_met(struct pirn_op *op, struct pirn__queue *queue)
{
    struct pirn_claim *claim = claim_of(op);

    pirn_assert_rule(claim->priv.work == NULL, "one item at a time");
    if (claim->priv.until_ns > 0 && pirn_task_is_cancelled(op)) {
        pirn_task_finish(claim->priv.spool->context, op, -ECANCELED);
        return;
    }
    claim->priv.layout = queue->layout;
    queue->layout->claim(claim, queue);
}

static void claim_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_claim *claim = claim_of(op);

    pirn_assert(context == claim->priv.spool->context);
    claim->priv.until_ns = 0;
    if (claim->priv.timeout_ns > 0) {
        uint64_t now_ns = pirn_context_now_ns(context);
        bool is_ever = claim->priv.timeout_ns > UINT64_MAX - now_ns;
        claim->priv.until_ns =
            is_ever ? UINT64_MAX : now_ns + claim->priv.timeout_ns;
    }
    pirn__queue_meet(claim->priv.spool, claim->priv.queue, op, claim_met);
}

static void prep_claim(struct pirn_claim *claim, struct pirn_spool *spool,
                       const char *queue, uint64_t timeout_ns,
                       const struct pirn_task_verbs *verbs)
{
    pirn_assert(spool != NULL && queue != NULL);
    claim->priv.spool = spool;
    claim->priv.queue = queue;
    claim->priv.timeout_ns = timeout_ns;
    pirn_prep_task(&claim->op, verbs);
}

void pirn_prep_claim(struct pirn_claim *claim, struct pirn_spool *spool,
                     const char *queue)
{
    static const struct pirn_task_verbs verbs = {.begin = claim_begin};

    prep_claim(claim, spool, queue, 0, &verbs);
}

/* Before it has met its queue it has no work, and hears of it there. */
static void claim_cancel(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_claim *claim = claim_of(op);

    pirn_assert(context == claim->priv.spool->context);
    if (claim->priv.work != NULL && claim->priv.until_ns > 0) {
        claim->priv.layout->claim_cancel(claim);
    }
}

void pirn_prep_claim_wait(struct pirn_claim *claim, struct pirn_spool *spool,
                          const char *queue, uint64_t timeout_ns)
{
    static const struct pirn_task_verbs verbs = {.begin = claim_begin,
                                                 .cancel = claim_cancel};

    prep_claim(claim, spool, queue, timeout_ns, &verbs);
}

static void claim_id_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_claim *claim = claim_of(op);

    pirn_assert(context == claim->priv.spool->context);
    pirn_assert_rule(claim->priv.work == NULL, "one item at a time");
    claim->priv.layout = pirn__layout_of(claim->priv.spool, &claim->priv.id);
    claim->priv.layout->claim_id(claim);
}

void pirn_prep_claim_id(struct pirn_claim *claim, struct pirn_spool *spool,
                        const struct pirn_id *id)
{
    static const struct pirn_task_verbs verbs = {.begin = claim_id_begin};

    pirn_assert(spool != NULL && id != NULL);
    claim->priv.spool = spool;
    claim->priv.id = *id;
    pirn_prep_task(&claim->op, &verbs);
}

/* Of a claim that has an item. */
static struct pirn_claim *claim_with_item(struct pirn_context *context,
                                          struct pirn_op *op)
{
    struct pirn_claim *claim = claim_of(op);

    pirn_assert(context == claim->priv.spool->context);
    pirn_assert_rule(claim->priv.work != NULL, "the claim has an item");
    return claim;
}

static void read_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_claim *claim = claim_with_item(context, op);

    claim->priv.layout->claim_read(claim);
}

void pirn_prep_claim_read(struct pirn_claim *claim, void *buf, uint32_t len,
                          uint64_t offset)
{
    static const struct pirn_task_verbs verbs = {.begin = read_begin};

    pirn_assert(buf != NULL && len > 0);
    claim->priv.buf = buf;
    claim->priv.len = len;
    claim->priv.offset = offset;
    pirn_prep_task(&claim->op, &verbs);
}

static void remove_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_claim *claim = claim_with_item(context, op);

    claim->priv.layout->remove(claim);
}

static void prep_remove(struct pirn_claim *claim, bool durable)
{
    static const struct pirn_task_verbs verbs = {.begin = remove_begin};

    claim->priv.durable = durable;
    pirn_prep_task(&claim->op, &verbs);
}

void pirn_prep_remove(struct pirn_claim *claim)
{
    prep_remove(claim, false);
}

void pirn_prep_remove_durable(struct pirn_claim *claim)
{
    prep_remove(claim, true);
}

static void update_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_claim *claim = claim_with_item(context, op);

    claim->priv.layout->update(claim);
}

void pirn_prep_update(struct pirn_claim *claim,
                      const struct pirn_change *change)
{
    static const struct pirn_task_verbs verbs = {.begin = update_begin};

    pirn_assert(change != NULL);
    claim->priv.change = change;
    pirn_prep_task(&claim->op, &verbs);
}

static void give_back_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_claim *claim = claim_with_item(context, op);

    claim->priv.layout->give_back(claim);
}

static void prep_give_back(struct pirn_claim *claim,
                           const struct pirn_change *change)
{
    static const struct pirn_task_verbs verbs = {.begin = give_back_begin};

    claim->priv.change = change;
    pirn_prep_task(&claim->op, &verbs);
}

void pirn_prep_give_back(struct pirn_claim *claim)
{
    prep_give_back(claim, NULL);
}

void pirn_prep_give_back_as(struct pirn_claim *claim,
                            const struct pirn_change *change)
{
    pirn_assert(change != NULL);
    prep_give_back(claim, change);
}
