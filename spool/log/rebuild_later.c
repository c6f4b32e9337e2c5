/* SPDX-License-Identifier: MIT */
/*
 * rebuild_later.c - what may wait is read in turns, while items are handed out
 *
 *   before      until somebody waits for it, who has opened by then
 *   reading     segment after segment, many at a time; what can be told of them
 *               is (rebuild_tell.c), as their slots are backed
 *   tails       one after the other, where damage keeps a segment from being as
 *               its cut says
 *   restoring   all that lives, as who waits for all of it does, in pieces
 *   whole       the index says so; who waits for that is told
 *
 * Nothing is written but memory, until the index is whole: so who is killed
 * here leaves what was there before, and whoever is alone next begins anew.
 * All of it runs on the one context that has the spool open: nobody else sees
 * the index, and nothing here happens at the same time as a claim.
 */
#include "spool/log/rebuild_parts.h"

#include <errno.h>
#include <stdlib.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>
#include <pirn/timer.h>

#include "spool/log/attach.h"
#include "spool/log/backing.h"
#include "spool/log/claim.h"
#include "spool/log/rebuild.h"

enum { RESTORED_AT_ONCE = 8192 };

enum stage { BEFORE = 0, READING, TAILS, BACKING, RESTORING };

struct pirn__rebuild_later {
    struct pirn__rebuild *rebuild;
    enum stage stage;
    int32_t result;
    struct pirn__rebuild_tell tell;
    struct pirn__pass pass;
    bool is_backing;
    struct pirn__backing_wait backing;
    uint32_t tail; /* order[tail] is looked at */
    uint32_t len;  /* of it, that was read */
    struct pirn__segment_hold hold;
    struct pirn_op step;
    struct pirn__waiters waiters;
};

static void go_on(struct pirn__rebuild_later *later);

static struct pirn__log *log_of(const struct pirn__rebuild_later *later)
{
    return later->rebuild->log;
}

static void note(struct pirn__rebuild_later *later, int32_t result)
{
    if (result < 0 && later->result == 0) {
        later->result = result;
    }
}

/* ---- the end ---- */

static void end(struct pirn__rebuild_later *later)
{
    struct pirn__log *log = log_of(later);
    struct pirn__waiters waiters = later->waiters;
    int32_t result = later->result;

    pirn_assert(!later->is_backing && log->rebuild == later->rebuild);
    log->rebuild = NULL;
    log->rebuild_failed = result;
    pirn__rebuild_deinit(later->rebuild);
    free(later->rebuild);
    free(later);
    if (result == 0) {
        pirn__log_attach_end(log);
    }
    pirn__waiters_finish(log->context, &waiters, result);
    pirn__log_claims_retry(log);
}

/* ---- backing, for what is told and for what is restored ---- */

static void tell(struct pirn__rebuild_later *later);

static void backed(struct pirn_op *op, int32_t result)
{
    struct pirn__rebuild_later *later =
        pirn_container_of(op, struct pirn__rebuild_later, backing.waiter.op);

    later->is_backing = false;
    note(later, result);
    if (later->stage == READING || later->stage == TAILS) {
        tell(later);
    } else {
        go_on(later);
    }
}

static void back_more(struct pirn__rebuild_later *later)
{
    struct pirn__log *log = log_of(later);

    pirn_assert(!later->is_backing);
    later->is_backing = true;
    pirn__prep_backing(&later->backing, log, pirn__log_slots_backed(log));
    pirn_start(log->context, &later->backing.waiter.op, backed);
}

static void tell(struct pirn__rebuild_later *later)
{
    uint32_t told = 0;

    if (later->is_backing || later->result < 0) {
        return;
    }
    if (pirn__rebuild_tell(later->rebuild, &later->tell, &told) > 0) {
        back_more(later);
    }
    if (told > 0) {
        pirn__log_claims_retry(log_of(later));
    }
}

void pirn__rebuild_was_read(struct pirn__rebuild *rebuild, uint32_t segment,
                            bool is_all)
{
    pirn_assert(rebuild->later != NULL && rebuild->is_later[segment]);
    rebuild->is_read[segment] = is_all;
    tell(rebuild->later);
}

/* ---- restoring ---- */

