/* SPDX-License-Identifier: MIT */
/*
 * log_walk.c - the log's items, a page of slots at a time; bodies without one
 *
 * A slot's word says whether an id is an item's, at every moment: the slot is
 * taken before a body's file is made, and free after it was unlinked. So a file
 * whose slot said no and which is there afterwards belongs to nothing, and so
 * it stays. Where its item is among the files, or has come back to the log, it
 * is what a move has left: its item has a body of its own.
 *
 * A claim is stale if its owner was dead, and after a grace time and a sweep
 * the word is the same: a fence counts claims. One that is too old is told at
 * first sight, and none that may be younger than it seems: a stamp says in
 * which second.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>
#include <pirn/path.h>

#include "runtime/plant.h"
#include "spool/check/check.h"
#include "spool/check/log_walk.h"
#include "spool/check/walk.h"
#include "spool/log/atom.h"
#include "spool/log/count.h"
#include "spool/log/log.h"
#include "spool/log/stamp.h"

enum { PAGE_ITEMS = 256, LOOKS = 4 };

static void page_next(struct pirn_check_work *work);
static void claims_next(struct pirn_check_work *work);
static void looks_next(struct pirn_check_work *work);
static void orphans_next(struct pirn_check_work *work);

/* ---- words ---- */

/* An id's slot, which may be another item's by now; NULL: it has none. */
static const struct pirn__slot *slot_of(const struct pirn_spool *spool,
                                        const struct pirn_id *id)
{
    struct pirn__log_id parts;

    if (spool->log == NULL || !pirn__log_knows(spool->log, id)) {
        return NULL;
    }
    pirn__log_id_unpack(id, &parts);
    return &spool->log->index.catalogue.slots[parts.slot];
}

static uint64_t word_of(const struct pirn_spool *spool,
                        const struct pirn_id *id)
{
    const struct pirn__slot *slot = slot_of(spool, id);

    return slot == NULL ? 0 : pirn__atom_load(&slot->word);
}

bool pirn__check_log_has(const struct pirn_spool *spool,
                         const struct pirn_id *id)
{
    enum pirn__state state = pirn__word_unpack(word_of(spool, id)).state;

    return state != PIRN__FREE && state != PIRN__FILLING &&
           state != PIRN__REMOVING;
}

bool pirn__check_log_has_file(const struct pirn_spool *spool,
                              const struct pirn_id *id)
{
    const struct pirn__slot *slot = slot_of(spool, id);

    return slot != NULL &&
           (pirn__route_unpack(pirn__atom_load(&slot->route)).flags &
            PIRN__RECORD_BODY_FILE) != 0;
}

bool pirn__check_log_is_stale(const struct pirn_spool *spool,
                              const struct pirn_id *id, uint64_t *ret_word)
{
    uint64_t packed = word_of(spool, id);
    struct pirn__word word = pirn__word_unpack(packed);

    *ret_word = packed;
    return pirn__state_is_passing(word.state) &&
           !pirn__owner_lives(spool, word.owner);
}

uint64_t pirn__check_log_sum(const struct pirn__log *log)
{
    const struct pirn__index *index = &log->index;
    uint32_t pages = pirn__tombs_pages(&index->tombs);
    uint64_t sum = 1; /* never none */

    for (uint32_t i = 0; i < log->text.size.segments; i++) {
        sum += pirn__atom_load(&index->segments[i].mark);
    }
    for (uint32_t i = 0; i < pages; i++) {
        sum += pirn__atom_load(&index->tombs.versions[i]);
    }
    return sum;
}

void pirn__check_log_lead(const struct pirn_spool *spool,
                          const struct pirn_id *id)
{
    struct pirn__word word = pirn__word_unpack(word_of(spool, id));
    struct pirn__log_id parts;

    if (pirn__state_is_passing(word.state) &&
        !pirn__planted("check-claim-not-led")) {
        const struct pirn__index *index = &spool->log->index;
        pirn__log_id_unpack(id, &parts);
        pirn__trail_lead(index->owners[word.owner].trail,
                         pirn__slot_span(&index->catalogue, parts.slot));
    }
}

/* ---- bodies without an item ---- */

static void found_orphan(struct pirn_check_work *work, enum pirn_fault fault)
{
    (void)pirn__check_find(work, fault, &work->doubt.id, NULL,
                           work->doubt.name.text);
    pirn__check_hand_over(work, orphans_next);
}

