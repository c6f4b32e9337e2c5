/* SPDX-License-Identifier: MIT */
/*
 * check.c - begin, next, end; what is found is mended and handed over
 *
 * The walk stops while there is something to hand over: a next goes on where it
 * stopped. So mending never races with the walk's own lists.
 */
#include "spool/check/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>
#include <pirn/task.h>
#include <pirn/timer.h>

#include "spool/check/log_walk.h"
#include "spool/check/walk.h"

#define GRACE_USUAL_NS 10000000000ull
#define NS_PER_MS 1000000ull

static void hand_over_next(struct pirn_check_work *work);

const char *pirn_fault_name(enum pirn_fault fault)
{
    static const char *const names[PIRN_FAULTS] = {
        [PIRN_FAULT_TOO_OLD] = "too-old",
        [PIRN_FAULT_ORPHANED] = "orphaned",
        [PIRN_FAULT_DUPLICATED] = "duplicated",
        [PIRN_FAULT_NO_BODY] = "no-body",
        [PIRN_FAULT_BAD_BODY] = "bad-body",
        [PIRN_FAULT_BAD_RECORD] = "bad-record",
        [PIRN_FAULT_STRAY] = "stray",
        [PIRN_FAULT_MISPLACED] = "misplaced",
        [PIRN_FAULT_STALE_CLAIM] = "stale-claim",
        [PIRN_FAULT_LEFTOVER] = "leftover",
        [PIRN_FAULT_OVERDUE] = "overdue",
        [PIRN_FAULT_BAD_SEGMENT] = "bad-segment",
    };

    pirn_assert((unsigned)fault < PIRN_FAULTS);
    return names[fault];
}

/* ---- what the walk says ---- */

void pirn__check_note(struct pirn_check_work *work, int32_t error)
{
    pirn_assert(error < 0);
    if (work->error == 0) {
        work->error = error;
    }
}

uint64_t pirn__check_limit(const struct pirn_check_work *work,
                           const char *queue)
{
    const struct pirn_check_config *config = work->config;

    for (uint32_t i = 0; i < config->limit_count; i++) {
        if (strcmp(config->limits[i].queue, queue) == 0) {
            return config->limits[i].age_ns;
        }
    }
    return strcmp(queue, PIRN__NAME_QUARANTINE) == 0 ? 0 : config->item_ns;
}

uint64_t pirn__check_item_age(const struct pirn_check_work *work,
                              const struct pirn_id *id)
{
    uint64_t now_ns = pirn_context_realtime_ns(work->spool->context);
    uint64_t ms = 0;

    for (int i = 0; i < 6; i++) {
        ms = ms << 8 | id->bytes[i];
    }
    return ms < now_ns / NS_PER_MS ? now_ns - ms * NS_PER_MS : 0;
}

struct pirn_finding *pirn__check_find(struct pirn_check_work *work,
                                      enum pirn_fault fault,
                                      const struct pirn_id *id,
                                      const char *queue, const char *path)
{
    pirn_assert(work->found_count < PIRN__CHECK_FOUND);

    struct pirn_finding *finding = &work->found[work->found_count++];
    *finding = (struct pirn_finding){.fault = fault, .has_id = id != NULL};
    if (id != NULL) {
        finding->id = *id;
        finding->age_ns = pirn__check_item_age(work, id);
    }
    if (queue != NULL) {
        (void)snprintf(finding->queue, sizeof(finding->queue), "%s", queue);
    }
    (void)snprintf(finding->path, sizeof(finding->path), "%s", path);
    return finding;
}

/* ---- handing over ---- */

static void finish_next(struct pirn_check_work *work, int32_t result)
{
    work->left_ns = pirn_context_now_ns(work->spool->context);
    pirn_task_finish(work->spool->context, &work->check->op, result);
}

static void give(struct pirn_check_work *work)
{
    pirn_assert(work->found_at < work->found_count);
    work->check->finding = work->found[work->found_at++];
    finish_next(work, 1);
}

static void mended(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, mend.op);
    struct pirn_finding *finding = &work->found[work->found_at];

    finding->mended = result == 0;
    finding->error = result;
    give(work);
}

static void hand_over_next(struct pirn_check_work *work)
{
    if (work->found_at == work->found_count) {
        work->found_at = 0;
        work->found_count = 0;
        if (pirn_task_is_cancelled(&work->check->op)) {
            finish_next(work, -ECANCELED);
            return;
        }
        work->go_on(work);
        return;
    }
    if (!work->config->repair ||
        work->found[work->found_at].fault == PIRN_FAULT_TOO_OLD) {
        give(work);
        return;
    }
    pirn__prep_mend(&work->mend, work, &work->found[work->found_at]);
    pirn_start(work->spool->context, &work->mend.op, mended);
}

void pirn__check_hand_over(struct pirn_check_work *work, pirn__check_fn *go_on)
{
    pirn_assert(work->found_at == 0);
    work->go_on = go_on;
    hand_over_next(work);
}

void pirn__check_wait(struct pirn_check_work *work, uint64_t wait_ns,
                      pirn_op_fn *fn)
{
    struct pirn_context *context = work->spool->context;

    pirn__pace_pass(&work->pace, wait_ns,
                    pirn_context_now_ns(context) + wait_ns);
    pirn_prep_timer(&work->doubt.timer, wait_ns);
    pirn_start(context, &work->doubt.timer, fn);
    if (pirn_task_is_cancelled(&work->check->op)) {
        pirn_cancel(context, &work->doubt.timer);
    }
}

/* ---- resting ---- */

