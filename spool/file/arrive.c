/* SPDX-License-Identifier: MIT */
/*
 * arrive.c - an item of the log comes to the files: S12 of the table
 *
 *   arrive   the site that it goes to is made
 *            open .checkout/O/ID.in (O_EXCL)   write   fdatasync   close
 *            link .data/XY/ID, or open it (O_EXCL), write, fdatasync, close
 *            fsync .data/XY, fsync .checkout/O
 *   show     rename .checkout/O/ID.in -> the site, fsync: the item is safe
 *
 * Nobody claims an ID.in, and no fencer takes it. Whoever recovers O looks
 * whether the log has the item still. What was begun and has failed is taken
 * away again, body first, and .checkout/O is synced then: an ID.in that is
 * there when the log's item has been removed would bring it to life again. So
 * where that fails the claim does not go on, and nobody has the item until
 * recovery has done it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>

#include "spool/file/meta.h"
#include "spool/file/meta_file.h"
#include "spool/move.h"
#include "spool/opens.h"

enum { STEP_META = 0, STEP_BODY = 4 };

#define CREATE (O_WRONLY | O_CREAT | O_EXCL)

static struct pirn__move *move_of(struct pirn__file_move *file)
{
    return pirn_container_of(file, struct pirn__move, file);
}

static struct pirn__move *move_of_chain(struct pirn_op *op)
{
    return move_of(pirn_container_of(op, struct pirn__file_move, chain.op));
}

static struct pirn__move *move_of_close(struct pirn_op *op)
{
    return move_of(pirn_container_of(op, struct pirn__file_move, close));
}

/* ---- after a failure ---- */

static void closed_site(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move = move_of_close(op);

    pirn_assert(result <= 0); /* nothing was written */
    pirn__move_go_on(move, move->file.result);
}

static void end(struct pirn__move *move, int32_t result)
{
    struct pirn__file_move *file = &move->file;

    file->result = result;
    if (file->site.fd < 0) {
        pirn__move_go_on(move, result);
        return;
    }
    pirn__site_prep_close(&file->site, &file->close);
    pirn_start(move->spool->context, &file->close, closed_site);
}

static void undone(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move = move_of_chain(op);

    if (result < 0 && result != -ENOENT) {
        move->is_stuck = true; /* recovery takes it away, and gives back then */
    }
    end(move, move->file.result);
}

static void undo(struct pirn__move *move, uint32_t failed, int32_t result)
{
    struct pirn__file_move *file = &move->file;
    int root = move->spool->root_fd;
    uint32_t count = 0;

    /* What could not be made may have been; a name that was in the way is not
     * ours to unlink. */
    file->result = result;
    if (failed == STEP_META && result == -EEXIST) {
        end(move, result);
        return;
    }
    if (failed > STEP_BODY || (failed == STEP_BODY && result != -EEXIST)) {
        pirn_prep_unlink(&file->step, root, file->path.text, 0);
        pirn_step_when(&file->step, PIRN_STEP_ALWAYS); /* else a leftover */
        file->steps[count++] = &file->step;
    }
    pirn_prep_unlink(&file->unlink, root, file->moving.text, 0);
    file->steps[count++] = &file->unlink;
    pirn__prep_sync(&file->sync_checkout, &move->queue->checkout);
    file->steps[count++] = &file->sync_checkout.waiter.op;
    pirn_chain_start(move->spool->context, &file->chain, file->steps, count,
                     undone);
}

/* ---- arrive ---- */

static void arrived(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move = move_of_chain(op);

    free(move->file.text);
    move->file.text = NULL;
    if (result < 0) {
        bool is_gone = move->has_source && result == -ENOENT;
        undo(move, pirn_chain_failed(&move->file.chain),
             is_gone ? -EBADMSG : result);
        return;
    }
    pirn__move_go_on(move, 0);
}

/* Its steps behind those of the metadata; how many there are then. */
static uint32_t add_body(struct pirn__move *move, uint32_t count)
{
    struct pirn__file_move *file = &move->file;
    int root = move->spool->root_fd;
    uint32_t len = (uint32_t)move->item.size_bytes;

    pirn_assert(count == STEP_BODY);
    file->steps[count++] = &file->body;
    if (move->has_source) {
        pirn_prep_link(&file->body, root, move->source.text, root,
                       file->path.text, 0);
        return count;
    }
    pirn__prep_open(&file->body, root, file->path.text, CREATE);
    if (len > 0) {
        pirn_prep_write(&file->write_body, PIRN_FD_OF(STEP_BODY), move->body,
                        len, 0);
        file->steps[count++] = &file->write_body;
    }
    pirn_prep_fsync(&file->fsync_body, PIRN_FD_OF(STEP_BODY), PIRN_SYNC_DATA);
    pirn_prep_close(&file->close_body, PIRN_FD_OF(STEP_BODY));
    pirn_step_when(&file->close_body, PIRN_STEP_ALWAYS);
    file->steps[count++] = &file->fsync_body;
    file->steps[count++] = &file->close_body;
    return count;
}

