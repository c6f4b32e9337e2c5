/* SPDX-License-Identifier: MIT */
/*
 * mend.c - see spool/check/mend.h
 *
 *   an item      claimed by us, then set aside as recovery sets aside: who is
 *                killed between leaves a claim that is set aside by recovery
 *   misplaced    into its own shard; where that has one, into .strays. On a
 *                shelf, in a bucket: claimed by us, and changed so that it goes
 *                where its metadata say
 *   overdue      surveyed, as who claims does
 *   stale claim  its slot gets the directory by which a sweep knows slots; in
 *                the log its owner's trail leads to it besides
 *   bad segment  its header is written anew; a copy of one goes into .strays
 */
#include "spool/check/mend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/check/check.h"
#include "spool/check/log_walk.h"

enum {
    SHARD_BACK = 3 + (PIRN_ID_TEXT - 1), /* XY/ID, from its end */
    SURVEYS_MAX = 1 << 20,               /* of 256 items each */
};

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

static void saw_target(struct pirn_op *op, int32_t result)
{
    struct pirn__mend *mend = mend_of(op);

    if (result == 0 && S_ISDIR(mend->statx.stx_mode)) {
        finish(mend, -ELOOP);
    } else {
        to_strays(mend);
    }
}

static void saw_stray(struct pirn_op *op, int32_t result)
{
    struct pirn__mend *mend = mend_of(op);

    if (result < 0 || !S_ISLNK(mend->statx.stx_mode)) {
        to_strays(mend);
        return;
    }
    pirn_prep_stat(&mend->step, mend->spool->root_fd, mend->finding->path, 0,
                   STATX_TYPE, &mend->statx);
    pirn_start(mend->spool->context, &mend->step, saw_target);
}

/* A link to a directory stays where it is: there may be items behind it, and
 * without it their bodies would be nobody's. */
static void stray(struct pirn__mend *mend)
{
    pirn_prep_stat(&mend->step, mend->spool->root_fd, mend->finding->path,
                   AT_SYMLINK_NOFOLLOW, STATX_TYPE, &mend->statx);
    pirn_start(mend->spool->context, &mend->step, saw_stray);
}

/* ---- into its own directory ---- */

static void synced_place(struct pirn_op *op, int32_t result)
{
    finish(pirn_container_of(op, struct pirn__mend, sync.op), result);
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
    pirn__prep_dir_sync(&mend->sync, mend->spool, mend->path);
    pirn_start(mend->spool->context, &mend->sync.op, synced_place);
}

/* PARENT/XY/ID, whose id says another XY. */
static bool is_in_anothers_shard(const struct pirn_finding *finding)
{
    size_t len = strlen(finding->path);
    const char *shard = finding->path + len - SHARD_BACK;
    char id[PIRN_ID_TEXT];

    pirn_id_format(&finding->id, id);
    return len > SHARD_BACK && shard[-1] == '/' && shard[2] == '/' &&
           memcmp(shard, id + PIRN_ID_TEXT - 3, 2) != 0;
}

static void place(struct pirn__mend *mend)
{
    struct pirn_spool *spool = mend->spool;
    const char *from = mend->finding->path;
    size_t parent = strlen(from) - SHARD_BACK - 1;
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

    if (mend->finding->path[0] == '\0') {
        pirn__check_log_lead(spool, &mend->finding->id);
    }
    pirn__name_tmp_dir(&mend->to, mend->work->room.slot);
    pirn_prep_mkdir(&mend->step, spool->root_fd, mend->to.text, PIRN__DIR_MODE);
    pirn_start(spool->context, &mend->step, made_home);
}

/* ---- where its metadata say ---- */

static void went_back(struct pirn_op *op, int32_t result)
{
    struct pirn__mend *mend = pirn_container_of(op, struct pirn__mend, back.op);

    free(mend->meta.memory);
    finish(mend, result);
}

/* Who is killed here leaves a claim, and recovery does the same with it. */
static void read_meta(struct pirn_op *op, int32_t result)
{
    struct pirn__mend *mend = pirn_container_of(op, struct pirn__mend, meta.op);
    struct pirn_spool *spool = mend->spool;
    struct pirn__back *back = &mend->back;

    if (result < 0) {
        finish(mend, result);
        return;
    }
    back->spool = spool;
    back->queue = mend->find.queue;
    back->to_queue = mend->find.queue;
    back->slot = spool->slot;
    back->from = mend->find.site;
    back->item = mend->meta.item;
    back->item.version++;
    back->is_change = true;
    back->stays = false;
    pirn__prep_back(back);
    pirn_start(spool->context, &back->op, went_back);
}

static void resite(struct pirn__mend *mend)
{
    mend->meta.path = mend->to;
    pirn__prep_meta_read(&mend->meta, mend->spool, &mend->finding->id);
    pirn_start(mend->spool->context, &mend->meta.op, read_meta);
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

    pirn__claims_brought(&mend->latch, result == 0);
    if (result < 0) {
        finish(mend, result == -ENOENT ? -EBUSY : result);
        return;
    }
    if (mend->finding->fault == PIRN_FAULT_MISPLACED) {
        resite(mend);
        return;
    }
    pirn__aside_start(&mend->aside, spool, &mend->find.site, spool->slot,
                      &mend->finding->id, true, set_aside);
}