/* Asked to end meanwhile: the next one goes on. */
static void rested(struct pirn_op *op, int32_t result)
{
    (void)result;
    hand_over_next(pirn_container_of(op, struct pirn_check_work, doubt.timer));
}

/* What cannot be asked says nothing; what is wrong there the walk meets. */
static void saw_slot(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, pace_step);
    const struct statx_timestamp *changed = &work->pace_statx.stx_mtime;
    uint64_t now_ns = pirn_context_now_ns(work->spool->context);
    uint64_t changed_ns =
        result == 0
            ? (uint64_t)changed->tv_sec * 1000000000ull + changed->tv_nsec
            : 0;

    pirn__pace_saw_slot(&work->pace, work->pace.slot, changed_ns, now_ns);
    uint64_t rest_ns = pirn__pace_rest_ns(&work->pace, now_ns);
    if (rest_ns == 0) {
        hand_over_next(work);
        return;
    }
    pirn__check_wait(work, rest_ns, rested);
}

void pirn__check_rest(struct pirn_check_work *work, pirn__check_fn *go_on)
{
    struct pirn_spool *spool = work->spool;
    uint64_t now_ns = pirn_context_now_ns(spool->context);

    pirn_assert(work->found_at == 0);
    work->go_on = go_on;
    if (!pirn__pace_is_due(&work->pace, now_ns)) {
        hand_over_next(work);
        return;
    }
    if (spool->log != NULL) {
        pirn__pace_saw_log(&work->pace, pirn__check_log_sum(spool->log),
                           now_ns);
    }
    pirn__name_tmp_dir(&work->pace_path,
                       pirn__pace_slot(&work->pace, spool->slot));
    pirn_prep_stat(&work->pace_step, spool->root_fd, work->pace_path.text,
                   AT_SYMLINK_NOFOLLOW, STATX_MTIME, &work->pace_statx);
    pirn_start(spool->context, &work->pace_step, saw_slot);
}

/* Said again by every next behind it. */
static void ended(struct pirn_check_work *work)
{
    finish_next(work, work->error);
}

void pirn__check_finish(struct pirn_check_work *work, int32_t result)
{
    if (result < 0) {
        pirn__check_note(work, result);
    }
    pirn__check_hand_over(work, ended);
}

/* ---- the verbs ---- */

static struct pirn_check *check_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_check, op);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_check *check = check_of(op);
    struct pirn_spool *spool = check->priv.spool;

    pirn_assert_rule(check->priv.work == NULL, "one check at a time");
    pirn_assert(context == spool->context);
    if (pirn__settle_holds(spool, op, begin)) {
        return;
    }
    struct pirn_check_work *work = calloc(1, sizeof(*work));
    if (work == NULL) {
        pirn_task_finish(context, op, -ENOMEM);
        return;
    }
    check->items = 0;
    check->done = 0;
    check->total = PIRN__SHARDS * (spool->log != NULL ? 2 : 1);
    check->priv.work = work;
    work->check = check;
    work->spool = spool;
    work->config = check->priv.config;
    work->grace_ns =
        work->config->grace_ns > 0 ? work->config->grace_ns : GRACE_USUAL_NS;
    work->go_on = pirn__check_walk;
    work->left_ns = pirn_context_now_ns(context);
    pirn__pace_begin(&work->pace, work->left_ns);
    spool->open_count++;
    pirn_task_finish(context, op, 0);
}

void pirn_prep_check(struct pirn_check *check, struct pirn_spool *spool,
                     const struct pirn_check_config *config)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    pirn_assert(spool != NULL && config != NULL);
    check->priv.spool = spool;
    check->priv.config = config;
    pirn_prep_task(&check->op, &verbs);
}

static void next_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_check_work *work = check_of(op)->priv.work;

    pirn_assert_rule(work != NULL, "the check has begun");
    pirn_assert(context == work->spool->context);
    uint64_t now_ns = pirn_context_now_ns(context);
    pirn__pace_pass(&work->pace, now_ns - work->left_ns, now_ns);
    hand_over_next(work);
}

/* Heard where the walk hands over, and by who waits for a grace time. */
static void next_cancel(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_check_work *work = check_of(op)->priv.work;

    if (!pirn_op_is_idle(&work->doubt.timer)) {
        pirn_cancel(context, &work->doubt.timer);
    }
}

void pirn_prep_check_next(struct pirn_check *check)
{
    static const struct pirn_task_verbs verbs = {.begin = next_begin,
                                                 .cancel = next_cancel};

    pirn_prep_task(&check->op, &verbs);
}

static void end_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_check *check = check_of(op);
    struct pirn_check_work *work = check->priv.work;

    if (work != NULL) {
        pirn_assert(work->looking == 0);
        work->spool->open_count--;
        for (uint32_t i = 0; i < PIRN__CHECK_LOOKS; i++) {
            free(work->looks[i].buf);
        }
        pirn__ids_deinit(&work->misplaced);
        pirn__ids_deinit(&work->moving);
        pirn__ids_deinit(&work->aliases);
        pirn__ids_deinit(&work->stale);
        pirn__ids_deinit(&work->bodies);
        free(work->loose.spots);
        free(work->buckets);
        free(work->names.spots);
        free(work->odds);
        free(work->page);
        free(work);
        check->priv.work = NULL;
    }
    pirn_task_finish(context, op, 0);
}

void pirn_prep_check_end(struct pirn_check *check)
{
    static const struct pirn_task_verbs verbs = {.begin = end_begin};

    pirn_prep_task(&check->op, &verbs);
}
