/* SPDX-License-Identifier: MIT */
/*
 * queue.c - the table of queues
 *
 * A refresh lists the spool first and gets the new ones ready one after the
 * other then. Two refreshes may meet the same queue: who comes second to the
 * table drops his. At last each queue is listed, for the directories that it
 * has only where they are needed.
 *
 * What is a link, or no directory, is no queue, whatever it leads to. One that
 * became so behind our back stays in the table, for it is in use, and is_lost.
 */
#include "spool/queue.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/layout.h"
#include "spool/log/log.h"
#include "spool/opens.h"

static void admit_next(struct pirn__refresh *refresh);
static void look_next(struct pirn__refresh *refresh);

struct pirn__queue *pirn__queue_find(const struct pirn_spool *spool,
                                     const char *name)
{
    for (uint32_t i = 0; i < spool->queue_count; i++) {
        struct pirn__queue *queue = spool->queues[i];
        if (queue->name == name || strcmp(queue->name, name) == 0) {
            return queue;
        }
    }
    return NULL;
}

/* What it need not have. */
static void init_rest(struct pirn_spool *spool, struct pirn__queue *queue)
{
    for (uint32_t i = 0; i < PIRN__SHELVES; i++) {
        struct pirn__shelf *shelf = &queue->shelves[i];
        shelf->sync.fd = -1;
        if (i != PIRN__SHELF_NORMAL) {
            pirn__name_shelf_dir(&shelf->sync.path, queue->name, i);
            pirn__sync_init(&shelf->sync, spool->context, spool->root_fd);
            pirn__supply_init(&shelf->supply, spool->context, spool->root_fd,
                              shelf->sync.path.text, spool->slot);
            shelf->supply.is_flat = true;
        }
    }
    pirn__name_queue_dir(&queue->self.path, queue->name);
    pirn__sync_init(&queue->self, spool->context, spool->root_fd);
    pirn__name_due_dir(&queue->due.path, queue->name);
    pirn__sync_init(&queue->due, spool->context, spool->root_fd);
    pirn__survey_init(&queue->survey, spool, queue);
}

static struct pirn__queue *queue_create(struct pirn_spool *spool,
                                        const char *name)
{
    struct pirn__queue *queue = calloc(1, sizeof(*queue));

    pirn_assert(pirn_queue_name_is_valid(name));
    if (queue == NULL) {
        return NULL;
    }
    memcpy(queue->name, name, strlen(name) + 1);
    int number = spool->log == NULL
                     ? -ENOENT
                     : pirn__index_queue_find(&spool->log->index, name);
    queue->layout = number < 0 ? &pirn__layout_file : &pirn__layout_log;
    queue->number = number < 0 ? 0 : (uint16_t)number;
    for (uint32_t shard = 0; shard < PIRN__SHARDS; shard++) {
        pirn__name_shard_dir(&queue->ready[shard].path, name, shard);
        pirn__sync_init(&queue->ready[shard], spool->context, spool->root_fd);
    }
    pirn__name_checkout_dir(&queue->checkout.path, name, spool->slot);
    pirn__sync_init(&queue->checkout, spool->context, spool->root_fd);
    pirn__supply_init(&queue->supply, spool->context, spool->root_fd,
                      queue->name, spool->slot);
    init_rest(spool, queue);
    return queue;
}

static void queue_destroy(struct pirn__queue *queue)
{
    for (uint32_t shard = 0; shard < PIRN__SHARDS; shard++) {
        pirn__sync_deinit(&queue->ready[shard]);
    }
    for (uint32_t i = 0; i < PIRN__SHELVES; i++) {
        pirn__sync_deinit(&queue->shelves[i].sync);
        pirn__supply_deinit(&queue->shelves[i].supply);
    }
    pirn__sync_deinit(&queue->self);
    pirn__sync_deinit(&queue->due);
    pirn__sync_deinit(&queue->checkout);
    pirn__supply_deinit(&queue->supply);
    pirn__survey_deinit(&queue->survey);
    free(queue);
}

void pirn__queues_deinit(struct pirn_spool *spool)
{
    for (uint32_t i = 0; i < spool->queue_count; i++) {
        queue_destroy(spool->queues[i]);
    }
    free(spool->queues);
    spool->queues = NULL;
    spool->queue_count = 0;
}

