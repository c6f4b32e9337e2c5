/* SPDX-License-Identifier: MIT */
/*
 * draft.c - items in the making: I0 to I2
 *
 *   enqueue   slot, record, publish
 *   share     slot, link of the body's file, its directory synced, record,
 *             publish
 *   append    memory, up to PIRN_DRAFT_MEMORY; then slot, file, and all into it
 *   commit    [slot] [file synced, its directory synced] record, publish
 *   abort     [slot, and file, into limbo]
 *
 * The id names the slot, so the slot comes before a body's file does. What
 * fails after that goes into limbo: its record is behind a cut, if it was
 * written.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/chain.h>
#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/draft_memory.h"
#include "spool/event.h"
#include "spool/fields.h"
#include "spool/group_sync.h"
#include "spool/hash.h"
#include "spool/layout.h"
#include "spool/log/atom.h"
#include "spool/log/backing.h"
#include "spool/log/doors.h"
#include "spool/log/log.h"
#include "spool/log/slot.h"
#include "spool/opens.h"
#include "spool/registry.h"

struct pirn_draft_work {
    struct pirn_draft *draft;
    struct pirn__log *log;
    uint16_t queue;
    bool is_enqueue; /* all of it is there */
    bool failed;
    bool has_slot;
    bool is_bound; /* its id stands beside its name */
    bool has_file;
    struct pirn__grip grip;
    struct pirn_id id;
    struct pirn__log_id parts;
    uint64_t created_ns;
    uint64_t size_bytes;
    uint64_t digest;
    XXH3_state_t *hash; /* of a body that streams in */
    struct pirn__draft_memory memory;
    int32_t result;
    void (*then)(struct pirn_draft_work *work); /* with a slot */
    int file_fd;
    uint64_t written;

    /* Zeroed once, for many items: who needs one of these sets it up. */
    struct pirn__record record;
    struct pirn__backing_wait back;
    struct pirn__bind bind;
    struct pirn__name path;
    struct pirn__name source; /* of a body that is shared */
    struct pirn_op step;
    struct pirn_op write_memory;
    struct pirn_op write_bytes;
    struct pirn_op *steps[2];
    struct pirn_chain chain;
    struct pirn__sync_wait sync;
};

size_t pirn__log_draft_bytes(void)
{
    return sizeof(struct pirn_draft_work);
}

/* Read once for all that begin before the context turns, and that is soon: a
 * record of theirs waits for it. */
static uint64_t begin_ns(struct pirn__log *log)
{
    struct pirn__writer *writer = &log->writer;

    if (!writer->is_kicked || writer->begun_ns == 0) {
        writer->begun_ns = pirn_context_realtime_ns(log->context);
    }
    return writer->begun_ns;
}

static struct pirn_draft_work *work_create(struct pirn_draft *draft,
                                           struct pirn__queue *queue)
{
    struct pirn_spool *spool = draft->priv.spool;
    struct pirn_draft_work *work = pirn__pool_take(&spool->log->draft_works);

    if (work == NULL) {
        return NULL;
    }
    memset(work, 0, offsetof(struct pirn_draft_work, record));
    work->draft = draft;
    work->log = spool->log;
    work->queue = queue->number;
    work->file_fd = -1;
    work->created_ns = begin_ns(spool->log);
    spool->open_count++;
    draft->priv.work = work;
    return work;
}

static void finish(struct pirn_draft_work *work, int32_t result)
{
    pirn_assert(result <= 0);
    pirn_task_finish(work->log->context, &work->draft->op, result);
}

/* The draft's end: its memory goes with it. */
static void end(struct pirn_draft_work *work, int32_t result)
{
    struct pirn_draft *draft = work->draft;
    struct pirn_spool *spool = work->log->spool;

    pirn_assert(work->file_fd < 0 && spool->open_count > 0);
    spool->open_count--;
    draft->priv.work = NULL;
    pirn__admit_end(draft, result);
    if (work->hash != NULL) { /* what streamed in, alone */
        (void)XXH3_freeState(work->hash);
        pirn__draft_memory_clear(&work->memory);
    }
    pirn__pool_give(&spool->log->draft_works, work);
    pirn_task_finish(spool->context, &draft->op, result);
}

static void closed(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, step);

    (void)result; /* of a body that is not wanted */
    end(work, work->result);
}

/* Nothing of it stays but a slot that waits to be free. */
static void drop(struct pirn_draft_work *work, int32_t result)
{
    struct pirn__log *log = work->log;

    work->result = result;
    if (work->has_slot) {
        int r =
            pirn__slot_turn(&log->index.catalogue, &work->grip, PIRN__REMOVING);
        pirn_assert(r == 0); /* nobody takes from the living what they fill */
        pirn__limbo_put(log, &work->grip, work->has_file ? &work->id : NULL);
        work->has_slot = false;
    }
    if (work->file_fd < 0) {
        end(work, result);
        return;
    }
    pirn_prep_close(&work->step, work->file_fd);
    work->file_fd = -1;
    pirn_start(log->context, &work->step, closed);
}

