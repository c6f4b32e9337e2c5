/* SPDX-License-Identifier: MIT */
/*
 * fence.c - taking from a living owner what he has, in both layouts
 *
 *   the dead are recovered -> is it he? -> the log's items -> the files
 *
 * He is not asked, and need not run: in the log one swap of an item's word
 * decides, among the files one rename of its name (log/fence.c, file/back.c).
 */
#include "spool/fence.h"

#include <errno.h>
#include <stdlib.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/event.h"
#include "spool/owner.h"

/* ---- one slot ---- */

static void fenced_files(struct pirn_op *op, int32_t result)
{
    struct pirn__recover *recover =
        pirn_container_of(op, struct pirn__recover, op);
    struct pirn__fence *fence = recover->fence;

    pirn_assert(result <= 0 && recover->living);
    fence->fenced.count += recover->returned;
    pirn__event_owner(fence->spool, PIRN_EVENT_FENCED, fence->slot,
                      fence->fenced.count);
    pirn_task_finish(fence->spool->context, &fence->op,
                     fence->result < 0 ? fence->result : result);
}

static void fence_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__fence *fence = pirn_container_of(op, struct pirn__fence, op);
    struct pirn_spool *spool = fence->spool;

    pirn_assert(context == spool->context && fence->slot != spool->slot);
    fence->fenced = (struct pirn__log_fenced){0};
    fence->result = 0;
    if (spool->log != NULL) {
        fence->result =
            pirn__log_fence(spool->log, (uint16_t)fence->slot, &fence->fenced);
    }
    pirn__prep_fence(fence->recover, spool, fence->slot);
    fence->recover->fence = fence;
    pirn_start(context, &fence->recover->op, fenced_files);
}

void pirn__prep_fence_slot(struct pirn__fence *fence, struct pirn_spool *spool,
                           uint32_t slot, struct pirn__recover *recover)
{
    static const struct pirn_task_verbs verbs = {.begin = fence_begin};

    pirn_assert(slot < PIRN__SLOTS && recover != NULL);
    fence->spool = spool;
    fence->slot = slot;
    fence->recover = recover;
    pirn_prep_task(&fence->op, &verbs);
}

/* ---- the verb ---- */

struct pirn_fence_work {
    struct pirn_fence *verb;
    struct pirn_spool *spool;
    struct pirn__sweep_wait sweep;
    struct pirn_op read;
    uint8_t bytes[PIRN__OWNER_ENTRY_BYTES];
    struct pirn__fence fence;
    struct pirn__recover recover;
};

static void end(struct pirn_fence_work *work, int32_t result)
{
    struct pirn_fence *verb = work->verb;
    struct pirn_spool *spool = work->spool;

    pirn_assert(verb->priv.work == work && spool->open_count > 0);
    verb->priv.work = NULL;
    spool->open_count--;
    free(work);
    pirn_task_finish(spool->context, &verb->op, result);
}

static void fenced(struct pirn_op *op, int32_t result)
{
    struct pirn_fence_work *work =
        pirn_container_of(op, struct pirn_fence_work, fence.op);

    work->verb->fenced = work->fence.fenced.count;
    work->verb->midst = work->fence.fenced.midst;
    end(work, result);
}

/* Whether the entry that was read is that of who is meant. */
static bool is_he(const struct pirn_fence_work *work, int32_t read)
{
    const struct pirn_fence *verb = work->verb;
    struct pirn__owner_entry entry;

    return verb->priv.opened_ns == 0 ||
           (read == PIRN__OWNER_ENTRY_BYTES &&
            pirn__owner_entry_decode(work->bytes, verb->priv.slot, &entry) ==
                0 &&
            entry.opened_ns == verb->priv.opened_ns);
}

static void have_entry(struct pirn_op *op, int32_t result)
{
    struct pirn_fence_work *work =
        pirn_container_of(op, struct pirn_fence_work, read);

    if (!is_he(work, result)) {
        end(work, result < 0 ? result : -ESRCH);
        return;
    }
    pirn__prep_fence_slot(&work->fence, work->spool, work->verb->priv.slot,
                          &work->recover);
    pirn_start(work->spool->context, &work->fence.op, fenced);
}

static void swept(struct pirn_op *op, int32_t result)
{
    struct pirn_fence_work *work =
        pirn_container_of(op, struct pirn_fence_work, sweep.waiter.op);
    struct pirn_spool *spool = work->spool;
    uint32_t slot = work->verb->priv.slot;

    pirn_assert(result <= 0);
    if (!pirn__owner_lives(spool, slot)) {
        end(work, -ESRCH);
        return;
    }
    pirn_prep_read(&work->read, spool->owners_fd, work->bytes,
                   sizeof(work->bytes), pirn__owner_entry_at(slot));
    pirn_start(spool->context, &work->read, have_entry);
}

static void verb_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_fence *verb = pirn_container_of(op, struct pirn_fence, op);
    struct pirn_spool *spool = verb->priv.spool;

    pirn_assert(context == spool->context);
    if (pirn__settle_holds(spool, op, verb_begin)) {
        return;
    }
    verb->fenced = 0;
    verb->midst = 0;
    if (verb->priv.slot == spool->slot || verb->priv.slot >= PIRN__SLOTS) {
        pirn_task_finish(context, op, -EINVAL);
        return;
    }
    struct pirn_fence_work *work = calloc(1, sizeof(*work));
    if (work == NULL) {
        pirn_task_finish(context, op, -ENOMEM);
        return;
    }
    work->verb = verb;
    work->spool = spool;
    verb->priv.work = work;
    spool->open_count++;
    pirn__prep_sweep(&work->sweep, spool);
    pirn_start(context, &work->sweep.waiter.op, swept);
}

void pirn_prep_fence_owner(struct pirn_fence *fence, struct pirn_spool *spool,
                           uint32_t slot, uint64_t opened_ns)
{
    static const struct pirn_task_verbs verbs = {.begin = verb_begin};

    pirn_assert(spool != NULL);
    fence->priv.spool = spool;
    fence->priv.slot = slot;
    fence->priv.opened_ns = opened_ns;
    pirn_prep_task(&fence->op, &verbs);
}
