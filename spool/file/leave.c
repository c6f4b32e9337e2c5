/* SPDX-License-Identifier: MIT */
/*
 * leave.c - an item of files goes to the log: S13 of the table
 *
 *   leave    [a short body into memory]
 *            rename .checkout/O/ID -> .checkout/O/ID.out
 *            fsync .checkout/O and where it was claimed, at once
 *   depart   unlink .data/XY/ID, unlink .checkout/O/ID.out, fsync .checkout/O,
 *            fsync .data/XY
 *   stay     rename .checkout/O/ID.out -> .checkout/O/ID, fsync .checkout/O:
 *            else a power cut brings ID.out back when the item has been given
 *            back, claimed by others, and removed
 *
 * The first rename decides between us and who fences us out: of an ID.out he
 * sees nothing. It is durable before the log has a record, so a power cut does
 * not leave the item ready beside its copy; and its end is durable before
 * anybody sees the copy, so it does not come back when that has been removed.
 */
#include <errno.h>
#include <stdio.h>

#include <pirn/invariant.h>
#include <pirn/path.h>

#include "spool/file/claim.h"
#include "spool/move.h"

static struct pirn__move *move_of(struct pirn__file_move *file)
{
    return pirn_container_of(file, struct pirn__move, file);
}

static struct pirn__move *move_of_step(struct pirn_op *op)
{
    return move_of(pirn_container_of(op, struct pirn__file_move, step));
}

static struct pirn_claim_work *work_of(const struct pirn__move *move)
{
    return move->claim->priv.work;
}

bool pirn__file_is_held(const struct pirn_claim *claim)
{
    return claim->priv.work->is_held;
}

/* ---- leave ---- */

static void synced_one(struct pirn__move *move, int32_t result)
{
    struct pirn__file_move *file = &move->file;

    pirn_assert(file->left > 0);
    if (result < 0 && file->result == 0) {
        file->result = result;
    }
    if (--file->left == 0) {
        pirn__move_go_on(move, file->result);
    }
}

static void synced_site(struct pirn_op *op, int32_t result)
{
    synced_one(
        move_of(pirn_container_of(op, struct pirn__file_move, sync.waiter.op)),
        result);
}

static void synced_checkout(struct pirn_op *op, int32_t result)
{
    synced_one(move_of(pirn_container_of(op, struct pirn__file_move,
                                         sync_checkout.waiter.op)),
               result);
}

static void hidden(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move = move_of_step(op);
    struct pirn_claim_work *work = work_of(move);
    struct pirn__file_move *file = &move->file;

    pirn__latch_release(&work->latch);
    if (result < 0) {
        pirn__move_go_on(move, result == -ENOENT ? -ESTALE : result);
        return;
    }
    file->left = 2;
    file->result = 0;
    pirn__prep_sync(&file->sync, pirn__site_sync(&work->from, &work->id));
    pirn__prep_sync(&file->sync_checkout, &work->queue->checkout);
    pirn_start(move->spool->context, &file->sync.waiter.op, synced_site);
    pirn_start(move->spool->context, &file->sync_checkout.waiter.op,
               synced_checkout);
}

static int check_ours(const struct pirn_claim_work *work)
{
    return work->lost ? -ESTALE : work->is_unsure ? -EIO : 0;
}

/* Another claim of this open may have got the item anew while we read: the name
 * is its then. */
static void hide_latched(struct pirn__move *move)
{
    struct pirn_claim_work *work = work_of(move);
    struct pirn_spool *spool = move->spool;
    struct pirn__file_move *file = &move->file;

    int r = check_ours(work);
    if (r < 0) {
        pirn__latch_release(&work->latch);
        pirn__move_go_on(move, r);
        return;
    }
    pirn__name_claimed(&file->path, work->queue->name, spool->slot, &work->id);
    pirn__name_moving(&file->moving, work->queue->name, spool->slot, &work->id,
                      PIRN__MOVING_OUT);
    pirn_prep_rename(&file->step, spool->root_fd, file->path.text,
                     spool->root_fd, file->moving.text, RENAME_NOREPLACE);
    pirn_start(spool->context, &file->step, hidden);
}

static void may_hide(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, latch.op);

    pirn_assert(result == 0);
    hide_latched(work->claim->priv.move);
}

