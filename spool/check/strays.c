/* SPDX-License-Identifier: MIT */
/*
 * strays.c - mkdir -> rename -> fsync of the directory
 *
 * A rename is atomic: one half durable is both, so the directory that it was in
 * needs no sync. Under a name that nothing has, two who mend at once cannot
 * meet.
 */
#include "spool/check/strays.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

void pirn__dir_sync_start(struct pirn__dir_sync *sync, struct pirn_spool *spool,
                          const char *path, pirn_op_fn *fn)
{
    pirn_assert(path[0] != '\0');
    pirn_prep_open(&sync->open, spool->root_fd, path, O_RDONLY | O_DIRECTORY,
                   0);
    pirn_prep_fsync(&sync->fsync, PIRN_FD_OF(0), PIRN_SYNC_ALL);
    pirn_prep_close(&sync->close, PIRN_FD_OF(0));
    pirn_step_when(&sync->close, PIRN_STEP_ALWAYS);
    sync->steps[0] = &sync->open;
    sync->steps[1] = &sync->fsync;
    sync->steps[2] = &sync->close;
    pirn_chain_start(spool->context, &sync->chain, sync->steps, 3, fn);
}

static void finish(struct pirn__to_strays *move, int32_t result)
{
    pirn_task_finish(move->spool->context, &move->op, result);
}

static void synced(struct pirn_op *op, int32_t result)
{
    finish(pirn_container_of(op, struct pirn__to_strays, sync.chain.op),
           result < 0 ? result : 0);
}

static void renamed(struct pirn_op *op, int32_t result)
{
    struct pirn__to_strays *move =
        pirn_container_of(op, struct pirn__to_strays, step);

    if (result < 0) {
        finish(move, result);
        return;
    }
    pirn__dir_sync_start(&move->sync, move->spool, PIRN__STRAYS_DIR, synced);
}

static void start_rename(struct pirn__to_strays *move)
{
    struct pirn_spool *spool = move->spool;
    const char *name = strrchr(move->from, '/');
    char text[PIRN_ID_TEXT];
    struct pirn_id unique;

    name = name != NULL ? name + 1 : move->from;
    pirn__spool_new_id(spool, &unique);
    pirn_id_format(&unique, text);
    (void)snprintf(move->to, sizeof(move->to), PIRN__STRAYS_DIR "/%s.%.*s",
                   text, 255 - PIRN_ID_TEXT, name);
    pirn_prep_rename(&move->step, spool->root_fd, move->from, spool->root_fd,
                     move->to, RENAME_NOREPLACE);
    pirn_start(spool->context, &move->step, renamed);
}

static void synced_room(struct pirn_op *op, int32_t result)
{
    struct pirn__to_strays *move =
        pirn_container_of(op, struct pirn__to_strays, sync.chain.op);

    if (result < 0) {
        finish(move, result);
        return;
    }
    start_rename(move);
}

static void made_room(struct pirn_op *op, int32_t result)
{
    struct pirn__to_strays *move =
        pirn_container_of(op, struct pirn__to_strays, step);

    if (result < 0 && result != -EEXIST) {
        finish(move, result);
        return;
    }
    pirn__dir_sync_start(&move->sync, move->spool, PIRN__NAME_QUARANTINE,
                         synced_room);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__to_strays *move =
        pirn_container_of(op, struct pirn__to_strays, op);

    pirn_assert(context == move->spool->context);
    pirn_prep_mkdir(&move->step, move->spool->root_fd, PIRN__STRAYS_DIR,
                    PIRN__DIR_MODE);
    pirn_start(context, &move->step, made_room);
}

void pirn__prep_to_strays(struct pirn__to_strays *move,
                          struct pirn_spool *spool, const char *from)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    pirn_assert(from[0] != '\0');
    move->spool = spool;
    move->from = from;
    pirn_prep_task(&move->op, &verbs);
}
