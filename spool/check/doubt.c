/* SPDX-License-Identifier: MIT */
/*
 * doubt.c - the second look: is it wrong, or being done right now?
 *
 * A rename sets a file's ctime, as any other change of it does: so a name whose
 * file has a ctime older than the grace time has stood there for as long. What
 * looks wrong and is younger is waited for, once, and looked at anew; what has
 * changed meanwhile is alive.
 *
 *   an odd name   it stands there; of an owner's: a sweep that began after that
 *                 could have his lock, and has left it
 *   a body        nothing leads to it: every place is looked at, for so many
 *                 rounds, while it stays
 *   an item twice two of its names have stood there together; or one, while the
 *                 log has it under another id
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <pirn/invariant.h>

#include "spool/check/check.h"
#include "spool/check/log_walk.h"

enum { ROUNDS = 16 };

static void begin(struct pirn_check_work *work);

static struct pirn_check_work *work_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_check_work, doubt.step);
}

static void dismiss(struct pirn_check_work *work)
{
    pirn__check_hand_over(work, work->doubt.go_on);
}

/* CLOCK_REALTIME, as ctime is; 0: of the future. */
static uint64_t age_of(const struct pirn_check_work *work)
{
    const struct statx_timestamp *ctime = &work->doubt.statx.stx_ctime;
    uint64_t now_ns = pirn_context_realtime_ns(work->spool->context);
    uint64_t then_ns = (uint64_t)ctime->tv_sec * 1000000000ull + ctime->tv_nsec;

    return then_ns < now_ns ? now_ns - then_ns : 0;
}

static void start_stat(struct pirn_check_work *work, const char *path,
                       pirn_op_fn *fn)
{
    struct pirn__doubt *doubt = &work->doubt;

    pirn_prep_stat(&doubt->step, work->spool->root_fd, path,
                   AT_SYMLINK_NOFOLLOW, STATX_TYPE | STATX_CTIME,
                   &doubt->statx);
    pirn_start(work->spool->context, &doubt->step, fn);
}

/* ---- waiting ---- */

static void waited(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, doubt.timer);

    if (result < 0) { /* asked to end: the next one waits again */
        work->doubt.waited = false;
        pirn__check_hand_over(work, begin);
        return;
    }
    begin(work);
}

/* Until what is so young has stood for the grace time; false: it was waited
 * for, and is younger again. */
static bool wait_out(struct pirn_check_work *work, uint64_t age_ns)
{
    struct pirn__doubt *doubt = &work->doubt;

    if (doubt->waited) {
        return false;
    }
    doubt->waited = true;
    pirn__check_wait(work, work->grace_ns - age_ns, waited);
    return true;
}

/* Of what may move: also where it is old enough, it is not told at first sight.
 * The clock may have been set forward between two looks. */
static void doubt_age(struct pirn_check_work *work, uint64_t age_ns)
{
    uint64_t seen_ns = age_ns < work->grace_ns ? age_ns : work->grace_ns;

    if (!wait_out(work, seen_ns)) {
        dismiss(work); /* it moves: so it lives */
    }
}

/* ---- an odd name ---- */

static void saw_odd(struct pirn_op *op, int32_t result);

static void found_odd(struct pirn_check_work *work)
{
    struct pirn__doubt *doubt = &work->doubt;
    const struct pirn__odd *odd = doubt->odd;
    struct pirn_finding *finding =
        pirn__check_find(work, odd->fault, odd->has_id ? &odd->id : NULL,
                         work->room.queue, doubt->path);

    finding->age_ns = doubt->age_ns;
    finding->of_claim =
        odd->fault == PIRN_FAULT_TOO_OLD && work->kind == PIRN__ROOM_CLAIMS;
    if (odd->fault == PIRN_FAULT_OVERDUE) {
        finding->age_ns = pirn_context_realtime_ns(work->spool->context) -
                          work->room.bucket.due_s * 1000000000ull;
    }
    dismiss(work);
}

/* What is wrong by the time of day alone has been so for a grace time, too. */
static uint64_t odd_age(const struct pirn_check_work *work)
{
    uint64_t seen_ns =
        pirn_context_now_ns(work->spool->context) - work->buckets_ns;
    uint64_t age_ns = age_of(work);

    return work->doubt.odd->fault == PIRN_FAULT_OVERDUE && seen_ns < age_ns
               ? seen_ns
               : age_ns;
}

static void swept(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, doubt.sweep.waiter.op);
    struct pirn__doubt *doubt = &work->doubt;

    pirn_assert(result <= 0);
    if (pirn__owner_lives(work->spool, work->room.slot)) {
        dismiss(work);
        return;
    }
    start_stat(work, doubt->path, saw_odd); /* or it was put right */
}

static void refreshed(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, doubt.refresh.op);

    if (result < 0) {
        pirn__check_note(work, result);
        dismiss(work);
    } else if (pirn__queue_find(work->spool, work->doubt.odd->name) != NULL) {
        dismiss(work); /* a queue that was just made */
    } else {
        found_odd(work);
    }
}