/* Its item has come back to the log, and has another body there? */
static void have_alias(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, doubt.alias.op);

    if (result < 0) {
        pirn__check_note(work, result);
        pirn__check_hand_over(work, orphans_next);
        return;
    }
    bool is_there = result == 1 &&
                    pirn__check_log_has(work->spool, &work->doubt.alias.in_log);
    found_orphan(work, is_there ? PIRN_FAULT_LEFTOVER : PIRN_FAULT_ORPHANED);
}

/* Its item has gone to the files, and has its body there? */
static void looked_among_files(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, doubt.find.op);
    const struct pirn__find *find = &work->doubt.find;

    if (!pirn__planted("check-left-adopted") &&
        (result == 0 || (result == -ENOENT && find->round >= find->rounds))) {
        found_orphan(work, PIRN_FAULT_LEFTOVER);
        return;
    }
    if (result != -ENOENT) {
        pirn__check_note(work, result);
        pirn__check_hand_over(work, orphans_next);
        return;
    }
    pirn__prep_alias_read(&work->doubt.alias, work->spool->log, &find->id);
    pirn_start(work->spool->context, &work->doubt.alias.op, have_alias);
}

static void saw_orphan(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, doubt.step);
    struct pirn__doubt *doubt = &work->doubt;

    if (result < 0) {
        pirn__check_hand_over(work, orphans_next);
        return;
    }
    pirn__prep_find(&doubt->find, work->spool, &doubt->id, true);
    pirn_start(work->spool->context, &doubt->find.op, looked_among_files);
}

static void orphans_next(struct pirn_check_work *work)
{
    struct pirn__doubt *doubt = &work->doubt;

    while (work->at < work->bodies.count) {
        const struct pirn_id *id = &work->bodies.ids[work->at++];
        if (pirn__word_unpack(word_of(work->spool, id)).state != PIRN__FREE ||
            pirn__planted("check-orphan-unseen")) {
            continue;
        }
        doubt->id = *id;
        pirn__name_log_body(&doubt->name, id);
        pirn_prep_stat(&doubt->step, work->spool->root_fd, doubt->name.text,
                       AT_SYMLINK_NOFOLLOW, STATX_TYPE, &doubt->statx);
        pirn_start(work->spool->context, &doubt->step, saw_orphan);
        return;
    }
    pirn__check_next_room(work);
}

void pirn__check_log_bodies(struct pirn_check_work *work)
{
    work->at = 0;
    orphans_next(work);
}

/* ---- claims: of the dead, and too old ---- */

static void swept(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, doubt.sweep.waiter.op);
    struct pirn__doubt *doubt = &work->doubt;
    uint64_t word;

    pirn_assert(result <= 0);
    if (pirn__check_log_is_stale(work->spool, &doubt->id, &word) &&
        word == doubt->word) {
        const struct pirn_listed *listed = &work->page[work->at - 1];
        work->room.slot = pirn__word_unpack(word).owner;
        (void)pirn__check_find(work, PIRN_FAULT_STALE_CLAIM, &doubt->id,
                               listed->queue, "");
    }
    pirn__check_hand_over(work, claims_next);
}

static void waited(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, doubt.timer);

    if (result < 0) { /* asked to end: waited for again */
        work->at--;
        pirn__check_hand_over(work, claims_next);
        return;
    }
    pirn__prep_sweep(&work->doubt.sweep, work->spool);
    pirn_start(work->spool->context, &work->doubt.sweep.waiter.op, swept);
}

/* At least that; 0: nobody knows, or it is not the item that was listed. */
static uint64_t claim_age(const struct pirn_check_work *work,
                          const struct pirn_id *id, uint64_t packed)
{
    struct pirn__word word = pirn__word_unpack(packed);
    struct pirn__log_id parts;

    pirn__log_id_unpack(id, &parts);
    return word.incarnation == parts.incarnation
               ? pirn__stamp_age_ns(
                     &work->spool->log->index, parts.slot, word,
                     pirn_context_realtime_ns(work->spool->context))
               : 0;
}

