/* SPDX-License-Identifier: MIT */
/*
 * claim.c - have one ready item: S4 to S5
 *
 *            +--------------- lost the race, or set aside -----------+
 *            v                                                       |
 *   supply -> rename QUEUE/XY/ID -> .checkout/O/ID -> read metadata -+-> 1
 *     |
 *     +-> nothing at hand -> survey, once -> again
 *     +-> all shards and shelves listed, nothing there
 *              -> look for dead owners, once -> again, or 0
 *
 * Higher shelves come before the shards, and these before lower ones. A shelf
 * that was empty is listed again after the next survey, which is made every
 * 250 ms, and by each claim before it lists anything: so one that finds nothing
 * has listed all of them since it began.
 *
 * The rename decides: 0 and the item is ours, -ENOENT and it is somebody's.
 * What we have then and cannot read is set aside whole into `quarantine`; it
 * is not handed out and not thrown away.
 */
#include "spool/file/claim.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/event.h"
#include "spool/file/file.h"

/* So many lost races say that this is none: our .checkout may be gone. */
enum { MISSES_MAX = 1024 };

static void pick(struct pirn_claim_work *work);
static void try_queues(struct pirn_claim_work *work);
static void renamed_by_id(struct pirn_op *op, int32_t result);

static struct pirn_claim_work *work_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn_claim_work, step);
}

void pirn__claim_work_destroy(struct pirn_claim_work *work)
{
    struct pirn_spool *spool = work->spool;

    pirn_assert(work->body.fd < 0);
    if (work->prev != NULL) {
        work->prev->next = work->next;
    } else if (spool->claims == work) {
        spool->claims = work->next;
    }
    if (work->next != NULL) {
        work->next->prev = work->prev;
    }
    free(work->meta.memory);
    free(work->fields);
    free(work);
}

void pirn__claims_deinit(struct pirn_spool *spool)
{
    while (spool->claims != NULL) {
        struct pirn_claim_work *work = spool->claims;
        pirn__body_prep_close(&work->body, &work->step);
        (void)pirn_wait(spool->context, &work->step);
        pirn__claim_work_destroy(work);
    }
}

/* Who has been fenced out may get the item anew, under the very name that an
 * older claim of his still holds to be its own. */
static void lose(struct pirn_spool *spool, const struct pirn_id *id)
{
    for (struct pirn_claim_work *older = spool->claims; older != NULL;
         older = older->next) {
        if (memcmp(&older->id, id, sizeof(*id)) == 0) {
            older->lost = true;
        }
    }
}

void pirn__claims_brought(struct pirn__latch *latch, bool is_ours)
{
    if (is_ours) {
        lose(latch->spool, &latch->id);
    }
    pirn__latch_release(latch);
}

static void finish(struct pirn_claim_work *work, int32_t result)
{
    struct pirn_claim *claim = work->claim;
    struct pirn_spool *spool = work->spool;

    pirn_assert(result <= 1);
    pirn_assert(claim->priv.work == work);
    if (result == 1) {
        pirn__lease_touch(spool);
        work->next = spool->claims;
        if (spool->claims != NULL) {
            spool->claims->prev = work;
        }
        spool->claims = work;
        claim->item = work->meta.item;
        pirn__nap_found(spool, &work->nap);
        pirn__body_init(&work->body, spool, &work->meta.item);
    } else {
        claim->priv.work = NULL;
        work->meta.memory = NULL;
        pirn__claim_work_destroy(work);
    }
    pirn__event_claim(claim, result);
    pirn_task_finish(spool->context, &claim->op, result);
}

/* Back to where it was, or aside; then on, or the end with @work->result. At
 * worst it stays with us, until we close. */
static void go_on(struct pirn_claim_work *work)
{
    pirn_assert(work->result <= 0);
    if (work->result < 0) {
        finish(work, work->result);
        return;
    }
    pick(work);
}

static void moved_back(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work = work_of(op);

    pirn_assert(result <= 0);
    if (result == 0) {
        pirn__site_filled(work->spool, &work->from);
    }
    go_on(work);
}

static void moved_aside(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0);
    go_on(pirn_container_of(op, struct pirn_claim_work, aside.chain.op));
}

/* Where items come from buckets, one may have come by a rename that nobody has
 * synced: going back without that it could have two names. */