/* ---- a slot ---- */

static void get_slot(struct pirn_draft_work *work);
static void open_file(struct pirn_draft_work *work);

/* An append leaves a draft that can be aborted. */
static void have_no_slot(struct pirn_draft_work *work, int32_t result)
{
    if (work->then == open_file && !work->is_enqueue) {
        work->failed = true;
        finish(work, result);
        return;
    }
    end(work, result);
}

static void backed(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, back.waiter.op);

    if (result < 0) {
        have_no_slot(work, result);
        return;
    }
    get_slot(work);
}

static void make_id(struct pirn_draft_work *work)
{
    work->parts = (struct pirn__log_id){
        .ms = work->created_ns / 1000000,
        .epoch = (uint16_t)(work->log->index.head->epoch & 0xfff),
        .incarnation = pirn__word_unpack(work->grip.word).incarnation,
        .slot = work->grip.slot,
    };
    pirn__log_id_pack(&work->parts, &work->id);
}

static void get_slot(struct pirn_draft_work *work)
{
    struct pirn__log *log = work->log;
    uint32_t backed_slots = pirn__log_slots_backed(log);
    int r = pirn__slot_fill(&log->index.catalogue, &log->actor, backed_slots,
                            &work->grip);

    if (r == -ENOSPC && backed_slots < log->text.size.slots) {
        pirn__prep_backing(&work->back, log, backed_slots);
        pirn_start(log->context, &work->back.waiter.op, backed);
        return;
    }
    if (r < 0) {
        have_no_slot(work, r);
        return;
    }
    work->has_slot = true;
    make_id(work);
    work->then(work);
}

/* ---- the record ---- */

static void published(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, record.op);
    struct pirn__log *log = work->log;
    bool ready = false;

    if (result == 0) {
        result =
            pirn__slot_release(&log->index.catalogue, &log->actor, &work->grip,
                               pirn__log_turn_ns(log), false, &ready);
        if (result < 0) { /* no block for its entry: as if it had never been */
            pirn__log_bury(log, work->record.part_place,
                           work->record.part_generation);
        }
    }
    if (result < 0) {
        drop(work, result);
        return;
    }
    pirn__log_let_go(log, work->queue, ready,
                     work->draft->held ? UINT64_MAX : work->draft->due_ns);
    work->draft->id = work->id;
    pirn__event_draft(work->draft, log->index.queues[work->queue].name);
    end(work, 0);
}

static void fill_slot(struct pirn_draft_work *work, uint32_t fields_bytes)
{
    const struct pirn_draft *draft = work->draft;
    struct pirn__slot *slot =
        &work->log->index.catalogue.slots[work->grip.slot];
    uint32_t flags = (work->has_file ? PIRN__RECORD_BODY_FILE : 0) |
                     (draft->held ? PIRN__RECORD_HELD : 0);

    slot->sizes = pirn__sizes_pack((struct pirn__sizes){
        .part_bytes = pirn__part_bytes(fields_bytes),
        .body_bytes = work->size_bytes,
    });
    slot->due = draft->due_ns;
    slot->born = pirn__log_born(&work->parts);
    pirn__atom_put(&slot->route,
                   pirn__route_pack((struct pirn__route){
                       .version = 1,
                       .queue = work->queue,
                       .priority = pirn__log_priority(draft->priority),
                       .flags = (uint8_t)flags,
                   }));
}

static void commit_record(struct pirn_draft_work *work);

static void bound(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, bind.op);

    if (result < 0) {
        drop(work, result);
        return;
    }
    work->is_bound = true;
    commit_record(work);
}

static void commit_record(struct pirn_draft_work *work)
{
    const struct pirn_draft *draft = work->draft;
    const struct pirn_fields *fields = draft->priv.fields;
    uint32_t fields_bytes = fields == NULL ? 0 : fields->len;
    struct pirn__record *record = &work->record;

    if (draft->name != NULL && !work->is_bound) {
        /* Who asks for the name from now on finds that it leads here. */
        pirn__atom_store(
            &work->log->index.catalogue.slots[work->grip.slot].born,
            pirn__log_born(&work->parts));
        pirn__prep_bind(&work->bind, work->log->spool, draft->name->text,
                        &work->id);
        pirn_start(work->log->context, &work->bind.op, bound);
        return;
    }
    fill_slot(work, fields_bytes);
    struct pirn__route route = pirn__route_unpack(
        work->log->index.catalogue.slots[work->grip.slot].route);
    record->slot = work->grip.slot;
    record->part = (struct pirn__part){
        .head =
            {
                .id = work->id,
                .version = 1,
                .kind = PIRN__RECORD_PUT,
                .flags = route.flags,
                .priority = route.priority,
                .queue = route.queue,
                .due_ns = draft->due_ns,
                .body_bytes = work->size_bytes,
            },
        .digest = work->digest,
        .created_ns = work->created_ns,
        .fields = fields == NULL ? NULL : fields->bytes,
        .fields_bytes = fields_bytes,
    };
    pirn__prep_record(record, work->log);
    pirn_start(work->log->context, &record->op, published);
}