static void start_files(struct pirn__move *move)
{
    struct pirn__file_move *file = &move->file;
    struct pirn_spool *spool = move->spool;
    const struct pirn_id *id = &move->item.id;

    pirn__name_moving(&file->moving, move->queue->name, spool->slot, id,
                      PIRN__MOVING_IN);
    pirn__name_body(&file->path, id);
    pirn__prep_open(&file->open, spool->root_fd, file->moving.text, CREATE);
    pirn_prep_write(&file->write, PIRN_FD_OF(STEP_META), file->text,
                    file->text_len, 0);
    pirn_prep_fsync(&file->fsync, PIRN_FD_OF(STEP_META), PIRN_SYNC_DATA);
    pirn_prep_close(&file->close, PIRN_FD_OF(STEP_META));
    pirn_step_when(&file->close, PIRN_STEP_ALWAYS);
    file->steps[0] = &file->open;
    file->steps[1] = &file->write;
    file->steps[2] = &file->fsync;
    file->steps[3] = &file->close;
    uint32_t count = add_body(move, 4);
    pirn__prep_sync(&file->sync, &spool->bodies[pirn__id_shard(id)]);
    pirn__prep_sync(&file->sync_checkout, &move->queue->checkout);
    file->steps[count++] = &file->sync.waiter.op;
    file->steps[count++] = &file->sync_checkout.waiter.op;
    pirn_assert(count <= sizeof(file->steps) / sizeof(file->steps[0]));
    pirn_chain_start(spool->context, &file->chain, file->steps, count, arrived);
}

static void made_site(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move =
        move_of(pirn_container_of(op, struct pirn__file_move, site.op));

    if (result < 0) {
        free(move->file.text);
        move->file.text = NULL;
        move->file.site.fd = -1;
        pirn__move_go_on(move, result);
        return;
    }
    start_files(move);
}

static void start_site(struct pirn__move *move, pirn_op_fn *fn)
{
    struct pirn_spool *spool = move->spool;
    struct pirn__site site = pirn__site_of(
        move->queue, &move->item, pirn_context_realtime_ns(spool->context));

    pirn__prep_site_make(&move->file.site, spool, &site);
    pirn_start(spool->context, &move->file.site.op, fn);
}

void pirn__file_arrive(struct pirn__move *move)
{
    struct pirn_item *item = &move->item;

    pirn_assert(pirn__id_shard(&item->id) < PIRN__SHARDS);
    if (item->due_ns > PIRN__META_DUE_MAX) {
        item->due_ns = PIRN__META_DUE_MAX;
    }
    item->queue[0] = '\0';
    move->file.site.fd = -1;
    move->file.text = pirn__meta_text(item, &move->file.text_len);
    if (move->file.text == NULL) {
        pirn__move_go_on(move, -ENOMEM);
        return;
    }
    start_site(move, made_site);
}

/* ---- show ---- */

static void start_show(struct pirn__move *move);

static void made_again(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move =
        move_of(pirn_container_of(op, struct pirn__file_move, site.op));

    if (result < 0) {
        move->file.site.fd = -1;
        pirn__move_go_on(move, result);
        return;
    }
    start_show(move);
}

static void closed_late(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0);
    start_site(move_of_close(op), made_again);
}

static void shown(struct pirn_op *op, int32_t result)
{
    struct pirn__move *move = move_of_chain(op);
    struct pirn__file_move *file = &move->file;

    if (result == -ENOENT && file->site.fd >= 0 && !file->late) {
        file->late = true; /* its bucket's time has come meanwhile */
        pirn__site_prep_close(&file->site, &file->close);
        pirn_start(move->spool->context, &file->close, closed_late);
        return;
    }
    if (result == 0) {
        pirn__site_filled(move->spool, &file->site.site);
    }
    end(move, result);
}

static void start_show(struct pirn__move *move)
{
    struct pirn__file_move *file = &move->file;
    bool is_bucket = file->site.fd >= 0;

    /* A rename is atomic: what makes it durable there makes it so here. */
    pirn__site_prep_rename(&file->site, &file->step, &file->moving,
                           &move->item.id, &file->to);
    pirn__prep_sync(&file->sync, is_bucket ? &move->queue->checkout
                                           : pirn__site_sync(&file->site.site,
                                                             &move->item.id));
    file->steps[0] = &file->step;
    file->steps[1] = &file->sync.waiter.op;
    pirn_chain_start(move->spool->context, &file->chain, file->steps, 2, shown);
}

void pirn__file_show(struct pirn__move *move)
{
    start_show(move);
}

void pirn__file_abandon(struct pirn__move *move)
{
    end(move, 0);
}