/* Whether it was told. */
static bool find_old_claim(struct pirn_check_work *work,
                           const struct pirn_listed *listed, uint64_t word)
{
    uint64_t limit_ns = work->config->claim_ns;
    uint64_t age_ns = limit_ns > 0 ? claim_age(work, &listed->id, word) : 0;

    if (limit_ns == 0 || age_ns < limit_ns) {
        return false;
    }
    struct pirn_finding *finding = pirn__check_find(
        work, PIRN_FAULT_TOO_OLD, &listed->id, listed->queue, "");
    finding->of_claim = true;
    finding->age_ns = age_ns;
    return true;
}

static void claims_next(struct pirn_check_work *work)
{
    struct pirn__doubt *doubt = &work->doubt;

    while (work->at < work->page_count) {
        const struct pirn_listed *listed = &work->page[work->at++];
        doubt->id = listed->id;
        if (pirn__check_log_is_stale(work->spool, &doubt->id, &doubt->word)) {
            pirn__check_wait(work, work->grace_ns, waited);
            return;
        }
        if (find_old_claim(work, listed, doubt->word)) {
            pirn__check_hand_over(work, claims_next);
            return;
        }
    }
    work->at = 0;
    looks_next(work);
}

/* ---- items ---- */

static bool find_queue(const struct pirn_spool *spool, const char *name,
                       uint16_t *ret_at)
{
    for (uint32_t i = 0; i < spool->queue_count; i++) {
        if (strcmp(spool->queues[i]->name, name) == 0) {
            *ret_at = (uint16_t)i;
            return true;
        }
    }
    return false;
}

static void looks_done(struct pirn_check_work *work)
{
    if (work->at < work->page_count) {
        looks_next(work);
        return;
    }
    page_next(work);
}

static void looks_next(struct pirn_check_work *work)
{
    work->go_on = looks_done;
    work->look_count = LOOKS; /* so many an owner may announce */
    while (work->at < work->page_count && work->looking < work->look_count) {
        const struct pirn_listed *listed = &work->page[work->at++];
        struct pirn__spot spot = {.id = listed->id};
        if ((!pirn__check_is_misplaced(work, &listed->id) ||
             pirn__planted("check-misplaced-twice")) &&
            find_queue(work->spool, listed->queue, &spot.queue)) {
            pirn__look_start(work, &spot, true);
        }
    }
    if (work->looking == 0) {
        pirn__check_hand_over(work, looks_done);
    }
}

static void ages_next(struct pirn_check_work *work)
{
    while (work->at < work->page_count &&
           work->found_count < PIRN__CHECK_FOUND) {
        const struct pirn_listed *listed = &work->page[work->at++];
        uint64_t limit_ns = pirn__check_limit(work, listed->queue);
        if (limit_ns > 0 &&
            pirn__check_item_age(work, &listed->id) > limit_ns) {
            (void)pirn__check_find(work, PIRN_FAULT_TOO_OLD, &listed->id,
                                   listed->queue, "");
        }
    }
    bool more = work->at < work->page_count;
    work->at = more ? work->at : 0;
    pirn__check_hand_over(work, more ? ages_next : claims_next);
}

static void refreshed(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work =
        pirn_container_of(op, struct pirn_check_work, refresh.op);

    if (result < 0) {
        pirn__check_finish(work, result);
        return;
    }
    work->at = 0;
    ages_next(work);
}

/* Queues are met anew: an item may be in one that was just made. */
static void page_next(struct pirn_check_work *work)
{
    const struct pirn__log *log = work->spool->log;
    uint32_t used = pirn__catalogue_used(&log->index.catalogue);

    work->page_count =
        pirn__log_list(log, -1, &work->slot_at, work->page, PAGE_ITEMS);
    work->check->done = PIRN__SHARDS + (uint32_t)((uint64_t)PIRN__SHARDS *
                                                  work->slot_at / (used + 1));
    if (work->page_count == 0) {
        work->check->done = work->check->total;
        pirn__check_finish(work, 0);
        return;
    }
    pirn__prep_refresh(&work->refresh, work->spool);
    pirn_start(work->spool->context, &work->refresh.op, refreshed);
}

void pirn__check_log(struct pirn_check_work *work)
{
    if (work->spool->log == NULL) {
        pirn__check_finish(work, 0);
        return;
    }
    pirn__check_segments(work);
}

void pirn__check_log_items(struct pirn_check_work *work)
{
    work->page = malloc(PAGE_ITEMS * sizeof(*work->page));
    if (work->page == NULL) {
        pirn__check_finish(work, -ENOMEM);
        return;
    }
    page_next(work);
}
