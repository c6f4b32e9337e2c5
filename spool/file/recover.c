/* SPDX-License-Identifier: MIT */
/*
 * recover.c - drafts first, then the claims of each queue
 *
 *   refresh queues -> list .tmp/O -> unlink ID.new
 *     -> sync .tmp/O, .checkout/O of each queue, QUEUE/XY of each draft's
 *        shard, and shelves
 *     -> of each draft: body, then name
 *     -> of each queue: list .checkout/O, [end moves,] sync it, give each back
 *
 * Of one who lives and is fenced out all claims are renamed into our .checkout
 * before his is synced: that decides between him and us. What he has changed is
 * in the metadata which we read then; what he changes later finds no claim.
 *
 * The syncs stand before the first unlink of a body: a draft may be a removal
 * (S6) or a publication that was taken back, whose rename only this kernel
 * knows yet. After a power cut its old name would stand there without a body.
 *
 * A body is deleted only if no other name of its item is found. By the table
 * there is none, and what a power cut left is put right before (single.c); if a
 * copied directory says otherwise, the name in .tmp goes and the item stays.
 */
#include "spool/file/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/event.h"
#include "spool/file/claim.h"
#include "spool/opens.h"

static void unlink_next(struct pirn__recover *recover);
static void sync_next(struct pirn__recover *recover);
static void queue_next(struct pirn__recover *recover);
static void took_all(struct pirn__recover *recover);
static void work(struct pirn__recover_worker *worker);

static struct pirn__recover *recover_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn__recover, step);
}

static struct pirn__recover_worker *worker_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn__recover_worker, step);
}

/* In whose .checkout the claims are that are given back. */
static uint32_t claimer(const struct pirn__recover *recover)
{
    return recover->living ? recover->spool->slot : recover->slot;
}

static void note(struct pirn__recover *recover, int32_t result)
{
    bool is_his = recover->living && result == -ENOENT;

    pirn_assert(recover->result <= 0);
    if (result < 0 && recover->result == 0 && !is_his) {
        recover->result = result;
    }
}

/* Nobody knows of each move which of the two lives. */
static void note_unsettled(struct pirn__recover *recover, int32_t result)
{
    recover->is_unsettled |= result < 0;
    note(recover, result);
}

static void finish(struct pirn__recover *recover)
{
    pirn_assert(recover->busy == 0);
    pirn__ids_deinit(&recover->scan.ids);
    pirn__ids_deinit(&recover->scan.next);
    if (!recover->living) {
        pirn__event_owner(recover->spool, PIRN_EVENT_DEAD, recover->slot,
                          recover->returned);
    }
    pirn_task_finish(recover->spool->context, &recover->op, recover->result);
}

/* Of the directory at @recover->path. Believed as it is: what follows is an
 * unlink or a rename, and a failed journal refuses it (pirn_prep_confirm()). */
static void start_sync(struct pirn__recover *recover, pirn_op_fn *fn)
{
    struct pirn_spool *spool = recover->spool;

    pirn__prep_open(&recover->open, spool->root_fd, recover->path.text,
                    O_RDONLY | O_DIRECTORY);
    pirn_prep_fsync(&recover->fsync, PIRN_FD_OF(0), PIRN_SYNC_ALL);
    pirn_prep_close(&recover->close, PIRN_FD_OF(0));
    pirn_step_when(&recover->close, PIRN_STEP_ALWAYS);
    recover->steps[0] = &recover->open;
    recover->steps[1] = &recover->fsync;
    recover->steps[2] = &recover->close;
    pirn_chain_start(spool->context, &recover->chain, recover->steps, 3, fn);
}

/* Every worker goes to work on the ids of the scan. */
static void work_all(struct pirn__recover *recover)
{
    pirn_assert(recover->busy == 0);
    recover->id_at = 0;
    recover->busy = PIRN__RECOVER_WORKERS;
    for (uint32_t i = 0; i < PIRN__RECOVER_WORKERS; i++) {
        recover->workers[i].recover = recover;
        work(&recover->workers[i]);
    }
}

/* One item less; the last worker that finds none goes on for all. */
static void worker_done(struct pirn__recover_worker *worker, int32_t result)
{
    note(worker->recover, result);
    work(worker);
}