static int table_add(struct pirn_spool *spool, struct pirn__queue *queue)
{
    pirn_assert(queue->checkout.path.text[0] != '\0');

    size_t size = (spool->queue_count + 1) * sizeof(*spool->queues);
    struct pirn__queue **more = realloc(spool->queues, size);

    if (more == NULL) {
        return -ENOMEM;
    }
    more[spool->queue_count++] = queue;
    spool->queues = more;
    return 0;
}

static void finish(struct pirn__refresh *refresh, int32_t result)
{
    pirn_assert(result <= 0);
    while (refresh->found != NULL) {
        struct pirn__queue *queue = refresh->found;
        refresh->found = queue->next;
        queue_destroy(queue);
    }
    pirn_task_finish(refresh->spool->context, &refresh->op, result);
}

static void drop_first(struct pirn__refresh *refresh)
{
    struct pirn__queue *queue = refresh->found;

    pirn_assert(queue != NULL);
    refresh->found = queue->next;
    queue_destroy(queue);
}

static bool is_no_dir(int32_t result)
{
    return result == -ELOOP || result == -ENOTDIR;
}

static void admitted(struct pirn_op *op, int32_t result)
{
    struct pirn__refresh *refresh =
        pirn_container_of(op, struct pirn__refresh, chain.op);
    struct pirn__queue *queue = refresh->found;

    pirn_assert(result <= 0);
    if (is_no_dir(result)) { /* a link, whose kind the listing did not tell */
        drop_first(refresh);
        admit_next(refresh);
        return;
    }
    if (result == 0 && pirn__queue_find(refresh->spool, queue->name) == NULL) {
        result = table_add(refresh->spool, queue);
        if (result == 0) {
            refresh->found = queue->next;
            queue->next = NULL;
            admit_next(refresh);
            return;
        }
    }
    if (result < 0) {
        finish(refresh, result);
        return;
    }
    drop_first(refresh);
    admit_next(refresh);
}

static void made_mine(struct pirn_op *op, int32_t result)
{
    struct pirn__refresh *refresh =
        pirn_container_of(op, struct pirn__refresh, mkdir);
    struct pirn_spool *spool = refresh->spool;

    pirn_assert(result <= 0);
    if (result == -ENOENT || result == -ENOTDIR) {
        drop_first(refresh); /* no .checkout: somebody's directory */
        admit_next(refresh);
        return;
    }
    if (result < 0 && result != -EEXIST) {
        finish(refresh, result);
        return;
    }
    /* One that was there may have been made by somebody who was killed before
     * he synced it. */
    pirn__name_checkout(&refresh->path, refresh->found->name);
    pirn__prep_open(&refresh->open, spool->root_fd, refresh->path.text,
                    O_RDONLY | O_DIRECTORY);
    pirn_prep_fsync(&refresh->fsync, PIRN_FD_OF(0), PIRN_SYNC_ALL);
    pirn_prep_close(&refresh->close, PIRN_FD_OF(0));
    pirn_step_when(&refresh->close, PIRN_STEP_ALWAYS);
    refresh->steps[0] = &refresh->open;
    refresh->steps[1] = &refresh->fsync;
    refresh->steps[2] = &refresh->close;
    pirn_chain_start(spool->context, &refresh->chain, refresh->steps, 3,
                     admitted);
}

static void admit_next(struct pirn__refresh *refresh)
{
    struct pirn_spool *spool = refresh->spool;

    pirn_assert(spool->root_fd >= 0);
    if (refresh->found == NULL) {
        refresh->queue_at = 0;
        look_next(refresh);
        return;
    }
    pirn_prep_mkdir(&refresh->mkdir, spool->root_fd,
                    refresh->found->checkout.path.text, PIRN__DIR_MODE);
    pirn_start(spool->context, &refresh->mkdir, made_mine);
}

/* ---- what each of them has besides its shards ---- */

bool pirn__queue_take_shelf(struct pirn__queue *queue, const char *name)
{
    uint32_t shelf;

    if (pirn__name_parse_shelf(name, &shelf)) {
        queue->shelves[shelf].is_there = true;
        return true;
    }
    if (strcmp(name, PIRN__NAME_DUE) == 0) {
        queue->has_due = true;
        return true;
    }
    return false;
}

static int32_t take_shelf(struct pirn__scan *scan,
                          const struct pirn_entry *entry)
{
    struct pirn__refresh *refresh =
        pirn_container_of(scan, struct pirn__refresh, scan);
    bool is_ours = pirn__queue_take_shelf(
        refresh->spool->queues[refresh->queue_at], entry->name);

    (void)is_ours; /* a shard else, or somebody's */
    return 0;
}

