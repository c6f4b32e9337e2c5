/* SPDX-License-Identifier: MIT */
/*
 * claim.c - have one ready item: I3, I4 or I5 to I6
 *
 *   what is due made ready -> the first entry whose item is ready -> its part
 *       |
 *       +-> none -> look for dead owners, once -> again, or 0
 *
 * What we have then and cannot read is damaged: it is held, so that it is
 * neither handed out again nor thrown away.
 */
#include "spool/log/claim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/event.h"
#include "spool/layout.h"
#include "spool/log/atom.h"
#include "spool/log/doors.h"
#include "spool/log/fence.h"
#include "spool/log/stamp.h"

static void pick(struct pirn_claim_work *work);

static void unlist(struct pirn_claim_work *work)
{
    if (work->prev != NULL) {
        work->prev->next = work->next;
    } else if (work->log->claims == work) {
        work->log->claims = work->next;
    }
    if (work->next != NULL) {
        work->next->prev = work->prev;
    }
    work->next = NULL;
    work->prev = NULL;
}

static void work_destroy(struct pirn_claim_work *work)
{
    unlist(work);
    pirn__reading_deinit(&work->reading);
    pirn__pool_give(&work->log->claim_works, work);
}

static void destroy_and_finish(struct pirn_claim_work *work)
{
    struct pirn_claim *claim = work->claim;
    int32_t result = work->result;

    claim->priv.work = NULL;
    claim->item.fields = (struct pirn_fields){0};
    work_destroy(work);
    pirn__claim_end(claim, result);
}

static void closed(struct pirn_op *op, int32_t result)
{
    (void)result; /* nothing was written */
    destroy_and_finish(pirn_container_of(op, struct pirn_claim_work, step));
}

void pirn__log_claim_end(struct pirn_claim_work *work, int32_t result)
{
    int fd = pirn__reading_take_fd(&work->reading);

    work->result = result;
    if (fd < 0) {
        destroy_and_finish(work);
        return;
    }
    pirn_prep_close(&work->step, fd);
    pirn_start(work->log->context, &work->step, closed);
}

void pirn__log_claims_deinit(struct pirn__log *log)
{
    while (log->claims != NULL) {
        struct pirn_claim_work *work = log->claims;
        int fd = pirn__reading_take_fd(&work->reading);
        if (fd >= 0) {
            pirn_prep_close(&work->step, fd);
            (void)pirn_wait(log->context, &work->step);
        }
        work_destroy(work);
    }
}

static void have_item(struct pirn_claim_work *work)
{
    struct pirn__log *log = work->log;
    struct pirn_claim *claim = work->claim;

    work->next = log->claims;
    if (log->claims != NULL) {
        log->claims->prev = work;
    }
    log->claims = work;
    pirn__lease_touch(log->spool);
    pirn__reading_item(&work->reading, &claim->item);
    pirn__event_claim(claim, 1);
    pirn_task_finish(log->context, &claim->op, 1);
}

/* CLAIMED to held, in memory alone: a restart finds it damaged again. */
static void hold_damaged(struct pirn_claim_work *work)
{
    struct pirn__catalogue *catalogue = &work->log->index.catalogue;
    struct pirn__slot *slot = &catalogue->slots[work->grip.slot];

    if (pirn__slot_turn(catalogue, &work->grip, PIRN__UPDATING) < 0) {
        return; /* somebody else's by now */
    }
    pirn__atom_store(&slot->route, slot->route | PIRN__RECORD_HELD);
    int r = pirn__slot_release(catalogue, &work->log->actor, &work->grip,
                               pirn_context_realtime_ns(work->log->context),
                               false, NULL);
    pirn_assert(r == 0 || r == -ENOSPC); /* then it stays ours until we close */
}

/* Could not be read for now: as it was. Behind all others where the disk says
 * so: one sector must not meet every claim of a queue. */
static void put_back(struct pirn_claim_work *work, bool front)
{
    struct pirn__catalogue *catalogue = &work->log->index.catalogue;
    uint64_t route = catalogue->slots[work->grip.slot].route;
    bool ready = false;
    int r = pirn__slot_release(catalogue, &work->log->actor, &work->grip,
                               pirn_context_realtime_ns(work->log->context),
                               front, &ready);

    pirn_assert(r == 0 || r == -ENOSPC || r == -ESTALE);
    if (ready) {
        pirn__log_wake(work->log, pirn__route_unpack(route).queue);
    }
}

static void use_part(struct pirn_claim_work *work, int32_t result)
{
    struct pirn_id *id = &work->reading.part.head.id;

    if (result == 0 && work->by_id &&
        memcmp(id, &work->claim->priv.id, sizeof(*id)) != 0) {
        put_back(work, true); /* another epoch's item had this slot */
        pirn__log_claim_end(work, -ENOENT);
        return;
    }
    if (result == 0) {
        have_item(work);
        return;
    }
    bool damaged = result == -EBADMSG || result == -ESTALE;
    if (damaged) {
        hold_damaged(work);
    } else {
        put_back(work, result != -EIO);
    }
    if (damaged && !work->by_id) {
        pirn__reading_deinit(&work->reading);
        pick(work);
        return;
    }
    pirn__log_claim_end(work, result == -ESTALE ? -EBADMSG : result);
}

