/* SPDX-License-Identifier: MIT */
/*
 * view.c - items looked at without having them, whatever their layout
 */
#include <errno.h>

#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/layout.h"

static struct pirn_view *view_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_view, op);
}

static void look_found(struct pirn_op *op, const struct pirn__layout *layout,
                       const struct pirn_id *id)
{
    struct pirn_view *view = view_of(op);

    view->priv.layout = layout;
    view->priv.id = *id;
    layout->look(view);
}

static void look_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_view *view = view_of(op);

    pirn_assert(context == view->priv.spool->context);
    pirn_assert_rule(view->priv.work == NULL, "one look at a time");
    if (pirn__settle_holds(view->priv.spool, op, look_begin)) {
        return;
    }
    pirn__layout_seek(view->priv.spool, &view->priv.id, op, look_found);
}

void pirn_prep_look(struct pirn_view *view, struct pirn_spool *spool,
                    const struct pirn_id *id)
{
    static const struct pirn_task_verbs verbs = {.begin = look_begin};

    pirn_assert(spool != NULL && id != NULL);
    view->priv.spool = spool;
    view->priv.id = *id;
    pirn_prep_task(&view->op, &verbs);
}

static void read_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_view *view = view_of(op);

    pirn_assert(context == view->priv.spool->context);
    pirn_assert_rule(view->priv.work != NULL,
                     "read after a look that found the item");
    view->priv.layout->view_read(view);
}

void pirn_prep_view_read(struct pirn_view *view, void *buf, uint32_t len,
                         uint64_t offset)
{
    static const struct pirn_task_verbs verbs = {.begin = read_begin};

    pirn_assert(buf != NULL && len > 0);
    view->priv.buf = buf;
    view->priv.len = len;
    view->priv.offset = offset;
    pirn_prep_task(&view->op, &verbs);
}

static void end_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_view *view = view_of(op);

    if (view->priv.work == NULL) {
        pirn_task_finish(context, op, 0);
        return;
    }
    view->priv.layout->view_end(view);
}

void pirn_prep_view_end(struct pirn_view *view)
{
    static const struct pirn_task_verbs verbs = {.begin = end_begin};

    pirn_prep_task(&view->op, &verbs);
}