static void unlinked_name(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0);
    worker_done(worker_of(op), result);
}

static void unlink_name(struct pirn__recover_worker *worker)
{
    struct pirn__recover *recover = worker->recover;

    pirn_assert(recover->queue == NULL);
    pirn__name_draft(&worker->path, recover->slot, &worker->id);
    pirn_prep_unlink(&worker->step, recover->spool->root_fd, worker->path.text,
                     0);
    pirn_start(recover->spool->context, &worker->step, unlinked_name);
}

static void unlinked_body(struct pirn_op *op, int32_t result)
{
    struct pirn__recover_worker *worker = worker_of(op);

    pirn_assert(result <= 0);
    if (result < 0 && result != -ENOENT) {
        worker_done(worker, result); /* its name stays with it */
        return;
    }
    unlink_name(worker);
}

static void found_elsewhere(struct pirn_op *op, int32_t result)
{
    struct pirn__recover_worker *worker =
        pirn_container_of(op, struct pirn__recover_worker, find.op);
    struct pirn_spool *spool = worker->recover->spool;

    pirn_assert(result <= 0);
    if (result == 0) {
        unlink_name(worker);
        return;
    }
    if (result != -ENOENT) {
        worker_done(worker, result);
        return;
    }
    pirn__name_body(&worker->path, &worker->id);
    pirn_prep_unlink(&worker->step, spool->root_fd, worker->path.text, 0);
    pirn_start(spool->context, &worker->step, unlinked_body);
}

static void set_aside_done(struct pirn_op *op, int32_t result)
{
    struct pirn__recover_worker *worker =
        pirn_container_of(op, struct pirn__recover_worker, aside.chain.op);

    pirn_assert(result <= 0);
    worker_done(worker, result);
}

static void set_aside(struct pirn__recover_worker *worker)
{
    struct pirn__recover *recover = worker->recover;

    pirn_assert(recover->queue != NULL);
    if (!recover->is_synced) {
        worker_done(worker, 0); /* nobody knows where it was claimed */
        return;
    }
    const struct pirn__site site = {.queue = recover->queue};
    pirn__aside_start(&worker->aside, recover->spool, &site, claimer(recover),
                      &worker->id, true, set_aside_done);
}

static void given_back(struct pirn_op *op, int32_t result)
{
    struct pirn__recover_worker *worker =
        pirn_container_of(op, struct pirn__recover_worker, back.op);

    pirn_assert(result <= 0);
    free(worker->meta.memory);
    worker->recover->returned += result == 0;
    worker_done(worker, result);
}

/* To where its metadata say, if .checkout/O could be synced: what had a time
 * may have been claimed before that had come, what a fencer had came from
 * another's .checkout, and of a move that was not ended it was ID.out or ID.in.
 * Else one of these may be back after a power cut, when others have removed the
 * item. */
static void give_back(struct pirn__recover_worker *worker)
{
    struct pirn__recover *recover = worker->recover;
    struct pirn__back *back = &worker->back;
    const struct pirn_item *item = &worker->meta.item;
    struct pirn__queue *to_queue =
        item->queue[0] == '\0' ? NULL
                               : pirn__queue_find(recover->spool, item->queue);

    if (!recover->is_synced) {
        free(worker->meta.memory);
        worker_done(worker, 0); /* what could not be synced was noted */
        return;
    }
    back->spool = recover->spool;
    back->queue = recover->queue;
    back->to_queue = to_queue == NULL ? recover->queue : to_queue;
    back->slot = claimer(recover);
    back->from = pirn__site_was(recover->queue, item);
    if (back->from.kind == PIRN__SITE_SHELF &&
        !recover->queue->shelves[back->from.shelf].is_there) {
        back->from.kind = PIRN__SITE_BUCKET; /* it has never been there */
    }
    back->item = *item;
    back->item.attempts += item->attempts < UINT32_MAX;
    back->item.version += item->version < UINT32_MAX;
    back->is_change = false;
    back->stays = false;
    pirn__prep_back(back);
    pirn_start(recover->spool->context, &back->op, given_back);
}

