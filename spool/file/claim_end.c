/* SPDX-License-Identifier: MIT */
/*
 * claim_end.c - what an owner does with an item that it has: S5 to S4 or S7
 *
 *   remove      rename .checkout/O/ID -> .tmp/O/ID: told, unless it is to be
 *               durable, or too many have been told already; the rest is for a
 *               round of all that were (removals.c)
 *               fsync .checkout/O and where it was claimed, at once
 *               unlink .data/XY/ID, [sync of .data/XY], unlink .tmp/O/ID
 *
 * The syncs stand between, because an unlink may reach the disk before the
 * rename does: the item would come back without its body. A rename is atomic,
 * so syncing the directory it left makes both its halves durable. An item that
 * was given back left an earlier owner's .checkout by a rename to where it was
 * claimed, and perhaps nobody has synced that one yet; its metadata need not
 * show it.
 *
 *   update      new metadata are exchanged for the old (back.c), durably
 *   give back   likewise, and then it goes where they say; without a change not
 *               durably
 *
 * Once the syncs have said 0 the item is removed; what an unlink then cannot do
 * is left to the slot's recovery.
 */
#include "spool/file/claim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/event.h"
#include "spool/fields.h"
#include "spool/file/file.h"
#include "spool/file/meta.h"
#include "spool/file/removals.h"
#include "spool/layout.h"
#include "spool/move.h"
#include "spool/queue.h"

static struct pirn_claim_work *work_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn_claim_work, step);
}

static void closed(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work = work_of(op);
    struct pirn_claim *claim = work->claim;
    int32_t r = work->result;

    pirn_assert(result <= 0); /* nothing was written */
    claim->priv.work = NULL;
    claim->item.fields = (struct pirn_fields){0};
    pirn__claim_work_destroy(work);
    pirn__claim_end(claim, r);
}

/* The claim's end. What we should have had and did not is -ESTALE. */
static void end(struct pirn_claim_work *work, int32_t result)
{
    pirn_assert(result <= 0);
    pirn_assert(!pirn_op_is_idle(&work->claim->op));
    work->result = result == -ENOENT ? -ESTALE : result;
    pirn__body_prep_close(&work->body, &work->step);
    pirn_start(work->spool->context, &work->step, closed);
}

void pirn__file_claim_end(struct pirn_claim *claim, int32_t result)
{
    end(claim->priv.work, result);
}

/* ---- read ---- */

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, body.op);

    pirn_task_finish(work->spool->context, &work->claim->op,
                     result == -ENOENT ? -EBADMSG : result);
}

void pirn__file_claim_read(struct pirn_claim *claim)
{
    struct pirn_claim_work *work = claim->priv.work;

    pirn_assert(work->claim == claim);
    pirn__prep_body_read(&work->body, claim->priv.buf, claim->priv.len,
                         claim->priv.offset);
    pirn_start(work->spool->context, &work->body.op, have_read);
}

bool pirn__file_claim_body(const struct pirn_claim *claim,
                           struct pirn__name *ret_name)
{
    pirn__name_body(ret_name, &claim->priv.work->id);
    return true;
}

bool pirn__file_has_alias(const struct pirn_claim *claim)
{
    (void)claim;
    return false;
}

/* ---- changes ---- */

static void back_latched(struct pirn_claim_work *work)
{
    struct pirn__back *back = &work->back;

    if (work->lost) { /* while it waited */
        work->latched(&back->op, -ENOENT);
        return;
    }
    back->spool = work->spool;
    back->queue = work->queue;
    back->slot = work->spool->slot;
    back->from = work->from;
    pirn__prep_back(back);
    pirn_start(work->spool->context, &back->op, work->latched);
}

static void may_go_back(struct pirn_op *op, int32_t result)
{
    pirn_assert(result == 0);
    back_latched(pirn_container_of(op, struct pirn_claim_work, latch.op));
}

