/* SPDX-License-Identifier: MIT */
/*
 * claim.c - items that somebody has, whatever their layout
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/event.h"
#include "spool/fields.h"
#include "spool/layout.h"
#include "spool/move.h"
#include "spool/queue.h"
#include "spool/registry.h"

static struct pirn_claim *claim_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_claim, op);
}

static void claim_begin(struct pirn_context *context, struct pirn_op *op);

/* Of the log's items some may be had before all are known. */
static void claim_met(struct pirn_op *op, struct pirn__queue *queue)
{
    struct pirn_claim *claim = claim_of(op);

    if (queue->layout != &pirn__layout_log &&
        pirn__settle_holds(claim->priv.spool, op, claim_begin)) {
        return;
    }
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
    claim->priv.event = PIRN_EVENT_CLAIMED;
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

static void claim_id_found(struct pirn_op *op,
                           const struct pirn__layout *layout,
                           const struct pirn_id *id)
{
    struct pirn_claim *claim = claim_of(op);

    claim->priv.layout = layout;
    claim->priv.id = *id;
    layout->claim_id(claim);
}

static void claim_id_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_claim *claim = claim_of(op);

    pirn_assert(context == claim->priv.spool->context);
    pirn_assert_rule(claim->priv.work == NULL, "one item at a time");
    if (pirn__settle_holds(claim->priv.spool, op, claim_id_begin)) {
        return;
    }
    pirn__layout_seek(claim->priv.spool, &claim->priv.id, op, claim_id_found);
}

static void prep_claim_id(struct pirn_claim *claim, struct pirn_spool *spool,
                          const struct pirn_id *id, bool seizes)
{
    static const struct pirn_task_verbs verbs = {.begin = claim_id_begin};

    pirn_assert(spool != NULL && id != NULL);
    claim->priv.spool = spool;
    claim->priv.id = *id;
    claim->priv.seizes = seizes;
    claim->priv.event = PIRN_EVENT_CLAIMED;
    pirn_prep_task(&claim->op, &verbs);
}

void pirn_prep_claim_id(struct pirn_claim *claim, struct pirn_spool *spool,
                        const struct pirn_id *id)
{
    prep_claim_id(claim, spool, id, false);
}

