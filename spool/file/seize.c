/* SPDX-License-Identifier: MIT */
/*
 * seize.c - one claim of another's becomes ours
 *
 *   rename .checkout/O/ID -> .checkout/F/ID     fsync .checkout/O
 *
 * The rename decides between him and us, and between all who seize at once.
 * What is read of the item behind it nobody changes any more. The sync stands
 * here because none that follows makes the rename durable: who has the item
 * when we have given it back syncs his own .checkout, and where he took it.
 */
#include "spool/file/seize.h"

#include <fcntl.h>
#include <stdio.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/opens.h"

static void done(struct pirn_op *op, int32_t result)
{
    struct pirn__seizing *seizing =
        pirn_container_of(op, struct pirn__seizing, chain.op);

    pirn_assert(result <= 0);
    pirn_task_finish(seizing->spool->context, &seizing->op, result);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__seizing *seizing =
        pirn_container_of(op, struct pirn__seizing, op);
    int root = seizing->spool->root_fd;

    pirn_assert(context == seizing->spool->context);
    pirn_prep_rename(&seizing->rename, root, seizing->from.text, root,
                     seizing->to.text, RENAME_NOREPLACE);
    pirn__prep_open(&seizing->open, root, seizing->dir.text,
                    O_RDONLY | O_DIRECTORY);
    pirn_prep_fsync(&seizing->fsync, PIRN_FD_OF(1), PIRN_SYNC_ALL);
    pirn_prep_close(&seizing->close, PIRN_FD_OF(1));
    pirn_step_when(&seizing->close, PIRN_STEP_ALWAYS);
    seizing->steps[0] = &seizing->rename;
    seizing->steps[1] = &seizing->open;
    seizing->steps[2] = &seizing->fsync;
    seizing->steps[3] = &seizing->close;
    pirn_chain_start(context, &seizing->chain, seizing->steps, 4, done);
}

void pirn__prep_seizing(struct pirn__seizing *seizing, struct pirn_spool *spool,
                        const struct pirn__queue *queue, uint32_t slot,
                        const struct pirn_id *id)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    pirn_assert(slot != spool->slot && slot < PIRN__SLOTS);
    seizing->spool = spool;
    pirn__name_claimed(&seizing->from, queue->name, slot, id);
    pirn__name_claimed(&seizing->to, queue->name, spool->slot, id);
    pirn__name_checkout_dir(&seizing->dir, queue->name, slot);
    pirn_prep_task(&seizing->op, &verbs);
}
