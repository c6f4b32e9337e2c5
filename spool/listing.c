/* SPDX-License-Identifier: MIT */
/*
 * listing.c - a walk over both layouts: the log's items, then the files'
 *
 * Of the log's items the slots say all that a listing tells, but the own id of
 * one that came from files: it is in its record, and is looked at there. What
 * has gone before that is not told: nobody knows any more whose id that was.
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/file/file.h"
#include "spool/log/alias.h"
#include "spool/log/count.h"
#include "spool/queue.h"

enum { PAGE_ITEMS = 512 };

static void next_begin(struct pirn_context *context, struct pirn_op *op);

static struct pirn_listing *listing_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_listing, op);
}

static void listing_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_listing *listing = listing_of(op);

    pirn_assert_rule(listing->priv.work == NULL, "one walk at a time");
    pirn_assert(context == listing->priv.spool->context);
    if (pirn__settle_holds(listing->priv.spool, op, listing_begin)) {
        return;
    }
    listing->priv.slot_at = 0;
    listing->priv.page = NULL;
    pirn__file_listing(listing);
}

void pirn_prep_listing(struct pirn_listing *listing, struct pirn_spool *spool,
                       const char *queue)
{
    static const struct pirn_task_verbs verbs = {.begin = listing_begin};

    pirn_assert(spool != NULL);
    listing->priv.spool = spool;
    listing->priv.queue = queue;
    pirn_prep_task(&listing->op, &verbs);
}

/* Of a queue that the log does not know it has no items. The page's memory is
 * got here: a walk whose beginning has failed has no end. */
static int32_t fill_page(struct pirn_listing *listing)
{
    const struct pirn__log *log = listing->priv.spool->log;
    const char *queue = listing->priv.queue;
    int number = -1;

    if (log == NULL) {
        return 0;
    }
    if (queue != NULL) {
        number = pirn__index_queue_find(&log->index, queue);
        if (number < 0) {
            return 0;
        }
    }
    if (listing->priv.page == NULL) {
        listing->priv.page = malloc(PAGE_ITEMS * sizeof(*listing->priv.page));
    }
    if (listing->priv.page == NULL) {
        return -ENOMEM;
    }
    return (int32_t)pirn__log_list(log, number, &listing->priv.slot_at,
                                   listing->priv.page, PAGE_ITEMS);
}

/* ---- ids of items that came from files ---- */

/* A page whose items have the ids of the log still, from @at on. */
struct naming {
    struct pirn_listing *listing;
    struct pirn_view view;
    uint32_t at;
    uint32_t count;
};

static void name_next(struct naming *naming);

static bool has_gone(const struct pirn__log *log, const struct pirn_id *id)
{
    return pirn__log_state_of(log, id) == PIRN__FREE;
}

static void drop(struct naming *naming)
{
    struct pirn_listed *items = naming->listing->items;

    pirn_assert(naming->at < naming->count);
    naming->count--;
    for (uint32_t i = naming->at; i < naming->count; i++) {
        items[i] = items[i + 1];
    }
}

static void next_is_named(struct pirn_op *op, int32_t result)
{
    struct naming *naming = pirn_container_of(op, struct naming, view.op);

    (void)result;
    name_next(naming);
}

static void have_named(struct pirn_op *op, int32_t result)
{
    struct naming *naming = pirn_container_of(op, struct naming, view.op);
    struct pirn_listed *items = naming->listing->items;

    if (result < 0) { /* it has gone meanwhile, or nobody can read it */
        if (result == -ENOENT) {
            drop(naming);
        } else {
            naming->at++;
        }
        name_next(naming);
        return;
    }
    items[naming->at++].id = naming->view.item.id;
    pirn_prep_view_end(&naming->view);
    pirn_start(naming->listing->priv.spool->context, op, next_is_named);
}

static void page_is_named(struct naming *naming)
{
    struct pirn_listing *listing = naming->listing;
    struct pirn_context *context = listing->priv.spool->context;
    uint32_t count = naming->count;

    free(naming);
    if (count == 0) {
        next_begin(context, &listing->op);
        return;
    }
    pirn_task_finish(context, &listing->op, (int32_t)count);
}

static void name_next(struct naming *naming)
{
    struct pirn_spool *spool = naming->listing->priv.spool;
    const struct pirn_listed *items = naming->listing->items;

    while (naming->at < naming->count) {
        if (has_gone(spool->log, &items[naming->at].id)) {
            drop(naming);
        } else if (pirn__log_is_alias(spool->log, &items[naming->at].id)) {
            break;
        } else {
            naming->at++;
        }
    }
    if (naming->at == naming->count) {
        page_is_named(naming);
        return;
    }
    pirn_prep_look(&naming->view, spool, &items[naming->at].id);
    pirn_start(spool->context, &naming->view.op, have_named);
}

static void name_page(struct pirn_listing *listing, uint32_t count)
{
    struct naming *naming = calloc(1, sizeof(*naming));

    if (naming == NULL) {
        pirn_task_finish(listing->priv.spool->context, &listing->op, -ENOMEM);
        return;
    }
    naming->listing = listing;
    naming->count = count;
    name_next(naming);
}

static bool has_unnamed(const struct pirn_listing *listing, int32_t count)
{
    const struct pirn__log *log = listing->priv.spool->log;

    for (int32_t i = 0; i < count; i++) {
        const struct pirn_id *id = &listing->items[i].id;
        if (pirn__log_is_alias(log, id) || has_gone(log, id)) {
            return true;
        }
    }
    return false;
}

static void next_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_listing *listing = listing_of(op);

    pirn_assert_rule(listing->priv.work != NULL, "the walk has begun");
    int32_t count = fill_page(listing);
    if (count != 0) {
        listing->items = listing->priv.page;
        if (has_unnamed(listing, count)) {
            name_page(listing, (uint32_t)count);
        } else {
            pirn_task_finish(context, op, count);
        }
        return;
    }
    pirn__file_listing_next(listing);
}

void pirn_prep_listing_next(struct pirn_listing *listing)
{
    static const struct pirn_task_verbs verbs = {.begin = next_begin};

    pirn_prep_task(&listing->op, &verbs);
}

static void end_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_listing *listing = listing_of(op);

    if (listing->priv.work != NULL) {
        pirn__file_listing_end(listing);
    }
    free(listing->priv.page);
    listing->priv.page = NULL;
    pirn_task_finish(context, op, 0);
}

void pirn_prep_listing_end(struct pirn_listing *listing)
{
    static const struct pirn_task_verbs verbs = {.begin = end_begin};

    pirn_prep_task(&listing->op, &verbs);
}