void pirn_prep_seize(struct pirn_claim *claim, struct pirn_spool *spool,
                     const struct pirn_id *id)
{
    prep_claim_id(claim, spool, id, true);
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

/* ---- what leads to an item that is removed ---- */

/* Its alias in the log, and its name. */
struct pirn__named {
    struct pirn_claim *claim;
    struct pirn__name alias;
    struct pirn__name entry;
    struct pirn__name dir;
    struct pirn_op ops[3];
    struct pirn_op *steps[3];
    struct pirn_chain chain;
};

static void unnamed(struct pirn_op *op, int32_t result)
{
    struct pirn__named *named =
        pirn_container_of(op, struct pirn__named, chain.op);
    struct pirn_claim *claim = named->claim;

    (void)result; /* what is left leads to no item: it is free to who asks */
    free(named);
    pirn_task_finish(claim->priv.spool->context, &claim->op, 0);
}

static uint32_t add_unlink(struct pirn__named *named, uint32_t count,
                           const struct pirn__name *name, int flags)
{
    if (name->text[0] == '\0') {
        return count;
    }
    pirn_prep_unlink(&named->ops[count], named->claim->priv.spool->root_fd,
                     name->text, flags);
    pirn_step_when(&named->ops[count], PIRN_STEP_ALWAYS);
    named->steps[count] = &named->ops[count];
    return count + 1;
}

void pirn__claim_end(struct pirn_claim *claim, int32_t result)
{
    struct pirn__named *named = claim->priv.named;
    struct pirn_spool *spool = claim->priv.spool;
    uint32_t count = 0;

    claim->priv.named = NULL;
    pirn__event_claim(claim, result);
    if (named == NULL || result != 0) {
        free(named);
        pirn_task_finish(spool->context, &claim->op, result);
        return;
    }
    count = add_unlink(named, count, &named->alias, 0);
    count = add_unlink(named, count, &named->entry, 0);
    count = add_unlink(named, count, &named->dir, AT_REMOVEDIR);
    pirn_chain_start(spool->context, &named->chain, named->steps, count,
                     unnamed);
}

/* Both go only when the removal is durable: else a power cut brought back an
 * item that nobody finds, or whose name another one has. Where there is no
 * memory they are free to who asks. */
static void note_name(struct pirn_claim *claim)
{
    const struct pirn_item *item = &claim->item;
    const char *text = item->fields.len == 0
                           ? NULL
                           : pirn_fields_get(&item->fields, PIRN__NAME_FIELD);
    bool has_name = text != NULL && pirn_name_is_valid(text);
    bool has_alias = claim->priv.layout->has_alias(claim);
    char id[PIRN_ID_TEXT];

    pirn_assert(claim->priv.named == NULL);
    if (!has_name && !has_alias) {
        return;
    }
    claim->priv.durable = true;
    claim->priv.named = calloc(1, sizeof(*claim->priv.named));
    if (claim->priv.named == NULL) {
        return;
    }
    claim->priv.named->claim = claim;
    if (has_alias) {
        pirn__name_alias(&claim->priv.named->alias, &item->id);
    }
    if (has_name) {
        pirn_id_format(&item->id, id);
        pirn__name_called_in(&claim->priv.named->entry, text, id);
        pirn__name_called(&claim->priv.named->dir, text);
    }
}

static void remove_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_claim *claim = claim_with_item(context, op);

    if (pirn__settle_holds(claim->priv.spool, op, remove_begin)) {
        return;
    }
    note_name(claim);
    claim->priv.layout->remove(claim);
}

static void prep_remove(struct pirn_claim *claim, bool durable)
{
    static const struct pirn_task_verbs verbs = {.begin = remove_begin};

    claim->priv.durable = durable;
    claim->priv.event = PIRN_EVENT_REMOVED;
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

    if (pirn__settle_holds(claim->priv.spool, op, update_begin)) {
        return;
    }
    claim->priv.layout->update(claim);
}

void pirn_prep_update(struct pirn_claim *claim,
                      const struct pirn_change *change)
{
    static const struct pirn_task_verbs verbs = {.begin = update_begin};

    pirn_assert(change != NULL);
    claim->priv.change = change;
    claim->priv.event = PIRN_EVENT_UPDATED;
    pirn_prep_task(&claim->op, &verbs);
}

static void give_back_met(struct pirn_op *op, struct pirn__queue *queue)
{
    struct pirn_claim *claim = claim_of(op);

    if (queue->layout != claim->priv.layout) {
        pirn__move_start(claim, queue);
        return;
    }
    claim->priv.layout->give_back(claim);
}

static void give_back_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_claim *claim = claim_with_item(context, op);
    const struct pirn_change *change = claim->priv.change;

    if (pirn__settle_holds(claim->priv.spool, op, give_back_begin)) {
        return;
    }
    if (change != NULL && (change->what & PIRN_CHANGE_QUEUE) != 0) {
        pirn__queue_meet(claim->priv.spool, change->queue, op, give_back_met);
        return;
    }
    claim->priv.layout->give_back(claim);
}

static void prep_give_back(struct pirn_claim *claim,
                           const struct pirn_change *change)
{
    static const struct pirn_task_verbs verbs = {.begin = give_back_begin};

    claim->priv.change = change;
    claim->priv.event = PIRN_EVENT_GIVEN_BACK;
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

void pirn_prep_move(struct pirn_claim *claim, const char *queue)
{
    pirn_assert(queue != NULL);
    claim->priv.moving = (struct pirn_change){
        .what = PIRN_CHANGE_QUEUE | PIRN_CHANGE_UNTRIED,
        .queue = queue,
    };
    prep_give_back(claim, &claim->priv.moving);
}
