/* SPDX-License-Identifier: MIT */
/*
 * mend.c - see spool/check/mend.h
 *
 *   an item      claimed by us, then set aside as recovery sets aside: who is
 *                killed between leaves a claim that is set aside by recovery
 *   misplaced    into its own directory; where that has one, into .strays
 *   stale claim  its slot gets the directory by which a sweep knows slots
 */
#include "spool/check/mend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/check/check.h"

static struct pirn__mend *mend_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn__mend, step);
}

static void finish(struct pirn__mend *mend, int32_t result)
{
    pirn_task_finish(mend->spool->context, &mend->op, result < 0 ? result : 0);
}

/* ---- into .strays ---- */

static void moved(struct pirn_op *op, int32_t result)
{
    finish(pirn_container_of(op, struct pirn__mend, strays.op), result);
}

static void to_strays(struct pirn__mend *mend)
{
    pirn__prep_to_strays(&mend->strays, mend->spool, mend->finding->path);
    pirn_start(mend->spool->context, &mend->strays.op, moved);
}

/* ---- into its own directory ---- */

static void synced_place(struct pirn_op *op, int32_t result)
{
    finish(pirn_container_of(op, struct pirn__mend, sync.chain.op), result);
}

static void placed(struct pirn_op *op, int32_t result)
{
    struct pirn__mend *mend = mend_of(op);

    if (result == -EEXIST || result == -ENOTDIR ||
        (result == -ENOENT &&
         pirn__id_shard(&mend->finding->id) >= PIRN__SHARDS)) {
        to_strays(mend); /* it cannot be there */
        return;
    }
    if (result < 0) {
        finish(mend, result);
        return;
    }
    *strrchr(mend->path, '/') = '\0';
    pirn__dir_sync_start(&mend->sync, mend->spool, mend->path, synced_place);
}

/* PARENT/XY/ID, whose id says another XY. */
static void place(struct pirn__mend *mend)
{
    struct pirn_spool *spool = mend->spool;
    const char *from = mend->finding->path;
    size_t parent = strlen(from) - (PIRN_ID_TEXT - 1) - 4;
    char id[PIRN_ID_TEXT];

    pirn_id_format(&mend->finding->id, id);
    pirn_assert(from[parent] == '/');
    (void)snprintf(mend->path, sizeof(mend->path), "%.*s/%s/%s", (int)parent,
                   from, id + PIRN_ID_TEXT - 3, id);
    pirn_prep_rename(&mend->step, spool->root_fd, from, spool->root_fd,
                     mend->path, RENAME_NOREPLACE);
    pirn_start(spool->context, &mend->step, placed);
}

/* ---- ready again ---- */

static void saw_claim(struct pirn_op *op, int32_t result)
{
    finish(mend_of(op), result == -ENOENT ? 0 : result < 0 ? result : -EBUSY);
}

static void swept(struct pirn_op *op, int32_t result)
{
    struct pirn__mend *mend =
        pirn_container_of(op, struct pirn__mend, sweep.waiter.op);
    struct pirn_context *context = mend->spool->context;

    pirn_assert(result <= 0);
    if (!mend->swept) { /* the first one may have listed slots before */
        mend->swept = true;
        pirn__prep_sweep(&mend->sweep, mend->spool);
        pirn_start(context, &mend->sweep.waiter.op, swept);
        return;
    }
    if (mend->finding->path[0] == '\0') {
        uint64_t word;
        finish(mend,
               pirn__check_log_is_stale(mend->spool, &mend->finding->id, &word)
                   ? -EBUSY
                   : 0);
        return;
    }
    pirn_prep_stat(&mend->step, mend->spool->root_fd, mend->finding->path,
                   AT_SYMLINK_NOFOLLOW, STATX_TYPE, &mend->statx);
    pirn_start(context, &mend->step, saw_claim);
}

static void made_home(struct pirn_op *op, int32_t result)
{
    struct pirn__mend *mend = mend_of(op);

    if (result < 0 && result != -EEXIST) {
        finish(mend, result);
        return;
    }
    mend->swept = false;
    pirn__prep_sweep(&mend->sweep, mend->spool);
    pirn_start(mend->spool->context, &mend->sweep.waiter.op, swept);
}

static void recover(struct pirn__mend *mend)
{
    struct pirn_spool *spool = mend->spool;

    pirn__name_tmp_dir(&mend->to, mend->work->room.slot);
    pirn_prep_mkdir(&mend->step, spool->root_fd, mend->to.text, PIRN__DIR_MODE);
    pirn_start(spool->context, &mend->step, made_home);
}