static void claim_latched(struct pirn__mend *mend)
{
    struct pirn_spool *spool = mend->spool;

    mend->from = mend->find.path;
    pirn__name_claimed(&mend->to, mend->find.queue->name, spool->slot,
                       &mend->finding->id);
    pirn_prep_rename(&mend->step, spool->root_fd, mend->from.text,
                     spool->root_fd, mend->to.text, RENAME_NOREPLACE);
    pirn_start(spool->context, &mend->step, claimed);
}

static void may_claim(struct pirn_op *op, int32_t result)
{
    pirn_assert(result == 0);
    claim_latched(pirn_container_of(op, struct pirn__mend, latch.op));
}

static void claim(struct pirn__mend *mend)
{
    if (pirn__latch_take(&mend->latch, mend->spool, &mend->finding->id,
                         may_claim)) {
        claim_latched(mend);
    }
}

static void synced_bucket(struct pirn_op *op, int32_t result)
{
    struct pirn__mend *mend =
        pirn_container_of(op, struct pirn__mend, bucket_sync.op);

    if (result < 0) {
        finish(mend, result == -ENOENT ? -EBUSY : result);
        return;
    }
    claim(mend);
}

static void found(struct pirn_op *op, int32_t result)
{
    struct pirn__mend *mend = pirn_container_of(op, struct pirn__mend, find.op);
    const struct pirn__find *find = &mend->find;

    if (result < 0 || find->place != PIRN__PLACE_READY) {
        finish(mend, result < 0 ? result : -EBUSY);
        return;
    }
    if (strcmp(find->queue->name, PIRN__NAME_QUARANTINE) == 0) {
        finish(mend, 0); /* somebody was faster with the same */
        return;
    }
    if (mend->finding->fault == PIRN_FAULT_MISPLACED &&
        strcmp(find->path.text, mend->finding->path) != 0) {
        finish(mend, -EBUSY); /* it has moved meanwhile */
        return;
    }
    if (find->site.kind != PIRN__SITE_BUCKET) {
        claim(mend);
        return;
    }
    /* What came into a bucket is durable before anything leaves it. */
    pirn__site_dir(&find->site, &mend->finding->id, &mend->bucket_sync.path);
    pirn__prep_bucket_sync(&mend->bucket_sync, mend->spool);
    pirn_start(mend->spool->context, &mend->bucket_sync.op, synced_bucket);
}

static void mended_log(struct pirn_op *op, int32_t result)
{
    finish(pirn_container_of(op, struct pirn__mend, log.op), result);
}

static void find(struct pirn__mend *mend)
{
    pirn__prep_find(&mend->find, mend->spool, &mend->finding->id, false);
    pirn_start(mend->spool->context, &mend->find.op, found);
}

static void quarantine(struct pirn__mend *mend)
{
    struct pirn_spool *spool = mend->spool;

    if (mend->finding->path[0] == '\0') {
        pirn__prep_log_mend(&mend->log, spool, mend->finding);
        pirn_start(spool->context, &mend->log.op, mended_log);
        return;
    }
    find(mend);
}

/* ---- ready ---- */

static void survey(struct pirn__mend *mend);

static void saw_bucket(struct pirn_op *op, int32_t result)
{
    struct pirn__mend *mend = mend_of(op);
    bool is_there = result == 0;

    if (is_there && mend->survey.survey->has_more &&
        mend->surveys < SURVEYS_MAX) {
        survey(mend);
        return;
    }
    finish(mend, is_there ? -ENOTEMPTY : result == -ENOENT ? 0 : result);
}

static void surveyed(struct pirn_op *op, int32_t result)
{
    struct pirn__mend *mend =
        pirn_container_of(op, struct pirn__mend, survey.waiter.op);

    if (result < 0) {
        finish(mend, result);
        return;
    }
    pirn_prep_stat(&mend->step, mend->spool->root_fd, mend->finding->path,
                   AT_SYMLINK_NOFOLLOW, STATX_TYPE, &mend->statx);
    pirn_start(mend->spool->context, &mend->step, saw_bucket);
}

/* All that is due in the bucket's queue; the bucket goes when it is empty. */
static void survey(struct pirn__mend *mend)
{
    struct pirn_spool *spool = mend->spool;
    struct pirn__queue *queue = pirn__queue_find(spool, mend->finding->queue);

    pirn_assert(queue != NULL);
    mend->surveys++;
    pirn__prep_survey(&mend->survey, &queue->survey);
    pirn_start(spool->context, &mend->survey.waiter.op, surveyed);
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

static void mended_segment(struct pirn_op *op, int32_t result)
{
    finish(pirn_container_of(op, struct pirn__mend, segment.op), result);
}

/* Its header, or a copy of one. */
static void mend_segment(struct pirn__mend *mend)
{
    if (pirn__room_is_copy(strrchr(mend->finding->path, '/') + 1)) {
        to_strays(mend);
        return;
    }
    pirn__prep_segment_mend(&mend->segment, mend->spool, mend->finding);
    pirn_start(mend->spool->context, &mend->segment.op, mended_segment);
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
        stray(mend);
        break;
    case PIRN_FAULT_LEFTOVER:
        to_strays(mend);
        break;
    case PIRN_FAULT_MISPLACED:
        if (is_in_anothers_shard(mend->finding)) {
            place(mend);
        } else {
            find(mend);
        }
        break;
    case PIRN_FAULT_OVERDUE:
        mend->surveys = 0;
        survey(mend);
        break;
    case PIRN_FAULT_STALE_CLAIM:
        recover(mend);
        break;
    case PIRN_FAULT_BAD_SEGMENT:
        mend_segment(mend);
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
