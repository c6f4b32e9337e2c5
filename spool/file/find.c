/* SPDX-License-Identifier: MIT */
/*
 * find.c - every place of the table, in the order in which items are likely
 *
 *   round:  QUEUE/XY/ID, shelves and buckets of each queue
 *           .checkout/SLOT/ID of each slot and queue
 *           with drafts: ID.in and ID.out there, .tmp/SLOT/ID of each slot
 *           .data/XY/ID: gone means nowhere; there means once more
 *
 * From the second round on queues are listed anew: another process may have
 * made the one in which the item is.
 */
#include "spool/file/find.h"

#include <errno.h>
#include <fcntl.h>

#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/opens.h"

enum { ROUNDS_USUAL = 4, FORMS = 3 };

static void try_queue(struct pirn__find *find);
static void try_ready(struct pirn__find *find);
static void try_slots(struct pirn__find *find);

static struct pirn__find *find_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn__find, step);
}

static int32_t take_slot(struct pirn__scan *scan,
                         const struct pirn_entry *entry)
{
    struct pirn__slots *slots =
        pirn_container_of(scan, struct pirn__slots, scan);
    uint32_t slot;

    if (pirn__name_parse_slot(entry->name, &slot) &&
        slots->count < PIRN__SLOTS) {
        slots->slots[slots->count++] = (uint16_t)slot;
    }
    return 0;
}

void pirn__prep_slots(struct pirn__slots *slots, int root_fd)
{
    slots->count = 0;
    slots->scan.path = (struct pirn__name){PIRN__NAME_TMP};
    pirn__prep_scan(&slots->scan, root_fd, take_slot);
}

static void finish(struct pirn__find *find, int32_t result)
{
    pirn_assert(result <= 0);
    pirn__bucket_scan_deinit(&find->buckets);
    pirn_task_finish(find->spool->context, &find->op, result);
}

static void start_stat(struct pirn__find *find, pirn_op_fn *fn)
{
    pirn_prep_stat(&find->step, find->spool->root_fd, find->path.text,
                   AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_CTIME, &find->statx);
    pirn_start(find->spool->context, &find->step, fn);
}

static void refreshed(struct pirn_op *op, int32_t result)
{
    struct pirn__find *find =
        pirn_container_of(op, struct pirn__find, refresh.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        finish(find, result);
        return;
    }
    find->queue_at = 0;
    try_queue(find);
}

static void saw_body(struct pirn_op *op, int32_t result)
{
    struct pirn__find *find = find_of(op);

    pirn_assert(result <= 0);
    find->round++;
    if (result < 0 || find->round >= find->rounds) {
        finish(find, result < 0 ? result : -ENOENT);
        return;
    }
    pirn__prep_refresh(&find->refresh, find->spool);
    pirn_start(find->spool->context, &find->refresh.op, refreshed);
}

static void saw_slot(struct pirn_op *op, int32_t result)
{
    struct pirn__find *find = find_of(op);

    pirn_assert(result <= 0);
    if (pirn__is_none(result)) {
        bool is_draft = find->place == PIRN__PLACE_DRAFT;
        find->form_at++;
        if (is_draft || !find->drafts || find->form_at == FORMS) {
            find->form_at = 0;
            find->queue_at++;
        }
        try_slots(find);
        return;
    }
    finish(find, result);
}

/* As whose claim it stands there, or hidden by who moves it. */
static void name_claim(struct pirn__find *find)
{
    static const enum pirn__moving_name moving[FORMS] = {
        [1] = PIRN__MOVING_IN, [2] = PIRN__MOVING_OUT};
    const char *queue = find->queue->name;

    if (find->form_at == 0) {
        find->place = PIRN__PLACE_CLAIMED;
        pirn__name_claimed(&find->path, queue, find->slot, &find->id);
        return;
    }
    find->place = PIRN__PLACE_MOVING;
    pirn__name_moving(&find->path, queue, find->slot, &find->id,
                      moving[find->form_at]);
}

/* queue_at counts one further than the queues: that is .tmp. */
static void try_slots(struct pirn__find *find)
{
    uint32_t queue_count = find->spool->queue_count;

    pirn_assert(find->slot_at <= find->slots.count);
    if (find->queue_at >= queue_count + find->drafts) {
        find->queue_at = 0;
        find->slot_at++;
    }
    if (find->slot_at >= find->slots.count || queue_count == 0) {
        pirn__name_body(&find->path, &find->id);
        start_stat(find, saw_body);
        return;
    }
    find->slot = find->slots.slots[find->slot_at];
    if (find->queue_at == queue_count) {
        find->place = PIRN__PLACE_DRAFT;
        find->queue = NULL;
        pirn__name_draft(&find->path, find->slot, &find->id);
    } else {
        find->queue = find->spool->queues[find->queue_at];
        name_claim(find);
    }
    start_stat(find, saw_slot);
}

static void listed_slots(struct pirn_op *op, int32_t result)
{
    struct pirn__find *find =
        pirn_container_of(op, struct pirn__find, slots.scan.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        finish(find, result);
        return;
    }
    find->queue_at = 0;
    find->slot_at = 0;
    find->form_at = 0;
    try_slots(find);
}

static void saw_ready(struct pirn_op *op, int32_t result)
{
    struct pirn__find *find = find_of(op);

    pirn_assert(result <= 0);
    if (pirn__is_none(result)) {
        try_ready(find);
        return;
    }
    finish(find, result);
}

static void try_ready(struct pirn__find *find)
{
    struct pirn__queue *queue = find->spool->queues[find->queue_at];

    pirn_assert(find->round < find->rounds);
    if (!pirn__site_next(queue, &find->buckets, &find->site_at, &find->site)) {
        find->queue_at++;
        try_queue(find);
        return;
    }
    find->place = PIRN__PLACE_READY;
    find->queue = queue;
    pirn__site_path(&find->site, &find->id, &find->path);
    start_stat(find, saw_ready);
}

static void listed_buckets(struct pirn_op *op, int32_t result)
{
    struct pirn__find *find =
        pirn_container_of(op, struct pirn__find, buckets.scan.op);

    pirn_assert(result <= 0);
    if (result < 0 && !pirn__is_none(result)) {
        finish(find, result);
        return;
    }
    try_ready(find);
}

static void try_queue(struct pirn__find *find)
{
    struct pirn_spool *spool = find->spool;

    pirn_assert(find->queue_at <= spool->queue_count);
    find->site_at = 0;
    find->buckets.count = 0;
    if (find->queue_at == spool->queue_count) {
        pirn__prep_slots(&find->slots, spool->root_fd);
        pirn_start(spool->context, &find->slots.scan.op, listed_slots);
        return;
    }
    const struct pirn__queue *queue = spool->queues[find->queue_at];
    if (!queue->has_due) {
        try_ready(find);
        return;
    }
    pirn__prep_bucket_scan(&find->buckets, spool, queue);
    pirn_start(spool->context, &find->buckets.scan.op, listed_buckets);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__find *find = pirn_container_of(op, struct pirn__find, op);

    pirn_assert(context == find->spool->context);
    find->round = 0;
    find->queue_at = 0;
    find->buckets = (struct pirn__bucket_scan){0};
    try_queue(find);
}

static const struct pirn_task_verbs verbs = {.begin = begin};

void pirn__prep_find(struct pirn__find *find, struct pirn_spool *spool,
                     const struct pirn_id *id, bool drafts)
{
    pirn_assert(spool != NULL && id != NULL);
    find->spool = spool;
    find->id = *id;
    find->drafts = drafts;
    find->rounds = ROUNDS_USUAL;
    pirn_prep_task(&find->op, &verbs);
}
