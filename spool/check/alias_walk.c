/* SPDX-License-Identifier: MIT */
/*
 * alias_walk.c - aliases that lead to no item any more
 *
 *   each one read -> those that lead nowhere, after the grace time once more:
 *     read -> its item among the files? -> read
 *
 * Who removes an item takes its alias away when its slot is free: so one that
 * leads nowhere may be about to go, and all of them are waited for at once.
 *
 * One that leads nowhere twice, to the same, while no files have its item, is
 * nobody's: the item did not come to the log in between, or it would lead to
 * another one, so among the files it would have been all the while. No id comes
 * twice, so nobody writes that alias any more, and it may be set aside.
 */
#include <errno.h>
#include <string.h>

#include <pirn/invariant.h>

#include "runtime/plant.h"
#include "spool/check/check.h"
#include "spool/check/walk.h"

static void read_next(struct pirn_check_work *work);
static void again_next(struct pirn_check_work *work);
static void wait_for_stale(struct pirn_check_work *work);

static struct pirn_check_work *work_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_check_work, doubt.alias.op);
}

static void start_read(struct pirn_check_work *work, const struct pirn_id *id,
                       pirn_op_fn *fn)
{
    struct pirn__doubt *doubt = &work->doubt;

    doubt->id = *id;
    pirn__prep_alias_read(&doubt->alias, work->spool->log, &doubt->id);
    pirn_start(work->spool->context, &doubt->alias.op, fn);
}

/* Of one that could not be read, or has gone, nothing is known. */
static bool leads_nowhere(struct pirn_check_work *work, int32_t result)
{
    if (result < 0) {
        pirn__check_note(work, result);
    }
    return result == 1 &&
           pirn__log_state_of(work->spool->log, &work->doubt.alias.in_log) ==
               PIRN__FREE;
}

/* ---- the second time ---- */

static void read_thrice(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work = work_of(op);
    const struct pirn__doubt *doubt = &work->doubt;

    if (leads_nowhere(work, result) &&
        memcmp(&doubt->alias.in_log, &doubt->led_to, sizeof(doubt->led_to)) ==
            0) {
        (void)pirn__check_find(work, PIRN_FAULT_LEFTOVER, &doubt->id, NULL,
                               doubt->alias.path.text);
    }
    pirn__check_hand_over(work, again_next);
}

static void looked_among_files(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, doubt.find.op);
    const struct pirn__find *find = &work->doubt.find;

    if (result < 0 && result != -ENOENT) {
        pirn__check_note(work, result);
    }
    if (result != -ENOENT || find->round >= find->rounds) {
        pirn__check_hand_over(work, again_next); /* it is there, or its body */
        return;
    }
    start_read(work, &find->id, read_thrice);
}

static void read_twice(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work = work_of(op);
    struct pirn__doubt *doubt = &work->doubt;

    if (!leads_nowhere(work, result)) {
        pirn__check_hand_over(work, again_next);
        return;
    }
    doubt->led_to = doubt->alias.in_log;
    pirn__prep_find(&doubt->find, work->spool, &doubt->id, true);
    pirn_start(work->spool->context, &doubt->find.op, looked_among_files);
}

static void again_next(struct pirn_check_work *work)
{
    if (work->at == work->stale.count) {
        pirn__check_next_room(work);
        return;
    }
    start_read(work, &work->stale.ids[work->at++], read_twice);
}

/* ---- the first time ---- */

static void waited(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, doubt.timer);

    work->at = 0; /* asked to end: waited for again */
    pirn__check_hand_over(work, result < 0 ? wait_for_stale : again_next);
}

static void wait_for_stale(struct pirn_check_work *work)
{
    if (work->stale.count == 0) {
        pirn__check_next_room(work);
        return;
    }
    pirn__check_wait(work, work->grace_ns, waited);
}

static void read_once(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work = work_of(op);
    int r = 0;

    if (leads_nowhere(work, result) && !pirn__planted("check-alias-unseen")) {
        r = pirn__ids_push(&work->stale, &work->doubt.id);
    }
    if (r < 0) {
        pirn__check_finish(work, r);
        return;
    }
    pirn__check_rest(work, read_next);
}

static void read_next(struct pirn_check_work *work)
{
    if (work->at == work->aliases.count) {
        wait_for_stale(work);
        return;
    }
    start_read(work, &work->aliases.ids[work->at++], read_once);
}

void pirn__check_aliases(struct pirn_check_work *work)
{
    pirn_assert(work->spool->log != NULL);
    pirn__ids_sort(&work->aliases);
    work->at = 0;
    read_next(work);
}