static void move_away(struct pirn_claim_work *work, bool aside, int32_t result)
{
    struct pirn_spool *spool = work->spool;

    pirn_assert(work->queue != NULL);
    pirn_assert(result <= 0);
    work->result = result;
    if (aside || work->queue->has_due) {
        pirn__aside_start(&work->aside, spool, &work->from, spool->slot,
                          &work->id, aside, moved_aside);
        return;
    }
    pirn__name_claimed(&work->path, work->queue->name, spool->slot, &work->id);
    pirn__site_path(&work->from, &work->id, &work->to);
    pirn_prep_rename(&work->step, spool->root_fd, work->path.text,
                     spool->root_fd, work->to.text, RENAME_NOREPLACE);
    pirn_start(spool->context, &work->step, moved_back);
}

/* We were fenced out before we had read it: as if somebody had been faster. */
static void taken_away(struct pirn_claim_work *work)
{
    pirn_assert(work->queue != NULL);
    work->misses++;
    work->result = 0;
    if (work->by_id) {
        finish(work, 0);
        return;
    }
    pick(work);
}

/* Where it belongs is known. */
static void have_item(struct pirn_claim_work *work)
{
    struct pirn_item *item = &work->meta.item;

    memcpy(item->queue, work->to_queue->name, sizeof(item->queue));
    work->is_held = item->state == PIRN_ITEM_HELD;
    item->state = PIRN_ITEM_CLAIMED;
    item->owner = work->spool->slot;
}

static void made_site(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, back.make.op);

    if (result < 0) {
        free(work->meta.memory);
        finish(work, result);
        return;
    }
    finish(work, 1);
}

/* From another's claim: its metadata alone say where it was claimed, and where
 * it belongs. The first is made where it is not there, so that it can be
 * synced. His attempt is written with what changes next. */
static void have_seized(struct pirn_claim_work *work)
{
    struct pirn_item *item = &work->meta.item;
    bool is_own = work->victim == work->spool->slot;

    item->attempts += item->attempts < UINT32_MAX;
    if (is_own) {
        have_item(work);
        finish(work, 1);
        return;
    }
    work->from = pirn__site_was(work->queue, item);
    work->to_queue = item->queue[0] == '\0'
                         ? NULL
                         : pirn__queue_find(work->spool, item->queue);
    if (work->to_queue == NULL) {
        work->to_queue = work->queue;
    }
    have_item(work);
    pirn__prep_site_make(&work->back.make, work->spool, &work->from);
    pirn_start(work->spool->context, &work->back.make.op, made_site);
}

static void read_meta(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, meta.op);
    bool damaged = result == -EBADMSG || result == -EPROTO;
    bool aside =
        damaged && strcmp(work->queue->name, PIRN__NAME_QUARANTINE) != 0;

    pirn_assert(result <= 0);
    if (result == -ENOENT) {
        taken_away(work);
        return;
    }
    if (result < 0 && work->is_seized && !aside) {
        finish(work, result); /* ours until we close: it says where it was */
        return;
    }
    if (result < 0) {
        move_away(work, aside, damaged && !work->by_id ? 0 : result);
        return;
    }
    if (work->is_seized) {
        have_seized(work);
        return;
    }
    work->to_queue = work->queue;
    have_item(work);
    finish(work, 1);
}

static void rename_latched(struct pirn_claim_work *work)
{
    struct pirn_spool *spool = work->spool;

    pirn_prep_rename(&work->rename.op, spool->root_fd, work->path.text,
                     spool->root_fd, work->to.text, RENAME_NOREPLACE);
    pirn__bundle_push(&spool->renames, &work->rename, work->latched);
}

static void may_rename(struct pirn_op *op, int32_t result)
{
    pirn_assert(result == 0);
    rename_latched(pirn_container_of(op, struct pirn_claim_work, latch.op));
}

static void start_rename(struct pirn_claim_work *work, pirn_op_fn *fn)
{
    struct pirn_spool *spool = work->spool;

    pirn_assert(work->queue == work->from.queue);
    pirn__site_path(&work->from, &work->id, &work->path);
    pirn__name_claimed(&work->to, work->queue->name, spool->slot, &work->id);
    work->latched = fn;
    if (pirn__latch_take(&work->latch, spool, &work->id, may_rename)) {
        rename_latched(work);
    }
}

static void start_read(struct pirn_claim_work *work)
{
    pirn_assert(work->meta.memory == NULL);
    work->meta.path = work->to;
    pirn__prep_meta_read(&work->meta, work->spool, &work->id);
    pirn_start(work->spool->context, &work->meta.op, read_meta);
}

