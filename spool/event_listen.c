/* SPDX-License-Identifier: MIT */
/*
 * event_listen.c - listening
 *
 *   room for the ring -> an entry and its bit -> look -> events
 *                                                 ^ |
 *                                           timer +-+ none
 *
 * Nobody wakes a listener: to do so who tells would need a call of the kernel.
 * He looks by himself, soon after there was something and else 20 times a
 * second; the ring has room for what comes meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>
#include <pirn/timer.h>

#include "spool/event.h"
#include "spool/log/atom.h"
#include "spool/log/log.h"

enum {
    PAGE = 64,    /* events, at most, for a next */
    LOOKS = 1024, /* and so many are looked at in one turn */
};

#define SOON_NS 1000000ull
#define SELDOM_NS 50000000ull

struct pirn_events_work {
    struct pirn_events *events;
    struct pirn_spool *spool;
    uint32_t entry; /* ours among the listeners */
    struct pirn__event_reader reader;
    struct pirn_op step; /* room at first, then the timer */
    uint64_t wait_ns;
    struct pirn_spool_event page[PAGE];
};

static struct pirn_events *events_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_events, op);
}

static struct pirn_events_work *work_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn_events_work, step);
}

static void finish(struct pirn_events_work *work, int32_t result)
{
    pirn_task_finish(work->spool->context, &work->events->op, result);
}

static void destroy(struct pirn_events_work *work)
{
    pirn_assert(work->spool->open_count > 0);
    work->spool->open_count--;
    work->events->priv.work = NULL;
    work->events->events = NULL;
    free(work);
}

/* ---- begin ---- */

/* 0, or -EUSERS. */
static int take_entry(struct pirn_events_work *work)
{
    struct pirn_spool *spool = work->spool;
    struct pirn__index_head *head = spool->log->index.head;

    for (uint32_t i = 0; i < PIRN__INDEX_LISTENERS; i++) {
        if (pirn__atom_load(&head->listeners[i]) == 0 &&
            pirn__atom_swap(&head->listeners[i], 0, spool->slot + 1u)) {
            work->entry = i;
            (void)pirn__atom_set(&head->listening, UINT64_C(1) << i);
            return 0;
        }
    }
    return -EUSERS;
}

static void have_room(struct pirn_op *op, int32_t result)
{
    struct pirn_events_work *work = work_of(op);
    struct pirn_events *events = work->events;
    struct pirn_spool *spool = work->spool;

    if (result == 0) {
        pirn__event_reader_init(&work->reader, &spool->log->index.events);
        result = take_entry(work);
    }
    if (result < 0) {
        destroy(work);
    }
    pirn_task_finish(spool->context, &events->op, result);
}

/* -EOPNOTSUPP there is no shared memory; -ENOMEM. */
static int work_create(struct pirn_events *events,
                       struct pirn_events_work **ret_work)
{
    struct pirn_spool *spool = events->priv.spool;

    if (spool->log == NULL) {
        return -EOPNOTSUPP;
    }
    struct pirn_events_work *work = calloc(1, sizeof(*work));
    if (work == NULL) {
        return -ENOMEM;
    }
    work->events = events;
    work->spool = spool;
    events->priv.work = work;
    spool->open_count++;
    *ret_work = work;
    return 0;
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_events *events = events_of(op);
    struct pirn_events_work *work = NULL;

    pirn_assert_rule(events->priv.work == NULL, "listen once at a time");
    pirn_assert(context == events->priv.spool->context);
    int r = work_create(events, &work);
    if (r < 0) {
        pirn_task_finish(context, op, r);
        return;
    }
    const struct pirn__log *log = work->spool->log;
    pirn_prep_fallocate(&work->step, log->index_fd, 0, log->index.events_at,
                        log->index.events_bytes);
    pirn_start(context, &work->step, have_room);
}

