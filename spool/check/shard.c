/* SPDX-License-Identifier: MIT */
/*
 * shard.c - a 64th of the files: what belongs together, and what does not
 *
 *   bodies, names (in shards and loose) -> bodies without a name -> names twice
 *     -> too old -> each item looked at, some at once
 *
 * Lists are of some moment each, so they only say what is to be doubted. Items
 * of `quarantine' are what was set aside: they are not looked at.
 */
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>

#include "spool/check/check.h"
#include "spool/check/log_walk.h"
#include "spool/check/walk.h"

static void orphans_next(struct pirn_check_work *work);
static void twins_next(struct pirn_check_work *work);
static void ages_next(struct pirn_check_work *work);
static void looks_next(struct pirn_check_work *work);

static const char *queue_of(const struct pirn_check_work *work,
                            const struct pirn__spot *spot)
{
    return work->spool->queues[spot->queue]->name;
}

static bool is_among(const struct pirn__ids *ids, const struct pirn_id *id)
{
    for (uint32_t i = 0; i < ids->count; i++) {
        if (memcmp(&ids->ids[i], id, sizeof(*id)) == 0) {
            return true;
        }
    }
    return false;
}

bool pirn__check_is_misplaced(const struct pirn_check_work *work,
                              const struct pirn_id *id)
{
    return is_among(&work->misplaced, id);
}

static bool has_name(const struct pirn__spots *names, const struct pirn_id *id)
{
    return names->count > 0 &&
           bsearch(id, names->spots, names->count, sizeof(*names->spots),
                   pirn__id_compare) != NULL;
}

/* Whether the name at @at is of the item before it. */
static bool is_again(const struct pirn__spots *names, uint32_t at)
{
    return at > 0 && memcmp(&names->spots[at].id, &names->spots[at - 1].id,
                            sizeof(struct pirn_id)) == 0;
}

static void looks_done(struct pirn_check_work *work)
{
    if (work->at < work->names.count) {
        looks_next(work);
        return;
    }
    pirn__check_next_room(work);
}

/* What was met twice has moved, or its twin is told: both will be looked at
 * another time. */
static bool is_looked_at(const struct pirn_check_work *work, uint32_t at)
{
    const struct pirn__spot *spot = &work->names.spots[at];
    bool is_twice =
        is_again(&work->names, at) ||
        (at + 1 < work->names.count && is_again(&work->names, at + 1));

    return !is_twice &&
           strcmp(queue_of(work, spot), PIRN__NAME_QUARANTINE) != 0 &&
           !pirn__check_is_misplaced(work, &spot->id);
}

static void looks_next(struct pirn_check_work *work)
{
    pirn_assert(work->looking == 0);
    work->go_on = looks_done;
    work->look_count = PIRN__CHECK_LOOKS;
    while (work->at < work->names.count && work->looking < work->look_count) {
        uint32_t at = work->at++;
        if (is_looked_at(work, at)) {
            pirn__look_start(work, &work->names.spots[at], false);
        }
    }
    if (work->looking == 0) {
        pirn__check_hand_over(work, looks_done);
    }
}

/* Names are sorted: a moment's items of one queue each once. */
static void ages_next(struct pirn_check_work *work)
{
    while (work->at < work->names.count &&
           work->found_count < PIRN__CHECK_FOUND) {
        const struct pirn__spot *spot = &work->names.spots[work->at];
        uint64_t limit_ns = pirn__check_limit(work, queue_of(work, spot));
        struct pirn__name path;
        if (limit_ns > 0 && !is_again(&work->names, work->at) &&
            pirn__check_item_age(work, &spot->id) > limit_ns) {
            pirn__spot_path(work, spot, &path);
            (void)pirn__check_find(work, PIRN_FAULT_TOO_OLD, &spot->id,
                                   queue_of(work, spot), path.text);
        }
        work->at++;
    }
    bool more = work->at < work->names.count;
    work->at = more ? work->at : 0;
    pirn__check_hand_over(work, more ? ages_next : looks_next);
}

/* The other layout's items are in no shard: it says whether it has one. */
static bool is_of_log(const struct pirn_check_work *work, uint32_t at)
{
    return !is_again(&work->names, at) &&
           pirn__check_log_has(work->spool, &work->names.spots[at].id);
}

static void twins_next(struct pirn_check_work *work)
{
    while (work->at < work->names.count) {
        uint32_t at = work->at++;
        const struct pirn__spot *spot = &work->names.spots[at];
        if (is_again(&work->names, at) &&
            (at < 2 || !is_again(&work->names, at - 1))) {
            pirn__doubt_twice(work, &spot->id, twins_next);
            return;
        }
        if (is_of_log(work, at)) {
            struct pirn__name path;
            work->doubt.id = spot->id;
            work->doubt.places[0] = *spot;
            work->doubt.place_count = 1;
            work->doubt.is_of_log = true;
            pirn__spot_path(work, spot, &path);
            (void)pirn__check_find(work, PIRN_FAULT_DUPLICATED, &spot->id,
                                   queue_of(work, spot), path.text);
            pirn__check_hand_over(work, twins_next);
            return;
        }
        if (!is_again(&work->names, at) &&
            pirn__ids_has(&work->aliases, &spot->id)) {
            pirn__doubt_aliased(work, spot, twins_next);
            return;
        }
    }
    work->at = 0;
    ages_next(work);
}

/* None is one while a link is met: what it leads to may have the metadata. */
static void orphans_next(struct pirn_check_work *work)
{
    while (work->at < work->bodies.count && !work->has_links) {
        const struct pirn_id *id = &work->bodies.ids[work->at++];
        if (!has_name(&work->names, id) &&
            !pirn__check_is_misplaced(work, id) &&
            !is_among(&work->moving, id)) {
            pirn__doubt_body(work, id, orphans_next);
            return;
        }
    }
    work->at = 0;
    twins_next(work);
}

/* Those of its shard, among the names. */
static int add_loose(struct pirn_check_work *work)
{
    struct pirn__spots *names = &work->names;

    for (uint32_t i = 0; i < work->loose.count; i++) {
        const struct pirn__spot *spot = &work->loose.spots[i];
        if (pirn__id_shard(&spot->id) != work->room.shard) {
            continue;
        }
        int r = pirn__spots_push(names, spot);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

void pirn__check_shard(struct pirn_check_work *work)
{
    int r = add_loose(work);

    if (r < 0) {
        pirn__check_finish(work, r);
        return;
    }
    pirn__ids_sort(&work->bodies);
    if (work->names.count > 1) {
        qsort(work->names.spots, work->names.count, sizeof(*work->names.spots),
              pirn__id_compare);
    }
    work->at = 0;
    orphans_next(work);
}
