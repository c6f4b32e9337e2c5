/* SPDX-License-Identifier: MIT */
/*
 * draft.c - enqueue, and begin - append - commit or abort
 *
 * A body up to PIRN_DRAFT_MEMORY waits in memory and meets the disk in one run
 * with the rest; a longer one goes to its file as it comes. Size and digest are
 * counted over what came, never over what was written.
 *
 *   enqueue            make  put            publish  (undo)
 *   append, too long   make  put  put
 *   append, later                 put
 *   commit             [make put]           publish  (undo)
 *   abort                                             undo
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/chain.h>
#include <pirn/invariant.h>
#include <pirn/task.h>
#include <xxhash.h>

#include "spool/fields.h"
#include "spool/file/commit.h"
#include "spool/queue.h"

struct pirn_draft_work {
    struct pirn_draft *draft;
    struct pirn__commit commit;
    char *memory; /* the body until its file is made */
    uint32_t memory_len;
    uint32_t memory_cap;
    bool failed; /* only an abort is allowed */
    XXH3_state_t *hash;
    void (*then)(struct pirn_draft_work *work); /* once the queue is known */
    struct pirn__refresh refresh;
    struct pirn__put put_memory;
    struct pirn__put put_bytes;
    struct pirn_op *steps[5];
    struct pirn_chain chain;
};

static struct pirn_draft *draft_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_draft, op);
}

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
    (void)XXH3_freeState(work->hash);
    free(work->memory);
    free(work);
    pirn_task_finish(spool->context, &draft->op, result);
}

static struct pirn_draft_work *work_create(struct pirn_draft *draft)
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
    work->commit.item.version = 1;
    work->commit.item.created_ns =
        pirn_context_realtime_ns(draft->priv.spool->context);
    draft->priv.spool->open_count++;
    draft->priv.work = work;
    return work;
}

static void refreshed(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, refresh.op);
    struct pirn__commit *commit = &work->commit;

    pirn_assert(result <= 0);
    commit->queue = pirn__queue_find(commit->spool, work->draft->priv.queue);
    if (commit->queue == NULL) {
        end(work, result < 0 ? result : -ENOENT);
        return;
    }
    work->then(work);
}

/* Allocate, find the queue, then @then. */
static void set_out(struct pirn_context *context, struct pirn_op *op,
                    void (*then)(struct pirn_draft_work *work))
{
    struct pirn_draft *draft = draft_of(op);
    struct pirn_spool *spool = draft->priv.spool;

    pirn_assert(context == spool->context);
    pirn_assert_rule(draft->priv.work == NULL, "one draft at a time");
    struct pirn_draft_work *work = work_create(draft);
    if (work == NULL) {
        pirn_task_finish(context, op, -ENOMEM);
        return;
    }
    work->then = then;
    work->commit.queue = pirn__queue_find(spool, draft->priv.queue);
    if (work->commit.queue != NULL) {
        then(work);
        return;
    }
    pirn__prep_refresh(&work->refresh, spool);
    pirn_start(context, &work->refresh.op, refreshed);
}

/* Steps that put what is in memory, then @bytes, into a file of its own. */
static uint32_t add_file_steps(struct pirn_draft_work *work, uint32_t count)
{
    pirn_assert(work->commit.made || work->commit.written == 0);
    if (!work->commit.made) {
        pirn__prep_make(&work->commit);
        pirn__prep_put(&work->put_memory, &work->commit, work->memory,
                       work->memory_len);
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
    }
    end(work, result);
}

/* Publish, after @count steps; what was made goes if anything fails. */
static void start_publishing(struct pirn_draft_work *work, uint32_t count)
{
    struct pirn__commit *commit = &work->commit;
    const struct pirn_fields *fields = work->draft->priv.fields;

    pirn_assert(!work->failed);
    commit->item.digest = XXH3_64bits_digest(work->hash);
    if (fields != NULL) {
        commit->item.fields = *fields;
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
        (void)XXH3_64bits_update(work->hash, draft->priv.bytes,
                                 (size_t)draft->priv.len);
        work->commit.item.size_bytes += draft->priv.len;
    }
}

/* ---- enqueue ---- */

static void enqueue(struct pirn_draft_work *work)
{
    int r = pirn__fields_check(work->draft->priv.fields);

    pirn_assert(work->memory == NULL && !work->commit.made);
    if (r < 0) {
        end(work, r);
        return;
    }
    count_bytes(work);
    start_publishing(work, add_bytes_step(work, add_file_steps(work, 0)));
}

static void enqueue_begin(struct pirn_context *context, struct pirn_op *op)
{
    set_out(context, op, enqueue);
}

static const struct pirn_task_verbs enqueue_verbs = {.begin = enqueue_begin};

