/* SPDX-License-Identifier: MIT */
/*
 * look.c - one item, as who takes it would find it
 *
 *   a file's   its metadata where the list saw it, its body's size
 *     -> it has moved on, or bodies are read: as one of the log's
 *   the log's  look -> its body's last byte, or all of it -> end
 *     -> what is wrong, and the item is still where it was
 *
 * Metadata and bodies are never rewritten, so what is wrong with them once is
 * wrong, and where they stand is wrong if it is wrong once. A body goes after
 * its item's name has: so who finds no body and then the name has found an item
 * without one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <pirn/invariant.h>
#include <pirn/path.h>

#include "runtime/plant.h"
#include "spool/check/check.h"
#include "spool/check/log_walk.h"
#include "spool/layout.h"
#include "spool/log/writer.h"

enum { BUF_BYTES = 64 * 1024 };

static struct pirn__look *look_of_view(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn__look, view.op);
}

static struct pirn__look *look_of_meta(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn__look, meta.op);
}

static struct pirn__look *look_of_step(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn__look, step);
}

static void finish(struct pirn__look *look)
{
    struct pirn_check_work *work = look->work;

    pirn_assert(work->looking > 0);
    look->work = NULL;
    if (--work->looking == 0) {
        pirn__check_rest(work, work->go_on);
    }
}

static void found(struct pirn__look *look)
{
    struct pirn_check_work *work = look->work;
    const char *queue = work->spool->queues[look->spot.queue]->name;

    (void)pirn__check_find(work, look->fault, &look->spot.id, queue,
                           look->is_of_log ? "" : look->path.text);
    finish(look);
}

static void saw_name(struct pirn_op *op, int32_t result)
{
    struct pirn__look *look = look_of_step(op);

    if (result < 0) {
        finish(look); /* it has moved, or is gone */
        return;
    }
    found(look);
}

/* Something is wrong; is it still there? */
static void confirm(struct pirn__look *look)
{
    struct pirn_check_work *work = look->work;

    if (look->is_of_log) {
        if (pirn__check_log_has(work->spool, &look->spot.id)) {
            found(look);
        } else {
            finish(look);
        }
        return;
    }
    pirn__spot_path(work, &look->spot, &look->path);
    pirn_prep_stat(&look->step, work->spool->root_fd, look->path.text,
                   AT_SYMLINK_NOFOLLOW, STATX_TYPE, &look->statx);
    pirn_start(work->spool->context, &look->step, saw_name);
}

/* ---- its body ---- */

static void saw_body(struct pirn_op *op, int32_t result)
{
    struct pirn__look *look = look_of_step(op);

    look->fault = result == -ENOENT && !pirn__planted("check-gone-is-bad")
                      ? PIRN_FAULT_NO_BODY
                      : PIRN_FAULT_BAD_BODY;
    confirm(look);
}

static void ended(struct pirn_op *op, int32_t result)
{
    struct pirn__look *look = look_of_view(op);
    struct pirn_check_work *work = look->work;

    pirn_assert(result == 0);
    if (look->fault == PIRN_FAULTS) {
        finish(look);
        return;
    }
    if (look->is_of_log) {
        pirn__name_log_body(&look->path, &look->spot.id);
    } else {
        pirn__name_body(&look->path, &look->spot.id);
    }
    if (look->is_of_log &&
        !pirn__check_log_has_file(work->spool, &look->spot.id)) {
        confirm(look); /* it stands in the segment */
        return;
    }
    pirn_prep_stat(&look->step, work->spool->root_fd, look->path.text,
                   AT_SYMLINK_NOFOLLOW, STATX_TYPE, &look->statx);
    pirn_start(work->spool->context, &look->step, saw_body);
}

static void read_on(struct pirn__look *look);

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn__look *look = look_of_view(op);
    struct pirn_check_work *work = look->work;

    if (result > 0 && work->config->deep) {
        look->offset += (uint64_t)result;
        read_on(look);
        return;
    }
    if (result == -EBADMSG || result == -ENOENT || result == -EIO) {
        look->fault = PIRN_FAULT_BAD_BODY;
    } else if (result < 0) {
        pirn__check_note(work, result);
    }
    pirn_prep_view_end(&look->view);
    pirn_start(work->spool->context, &look->view.op, ended);
}

