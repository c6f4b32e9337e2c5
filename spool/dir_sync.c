/* SPDX-License-Identifier: MIT */
/* dir_sync.c - open -> fsync -> close, then the question: see dir_sync.h */
#include "spool/dir_sync.h"

#include <fcntl.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/sync.h>
#include <pirn/task.h>

#include "spool/opens.h"

static void confirmed(struct pirn_op *op, int32_t result)
{
    struct pirn__dir_sync *sync =
        pirn_container_of(op, struct pirn__dir_sync, confirm);
    int r = pirn_confirmed(result);

    sync->is_final = r < 0 && !pirn__was_not_asked(result);
    pirn_task_finish(sync->spool->context, &sync->op, r);
}

static void synced(struct pirn_op *op, int32_t result)
{
    struct pirn__dir_sync *sync =
        pirn_container_of(op, struct pirn__dir_sync, chain.op);
    struct pirn_spool *spool = sync->spool;

    if (result < 0) {
        sync->is_final = pirn_chain_failed(&sync->chain) > 0;
        pirn_task_finish(spool->context, &sync->op, result);
        return;
    }
    pirn_prep_confirm(&sync->confirm, spool->root_fd);
    pirn_start(spool->context, &sync->confirm, confirmed);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__dir_sync *sync =
        pirn_container_of(op, struct pirn__dir_sync, op);

    pirn__prep_open(&sync->open, sync->spool->root_fd, sync->path,
                    O_RDONLY | O_DIRECTORY);
    pirn_prep_fsync(&sync->fsync, PIRN_FD_OF(0), PIRN_SYNC_ALL);
    pirn_prep_close(&sync->close, PIRN_FD_OF(0));
    pirn_step_when(&sync->close, PIRN_STEP_ALWAYS);
    sync->steps[0] = &sync->open;
    sync->steps[1] = &sync->fsync;
    sync->steps[2] = &sync->close;
    pirn_chain_start(context, &sync->chain, sync->steps, 3, synced);
}

void pirn__prep_dir_sync(struct pirn__dir_sync *sync, struct pirn_spool *spool,
                         const char *path)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    pirn_assert(path[0] != '\0');
    sync->spool = spool;
    sync->path = path;
    sync->is_final = false;
    pirn_prep_task(&sync->op, &verbs);
}