static void saw_body(struct pirn_op *op, int32_t result)
{
    struct pirn__recover_worker *worker = worker_of(op);

    pirn_assert(result <= 0);
    if (result == -ENOENT) {
        free(worker->meta.memory);
        set_aside(worker);
        return;
    }
    give_back(worker);
}

static void read_meta(struct pirn_op *op, int32_t result)
{
    struct pirn__recover_worker *worker =
        pirn_container_of(op, struct pirn__recover_worker, meta.op);
    struct pirn_spool *spool = worker->recover->spool;

    pirn_assert(result <= 0);
    if (result == -EBADMSG || result == -EPROTO) {
        set_aside(worker);
        return;
    }
    if (result < 0) {
        worker_done(worker, result);
        return;
    }
    pirn__name_body(&worker->path, &worker->id);
    pirn_prep_stat(&worker->step, spool->root_fd, worker->path.text,
                   AT_SYMLINK_NOFOLLOW, STATX_TYPE, &worker->statx);
    pirn_start(spool->context, &worker->step, saw_body);
}

static void start_reading(struct pirn__recover_worker *worker)
{
    struct pirn__recover *recover = worker->recover;

    pirn__name_claimed(&worker->meta.path, recover->queue->name,
                       claimer(recover), &worker->id);
    pirn__prep_meta_read(&worker->meta, recover->spool, &worker->id);
    pirn_start(recover->spool->context, &worker->meta.op, read_meta);
}

static void taken_over(struct pirn_op *op, int32_t result)
{
    struct pirn__recover_worker *worker = worker_of(op);

    pirn_assert(result <= 0);
    pirn__claims_brought(&worker->latch, result == 0);
    if (result < 0) {
        worker_done(worker, result); /* -ENOENT: he has ended it himself */
        return;
    }
    /* Those alone: another one may be in our .checkout by a claim of ours. The
     * ids before id_at are in somebody's hands, so their room is free. */
    struct pirn__recover *recover = worker->recover;
    pirn_assert(recover->taken < recover->id_at);
    recover->scan.ids.ids[recover->taken++] = worker->id;
    worker_done(worker, 0);
}

static void take_over_latched(struct pirn__recover_worker *worker)
{
    struct pirn__recover *recover = worker->recover;
    int root = recover->spool->root_fd;

    pirn_assert(recover->slot != recover->spool->slot);
    pirn__name_claimed(&worker->path, recover->queue->name, recover->slot,
                       &worker->id);
    pirn__name_claimed(&worker->meta.path, recover->queue->name,
                       recover->spool->slot, &worker->id);
    pirn_prep_rename(&worker->step, root, worker->path.text, root,
                     worker->meta.path.text, RENAME_NOREPLACE);
    pirn_start(recover->spool->context, &worker->step, taken_over);
}

static void may_take_over(struct pirn_op *op, int32_t result)
{
    pirn_assert(result == 0);
    take_over_latched(
        pirn_container_of(op, struct pirn__recover_worker, latch.op));
}

static void take_over(struct pirn__recover_worker *worker)
{
    struct pirn_spool *spool = worker->recover->spool;

    if (pirn__latch_take(&worker->latch, spool, &worker->id, may_take_over)) {
        take_over_latched(worker);
    }
}

static void work(struct pirn__recover_worker *worker)
{
    struct pirn__recover *recover = worker->recover;
    struct pirn_spool *spool = recover->spool;

    pirn_assert(recover->id_at <= recover->scan.ids.count);
    if (recover->id_at == recover->scan.ids.count) {
        pirn_assert(recover->busy > 0);
        if (--recover->busy == 0) {
            if (recover->is_taking) {
                took_all(recover);
            } else {
                queue_next(recover);
            }
        }
        return;
    }
    worker->id = recover->scan.ids.ids[recover->id_at++];
    if (recover->queue == NULL) {
        pirn__prep_find(&worker->find, spool, &worker->id, false);
        worker->find.rounds = 2; /* nobody moves it: we hold the lock */
        pirn_start(spool->context, &worker->find.op, found_elsewhere);
        return;
    }
    if (recover->is_taking) {
        take_over(worker);
        return;
    }
    start_reading(worker);
}