static void saw_odd(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work = work_of(op);
    struct pirn__doubt *doubt = &work->doubt;
    const struct pirn__odd *odd = doubt->odd;
    bool is_owned =
        odd->fault == PIRN_FAULT_STALE_CLAIM ||
        (odd->fault == PIRN_FAULT_LEFTOVER && work->kind == PIRN__ROOM_DRAFTS);

    if (result < 0) {
        if (result != -ENOENT) {
            pirn__check_note(work, result);
        }
        dismiss(work);
        return;
    }
    doubt->age_ns = odd_age(work);
    if (doubt->age_ns < odd->need_ns) {
        if (!odd->waits || !wait_out(work, doubt->age_ns)) {
            dismiss(work);
        }
        return;
    }
    if (is_owned && !doubt->swept) {
        doubt->swept = true;
        pirn__prep_sweep(&doubt->sweep, work->spool);
        pirn_start(work->spool->context, &doubt->sweep.waiter.op, swept);
        return;
    }
    if (work->kind == PIRN__ROOM_TOP) {
        pirn__prep_refresh(&doubt->refresh, work->spool);
        pirn_start(work->spool->context, &doubt->refresh.op, refreshed);
        return;
    }
    found_odd(work);
}

/* ---- what the log has of it ---- */

static struct pirn_check_work *work_of_alias(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_check_work, doubt.alias.op);
}

/* Under its own id, or under the one that its alias names. */
static bool log_knows(const struct pirn_check_work *work, int32_t has_alias)
{
    const struct pirn__doubt *doubt = &work->doubt;
    const struct pirn__log *log = work->spool->log;

    return log != NULL &&
           (pirn__log_state_of(log, &doubt->id) != PIRN__FREE ||
            (has_alias &&
             pirn__log_state_of(log, &doubt->alias.in_log) != PIRN__FREE));
}

static void ask_log(struct pirn_check_work *work, pirn_op_fn *fn)
{
    struct pirn__doubt *doubt = &work->doubt;

    if (work->spool->log == NULL) {
        fn(&doubt->alias.op, 0);
        return;
    }
    pirn__prep_alias_read(&doubt->alias, work->spool->log, &doubt->id);
    pirn_start(work->spool->context, &doubt->alias.op, fn);
}

/* ---- a body ---- */

static void found_body(struct pirn_check_work *work, enum pirn_fault fault)
{
    struct pirn__doubt *doubt = &work->doubt;
    struct pirn_finding *finding =
        pirn__check_find(work, fault, &doubt->id, NULL, doubt->name.text);

    finding->age_ns = doubt->age_ns;
    dismiss(work);
}

/* Of an item that has moved: there it has a body of its own. */
static void asked_for_body(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work = work_of_alias(op);

    if (result < 0) {
        pirn__check_note(work, result);
        dismiss(work);
        return;
    }
    found_body(work, log_knows(work, result) ? PIRN_FAULT_LEFTOVER
                                             : PIRN_FAULT_ORPHANED);
}

static void saw_orphan(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work = work_of(op);
    struct pirn__doubt *doubt = &work->doubt;
    uint64_t age_ns = result < 0 ? 0 : age_of(work);

    if (result < 0) {
        dismiss(work);
    } else if (age_ns < work->grace_ns || !doubt->waited) {
        doubt_age(work, age_ns);
    } else {
        doubt->age_ns = age_ns;
        ask_log(work, asked_for_body);
    }
}

static void looked_for_name(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, doubt.find.op);
    struct pirn__doubt *doubt = &work->doubt;

    if (result != -ENOENT || doubt->find.round < doubt->find.rounds) {
        if (result < 0 && result != -ENOENT) {
            pirn__check_note(work, result);
        }
        dismiss(work); /* it has a name, or is gone itself */
        return;
    }
    pirn__name_body(&doubt->name, &doubt->id);
    start_stat(work, doubt->name.text, saw_orphan);
}

/* ---- an item twice ---- */

static void place_next(struct pirn_check_work *work);

static void found_place(struct pirn_check_work *work)
{
    struct pirn__doubt *doubt = &work->doubt;
    const struct pirn__spot *spot = &doubt->places[0];

    pirn__spot_path(work, spot, &doubt->name);
    (void)pirn__check_find(work, PIRN_FAULT_DUPLICATED, &doubt->id,
                           work->spool->queues[spot->queue]->name,
                           doubt->name.text);
}

static void found_twice(struct pirn_check_work *work)
{
    const struct pirn__doubt *doubt = &work->doubt;
    bool is_twice = doubt->place_count > 1;

    if (is_twice && (doubt->youngest_ns < work->grace_ns || !doubt->waited)) {
        doubt_age(work, doubt->youngest_ns);
        return;
    }
    if (is_twice) {
        found_place(work);
    }
    dismiss(work);
}

