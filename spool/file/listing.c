/* SPDX-License-Identifier: MIT */
/*
 * listing.c - a walk over directories, one in memory at a time
 *
 *   of each queue that has files: its buckets, shelves and 64 shards, then
 *   .checkout/SLOT of each slot
 *
 * What becomes ready meanwhile is met twice rather than not at all.
 *
 * A directory is read whole and sorted, then handed out in pages. Queues are
 * listed when the walk begins.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/file/file.h"
#include "spool/file/find.h"
#include "spool/opens.h"
#include "spool/queue.h"

enum { PAGE_ITEMS = 512 };

struct pirn_listing_work {
    struct pirn_listing *listing;
    struct pirn_spool *spool;
    struct pirn__refresh refresh;
    struct pirn__slots slots;
    struct pirn__id_scan scan;
    uint32_t queue_at;
    uint32_t queue_end;
    struct pirn__bucket_scan buckets; /* of the queue */
    bool has_buckets;
    uint32_t site_at; /* of the queue: sites, */
    uint32_t dir_at;  /* then shards, then slots */
    uint32_t id_at;   /* of the directory */
    struct pirn_listed here;
    struct pirn_listed page[PAGE_ITEMS];
};

static void next_dir(struct pirn_listing_work *work);

static void finish(struct pirn_listing_work *work, int32_t result)
{
    pirn_assert(result <= PAGE_ITEMS);
    pirn_assert(work->listing->priv.work == work);
    pirn_task_finish(work->spool->context, &work->listing->op, result);
}

static void work_destroy(struct pirn_listing_work *work)
{
    pirn_assert(work->spool->open_count > 0);

    work->spool->open_count--;
    work->listing->items = NULL;
    work->listing->priv.work = NULL;
    pirn__ids_deinit(&work->scan.ids);
    pirn__ids_deinit(&work->scan.next);
    pirn__bucket_scan_deinit(&work->buckets);
    free(work);
}

/* It has not begun, and needs no end: the log's page goes, too. */
static void refuse(struct pirn_listing *listing, int32_t result)
{
    free(listing->priv.page);
    listing->priv.page = NULL;
    pirn_task_finish(listing->priv.spool->context, &listing->op, result);
}

static void fail(struct pirn_listing_work *work, int32_t result)
{
    struct pirn_listing *listing = work->listing;

    work_destroy(work);
    refuse(listing, result);
}

/* ---- begin ---- */

static void listed_slots(struct pirn_op *op, int32_t result)
{
    struct pirn_listing_work *work =
        pirn_container_of(op, struct pirn_listing_work, slots.scan.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        fail(work, result);
        return;
    }
    finish(work, 0);
}

static void refreshed(struct pirn_op *op, int32_t result)
{
    struct pirn_listing_work *work =
        pirn_container_of(op, struct pirn_listing_work, refresh.op);
    struct pirn_spool *spool = work->spool;
    const char *queue = work->listing->priv.queue;

    pirn_assert(result <= 0);
    if (result < 0) {
        fail(work, result);
        return;
    }
    work->queue_end = spool->queue_count;
    if (queue != NULL) {
        while (work->queue_at < spool->queue_count &&
               strcmp(spool->queues[work->queue_at]->name, queue) != 0) {
            work->queue_at++;
        }
        if (work->queue_at == spool->queue_count) {
            fail(work, -ENOENT);
            return;
        }
        work->queue_end = work->queue_at + 1;
    }
    pirn__prep_slots(&work->slots, spool->root_fd);
    pirn_start(spool->context, &work->slots.scan.op, listed_slots);
}

void pirn__file_listing(struct pirn_listing *listing)
{
    struct pirn_spool *spool = listing->priv.spool;
    struct pirn_listing_work *work = calloc(1, sizeof(*work));

    if (work == NULL) {
        refuse(listing, -ENOMEM);
        return;
    }
    work->listing = listing;
    work->spool = spool;
    spool->open_count++;
    listing->priv.work = work;
    pirn__prep_refresh(&work->refresh, spool);
    pirn_start(spool->context, &work->refresh.op, refreshed);
}

/* ---- next ---- */