static void synced_claims(struct pirn_op *op, int32_t result)
{
    struct pirn__recover *recover =
        pirn_container_of(op, struct pirn__recover, chain.op);

    pirn_assert(result <= 0);
    note(recover, result);
    recover->is_synced = result == 0;
    work_all(recover);
}

static void took_all(struct pirn__recover *recover)
{
    pirn_assert(recover->living);
    recover->is_taking = false;
    recover->scan.ids.count = recover->taken;
    recover->path = recover->scan.scan.path;
    start_sync(recover, synced_claims);
}

static void list_claims(struct pirn__recover *recover);

static void settled(struct pirn_op *op, int32_t result)
{
    struct pirn__recover *recover =
        pirn_container_of(op, struct pirn__recover, moves.op);

    note_unsettled(recover, result);
    list_claims(recover);
}

/* Once a queue: whichever of an item and its copy stays is a claim then. */
static bool settles_moves(struct pirn__recover *recover)
{
    if (recover->scan.moving == 0 || recover->living || recover->has_settled ||
        recover->spool->log == NULL) {
        return false;
    }
    recover->has_settled = true;
    pirn__prep_move_recover(&recover->moves, recover->spool, recover->queue,
                            recover->slot);
    pirn_start(recover->spool->context, &recover->moves.op, settled);
    return true;
}

static void listed_claims(struct pirn_op *op, int32_t result)
{
    struct pirn__recover *recover =
        pirn_container_of(op, struct pirn__recover, scan.scan.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        /* -ENOENT: never claimed here */
        note_unsettled(recover, result == -ENOENT ? 0 : result);
        queue_next(recover);
        return;
    }
    if (settles_moves(recover)) {
        return;
    }
    if (recover->scan.ids.count == 0) {
        queue_next(recover);
        return;
    }
    if (recover->living) {
        recover->is_taking = true;
        recover->taken = 0;
        work_all(recover);
        return;
    }
    recover->path = recover->scan.scan.path;
    start_sync(recover, synced_claims);
}

static void list_claims(struct pirn__recover *recover)
{
    struct pirn_spool *spool = recover->spool;

    pirn__name_checkout_dir(&recover->scan.scan.path, recover->queue->name,
                            recover->slot);
    pirn__prep_id_scan(&recover->scan, spool->root_fd);
    pirn_start(spool->context, &recover->scan.scan.op, listed_claims);
}

/* The claims of one more queue. */
static void queue_next(struct pirn__recover *recover)
{
    struct pirn_spool *spool = recover->spool;

    pirn_assert(recover->busy == 0);
    pirn_assert(recover->queue_at <= spool->queue_count);
    if (recover->queue_at == spool->queue_count) {
        finish(recover);
        return;
    }
    recover->queue = spool->queues[recover->queue_at++];
    recover->has_settled = false;
    list_claims(recover);
}

/* Directories to sync, numbered: .tmp/O, then of each queue .checkout/O, its
 * shards and shelves. Of what was claimed in a bucket .checkout/O is enough,
 * and .tmp/O of what was taken back from there. */
static bool sync_path(struct pirn__recover *recover)
{
    const uint32_t each = 1 + PIRN__SHARDS + PIRN__SHELVES;

    if (recover->sync_at == 0) {
        recover->sync_at++;
        pirn__name_tmp_dir(&recover->path, recover->slot);
        return true;
    }
    for (;;) {
        uint32_t queue_at = (recover->sync_at - 1) / each;
        uint32_t dir = (recover->sync_at - 1) % each;
        if (queue_at >= recover->spool->queue_count) {
            return false;
        }
        const struct pirn__queue *queue = recover->spool->queues[queue_at];
        recover->sync_at++;
        if (dir == 0) {
            pirn__name_checkout_dir(&recover->path, queue->name, recover->slot);
            return true;
        }
        if (--dir >= PIRN__SHARDS) {
            dir -= PIRN__SHARDS;
            if (queue->shelves[dir].is_there) {
                recover->path = queue->shelves[dir].sync.path;
                return true;
            }
        } else if (recover->shards >> dir & 1) {
            pirn__name_shard_dir(&recover->path, queue->name, dir);
            return true;
        }
    }
}

