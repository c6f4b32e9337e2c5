/* SPDX-License-Identifier: MIT */
/*
 * view.c - look at an item without having it
 *
 * Between finding the metadata and reading them the item may move on: then it
 * is looked for again. The body's descriptor stays open until the view ends,
 * so a body whose item is removed meanwhile can be read to its end. One that is
 * not there before that is an item's that went: it is looked for once more, and
 * where it is found and its body is not, that is missing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/file/body.h"
#include "spool/file/file.h"
#include "spool/file/find.h"
#include "spool/file/meta_file.h"

enum { TRIES_MAX = 16 };

struct pirn_view_work {
    struct pirn_view *view;
    struct pirn_spool *spool;
    uint32_t tries;
    struct pirn__find find;
    struct pirn__meta_read meta;
    struct pirn__body body;
    bool is_sought; /* its body was not there, and the item still is */
    struct pirn_op close;
};

static void work_destroy(struct pirn_view_work *work)
{
    pirn_assert(work->body.fd < 0);
    pirn_assert(work->spool->open_count > 0);

    work->spool->open_count--;
    work->view->priv.work = NULL;
    free(work->meta.memory);
    free(work);
}

static void finish(struct pirn_view_work *work, int32_t result)
{
    struct pirn_view *view = work->view;
    struct pirn_context *context = work->spool->context;

    pirn_assert(result <= 0);
    pirn_assert(view->priv.work == work);
    if (result < 0) {
        work_destroy(work);
    }
    pirn_task_finish(context, &view->op, result);
}

static void find_again(struct pirn_view_work *work);

/* A rename sets it: of a claim, since when it is one. */
static uint64_t ctime_ns(const struct statx *statx)
{
    return (uint64_t)statx->stx_ctime.tv_sec * 1000000000ull +
           statx->stx_ctime.tv_nsec;
}

static void read_meta(struct pirn_op *op, int32_t result)
{
    struct pirn_view_work *work =
        pirn_container_of(op, struct pirn_view_work, meta.op);
    const struct pirn__find *find = &work->find;
    struct pirn_item *item = &work->meta.item;

    pirn_assert(result <= 0);
    if (result == -ENOENT && ++work->tries < TRIES_MAX) {
        find_again(work);
        return;
    }
    if (result < 0) {
        finish(work, result);
        return;
    }
    if (find->place == PIRN__PLACE_CLAIMED) {
        item->state = PIRN_ITEM_CLAIMED;
        item->owner = find->slot;
        item->claimed_ns = ctime_ns(&find->statx);
    } else {
        item->queue[0] = '\0';
        item->state = pirn__site_state(&find->site);
    }
    if (item->queue[0] == '\0') { /* else its owner has moved it */
        memcpy(item->queue, find->queue->name, sizeof(item->queue));
    }
    work->view->item = *item;
    pirn__body_init(&work->body, work->spool, item);
    finish(work, 0);
}

static void found(struct pirn_op *op, int32_t result)
{
    struct pirn_view_work *work =
        pirn_container_of(op, struct pirn_view_work, find.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        finish(work, result);
        return;
    }
    pirn_assert(work->find.place != PIRN__PLACE_DRAFT);
    work->meta.path = work->find.path;
    pirn__prep_meta_read(&work->meta, work->spool, &work->find.id);
    pirn_start(work->spool->context, &work->meta.op, read_meta);
}

static void find_again(struct pirn_view_work *work)
{
    pirn_assert(work->tries < TRIES_MAX);
    pirn__prep_find(&work->find, work->spool, &work->view->priv.id, false);
    pirn_start(work->spool->context, &work->find.op, found);
}

void pirn__file_look(struct pirn_view *view)
{
    struct pirn_view_work *work = calloc(1, sizeof(*work));

    if (work == NULL) {
        pirn_task_finish(view->priv.spool->context, &view->op, -ENOMEM);
        return;
    }
    work->view = view;
    work->spool = view->priv.spool;
    work->spool->open_count++;
    work->body.fd = -1;
    view->priv.work = work;
    find_again(work);
}

static void read_body(struct pirn_view_work *work);

static void found_without_body(struct pirn_op *op, int32_t result)
{
    struct pirn_view_work *work =
        pirn_container_of(op, struct pirn_view_work, find.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        pirn_task_finish(work->spool->context, &work->view->op, result);
        return;
    }
    work->is_sought = true;
    read_body(work);
}

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn_view_work *work =
        pirn_container_of(op, struct pirn_view_work, body.op);
    bool is_missing = result == -ENOENT;

    pirn_assert(!is_missing || work->body.fd < 0);
    if (is_missing && !work->is_sought) {
        pirn__prep_find(&work->find, work->spool, &work->view->priv.id, false);
        pirn_start(work->spool->context, &work->find.op, found_without_body);
        return;
    }
    pirn_task_finish(work->spool->context, &work->view->op,
                     is_missing ? -EBADMSG : result);
}

static void read_body(struct pirn_view_work *work)
{
    const struct pirn_view *view = work->view;

    pirn__prep_body_read(&work->body, view->priv.buf, view->priv.len,
                         view->priv.offset);
    pirn_start(work->spool->context, &work->body.op, have_read);
}

void pirn__file_view_read(struct pirn_view *view)
{
    struct pirn_view_work *work = view->priv.work;

    pirn_assert(work->view == view);
    work->is_sought = false;
    read_body(work);
}

static void closed(struct pirn_op *op, int32_t result)
{
    struct pirn_view_work *work =
        pirn_container_of(op, struct pirn_view_work, close);
    struct pirn_view *view = work->view;
    struct pirn_context *context = work->spool->context;

    pirn_assert(result <= 0); /* nothing was written */
    view->item.fields = (struct pirn_fields){0};
    work_destroy(work);
    pirn_task_finish(context, &view->op, 0);
}

void pirn__file_view_end(struct pirn_view *view)
{
    struct pirn_view_work *work = view->priv.work;

    pirn_assert(work->view == view);
    pirn__body_prep_close(&work->body, &work->close);
    pirn_start(work->spool->context, &work->close, closed);
}