void pirn_prep_events(struct pirn_events *events, struct pirn_spool *spool,
                      const struct pirn_events_config *config)
{
    static const struct pirn_events_config all = {0};
    static const struct pirn_task_verbs verbs = {.begin = begin};

    pirn_assert(spool != NULL);
    events->priv.spool = spool;
    events->priv.config = config == NULL ? &all : config;
    pirn_prep_task(&events->op, &verbs);
}

/* ---- next ---- */

/* What is of no one item is of any queue. */
static bool is_wanted(const struct pirn_events_config *config,
                      const struct pirn_spool_event *event)
{
    bool is_kind = config->kinds == 0 || (config->kinds >> event->kind & 1);

    if (event->kind == PIRN_EVENT_LOST) {
        return true;
    }
    return is_kind && (config->queue == NULL || event->queue[0] == '\0' ||
                       strcmp(event->queue, config->queue) == 0 ||
                       strcmp(event->to, config->queue) == 0);
}

/* How many there are; @ret_any: also of those that nobody wants. */
static int32_t look(struct pirn_events_work *work, bool *ret_any)
{
    const struct pirn_spool *spool = work->spool;
    uint64_t now_ns = pirn_context_now_ns(spool->context);
    int32_t count = 0;

    *ret_any = false;
    for (int i = 0; i < LOOKS && count < PAGE; i++) {
        struct pirn_spool_event *event = &work->page[count];
        if (pirn__event_ring_read(&spool->log->index.events, &work->reader,
                                  now_ns + 1, event) == 0) {
            break;
        }
        if (event->kind == PIRN_EVENT_LOST) {
            event->owner = spool->slot;
            event->time_ns = pirn_context_realtime_ns(spool->context);
        }
        *ret_any = true;
        count += is_wanted(work->events->priv.config, event);
    }
    return count;
}

static void go_on(struct pirn_events_work *work);

static void waited(struct pirn_op *op, int32_t result)
{
    struct pirn_events_work *work = work_of(op);

    (void)result;
    if (pirn_task_is_cancelled(&work->events->op)) {
        finish(work, -ECANCELED);
        return;
    }
    go_on(work);
}

static void go_on(struct pirn_events_work *work)
{
    bool any;
    int32_t count = look(work, &any);

    if (any) {
        work->wait_ns = 0;
    }
    if (count > 0) {
        work->events->events = work->page;
        finish(work, count);
        return;
    }
    if (!any) {
        uint64_t more_ns = work->wait_ns == 0 ? SOON_NS : 2 * work->wait_ns;
        work->wait_ns = more_ns < SELDOM_NS ? more_ns : SELDOM_NS;
    }
    pirn_prep_timer(&work->step, work->wait_ns);
    pirn_start(work->spool->context, &work->step, waited);
}

static void next_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_events_work *work = events_of(op)->priv.work;

    pirn_assert_rule(work != NULL, "the listening has begun");
    pirn_assert(context == work->spool->context);
    work->events->events = NULL;
    go_on(work);
}

static void next_cancel(struct pirn_context *context, struct pirn_op *op)
{
    pirn_cancel(context, &events_of(op)->priv.work->step);
}

void pirn_prep_events_next(struct pirn_events *events)
{
    static const struct pirn_task_verbs verbs = {.begin = next_begin,
                                                 .cancel = next_cancel};

    pirn_prep_task(&events->op, &verbs);
}

/* ---- end ---- */

static void end_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_events *events = events_of(op);
    struct pirn_events_work *work = events->priv.work;

    if (work != NULL) {
        struct pirn__index_head *head = work->spool->log->index.head;
        (void)pirn__atom_clear(&head->listening, UINT64_C(1) << work->entry);
        pirn__atom_store(&head->listeners[work->entry], 0);
        destroy(work);
    }
    pirn_task_finish(context, op, 0);
}

void pirn_prep_events_end(struct pirn_events *events)
{
    static const struct pirn_task_verbs verbs = {.begin = end_begin};

    pirn_prep_task(&events->op, &verbs);
}
