/* SPDX-License-Identifier: MIT */
/*
 * draft.c - enqueue, and begin - append - commit or abort
 *
 * A body up to PIRN_DRAFT_MEMORY waits in memory and meets the disk in one run
 * with the rest; a longer one goes to its file as it comes. Size and digest are
 * counted over what came, never over what was written.
 *
 *   enqueue            make                 publish  (undo)
 *   share              make                 publish  (undo)
 *   append, too long   make  put  put
 *   append, later                 put
 *   commit             [make]               publish  (undo)
 *   abort                                             undo
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/chain.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/draft_memory.h"
#include "spool/event.h"
#include "spool/fields.h"
#include "spool/file/commit.h"
#include "spool/file/file.h"
#include "spool/file/meta.h"
#include "spool/hash.h"
#include "spool/layout.h"
#include "spool/registry.h"

struct pirn_draft_work {
    struct pirn_draft *draft;
    struct pirn__commit commit;
    struct pirn__draft_memory memory; /* the body until its file is made */
    bool failed;                      /* only an abort is allowed */
    XXH3_state_t *hash;
    struct pirn__put put_memory;
    struct pirn__put put_bytes;
    struct pirn__bind bind; /* of an item that has a name */
    struct pirn_op *steps[6];
    struct pirn_chain chain;
};

static void finish(struct pirn_draft_work *work, int32_t result)
{
    pirn_assert(result <= 0);
    pirn_assert(work->draft->priv.work == work);
    pirn_task_finish(work->commit.spool->context, &work->draft->op, result);
}

/* The draft's end: its memory goes with it. */
static void end(struct pirn_draft_work *work, int32_t result)
{
    struct pirn_draft *draft = work->draft;
    struct pirn_spool *spool = work->commit.spool;

    pirn_assert(!work->commit.made);
    pirn_assert(draft->priv.work == work);
    pirn_assert(spool->open_count > 0);

    spool->open_count--;
    draft->priv.work = NULL;
    pirn__admit_end(draft, result);
    (void)XXH3_freeState(work->hash);
    pirn__draft_memory_clear(&work->memory);
    free(work);
    pirn_task_finish(spool->context, &draft->op, result);
}

static struct pirn_draft_work *work_create(struct pirn_draft *draft,
                                           struct pirn__queue *queue)
{
    struct pirn_draft_work *work = calloc(1, sizeof(*work));
    XXH3_state_t *hash = XXH3_createState();

    if (work == NULL || hash == NULL) {
        free(work);
        (void)XXH3_freeState(hash);
        return NULL;
    }
    (void)XXH3_64bits_reset(hash);
    work->hash = hash;
    work->draft = draft;
    work->commit.spool = draft->priv.spool;
    work->commit.queue = queue;
    work->commit.item.version = 1;
    work->commit.item.created_ns =
        pirn_context_realtime_ns(draft->priv.spool->context);
    draft->priv.spool->open_count++;
    draft->priv.work = work;
    return work;
}

/* Steps that put what is in memory, then @bytes, into a file of its own. */
static uint32_t add_file_steps(struct pirn_draft_work *work, uint32_t count)
{
    pirn_assert(work->commit.made || work->commit.written == 0);
    if (!work->commit.made) {
        pirn__prep_make(&work->commit);
        pirn__prep_put(&work->put_memory, &work->commit, work->memory.bytes,
                       work->memory.len);
        work->steps[count++] = &work->commit.make;
        work->steps[count++] = &work->put_memory.op;
    }
    return count;
}

static uint32_t add_bytes_step(struct pirn_draft_work *work, uint32_t count)
{
    pirn_assert(work->draft->priv.bytes != NULL || work->draft->priv.len == 0);
    pirn__prep_put(&work->put_bytes, &work->commit, work->draft->priv.bytes,
                   work->draft->priv.len);
    work->steps[count++] = &work->put_bytes.op;
    return count;
}

static void ended(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, chain.op);

    pirn_assert(result <= 0);
    if (result == 0) {
        work->draft->id = work->commit.item.id;
        pirn__event_draft(work->draft, work->commit.queue->name);
    }
    end(work, result);
}

/* Steps that make both files, to be published with the whole body. */
static uint32_t add_whole_steps(struct pirn_draft_work *work, const char *bytes,
                                uint64_t len)
{
    struct pirn__commit *commit = &work->commit;

    pirn_assert(!commit->made && commit->written == 0);
    pirn_assert(bytes != NULL || len == 0);
    commit->whole = bytes;
    commit->whole_len = len;
    pirn__prep_make(commit);
    work->steps[0] = &commit->make;
    return 1;
}

/* Where it goes, and when it is ready. */
static void set_place(struct pirn_item *item, const struct pirn_draft *draft)
{
    item->state = draft->held ? PIRN_ITEM_HELD : PIRN_ITEM_READY;
    item->due_ns =
        draft->due_ns < PIRN__META_DUE_MAX ? draft->due_ns : PIRN__META_DUE_MAX;
    item->priority = pirn__site_priority(draft->priority);
}

