/* SPDX-License-Identifier: MIT */
/*
 * move_recover.c - see spool/move_recover.h
 *
 * What the log has of the item decides, and only its owner, who is dead, could
 * have changed that:
 *
 *   ID.in    the log has it                    the copy goes: body, then name
 *            it was being removed, or has gone that made durable, the copy
 *                                              becomes a claim of the dead one
 *   ID.out   its record was committed          the item goes: body, then name
 *            it may be on the disk             cut, that made durable, it is a
 *                                              claim again
 *            else                              it is a claim again
 *
 * Before anything of the dead one's is made ready: else a taker could have had
 * and removed one of the two, and the other would seem to be the only one.
 *
 * What names are taken from is open before one is, for its sync: a name that is
 * gone is met by nobody who tries again, and a power cut would bring it back.
 */
#include "spool/move_recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/log/atom.h"
#include "spool/log/log.h"
#include "spool/log/rescue.h"
#include "spool/opens.h"

static void next(struct pirn__move_recover *recover);

static struct pirn__move_recover *recover_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn__move_recover, step);
}

static void note(struct pirn__move_recover *recover, int32_t result)
{
    if (result < 0 && recover->result == 0) {
        recover->result = result;
    }
}

/* ---- one of the two goes ---- */

static void stepped(struct pirn_op *op, int32_t result)
{
    struct pirn__move_recover *recover =
        pirn_container_of(op, struct pirn__move_recover, chain.op);

    note(recover, result);
    next(recover);
}

static void have_dir(struct pirn_op *op, int32_t result)
{
    struct pirn__move_recover *recover = recover_of(op);
    int root = recover->spool->root_fd;

    pirn_prep_unlink(&recover->last, root, recover->moving.text, 0);
    if (result == -ENOENT) { /* nor is the body there */
        recover->steps[0] = &recover->last;
        pirn_chain_start(recover->spool->context, &recover->chain,
                         recover->steps, 1, stepped);
        return;
    }
    if (result < 0) {
        note(recover, result);
        next(recover);
        return;
    }
    pirn__name_body(&recover->path, &recover->id);
    pirn_prep_unlink(&recover->step, root, recover->path.text, 0);
    pirn_step_when(&recover->step, PIRN_STEP_ALWAYS);
    pirn_prep_fsync(&recover->fsync, result, PIRN_SYNC_ALL);
    pirn_prep_close(&recover->close, result);
    pirn_step_when(&recover->close, PIRN_STEP_ALWAYS);
    recover->steps[0] = &recover->step;
    recover->steps[1] = &recover->fsync;
    recover->steps[2] = &recover->last;
    recover->steps[3] = &recover->close;
    pirn_chain_start(recover->spool->context, &recover->chain, recover->steps,
                     4, stepped);
}

/* Its body, durably, and then its name, which is left where the body is, or
 * where nobody can sync that it has gone. A failed journal refuses to have the
 * name unlinked: so this sync is believed. */
static void drop(struct pirn__move_recover *recover)
{
    struct pirn_spool *spool = recover->spool;

    pirn_assert(recover->checkout_fd >= 0);
    pirn__name_shard_dir(&recover->path, PIRN__NAME_DATA,
                         pirn__id_shard(&recover->id));
    pirn__prep_open(&recover->step, spool->root_fd, recover->path.text,
                    O_RDONLY | O_DIRECTORY);
    pirn_start(spool->context, &recover->step, have_dir);
}

/* A claim of the slot's, which is recovered as such. An alias may be torn, or
 * lead to what was never committed. */
static void keep(struct pirn__move_recover *recover)
{
    int root = recover->spool->root_fd;

    pirn__name_claimed(&recover->path, recover->queue->name, recover->slot,
                       &recover->id);
    pirn_prep_rename(&recover->step, root, recover->moving.text, root,
                     recover->path.text, RENAME_NOREPLACE);
    pirn__prep_alias_remove(&recover->last, recover->spool->log,
                            &recover->alias.path, &recover->id);
    pirn_step_when(&recover->last, PIRN_STEP_ALWAYS);
    recover->steps[0] = &recover->step;
    recover->steps[1] = &recover->last;
    pirn_chain_start(recover->spool->context, &recover->chain, recover->steps,
                     2, stepped);
}