static void saw_place(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work = work_of(op);
    struct pirn__doubt *doubt = &work->doubt;

    if (result < 0) {
        doubt->place_count--;
        place_next(work);
        return;
    }
    uint64_t age_ns = age_of(work);
    if (age_ns < doubt->youngest_ns) {
        doubt->youngest_ns = age_ns;
    }
    place_next(work);
}

/* Where the lists saw it. */
static void place_next(struct pirn_check_work *work)
{
    struct pirn__doubt *doubt = &work->doubt;
    const struct pirn__spots *names = &work->names;

    while (doubt->name_at < names->count) {
        const struct pirn__spot *spot = &names->spots[doubt->name_at++];
        if (memcmp(&spot->id, &doubt->id, sizeof(doubt->id)) == 0 &&
            doubt->place_count < PIRN__CHECK_PLACES) {
            doubt->places[doubt->place_count++] = *spot;
            pirn__spot_path(work, spot, &doubt->name);
            start_stat(work, doubt->name.text, saw_place);
            return;
        }
    }
    found_twice(work);
}

/* ---- in both layouts ---- */

static void saw_aliased(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work = work_of(op);
    struct pirn__doubt *doubt = &work->doubt;
    uint64_t age_ns = result < 0 ? 0 : age_of(work);

    if (result < 0) {
        dismiss(work);
    } else if (age_ns < work->grace_ns || !doubt->waited) {
        doubt_age(work, age_ns);
    } else {
        doubt->is_of_log = true;
        found_place(work);
        dismiss(work);
    }
}

/* The name is looked at behind the log: one that has stood there for the grace
 * time was there when the log had the item. */
static void asked_for_name(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work = work_of_alias(op);
    struct pirn__doubt *doubt = &work->doubt;

    if (result < 0) {
        pirn__check_note(work, result);
    }
    if (result != 1 ||
        !pirn__check_log_has(work->spool, &doubt->alias.in_log)) {
        dismiss(work);
        return;
    }
    pirn__spot_path(work, &doubt->places[0], &doubt->name);
    start_stat(work, doubt->name.text, saw_aliased);
}

/* ---- */

static void begin_odd(struct pirn_check_work *work)
{
    struct pirn__doubt *doubt = &work->doubt;

    pirn__room_path(&work->room, &doubt->name);
    if (work->kind == PIRN__ROOM_TOP) {
        (void)snprintf(doubt->path, sizeof(doubt->path), "%s",
                       doubt->odd->name);
    } else if (doubt->odd->name[0] == '\0') {
        (void)snprintf(doubt->path, sizeof(doubt->path), "%s",
                       doubt->name.text);
    } else {
        (void)snprintf(doubt->path, sizeof(doubt->path), "%s/%s",
                       doubt->name.text, doubt->odd->name);
    }
    doubt->swept = false;
    start_stat(work, doubt->path, saw_odd);
}

static void begin_body(struct pirn_check_work *work)
{
    struct pirn__doubt *doubt = &work->doubt;

    pirn__prep_find(&doubt->find, work->spool, &doubt->id, true);
    doubt->find.rounds = doubt->waited ? ROUNDS : doubt->find.rounds;
    pirn_start(work->spool->context, &doubt->find.op, looked_for_name);
}

static void begin_twice(struct pirn_check_work *work)
{
    work->doubt.place_count = 0;
    work->doubt.youngest_ns = UINT64_MAX;
    work->doubt.name_at = 0;
    place_next(work);
}

static void begin_aliased(struct pirn_check_work *work)
{
    work->doubt.place_count = 1;
    ask_log(work, asked_for_name);
}

static void begin(struct pirn_check_work *work)
{
    work->doubt.look(work);
}

static void doubt_begin(struct pirn_check_work *work, pirn__check_fn *look,
                        pirn__check_fn *go_on)
{
    work->doubt.look = look;
    work->doubt.go_on = go_on;
    work->doubt.waited = false;
    work->doubt.is_of_log = false;
    begin(work);
}

void pirn__doubt_odd(struct pirn_check_work *work, const struct pirn__odd *odd,
                     pirn__check_fn *go_on)
{
    work->doubt.odd = odd;
    doubt_begin(work, begin_odd, go_on);
}

void pirn__doubt_body(struct pirn_check_work *work, const struct pirn_id *id,
                      pirn__check_fn *go_on)
{
    work->doubt.id = *id;
    doubt_begin(work, begin_body, go_on);
}

void pirn__doubt_twice(struct pirn_check_work *work, const struct pirn_id *id,
                       pirn__check_fn *go_on)
{
    work->doubt.id = *id;
    doubt_begin(work, begin_twice, go_on);
}

void pirn__doubt_aliased(struct pirn_check_work *work,
                         const struct pirn__spot *spot, pirn__check_fn *go_on)
{
    work->doubt.id = spot->id;
    work->doubt.places[0] = *spot;
    doubt_begin(work, begin_aliased, go_on);
}