static void restore(struct pirn_op *op, int32_t result)
{
    struct pirn__rebuild_later *later =
        pirn_container_of(op, struct pirn__rebuild_later, step);
    int r = result < 0
                ? result
                : pirn__rebuild_restore_some(later->rebuild, RESTORED_AT_ONCE);

    if (r == 1) {
        pirn_prep_immediate(&later->step);
        pirn_start(log_of(later)->context, &later->step, restore);
        return;
    }
    note(later, r == 0 ? pirn__rebuild_restore_end(later->rebuild) : r);
    end(later);
}

static void go_on(struct pirn__rebuild_later *later)
{
    uint32_t slots = later->rebuild->slot_count;

    if (later->is_backing) {
        return; /* for what is told; it goes on here */
    }
    if (later->result < 0) {
        end(later);
        return;
    }
    if (pirn__log_slots_backed(log_of(later)) < slots) {
        back_more(later);
        return;
    }
    later->stage = RESTORING;
    pirn_prep_immediate(&later->step);
    pirn_start(log_of(later)->context, &later->step, restore);
}

static void begin_end(struct pirn__rebuild_later *later)
{
    later->stage = BACKING;
    if (later->result == 0) {
        note(later, pirn__rebuild_restore_begin(later->rebuild));
    }
    go_on(later);
}

/* ---- tails ---- */

static void next_tail(struct pirn__rebuild_later *later);

static void have_tail(struct pirn_op *op, int32_t result);

/* The batch, or all from there on. */
static uint32_t tail_bytes(const struct pirn__rebuild *rebuild,
                           uint32_t segment)
{
    const struct pirn__rebuild_tail *tail = &rebuild->tails[segment];
    uint64_t rest =
        tail->head.segment_bytes - pirn__rebuild_rest_at(tail->mark);

    return rebuild->left[segment] == PIRN__REBUILD_TAIL ? tail->batch.bytes
                                                        : (uint32_t)rest;
}

/* What cannot be read and has to be there is for who opens the next time, and
 * is not early then: he can wait for a copy. */
static int end_rest(struct pirn__rebuild *rebuild, uint32_t segment, size_t len)
{
    struct pirn__rebuild_tail *tail = &rebuild->tails[segment];
    int r = pirn__rebuild_rest(rebuild, &tail->head, &tail->mark,
                               rebuild->whole, len);

    if (r == 0 && rebuild->has_hole[segment]) {
        return -EIO;
    }
    pirn__rebuild_end_file(rebuild, &tail->head, tail->mark);
    return r;
}

static void read_on(struct pirn__rebuild_later *later)
{
    struct pirn__rebuild *rebuild = later->rebuild;
    uint32_t segment = rebuild->order[later->tail];
    const struct pirn__rebuild_tail *tail = &rebuild->tails[segment];

    pirn_prep_read(&later->step, pirn__segment_fd(rebuild->log, segment),
                   rebuild->whole + later->len,
                   tail_bytes(rebuild, segment) - later->len,
                   pirn__rebuild_rest_at(tail->mark) + later->len);
    pirn_start(rebuild->log->context, &later->step, have_tail);
}

static void have_tail(struct pirn_op *op, int32_t result)
{
    struct pirn__rebuild_later *later =
        pirn_container_of(op, struct pirn__rebuild_later, step);
    struct pirn__rebuild *rebuild = later->rebuild;
    uint32_t segment = rebuild->order[later->tail];

    later->len += result > 0 ? (uint32_t)result : 0;
    if (result > 0 && later->len < tail_bytes(rebuild, segment)) {
        read_on(later);
        return;
    }
    bool is_tail = rebuild->left[segment] == PIRN__REBUILD_TAIL;
    note(later, result < 0 ? result
                : is_tail ? pirn__rebuild_end_tail(rebuild, segment, later->len)
                          : end_rest(rebuild, segment, later->len));
    pirn__segment_drop(rebuild->log, segment);
    later->tail++;
    next_tail(later);
}

static void have_segment(struct pirn_op *op, int32_t result)
{
    struct pirn__rebuild_later *later =
        pirn_container_of(op, struct pirn__rebuild_later, hold.waiter.op);
    struct pirn__rebuild *rebuild = later->rebuild;
    uint32_t segment = rebuild->order[later->tail];

    if (result < 0) {
        note(later, result);
        begin_end(later);
        return;
    }
    later->len = 0;
    note(later,
         pirn__rebuild_whole_room(rebuild, tail_bytes(rebuild, segment)));
    if (later->result < 0) {
        pirn__segment_drop(rebuild->log, segment);
        begin_end(later);
        return;
    }
    read_on(later);
}

