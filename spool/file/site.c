/* SPDX-License-Identifier: MIT */
/*
 * site.c - see spool/file/site.h
 *
 * A bucket's time is not before that of any item in it, and later by a second
 * or a 64th of the delay at most. So whoever looks needs the names of buckets,
 * not of items and not their metadata; and of each doubling of the delay there
 * are 64 buckets at most.
 */
#include "spool/file/site.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>
#include <pirn/timer.h>

#include "spool/opens.h"

#define SECOND_NS 1000000000ull

enum { BUCKETS_EACH = 128, TRIES_MAX = 8 };

static void make_dir(struct pirn__site_make *make);

/* ---- which ---- */

int8_t pirn__site_priority(int8_t priority)
{
    return priority < -8 ? -8 : priority > 7 ? 7 : priority;
}

/* For what is due in the future. */
static struct pirn__bucket bucket_of(uint64_t due_ns, int8_t priority,
                                     uint64_t now_ns)
{
    uint64_t due_s = due_ns / SECOND_NS + (due_ns % SECOND_NS > 0);
    uint64_t delay_s = due_s - now_ns / SECOND_NS;
    uint64_t unit_s = 1;

    pirn_assert(due_ns > now_ns);
    while (delay_s / unit_s >= BUCKETS_EACH) {
        unit_s *= 2;
    }
    due_s = (due_s + unit_s - 1) / unit_s * unit_s;
    return (struct pirn__bucket){.due_s = due_s, .priority = priority};
}

bool pirn__bucket_is_due(const struct pirn__bucket *bucket, uint64_t now_ns)
{
    return bucket->due_s <= now_ns / SECOND_NS;
}

struct pirn__site pirn__site_was(struct pirn__queue *queue,
                                 const struct pirn_item *item)
{
    struct pirn__site site = {.queue = queue};

    pirn_assert(queue != NULL);
    pirn_assert(item->priority >= -8 && item->priority <= 7);
    if (item->state == PIRN_ITEM_HELD) {
        site.kind = PIRN__SITE_SHELF;
        site.shelf = PIRN__SHELF_HELD;
    } else if (item->priority != 0) {
        site.kind = PIRN__SITE_SHELF;
        site.shelf = (uint32_t)(item->priority + (int)PIRN__SHELF_NORMAL);
    }
    return site;
}

struct pirn__site pirn__site_of(struct pirn__queue *queue,
                                const struct pirn_item *item, uint64_t now_ns)
{
    struct pirn__site site = pirn__site_was(queue, item);

    if (item->state != PIRN_ITEM_HELD && item->due_ns > now_ns) {
        site.kind = PIRN__SITE_BUCKET;
        site.bucket = bucket_of(item->due_ns, item->priority, now_ns);
    }
    return site;
}

void pirn__site_dir(const struct pirn__site *site, const struct pirn_id *id,
                    struct pirn__name *name)
{
    const char *queue = site->queue->name;

    switch (site->kind) {
    case PIRN__SITE_SHARD:
        pirn__name_shard_dir(name, queue, pirn__id_shard(id));
        break;
    case PIRN__SITE_SHELF:
        pirn__name_shelf_dir(name, queue, site->shelf);
        break;
    case PIRN__SITE_BUCKET:
        pirn__name_bucket_dir(name, queue, &site->bucket);
        break;
    }
}

void pirn__site_path(const struct pirn__site *site, const struct pirn_id *id,
                     struct pirn__name *name)
{
    struct pirn__name dir;

    if (site->kind ==
        PIRN__SITE_SHARD) { /* also of an id of no shard of ours */
        pirn__name_ready(name, site->queue->name, id);
        return;
    }
    pirn__site_dir(site, id, &dir);
    pirn__name_in(name, &dir, id);
}

enum pirn_item_state pirn__site_state(const struct pirn__site *site)
{
    if (site->kind == PIRN__SITE_BUCKET) {
        return PIRN_ITEM_DELAYED;
    }
    return site->kind == PIRN__SITE_SHELF && site->shelf == PIRN__SHELF_HELD
               ? PIRN_ITEM_HELD
               : PIRN_ITEM_READY;
}

struct pirn__sync *pirn__site_sync(const struct pirn__site *site,
                                   const struct pirn_id *id)
{
    struct pirn__queue *queue = site->queue;

    switch (site->kind) {
    case PIRN__SITE_SHELF:
        return &queue->shelves[site->shelf].sync;
    case PIRN__SITE_BUCKET:
        return &queue->checkout;
    case PIRN__SITE_SHARD:
        break;
    }
    return &queue->ready[pirn__id_shard(id)];
}

void pirn__site_filled(struct pirn_spool *spool, const struct pirn__site *site)
{
    if (site->kind == PIRN__SITE_SHELF) {
        struct pirn__shelf *shelf = &site->queue->shelves[site->shelf];
        shelf->is_there = true;
        shelf->supply.may_have = true;
    }
    if (pirn__site_state(site) == PIRN_ITEM_READY) {
        pirn__nap_wake(spool, site->queue);
    }
}

