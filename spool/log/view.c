/* SPDX-License-Identifier: MIT */
/*
 * view.c - look at an item without having it
 *
 * The segments are announced before they are read: who announces one, sees the
 * item's word as it was and the segment not retired, reads what stands there
 * until he takes the announcement back. Else the item has moved on, and is
 * looked at again.
 *
 * An owner announces few segments at a time, so an announcement lasts as long
 * as the look: a body that does not stand behind its part is read with it. Who
 * finds no entry waits for a look that ends, never for a user who ends a view.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>
#include <pirn/timer.h>

#include "spool/log/atom.h"
#include "spool/log/doors.h"
#include "spool/log/log.h"
#include "spool/log/reading.h"
#include "spool/log/stamp.h"

enum { TRIES_MAX = 64 };

struct pirn_view_work {
    struct pirn_view *view;
    struct pirn__log *log;
    struct pirn__log_id id;
    uint64_t *announced[2];
    uint32_t tries;
    int32_t result;
    struct pirn__reading reading;
    struct pirn_op step;
    struct pirn_view_work *next; /* who waits for an entry, too */
    uint8_t nothing;
};

static void look(struct pirn_view_work *work);

static void kicked(struct pirn_op *op, int32_t result)
{
    (void)result;
    look(pirn_container_of(op, struct pirn_view_work, step));
}

static void wait_in_line(struct pirn_view_work *work)
{
    struct pirn_view_work **at = &work->log->looks;

    while (*at != NULL) {
        at = &(*at)->next;
    }
    work->next = NULL;
    *at = work;
}

/* A look has ended: its entries are free for the next one. */
static void let_next(struct pirn__log *log)
{
    struct pirn_view_work *work = log->looks;

    if (work != NULL) {
        log->looks = work->next;
        pirn_prep_immediate(&work->step);
        pirn_start(log->context, &work->step, kicked);
    }
}

static void take_back(struct pirn_view_work *work)
{
    for (int i = 0; i < 2; i++) {
        if (work->announced[i] != NULL) {
            pirn__atom_store(work->announced[i], 0);
            work->announced[i] = NULL;
        }
    }
}

static void destroy_and_finish(struct pirn_view_work *work, int32_t result)
{
    struct pirn_view *view = work->view;
    struct pirn_spool *spool = work->log->spool;

    take_back(work);
    let_next(work->log);
    pirn__reading_deinit(&work->reading);
    spool->open_count--;
    view->priv.work = NULL;
    view->item.fields = (struct pirn_fields){0};
    free(work);
    pirn_task_finish(spool->context, &view->op, result);
}

/* Who changes an item keeps its word while he stores where it stands. */
static bool is_unmoved(const struct pirn__slot *slot,
                       const struct pirn__slot *fields)
{
    return pirn__atom_load(&slot->part) == fields->part &&
           pirn__atom_load(&slot->body) == fields->body &&
           pirn__atom_load(&slot->sizes) == fields->sizes;
}

/* 0: nobody has it, or it is not known; also where it has moved on. */
static uint64_t claimed_ns(const struct pirn_view_work *work)
{
    const struct pirn__log *log = work->log;
    struct pirn__word word = pirn__word_unpack(work->reading.fields.word);

    return pirn__stamp_get(&log->index, work->id.slot, word,
                           pirn_context_realtime_ns(log->context));
}

/* All of it is in memory, or in a file. */
static void have_all(struct pirn_op *op, int32_t result)
{
    struct pirn_view_work *work =
        pirn_container_of(op, struct pirn_view_work, reading.op);

    if (result < 0 && result != -EBADMSG) { /* which is the body's, when read */
        destroy_and_finish(work, result);
        return;
    }
    take_back(work);
    let_next(work->log);
    pirn__reading_item(&work->reading, &work->view->item);
    work->view->item.claimed_ns = claimed_ns(work);
    pirn_task_finish(work->log->context, &work->view->op, 0);
}

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn_view_work *work =
        pirn_container_of(op, struct pirn_view_work, reading.op);
    struct pirn_view *view = work->view;

    const struct pirn__slot *slot =
        &work->log->index.catalogue.slots[work->id.slot];
    bool moved = result == -EBADMSG && !is_unmoved(slot, &work->reading.fields);

    if (result == -ESTALE || moved) {
        take_back(work);
        pirn__reading_deinit(&work->reading);
        look(work);
        return;
    }
    if (result == 0 && memcmp(&work->reading.part.head.id, &view->priv.id,
                              sizeof(view->priv.id)) != 0) {
        result = -ENOENT; /* another epoch's item had this slot */
    }
    if (result < 0) {
        destroy_and_finish(work, result);
        return;
    }
    if (work->reading.body == NULL &&
        (work->reading.part.head.flags & PIRN__RECORD_BODY_FILE) == 0) {
        pirn__prep_reading_body(&work->reading, &work->nothing, 0, 0);
        pirn_start(work->log->context, &work->reading.op, have_all);
        return;
    }
    have_all(op, 0);
}

