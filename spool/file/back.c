/* SPDX-License-Identifier: MIT */
/*
 * back.c - new metadata, exchanged for the old, then ready
 *
 *   fsync QUEUE/XY: the claim is durable
 *   open .tmp/O/ID.new (O_EXCL)   write   fdatasync   close
 *   exchange .tmp/O/ID.new <-> .checkout/O/ID
 *   rename .checkout/O/ID -> QUEUE/XY/ID        unlink .tmp/O/ID.new (ALWAYS)
 *
 * Exchanged, not renamed over: a rename would make .checkout/O/ID anew where an
 * operator has taken the item from us, and one item would have two names. What
 * was synced before the exchange is whole after a power cut, whichever of the
 * two it meets.
 *
 * The claim is durable before the exchange, and with it all renames which
 * brought the item here: else a power cut could leave QUEUE/XY/ID beside
 * .checkout/O/ID, the ready one with the older metadata. With the old ones
 * alone no name means anything else than another: that needs no sync.
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

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/file/meta_file.h"

enum { STEP_SYNC = 0, STEP_OPEN = 1, STEP_EXCHANGE = 5, STEPS = 8 };

static void start_chain(struct pirn__back *back);

static void finish(struct pirn__back *back, int32_t result)
{
    pirn_assert(result <= 0);
    pirn_assert(!pirn_op_is_idle(&back->op));
    free(back->text);
    back->text = NULL;
    if (result == 0) {
        pirn__nap_wake(back->spool, back->queue);
    }
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
    uint32_t failed = result < 0 ? pirn_chain_failed(&back->chain) : STEPS;
    bool full = result == -ENOSPC || result == -EDQUOT;
    if (failed == STEP_SYNC || (failed < STEP_EXCHANGE && full)) {
        pirn_start(back->spool->context, &back->rename, renamed);
        return;
    }
    if (failed == STEP_OPEN && result == -EEXIST && !back->again) {
        back->again = true;
        start_chain(back);
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
    pirn__name_next(&back->next, back->next_slot, id);
    pirn__name_claimed(&back->claimed, queue, back->slot, id);
    pirn__name_ready(&back->ready, queue, id);
}

static void prep_steps(struct pirn__back *back, uint32_t text_len)
{
    int root = back->spool->root_fd;

    pirn_assert(root >= 0);
    pirn_assert(text_len > 0);
    pirn__prep_sync(&back->sync,
                    &back->queue->ready[pirn__id_shard(&back->item.id)]);
    pirn_prep_open(&back->open, root, back->next.text,
                   O_WRONLY | O_CREAT | O_EXCL, PIRN__FILE_MODE);
    pirn_prep_write(&back->write, PIRN_FD_OF(STEP_OPEN), back->text, text_len,
                    0);
    pirn_prep_fsync(&back->fsync, PIRN_FD_OF(STEP_OPEN), PIRN_SYNC_DATA);
    pirn_prep_close(&back->close, PIRN_FD_OF(STEP_OPEN));
    pirn_step_when(&back->close, PIRN_STEP_ALWAYS);
    pirn_prep_rename(&back->exchange, root, back->next.text, root,
                     back->claimed.text, RENAME_EXCHANGE);
    pirn_prep_rename(&back->rename, root, back->claimed.text, root,
                     back->ready.text, RENAME_NOREPLACE);
    pirn_prep_unlink(&back->unlink, root, back->next.text, 0);
    pirn_step_when(&back->unlink, PIRN_STEP_ALWAYS);
}

static void start_chain(struct pirn__back *back)
{
    struct pirn_op *const steps[STEPS] = {
        &back->sync.waiter.op, &back->open,     &back->write,  &back->fsync,
        &back->close,          &back->exchange, &back->rename, &back->unlink,
    };

    pirn_assert(back->text != NULL);
    prep_steps(back, back->text_len);
    for (uint32_t i = 0; i < STEPS; i++) {
        back->steps[i] = steps[i];
    }
    pirn_chain_start(back->spool->context, &back->chain, back->steps, STEPS,
                     done);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__back *back = pirn_container_of(op, struct pirn__back, op);

    pirn_assert(context == back->spool->context);
    pirn_assert(back->text == NULL);
    prep_names(back);
    back->again = false;
    back->text = pirn__meta_text(&back->item, &back->text_len);
    if (back->text == NULL) {
        finish(back, -ENOMEM);
        return;
    }
    start_chain(back);
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
    back->next_slot = slot;
    back->item = *item;
    back->item.attempts += item->attempts < UINT32_MAX;
    back->item.version += item->version < UINT32_MAX;
    pirn_prep_task(&back->op, &verbs);
}
