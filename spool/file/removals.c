/* SPDX-License-Identifier: MIT */
/*
 * removals.c - rounds: what was told, then synced, then unlinked
 *
 *   kept -> (quiet for 10 ms, 250 ms old, many, large, or somebody hurries)
 *        -> fsync each directory that they left, at once
 *        -> of each item whose two syncs said 0: unlink body, unlink draft
 *
 * An item's rename came before it was kept, and its round begins after that: so
 * the syncs cover it. Nothing of it is unlinked before both have said 0, since
 * until then a power cut may bring back a name that needs the body.
 *
 * Of whom a sync failed the files stay, for who recovers the slot: what was
 * told holds as long as no power cut comes. Of whom a sync could not be tried
 * (no descriptor, no memory) the next round tries again.
 *
 * One round at a time, so what is on loan is bounded; and no allocation.
 */
#include "spool/file/removals.h"

#include <errno.h>

#include <pirn/context.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>
#include <pirn/timer.h>

#include "runtime/plant.h"
#include "spool/spool.h"

static void look(struct pirn__removals *removals);
static void unlink_next(struct pirn__removals_worker *worker);

static struct pirn_context *context_of(const struct pirn__removals *removals)
{
    return removals->spool->context;
}

static struct pirn__removal *item_at(struct pirn__removals *removals,
                                     uint32_t at)
{
    pirn_assert(at < removals->count);
    return &removals->items[(removals->head + at) % PIRN__REMOVALS_MAX];
}

uint64_t pirn__removals_due_ns(uint64_t first_ns, uint64_t last_ns)
{
    uint64_t late_ns = first_ns + PIRN__REMOVALS_LATE_NS;
    uint64_t quiet_ns = last_ns + PIRN__REMOVALS_QUIET_NS;

    if (pirn__planted("removal-put-off")) {
        return late_ns + PIRN__REMOVALS_LATE_NS * 40;
    }
    return late_ns < quiet_ns ? late_ns : quiet_ns;
}

/* What is kept goes to recovery, and nothing more is. */
static void lose(struct pirn__removals *removals)
{
    pirn_assert(!removals->is_running);
    removals->is_lost = true;
    removals->count = 0;
    removals->bytes = 0;
}

/* ---- who waits ---- */

/* Those whose items have ended; all, where some could not be tried. */
static void finish_waiters(struct pirn__removals *removals, int32_t result)
{
    struct pirn__waiters all = pirn__waiters_take(&removals->waiters);
    uint64_t ended = removals->taken - removals->count;

    while (all.head != NULL) {
        struct pirn__waiter *waiter = all.head;
        const struct pirn__removals_wait *wait =
            pirn_container_of(waiter, struct pirn__removals_wait, waiter);
        all.head = waiter->next;
        if (wait->until <= ended || result < 0) {
            pirn_task_finish(context_of(removals), &waiter->op,
                             wait->until <= ended ? 0 : result);
        } else {
            pirn__waiters_push(&removals->waiters, waiter);
        }
    }
}

/* ---- the end of a round ---- */

static const struct pirn__removals_dir *dir_of(
    const struct pirn__removals *removals, const struct pirn__sync *sync)
{
    for (uint32_t i = 0; i < removals->dir_count; i++) {
        if (removals->dirs[i].wait.sync == sync) {
            return &removals->dirs[i];
        }
    }
    return NULL;
}

static bool is_synced(const struct pirn__removals *removals,
                      const struct pirn__removal *item)
{
    return dir_of(removals, item->dirs[0])->result == 0 &&
           dir_of(removals, item->dirs[1])->result == 0;
}

/* Of what was not tried nothing is known; a failure is final. */
static bool is_to_be_tried(const struct pirn__removals *removals,
                           const struct pirn__removal *item)
{
    return !is_synced(removals, item) && item->dirs[0]->error == 0 &&
           item->dirs[1]->error == 0;
}

static void end_round(struct pirn__removals *removals)
{
    uint32_t stay = 0;

    pirn_assert(removals->is_running && removals->busy == 0);
    for (uint32_t i = removals->going; i-- > 0;) {
        const struct pirn__removal *item = item_at(removals, i);
        if (is_to_be_tried(removals, item)) {
            stay++;
            *item_at(removals, removals->going - stay) = *item;
        } else {
            removals->bytes -= item->bytes;
        }
    }
    uint32_t gone = removals->going - stay;
    removals->head = (removals->head + gone) % PIRN__REMOVALS_MAX;
    removals->count -= gone;
    removals->going = 0;
    removals->is_running = false;
    removals->after_ns = 0;
    if (stay > 0) {
        removals->after_ns =
            pirn_context_now_ns(context_of(removals)) + PIRN__REMOVALS_LATE_NS;
        removals->is_hurried = false;
    }
    finish_waiters(removals, stay > 0 ? removals->result : 0);
    look(removals);
}

