/* SPDX-License-Identifier: MIT */
/*
 * log_mend.c - claim -> part -> body, piece by piece -> commit -> remove
 *
 * It is claimed by its slot's word alone, as a look that fails does not hold it
 * back. Removed is it when the copy is durable, and not before: killed between
 * the two, there are both, and the next check copies once more. Of one that
 * came from files the alias goes last; whose record says nothing leaves it.
 */
#include "spool/check/log_mend.h"
#include "runtime/plant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/log/alias.h"
#include "spool/log/atom.h"
#include "spool/log/log.h"
#include "spool/opens.h"

enum { BUF_BYTES = PIRN__BATCH_BODY_MAX };

static void read_piece(struct pirn__log_mend *mend);

static struct pirn__log_mend *mend_of_draft(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn__log_mend, draft.op);
}

static struct pirn__log_mend *mend_of_step(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn__log_mend, step);
}

static void bury(struct pirn__log *log, uint64_t packed)
{
    struct pirn__place place = pirn__place_unpack(packed);

    if (place.segment < log->text.size.segments) {
        struct pirn__segment_word word = pirn__segment_unpack(
            pirn__atom_load(&log->index.segments[place.segment].word));
        pirn__log_bury(log, place, word.generation);
    }
}

/* The body's record first, as every removal. */
static int remove_it(struct pirn__log_mend *mend)
{
    struct pirn__log *log = mend->spool->log;
    int r = pirn__slot_turn(&log->index.catalogue, &mend->grip, PIRN__REMOVING);

    if (r == 0) {
        bury(log, mend->fields.body);
        bury(log, mend->fields.part);
        pirn__limbo_put(log, &mend->grip,
                        mend->is_file ? &mend->finding->id : NULL);
    }
    return r;
}

static void put_back(struct pirn__log_mend *mend)
{
    struct pirn__log *log = mend->spool->log;
    bool ready = false;
    int r = pirn__slot_release(&log->index.catalogue, &log->actor, &mend->grip,
                               pirn_context_realtime_ns(log->context), false,
                               &ready);

    pirn_assert(r == 0 || r == -ENOSPC || r == -ESTALE);
    if (ready) {
        pirn__log_wake(log, pirn__route_unpack(mend->fields.route).queue);
    }
}

static void end(struct pirn__log_mend *mend, int32_t result)
{
    pirn__reading_deinit(&mend->reading);
    free(mend->carried.bytes);
    free(mend->buf);
    pirn_task_finish(mend->spool->context, &mend->op, result);
}

/* The id that it came with from files, as far as its record can be read. */
static bool has_alias(const struct pirn__log_mend *mend,
                      struct pirn_id *ret_own)
{
    const struct pirn__part *part = &mend->reading.part;

    return mend->has_part && (part->head.flags & PIRN__RECORD_ALIAS) != 0 &&
           pirn__alias_get(part->fields, part->fields_bytes, ret_own) == 0;
}

static void unlinked_alias(struct pirn_op *op, int32_t result)
{
    (void)result; /* it leads nowhere: the next check says so */
    end(mend_of_step(op), 0);
}

static void removed(struct pirn_op *op, int32_t result)
{
    struct pirn__log_mend *mend =
        pirn_container_of(op, struct pirn__log_mend, round.waiter.op);
    struct pirn_id own;

    if (result < 0 || !has_alias(mend, &own) ||
        pirn__planted("check-alias-left")) {
        end(mend, result);
        return;
    }
    pirn__prep_alias_remove(&mend->step, mend->spool->log, &mend->path, &own);
    pirn_start(mend->spool->context, &mend->step, unlinked_alias);
}

static void finish(struct pirn__log_mend *mend)
{
    struct pirn__log *log = mend->spool->log;

    if (mend->result < 0) {
        put_back(mend);
        end(mend, mend->result);
        return;
    }
    int r = remove_it(mend);
    if (r < 0) {
        end(mend, r);
        return;
    }
    pirn__prep_round(&mend->round, log);
    pirn_start(log->context, &mend->round.waiter.op, removed);
}

/* ---- the copy ---- */

static void closed(struct pirn_op *op, int32_t result)
{
    (void)result; /* nothing was written */
    finish(mend_of_step(op));
}

static void drafted(struct pirn_op *op, int32_t result)
{
    struct pirn__log_mend *mend = mend_of_draft(op);

    if (mend->result == 0) {
        mend->result = result;
    }
    if (mend->is_file && mend->fd >= 0) {
        pirn_prep_close(&mend->step, mend->fd);
        pirn_start(mend->spool->context, &mend->step, closed);
        return;
    }
    finish(mend);
}

static void abort_draft(struct pirn__log_mend *mend, int32_t result)
{
    mend->result = result;
    pirn_prep_abort(&mend->draft);
    pirn_start(mend->spool->context, &mend->draft.op, drafted);
}