/* ---- into quarantine ---- */

static void set_aside(struct pirn_op *op, int32_t result)
{
    finish(pirn_container_of(op, struct pirn__mend, aside.chain.op), result);
}

static void claimed(struct pirn_op *op, int32_t result)
{
    struct pirn__mend *mend = mend_of(op);
    struct pirn_spool *spool = mend->spool;

    if (result < 0) {
        finish(mend, result == -ENOENT ? -EBUSY : result);
        return;
    }
    pirn__aside_start(&mend->aside, spool, &mend->find.site, spool->slot,
                      &mend->finding->id, true, set_aside);
}

static void found(struct pirn_op *op, int32_t result)
{
    struct pirn__mend *mend = pirn_container_of(op, struct pirn__mend, find.op);
    struct pirn_spool *spool = mend->spool;
    const struct pirn__find *find = &mend->find;

    if (result < 0 || find->place != PIRN__PLACE_READY ||
        find->site.kind == PIRN__SITE_BUCKET) {
        finish(mend, result < 0 ? result : -EBUSY);
        return;
    }
    if (strcmp(find->queue->name, PIRN__NAME_QUARANTINE) == 0) {
        finish(mend, 0); /* somebody was faster with the same */
        return;
    }
    mend->from = find->path;
    pirn__name_claimed(&mend->to, find->queue->name, spool->slot,
                       &mend->finding->id);
    pirn_prep_rename(&mend->step, spool->root_fd, mend->from.text,
                     spool->root_fd, mend->to.text, RENAME_NOREPLACE);
    pirn_start(spool->context, &mend->step, claimed);
}

static void mended_log(struct pirn_op *op, int32_t result)
{
    finish(pirn_container_of(op, struct pirn__mend, log.op), result);
}

static void quarantine(struct pirn__mend *mend)
{
    struct pirn_spool *spool = mend->spool;
    const struct pirn_finding *finding = mend->finding;

    if (finding->path[0] == '\0') {
        pirn__prep_log_mend(&mend->log, spool, finding);
        pirn_start(spool->context, &mend->log.op, mended_log);
        return;
    }
    pirn__prep_find(&mend->find, spool, &finding->id, false);
    pirn_start(spool->context, &mend->find.op, found);
}

/* ---- the rest ---- */

static void adopted(struct pirn_op *op, int32_t result)
{
    finish(pirn_container_of(op, struct pirn__mend, adopt.op), result);
}

static void adopt(struct pirn__mend *mend)
{
    const struct pirn_finding *finding = mend->finding;
    bool is_of_log = strncmp(finding->path, PIRN__NAME_LOG_DATA,
                             strlen(PIRN__NAME_LOG_DATA)) == 0;

    pirn__prep_adopt(&mend->adopt, mend->spool, &finding->id, is_of_log);
    pirn_start(mend->spool->context, &mend->adopt.op, adopted);
}

static void parted(struct pirn_op *op, int32_t result)
{
    finish(pirn_container_of(op, struct pirn__mend, twins.op), result);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__mend *mend = pirn_container_of(op, struct pirn__mend, op);

    switch (mend->finding->fault) {
    case PIRN_FAULT_ORPHANED:
        adopt(mend);
        break;
    case PIRN_FAULT_DUPLICATED:
        pirn__prep_twins(&mend->twins, mend->work);
        pirn_start(context, &mend->twins.op, parted);
        break;
    case PIRN_FAULT_NO_BODY:
    case PIRN_FAULT_BAD_BODY:
    case PIRN_FAULT_BAD_RECORD:
        quarantine(mend);
        break;
    case PIRN_FAULT_STRAY:
    case PIRN_FAULT_LEFTOVER:
        to_strays(mend);
        break;
    case PIRN_FAULT_MISPLACED:
        place(mend);
        break;
    case PIRN_FAULT_STALE_CLAIM:
        recover(mend);
        break;
    case PIRN_FAULT_TOO_OLD:
    case PIRN_FAULTS:
        pirn_assert(!"what can be mended");
    }
}

void pirn__prep_mend(struct pirn__mend *mend, struct pirn_check_work *work,
                     const struct pirn_finding *finding)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    mend->work = work;
    mend->spool = work->spool;
    mend->finding = finding;
    pirn_prep_task(&mend->op, &verbs);
}
