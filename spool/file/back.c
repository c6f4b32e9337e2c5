/* SPDX-License-Identifier: MIT */
/*
 * back.c - new metadata, exchanged for the old; then, unless it stays, away
 *
 *   make the site that it goes to
 *   fsync of the directory it was claimed from: the claim is durable
 *   open .tmp/O/ID.new (O_EXCL)   write   fdatasync   close
 *   exchange .tmp/O/ID.new <-> .checkout/O/ID
 *   fsync .checkout/O: the change is durable           (of a change)
 *   rename .checkout/O/ID -> the site        unlink .tmp/O/ID.new (ALWAYS)
 *
 * Exchanged, not renamed over: a rename would make .checkout/O/ID anew where an
 * operator has taken the item from us, and one item would have two names. What
 * was synced before the exchange is whole after a power cut, whichever of the
 * two it meets.
 *
 * The claim is durable before the exchange, and with it all renames which
 * brought the item here: else a power cut could leave it where it was beside
 * .checkout/O/ID, the former with the older metadata, or beside the site it
 * goes to. With the old metadata alone, and back to where it was, no name means
 * anything else than another: that needs no sync.
 *
 * A change is durable as a claim with new metadata: whoever recovers that takes
 * the item to where they say. So its rename needs no sync, and where that fails
 * the item is changed and still ours.
 *
 * O_EXCL, because an ID.new that a power cut brought back may be another name
 * of the very metadata that we give back. The chain's last step takes it away,
 * and then the chain runs once more.
 */
#include "spool/file/back.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/file/meta_file.h"
#include "spool/opens.h"

enum { STEP_SYNC = 0, STEP_OPEN = 1, STEP_EXCHANGE = 5, STEPS_MAX = 9 };

static void start_chain(struct pirn__back *back);

static void closed(struct pirn_op *op, int32_t result)
{
    struct pirn__back *back = pirn_container_of(op, struct pirn__back, close);

    pirn_assert(result <= 0); /* nothing was written */
    pirn_task_finish(back->spool->context, &back->op, back->result);
}

static void finish(struct pirn__back *back, int32_t result)
{
    pirn_assert(result <= 0);
    pirn_assert(!pirn_op_is_idle(&back->op));
    free(back->text);
    back->text = NULL;
    if (back->make.fd >= 0) {
        back->result = result;
        pirn__site_prep_close(&back->make, &back->close);
        pirn_start(back->spool->context, &back->close, closed);
        return;
    }
    pirn_task_finish(back->spool->context, &back->op, result);
}

static void renamed_old(struct pirn_op *op, int32_t result)
{
    struct pirn__back *back = pirn_container_of(op, struct pirn__back, rename);

    pirn_assert(result <= 0);
    if (result == 0) {
        pirn__site_filled(back->spool, &back->from);
    }
    finish(back, result);
}

/* To where it was, as it was, if it belongs there. What had a time may have
 * come there by a rename that only the sync which failed would have made
 * durable. */
static bool may_go_as_it_was(const struct pirn__back *back)
{
    const struct pirn__site *from = &back->from;
    const struct pirn__site *to = &back->to;

    return !back->is_change && back->item.due_ns == 0 &&
           from->kind != PIRN__SITE_BUCKET && from->kind == to->kind &&
           from->shelf == to->shelf && from->queue == to->queue;
}

static void go_as_it_was(struct pirn__back *back)
{
    int root = back->spool->root_fd;

    pirn__site_path(&back->from, &back->item.id, &back->ready);
    pirn_prep_rename(&back->rename, root, back->claimed.text, root,
                     back->ready.text, RENAME_NOREPLACE);
    pirn_start(back->spool->context, &back->rename, renamed_old);
}

/* Who has fenced us out has it, with what we have changed, durably: he takes it
 * to where that says, as we would have. */
static bool is_his(const struct pirn__back *back, int32_t result)
{
    return result == -ENOENT && back->is_change;
}

/* ---- once more ---- */

static void renamed_late(struct pirn_op *op, int32_t result)
{
    struct pirn__back *back = pirn_container_of(op, struct pirn__back, rename);

    pirn_assert(result <= 0);
    if (result == -ENOENT && back->may_have_left) {
        result = 0; /* the one that failed has happened */
    }
    if (is_his(back, result)) {
        finish(back, 0);
        return;
    }
    if (result == 0) {
        back->may_have_left = false;
        pirn__site_filled(back->spool, &back->to);
    }
    finish(back, result);
}

static void made_late(struct pirn_op *op, int32_t result)
{
    struct pirn__back *back = pirn_container_of(op, struct pirn__back, make.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        finish(back, result);
        return;
    }
    pirn__site_prep_rename(&back->make, &back->rename, &back->claimed,
                           &back->item.id, &back->ready);
    pirn_start(back->spool->context, &back->rename, renamed_late);
}

static void start_make(struct pirn__back *back, pirn_op_fn *fn)
{
    struct pirn_context *context = back->spool->context;

    back->to = pirn__site_of(back->to_queue, &back->item,
                             pirn_context_realtime_ns(context));
    pirn__prep_site_make(&back->make, back->spool, &back->to);
    pirn_start(context, &back->make.op, fn);
}

static void closed_late(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0);
    start_make(pirn_container_of(op, struct pirn__back, close), made_late);
}

/* Its bucket's time has come meanwhile, and somebody has found that empty. Or a
 * rename has failed, and may have happened: that is told by the next one. */