/* What does not fit is left out. */
static void carry_fields(struct pirn__log_mend *mend)
{
    const struct pirn__part *part = &mend->reading.part;
    struct pirn_id own = mend->finding->id;
    uint32_t skipped = has_alias(mend, &own) ? PIRN__ALIAS_FIELD_BYTES : 0;
    char was[PIRN_ID_TEXT];
    int r;

    if (mend->has_part && part->fields_bytes > skipped) {
        mend->carried.len = part->fields_bytes - skipped;
        memcpy(mend->carried.bytes, part->fields + skipped, mend->carried.len);
    }
    pirn_id_format(&own, was);
    r = pirn_fields_add(&mend->carried, "quarantined",
                        pirn_fault_name(mend->finding->fault));
    r = r < 0 ? r : pirn_fields_add(&mend->carried, "was", was);
    r = r < 0 ? r
              : pirn_fields_add(&mend->carried, "was-queue",
                                mend->finding->queue);
    pirn_assert(r == 0 || r == -ENOSPC);
}

static void commit(struct pirn__log_mend *mend)
{
    carry_fields(mend);
    pirn_prep_commit(&mend->draft, &mend->carried);
    pirn_start(mend->spool->context, &mend->draft.op, drafted);
}

static void appended(struct pirn_op *op, int32_t result)
{
    struct pirn__log_mend *mend = mend_of_draft(op);

    if (result < 0) {
        abort_draft(mend, result);
        return;
    }
    read_piece(mend);
}

/* Whether that much can be read of it, and no more: it ends there, or is not
 * there, or the disk says so. Any other error is of us, and of this moment. */
static bool is_its_own(int32_t result)
{
    return result >= 0 || result == -EIO || result == -ENOENT ||
           result == -ELOOP || result == -EISDIR;
}

static void have_piece(struct pirn_op *op, int32_t result)
{
    struct pirn__log_mend *mend = mend_of_step(op);

    if (!is_its_own(result)) {
        abort_draft(mend, result);
        return;
    }
    if (result <= 0) {
        commit(mend);
        return;
    }
    mend->at += (uint64_t)result;
    pirn_prep_append(&mend->draft, mend->buf, (uint32_t)result);
    pirn_start(mend->spool->context, &mend->draft.op, appended);
}

static void read_piece(struct pirn__log_mend *mend)
{
    if (mend->fd < 0) {
        commit(mend);
        return;
    }
    pirn_prep_read(&mend->step, mend->fd, mend->buf, BUF_BYTES, mend->at);
    pirn_start(mend->spool->context, &mend->step, have_piece);
}

static void begun(struct pirn_op *op, int32_t result)
{
    struct pirn__log_mend *mend = mend_of_draft(op);

    if (result < 0) {
        drafted(op, result);
        return;
    }
    if (mend->len == 0) {
        read_piece(mend);
        return;
    }
    pirn_prep_append(&mend->draft, mend->buf, mend->len);
    pirn_start(mend->spool->context, &mend->draft.op, appended);
}

static void begin_draft(struct pirn__log_mend *mend)
{
    mend->carried = (struct pirn_fields){.bytes = malloc(PIRN_FIELDS_MAX),
                                         .cap = PIRN_FIELDS_MAX};
    if (mend->carried.bytes == NULL) {
        drafted(&mend->draft.op, -ENOMEM);
        return;
    }
    pirn_prep_begin(&mend->draft, mend->spool, PIRN__NAME_QUARANTINE);
    pirn_start(mend->spool->context, &mend->draft.op, begun);
}

/* ---- what is left ---- */

static void opened(struct pirn_op *op, int32_t result)
{
    struct pirn__log_mend *mend = mend_of_step(op);

    if (!is_its_own(result)) {
        mend->result = result;
        finish(mend);
        return;
    }
    mend->fd = result;
    begin_draft(mend);
}

static void read_segment(struct pirn__log_mend *mend);

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn__log_mend *mend = mend_of_step(op);

    mend->len += result > 0 ? (uint32_t)result : 0;
    if (result > 0 && mend->len < mend->want) {
        read_segment(mend);
        return;
    }
    pirn__segment_drop(mend->spool->log, mend->hold.segment);
    if (!is_its_own(result)) {
        mend->result = result;
        finish(mend);
        return;
    }
    begin_draft(mend);
}

static void read_segment(struct pirn__log_mend *mend)
{
    struct pirn__log *log = mend->spool->log;
    struct pirn__place body = pirn__place_unpack(mend->fields.body);

    pirn_prep_read(&mend->step, pirn__segment_fd(log, body.segment),
                   mend->buf + mend->len, mend->want - mend->len,
                   (uint64_t)body.at * PIRN__RECORD_UNIT + mend->len);
    pirn_start(log->context, &mend->step, have_read);
}