static void have_read(struct pirn_op *op, int32_t result)
{
    use_part(pirn_container_of(op, struct pirn_claim_work, reading.op), result);
}

static void part_is_read(struct pirn__reading *reading, int32_t result)
{
    use_part(pirn_container_of(reading, struct pirn_claim_work, reading),
             result);
}

/* Of what was claimed just now; that is noted. What is wrong at once is met
 * again by the op, in a turn of its own: so a row of damaged items is no
 * recursion. */
static void read_part(struct pirn_claim_work *work, uint64_t claimed_ns)
{
    struct pirn__log *log = work->log;
    struct pirn__slot fields = log->index.catalogue.slots[work->grip.slot];
    uint32_t slot = work->grip.slot;

    fields.word = work->grip.word;
    pirn__stamp_put(&log->index, &work->grip, claimed_ns);
    int r =
        pirn__reading_start(&work->reading, log, slot, &fields, part_is_read);
    if (r == 1) {
        use_part(work, 0);
    } else if (r < 0) {
        pirn__prep_reading(&work->reading, log, slot, &fields);
        pirn_start(log->context, &work->reading.op, have_read);
    }
}

static void swept(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, sweep.waiter.op);

    (void)result;
    pick(work);
}

static void start_sweep(struct pirn_claim_work *work)
{
    work->looked = true;
    pirn__prep_sweep(&work->sweep, work->log->spool);
    pirn_start(work->log->context, &work->sweep.waiter.op, swept);
}

/* ---- waiting ---- */

static uint64_t now_ns(const struct pirn_claim_work *work)
{
    return pirn_context_now_ns(work->log->context);
}

static uint64_t real_ns(const struct pirn_claim_work *work)
{
    return pirn_context_realtime_ns(work->log->context);
}

static void woken(struct pirn__log_sleeper *sleeper, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(sleeper, struct pirn_claim_work, sleeper);

    if (result == 1) {
        work->grip = sleeper->grip;
        read_part(work, real_ns(work));
        return;
    }
    pirn__log_claim_end(work, result);
}

static void sleep_on(struct pirn_claim_work *work)
{
    work->sleeper.queue = work->queue;
    work->sleeper.woken = woken;
    work->sleeper.sleeper.until_ns = work->claim->priv.until_ns;
    pirn__bell_sleep(work->log, &work->sleeper);
}

void pirn__log_claim_cancel(struct pirn_claim *claim)
{
    struct pirn_claim_work *work = claim->priv.work;

    if (work->sleeper.sleeper.is_asleep) {
        pirn__bell_leave(work->log, &work->sleeper);
        pirn__log_claim_end(work, -ECANCELED);
    }
}

/* ---- a log that is not known whole ---- */

static void hope(struct pirn_claim_work *work)
{
    struct pirn__log *log = work->log;

    work->hope = NULL;
    if (log->hopeful == NULL) {
        log->hopeful = work;
    } else {
        log->last_hopeful->hope = work;
    }
    log->last_hopeful = work;
}

void pirn__log_claims_retry(struct pirn__log *log)
{
    struct pirn_claim_work *work = log->hopeful;

    log->hopeful = NULL;
    while (work != NULL) {
        struct pirn_claim_work *next = work->hope;
        pick(work);
        work = next;
    }
}

static void pick(struct pirn_claim_work *work)
{
    struct pirn__log *log = work->log;

    if (work->claim->priv.until_ns > 0 &&
        pirn_task_is_cancelled(&work->claim->op)) {
        pirn__log_claim_end(work, -ECANCELED);
        return;
    }
    if (log->rebuild_failed < 0) {
        pirn__log_claim_end(work, log->rebuild_failed);
        return;
    }
    uint64_t claimed_ns = pirn__log_expire(log); /* or a moment later */
    int r = pirn__slot_claim_next(&log->index.catalogue, &log->actor,
                                  work->queue, &work->grip);
    if (r == 1) {
        read_part(work, claimed_ns);
        return;
    }
    if (r == 0 && log->spool->settle.is_pending) {
        hope(work); /* it may be there, and not known yet */
        return;
    }
    if (r == 0 && !work->looked && pirn__sweep_is_due(log->spool)) {
        start_sweep(work);
        return;
    }
    if (r == 0 && work->claim->priv.until_ns > now_ns(work)) {
        sleep_on(work);
        return;
    }
    pirn__log_claim_end(work, r);
}

static struct pirn_claim_work *work_create(struct pirn_claim *claim)
{
    struct pirn__log *log = claim->priv.spool->log;
    struct pirn_claim_work *work = pirn__pool_take(&log->claim_works);

    if (work == NULL) {
        pirn_task_finish(claim->priv.spool->context, &claim->op, -ENOMEM);
        return NULL;
    }
    memset(work, 0, sizeof(*work));
    work->claim = claim;
    work->log = log;
    claim->priv.work = work;
    return work;
}