/* One that was not read was plain before, and is not any more. */
static void next_tail(struct pirn__rebuild_later *later)
{
    struct pirn__rebuild *rebuild = later->rebuild;

    while (later->result == 0 && later->tail < rebuild->order_count) {
        uint32_t segment = rebuild->order[later->tail];
        if (rebuild->left[segment] == PIRN__REBUILD_TAIL ||
            rebuild->left[segment] == PIRN__REBUILD_REST) {
            pirn__prep_segment_hold(&later->hold, rebuild->log, segment);
            pirn_start(rebuild->log->context, &later->hold.waiter.op,
                       have_segment);
            return;
        }
        if (rebuild->left[segment] == PIRN__REBUILD_ALL) {
            note(later, -EIO);
        }
        later->tail++;
    }
    begin_end(later);
}

/* ---- reading ---- */

static void have_all(struct pirn_op *op, int32_t result)
{
    struct pirn__rebuild_later *later =
        pirn_container_of(op, struct pirn__rebuild_later, pass.op);

    note(later, result);
    later->stage = TAILS;
    next_tail(later);
}

struct began {
    uint64_t ns;
    uint32_t segment;
};

static int compare(const void *a, const void *b)
{
    const struct began *one = a;
    const struct began *other = b;

    if (one->ns != other->ns) {
        return one->ns < other->ns ? -1 : 1;
    }
    return one->segment < other->segment ? -1 : one->segment > other->segment;
}

static int set_order(struct pirn__rebuild *rebuild)
{
    struct began *all = calloc(rebuild->order_count, sizeof(*all));
    uint32_t segments = rebuild->log->text.size.segments;
    uint32_t count = 0;

    rebuild->order = calloc(rebuild->order_count, sizeof(*rebuild->order));
    if (all == NULL || rebuild->order == NULL) {
        free(all);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < segments; i++) {
        if (rebuild->is_later[i]) {
            all[count].ns = rebuild->began_ns[i];
            all[count++].segment = i;
        }
    }
    pirn_assert(count == rebuild->order_count);
    qsort(all, count, sizeof(*all), compare);
    for (uint32_t i = 0; i < count; i++) {
        rebuild->order[i] = all[i].segment;
    }
    free(all);
    return 0;
}

/* Slots for the first ones are there, so that they need not wait. */
int pirn__rebuild_go_on_later(struct pirn__rebuild *rebuild)
{
    struct pirn__rebuild_later *later = calloc(1, sizeof(*later));
    int r = later == NULL ? -ENOMEM : set_order(rebuild);

    pirn_assert(rebuild->order_count > 0);
    r = r < 0 ? r : pirn__log_back_slots(rebuild->log, 1);
    if (r < 0) {
        free(later);
        return r;
    }
    later->rebuild = rebuild;
    rebuild->later = later;
    rebuild->log->rebuild = rebuild;
    return 0;
}

/* ---- who waits ---- */

static void wait_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__rebuild_wait *wait =
        pirn_container_of(op, struct pirn__rebuild_wait, waiter.op);
    struct pirn__log *log = wait->log;

    if (log->rebuild == NULL) {
        pirn_task_finish(context, op, log->rebuild_failed);
        return;
    }
    struct pirn__rebuild_later *later = log->rebuild->later;
    pirn__waiters_push(&later->waiters, &wait->waiter);
    if (later->stage == BEFORE) {
        later->stage = READING;
        pirn__prep_pass(&later->pass, log->rebuild, true);
        pirn_start(context, &later->pass.op, have_all);
    }
}

void pirn__prep_rebuild_wait(struct pirn__rebuild_wait *wait,
                             struct pirn__log *log)
{
    static const struct pirn_task_verbs verbs = {.begin = wait_begin};

    wait->log = log;
    pirn_prep_task(&wait->waiter.op, &verbs);
}

int pirn__log_wait_whole(struct pirn__log *log)
{
    struct pirn__rebuild_wait wait = {0};

    if (log->rebuild == NULL) {
        return log->rebuild_failed;
    }
    pirn__prep_rebuild_wait(&wait, log);
    return pirn_wait(log->context, &wait.waiter.op);
}
