/* SPDX-License-Identifier: MIT */
/*
 * segment_mend.c - announce -> look -> keep what stands there -> write, sync
 *
 * Who announces a segment, and then finds it in use, knows that it will not be
 * taken for another turn until he takes the announcement back. So what is
 * written is the header of its turn, over nothing that its owner writes: his
 * batches stand behind it. Killed anywhere it is as it was, or as it should be:
 * a header is in one sector.
 */
#include "spool/check/segment_mend.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/log/atom.h"
#include "spool/log/heal.h"
#include "spool/log/log.h"
#include "spool/opens.h"

enum { READ_BYTES = PIRN__BATCH_UNIT + PIRN__BATCH_ROOM };

static void finish(struct pirn__segment_mend *mend, int32_t result)
{
    pirn_assert(mend->announced != NULL);
    pirn__atom_store(mend->announced, 0);
    free(mend->buf);
    pirn_task_finish(mend->spool->context, &mend->op, result);
}

/* A device that failed may have dropped what others have written: they look at
 * this count before they answer. */
static bool is_failure(const struct pirn__segment_mend *mend, int32_t result)
{
    uint32_t step = pirn_chain_failed(&mend->chain);

    return mend->steps[step] != &mend->open && result != -ENOSPC &&
           result != -EDQUOT;
}

static void written(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_mend *mend =
        pirn_container_of(op, struct pirn__segment_mend, chain.op);

    if (result < 0 && is_failure(mend, result)) {
        (void)pirn__atom_add(&mend->spool->log->index.head->failures, 1);
    }
    finish(mend, result);
}

static void write_it(struct pirn__segment_mend *mend)
{
    pirn__segment_head_encode(&mend->look.known, mend->page);
    pirn__prep_open_waiting(&mend->open, mend->spool->root_fd, mend->look.path,
                            O_WRONLY);
    pirn_prep_write(&mend->write, PIRN_FD_OF(0), mend->page, PIRN__BATCH_UNIT,
                    0);
    pirn_prep_fsync(&mend->fsync, PIRN_FD_OF(0), PIRN_SYNC_DATA);
    pirn_prep_close(&mend->close, PIRN_FD_OF(0));
    pirn_step_when(&mend->close, PIRN_STEP_ALWAYS);
    mend->steps[0] = &mend->open;
    mend->steps[1] = &mend->write;
    mend->steps[2] = &mend->fsync;
    mend->steps[3] = &mend->close;
    pirn_chain_start(mend->spool->context, &mend->chain, mend->steps, 4,
                     written);
}

static void kept(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_mend *mend =
        pirn_container_of(op, struct pirn__segment_mend, strays.op);

    if (result < 0) {
        finish(mend, result);
        return;
    }
    write_it(mend);
}

static void keep(struct pirn__segment_mend *mend)
{
    uint32_t len = mend->look.len;
    char name[sizeof("000000.header") + 4];

    if (len == 0) { /* the disk says nothing of it */
        write_it(mend);
        return;
    }
    (void)snprintf(name, sizeof(name), "%06u.header", mend->look.segment);
    pirn__prep_stray_bytes(&mend->strays, mend->spool, name, mend->buf,
                           len < PIRN__BATCH_UNIT ? len : PIRN__BATCH_UNIT);
    pirn_start(mend->spool->context, &mend->strays.op, kept);
}

/* A header stands there, but for a bit. */
static bool has_another(const struct pirn__segment_mend *mend)
{
    const struct pirn__segment_head *known = &mend->look.known;
    struct pirn__segment_head head;
    uint8_t page[PIRN__BATCH_UNIT] = {0};

    memcpy(page, mend->buf,
           mend->look.len < sizeof(page) ? mend->look.len : sizeof(page));
    int r = pirn__segment_head_decode(page, &head);
    if (r == -EBADMSG) {
        r = pirn__segment_head_heal(page, &head);
    }
    return r == -EPROTO ||
           (r == 0 &&
            (head.segment != known->segment ||
             head.generation != known->generation || head.salt != known->salt ||
             head.segment_bytes != known->segment_bytes ||
             memcmp(head.spool, known->spool, 16) != 0));
}

/* By the salt and the turn that the index says. */
static bool has_first_batch(const struct pirn__segment_mend *mend)
{
    struct pirn__batch_cursor cursor;
    struct pirn__batch_head head;

    pirn__batch_cursor_init(&cursor, &mend->look.known);
    return mend->look.len > PIRN__BATCH_UNIT &&
           pirn__batch_cursor_next(&cursor, mend->buf + PIRN__BATCH_UNIT,
                                   mend->look.len - PIRN__BATCH_UNIT,
                                   &head) == 1;
}

static void looked(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_mend *mend =
        pirn_container_of(op, struct pirn__segment_mend, look.op);

    if (result <= 0 || mend->look.error < 0) {
        finish(mend, result <= 0 ? result : mend->look.error);
        return;
    }
    if (has_another(mend) && !has_first_batch(mend)) {
        finish(mend, -EBADMSG);
        return;
    }
    keep(mend);
}

/* Of .log/seg/NNNNNN */
static uint32_t segment_of(const struct pirn_finding *finding)
{
    const char *slash = strrchr(finding->path, '/');

    pirn_assert(slash != NULL);
    return (uint32_t)strtoul(slash + 1, NULL, 10);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__segment_mend *mend =
        pirn_container_of(op, struct pirn__segment_mend, op);
    struct pirn__log *log = mend->spool->log;
    uint32_t segment = segment_of(mend->finding);

    mend->announced = pirn__segment_announce(log, segment);
    if (mend->announced == NULL) {
        pirn_task_finish(context, op, -EBUSY);
        return;
    }
    mend->buf = malloc(READ_BYTES);
    if (mend->buf == NULL) {
        finish(mend, -ENOMEM);
        return;
    }
    pirn__prep_segment_look(&mend->look, log, segment, mend->buf, READ_BYTES);
    pirn_start(context, &mend->look.op, looked);
}

void pirn__prep_segment_mend(struct pirn__segment_mend *mend,
                             struct pirn_spool *spool,
                             const struct pirn_finding *finding)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    pirn_assert(spool->log != NULL && finding->fault == PIRN_FAULT_BAD_SEGMENT);
    mend->spool = spool;
    mend->finding = finding;
    pirn_prep_task(&mend->op, &verbs);
}