/* Where no round comes, what is on the disk may live still, and the item waits:
 * that is no error, for its slot is in nobody's reach until a round has come.
 */
static void buried(struct pirn_op *op, int32_t result)
{
    struct pirn__move_recover *recover =
        pirn_container_of(op, struct pirn__move_recover, round.waiter.op);

    if (result < 0) {
        next(recover);
        return;
    }
    keep(recover);
}

/* ---- which one ---- */

static const struct pirn__slot *slot_of(
    const struct pirn__move_recover *recover)
{
    struct pirn__log_id parts;

    pirn__log_id_unpack(&recover->in_log, &parts);
    return &recover->spool->log->index.catalogue.slots[parts.slot];
}

/* Of the item, a record may be whole on the disk; what makes it dead, a cut or
 * tombstones, stands in shared memory. */
static void make_durable(struct pirn__move_recover *recover)
{
    struct pirn__log *log = recover->spool->log;

    pirn__prep_round(&recover->round, log);
    pirn_start(log->context, &recover->round.waiter.op, buried);
}

/* Of a slot that is another one's by now the tombstones were set before it came
 * to be his; and he may let it go, and somebody else fill it. */
static void bury(struct pirn__move_recover *recover)
{
    const struct pirn__slot *slot = slot_of(recover);

    if (pirn__word_unpack(pirn__atom_load(&slot->word)).owner ==
        recover->slot) {
        pirn__log_bury_slot(recover->spool->log, slot);
    }
    make_durable(recover);
}

/* What we write ourselves must not be cut. Where that is under way what our
 * slot's last owner left waits for our heir. */
static bool may_cut(const struct pirn__move_recover *recover)
{
    const struct pirn__writer *writer = &recover->spool->log->writer;

    return recover->slot != recover->spool->slot ||
           (!writer->has_segment && !writer->is_taking && !writer->is_ahead);
}

/* Of an ID.out: committed, or in flight when he was killed, or never begun. */
static void decide_filling(struct pirn__move_recover *recover)
{
    struct pirn__log *log = recover->spool->log;
    uint64_t part = pirn__atom_load(&slot_of(recover)->part);

    if (part == 0) {
        keep(recover);
    } else if (pirn__log_is_committed(log, part)) {
        drop(recover);
    } else if (may_cut(recover)) {
        pirn__segments_inherit(log, (uint16_t)recover->slot);
        make_durable(recover);
    } else {
        next(recover);
    }
}

static void decide(struct pirn__move_recover *recover)
{
    const struct pirn__log *log = recover->spool->log;
    bool is_in = recover->which == PIRN__MOVING_IN;

    switch (pirn__log_state_of(log, &recover->in_log)) {
    case PIRN__FREE:
    case PIRN__STATE_COUNT:
        keep(recover);
        return;
    case PIRN__FILLING:
        if (is_in) {
            keep(recover);
        } else {
            decide_filling(recover);
        }
        return;
    case PIRN__REMOVING:
        if (is_in) {
            bury(recover);
        } else {
            make_durable(recover);
        }
        return;
    case PIRN__READY:
    case PIRN__DELAYED:
    case PIRN__HELD:
    case PIRN__CLAIMED:
    case PIRN__UPDATING:
        drop(recover);
        return;
    }
}

/* By its alias, as long as that leads to something: its own id may name a slot
 * that it had before it went to the files, and came back. */
static void have_alias(struct pirn_op *op, int32_t result)
{
    struct pirn__move_recover *recover =
        pirn_container_of(op, struct pirn__move_recover, alias.op);

    if (result < 0) {
        note(recover, result);
        next(recover);
        return;
    }
    if (result == 1 &&
        pirn__log_state_of(recover->spool->log, &recover->alias.in_log) !=
            PIRN__FREE) {
        recover->in_log = recover->alias.in_log;
    }
    decide(recover);
}

/* ---- one after the other ---- */

static void finish(struct pirn__move_recover *recover)
{
    for (int i = 0; i < 2; i++) {
        pirn__ids_deinit(&recover->ids[i]);
    }
    pirn_task_finish(recover->spool->context, &recover->op, recover->result);
}

