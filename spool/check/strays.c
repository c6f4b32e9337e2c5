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

#include "spool/opens.h"
#include "spool/queue.h"

/* A name below a link would be one of somebody else's. */
static bool has_room(struct pirn_spool *spool)
{
    const struct pirn__queue *queue =
        pirn__queue_find(spool, PIRN__NAME_QUARANTINE);

    return queue != NULL && !queue->is_lost;
}

/* A name there that nothing has. */
static void make_name(struct pirn_spool *spool, const char *name, char *to,
                      size_t to_bytes)
{
    char text[PIRN_ID_TEXT];
    struct pirn_id unique;

    pirn__spool_new_id(spool, &unique);
    pirn_id_format(&unique, text);
    (void)snprintf(to, to_bytes, PIRN__STRAYS_DIR "/%s.%.*s", text,
                   255 - PIRN_ID_TEXT, name);
}

/* ---- a file or a directory ---- */

static void finish(struct pirn__to_strays *move, int32_t result)
{
    pirn_task_finish(move->spool->context, &move->op, result);
}

static void synced(struct pirn_op *op, int32_t result)
{
    finish(pirn_container_of(op, struct pirn__to_strays, sync.op),
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
    pirn__prep_dir_sync(&move->sync, move->spool, PIRN__STRAYS_DIR);
    pirn_start(move->spool->context, &move->sync.op, synced);
}

static void start_rename(struct pirn__to_strays *move)
{
    struct pirn_spool *spool = move->spool;
    const char *slash = strrchr(move->from, '/');

    make_name(spool, slash != NULL ? slash + 1 : move->from, move->to,
              sizeof(move->to));
    pirn_prep_rename(&move->step, spool->root_fd, move->from, spool->root_fd,
                     move->to, RENAME_NOREPLACE);
    pirn_start(spool->context, &move->step, renamed);
}

static void synced_room(struct pirn_op *op, int32_t result)
{
    struct pirn__to_strays *move =
        pirn_container_of(op, struct pirn__to_strays, sync.op);

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
    pirn__prep_dir_sync(&move->sync, move->spool, PIRN__NAME_QUARANTINE);
    pirn_start(move->spool->context, &move->sync.op, synced_room);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__to_strays *move =
        pirn_container_of(op, struct pirn__to_strays, op);

    pirn_assert(context == move->spool->context);
    if (!has_room(move->spool)) {
        finish(move, -ENOTDIR);
        return;
    }
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

/* ---- bytes ---- */

static void finish_bytes(struct pirn__stray_bytes *stray, int32_t result)
{
    pirn_task_finish(stray->spool->context, &stray->op,
                     result < 0 ? result : 0);
}

static void synced_bytes(struct pirn_op *op, int32_t result)
{
    finish_bytes(pirn_container_of(op, struct pirn__stray_bytes, sync.op),
                 result);
}

static void written(struct pirn_op *op, int32_t result)
{
    struct pirn__stray_bytes *stray =
        pirn_container_of(op, struct pirn__stray_bytes, chain.op);

    if (result < 0) {
        finish_bytes(stray, result);
        return;
    }
    pirn__prep_dir_sync(&stray->sync, stray->spool, PIRN__STRAYS_DIR);
    pirn_start(stray->spool->context, &stray->sync.op, synced_bytes);
}

static void start_write(struct pirn__stray_bytes *stray)
{
    struct pirn_spool *spool = stray->spool;

    pirn__prep_open(&stray->open, spool->root_fd, stray->to,
                    O_WRONLY | O_CREAT | O_EXCL);
    pirn_prep_write(&stray->write, PIRN_FD_OF(0), stray->bytes, stray->len, 0);
    pirn_prep_fsync(&stray->fsync, PIRN_FD_OF(0), PIRN_SYNC_ALL);
    pirn_prep_close(&stray->close, PIRN_FD_OF(0));
    pirn_step_when(&stray->close, PIRN_STEP_ALWAYS);
    stray->steps[0] = &stray->open;
    stray->steps[1] = &stray->write;
    stray->steps[2] = &stray->fsync;
    stray->steps[3] = &stray->close;
    pirn_chain_start(spool->context, &stray->chain, stray->steps, 4, written);
}

static void synced_bytes_room(struct pirn_op *op, int32_t result)
{
    struct pirn__stray_bytes *stray =
        pirn_container_of(op, struct pirn__stray_bytes, sync.op);

    if (result < 0) {
        finish_bytes(stray, result);
        return;
    }
    start_write(stray);
}

static void made_bytes_room(struct pirn_op *op, int32_t result)
{
    struct pirn__stray_bytes *stray =
        pirn_container_of(op, struct pirn__stray_bytes, step);

    if (result < 0 && result != -EEXIST) {
        finish_bytes(stray, result);
        return;
    }
    pirn__prep_dir_sync(&stray->sync, stray->spool, PIRN__NAME_QUARANTINE);
    pirn_start(stray->spool->context, &stray->sync.op, synced_bytes_room);
}

static void begin_bytes(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__stray_bytes *stray =
        pirn_container_of(op, struct pirn__stray_bytes, op);

    pirn_assert(context == stray->spool->context);
    if (!has_room(stray->spool)) {
        finish_bytes(stray, -ENOTDIR);
        return;
    }
    pirn_prep_mkdir(&stray->step, stray->spool->root_fd, PIRN__STRAYS_DIR,
                    PIRN__DIR_MODE);
    pirn_start(context, &stray->step, made_bytes_room);
}

void pirn__prep_stray_bytes(struct pirn__stray_bytes *stray,
                            struct pirn_spool *spool, const char *name,
                            const void *bytes, uint32_t len)
{
    static const struct pirn_task_verbs verbs = {.begin = begin_bytes};

    pirn_assert(len > 0);
    stray->spool = spool;
    stray->bytes = bytes;
    stray->len = len;
    make_name(spool, name, stray->to, sizeof(stray->to));
    pirn_prep_task(&stray->op, &verbs);
}
