/* SPDX-License-Identifier: MIT */
/*
 * status.c - count everything, and doubt what looks wrong
 *
 *   sweep -> claims and drafts of all slots, shelves and buckets of all queues
 *         -> of each shard: bodies, then names; each body's size
 *
 * The spool lives on meanwhile. A body that no listed name belongs to is looked
 * for at every place before it is called a leftover; so is a name whose body
 * was not listed. What moves while it is counted may be missed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/file/file.h"
#include "spool/file/find.h"
#include "spool/opens.h"
#include "spool/queue.h"

struct pirn_status_work {
    struct pirn_status *status;
    struct pirn_spool *spool;
    struct pirn__refresh refresh;
    struct pirn__slots slots;
    struct pirn__id_scan scan;
    struct pirn__find find;
    struct pirn_op step;
    struct statx statx;
    struct pirn__name path;

    struct pirn__ids claimed;         /* of all slots */
    struct pirn__ids aside;           /* of all shelves and buckets */
    struct pirn__bucket_scan buckets; /* of the queue */
    struct pirn__site site;
    uint32_t site_at;
    struct pirn__ids drafts;
    struct pirn__ids bodies; /* of the shard */
    struct pirn__ids names;

    uint32_t slot_at;
    uint32_t queue_at; /* of a slot, .tmp is behind the queues */
    uint32_t shard;
    uint32_t id_at;
};

static void gather_next(struct pirn_status_work *work);
static void queue_next(struct pirn_status_work *work);
static void site_next(struct pirn_status_work *work);
static void shard_next(struct pirn_status_work *work);
static void names_next(struct pirn_status_work *work);
static void body_next(struct pirn_status_work *work);
static void name_next(struct pirn_status_work *work);

static struct pirn_status_work *work_of_step(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_status_work, step);
}

static struct pirn_status_work *work_of_scan(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_status_work, scan.scan.op);
}

static void finish(struct pirn_status_work *work, int32_t result)
{
    struct pirn_status *status = work->status;
    struct pirn_spool *spool = work->spool;

    pirn_assert(result <= 0);
    pirn_assert(spool->open_count > 0);
    status->owners = spool->living + 1;
    pirn__ids_deinit(&work->scan.ids);
    pirn__ids_deinit(&work->scan.next);
    pirn__ids_deinit(&work->claimed);
    pirn__ids_deinit(&work->aside);
    pirn__bucket_scan_deinit(&work->buckets);
    pirn__ids_deinit(&work->drafts);
    pirn__ids_deinit(&work->bodies);
    pirn__ids_deinit(&work->names);
    free(work);
    spool->open_count--;
    status->priv.work = NULL;
    pirn_task_finish(spool->context, &status->op, result);
}