/* @fn lets the latch go. */
static void start_back(struct pirn_claim_work *work, pirn_op_fn *fn)
{
    work->latched = fn;
    if (pirn__latch_take(&work->latch, work->spool, &work->id, may_go_back)) {
        back_latched(work);
    }
}

/* The claim goes on, with what the item is now. */
static void go_on(struct pirn_claim_work *work, int32_t result)
{
    struct pirn_claim *claim = work->claim;
    struct pirn_item *item = &work->meta.item;

    pirn_assert(result <= 0);
    pirn__event_claim(claim, result);
    memcpy(item->queue, work->to_queue->name, sizeof(item->queue));
    item->state = PIRN_ITEM_CLAIMED;
    item->owner = work->spool->slot;
    claim->item = *item;
    pirn_task_finish(work->spool->context, &claim->op, result);
}

/* What was written is what the item is; but an attempt that should have ended
 * with it goes on, and is counted by what ends it. */
static void renew(struct pirn_claim_work *work)
{
    struct pirn_item *item = &work->meta.item;
    uint32_t attempts = item->attempts;

    *item = work->changed;
    item->attempts = attempts;
    work->to_queue = work->back.to_queue;
    work->is_held = work->changed.state == PIRN_ITEM_HELD;
    if (work->fields != NULL) {
        free(work->meta.memory);
        work->meta.memory = work->fields;
        work->fields = NULL;
    }
}

static void read_again(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, reread.op);

    pirn_assert(result <= 0);
    if (result == 0) {
        work->is_unsure = false;
        if (work->reread.item.version == work->changed.version) {
            renew(work);
        }
        free(work->reread.memory);
    }
    free(work->fields);
    work->fields = NULL;
    go_on(work, work->result);
}

/* The exchange has failed, and may have happened: the metadata tell. */
static void read_which(struct pirn_claim_work *work)
{
    pirn__name_claimed(&work->reread.path, work->queue->name, work->spool->slot,
                       &work->id);
    pirn__prep_meta_read(&work->reread, work->spool, &work->id);
    pirn_start(work->spool->context, &work->reread.op, read_again);
}

static void changed(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, back.op);
    const struct pirn__back *back = &work->back;

    pirn_assert(result <= 0);
    pirn__latch_release(&work->latch);
    work->result = result;
    if (result == -ENOENT || (result == 0 && !back->stays)) {
        end(work, result);
        return;
    }
    work->may_have_left = back->may_have_left;
    if (back->is_new) {
        renew(work);
    } else {
        work->meta.item.version = work->changed.version; /* it is spent */
    }
    if (back->is_unsure) {
        work->is_unsure = true;
        read_which(work);
        return;
    }
    free(work->fields);
    work->fields = NULL;
    go_on(work, result);
}

/* New fields into @item, with memory of their own. */
static int take_fields(struct pirn_claim_work *work, struct pirn_item *item,
                       const struct pirn_fields *fields)
{
    struct pirn_fields kept = pirn__fields_kept(&item->fields, fields);
    uint32_t len = fields == NULL ? 0 : fields->len;
    int r = pirn__fields_check(fields);

    if (r < 0) {
        return r;
    }
    if (len > PIRN_FIELDS_MAX - kept.len) {
        return -E2BIG;
    }
    work->fields = malloc(kept.len + len + 1);
    if (work->fields == NULL) {
        return -ENOMEM;
    }
    if (kept.len > 0) {
        memcpy(work->fields, kept.bytes, kept.len);
    }
    if (len > 0) {
        memcpy(work->fields + kept.len, fields->bytes, len);
    }
    len += kept.len;
    item->fields = (struct pirn_fields){work->fields, len, len};
    return 0;
}