void pirn__log_claim(struct pirn_claim *claim, struct pirn__queue *queue)
{
    struct pirn_claim_work *work = work_create(claim);

    if (work == NULL) {
        return;
    }
    work->queue = queue->number;
    if (pirn__sweep_is_due(work->log->spool)) {
        start_sweep(
            work); /* a queue that is never empty has dead owners, too */
        return;
    }
    pick(work);
}

/* ---- a certain one ---- */

/* Being made, or removed for good: nobody has it, and nobody will. */
static bool is_none(const struct pirn__log *log, const struct pirn__log_id *id)
{
    const struct pirn__slot *slot = &log->index.catalogue.slots[id->slot];
    struct pirn__word word = pirn__word_unpack(pirn__atom_load(&slot->word));

    return word.state == PIRN__FILLING || word.state == PIRN__REMOVING;
}

/* Of who had it: as if it had been given back. He may be at work on it, so it
 * is UPDATING while a field is stored. */
static void count_attempt(struct pirn_claim_work *work)
{
    const struct pirn__catalogue *catalogue = &work->log->index.catalogue;
    struct pirn__slot *slot = &catalogue->slots[work->grip.slot];

    if (pirn__slot_turn(catalogue, &work->grip, PIRN__UPDATING) < 0) {
        return; /* somebody else's by now: the next verb hears of it */
    }
    struct pirn__route route = pirn__route_unpack(slot->route);
    route.attempts = pirn__log_attempts(route.attempts + 1u);
    pirn__atom_store(&slot->route, pirn__route_pack(route));
    pirn__log_claim_resume(work);
}

static void seize(struct pirn_claim_work *work);

static void swept_for_seizing(struct pirn_op *op, int32_t result)
{
    (void)result;
    seize(pirn_container_of(op, struct pirn_claim_work, sweep.waiter.op));
}

static void sweep_and_seize(struct pirn_claim_work *work)
{
    work->looked = true;
    pirn__prep_sweep(&work->sweep, work->log->spool);
    pirn_start(work->log->context, &work->sweep.waiter.op, swept_for_seizing);
}

/* From who lives: what the dead have is given back before. */
static void seize(struct pirn_claim_work *work)
{
    struct pirn__log *log = work->log;
    struct pirn__log_id id;
    uint16_t from;

    pirn__log_id_unpack(&work->claim->priv.id, &id);
    int r = pirn__log_seize(log, &id, &work->grip, &from);
    if (r == -ESRCH && !work->looked) {
        sweep_and_seize(work);
        return;
    }
    if (r != 1) {
        pirn__log_claim_end(work, r == -ESRCH ? 0 : r);
        return;
    }
    if (from != PIRN__INDEX_OWNERS) {
        count_attempt(work);
        pirn__event_owner(log->spool, PIRN_EVENT_FENCED, from, 1);
    }
    read_part(work, real_ns(work));
}

void pirn__log_claim_id(struct pirn_claim *claim)
{
    struct pirn_claim_work *work = work_create(claim);
    struct pirn__log_id id;

    if (work == NULL) {
        return;
    }
    work->by_id = true;
    if (claim->priv.seizes && pirn__sweep_is_due(work->log->spool)) {
        sweep_and_seize(work);
        return;
    }
    if (claim->priv.seizes) {
        seize(work);
        return;
    }
    pirn__log_id_unpack(&claim->priv.id, &id);
    int r = pirn__slot_claim(&work->log->index.catalogue, &work->log->actor,
                             id.slot, id.incarnation, &work->grip);
    if (r == 1) {
        read_part(work, real_ns(work));
        return;
    }
    pirn__log_claim_end(work, r == 0 && is_none(work->log, &id) ? -ENOENT : r);
}

/* ---- its body ---- */

static void have_body(struct pirn_op *op, int32_t result)
{
    struct pirn_claim_work *work =
        pirn_container_of(op, struct pirn_claim_work, reading.op);

    pirn_task_finish(work->log->context, &work->claim->op, result);
}

void pirn__log_claim_read(struct pirn_claim *claim)
{
    struct pirn_claim_work *work = claim->priv.work;

    if (work->reading.body != NULL) {
        pirn_task_finish(work->log->context, &claim->op,
                         pirn__reading_copy(&work->reading, claim->priv.buf,
                                            claim->priv.len,
                                            claim->priv.offset));
        return;
    }
    pirn__prep_reading_body(&work->reading, claim->priv.buf, claim->priv.len,
                            claim->priv.offset);
    pirn_start(work->log->context, &work->reading.op, have_body);
}

bool pirn__log_claim_body(const struct pirn_claim *claim,
                          struct pirn__name *ret_name)
{
    const struct pirn__head *head = &claim->priv.work->reading.part.head;

    if ((head->flags & PIRN__RECORD_BODY_FILE) == 0) {
        return false;
    }
    pirn__name_log_body(ret_name, &head->id);
    return true;
}