static void held(struct pirn_op *op, int32_t result)
{
    struct pirn__log_mend *mend =
        pirn_container_of(op, struct pirn__log_mend, hold.waiter.op);

    if (result < 0) {
        mend->result = result;
        finish(mend);
        return;
    }
    read_segment(mend);
}

/* What is no file is as one that is not there. */
static void have_kind(struct pirn_op *op, int32_t result)
{
    struct pirn__log_mend *mend = mend_of_step(op);
    struct pirn_spool *spool = mend->spool;

    if (result < 0 || !pirn__is_file(&mend->statx)) {
        opened(op, result < 0 ? result : -ENOENT);
        return;
    }
    pirn__prep_open_waiting(&mend->step, spool->root_fd, mend->path.text,
                            O_RDONLY);
    pirn_start(spool->context, &mend->step, opened);
}

static void open_body(struct pirn__log_mend *mend)
{
    struct pirn_spool *spool = mend->spool;
    struct pirn__place body = pirn__place_unpack(mend->fields.body);
    uint64_t bytes = mend->fields.sizes & (PIRN__BODY_BYTES_END - 1);

    if (mend->is_file) {
        pirn__name_log_body(&mend->path, &mend->finding->id);
        pirn__prep_ask_kind(&mend->step, spool->root_fd, mend->path.text,
                            &mend->statx);
        pirn_start(spool->context, &mend->step, have_kind);
        return;
    }
    if (body.segment >= spool->log->text.size.segments || bytes == 0 ||
        bytes > PIRN__BATCH_BODY_MAX || pirn__planted("check-body-dropped")) {
        begin_draft(mend); /* of no place that a body has */
        return;
    }
    mend->want = (uint32_t)bytes;
    pirn__prep_segment_hold(&mend->hold, spool->log, body.segment);
    pirn_start(spool->context, &mend->hold.waiter.op, held);
}

static void kept_record(struct pirn_op *op, int32_t result)
{
    struct pirn__log_mend *mend =
        pirn_container_of(op, struct pirn__log_mend, record.op);

    if (result < 0) {
        mend->result = result;
        finish(mend);
        return;
    }
    open_body(mend);
}

/* Its fields may be in there, if for a person alone. */
static void keep_record(struct pirn__log_mend *mend)
{
    char name[PIRN_ID_TEXT + sizeof(".record")];
    char id[PIRN_ID_TEXT];

    pirn_id_format(&mend->finding->id, id);
    (void)snprintf(name, sizeof(name), "%s.record", id);
    pirn__prep_stray_bytes(&mend->record, mend->spool, name,
                           mend->reading.memory, mend->reading.len);
    pirn_start(mend->spool->context, &mend->record.op, kept_record);
}

static void have_part(struct pirn_op *op, int32_t result)
{
    struct pirn__log_mend *mend =
        pirn_container_of(op, struct pirn__log_mend, reading.op);

    mend->has_part = result == 0;
    if (result < 0 && result != -EBADMSG && result != -ESTALE) {
        mend->result = result;
        finish(mend);
        return;
    }
    if (mend->has_part || mend->reading.len == 0 ||
        pirn__planted("check-record-dropped")) {
        open_body(mend);
        return;
    }
    keep_record(mend);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__log_mend *mend =
        pirn_container_of(op, struct pirn__log_mend, op);
    struct pirn__log *log = mend->spool->log;
    struct pirn__log_id id;

    pirn__log_id_unpack(&mend->finding->id, &id);
    int r = pirn__log_knows(log, &mend->finding->id)
                ? pirn__slot_claim(&log->index.catalogue, &log->actor, id.slot,
                                   id.incarnation, &mend->grip)
                : -ENOENT;
    if (r != 1) {
        pirn_task_finish(context, op, r == 0 ? -EBUSY : r);
        return;
    }
    mend->fields = log->index.catalogue.slots[mend->grip.slot];
    mend->fields.word = mend->grip.word;
    mend->buf = malloc(BUF_BYTES);
    if (mend->buf == NULL) {
        put_back(mend);
        pirn_task_finish(context, op, -ENOMEM);
        return;
    }
    mend->is_file = (pirn__route_unpack(mend->fields.route).flags &
                     PIRN__RECORD_BODY_FILE) != 0;
    pirn__prep_reading(&mend->reading, log, mend->grip.slot, &mend->fields);
    pirn_start(context, &mend->reading.op, have_part);
}

void pirn__prep_log_mend(struct pirn__log_mend *mend, struct pirn_spool *spool,
                         const struct pirn_finding *finding)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    *mend = (struct pirn__log_mend){
        .op = mend->op, .spool = spool, .finding = finding, .fd = -1};
    pirn_prep_task(&mend->op, &verbs);
}