/* What the scan found, behind what is in @ids. */
static int append(struct pirn__ids *ids, const struct pirn__ids *more)
{
    for (uint32_t i = 0; i < more->count; i++) {
        int r = pirn__ids_push(ids, &more->ids[i]);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static void start_scan(struct pirn_status_work *work, pirn_op_fn *fn)
{
    pirn__prep_id_scan(&work->scan, work->spool->root_fd);
    pirn_start(work->spool->context, &work->scan.scan.op, fn);
}

/* ---- names without a listed body ---- */

static void saw_body_of_name(struct pirn_op *op, int32_t result)
{
    struct pirn_status_work *work = work_of_step(op);

    pirn_assert(result <= 0);
    if (result == -ENOENT) {
        work->status->leftovers++;
    }
    name_next(work);
}

static void name_next(struct pirn_status_work *work)
{
    pirn_assert(work->id_at <= work->names.count);
    while (work->id_at < work->names.count) {
        const struct pirn_id *id = &work->names.ids[work->id_at++];
        if (!pirn__ids_has(&work->bodies, id)) {
            pirn__name_body(&work->path, id);
            pirn_prep_stat(&work->step, work->spool->root_fd, work->path.text,
                           AT_SYMLINK_NOFOLLOW, STATX_SIZE, &work->statx);
            pirn_start(work->spool->context, &work->step, saw_body_of_name);
            return;
        }
    }
    work->shard++;
    shard_next(work);
}

/* ---- bodies ---- */

static void looked_for_name(struct pirn_op *op, int32_t result)
{
    struct pirn_status_work *work =
        pirn_container_of(op, struct pirn_status_work, find.op);

    pirn_assert(result <= 0);
    /* All its rounds: the body has stayed, and belongs to nothing. */
    if (result == -ENOENT && work->find.round >= work->find.rounds) {
        work->status->leftovers++;
    }
    body_next(work);
}

static void saw_size(struct pirn_op *op, int32_t result)
{
    struct pirn_status_work *work = work_of_step(op);
    const struct pirn_id *id = &work->bodies.ids[work->id_at - 1];

    pirn_assert(result <= 0);
    if (result < 0) {
        body_next(work); /* removed meanwhile */
        return;
    }
    work->status->body_bytes += work->statx.stx_size;
    if (pirn__ids_has(&work->names, id) || pirn__ids_has(&work->claimed, id) ||
        pirn__ids_has(&work->drafts, id)) {
        body_next(work);
        return;
    }
    pirn__prep_find(&work->find, work->spool, id, true);
    pirn_start(work->spool->context, &work->find.op, looked_for_name);
}

static void body_next(struct pirn_status_work *work)
{
    pirn_assert(work->id_at <= work->bodies.count);
    if (work->id_at == work->bodies.count) {
        work->id_at = 0;
        name_next(work);
        return;
    }
    pirn__name_body(&work->path, &work->bodies.ids[work->id_at++]);
    pirn_prep_stat(&work->step, work->spool->root_fd, work->path.text,
                   AT_SYMLINK_NOFOLLOW, STATX_SIZE, &work->statx);
    pirn_start(work->spool->context, &work->step, saw_size);
}

/* ---- a shard ---- */

static void listed_names(struct pirn_op *op, int32_t result)
{
    struct pirn_status_work *work = work_of_scan(op);
    const char *queue = work->spool->queues[work->queue_at++]->name;
    uint32_t count = work->scan.ids.count;

    pirn_assert(result <= 0);
    if (result == 0) {
        result = append(&work->names, &work->scan.ids);
    }
    if (result < 0 && !pirn__is_none(result)) {
        finish(work, result);
        return;
    }
    if (strcmp(queue, PIRN__NAME_QUARANTINE) == 0) {
        work->status->quarantined += count;
    } else {
        work->status->ready += count;
    }
    names_next(work);
}

/* Those of the shard that are on shelves and in buckets. */
static int append_aside(struct pirn_status_work *work)
{
    int r = 0;

    for (uint32_t i = 0; r == 0 && i < work->aside.count; i++) {
        if (pirn__id_shard(&work->aside.ids[i]) == work->shard) {
            r = pirn__ids_push(&work->names, &work->aside.ids[i]);
        }
    }
    return r;
}

static void names_next(struct pirn_status_work *work)
{
    work->queue_at = pirn__queue_of_files(work->spool, work->queue_at);
    if (work->queue_at == work->spool->queue_count) {
        int r = append_aside(work);
        if (r < 0) {
            finish(work, r);
            return;
        }
        pirn__ids_sort(&work->names);
        work->id_at = 0;
        body_next(work);
        return;
    }
    pirn__name_shard_dir(&work->scan.scan.path,
                         work->spool->queues[work->queue_at]->name,
                         work->shard);
    start_scan(work, listed_names);
}

static void listed_bodies(struct pirn_op *op, int32_t result)
{
    struct pirn_status_work *work = work_of_scan(op);

    pirn_assert(result <= 0);
    if (result < 0 && !pirn__is_none(result)) {
        finish(work, result);
        return;
    }
    pirn__ids_deinit(&work->bodies);
    pirn__ids_deinit(&work->names);
    work->bodies = work->scan.ids;
    work->scan.ids = (struct pirn__ids){0};
    pirn__ids_sort(&work->bodies);
    work->queue_at = 0;
    names_next(work);
}

static void shard_next(struct pirn_status_work *work)
{
    pirn_assert(work->shard <= PIRN__SHARDS);
    if (work->shard == PIRN__SHARDS) {
        finish(work, 0);
        return;
    }
    pirn__name_shard_dir(&work->scan.scan.path, PIRN__NAME_DATA, work->shard);
    start_scan(work, listed_bodies);
}

/* ---- shelves and buckets ---- */

static void count_site(struct pirn_status_work *work)
{
    struct pirn_status *status = work->status;
    uint32_t count = work->scan.ids.count;
    const char *queue = work->site.queue->name;

    switch (pirn__site_state(&work->site)) {
    case PIRN_ITEM_HELD:
        status->held += count;
        break;
    case PIRN_ITEM_DELAYED:
        status->delayed += count;
        break;
    case PIRN_ITEM_READY:
    case PIRN_ITEM_CLAIMED:
        if (strcmp(queue, PIRN__NAME_QUARANTINE) == 0) {
            status->quarantined += count;
        } else {
            status->ready += count;
        }
        break;
    }
}

static void listed_site(struct pirn_op *op, int32_t result)
{
    struct pirn_status_work *work = work_of_scan(op);

    pirn_assert(result <= 0);
    if (result == 0) {
        result = append(&work->aside, &work->scan.ids);
        count_site(work);
    }
    if (result < 0 && !pirn__is_none(result)) {
        finish(work, result);
        return;
    }
    site_next(work);
}

static void site_next(struct pirn_status_work *work)
{
    struct pirn__queue *queue = work->spool->queues[work->queue_at];
    static const struct pirn_id none;

    do {
        if (!pirn__site_next(queue, &work->buckets, &work->site_at,
                             &work->site)) {
            work->queue_at++;
            queue_next(work);
            return;
        }
    } while (work->site.kind == PIRN__SITE_SHARD);
    pirn__site_dir(&work->site, &none, &work->scan.scan.path);
    start_scan(work, listed_site);
}

static void listed_buckets(struct pirn_op *op, int32_t result)
{
    struct pirn_status_work *work =
        pirn_container_of(op, struct pirn_status_work, buckets.scan.op);

    pirn_assert(result <= 0);
    if (result < 0 && !pirn__is_none(result)) {
        finish(work, result);
        return;
    }
    site_next(work);
}

static void queue_next(struct pirn_status_work *work)
{
    struct pirn_spool *spool = work->spool;

    pirn_assert(work->queue_at <= spool->queue_count);
    if (work->queue_at == spool->queue_count) {
        pirn__ids_sort(&work->aside);
        shard_next(work);
        return;
    }
    const struct pirn__queue *queue = spool->queues[work->queue_at];
    work->site_at = 0;
    work->buckets.count = 0;
    if (!queue->has_due) {
        site_next(work);
        return;
    }
    pirn__prep_bucket_scan(&work->buckets, spool, queue);
    pirn_start(spool->context, &work->buckets.scan.op, listed_buckets);
}

/* ---- claims and drafts ---- */

static void gathered(struct pirn_op *op, int32_t result)
{
    struct pirn_status_work *work = work_of_scan(op);
    bool drafts = work->queue_at == work->spool->queue_count;

    pirn_assert(result <= 0);
    if (result == 0) {
        result =
            append(drafts ? &work->drafts : &work->claimed, &work->scan.ids);
    }
    if (result < 0 && !pirn__is_none(result)) {
        finish(work, result);
        return;
    }
    work->queue_at++;
    gather_next(work);
}

static void gather_next(struct pirn_status_work *work)
{
    struct pirn_spool *spool = work->spool;
    struct pirn__name *path = &work->scan.scan.path;

    pirn_assert(work->slot_at <= work->slots.count);
    if (work->queue_at > spool->queue_count) {
        work->queue_at = 0;
        work->slot_at++;
    }
    if (work->slot_at == work->slots.count) {
        pirn__ids_sort(&work->claimed);
        pirn__ids_sort(&work->drafts);
        work->status->claimed += work->claimed.count;
        work->status->drafts += work->drafts.count;
        work->queue_at = 0;
        queue_next(work);
        return;
    }
    uint32_t slot = work->slots.slots[work->slot_at];
    if (work->queue_at == spool->queue_count) {
        pirn__name_tmp_dir(path, slot);
    } else {
        pirn__name_checkout_dir(path, spool->queues[work->queue_at]->name,
                                slot);
    }
    start_scan(work, gathered);
}

static void listed_slots(struct pirn_op *op, int32_t result)
{
    struct pirn_status_work *work =
        pirn_container_of(op, struct pirn_status_work, slots.scan.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        finish(work, result);
        return;
    }
    gather_next(work);
}

static void refreshed(struct pirn_op *op, int32_t result)
{
    struct pirn_status_work *work =
        pirn_container_of(op, struct pirn_status_work, refresh.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        finish(work, result);
        return;
    }
    pirn__prep_slots(&work->slots, work->spool->root_fd);
    pirn_start(work->spool->context, &work->slots.scan.op, listed_slots);
}

void pirn__file_status(struct pirn_status *status)
{
    struct pirn_spool *spool = status->priv.spool;
    struct pirn_status_work *work = calloc(1, sizeof(*work));

    if (work == NULL) {
        pirn_task_finish(spool->context, &status->op, -ENOMEM);
        return;
    }
    status->priv.work = work;
    work->status = status;
    work->spool = spool;
    spool->open_count++;
    pirn__prep_refresh(&work->refresh, spool);
    pirn_start(spool->context, &work->refresh.op, refreshed);
}