static bool goes_late(struct pirn__back *back, uint32_t failed, int32_t result)
{
    bool is_dead = result == -ENOENT && back->make.fd >= 0;
    bool is_unsure = result != -ENOENT && back->is_change;

    if (result == 0 || failed != back->rename_at || back->late ||
        !(is_dead || is_unsure)) {
        return false;
    }
    back->late = true;
    back->may_have_left = is_unsure;
    pirn__site_prep_close(&back->make, &back->close);
    pirn_start(back->spool->context, &back->close, closed_late);
    return true;
}

/* ---- the chain ---- */

static bool is_full(int32_t result)
{
    return result == -ENOSPC || result == -EDQUOT;
}

static void done(struct pirn_op *op, int32_t result)
{
    struct pirn__back *back =
        pirn_container_of(op, struct pirn__back, chain.op);

    pirn_assert(result <= 0);
    uint32_t failed = result < 0 ? pirn_chain_failed(&back->chain) : STEPS_MAX;
    bool undone =
        failed == STEP_SYNC || (failed < STEP_EXCHANGE && is_full(result));
    if (undone && may_go_as_it_was(back)) {
        go_as_it_was(back);
        return;
    }
    if (failed == STEP_OPEN && result == -EEXIST && !back->again) {
        back->again = true;
        start_chain(back);
        return;
    }
    back->is_new = failed > STEP_EXCHANGE;
    back->is_unsure = failed == STEP_EXCHANGE && result != -ENOENT;
    if (goes_late(back, failed, result)) {
        return;
    }
    if (failed == back->rename_at && is_his(back, result)) {
        result = 0;
    } else if (result == 0 && !back->stays) {
        pirn__site_filled(back->spool, &back->to);
    }
    finish(back, result);
}

static void prep_steps(struct pirn__back *back)
{
    const struct pirn_id *id = &back->item.id;
    int root = back->spool->root_fd;

    pirn_assert(root >= 0);
    pirn_assert(back->text_len > 0);
    pirn__prep_sync(&back->sync, pirn__site_sync(&back->from, id));
    pirn__prep_open(&back->open, root, back->next.text,
                    O_WRONLY | O_CREAT | O_EXCL);
    pirn_prep_write(&back->write, PIRN_FD_OF(STEP_OPEN), back->text,
                    back->text_len, 0);
    pirn_prep_fsync(&back->fsync, PIRN_FD_OF(STEP_OPEN), PIRN_SYNC_DATA);
    pirn_prep_close(&back->close, PIRN_FD_OF(STEP_OPEN));
    pirn_step_when(&back->close, PIRN_STEP_ALWAYS);
    pirn_prep_rename(&back->exchange, root, back->next.text, root,
                     back->claimed.text, RENAME_EXCHANGE);
    pirn_prep_unlink(&back->unlink, root, back->next.text, 0);
    pirn_step_when(&back->unlink, PIRN_STEP_ALWAYS);
}

static void start_chain(struct pirn__back *back)
{
    uint32_t count = 0;

    pirn_assert(back->text != NULL);
    prep_steps(back);
    back->steps[count++] = &back->sync.waiter.op;
    back->steps[count++] = &back->open;
    back->steps[count++] = &back->write;
    back->steps[count++] = &back->fsync;
    back->steps[count++] = &back->close;
    pirn_assert(count == STEP_EXCHANGE);
    back->steps[count++] = &back->exchange;
    if (back->is_change) {
        pirn__prep_sync(&back->sync_checkout, &back->queue->checkout);
        back->steps[count++] = &back->sync_checkout.waiter.op;
    }
    back->rename_at = STEPS_MAX;
    if (!back->stays) {
        pirn__site_prep_rename(&back->make, &back->rename, &back->claimed,
                               &back->item.id, &back->ready);
        back->rename_at = count;
        back->steps[count++] = &back->rename;
    }
    back->steps[count++] = &back->unlink;
    pirn_assert(count <= STEPS_MAX);
    pirn_chain_start(back->spool->context, &back->chain, back->steps, count,
                     done);
}

static void made(struct pirn_op *op, int32_t result)
{
    struct pirn__back *back = pirn_container_of(op, struct pirn__back, make.op);

    pirn_assert(result <= 0);
    if (result < 0) { /* a shelf whose name a power cut may take, and it */
        finish(back, result);
    } else {
        start_chain(back);
    }
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__back *back = pirn_container_of(op, struct pirn__back, op);
    const struct pirn_id *id = &back->item.id;

    pirn_assert(context == back->spool->context);
    pirn_assert(back->text == NULL);
    pirn__name_next(&back->next, back->slot, id);
    pirn__name_claimed(&back->claimed, back->queue->name, back->slot, id);
    back->again = false;
    back->late = false;
    back->may_have_left = false;
    back->is_new = false;
    back->is_unsure = false;
    back->make.fd = -1;
    back->item.queue[0] = '\0';
    if (back->to_queue != back->queue) {
        memcpy(back->item.queue, back->to_queue->name,
               sizeof(back->item.queue));
    }
    back->text = pirn__meta_text(&back->item, &back->text_len);
    if (back->text == NULL) {
        finish(back, -ENOMEM);
        return;
    }
    if (back->stays) {
        start_chain(back);
        return;
    }
    start_make(back, made);
}

static const struct pirn_task_verbs verbs = {.begin = begin};

void pirn__prep_back(struct pirn__back *back)
{
    pirn_assert(back->slot < PIRN__SLOTS);
    pirn_assert(back->queue != NULL && back->to_queue != NULL);
    pirn_assert(back->from.queue != NULL);

    pirn_prep_task(&back->op, &verbs);
}