static bool is_here(struct pirn__word word, uint32_t incarnation)
{
    return word.incarnation == incarnation && word.state != PIRN__FREE &&
           word.state != PIRN__FILLING && word.state != PIRN__REMOVING;
}

static bool is_retired(const struct pirn__log *log, uint64_t place)
{
    uint32_t segment = pirn__place_unpack(place).segment;
    uint64_t word = segment < log->text.size.segments
                        ? pirn__atom_load(&log->index.segments[segment].word)
                        : 0;
    enum pirn__segment_state state = pirn__segment_unpack(word).state;

    return state != PIRN__SEGMENT_ACTIVE && state != PIRN__SEGMENT_OPEN &&
           state != PIRN__SEGMENT_SEALED;
}

/* -EAGAIN: it moved on meanwhile; -EBUSY: no entry is free. */
static int pin(struct pirn_view_work *work, struct pirn__slot *ret_fields)
{
    struct pirn__log *log = work->log;
    const struct pirn__catalogue *catalogue = &log->index.catalogue;
    int r = pirn__slot_read(catalogue, work->id.slot, ret_fields);

    if (r < 0) {
        return r;
    }
    if (!is_here(pirn__word_unpack(ret_fields->word), work->id.incarnation)) {
        return -ENOENT;
    }
    uint32_t part = pirn__place_unpack(ret_fields->part).segment;
    uint32_t body = pirn__place_unpack(ret_fields->body).segment;
    work->announced[0] = pirn__segment_announce(log, part);
    work->announced[1] =
        body == part ? NULL : pirn__segment_announce(log, body);
    if (work->announced[0] == NULL ||
        (body != part && work->announced[1] == NULL)) {
        return -EBUSY;
    }
    uint64_t now = pirn__atom_load(&catalogue->slots[work->id.slot].word);
    bool same = ((now ^ ret_fields->word) & ~PIRN__WORD_HINTED) == 0 &&
                is_unmoved(&catalogue->slots[work->id.slot], ret_fields);
    return same && !is_retired(log, ret_fields->part) &&
                   !is_retired(log, ret_fields->body)
               ? 0
               : -EAGAIN;
}

static void look(struct pirn_view_work *work)
{
    struct pirn__slot fields;
    int r = -EAGAIN;

    while (r == -EAGAIN && work->tries++ < TRIES_MAX) {
        take_back(work);
        r = pin(work, &fields);
    }
    if (r == -EBUSY) {
        take_back(work);
        work->tries = 0;
        wait_in_line(work);
        return;
    }
    if (r < 0) {
        destroy_and_finish(work, r);
        return;
    }
    pirn__prep_reading(&work->reading, work->log, work->id.slot, &fields);
    pirn_start(work->log->context, &work->reading.op, have_read);
}

void pirn__log_look(struct pirn_view *view)
{
    struct pirn_spool *spool = view->priv.spool;
    struct pirn_view_work *work = calloc(1, sizeof(*work));

    if (work == NULL) {
        pirn_task_finish(spool->context, &view->op, -ENOMEM);
        return;
    }
    work->view = view;
    work->log = spool->log;
    spool->open_count++;
    view->priv.work = work;
    pirn__log_id_unpack(&view->priv.id, &work->id);
    look(work);
}

/* A body's file goes with its item; what goes alone is damage. */
static bool is_removed(const struct pirn_view_work *work)
{
    const struct pirn__catalogue *catalogue = &work->log->index.catalogue;
    uint64_t word = pirn__atom_load(&catalogue->slots[work->id.slot].word);

    return !is_here(pirn__word_unpack(word), work->id.incarnation);
}

static void have_body(struct pirn_op *op, int32_t result)
{
    struct pirn_view_work *work =
        pirn_container_of(op, struct pirn_view_work, reading.op);

    if (result == -EBADMSG && !work->reading.has_file && is_removed(work)) {
        result = -ENOENT;
    }
    pirn_task_finish(work->log->context, &work->view->op, result);
}

void pirn__log_view_read(struct pirn_view *view)
{
    struct pirn_view_work *work = view->priv.work;

    pirn__prep_reading_body(&work->reading, view->priv.buf, view->priv.len,
                            view->priv.offset);
    pirn_start(work->log->context, &work->reading.op, have_body);
}

static void closed(struct pirn_op *op, int32_t result)
{
    (void)result; /* nothing was written */
    destroy_and_finish(pirn_container_of(op, struct pirn_view_work, step), 0);
}

void pirn__log_view_end(struct pirn_view *view)
{
    struct pirn_view_work *work = view->priv.work;
    int fd = pirn__reading_take_fd(&work->reading);

    if (fd < 0) {
        destroy_and_finish(work, 0);
        return;
    }
    pirn_prep_close(&work->step, fd);
    pirn_start(work->log->context, &work->step, closed);
}