static bool fill_page(struct pirn_listing_work *work)
{
    const struct pirn__ids *ids = &work->scan.ids;
    int32_t count = 0;

    pirn_assert(work->id_at <= ids->count);
    while (count < PAGE_ITEMS && work->id_at < ids->count) {
        work->page[count] = work->here;
        work->page[count++].id = ids->ids[work->id_at++];
    }
    if (count > 0) {
        work->listing->items = work->page;
        finish(work, count);
    }
    return count > 0;
}

static void listed(struct pirn_op *op, int32_t result)
{
    struct pirn_listing_work *work =
        pirn_container_of(op, struct pirn_listing_work, scan.scan.op);

    pirn_assert(result <= 0);
    if (result < 0 && !pirn__is_none(result)) {
        finish(work, result);
        return;
    }
    pirn__ids_sort(&work->scan.ids);
    work->id_at = 0;
    if (!fill_page(work)) {
        next_dir(work);
    }
}

static void listed_buckets(struct pirn_op *op, int32_t result)
{
    struct pirn_listing_work *work =
        pirn_container_of(op, struct pirn_listing_work, buckets.scan.op);

    pirn_assert(result <= 0);
    if (result < 0 && !pirn__is_none(result)) {
        work->has_buckets = false;
        finish(work, result);
        return;
    }
    pirn__bucket_scan_sort(&work->buckets);
    next_dir(work);
}

/* A bucket or a shelf; false: there is none left. */
static bool set_site(struct pirn_listing_work *work, struct pirn__queue *queue)
{
    static const struct pirn_id none;
    struct pirn__site site;
    bool is_there =
        pirn__site_next(queue, &work->buckets, &work->site_at, &site);

    while (is_there && site.kind == PIRN__SITE_SHARD) {
        is_there =
            pirn__site_next(queue, &work->buckets, &work->site_at, &site);
    }
    if (is_there) {
        work->here.state = pirn__site_state(&site);
        work->here.owner = 0;
        pirn__site_dir(&site, &none, &work->scan.scan.path);
    }
    return is_there;
}

static void set_dir(struct pirn_listing_work *work, const char *queue)
{
    struct pirn__name *path = &work->scan.scan.path;
    uint32_t dir = work->dir_at++;

    if (dir < PIRN__SHARDS) {
        work->here.state = PIRN_ITEM_READY;
        work->here.owner = 0;
        pirn__name_shard_dir(path, queue, dir);
    } else {
        work->here.state = PIRN_ITEM_CLAIMED;
        work->here.owner = work->slots.slots[dir - PIRN__SHARDS];
        pirn__name_checkout_dir(path, queue, work->here.owner);
    }
}

static void next_dir(struct pirn_listing_work *work)
{
    struct pirn_spool *spool = work->spool;

    pirn_assert(work->queue_at <= work->queue_end);
    pirn_assert(work->queue_end <= spool->queue_count);
    if (work->dir_at == PIRN__SHARDS + work->slots.count) {
        work->dir_at = 0;
        work->site_at = 0;
        work->has_buckets = false;
        work->queue_at++;
    }
    work->queue_at = pirn__queue_of_files(spool, work->queue_at);
    if (work->queue_at >= work->queue_end) {
        work->queue_at = work->queue_end;
        finish(work, 0);
        return;
    }
    struct pirn__queue *queue = spool->queues[work->queue_at];
    if (!work->has_buckets) {
        work->has_buckets = true;
        work->buckets.count = 0;
        if (queue->has_due) {
            pirn__prep_bucket_scan(&work->buckets, spool, queue);
            pirn_start(spool->context, &work->buckets.scan.op, listed_buckets);
            return;
        }
    }
    memcpy(work->here.queue, queue->name, strlen(queue->name) + 1);
    if (!set_site(work, queue)) {
        set_dir(work, queue->name);
    }
    pirn__prep_id_scan(&work->scan, spool->root_fd);
    pirn_start(spool->context, &work->scan.scan.op, listed);
}

void pirn__file_listing_next(struct pirn_listing *listing)
{
    struct pirn_listing_work *work = listing->priv.work;

    pirn_assert(work->listing == listing);
    if (!fill_page(work)) {
        next_dir(work);
    }
}

void pirn__file_listing_end(struct pirn_listing *listing)
{
    work_destroy(listing->priv.work);
}
