/* SPDX-License-Identifier: MIT */
/*
 * survey.c - from delayed to ready: S10 to S4
 *
 *   list QUEUE -> list QUEUE/.due -> of each bucket whose time has come:
 *      list it, make the site of its priority, fsync the bucket
 *      rename each: QUEUE/.due/SECONDS/ID -> QUEUE/XY/ID
 *      fsync the bucket, rmdir
 *
 * Any number of owners may do so at once: of each rename one gets 0, and the
 * others -ENOENT. The first fsync is what makes durable how the items came into
 * the bucket: who takes them from QUEUE/XY syncs that, and what they did before
 * they were in the bucket he could not make durable. The second one stands
 * before the rmdir: else a power cut could forget the bucket, and that items
 * have left it. A bucket that is not empty, because somebody was slow, stays.
 *
 * A survey makes so many items ready and no more: then those who wait for it go
 * on, and the next one does the rest.
 */
#include "spool/file/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "runtime/plant.h"
#include "spool/file/site.h"
#include "spool/queue.h"

enum { ITEMS_MAX = 256 };

struct pirn__survey_work {
    struct pirn__survey *survey;
    struct pirn__scan scan;
    struct pirn__bucket_scan buckets;
    uint32_t at;
    struct pirn__id_scan items; /* of the bucket */
    uint32_t item_at;
    uint32_t moved;
    int32_t result;
    struct pirn__site from;
    struct pirn__site to;
    struct pirn__site_make make;
    struct pirn__bucket_sync sync;
    struct pirn_op step;
    struct pirn__name path;
    struct pirn__name to_path;
};

static void bucket_next(struct pirn__survey_work *work);
static void item_next(struct pirn__survey_work *work);
static void fly(struct pirn__survey *survey);

static struct pirn_context *context_of(const struct pirn__survey_work *work)
{
    return work->survey->spool->context;
}

static void note(struct pirn__survey_work *work, int32_t result)
{
    pirn_assert(work->result <= 0);
    if (result < 0 && result != -ENOENT && work->result == 0) {
        work->result = result;
    }
}

static void finish(struct pirn__survey_work *work)
{
    struct pirn__survey *survey = work->survey;
    struct pirn_context *context = context_of(work);
    int32_t result = work->result;

    for (uint32_t i = 0; i < PIRN__SHELF_HELD; i++) {
        struct pirn__shelf *shelf = &survey->queue->shelves[i];
        shelf->supply.may_have = shelf->is_there;
    }
    survey->has_more = work->moved >= ITEMS_MAX;
    survey->flying = false;
    survey->ended_ns = pirn_context_now_ns(context);
    survey->work = NULL;
    pirn__ids_deinit(&work->items.ids);
    pirn__ids_deinit(&work->items.next);
    pirn__bucket_scan_deinit(&work->buckets);
    free(work);
    pirn__waiters_finish(context, &survey->flight, result);
    if (survey->waiting.head != NULL && !survey->flying) {
        fly(survey);
    }
}

/* ---- one bucket ---- */

static void removed(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0); /* it is not empty, or gone: both are well */
    bucket_next(pirn_container_of(op, struct pirn__survey_work, step));
}

static void synced_left(struct pirn_op *op, int32_t result)
{
    struct pirn__survey_work *work =
        pirn_container_of(op, struct pirn__survey_work, sync.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        note(work, result);
        bucket_next(work);
        return;
    }
    pirn_prep_unlink(&work->step, work->survey->spool->root_fd,
                     work->sync.path.text, AT_REMOVEDIR);
    pirn_start(context_of(work), &work->step, removed);
}

static void start_sync(struct pirn__survey_work *work, pirn_op_fn *fn)
{
    pirn__prep_bucket_sync(&work->sync, work->survey->spool);
    pirn_start(context_of(work), &work->sync.op, fn);
}

static void moved(struct pirn_op *op, int32_t result)
{
    struct pirn__survey_work *work =
        pirn_container_of(op, struct pirn__survey_work, step);

    pirn_assert(result <= 0);
    note(work, result);
    if (result == 0) {
        work->moved++;
        pirn__site_filled(work->survey->spool, &work->to);
    }
    item_next(work);
}

static void item_next(struct pirn__survey_work *work)
{
    const struct pirn__ids *ids = &work->items.ids;

    pirn_assert(work->item_at <= ids->count);
    if (work->item_at == ids->count || work->moved >= ITEMS_MAX) {
        start_sync(work, synced_left);
        return;
    }
    const struct pirn_id *id = &ids->ids[work->item_at++];
    pirn__site_path(&work->from, id, &work->path);
    pirn__site_prep_rename(&work->make, &work->step, &work->path, id,
                           &work->to_path);
    pirn_start(context_of(work), &work->step, moved);
}

static void synced_come(struct pirn_op *op, int32_t result)
{
    struct pirn__survey_work *work =
        pirn_container_of(op, struct pirn__survey_work, sync.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        note(work, result);
        bucket_next(work);
        return;
    }
    item_next(work);
}