/* ---- one of a queue ---- */

static uint32_t shelf_of(const struct pirn__site *site)
{
    return site->kind == PIRN__SITE_SHARD ? PIRN__SHELF_NORMAL : site->shelf;
}

static struct pirn__supply *supply_at(struct pirn__queue *queue, uint32_t shelf)
{
    return shelf == PIRN__SHELF_NORMAL ? &queue->supply
                                       : &queue->shelves[shelf].supply;
}

static void renamed(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, rename.op);

    pirn_assert(result <= 0);
    pirn__claims_brought(&work->latch, result == 0);
    if (result < 0 && result != -ENOENT) {
        finish(work, result);
        return;
    }
    pirn__supply_tell(supply_at(work->queue, shelf_of(&work->from)),
                      result == 0);
    if (result < 0) {
        work->misses++;
        pick(work);
        return;
    }
    start_read(work);
}

static void swept(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, sweep.waiter.op);

    pirn_assert(result <= 0);
    work->since = work->queue->supply.swept;
    work->is_surveyed = false;
    pick(work);
}

static void start_sweep(struct pirn_claim_work *work)
{
    pirn_assert(work->queue != NULL && !work->by_id);
    work->looked = true;
    pirn__prep_sweep(&work->sweep, work->spool);
    pirn_start(work->spool->context, &work->sweep.waiter.op, swept);
}

static void supplied(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, supply.waiter.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        finish(work, result);
        return;
    }
    pick(work);
}

/* What it has made ready, and the shelves it has met, are looked at from here
 * on: the shards anew, all of them, before the queue is empty. */
static void surveyed(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, survey.waiter.op);

    pirn_assert(result <= 0);
    if (result == -ENOMEM) {
        finish(work, result);
        return;
    }
    work->survey_result = result;
    work->is_surveyed = true;
    work->since = work->queue->supply.swept;
    pick(work);
}

static void start_survey(struct pirn_claim_work *work)
{
    pirn_assert(!work->by_id);
    pirn__prep_survey(&work->survey, &work->queue->survey);
    pirn_start(work->spool->context, &work->survey.waiter.op, surveyed);
}

static void set_out(struct pirn_claim_work *work);

static void woken(struct pirn__nap *nap)
{
    struct pirn_claim_work *work =
        pirn_container_of(nap, struct pirn_claim_work, nap);

    work->looked = false;
    work->misses = 0;
    set_out(work);
}

/* Nothing is there: wait, look again at once, or end. */
static void rest(struct pirn_claim_work *work)
{
    uint64_t until_ns = work->claim->priv.until_ns;

    if (work->survey_result < 0) {
        finish(work, work->survey_result); /* it may have hidden one */
        return;
    }
    if (until_ns <= pirn_context_now_ns(work->spool->context)) {
        finish(work, 0);
        return;
    }
    if (!pirn__nap_sleep(work->spool, &work->nap, until_ns, woken)) {
        woken(&work->nap);
    }
}

void pirn__file_claim_cancel(struct pirn_claim *claim)
{
    struct pirn_claim_work *work = claim->priv.work;

    if (work->nap.sleeper.is_asleep) {
        pirn__nap_leave(work->spool, &work->nap);
        finish(work, -ECANCELED);
    }
}

/* The highest that has an id at hand, or is to be listed; or none: SHELVES. */
static uint32_t choose(const struct pirn_claim_work *work)
{
    struct pirn__queue *queue = work->queue;

    for (uint32_t i = PIRN__SHELF_HELD; i-- > 0;) {
        const struct pirn__supply *supply = supply_at(queue, i);
        bool to_list = i == PIRN__SHELF_NORMAL
                           ? !pirn__supply_is_empty(supply, work->since)
                           : supply->may_have;
        if (to_list || supply->at < supply->ids.count) {
            return i;
        }
    }
    return PIRN__SHELVES;
}

/* An id of this shelf is tried, or it is listed. Nothing is listed before it is
 * known what there is. */
