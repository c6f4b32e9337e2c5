/* SPDX-License-Identifier: MIT */
/*
 * twins.c - read each name's metadata -> choose -> move the others
 *
 * A name that a taker claims meanwhile is not there to be moved: then the next
 * check sees what is left. Where the log has the item the body goes, too, but
 * not away from who has it.
 */
#include "spool/check/twins.h"

#include <errno.h>
#include <stdlib.h>

#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/check/check.h"
#include "spool/check/log_walk.h"

static void read_next(struct pirn__twins *twins);
static void move_next(struct pirn__twins *twins);

static void finish(struct pirn__twins *twins)
{
    pirn_task_finish(twins->work->spool->context, &twins->op, twins->result);
}

static const struct pirn__spot *spot_at(const struct pirn__twins *twins,
                                        uint32_t at)
{
    pirn_assert(at < twins->work->doubt.place_count);
    return &twins->work->doubt.places[at];
}

static bool has_living(const struct pirn__twins *twins, uint32_t at)
{
    const struct pirn__spot *spot = spot_at(twins, at);

    return spot->kind == PIRN__SPOT_CLAIM &&
           pirn__owner_lives(twins->work->spool, spot->at);
}

/* ---- move ---- */

static void moved(struct pirn_op *op, int32_t result)
{
    struct pirn__twins *twins =
        pirn_container_of(op, struct pirn__twins, strays.op);

    bool is_name = twins->at <= twins->work->doubt.place_count;
    bool has_gone = result == -ENOENT && !(twins->is_of_log && is_name);

    if (result < 0 && !has_gone && twins->result == 0) {
        twins->result = result == -ENOENT ? -EBUSY : result;
    }
    move_next(twins);
}

static void start_move(struct pirn__twins *twins)
{
    struct pirn_spool *spool = twins->work->spool;

    pirn__prep_to_strays(&twins->strays, spool, twins->path.text);
    pirn_start(spool->context, &twins->strays.op, moved);
}

static void move_next(struct pirn__twins *twins)
{
    uint32_t count = twins->work->doubt.place_count;

    while (twins->at < count) {
        uint32_t at = twins->at++;
        if (at == twins->keep) {
            continue;
        }
        if (has_living(twins, at)) {
            twins->result = -EBUSY;
            continue;
        }
        pirn__spot_path(twins->work, spot_at(twins, at), &twins->path);
        start_move(twins);
        return;
    }
    if (twins->at == count && twins->is_of_log && twins->result == 0) {
        twins->at++;
        pirn__name_body(&twins->path, &twins->work->doubt.id);
        start_move(twins);
        return;
    }
    finish(twins);
}

/* ---- choose ---- */

static bool is_better(const struct pirn__twins *twins, uint32_t at,
                      uint32_t version, bool suits)
{
    if (twins->keep == UINT32_MAX) {
        return true;
    }
    if (has_living(twins, at) != has_living(twins, twins->keep)) {
        return has_living(twins, at);
    }
    if (version != twins->version) {
        return version > twins->version;
    }
    if (suits != twins->suits) {
        return suits;
    }
    return spot_at(twins, at)->kind != PIRN__SPOT_CLAIM &&
           spot_at(twins, twins->keep)->kind == PIRN__SPOT_CLAIM;
}

/* Whether it belongs there now; what waits for its time, in a bucket. */
static bool belongs(const struct pirn__twins *twins,
                    const struct pirn__spot *spot)
{
    const struct pirn_check_work *work = twins->work;
    const struct pirn_item *item = &twins->meta.item;
    bool waits = item->state != PIRN_ITEM_HELD &&
                 item->due_ns > pirn_context_realtime_ns(work->spool->context);

    return pirn__spot_suits(work, spot, item) &&
           (!waits || spot->kind == PIRN__SPOT_BUCKET);
}

static void read_meta(struct pirn_op *op, int32_t result)
{
    struct pirn__twins *twins =
        pirn_container_of(op, struct pirn__twins, meta.op);
    uint32_t version = result == 0 ? twins->meta.item.version : 0;
    bool suits = result == 0 && belongs(twins, spot_at(twins, twins->at));

    if (result == 0) {
        free(twins->meta.memory);
    }
    if (result != -ENOENT && is_better(twins, twins->at, version, suits)) {
        twins->keep = twins->at;
        twins->version = version;
        twins->suits = suits;
    }
    twins->at++;
    read_next(twins);
}

static void read_next(struct pirn__twins *twins)
{
    struct pirn_check_work *work = twins->work;

    if (twins->is_of_log || twins->at == work->doubt.place_count) {
        twins->at = 0;
        move_next(twins);
        return;
    }
    pirn__spot_path(work, spot_at(twins, twins->at), &twins->meta.path);
    pirn__prep_meta_read(&twins->meta, work->spool, &work->doubt.id);
    pirn_start(work->spool->context, &twins->meta.op, read_meta);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__twins *twins = pirn_container_of(op, struct pirn__twins, op);
    struct pirn_check_work *work = twins->work;

    pirn_assert(context == work->spool->context);
    twins->at = 0;
    twins->keep = UINT32_MAX;
    twins->version = 0;
    twins->suits = false;
    twins->result = 0;
    twins->is_of_log = work->doubt.is_of_log ||
                       pirn__check_log_has(work->spool, &work->doubt.id);
    read_next(twins);
}

void pirn__prep_twins(struct pirn__twins *twins, struct pirn_check_work *work)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    twins->work = work;
    pirn_prep_task(&twins->op, &verbs);
}