void pirn_prep_enqueue(struct pirn_draft *draft, struct pirn_spool *spool,
                       const char *queue, const void *body, uint64_t len,
                       const struct pirn_fields *fields)
{
    pirn_assert(spool != NULL && queue != NULL);
    pirn_assert(body != NULL || len == 0);

    draft->priv.spool = spool;
    draft->priv.queue = queue;
    draft->priv.bytes = body;
    draft->priv.len = len;
    draft->priv.fields = fields;
    pirn_prep_task(&draft->op, &enqueue_verbs);
}

/* ---- begin ---- */

static void begun(struct pirn_draft_work *work)
{
    finish(work, 0);
}

static void begin_begin(struct pirn_context *context, struct pirn_op *op)
{
    set_out(context, op, begun);
}

static const struct pirn_task_verbs begin_verbs = {.begin = begin_begin};

void pirn_prep_begin(struct pirn_draft *draft, struct pirn_spool *spool,
                     const char *queue)
{
    pirn_assert(spool != NULL && queue != NULL);

    draft->priv.spool = spool;
    draft->priv.queue = queue;
    pirn_prep_task(&draft->op, &begin_verbs);
}

/* ---- append ---- */

static int keep_in_memory(struct pirn_draft_work *work, const void *bytes,
                          uint32_t len)
{
    uint32_t need = work->memory_len + len;

    pirn_assert(!work->commit.made);
    pirn_assert(need <= PIRN_DRAFT_MEMORY);
    if (need > work->memory_cap) {
        uint32_t cap = work->memory_cap ? work->memory_cap : 4096;
        while (cap < need) {
            cap *= 2;
        }
        char *more = realloc(work->memory, cap);
        if (more == NULL) {
            return -ENOMEM;
        }
        work->memory = more;
        work->memory_cap = cap;
    }
    if (len > 0) {
        memcpy(work->memory + work->memory_len, bytes, len);
    }
    work->memory_len = need;
    return 0;
}

static void appended(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, chain.op);

    pirn_assert(result <= 0);
    work->failed = result < 0;
    if (result == 0) {
        free(work->memory);
        work->memory = NULL;
        work->memory_len = 0;
        work->memory_cap = 0;
    }
    finish(work, result);
}

static void append_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_draft *draft = draft_of(op);
    struct pirn_draft_work *work = draft->priv.work;

    pirn_assert_rule(work != NULL && !work->failed, "append to an open draft");
    pirn_assert(context == work->commit.spool->context);
    count_bytes(work);
    if (!work->commit.made &&
        draft->priv.len <= PIRN_DRAFT_MEMORY - work->memory_len) {
        int r =
            keep_in_memory(work, draft->priv.bytes, (uint32_t)draft->priv.len);
        work->failed = r < 0;
        finish(work, r);
        return;
    }
    uint32_t count = add_bytes_step(work, add_file_steps(work, 0));
    pirn_chain_start(context, &work->chain, work->steps, count, appended);
}

static const struct pirn_task_verbs append_verbs = {.begin = append_begin};

void pirn_prep_append(struct pirn_draft *draft, const void *bytes, uint32_t len)
{
    pirn_assert(bytes != NULL || len == 0);

    draft->priv.bytes = bytes;
    draft->priv.len = len;
    pirn_prep_task(&draft->op, &append_verbs);
}

/* ---- commit and abort ---- */

static void refused(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, commit.undo);

    pirn_assert(result <= 0);
    end(work, work->commit.result);
}

static void commit_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_draft_work *work = draft_of(op)->priv.work;

    pirn_assert_rule(work != NULL && !work->failed, "commit of an open draft");
    pirn_assert(context == work->commit.spool->context);
    int r = pirn__fields_check(work->draft->priv.fields);
    if (r < 0) {
        work->commit.result = r;
        pirn__prep_undo(&work->commit);
        pirn_start(context, &work->commit.undo, refused);
        return;
    }
    start_publishing(work, add_file_steps(work, 0));
}

static const struct pirn_task_verbs commit_verbs = {.begin = commit_begin};

void pirn_prep_commit(struct pirn_draft *draft,
                      const struct pirn_fields *fields)
{
    draft->priv.fields = fields;
    pirn_prep_task(&draft->op, &commit_verbs);
}

static void aborted(struct pirn_op *op, int32_t result)
{
    struct pirn_draft_work *work =
        pirn_container_of(op, struct pirn_draft_work, commit.undo);

    pirn_assert(result <= 0);
    end(work, 0);
}

static void abort_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_draft_work *work = draft_of(op)->priv.work;

    if (work == NULL) {
        pirn_task_finish(context, op, 0);
        return;
    }
    pirn__prep_undo(&work->commit);
    pirn_start(context, &work->commit.undo, aborted);
}

static const struct pirn_task_verbs abort_verbs = {.begin = abort_begin};

void pirn_prep_abort(struct pirn_draft *draft)
{
    pirn_prep_task(&draft->op, &abort_verbs);
}

bool pirn_draft_is_open(const struct pirn_draft *draft)
{
    return draft->priv.work != NULL;
}