static void pick_at(struct pirn_claim_work *work, uint32_t shelf)
{
    struct pirn__supply *supply = supply_at(work->queue, shelf);

    if (pirn__supply_take(supply, &work->id)) {
        work->from = (struct pirn__site){
            .queue = work->queue,
            .kind = shelf == PIRN__SHELF_NORMAL ? PIRN__SITE_SHARD
                                                : PIRN__SITE_SHELF,
            .shelf = shelf == PIRN__SHELF_NORMAL ? 0 : shelf,
        };
        start_rename(work, renamed);
    } else if (!work->is_surveyed) {
        start_survey(work);
    } else {
        pirn__prep_supply(&work->supply, supply);
        pirn_start(work->spool->context, &work->supply.waiter.op, supplied);
    }
}

static void pick(struct pirn_claim_work *work)
{
    pirn_assert(!work->by_id);
    pirn_assert(work->since <= work->queue->supply.swept);
    if (work->claim->priv.until_ns > 0 &&
        pirn_task_is_cancelled(&work->claim->op)) {
        finish(work, -ECANCELED);
        return;
    }
    if (work->misses > MISSES_MAX) {
        finish(work, -EAGAIN);
        return;
    }
    uint32_t shelf = choose(work);
    if (shelf < PIRN__SHELVES) {
        pick_at(work, shelf);
        return;
    }
    if (!work->is_surveyed || work->queue->survey.has_more) {
        start_survey(work);
        return;
    }
    if (!work->looked && pirn__sweep_is_due(work->spool)) {
        start_sweep(work);
        return;
    }
    rest(work);
}

static void set_out(struct pirn_claim_work *work)
{
    struct pirn__survey *survey = &work->queue->survey;

    pirn_assert(work->queue != NULL && !work->looked);
    pirn__nap_look(&work->nap, work->queue);
    work->since = work->queue->supply.swept;
    work->is_surveyed = false;
    work->survey_result = 0;
    if (pirn__sweep_is_due(work->spool)) {
        start_sweep(
            work); /* a queue that is never empty has dead owners, too */
        return;
    }
    if (pirn__survey_is_due(survey)) {
        start_survey(work); /* and what is due, and higher shelves */
        return;
    }
    pick(work);
}

static struct pirn_claim_work *work_create(struct pirn_claim *claim)
{
    struct pirn_claim_work *work = calloc(1, sizeof(*work));

    if (work != NULL) {
        work->claim = claim;
        work->spool = claim->priv.spool;
        work->body.fd = -1;
        claim->priv.work = work;
    }
    return work;
}

void pirn__file_claim(struct pirn_claim *claim, struct pirn__queue *queue)
{
    struct pirn_claim_work *work = work_create(claim);

    if (work == NULL) {
        pirn_task_finish(claim->priv.spool->context, &claim->op, -ENOMEM);
        return;
    }
    work->queue = queue;
    set_out(work);
}

/* ---- a certain one ---- */

static void synced_bucket(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, sync_bucket.op);

    pirn_assert(result <= 0);
    if (result < 0 && result != -ENOENT) {
        finish(work, result);
        return;
    }
    start_rename(work, renamed_by_id);
}

/* Of a bucket that is durable which came into it: what makes durable that the
 * item leaves is the directory it goes to. */
static void take_found(struct pirn_claim_work *work)
{
    work->queue = work->find.queue;
    work->from = work->find.site;
    if (work->from.kind != PIRN__SITE_BUCKET) {
        start_rename(work, renamed_by_id);
        return;
    }
    pirn__site_dir(&work->from, &work->id, &work->sync_bucket.path);
    pirn__prep_bucket_sync(&work->sync_bucket, work->spool);
    pirn_start(work->spool->context, &work->sync_bucket.op, synced_bucket);
}

static void swept_by_id(struct pirn_op *op, int32_t result);

static void start_sweep_by_id(struct pirn_claim_work *work)
{
    work->looked = true;
    work->queue_at = 0;
    pirn__prep_sweep(&work->sweep, work->spool);
    pirn_start(work->spool->context, &work->sweep.waiter.op, swept_by_id);
}

/* ---- from who has it ---- */

static void read_seized(struct pirn_claim_work *work)
{
    work->is_seized = true;
    pirn__event_owner(work->spool, PIRN_EVENT_FENCED, work->victim, 1);
    start_read(work);
}

/* Its metadata may name a queue that another process has made. */
static void refreshed(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, find.refresh.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        finish(work, result);
        return;
    }
    read_seized(work);
}