static void synced(struct pirn_op *op, int32_t result)
{
    struct pirn__recover *recover =
        pirn_container_of(op, struct pirn__recover, chain.op);

    pirn_assert(result <= 0);
    if (result < 0 && result != -ENOENT) {
        note(recover, result);
        queue_next(recover); /* the drafts stay as they are */
        return;
    }
    sync_next(recover);
}

static void sync_next(struct pirn__recover *recover)
{
    if (!sync_path(recover)) {
        work_all(recover);
        return;
    }
    start_sync(recover, synced);
}

static void unlinked_next(struct pirn_op *op, int32_t result)
{
    struct pirn__recover *recover = recover_of(op);

    pirn_assert(result <= 0);
    note(recover, result == -ENOENT ? 0 : result);
    unlink_next(recover);
}

static void unlink_next(struct pirn__recover *recover)
{
    struct pirn_spool *spool = recover->spool;

    pirn_assert(recover->queue == NULL);
    pirn_assert(recover->id_at <= recover->scan.next.count);
    if (recover->id_at == recover->scan.next.count) {
        if (recover->scan.ids.count == 0) {
            queue_next(recover);
        } else {
            sync_next(recover);
        }
        return;
    }
    pirn__name_next(&recover->path, recover->slot,
                    &recover->scan.next.ids[recover->id_at++]);
    pirn_prep_unlink(&recover->step, spool->root_fd, recover->path.text, 0);
    pirn_start(spool->context, &recover->step, unlinked_next);
}

static void listed_drafts(struct pirn_op *op, int32_t result)
{
    struct pirn__recover *recover =
        pirn_container_of(op, struct pirn__recover, scan.scan.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        note(recover, result == -ENOENT ? 0 : result);
        queue_next(recover);
        return;
    }
    for (uint32_t i = 0; i < recover->scan.ids.count; i++) {
        uint32_t shard = pirn__id_shard(&recover->scan.ids.ids[i]);
        recover->shards |= shard < PIRN__SHARDS ? UINT64_C(1) << shard : 0;
    }
    recover->id_at = 0;
    unlink_next(recover);
}

static void refreshed(struct pirn_op *op, int32_t result)
{
    struct pirn__recover *recover =
        pirn_container_of(op, struct pirn__recover, refresh.op);
    struct pirn_spool *spool = recover->spool;

    pirn_assert(result <= 0);
    if (result < 0) {
        /* drafts may have names we do not see, and so may moves */
        note_unsettled(recover, result);
        finish(recover);
        return;
    }
    if (recover->living) {
        queue_next(recover);
        return;
    }
    pirn__name_tmp_dir(&recover->scan.scan.path, recover->slot);
    pirn__prep_id_scan(&recover->scan, spool->root_fd);
    pirn_start(spool->context, &recover->scan.scan.op, listed_drafts);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__recover *recover =
        pirn_container_of(op, struct pirn__recover, op);

    pirn_assert(context == recover->spool->context);
    pirn_assert(recover->busy == 0);
    recover->queue = NULL;
    recover->queue_at = 0;
    recover->shards = 0;
    recover->sync_at = 0;
    recover->returned = 0;
    recover->is_unsettled = false;
    recover->result = 0;
    pirn__prep_refresh(&recover->refresh, recover->spool);
    pirn_start(context, &recover->refresh.op, refreshed);
}

static const struct pirn_task_verbs verbs = {.begin = begin};

void pirn__prep_recover(struct pirn__recover *recover, struct pirn_spool *spool,
                        uint32_t slot)
{
    pirn_assert(slot < PIRN__SLOTS);

    recover->spool = spool;
    recover->slot = slot;
    recover->living = false;
    recover->is_taking = false;
    pirn_prep_task(&recover->op, &verbs);
}

void pirn__prep_fence(struct pirn__recover *recover, struct pirn_spool *spool,
                      uint32_t slot)
{
    pirn_assert(slot != spool->slot);

    pirn__prep_recover(recover, spool, slot);
    recover->living = true;
}