/* ---- all of them ---- */

static int32_t take_bucket(struct pirn__scan *scan,
                           const struct pirn_entry *entry)
{
    struct pirn__bucket_scan *all =
        pirn_container_of(scan, struct pirn__bucket_scan, scan);
    struct pirn__bucket bucket;

    if (!pirn__name_parse_bucket(entry->name, &bucket)) {
        return 0;
    }
    if (all->count == all->cap) {
        uint32_t cap = all->cap ? all->cap * 2 : 64;
        struct pirn__bucket *more =
            cap > UINT32_MAX / sizeof(*more)
                ? NULL
                : realloc(all->buckets, cap * sizeof(*more));
        if (more == NULL) {
            return -ENOMEM;
        }
        all->buckets = more;
        all->cap = cap;
    }
    all->buckets[all->count++] = bucket;
    return 0;
}

void pirn__prep_bucket_scan(struct pirn__bucket_scan *scan,
                            const struct pirn_spool *spool,
                            const struct pirn__queue *queue)
{
    scan->count = 0;
    scan->scan.path = queue->due.path;
    pirn__prep_scan(&scan->scan, spool->root_fd, take_bucket);
}

static int compare(const void *a, const void *b)
{
    const struct pirn__bucket *one = a;
    const struct pirn__bucket *other = b;

    return (one->due_s > other->due_s) - (one->due_s < other->due_s);
}

void pirn__bucket_scan_sort(struct pirn__bucket_scan *scan)
{
    if (scan->count > 1) {
        qsort(scan->buckets, scan->count, sizeof(scan->buckets[0]), compare);
    }
}

void pirn__bucket_scan_deinit(struct pirn__bucket_scan *scan)
{
    free(scan->buckets);
    scan->buckets = NULL;
    scan->count = 0;
    scan->cap = 0;
}

bool pirn__site_next(struct pirn__queue *queue,
                     const struct pirn__bucket_scan *buckets, uint32_t *at,
                     struct pirn__site *ret_site)
{
    const uint32_t first_bucket = 1 + PIRN__SHELVES;

    while (*at < first_bucket + buckets->count) {
        uint32_t number = (*at)++;
        struct pirn__site site = {.queue = queue};
        if (number >= first_bucket) {
            site.kind = PIRN__SITE_BUCKET;
            site.bucket = buckets->buckets[number - first_bucket];
        } else if (number > 0) {
            site.kind = PIRN__SITE_SHELF;
            site.shelf = number - 1;
        }
        if (site.kind != PIRN__SITE_SHELF ||
            queue->shelves[site.shelf].is_there) {
            *ret_site = site;
            return true;
        }
    }
    return false;
}

/* ---- make ---- */

static struct pirn__site_make *make_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn__site_make, step);
}

static void made(struct pirn__site_make *make, int32_t result)
{
    pirn_assert(result <= 0);
    pirn_task_finish(make->spool->context, &make->op,
                     result == -ENOENT ? -EAGAIN : result);
}

static void closed(struct pirn_op *op, int32_t result)
{
    struct pirn__site_make *make = make_of(op);

    pirn_assert(result <= 0); /* nothing was written */
    make->fd = -1;
    made(make, make->result);
}

static void synced(struct pirn_op *op, int32_t result)
{
    struct pirn__site_make *make =
        pirn_container_of(op, struct pirn__site_make, sync.waiter.op);
    struct pirn__queue *queue = make->site.queue;

    pirn_assert(result <= 0);
    if (result < 0 && make->fd >= 0) {
        make->result = result;
        pirn_prep_close(&make->step, make->fd);
        pirn_start(make->spool->context, &make->step, closed);
        return;
    }
    if (result == 0 && make->site.kind == PIRN__SITE_SHELF) {
        queue->shelves[make->site.shelf].is_there = true;
        queue->shelves[make->site.shelf].is_durable = true;
    }
    made(make, result);
}

static void start_sync(struct pirn__site_make *make, struct pirn__sync *sync,
                       pirn_op_fn *fn)
{
    pirn__prep_sync(&make->sync, sync);
    pirn_start(make->spool->context, &make->sync.waiter.op, fn);
}

static void opened(struct pirn_op *op, int32_t result)
{
    struct pirn__site_make *make = make_of(op);

    if (result == -ENOENT && make->tries < TRIES_MAX) {
        make_dir(make); /* somebody found it empty */
        return;
    }
    if (result < 0) {
        made(make, result);
        return;
    }
    make->fd = result;
    start_sync(make, &make->site.queue->due, synced);
}

