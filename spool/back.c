/* SPDX-License-Identifier: MIT */
/*
 * back.c - new metadata, exchanged for the old, then ready
 *
 *   open .tmp/O/ID.new   write   fdatasync   close
 *   exchange .tmp/O/ID.new <-> .checkout/O/ID
 *   rename .checkout/O/ID -> QUEUE/XY/ID        unlink .tmp/O/ID.new (ALWAYS)
 *
 * Exchanged, not renamed over: a rename would make .checkout/O/ID anew where an
 * operator has taken the item from us, and one item would have two names. What
 * was synced before the exchange is whole after a power cut, whichever of the
 * two it meets.
 */
#include "spool/back.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/meta_file.h"

static void finish(struct pirn__back *back, int32_t result)
{
    pirn_assert(result <= 0);
    pirn_assert(!pirn_op_is_idle(&back->op));
    free(back->text);
    back->text = NULL;
    pirn_task_finish(back->spool->context, &back->op, result);
}

static void renamed(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0);
    finish(pirn_container_of(op, struct pirn__back, rename), result);
}

static void done(struct pirn_op *op, int32_t result)
{
    struct pirn__back *back =
        pirn_container_of(op, struct pirn__back, chain.op);

    pirn_assert(result <= 0);
    bool untouched = result < 0 && pirn_chain_failed(&back->chain) < 4;
    if (untouched && (result == -ENOSPC || result == -EDQUOT)) {
        pirn_start(back->spool->context, &back->rename, renamed);
        return;
    }
    finish(back, result);
}

static void prep_names(struct pirn__back *back)
{
    const struct pirn_id *id = &back->item.id;
    const char *queue = back->queue->name;

    pirn_assert(pirn_queue_name_is_valid(queue));
    pirn_assert(back->slot < PIRN__SLOTS);
    pirn__name_next(&back->next, back->slot, id);
    pirn__name_claimed(&back->claimed, queue, back->slot, id);
    pirn__name_ready(&back->ready, queue, id);
}

static void prep_steps(struct pirn__back *back, uint32_t text_len)
{
    int root = back->spool->root_fd;

    pirn_assert(root >= 0);
    pirn_assert(text_len > 0);
    pirn_prep_open(&back->open, root, back->next.text,
                   O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, PIRN__FILE_MODE);
    pirn_prep_write(&back->write, PIRN_FD_OF(0), back->text, text_len, 0);
    pirn_prep_fsync(&back->fsync, PIRN_FD_OF(0), PIRN_SYNC_DATA);
    pirn_prep_close(&back->close, PIRN_FD_OF(0));
    pirn_step_when(&back->close, PIRN_STEP_ALWAYS);
    pirn_prep_rename(&back->exchange, root, back->next.text, root,
                     back->claimed.text, RENAME_EXCHANGE);
    pirn_prep_rename(&back->rename, root, back->claimed.text, root,
                     back->ready.text, RENAME_NOREPLACE);
    pirn_prep_unlink(&back->unlink, root, back->next.text, 0);
    pirn_step_when(&back->unlink, PIRN_STEP_ALWAYS);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__back *back = pirn_container_of(op, struct pirn__back, op);
    struct pirn_op *const steps[] = {
        &back->open,     &back->write,  &back->fsync,  &back->close,
        &back->exchange, &back->rename, &back->unlink,
    };
    uint32_t text_len = 0;

    pirn_assert(context == back->spool->context);
    pirn_assert(back->text == NULL);
    prep_names(back);
    back->text = pirn__meta_text(&back->item, &text_len);
    if (back->text == NULL) {
        finish(back, -ENOMEM);
        return;
    }
    prep_steps(back, text_len);
    for (uint32_t i = 0; i < 7; i++) {
        back->steps[i] = steps[i];
    }
    pirn_chain_start(context, &back->chain, back->steps, 7, done);
}

static const struct pirn_task_verbs verbs = {.begin = begin};

void pirn__prep_back(struct pirn__back *back, struct pirn_spool *spool,
                     struct pirn__queue *queue, uint32_t slot,
                     const struct pirn_item *item)
{
    pirn_assert(slot < PIRN__SLOTS);
    pirn_assert(spool != NULL && queue != NULL);

    back->spool = spool;
    back->queue = queue;
    back->slot = slot;
    back->item = *item;
    back->item.attempts += item->attempts < UINT32_MAX;
    back->item.version += item->version < UINT32_MAX;
    pirn_prep_task(&back->op, &verbs);
}