/* ---- unlinks ---- */

static struct pirn__removals_worker *worker_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn__removals_worker, unlink.op);
}

static void start_unlink(struct pirn__removals_worker *worker, pirn_op_fn *fn)
{
    struct pirn_spool *spool = worker->removals->spool;

    pirn_prep_unlink(&worker->unlink.op, spool->root_fd, worker->name.text, 0);
    pirn__bundle_push(&spool->unlinks, &worker->unlink, fn);
}

static void unlinked_draft(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0); /* recovery would find it */
    unlink_next(worker_of(op));
}

static void unlinked_body(struct pirn_op *op, int32_t result)
{
    struct pirn__removals_worker *worker = worker_of(op);

    pirn_assert(result <= 0);
    if (result < 0 && result != -ENOENT) {
        unlink_next(worker); /* the name of a body that stays, stays with it */
        return;
    }
    pirn__name_draft(&worker->name, worker->removals->spool->slot, &worker->id);
    start_unlink(worker, unlinked_draft);
}

static void unlink_item(struct pirn__removals_worker *worker,
                        const struct pirn__removal *item)
{
    worker->id = item->id;
    pirn__name_body(&worker->name, &worker->id);
    start_unlink(worker, unlinked_body);
}

static void unlink_next(struct pirn__removals_worker *worker)
{
    struct pirn__removals *removals = worker->removals;

    while (removals->at < removals->going) {
        const struct pirn__removal *item = item_at(removals, removals->at++);
        if (is_synced(removals, item)) {
            unlink_item(worker, item);
            return;
        }
    }
    pirn_assert(removals->busy > 0);
    if (--removals->busy == 0) {
        end_round(removals);
    }
}

static void unlink_all(struct pirn__removals *removals)
{
    removals->at = 0;
    removals->busy = PIRN__REMOVALS_WORKERS;
    for (uint32_t i = 0; i < PIRN__REMOVALS_WORKERS; i++) {
        removals->workers[i].removals = removals;
        unlink_next(&removals->workers[i]);
    }
}

/* ---- syncs ---- */

static void synced(struct pirn_op *op, int32_t result)
{
    struct pirn__removals_dir *dir =
        pirn_container_of(op, struct pirn__removals_dir, wait.waiter.op);
    struct pirn__removals *removals = dir->removals;

    pirn_assert(result <= 0 && removals->flying > 0);
    dir->result = result;
    if (result < 0 && removals->result == 0) {
        removals->result = result;
    }
    if (--removals->flying == 0) {
        unlink_all(removals);
    }
}

/* False: there is no room for one more. */
static bool add_dir(struct pirn__removals *removals, struct pirn__sync *sync)
{
    if (dir_of(removals, sync) != NULL) {
        return true;
    }
    if (removals->dir_count == PIRN__REMOVALS_DIRS) {
        return false;
    }
    struct pirn__removals_dir *dir = &removals->dirs[removals->dir_count++];
    dir->removals = removals;
    dir->result = 0;
    pirn__prep_sync(&dir->wait, sync);
    return true;
}

/* As many as stand in so many directories; the others are next. */
static void start_round(struct pirn__removals *removals)
{
    pirn_assert(!removals->is_running);
    pirn_assert(removals->count > 0 && removals->going == 0);
    removals->is_running = true;
    removals->result = 0;
    removals->dir_count = 0;
    while (removals->going < removals->count) {
        const struct pirn__removal *item = item_at(removals, removals->going);
        if (!add_dir(removals, item->dirs[0]) ||
            !add_dir(removals, item->dirs[1])) {
            break;
        }
        removals->going++;
    }
    removals->is_hurried = removals->going < removals->count;
    removals->first_ns = pirn_context_now_ns(context_of(removals));
    if (pirn__planted("removal-not-synced")) {
        unlink_all(removals);
        return;
    }
    removals->flying = removals->dir_count;
    for (uint32_t i = 0; i < removals->dir_count; i++) {
        pirn_start(context_of(removals), &removals->dirs[i].wait.waiter.op,
                   synced);
    }
}

/* ---- when ---- */