static void made_site(struct pirn_op *op, int32_t result)
{
    struct pirn__survey_work *work =
        pirn_container_of(op, struct pirn__survey_work, make.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        note(work, result);
        bucket_next(work);
        return;
    }
    start_sync(work,
               pirn__planted("bucket-not-synced") ? synced_left : synced_come);
}

static void listed_items(struct pirn_op *op, int32_t result)
{
    struct pirn__survey_work *work =
        pirn_container_of(op, struct pirn__survey_work, items.scan.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        note(work, result);
        bucket_next(work);
        return;
    }
    pirn__ids_sort(&work->items.ids);
    work->item_at = 0;
    pirn__prep_site_make(&work->make, work->survey->spool, &work->to);
    pirn_start(context_of(work), &work->make.op, made_site);
}

static void bucket_next(struct pirn__survey_work *work)
{
    struct pirn__survey *survey = work->survey;
    static const struct pirn_id none;
    uint64_t now_ns = pirn_context_realtime_ns(context_of(work));

    if (work->at == work->buckets.count || work->moved >= ITEMS_MAX ||
        !pirn__bucket_is_due(&work->buckets.buckets[work->at], now_ns)) {
        finish(work);
        return;
    }
    const struct pirn__bucket *bucket = &work->buckets.buckets[work->at++];
    const struct pirn_item item = {.priority = bucket->priority};
    work->from = (struct pirn__site){
        .queue = survey->queue, .kind = PIRN__SITE_BUCKET, .bucket = *bucket};
    work->to = pirn__site_was(survey->queue, &item);
    pirn__site_dir(&work->from, &none, &work->sync.path);
    work->items.scan.path = work->sync.path;
    pirn__prep_id_scan(&work->items, survey->spool->root_fd);
    pirn_start(context_of(work), &work->items.scan.op, listed_items);
}

/* ---- which buckets ---- */

static void listed_buckets(struct pirn_op *op, int32_t result)
{
    struct pirn__survey_work *work =
        pirn_container_of(op, struct pirn__survey_work, buckets.scan.op);

    pirn_assert(result <= 0);
    note(work, result);
    pirn__bucket_scan_sort(&work->buckets);
    bucket_next(work);
}

static int32_t take_shelf(struct pirn__scan *scan,
                          const struct pirn_entry *entry)
{
    struct pirn__survey_work *work =
        pirn_container_of(scan, struct pirn__survey_work, scan);
    bool is_ours = pirn__queue_take_shelf(work->survey->queue, entry->name);

    (void)is_ours;
    return 0;
}

static void listed_queue(struct pirn_op *op, int32_t result)
{
    struct pirn__survey_work *work =
        pirn_container_of(op, struct pirn__survey_work, scan.op);
    struct pirn__survey *survey = work->survey;

    pirn_assert(result <= 0);
    note(work, result);
    if (!survey->queue->has_due) {
        finish(work);
        return;
    }
    pirn__prep_bucket_scan(&work->buckets, survey->spool, survey->queue);
    pirn_start(context_of(work), &work->buckets.scan.op, listed_buckets);
}

static void fly(struct pirn__survey *survey)
{
    struct pirn_spool *spool = survey->spool;
    struct pirn__survey_work *work = calloc(1, sizeof(*work));

    pirn_assert(!survey->flying && survey->flight.head == NULL);
    if (work == NULL) {
        pirn__waiters_finish(spool->context, &survey->waiting, -ENOMEM);
        return;
    }
    survey->flying = true;
    survey->flight = pirn__waiters_take(&survey->waiting);
    survey->work = work;
    work->survey = survey;
    work->make.fd = -1;
    pirn__name_queue_dir(&work->scan.path, survey->queue->name);
    pirn__prep_scan(&work->scan, spool->root_fd, take_shelf);
    pirn_start(spool->context, &work->scan.op, listed_queue);
}

/* ---- waits ---- */

void pirn__survey_init(struct pirn__survey *survey, struct pirn_spool *spool,
                       struct pirn__queue *queue)
{
    survey->spool = spool;
    survey->queue = queue;
}

void pirn__survey_deinit(struct pirn__survey *survey)
{
    pirn_assert(!survey->flying && survey->waiting.head == NULL);
    pirn_assert(survey->work == NULL);
}

bool pirn__survey_is_due(const struct pirn__survey *survey)
{
    uint64_t now_ns = pirn_context_now_ns(survey->spool->context);

    return survey->has_more || survey->ended_ns == 0 ||
           now_ns - survey->ended_ns >= PIRN__SURVEY_EVERY_NS;
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__survey_wait *wait =
        pirn_container_of(op, struct pirn__survey_wait, waiter.op);
    struct pirn__survey *survey = wait->survey;

    pirn_assert(context == survey->spool->context);
    pirn__waiters_push(&survey->waiting, &wait->waiter);
    if (!survey->flying) {
        fly(survey);
    }
}

static const struct pirn_task_verbs verbs = {.begin = begin};

void pirn__prep_survey(struct pirn__survey_wait *wait,
                       struct pirn__survey *survey)
{
    wait->survey = survey;
    pirn_prep_task(&wait->waiter.op, &verbs);
}
