/* SPDX-License-Identifier: MIT */
/*
 * status.c - what is there, in both layouts
 *
 * Dead owners are recovered first: what they had is counted where it belongs.
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/file/file.h"
#include "spool/log/count.h"
#include "spool/owner.h"

struct counting {
    struct pirn_status *status;
    struct pirn__sweep_wait sweep;
    struct pirn_op look;
    struct pirn_room room;
};

static void looked(struct pirn_op *op, int32_t result)
{
    struct counting *counting = pirn_container_of(op, struct counting, look);
    struct pirn_status *status = counting->status;
    struct pirn_spool *spool = status->priv.spool;

    pirn__admit_tell(spool, result < 0 ? NULL : &counting->room, status);
    free(counting);
    if (spool->log != NULL) {
        pirn__log_count(spool->log, status);
    }
    pirn__file_status(status);
}

static void swept(struct pirn_op *op, int32_t result)
{
    struct counting *counting =
        pirn_container_of(op, struct counting, sweep.waiter.op);
    const struct pirn_spool *spool = counting->status->priv.spool;

    pirn_assert(result <= 0);
    pirn_prep_room(&counting->look, spool->root_fd, &counting->room);
    pirn_start(spool->context, &counting->look, looked);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_status *status = pirn_container_of(op, struct pirn_status, op);

    if (pirn__settle_holds(status->priv.spool, op, begin)) {
        return;
    }
    struct counting *counting = calloc(1, sizeof(*counting));
    if (counting == NULL) {
        pirn_task_finish(context, op, -ENOMEM);
        return;
    }
    status->ready = 0;
    status->claimed = 0;
    status->delayed = 0;
    status->held = 0;
    status->quarantined = 0;
    status->drafts = 0;
    status->leftovers = 0;
    status->body_bytes = 0;
    status->owners = 0;
    status->is_refusing = false;
    status->log_is_refusing = false;
    counting->status = status;
    pirn__prep_sweep(&counting->sweep, status->priv.spool);
    pirn_start(context, &counting->sweep.waiter.op, swept);
}

void pirn_prep_status(struct pirn_status *status, struct pirn_spool *spool)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    pirn_assert(spool != NULL);
    status->priv.spool = spool;
    pirn_prep_task(&status->op, &verbs);
}
