/* SPDX-License-Identifier: MIT */
/*
 * segment_look.c - what the index knows -> stat -> open, read, close -> the
 *                  index once more
 *
 * The index says all that a header does, and a restart has the header alone. It
 * goes to the disk with the first batch of a turn, and before that batch's mark
 * is raised; it is never written again but by a mend, as it was. So of a turn
 * that has a mark, and is the segment's turn before and after, it has to be
 * there, whoever writes behind it meanwhile.
 *
 * It is read under its name: a descriptor that somebody has open since may lead
 * to a file that no restart finds.
 */
#include "spool/check/segment_look.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/log/atom.h"
#include "spool/log/log.h"
#include "spool/opens.h"

/* Of a turn in which something may be needed; 0: none is. */
static uint32_t turn_of(const struct pirn__log *log, uint32_t segment)
{
    struct pirn__segment_word word = pirn__segment_unpack(
        pirn__atom_load(&log->index.segments[segment].word));
    bool is_needed = word.state == PIRN__SEGMENT_ACTIVE ||
                     word.state == PIRN__SEGMENT_OPEN ||
                     word.state == PIRN__SEGMENT_SEALED;

    return is_needed ? word.generation : 0;
}

/* Its mark and salt are this turn's if the word is the same behind them. */
bool pirn__segment_known(const struct pirn__log *log, uint32_t segment,
                         struct pirn__segment_head *ret_known)
{
    const struct pirn__index_segment *at = &log->index.segments[segment];
    uint32_t turn = turn_of(log, segment);
    struct pirn__mark mark = pirn__mark_unpack(pirn__atom_load(&at->mark));

    *ret_known = (struct pirn__segment_head){
        .segment = segment,
        .generation = turn,
        .salt = pirn__atom_load(&at->salt),
        .segment_bytes = log->text.size.segment_bytes,
    };
    memcpy(ret_known->spool, log->text.spool, sizeof(ret_known->spool));
    return turn > 0 && mark.records > 0 && turn_of(log, segment) == turn;
}

void pirn__segment_path(uint32_t segment, char *path)
{
    (void)snprintf(path, PIRN__SEGMENT_PATH, PIRN__NAME_LOG "/seg/%06u",
                   segment);
}

static void finish(struct pirn__segment_look *look, int32_t result)
{
    pirn_task_finish(look->log->context, &look->op, result);
}

static bool is_right(const struct pirn__segment_look *look)
{
    uint8_t page[PIRN__BATCH_UNIT];

    pirn__segment_head_encode(&look->known, page);
    return look->len >= PIRN__SEGMENT_HEAD_BYTES &&
           memcmp(look->buf, page, PIRN__SEGMENT_HEAD_BYTES) == 0;
}

/* What was read is judged by the turn that it was read in. */
static void judge(struct pirn__segment_look *look)
{
    bool same = turn_of(look->log, look->segment) == look->known.generation;

    finish(look, same && !is_right(look) ? 1 : 0);
}

/* Whether it is the file that says so, and not this moment. */
static bool is_its_own(int32_t error)
{
    return error == -ENOENT || error == -ELOOP || error == -EIO;
}

static void have_bytes(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_look *look =
        pirn_container_of(op, struct pirn__segment_look, chain.op);

    if (result < 0 && !is_its_own(result)) {
        finish(look, result);
        return;
    }
    look->error = result == -EIO ? 0 : result;
    look->len = result < 0 ? 0 : (uint32_t)pirn_op_result(&look->read);
    judge(look);
}

static void saw_file(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_look *look =
        pirn_container_of(op, struct pirn__segment_look, step);

    if (result < 0 && !is_its_own(result)) {
        finish(look, result);
        return;
    }
    if (result < 0 || !pirn__is_file(&look->statx)) {
        look->error = result < 0 ? result : -ENOENT; /* no file of ours */
        judge(look);
        return;
    }
    pirn__prep_open_waiting(&look->open, look->log->spool->root_fd, look->path,
                            O_RDONLY);
    pirn_prep_read(&look->read, PIRN_FD_OF(0), look->buf, look->want, 0);
    pirn_prep_close(&look->close, PIRN_FD_OF(0));
    pirn_step_when(&look->close, PIRN_STEP_ALWAYS);
    look->steps[0] = &look->open;
    look->steps[1] = &look->read;
    look->steps[2] = &look->close;
    pirn_chain_start(look->log->context, &look->chain, look->steps, 3,
                     have_bytes);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__segment_look *look =
        pirn_container_of(op, struct pirn__segment_look, op);

    if (!pirn__segment_known(look->log, look->segment, &look->known)) {
        pirn_task_finish(context, op, 0);
        return;
    }
    pirn__segment_path(look->segment, look->path);
    pirn__prep_ask_kind(&look->step, look->log->spool->root_fd, look->path,
                        &look->statx);
    pirn_start(context, &look->step, saw_file);
}

void pirn__prep_segment_look(struct pirn__segment_look *look,
                             struct pirn__log *log, uint32_t segment,
                             uint8_t *buf, uint32_t want)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    pirn_assert(segment < log->text.size.segments);
    pirn_assert(want >= PIRN__BATCH_UNIT);
    look->log = log;
    look->segment = segment;
    look->buf = buf;
    look->want = want;
    look->len = 0;
    look->error = 0;
    pirn_prep_task(&look->op, &verbs);
}
