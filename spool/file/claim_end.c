/* SPDX-License-Identifier: MIT */
/*
 * claim_end.c - what an owner does with an item that it has: S5 to S4 or S7
 *
 *   remove      rename .checkout/O/ID -> .tmp/O/ID
 *               fsync .checkout/O and QUEUE/XY, at once
 *               unlink .data/XY/ID, unlink .tmp/O/ID
 *
 * The syncs stand between, because an unlink may reach the disk before the
 * rename does: the item would come back without its body. A rename is atomic,
 * so syncing the directory it left makes both its halves durable. An item that
 * was given back left an earlier owner's .checkout by a rename into QUEUE/XY,
 * and perhaps nobody has synced that one yet; its metadata need not show it.
 *
 * Once the syncs have said 0 the item is removed; what an unlink then cannot do
 * is left to the slot's recovery.
 */
#include "spool/file/claim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/file/file.h"
#include "spool/layout.h"

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

/* ---- give back ---- */

/* The metadata have no place yet for what could be different. */
void pirn__file_update(struct pirn_claim *claim)
{
    pirn_assert(claim->priv.change != NULL);
    pirn_task_finish(claim->priv.spool->context, &claim->op, -EOPNOTSUPP);
}

static void given_back(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0);
    end(pirn_container_of(op, struct pirn_claim_work, back.op), result);
}

void pirn__file_give_back(struct pirn_claim *claim)
{
    struct pirn_claim_work *work = claim->priv.work;

    pirn_assert(work->claim == claim);
    if (claim->priv.change != NULL) {
        pirn__file_update(claim);
        return;
    }
    if (work->lost) {
        end(work, -ESTALE);
        return;
    }
    pirn__prep_back(&work->back, work->spool, work->queue, work->spool->slot,
                    &work->meta.item);
    pirn_start(work->spool->context, &work->back.op, given_back);
}

/* ---- remove ---- */

static void unlinked_name(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0);
    end(work_of(op), 0);
}

static void unlinked_body(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work = work_of(op);

    pirn_assert(result <= 0);
    if (result < 0 && result != -ENOENT) {
        end(work, 0); /* its name stays with it, for recovery */
        return;
    }
    pirn_prep_unlink(&work->step, work->spool->root_fd, work->to.text, 0);
    pirn_start(work->spool->context, &work->step, unlinked_name);
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
    pirn__name_body(&work->from, &work->id);
    pirn_prep_unlink(&work->step, work->spool->root_fd, work->from.text, 0);
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
    struct pirn_claim_work *work = work_of(op);
    struct pirn_context *context = work->spool->context;
    uint32_t shard = pirn__id_shard(&work->id);

    pirn_assert(result <= 0);
    if (result < 0) {
        end(work, result);
        return;
    }
    pirn_assert(shard < PIRN__SHARDS);
    work->result = 0;
    work->left = 2;
    pirn__prep_sync(&work->sync_checkout, &work->queue->checkout);
    pirn_start(context, &work->sync_checkout.waiter.op, synced_checkout);
    pirn__prep_sync(&work->sync_ready, &work->queue->ready[shard]);
    pirn_start(context, &work->sync_ready.waiter.op, synced_ready);
}

void pirn__file_remove(struct pirn_claim *claim)
{
    struct pirn_claim_work *work = claim->priv.work;
    struct pirn_spool *spool = work->spool;

    pirn_assert(work->claim == claim);
    pirn_assert(work->meta.item.owner == spool->slot);
    if (work->lost) {
        end(work, -ESTALE);
        return;
    }
    pirn__name_claimed(&work->from, work->queue->name, spool->slot, &work->id);
    pirn__name_draft(&work->to, spool->slot, &work->id);
    pirn_prep_rename(&work->step, spool->root_fd, work->from.text,
                     spool->root_fd, work->to.text, RENAME_NOREPLACE);
    pirn_start(spool->context, &work->step, renamed);
}