static void hide(struct pirn__move *move)
{
    struct pirn_claim_work *work = work_of(move);

    if (pirn__latch_take(&work->latch, move->spool, &work->id, may_hide)) {
        hide_latched(move);
    }
}

static void read_more(struct pirn__move *move);

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, body.op);
    struct pirn__move *move = work->claim->priv.move;

    if (result <= 0) {
        bool is_bad = result == 0 || result == -ENOENT;
        pirn__move_go_on(move, is_bad ? -EBADMSG : result);
        return;
    }
    move->body_done += (uint32_t)result;
    read_more(move);
}

static void read_more(struct pirn__move *move)
{
    struct pirn_claim_work *work = work_of(move);
    uint32_t left = (uint32_t)move->item.size_bytes - move->body_done;

    if (left == 0) {
        int r = pirn__move_check_body(move);
        if (r < 0) {
            pirn__move_go_on(move, r);
            return;
        }
        hide(move);
        return;
    }
    pirn__prep_body_read(&work->body, move->body + move->body_done, left,
                         move->body_done);
    pirn_start(move->spool->context, &work->body.op, have_read);
}

void pirn__file_leave(struct pirn__move *move)
{
    const struct pirn_claim_work *work = work_of(move);

    int r = check_ours(work);
    if (r < 0) {
        pirn__move_go_on(move, r);
        return;
    }
    if (move->item.size_bytes > PIRN__MOVE_BODY_MAX) {
        pirn__name_body(&move->source, &work->id);
        move->has_source = true;
        hide(move);
        return;
    }
    if (!pirn__move_make_body(move)) {
        pirn__move_go_on(move, -ENOMEM);
        return;
    }
    read_more(move);
}

/* ---- stay ---- */

/* It is ours again, whatever the sync said; but then it goes nowhere before
 * another one has gone well (pirn__file_give_back()). */
static void stay_synced(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move = move_of(
        pirn_container_of(op, struct pirn__file_move, sync_checkout.waiter.op));

    work_of(move)->is_unsynced = result < 0;
    pirn__move_go_on(move, 0);
}

static void stayed(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move = move_of_step(op);
    struct pirn__file_move *file = &move->file;

    /* A rename that failed may have happened, and this one tells. */
    if (result < 0 && result != -ENOENT) {
        pirn__move_go_on(move, result);
        return;
    }
    pirn__prep_sync(&file->sync_checkout, &work_of(move)->queue->checkout);
    pirn_start(move->spool->context, &file->sync_checkout.waiter.op,
               stay_synced);
}

/* Where it has not left there is nothing to be done. */
void pirn__file_stay(struct pirn__move *move)
{
    struct pirn__file_move *file = &move->file;
    int root = move->spool->root_fd;

    if (file->moving.text[0] == '\0') {
        pirn__move_go_on(move, 0);
        return;
    }
    pirn_prep_rename(&file->step, root, file->moving.text, root,
                     file->path.text, RENAME_NOREPLACE);
    pirn_start(move->spool->context, &file->step, stayed);
}

/* ---- depart ---- */

static void departed(struct pirn_op *op, int32_t result)
{
    pirn__move_go_on(
        move_of(pirn_container_of(op, struct pirn__file_move, chain.op)),
        result);
}

/* A body that cannot be unlinked, or that comes back, is a leftover, and no
 * reason to keep the item from everybody. Its directory is the last one: where
 * one sync writes all that was changed before, there is nothing left then. */
void pirn__file_depart(struct pirn__move *move)
{
    struct pirn__file_move *file = &move->file;
    int root = move->spool->root_fd;

    pirn__name_body(&file->to, &move->item.id);
    pirn_prep_unlink(&file->step, root, file->to.text, 0);
    pirn_step_when(&file->step, PIRN_STEP_ALWAYS);
    pirn_prep_unlink(&file->unlink, root, file->moving.text, 0);
    pirn__prep_sync(&file->sync_checkout, &work_of(move)->queue->checkout);
    pirn__prep_sync(&file->sync,
                    &move->spool->bodies[pirn__id_shard(&move->item.id)]);
    pirn_step_when(&file->sync.waiter.op, PIRN_STEP_ALWAYS);
    file->steps[0] = &file->step;
    file->steps[1] = &file->unlink;
    file->steps[2] = &file->sync_checkout.waiter.op;
    file->steps[3] = &file->sync.waiter.op;
    pirn_chain_start(move->spool->context, &file->chain, file->steps, 4,
                     departed);
}