/* ---- enqueue, where the body fits into a batch ---- */

static int set_body(struct pirn_draft_work *work, const void *body,
                    uint64_t len)
{
    int r = pirn__fields_check(work->draft->priv.fields);

    work->size_bytes = len;
    work->record.body = body;
    return r;
}

/* ---- a body's file ---- */

static void file_done(struct pirn_draft_work *work, int32_t result);

static void hash_bytes(struct pirn_draft_work *work)
{
    const struct pirn_draft *draft = work->draft;

    if (draft->priv.len > 0) {
        pirn__hash_add(work->hash, draft->priv.bytes, (size_t)draft->priv.len);
        work->size_bytes += draft->priv.len;
    }
}

static void wrote_file(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, chain.op);

    if (result == 0) {
        pirn__draft_memory_clear(&work->memory);
    }
    file_done(work, result);
}

/* What is in memory, then what came; a chain continues short writes. */
static void write_file(struct pirn_draft_work *work)
{
    const struct pirn_draft *draft = work->draft;
    uint32_t count = 0;

    if (work->memory.len > 0) {
        pirn_prep_write(&work->write_memory, work->file_fd, work->memory.bytes,
                        work->memory.len, work->written);
        work->written += work->memory.len;
        work->steps[count++] = &work->write_memory;
    }
    if (draft->priv.len > 0) {
        pirn_assert(draft->priv.len <= PIRN_IO_MAX);
        pirn_prep_write(&work->write_bytes, work->file_fd, draft->priv.bytes,
                        (uint32_t)draft->priv.len, work->written);
        work->written += draft->priv.len;
        work->steps[count++] = &work->write_bytes;
    }
    if (count == 0) {
        file_done(work, 0);
        return;
    }
    pirn_chain_start(work->log->context, &work->chain, work->steps, count,
                     wrote_file);
}

static void opened_file(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, step);

    if (result < 0) {
        file_done(work, result);
        return;
    }
    work->has_file = true;
    work->file_fd = result;
    write_file(work);
}

/* Before there is a file: who recovers us takes it away by what stands here. */
static void announce_file(struct pirn_draft_work *work)
{
    struct pirn__slot *slot =
        &work->log->index.catalogue.slots[work->grip.slot];

    pirn_assert(work->has_slot && !work->has_file);
    pirn__atom_store(&slot->born, pirn__log_born(&work->parts));
    pirn__atom_store(&slot->route, pirn__route_pack((struct pirn__route){
                                       .version = 1,
                                       .queue = work->queue,
                                       .flags = PIRN__RECORD_BODY_FILE,
                                   }));
    pirn__name_log_body(&work->path, &work->id);
}

static void open_file(struct pirn_draft_work *work)
{
    announce_file(work);
    pirn__prep_open(&work->step, work->log->spool->root_fd, work->path.text,
                    O_WRONLY | O_CREAT | O_EXCL);
    pirn_start(work->log->context, &work->step, opened_file);
}

static void synced_dir(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, sync.waiter.op);

    if (result < 0) {
        drop(work, result);
        return;
    }
    commit_record(work);
}

static void closed_file(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, step);
    struct pirn__log *log = work->log;

    (void)result; /* it was synced */
    pirn__prep_sync(&work->sync, &log->bodies[pirn__id_shard(&work->id)]);
    pirn_start(log->context, &work->sync.waiter.op, synced_dir);
}

static void synced_file(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, step);

    if (result < 0) {
        drop(work, result);
        return;
    }
    pirn_prep_close(op, work->file_fd);
    work->file_fd = -1;
    pirn_start(work->log->context, op, closed_file);
}

/* Who recovers us takes the link away, as he would a file (open_file). */
static void linked(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, step);

    if (result < 0) {
        drop(work, result == -ENOENT ? -ESTALE : result);
        return;
    }
    work->has_file = true;
    closed_file(op, 0);
}

