/* SPDX-License-Identifier: MIT */
/*
 * draft.c - items in the making, whatever their layout
 */
#include <errno.h>

#include <pirn/event.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/layout.h"
#include "spool/queue.h"
#include "spool/registry.h"

static struct pirn_draft *draft_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_draft, op);
}

static void prep(struct pirn_draft *draft, struct pirn_spool *spool,
                 const char *queue, const struct pirn_task_verbs *verbs)
{
    pirn_assert(spool != NULL && queue != NULL);

    draft->priv.spool = spool;
    draft->priv.queue = queue;
    draft->priv.event = PIRN_EVENT_ENQUEUED;
    pirn_prep_task(&draft->op, verbs);
}

/* What is wrong with them the layout says, and ends the draft. */
static void take_name(struct pirn_draft *draft)
{
    if (draft->name != NULL) {
        draft->priv.fields = pirn__name_fields(draft->name, draft->priv.fields);
    }
}

static struct pirn__queue *queue_of(const struct pirn_draft *draft)
{
    struct pirn__queue *queue =
        pirn__queue_find(draft->priv.spool, draft->priv.queue);

    pirn_assert(queue != NULL); /* it was met */
    return queue;
}

static void enqueue_admitted(struct pirn_draft *draft, int32_t result)
{
    if (result < 0) {
        pirn_task_finish(draft->priv.spool->context, &draft->op, result);
        return;
    }
    take_name(draft);
    draft->priv.layout->enqueue(draft, queue_of(draft));
}

static void enqueue_met(struct pirn_op *op, struct pirn__queue *queue)
{
    struct pirn_draft *draft = draft_of(op);

    pirn_assert_rule(draft->priv.work == NULL, "one draft at a time");
    draft->priv.layout = queue->layout;
    draft->priv.queue = queue->name; /* found again by where it stands */
    pirn__admit(draft, draft->priv.len, false, enqueue_admitted);
}

static void enqueue_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_draft *draft = draft_of(op);

    pirn_assert(context == draft->priv.spool->context);
    if (pirn__settle_holds(draft->priv.spool, op, enqueue_begin)) {
        return;
    }
    pirn__queue_meet(draft->priv.spool, draft->priv.queue, op, enqueue_met);
}

void pirn_prep_enqueue(struct pirn_draft *draft, struct pirn_spool *spool,
                       const char *queue, const void *body, uint64_t len,
                       const struct pirn_fields *fields)
{
    static const struct pirn_task_verbs verbs = {.begin = enqueue_begin};

    pirn_assert(body != NULL || len == 0);
    draft->priv.bytes = body;
    draft->priv.len = len;
    draft->priv.fields = fields;
    prep(draft, spool, queue, &verbs);
}

static void begin_admitted(struct pirn_draft *draft, int32_t result)
{
    if (result < 0) {
        pirn_task_finish(draft->priv.spool->context, &draft->op, result);
        return;
    }
    draft->priv.layout->begin(draft, queue_of(draft));
}

static void begin_met(struct pirn_op *op, struct pirn__queue *queue)
{
    struct pirn_draft *draft = draft_of(op);

    pirn_assert_rule(draft->priv.work == NULL, "one draft at a time");
    draft->priv.layout = queue->layout;
    pirn__admit(draft, draft->expected_bytes, true, begin_admitted);
}

static void begin_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_draft *draft = draft_of(op);

    pirn_assert(context == draft->priv.spool->context);
    if (pirn__settle_holds(draft->priv.spool, op, begin_begin)) {
        return;
    }
    pirn__queue_meet(draft->priv.spool, draft->priv.queue, op, begin_met);
}

void pirn_prep_begin(struct pirn_draft *draft, struct pirn_spool *spool,
                     const char *queue)
{
    static const struct pirn_task_verbs verbs = {.begin = begin_begin};

    prep(draft, spool, queue, &verbs);
}

/* ---- whether it would be let in ---- */

static void admitted(struct pirn_draft *draft, int32_t result)
{
    pirn__admit_end(draft, -ECANCELED);
    pirn_task_finish(draft->priv.spool->context, &draft->op, result);
}

static void admit_met(struct pirn_op *op, struct pirn__queue *queue)
{
    struct pirn_draft *draft = draft_of(op);

    pirn_assert_rule(draft->priv.work == NULL, "one draft at a time");
    draft->priv.layout = queue->layout;
    pirn__admit(draft, draft->priv.len, true, admitted);
}

static void admit_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_draft *draft = draft_of(op);

    pirn_assert(context == draft->priv.spool->context);
    if (pirn__settle_holds(draft->priv.spool, op, admit_begin)) {
        return;
    }
    pirn__queue_meet(draft->priv.spool, draft->priv.queue, op, admit_met);
}

void pirn_prep_admit(struct pirn_draft *draft, struct pirn_spool *spool,
                     const char *queue, uint64_t bytes)
{
    static const struct pirn_task_verbs verbs = {.begin = admit_begin};

    draft->priv.len = bytes;
    prep(draft, spool, queue, &verbs);
}

/* ---- more of it ---- */

static void append_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_draft *draft = draft_of(op);

    pirn_assert(context == draft->priv.spool->context);
    pirn_assert_rule(draft->priv.work != NULL, "append to an open draft");
    int r = pirn__admit_more(draft, draft->priv.len);
    if (r < 0) {
        pirn_task_finish(context, op, r);
        return;
    }
    draft->priv.layout->append(draft);
}

void pirn_prep_append(struct pirn_draft *draft, const void *bytes, uint32_t len)
{
    static const struct pirn_task_verbs verbs = {.begin = append_begin};

    pirn_assert(bytes != NULL || len == 0);
    draft->priv.bytes = bytes;
    draft->priv.len = len;
    pirn_prep_task(&draft->op, &verbs);
}

static void commit_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_draft *draft = draft_of(op);

    pirn_assert(context == draft->priv.spool->context);
    pirn_assert_rule(draft->priv.work != NULL, "commit of an open draft");
    take_name(draft);
    draft->priv.layout->commit(draft);
}

void pirn_prep_commit(struct pirn_draft *draft,
                      const struct pirn_fields *fields)
{
    static const struct pirn_task_verbs verbs = {.begin = commit_begin};

    draft->priv.fields = fields;
    pirn_prep_task(&draft->op, &verbs);
}

static void abort_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_draft *draft = draft_of(op);

    if (draft->priv.work == NULL) {
        pirn_task_finish(context, op, 0);
        return;
    }
    pirn__admit_end(draft, -ECANCELED);
    draft->priv.layout->abort(draft);
}

void pirn_prep_abort(struct pirn_draft *draft)
{
    static const struct pirn_task_verbs verbs = {.begin = abort_begin};

    pirn_prep_task(&draft->op, &verbs);
}

bool pirn_draft_is_open(const struct pirn_draft *draft)
{
    return draft->priv.work != NULL;
}
