/* SPDX-License-Identifier: MIT */
/* removal.c - see removal.h */
#include "cli/removal.h"

#include <errno.h>

#include <pirn/invariant.h>

void removals_init(struct removals *removals, struct tool *tool, bool tolerant)
{
    *removals = (struct removals){.tool = tool, .tolerant = tolerant};
    for (int i = 0; i < REMOVAL_MAX; i++) {
        removals->removal[i].all = removals;
        removals->removal[i].next = removals->free;
        removals->free = &removals->removal[i];
    }
}

static void finished(struct removal *removal)
{
    removal->next = removal->all->free;
    removal->all->free = removal;
    removal->all->pending--;
}

static void missed(struct removal *removal, int error)
{
    struct removals *all = removal->all;
    bool gone = error == -ENOENT;
    bool claimed = error == -EBUSY || error == -ESTALE;
    enum code code = CODE_DONE;

    all->missing += gone;
    all->claimed += claimed;
    if (!all->tolerant || !(gone || claimed)) {
        code = tool_say_item(all->tool, &removal->id, error);
    }
    if (!gone && !claimed && all->failed == CODE_DONE) {
        all->failed = code;
    }
    finished(removal);
}

static void removed(struct pirn_op *op, int32_t result)
{
    struct removal *removal = pirn_container_of(op, struct removal, claim.op);

    if (result < 0) {
        missed(removal, result);
        return;
    }
    removal->all->removed++;
    finished(removal);
}

static void claimed(struct pirn_op *op, int32_t result)
{
    struct removal *removal = pirn_container_of(op, struct removal, claim.op);

    if (result <= 0) {
        missed(removal, result == 0 ? -EBUSY : result);
        return;
    }
    pirn_prep_remove(&removal->claim);
    pirn_start(removal->all->tool->context, &removal->claim.op, removed);
}

static enum code ring_failed(struct removals *removals, int error)
{
    removals->failed =
        tool_say(removals->tool, THING_SPOOL, removals->tool->path, error);
    return removals->failed;
}

enum code removals_add(struct removals *removals, const struct pirn_id *id)
{
    struct removal *removal;
    int r = tool_turn_until(removals->tool, &removals->pending, REMOVAL_MAX);

    if (r < 0) {
        return ring_failed(removals, r);
    }
    if (removals->failed != CODE_DONE) {
        return removals->failed;
    }
    removal = removals->free;
    pirn_assert(removal != NULL);
    removals->free = removal->next;
    removals->pending++;
    removal->id = *id;
    pirn_prep_claim_id(&removal->claim, removals->tool->spool, id);
    pirn_start(removals->tool->context, &removal->claim.op, claimed);
    return CODE_DONE;
}

enum code removals_finish(struct removals *removals)
{
    int r = tool_turn_until(removals->tool, &removals->pending, 1);

    if (r < 0) {
        return ring_failed(removals, r);
    }
    if (removals->failed != CODE_DONE) {
        return removals->failed;
    }
    if (removals->claimed > 0) {
        return CODE_TRY_LATER;
    }
    return removals->missing > 0 ? CODE_NOT_THERE : CODE_DONE;
}
