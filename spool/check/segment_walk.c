/* SPDX-License-Identifier: MIT */
/*
 * segment_walk.c - of each segment in use the header, 4 KiB of 16 MiB
 *
 * What looks wrong is read once more: somebody else may just have mended it.
 */
#include <errno.h>

#include <pirn/invariant.h>

#include "spool/check/check.h"
#include "spool/check/log_walk.h"
#include "spool/check/walk.h"
#include "spool/log/log.h"

static void segment_next(struct pirn_check_work *work);

static void look(struct pirn_check_work *work, pirn_op_fn *fn)
{
    pirn__prep_segment_look(&work->segment, work->spool->log, work->at - 1,
                            work->segment_head, sizeof(work->segment_head));
    pirn_start(work->spool->context, &work->segment.op, fn);
}

static struct pirn_check_work *work_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_check_work, segment.op);
}

static void looked_again(struct pirn_op *op, int32_t result)
{
    struct pirn_check_work *work = work_of(op);
    char path[PIRN__SEGMENT_PATH];

    if (result < 0) {
        pirn__check_note(work, result);
    } else if (result == 1) {
        pirn__segment_path(work->segment.segment, path);
        (void)pirn__check_find(work, PIRN_FAULT_BAD_SEGMENT, NULL, NULL, path);
    }
    pirn__check_rest(work, segment_next);
}

static void looked(struct pirn_op *op, int32_t result)
{
    if (result == 1) {
        look(work_of(op), looked_again);
        return;
    }
    looked_again(op, result);
}

static void segment_next(struct pirn_check_work *work)
{
    const struct pirn__log *log = work->spool->log;
    struct pirn__segment_head known;

    while (work->at < log->text.size.segments) {
        if (pirn__segment_known(log, work->at++, &known)) {
            look(work, looked);
            return;
        }
    }
    pirn__check_log_items(work);
}

void pirn__check_segments(struct pirn_check_work *work)
{
    work->at = 0;
    segment_next(work);
}