static void seized(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, seizing.op);

    pirn_assert(result <= 0);
    pirn__claims_brought(&work->latch, result != -ENOENT);
    if (result == -ENOENT) {
        work->queue_at = 0;
        try_queues(work);
        return;
    }
    if (result < 0) {
        finish(work, result);
        return;
    }
    pirn__prep_refresh(&work->find.refresh, work->spool);
    pirn_start(work->spool->context, &work->find.refresh.op, refreshed);
}

/* The name stays, so there is no rename that decides: the older claim has lost
 * from here on, unless it is in the midst of a verb, which knows nothing of
 * that. One that is not listed is on its way to or from us. */
static void seize_own(struct pirn_claim_work *work)
{
    struct pirn_claim_work *older = work->spool->claims;

    while (older != NULL && (older->lost || memcmp(&older->id, &work->id,
                                                   sizeof(work->id)) != 0)) {
        older = older->next;
    }
    if (older == NULL || !pirn_op_is_idle(&older->claim->op)) {
        finish(work, 0);
        return;
    }
    pirn_assert(older->queue == work->queue);
    work->from = older->from;
    work->to_queue = older->to_queue;
    lose(work->spool, &work->id);
    read_seized(work);
}

static void seize_latched(struct pirn_claim_work *work)
{
    pirn__prep_seizing(&work->seizing, work->spool, work->queue, work->victim,
                       &work->id);
    pirn_start(work->spool->context, &work->seizing.op, seized);
}

static void may_seize(struct pirn_op *op, int32_t result)
{
    pirn_assert(result == 0);
    seize_latched(pirn_container_of(op, struct pirn_claim_work, latch.op));
}

/* From the first who is met, if he lives: what the dead have is given back
 * before, and two who seize at once would else take it from each other. */
static void seize(struct pirn_claim_work *work)
{
    struct pirn_spool *spool = work->spool;
    uint32_t slot = work->find.slot;
    bool is_another = work->has_victim && work->victim != slot;

    if (!pirn__owner_lives(spool, slot) && !work->looked) {
        start_sweep_by_id(work);
        return;
    }
    if (!pirn__owner_lives(spool, slot) || is_another ||
        work->misses++ > MISSES_MAX) {
        finish(work, 0);
        return;
    }
    work->has_victim = true;
    work->victim = slot;
    work->queue = work->find.queue;
    work->from = (struct pirn__site){.queue = work->queue};
    pirn__name_claimed(&work->to, work->queue->name, spool->slot, &work->id);
    if (slot == spool->slot) {
        seize_own(work);
        return;
    }
    if (pirn__latch_take(&work->latch, spool, &work->id, may_seize)) {
        seize_latched(work);
    }
}

static void found(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, find.op);

    pirn_assert(result <= 0);
    if (result == 0 && work->find.place == PIRN__PLACE_READY) {
        if (work->misses++ > MISSES_MAX) {
            finish(work, -EAGAIN);
            return;
        }
        take_found(work); /* it came back meanwhile, or is on a shelf */
        return;
    }
    if (result == 0 && work->claim->priv.seizes) {
        seize(work);
        return;
    }
    finish(work, result);
}

static void renamed_by_id(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, rename.op);

    pirn_assert(result <= 0);
    pirn__claims_brought(&work->latch, result == 0);
    if (result == -ENOENT) {
        work->queue_at++;
        try_queues(work);
        return;
    }
    if (result < 0) {
        finish(work, result);
        return;
    }
    start_read(work);
}

/* Ready in most cases; else it is looked for. */
static void try_queues(struct pirn_claim_work *work)
{
    struct pirn_spool *spool = work->spool;

    pirn_assert(work->by_id);
    if (work->queue_at >= spool->queue_count) {
        pirn__prep_find(&work->find, spool, &work->id, false);
        pirn_start(spool->context, &work->find.op, found);
        return;
    }
    work->queue = spool->queues[work->queue_at];
    work->from = (struct pirn__site){.queue = work->queue};
    start_rename(work, renamed_by_id);
}

static void swept_by_id(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0);
    try_queues(pirn_container_of(op, struct pirn_claim_work, sweep.waiter.op));
}

void pirn__file_claim_id(struct pirn_claim *claim)
{
    struct pirn_claim_work *work = work_create(claim);

    if (work == NULL) {
        pirn_task_finish(claim->priv.spool->context, &claim->op, -ENOMEM);
        return;
    }
    work->id = claim->priv.id;
    work->by_id = true;
    if (pirn__sweep_is_due(work->spool)) {
        start_sweep_by_id(work);
        return;
    }
    try_queues(work);
}