/* Into @work->changed. */
static int apply(struct pirn_claim_work *work, const struct pirn_change *change)
{
    struct pirn_item *item = &work->changed;

    if (change->what & PIRN_CHANGE_DUE) {
        item->due_ns = change->due_ns < PIRN__META_DUE_MAX ? change->due_ns
                                                           : PIRN__META_DUE_MAX;
    }
    if (change->what & PIRN_CHANGE_PRIORITY) {
        item->priority = pirn__site_priority(change->priority);
    }
    if (change->what & PIRN_CHANGE_HELD) {
        item->state = change->held ? PIRN_ITEM_HELD : PIRN_ITEM_READY;
    }
    return change->what & PIRN_CHANGE_FIELDS
               ? take_fields(work, item, change->fields)
               : 0;
}

/* Version v + 1 of what we have, with what changes. */
static void change(struct pirn_claim_work *work, struct pirn__queue *to_queue)
{
    const struct pirn_change *change = work->claim->priv.change;
    bool is_tried = !work->stays && !(change->what & PIRN_CHANGE_UNTRIED);
    struct pirn_item *item = &work->changed;

    *item = work->meta.item;
    item->state = work->is_held ? PIRN_ITEM_HELD : PIRN_ITEM_READY;
    item->attempts += is_tried && item->attempts < UINT32_MAX;
    int r = item->version == UINT32_MAX ? -EOVERFLOW : apply(work, change);
    item->version++;
    if (r == 0 && work->is_unsure) {
        r = -EIO; /* which is which nobody could read */
    }
    if (r < 0) {
        free(work->fields);
        work->fields = NULL;
        pirn_task_finish(work->spool->context, &work->claim->op, r);
        return;
    }
    work->back.item = *item;
    work->back.to_queue = to_queue;
    work->back.is_change = true;
    work->back.stays = work->stays;
    start_back(work, changed);
}

static void met(struct pirn_op *op, struct pirn__queue *queue)
{
    struct pirn_claim *claim = pirn_container_of(op, struct pirn_claim, op);

    if (queue->layout != &pirn__layout_file) {
        pirn_task_finish(claim->priv.spool->context, op, -EOPNOTSUPP);
        return;
    }
    change(claim->priv.work, queue);
}

static void begin_change(struct pirn_claim *claim, bool stays)
{
    struct pirn_claim_work *work = claim->priv.work;
    const struct pirn_change *change_to = claim->priv.change;

    pirn_assert(work->claim == claim && change_to != NULL);
    if (work->lost) {
        end(work, -ESTALE);
        return;
    }
    work->stays = stays;
    if (change_to->what & PIRN_CHANGE_QUEUE) {
        pirn__queue_meet(work->spool, change_to->queue, &claim->op, met);
        return;
    }
    change(work, work->to_queue);
}

void pirn__file_update(struct pirn_claim *claim)
{
    begin_change(claim, true);
}

static void given_back(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, back.op);

    pirn_assert(result <= 0);
    pirn__latch_release(&work->latch);
    end(work, result == -ENOENT && work->may_have_left ? 0 : result);
}

void pirn__file_give_back(struct pirn_claim *claim)
{
    struct pirn_claim_work *work = claim->priv.work;
    struct pirn__back *back = &work->back;

    pirn_assert(work->claim == claim);
    if (claim->priv.change != NULL) {
        begin_change(claim, false);
        return;
    }
    if (work->lost) {
        end(work, -ESTALE);
        return;
    }
    if (work->is_unsure) {
        end(work, -EIO); /* it stays with us: which version nobody could read */
        return;
    }
    back->item = work->meta.item;
    back->item.state = work->is_held ? PIRN_ITEM_HELD : PIRN_ITEM_READY;
    back->item.attempts += back->item.attempts < UINT32_MAX;
    back->item.version += back->item.version < UINT32_MAX;
    back->to_queue = work->to_queue;
    back->is_change = work->is_unsynced; /* which syncs .checkout/O, or fails */
    back->stays = false;
    start_back(work, given_back);
}

/* ---- remove ---- */

static void unlinked_name(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0);
    end(work_of(op), 0);
}