static void looked(struct pirn_op *op, int32_t result)
{
    struct pirn__refresh *refresh =
        pirn_container_of(op, struct pirn__refresh, scan.op);

    bool is_lost = is_no_dir(result);

    pirn_assert(result <= 0);
    refresh->spool->queues[refresh->queue_at]->is_lost = is_lost;
    if (result < 0 && result != -ENOENT && !is_lost) {
        finish(refresh, result);
        return;
    }
    refresh->queue_at++;
    look_next(refresh);
}

uint32_t pirn__queue_of_files(const struct pirn_spool *spool, uint32_t from)
{
    while (from < spool->queue_count &&
           spool->queues[from]->layout != &pirn__layout_file) {
        from++;
    }
    return from;
}

static void look_next(struct pirn__refresh *refresh)
{
    const struct pirn_spool *spool = refresh->spool;

    refresh->queue_at = pirn__queue_of_files(spool, refresh->queue_at);
    if (refresh->queue_at == spool->queue_count) {
        finish(refresh, 0);
        return;
    }
    pirn__name_queue_dir(&refresh->scan.path,
                         spool->queues[refresh->queue_at]->name);
    pirn__prep_scan(&refresh->scan, spool->root_fd, take_shelf);
    pirn_start(spool->context, &refresh->scan.op, looked);
}

/* ---- the spool's directory ---- */

static int32_t take_queue(struct pirn__scan *scan,
                          const struct pirn_entry *entry)
{
    struct pirn__refresh *refresh =
        pirn_container_of(scan, struct pirn__refresh, scan);

    bool may_be_dir = entry->type == DT_DIR || entry->type == DT_UNKNOWN;

    if (!may_be_dir || !pirn_queue_name_is_valid(entry->name) ||
        pirn__queue_find(refresh->spool, entry->name) != NULL) {
        return 0;
    }
    struct pirn__queue *queue = queue_create(refresh->spool, entry->name);
    if (queue == NULL) {
        return -ENOMEM;
    }
    queue->next = refresh->found;
    refresh->found = queue;
    return 0;
}

static void listed(struct pirn_op *op, int32_t result)
{
    struct pirn__refresh *refresh =
        pirn_container_of(op, struct pirn__refresh, scan.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        finish(refresh, result);
        return;
    }
    admit_next(refresh);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__refresh *refresh =
        pirn_container_of(op, struct pirn__refresh, op);

    refresh->found = NULL;
    refresh->scan.path = (struct pirn__name){"."};
    pirn__prep_scan(&refresh->scan, refresh->spool->root_fd, take_queue);
    pirn_start(context, &refresh->scan.op, listed);
}

static const struct pirn_task_verbs verbs = {.begin = begin};

void pirn__prep_refresh(struct pirn__refresh *refresh, struct pirn_spool *spool)
{
    refresh->spool = spool;
    pirn_prep_task(&refresh->op, &verbs);
}

/* ---- meet ---- */

struct meeting {
    struct pirn__refresh refresh;
    const char *name;
    struct pirn_op *op;
    pirn__queue_met_fn *met;
};

static void refreshed(struct pirn_op *op, int32_t result)
{
    struct meeting *meeting = pirn_container_of(op, struct meeting, refresh.op);
    struct meeting m = *meeting;
    struct pirn_spool *spool = m.refresh.spool;
    struct pirn__queue *queue = pirn__queue_find(spool, m.name);

    pirn_assert(result <= 0);
    free(meeting);
    if (queue == NULL || queue->is_lost) {
        pirn_task_finish(spool->context, m.op, result < 0 ? result : -ENOENT);
        return;
    }
    m.met(m.op, queue);
}

void pirn__queue_meet(struct pirn_spool *spool, const char *name,
                      struct pirn_op *op, pirn__queue_met_fn *met)
{
    struct pirn__queue *queue = pirn__queue_find(spool, name);

    if (queue != NULL && !queue->is_lost) {
        met(op, queue);
        return;
    }
    struct meeting *meeting = calloc(1, sizeof(*meeting));
    if (meeting == NULL) {
        pirn_task_finish(spool->context, op, -ENOMEM);
        return;
    }
    meeting->name = name;
    meeting->op = op;
    meeting->met = met;
    pirn__prep_refresh(&meeting->refresh, spool);
    pirn_start(spool->context, &meeting->refresh.op, refreshed);
}

const char *pirn_spool_queue(const struct pirn_spool *spool, uint32_t index)
{
    return index < spool->queue_count ? spool->queues[index]->name : NULL;
}
