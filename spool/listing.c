/* SPDX-License-Identifier: MIT */
/*
 * listing.c - a walk over both layouts: the log's items, then the files'
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/file/file.h"
#include "spool/log/count.h"
#include "spool/queue.h"

enum { PAGE_ITEMS = 512 };

static struct pirn_listing *listing_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_listing, op);
}

static void listing_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_listing *listing = listing_of(op);

    pirn_assert_rule(listing->priv.work == NULL, "one walk at a time");
    pirn_assert(context == listing->priv.spool->context);
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

static void next_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_listing *listing = listing_of(op);

    pirn_assert_rule(listing->priv.work != NULL, "the walk has begun");
    int32_t count = fill_page(listing);
    if (count != 0) {
        listing->items = listing->priv.page;
        pirn_task_finish(context, op, count);
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