static void link_file(struct pirn_draft_work *work)
{
    const struct pirn_claim *of = work->draft->priv.of;
    int root_fd = work->log->spool->root_fd;
    bool is_file = of->priv.layout->claim_body(of, &work->source);

    pirn_assert(is_file);
    announce_file(work);
    pirn_prep_link(&work->step, root_fd, work->source.text, root_fd,
                   work->path.text, 0);
    pirn_start(work->log->context, &work->step, linked);
}

static void commit_file(struct pirn_draft_work *work)
{
    work->digest = XXH3_64bits_digest(work->hash);
    pirn_prep_fsync(&work->step, work->file_fd, PIRN_SYNC_DATA);
    pirn_start(work->log->context, &work->step, synced_file);
}

static bool hash_create(struct pirn_draft_work *work)
{
    work->hash = XXH3_createState();
    if (work->hash != NULL) {
        (void)XXH3_64bits_reset(work->hash);
    }
    return work->hash != NULL;
}

/* ---- the verbs ---- */

static void file_done(struct pirn_draft_work *work, int32_t result)
{
    if (work->is_enqueue) {
        if (result < 0) {
            drop(work, result);
        } else {
            commit_file(work);
        }
        return;
    }
    work->failed = result < 0;
    finish(work, result);
}

void pirn__log_enqueue(struct pirn_draft *draft, struct pirn__queue *queue)
{
    struct pirn_draft_work *work = work_create(draft, queue);

    if (work == NULL) {
        pirn__admit_end(draft, -ENOMEM);
        pirn_task_finish(draft->priv.spool->context, &draft->op, -ENOMEM);
        return;
    }
    int r = set_body(work, draft->priv.bytes, draft->priv.len);
    if (r == 0 && draft->priv.len > PIRN_IO_MAX) {
        r = -EFBIG;
    }
    if (r == 0 && draft->priv.len > PIRN__BATCH_BODY_MAX) {
        work->is_enqueue = true;
        work->then = open_file;
        r = hash_create(work) ? 0 : -ENOMEM;
        if (r == 0) {
            work->size_bytes = 0;
            hash_bytes(work);
        }
    } else {
        work->digest = pirn__hash(draft->priv.bytes, draft->priv.len);
        work->then = commit_record;
    }
    if (r < 0) {
        end(work, r);
        return;
    }
    get_slot(work);
}

void pirn__log_share(struct pirn_draft *draft, struct pirn__queue *queue)
{
    struct pirn_draft_work *work = work_create(draft, queue);

    if (work == NULL) {
        pirn__admit_end(draft, -ENOMEM);
        pirn_task_finish(draft->priv.spool->context, &draft->op, -ENOMEM);
        return;
    }
    int r = pirn__fields_check(draft->priv.fields);
    if (r < 0) {
        end(work, r);
        return;
    }
    work->size_bytes = draft->priv.of->item.size_bytes;
    work->digest = draft->priv.of->item.digest;
    work->then = link_file;
    get_slot(work);
}

void pirn__log_begin(struct pirn_draft *draft, struct pirn__queue *queue)
{
    struct pirn_draft_work *work = work_create(draft, queue);

    if (work == NULL) {
        pirn__admit_end(draft, -ENOMEM);
        pirn_task_finish(draft->priv.spool->context, &draft->op, -ENOMEM);
        return;
    }
    if (!hash_create(work)) {
        end(work, -ENOMEM);
        return;
    }
    finish(work, 0);
}

void pirn__log_append(struct pirn_draft *draft)
{
    struct pirn_draft_work *work = draft->priv.work;

    pirn_assert_rule(!work->failed, "append to an open draft");
    if (draft->priv.len > PIRN_IO_MAX) { /* as of an enqueue: one write each */
        work->failed = true;
        finish(work, -EFBIG);
        return;
    }
    hash_bytes(work);
    if (work->has_file) {
        write_file(work);
    } else if (pirn__draft_memory_has_room(&work->memory, draft->priv.len)) {
        int r = pirn__draft_memory_add(&work->memory, draft->priv.bytes,
                                       draft->priv.len);
        work->failed = r < 0;
        finish(work, r);
    } else {
        work->then = open_file;
        get_slot(work);
    }
}

void pirn__log_commit(struct pirn_draft *draft)
{
    struct pirn_draft_work *work = draft->priv.work;
    int r = pirn__fields_check(draft->priv.fields);

    pirn_assert_rule(!work->failed, "commit of an open draft");
    if (r < 0) {
        drop(work, r);
        return;
    }
    if (work->has_file) {
        commit_file(work);
        return;
    }
    work->digest = XXH3_64bits_digest(work->hash);
    work->record.body = work->memory.bytes;
    work->then = commit_record;
    get_slot(work);
}

void pirn__log_abort(struct pirn_draft *draft)
{
    drop(draft->priv.work, 0);
}
