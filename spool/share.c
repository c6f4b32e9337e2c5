/* SPDX-License-Identifier: MIT */
/*
 * share.c - another item on a body that is there
 *
 *   body in a file   the layout of the new item's queue gives it one more name
 *   in a record      read into memory -> an enqueue of its own
 *
 * A body's names are independent of each other: each item has one under its own
 * id, made before the item is and taken away after it is gone, as if the file
 * were its alone. The file system counts them, durably and without us; so there
 * is no count of ours that a kill could tear.
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/layout.h"
#include "spool/queue.h"
#include "spool/registry.h"

/* A body that is copied. */
struct pirn__copying {
    struct pirn_draft *draft;
    struct pirn_draft inner;
    uint32_t len;
    uint32_t done;
    uint8_t bytes[];
};

static void end(struct pirn__copying *copying, int32_t result)
{
    struct pirn_draft *draft = copying->draft;

    pirn_assert(draft->priv.copying == copying);
    if (result == 0) {
        draft->id = copying->inner.id;
    }
    draft->priv.copying = NULL;
    draft->priv.of->priv.sharing = NULL;
    free(copying);
    pirn_task_finish(draft->priv.spool->context, &draft->op, result);
}

static void enqueued(struct pirn_op *op, int32_t result)
{
    struct pirn_draft *inner = pirn_container_of(op, struct pirn_draft, op);

    end(pirn_container_of(inner, struct pirn__copying, inner), result);
}

static void enqueue(struct pirn__copying *copying)
{
    struct pirn_draft *draft = copying->draft;

    copying->inner.due_ns = draft->due_ns;
    copying->inner.priority = draft->priority;
    copying->inner.held = draft->held;
    copying->inner.name = draft->name;
    pirn_prep_enqueue(&copying->inner, draft->priv.spool, draft->priv.queue,
                      copying->bytes, copying->len, draft->priv.fields);
    copying->inner.priv.event = PIRN_EVENT_SHARED;
    pirn_start(draft->priv.spool->context, &copying->inner.op, enqueued);
}

static void read_more(struct pirn__copying *copying);

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn_claim *of = pirn_container_of(op, struct pirn_claim, op);
    struct pirn__copying *copying = of->priv.sharing->priv.copying;

    if (result <= 0) {
        end(copying, result < 0 ? result : -EBADMSG);
        return;
    }
    copying->done += (uint32_t)result;
    read_more(copying);
}

static void read_more(struct pirn__copying *copying)
{
    struct pirn_claim *of = copying->draft->priv.of;
    uint32_t left = copying->len - copying->done;

    if (left == 0) {
        enqueue(copying);
        return;
    }
    pirn_prep_claim_read(of, copying->bytes + copying->done, left,
                         copying->done);
    pirn_start(of->priv.spool->context, &of->op, have_read);
}

static void copy(struct pirn_draft *draft)
{
    struct pirn_claim *of = draft->priv.of;
    bool fits = of->item.size_bytes <= PIRN_DRAFT_MEMORY; /* as records do */
    uint32_t len = fits ? (uint32_t)of->item.size_bytes : 0;
    struct pirn__copying *copying = calloc(1, sizeof(*copying) + len);

    if (copying == NULL || !fits) {
        free(copying);
        pirn_task_finish(draft->priv.spool->context, &draft->op,
                         fits ? -ENOMEM : -EBADMSG);
        return;
    }
    copying->draft = draft;
    copying->len = len;
    draft->priv.copying = copying;
    of->priv.sharing = draft;
    read_more(copying);
}

static void admitted(struct pirn_draft *draft, int32_t result)
{
    struct pirn_spool *spool = draft->priv.spool;

    if (result < 0) {
        pirn_task_finish(spool->context, &draft->op, result);
        return;
    }
    draft->priv.layout->share(draft,
                              pirn__queue_find(spool, draft->priv.queue));
}

static void met(struct pirn_op *op, struct pirn__queue *queue)
{
    struct pirn_draft *draft = pirn_container_of(op, struct pirn_draft, op);
    struct pirn_claim *of = draft->priv.of;
    struct pirn__name source;

    pirn_assert_rule(draft->priv.work == NULL, "one draft at a time");
    draft->priv.layout = queue->layout;
    if (!of->priv.layout->claim_body(of, &source)) {
        copy(draft);
        return;
    }
    if (draft->name != NULL) {
        draft->priv.fields = pirn__name_fields(draft->name, draft->priv.fields);
    }
    pirn__admit(draft, 0, false, admitted);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_draft *draft = pirn_container_of(op, struct pirn_draft, op);
    const struct pirn_claim *of = draft->priv.of;

    pirn_assert(context == draft->priv.spool->context);
    pirn_assert_rule(of->priv.work != NULL, "the claim has an item");
    pirn_assert_rule(pirn_op_is_idle(&of->op), "the claim does nothing else");
    if (pirn__settle_holds(draft->priv.spool, op, begin)) {
        return;
    }
    pirn__queue_meet(draft->priv.spool, draft->priv.queue, op, met);
}

void pirn_prep_share(struct pirn_draft *draft, struct pirn_claim *of,
                     const char *queue, const struct pirn_fields *fields)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    pirn_assert(of != NULL && queue != NULL);
    draft->priv.spool = of->priv.spool;
    draft->priv.queue = queue;
    draft->priv.fields = fields;
    draft->priv.of = of;
    draft->priv.event = PIRN_EVENT_SHARED;
    pirn_prep_task(&draft->op, &verbs);
}