static void timer_over(struct pirn_op *op, int32_t result)
{
    struct pirn__removals *removals =
        pirn_container_of(op, struct pirn__removals, timer);

    pirn_assert(removals->is_armed);
    removals->is_armed = false;
    if (removals->is_running) {
        return; /* its end looks */
    }
    if (result < 0 && result != -ECANCELED) {
        lose(removals); /* the context is: each timer would end at once */
        finish_waiters(removals, result);
        return;
    }
    look(removals);
}

static void look(struct pirn__removals *removals)
{
    uint64_t due_ns =
        pirn__removals_due_ns(removals->first_ns, removals->last_ns);

    pirn_assert(!removals->is_running);
    if (removals->count == 0) {
        removals->is_hurried = false;
        if (removals->is_armed) {
            pirn_cancel(context_of(removals), &removals->timer);
        }
        return;
    }
    due_ns = due_ns > removals->after_ns ? due_ns : removals->after_ns;
    if (removals->is_hurried ||
        due_ns <= pirn_context_now_ns(context_of(removals))) {
        start_round(removals);
    } else if (!removals->is_armed) { /* else it comes before that, and looks */
        removals->is_armed = true;
        pirn_prep_timer_at(&removals->timer, due_ns);
        pirn_start(context_of(removals), &removals->timer, timer_over);
    }
}

static void touch(struct pirn__removals *removals)
{
    if (!removals->is_running) {
        look(removals);
    }
}

bool pirn__removals_take(struct pirn_spool *spool, const struct pirn_id *id,
                         struct pirn__sync *const dirs[2], uint64_t bytes)
{
    struct pirn__removals *removals = &spool->removals;
    uint64_t now_ns = pirn_context_now_ns(spool->context);

    pirn_assert(dirs[0] != NULL && dirs[1] != NULL);
    if (removals->is_lost || removals->count == PIRN__REMOVALS_MAX ||
        dirs[0]->error < 0 || dirs[1]->error < 0) {
        return false;
    }
    if (removals->count == removals->going) {
        removals->first_ns = now_ns;
    }
    removals->last_ns = now_ns;
    removals->count++;
    removals->taken++;
    removals->bytes += bytes;
    *item_at(removals, removals->count - 1) = (struct pirn__removal){
        .id = *id, .dirs = {dirs[0], dirs[1]}, .bytes = bytes};
    bool is_much = removals->count - removals->going >= PIRN__REMOVALS_MANY ||
                   removals->bytes >= PIRN__REMOVALS_BYTES;
    if (is_much && removals->after_ns == 0) {
        removals->is_hurried = true;
    }
    touch(removals);
    return true;
}

void pirn__removals_hurry(struct pirn_spool *spool)
{
    struct pirn__removals *removals = &spool->removals;

    if (removals->count > removals->going) {
        removals->is_hurried = true;
        touch(removals);
    }
}

uint32_t pirn__removals_unfinished(const struct pirn_spool *spool)
{
    return spool->removals.count;
}

/* ---- waits ---- */

static void wait_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__removals_wait *wait =
        pirn_container_of(op, struct pirn__removals_wait, waiter.op);
    struct pirn__removals *removals = &wait->spool->removals;

    if (removals->count == 0) {
        pirn_task_finish(context, op, 0);
        return;
    }
    wait->until = removals->taken;
    pirn__waiters_push(&removals->waiters, &wait->waiter);
    pirn__removals_hurry(wait->spool);
}

void pirn__prep_removals_wait(struct pirn__removals_wait *wait,
                              struct pirn_spool *spool)
{
    static const struct pirn_task_verbs verbs = {.begin = wait_begin};

    wait->spool = spool;
    pirn_prep_task(&wait->waiter.op, &verbs);
}

void pirn__removals_open(struct pirn_spool *spool)
{
    spool->removals.spool = spool;
}

static void turn_while(struct pirn_context *context, const bool *is_so)
{
    struct pirn_op op = {0};

    for (int32_t r = 0; r == 0 && *is_so;) {
        pirn_prep_immediate(&op);
        r = pirn_wait(context, &op);
    }
}

/* Those that could not be tried have a timer; who is slow to hear of the round
 * finds another one begun. */
void pirn__removals_close(struct pirn_spool *spool)
{
    struct pirn__removals *removals = &spool->removals;
    struct pirn__removals_wait wait = {0};

    pirn__prep_removals_wait(&wait, spool);
    (void)pirn_wait(spool->context, &wait.waiter.op);
    turn_while(spool->context, &removals->is_running);
    lose(removals);
    if (removals->is_armed) {
        pirn_cancel(spool->context, &removals->timer);
    }
    turn_while(spool->context, &removals->is_armed);
}