static void unlink_name(struct pirn_claim_work *work)
{
    pirn_prep_unlink(&work->step, work->spool->root_fd, work->to.text, 0);
    pirn_start(work->spool->context, &work->step, unlinked_name);
}

static void synced_body(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, sync_ready.waiter.op);

    if (result < 0) {
        end(work, 0);
    } else {
        unlink_name(work);
    }
}

/* By its body whoever asks for a caller's name knows that it is somebody's. So
 * of an item that has one the body does not come back alone. */
static void unlinked_body(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work = work_of(op);

    pirn_assert(result <= 0);
    if (result < 0 && result != -ENOENT) {
        end(work, 0); /* its name stays with it, for recovery */
        return;
    }
    if (work->claim->priv.named == NULL) {
        unlink_name(work);
        return;
    }
    pirn__prep_sync(&work->sync_ready,
                    &work->spool->bodies[pirn__id_shard(&work->id)]);
    pirn_start(work->spool->context, &work->sync_ready.waiter.op, synced_body);
}

static void synced_one(struct pirn_claim_work *work, int32_t result)
{
    pirn_assert(work->left > 0);
    pirn_assert(result <= 0);
    if (result < 0 && work->result == 0) {
        work->result = result;
    }
    if (--work->left > 0) {
        return;
    }
    if (work->result < 0) {
        end(work, work->result);
        return;
    }
    pirn__name_body(&work->path, &work->id);
    pirn_prep_unlink(&work->step, work->spool->root_fd, work->path.text, 0);
    pirn_start(work->spool->context, &work->step, unlinked_body);
}

static void synced_checkout(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0);
    synced_one(
        pirn_container_of(op, struct pirn_claim_work, sync_checkout.waiter.op),
        result);
}

static void synced_ready(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0);
    synced_one(
        pirn_container_of(op, struct pirn_claim_work, sync_ready.waiter.op),
        result);
}

static void renamed(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, rename.op);
    struct pirn_context *context = work->spool->context;

    pirn_assert(result <= 0);
    pirn__latch_release(&work->latch);
    if (result < 0) {
        end(work, result);
        return;
    }
    struct pirn__sync *const dirs[2] = {
        &work->queue->checkout, pirn__site_sync(&work->from, &work->id)};
    if (!work->claim->priv.durable &&
        pirn__removals_take(work->spool, &work->id, dirs,
                            work->meta.item.size_bytes)) {
        end(work, 0);
        return;
    }
    work->result = 0;
    work->left = 2;
    pirn__prep_sync(&work->sync_checkout, dirs[0]);
    pirn_start(context, &work->sync_checkout.waiter.op, synced_checkout);
    pirn__prep_sync(&work->sync_ready, dirs[1]);
    pirn_start(context, &work->sync_ready.waiter.op, synced_ready);
    pirn__removals_hurry(work->spool); /* the same syncs serve them */
}

static void remove_latched(struct pirn_claim_work *work)
{
    struct pirn_spool *spool = work->spool;

    if (work->lost) {
        pirn__latch_release(&work->latch);
        end(work, -ESTALE);
        return;
    }
    pirn__name_claimed(&work->path, work->queue->name, spool->slot, &work->id);
    pirn__name_draft(&work->to, spool->slot, &work->id);
    pirn_prep_rename(&work->rename.op, spool->root_fd, work->path.text,
                     spool->root_fd, work->to.text, RENAME_NOREPLACE);
    pirn__bundle_push(&spool->renames, &work->rename, renamed);
}

static void may_remove(struct pirn_op *op, int32_t result)
{
    pirn_assert(result == 0);
    remove_latched(pirn_container_of(op, struct pirn_claim_work, latch.op));
}

void pirn__file_remove(struct pirn_claim *claim)
{
    struct pirn_claim_work *work = claim->priv.work;

    pirn_assert(work->claim == claim);
    pirn_assert(work->meta.item.owner == work->spool->slot);
    if (pirn__latch_take(&work->latch, work->spool, &work->id, may_remove)) {
        remove_latched(work);
    }
}