static void made_dir(struct pirn_op *op, int32_t result)
{
    struct pirn__site_make *make = make_of(op);
    struct pirn__queue *queue = make->site.queue;

    pirn_assert(result <= 0);
    if (result < 0 && result != -EEXIST) {
        made(make, result);
    } else if (make->site.kind == PIRN__SITE_SHELF) {
        start_sync(make, &queue->self, synced);
    } else {
        pirn__prep_open(&make->step, make->spool->root_fd, make->path.text,
                        O_RDONLY | O_DIRECTORY);
        pirn_start(make->spool->context, &make->step, opened);
    }
}

/* A shelf's, or a bucket's. */
static void make_dir(struct pirn__site_make *make)
{
    static const struct pirn_id none;

    pirn_assert(make->site.kind != PIRN__SITE_SHARD);
    make->tries++;
    pirn__site_dir(&make->site, &none, &make->path);
    pirn_prep_mkdir(&make->step, make->spool->root_fd, make->path.text,
                    PIRN__DIR_MODE);
    pirn_start(make->spool->context, &make->step, made_dir);
}

static void synced_due(struct pirn_op *op, int32_t result)
{
    struct pirn__site_make *make =
        pirn_container_of(op, struct pirn__site_make, sync.waiter.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        made(make, result);
        return;
    }
    make->site.queue->has_due = true;
    make->site.queue->due_is_durable = true;
    make_dir(make);
}

static void made_due(struct pirn_op *op, int32_t result)
{
    struct pirn__site_make *make = make_of(op);

    pirn_assert(result <= 0);
    if (result < 0 && result != -EEXIST) {
        made(make, result);
        return;
    }
    start_sync(make, &make->site.queue->self, synced_due);
}

static void make_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__site_make *make =
        pirn_container_of(op, struct pirn__site_make, op);
    const struct pirn__site *site = &make->site;
    const struct pirn__queue *queue = site->queue;

    make->fd = -1;
    make->tries = 0;
    bool is_shelf = site->kind == PIRN__SITE_SHELF;
    if (site->kind == PIRN__SITE_SHARD ||
        (is_shelf && queue->shelves[site->shelf].is_durable)) {
        pirn_task_finish(context, op, 0);
        return;
    }
    if (is_shelf || queue->due_is_durable) {
        make_dir(make);
        return;
    }
    pirn_prep_mkdir(&make->step, make->spool->root_fd, queue->due.path.text,
                    PIRN__DIR_MODE);
    pirn_start(context, &make->step, made_due);
}

static const struct pirn_task_verbs make_verbs = {.begin = make_begin};

void pirn__prep_site_make(struct pirn__site_make *make,
                          struct pirn_spool *spool,
                          const struct pirn__site *site)
{
    pirn_assert(site->queue != NULL);
    make->spool = spool;
    make->site = *site;
    pirn_prep_task(&make->op, &make_verbs);
}

void pirn__site_prep_rename(const struct pirn__site_make *make,
                            struct pirn_op *op, const struct pirn__name *from,
                            const struct pirn_id *id, struct pirn__name *path)
{
    int root = make->spool->root_fd;

    if (make->fd >= 0) {
        pirn_id_format(id, path->text);
    } else {
        pirn__site_path(&make->site, id, path);
    }
    pirn_prep_rename(op, root, from->text, make->fd >= 0 ? make->fd : root,
                     path->text, RENAME_NOREPLACE);
}

void pirn__site_prep_close(struct pirn__site_make *make, struct pirn_op *op)
{
    if (make->fd < 0) {
        pirn_prep_immediate(op);
        return;
    }
    pirn_prep_close(op, make->fd);
    make->fd = -1;
}

/* ---- sync ---- */

static void dir_synced(struct pirn_op *op, int32_t result)
{
    struct pirn__bucket_sync *sync =
        pirn_container_of(op, struct pirn__bucket_sync, dir.op);
    struct pirn_spool *spool = sync->spool;

    pirn_assert(result <= 0);
    if (sync->dir.is_final) {
        spool->bucket_error = result;
    }
    pirn_task_finish(spool->context, &sync->op, result);
}

static void dir_sync_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__bucket_sync *sync =
        pirn_container_of(op, struct pirn__bucket_sync, op);
    struct pirn_spool *spool = sync->spool;

    if (spool->bucket_error < 0) {
        pirn_task_finish(context, op, spool->bucket_error);
        return;
    }
    pirn__prep_dir_sync(&sync->dir, spool, sync->path.text);
    pirn_start(context, &sync->dir.op, dir_synced);
}

static const struct pirn_task_verbs dir_sync_verbs = {.begin = dir_sync_begin};

void pirn__prep_bucket_sync(struct pirn__bucket_sync *sync,
                            struct pirn_spool *spool)
{
    pirn_assert(sync->path.text[0] != '\0');
    sync->spool = spool;
    pirn_prep_task(&sync->op, &dir_sync_verbs);
}