/* Publish, after @count steps; what was made goes if anything fails. */
static void start_publishing(struct pirn_draft_work *work, uint32_t count)
{
    struct pirn__commit *commit = &work->commit;
    const struct pirn_fields *fields = work->draft->priv.fields;

    pirn_assert(!work->failed);
    if (!commit->is_shared) {
        commit->item.digest = XXH3_64bits_digest(work->hash);
    }
    if (fields != NULL) {
        commit->item.fields = *fields;
    }
    set_place(&commit->item, work->draft);
    if (work->draft->name != NULL) { /* durable before there is an item */
        pirn__prep_bind(&work->bind, commit->spool, work->draft->name->text,
                        &commit->item.id);
        work->steps[count++] = &work->bind.op;
    }
    pirn__prep_publish(commit);
    pirn__prep_undo(commit);
    pirn_step_when(&commit->undo, PIRN_STEP_UNDO);
    work->steps[count++] = &commit->publish;
    work->steps[count++] = &commit->undo;
    pirn_assert(count <= sizeof(work->steps) / sizeof(work->steps[0]));
    pirn_chain_start(commit->spool->context, &work->chain, work->steps, count,
                     ended);
}

static void count_bytes(struct pirn_draft_work *work)
{
    const struct pirn_draft *draft = work->draft;

    if (draft->priv.len > 0) {
        pirn__hash_add(work->hash, draft->priv.bytes, (size_t)draft->priv.len);
        work->commit.item.size_bytes += draft->priv.len;
    }
}

/* ---- enqueue ---- */

void pirn__file_enqueue(struct pirn_draft *draft, struct pirn__queue *queue)
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
    count_bytes(work);
    start_publishing(work,
                     add_whole_steps(work, draft->priv.bytes, draft->priv.len));
}

/* ---- share ---- */

/* All of the body is there: only its name is made. */
void pirn__file_share(struct pirn_draft *draft, struct pirn__queue *queue)
{
    struct pirn_draft_work *work = work_create(draft, queue);
    const struct pirn_claim *of = draft->priv.of;

    if (work == NULL) {
        pirn__admit_end(draft, -ENOMEM);
        pirn_task_finish(draft->priv.spool->context, &draft->op, -ENOMEM);
        return;
    }
    struct pirn__commit *commit = &work->commit;
    int r = pirn__fields_check(draft->priv.fields);
    commit->is_shared = of->priv.layout->claim_body(of, &commit->source);
    pirn_assert(commit->is_shared);
    if (r < 0) {
        end(work, r);
        return;
    }
    commit->item.size_bytes = of->item.size_bytes;
    commit->item.digest = of->item.digest;
    commit->written = of->item.size_bytes;
    pirn__prep_make(commit);
    work->steps[0] = &commit->make;
    start_publishing(work, 1);
}

/* ---- begin ---- */

void pirn__file_begin(struct pirn_draft *draft, struct pirn__queue *queue)
{
    struct pirn_draft_work *work = work_create(draft, queue);

    if (work == NULL) {
        pirn__admit_end(draft, -ENOMEM);
    }
    pirn_task_finish(draft->priv.spool->context, &draft->op,
                     work == NULL ? -ENOMEM : 0);
}

/* ---- append ---- */

static void appended(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, chain.op);

    pirn_assert(result <= 0);
    work->failed = result < 0;
    if (result == 0) {
        pirn__draft_memory_clear(&work->memory);
    }
    finish(work, result);
}

void pirn__file_append(struct pirn_draft *draft)
{
    struct pirn_draft_work *work = draft->priv.work;

    pirn_assert_rule(!work->failed, "append to an open draft");
    count_bytes(work);
    if (!work->commit.made &&
        pirn__draft_memory_has_room(&work->memory, draft->priv.len)) {
        int r = pirn__draft_memory_add(&work->memory, draft->priv.bytes,
                                       draft->priv.len);
        work->failed = r < 0;
        finish(work, r);
        return;
    }
    uint32_t count = add_bytes_step(work, add_file_steps(work, 0));
    pirn_chain_start(work->commit.spool->context, &work->chain, work->steps,
                     count, appended);
}

/* ---- commit and abort ---- */

static void refused(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, commit.undo);

    pirn_assert(result <= 0);
    end(work, work->commit.result);
}

void pirn__file_commit(struct pirn_draft *draft)
{
    struct pirn_draft_work *work = draft->priv.work;

    pirn_assert_rule(!work->failed, "commit of an open draft");
    int r = pirn__fields_check(work->draft->priv.fields);
    if (r < 0) {
        work->commit.result = r;
        pirn__prep_undo(&work->commit);
        pirn_start(work->commit.spool->context, &work->commit.undo, refused);
        return;
    }
    start_publishing(work, work->commit.made
                               ? 0
                               : add_whole_steps(work, work->memory.bytes,
                                                 work->memory.len));
}

static void aborted(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, commit.undo);

    pirn_assert(result <= 0);
    end(work, 0);
}

void pirn__file_abort(struct pirn_draft *draft)
{
    struct pirn_draft_work *work = draft->priv.work;

    pirn__prep_undo(&work->commit);
    pirn_start(work->commit.spool->context, &work->commit.undo, aborted);
}