static void closed(struct pirn_op *op, int32_t result)
{
    (void)result; /* nothing was written */
    finish(recover_of(op));
}

static void close_checkout(struct pirn__move_recover *recover, int32_t result)
{
    note(recover, result);
    pirn_prep_close(&recover->step, recover->checkout_fd);
    pirn_start(recover->spool->context, &recover->step, closed);
}

static void confirmed(struct pirn_op *op, int32_t result)
{
    close_checkout(recover_of(op), pirn_confirmed(result));
}

/* What lives in the log is shown next, and removed, by nothing that a failed
 * journal refuses; so it is asked. */
static void synced(struct pirn_op *op, int32_t result)
{
    struct pirn__move_recover *recover = recover_of(op);

    if (result < 0) {
        close_checkout(recover, result);
        return;
    }
    pirn_prep_confirm(&recover->step, recover->checkout_fd);
    pirn_start(recover->spool->context, &recover->step, confirmed);
}

/* What goes does not come back, whatever becomes of what stays. */
static void sync(struct pirn__move_recover *recover)
{
    pirn_prep_fsync(&recover->step, recover->checkout_fd, PIRN_SYNC_ALL);
    pirn_start(recover->spool->context, &recover->step, synced);
}

static void next(struct pirn__move_recover *recover)
{
    struct pirn__log *log = recover->spool->log;

    while (recover->at == recover->ids[recover->which].count) {
        if (recover->which == PIRN__MOVING_OUT) {
            sync(recover);
            return;
        }
        recover->which = PIRN__MOVING_OUT;
        recover->at = 0;
    }
    recover->id = recover->ids[recover->which].ids[recover->at++];
    recover->in_log = recover->id;
    pirn__name_moving(&recover->moving, recover->queue->name, recover->slot,
                      &recover->id, recover->which);
    pirn__prep_alias_read(&recover->alias, log, &recover->id);
    pirn_start(log->context, &recover->alias.op, have_alias);
}

static int32_t take(struct pirn__scan *scan, const struct pirn_entry *entry)
{
    struct pirn__move_recover *recover =
        pirn_container_of(scan, struct pirn__move_recover, scan);
    enum pirn__moving_name which;
    struct pirn_id id;

    return pirn__name_parse_moving(entry->name, &id, &which)
               ? pirn__ids_push(&recover->ids[which], &id)
               : 0;
}

/* Before a name goes: who cannot open it takes none away. */
static void have_checkout(struct pirn_op *op, int32_t result)
{
    struct pirn__move_recover *recover = recover_of(op);

    if (result < 0) {
        note(recover, result);
        finish(recover);
        return;
    }
    recover->checkout_fd = result;
    next(recover);
}

static void listed(struct pirn_op *op, int32_t result)
{
    struct pirn__move_recover *recover =
        pirn_container_of(op, struct pirn__move_recover, scan.op);
    struct pirn_spool *spool = recover->spool;

    if (result < 0) {
        note(recover, result);
        finish(recover);
        return;
    }
    pirn__prep_open(&recover->step, spool->root_fd, recover->scan.path.text,
                    O_RDONLY | O_DIRECTORY);
    pirn_start(spool->context, &recover->step, have_checkout);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__move_recover *recover =
        pirn_container_of(op, struct pirn__move_recover, op);

    pirn_assert(context == recover->spool->context);
    pirn_assert(recover->spool->log != NULL);
    recover->which = PIRN__MOVING_IN;
    recover->at = 0;
    recover->result = 0;
    recover->checkout_fd = -1;
    pirn__name_checkout_dir(&recover->scan.path, recover->queue->name,
                            recover->slot);
    pirn__prep_scan(&recover->scan, recover->spool->root_fd, take);
    pirn_start(context, &recover->scan.op, listed);
}

void pirn__prep_move_recover(struct pirn__move_recover *recover,
                             struct pirn_spool *spool,
                             struct pirn__queue *queue, uint32_t slot)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    recover->spool = spool;
    recover->queue = queue;
    recover->slot = slot;
    pirn_prep_task(&recover->op, &verbs);
}