static void read_on(struct pirn__look *look)
{
    struct pirn_check_work *work = look->work;
    uint64_t size = look->view.item.size_bytes;

    if (work->config->deep) {
        pirn_prep_view_read(&look->view, look->buf, BUF_BYTES, look->offset);
    } else {
        pirn_prep_view_read(&look->view, &look->byte, 1,
                            size > 0 ? size - 1 : 0);
    }
    pirn_start(work->spool->context, &look->view.op, have_read);
}

/* ---- its metadata ---- */

static void looked(struct pirn_op *op, int32_t result)
{
    struct pirn__look *look = look_of_view(op);

    look->is_of_log = look->view.priv.layout == &pirn__layout_log;
    switch (result) {
    case 0:
        read_on(look);
        return;
    case -EBADMSG:
        look->fault = PIRN_FAULT_BAD_RECORD;
        confirm(look);
        return;
    case -ENOENT: /* gone meanwhile */
    case -EPROTO: /* of a newer version: not ours to judge */
        break;
    default:
        pirn__check_note(look->work, result);
        break;
    }
    finish(look);
}

/* Wherever it is, by its id. */
static void start_view(struct pirn__look *look)
{
    struct pirn_spool *spool = look->work->spool;

    pirn_prep_look(&look->view, spool, &look->spot.id);
    pirn_start(spool->context, &look->view.op, looked);
}

/* ---- a file's, where it was seen ---- */

static void measured_body(struct pirn_op *op, int32_t result)
{
    struct pirn__look *look = look_of_step(op);
    const struct statx *statx = &look->statx;

    if (result < 0 && result != -ENOENT) {
        pirn__check_note(look->work, result);
        finish(look);
    } else if (result == 0 && S_ISREG(statx->stx_mode) &&
               statx->stx_size == look->size_bytes) {
        finish(look);
    } else {
        look->fault = result < 0 ? PIRN_FAULT_NO_BODY : PIRN_FAULT_BAD_BODY;
        confirm(look);
    }
}

static void measure_body(struct pirn__look *look)
{
    struct pirn_spool *spool = look->work->spool;

    pirn__name_body(&look->path, &look->spot.id);
    pirn_prep_stat(&look->step, spool->root_fd, look->path.text,
                   AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_SIZE, &look->statx);
    pirn_start(spool->context, &look->step, measured_body);
}

static void read_meta(struct pirn_op *op, int32_t result)
{
    struct pirn__look *look = look_of_meta(op);
    const struct pirn_item *item = &look->meta.item;

    if (result == -ENOENT) {
        start_view(look); /* it has moved on */
    } else if (result == -EPROTO) {
        finish(look); /* of a newer version: not ours to judge */
    } else if (result == -EBADMSG) {
        look->fault = PIRN_FAULT_BAD_RECORD;
        confirm(look);
    } else if (result < 0) {
        pirn__check_note(look->work, result);
        finish(look);
    } else {
        bool suits = pirn__spot_suits(look->work, &look->spot, item);
        look->size_bytes = item->size_bytes;
        free(look->meta.memory);
        look->fault = suits ? look->fault : PIRN_FAULT_MISPLACED;
        if (!suits) {
            confirm(look);
        } else if (look->work->config->deep) {
            start_view(look);
        } else {
            measure_body(look);
        }
    }
}

static void start_meta(struct pirn__look *look)
{
    struct pirn_spool *spool = look->work->spool;

    pirn__spot_path(look->work, &look->spot, &look->meta.path);
    pirn__prep_meta_read(&look->meta, spool, &look->spot.id);
    pirn_start(spool->context, &look->meta.op, read_meta);
}

void pirn__look_start(struct pirn_check_work *work,
                      const struct pirn__spot *spot, bool is_of_log)
{
    struct pirn__look *look = work->looks;

    pirn_assert(work->looking < work->look_count);
    while (look->work != NULL) {
        look++;
    }
    if (work->config->deep && look->buf == NULL) {
        look->buf = malloc(BUF_BYTES);
        if (look->buf == NULL) {
            pirn__check_note(work, -ENOMEM);
            return;
        }
    }
    look->work = work;
    look->spot = *spot;
    look->fault = PIRN_FAULTS;
    look->offset = 0;
    work->looking++;
    work->check->items++;
    look->is_of_log = false;
    if (is_of_log) {
        start_view(look);
    } else {
        start_meta(look);
    }
}
