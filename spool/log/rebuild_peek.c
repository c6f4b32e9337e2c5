/* SPDX-License-Identifier: MIT */
/*
 * rebuild_peek.c - which segments may wait
 *
 * Of a segment whose cut says that all before it are first versions, any newer
 * version stands in one that does not say so. So who is in a hurry reads the
 * others first. What the cut says is believed where the header is of its turn:
 * of a later one it would be of another life. So all headers are looked at
 * before anything is handed out, many at a time; and when the first batch was
 * written, which says in what order they are read. Of that nothing is believed
 * but the order.
 */
#include "spool/log/rebuild_parts.h"

#include <stdlib.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

#include "runtime/plant.h"

enum { PEEKERS = 32, BYTES = PIRN__BATCH_UNIT + PIRN__BATCH_HEAD_BYTES };

struct pirn__peeker {
    struct pirn__peek *peek;
    uint32_t segment;
    uint32_t len;
    struct pirn__segment_hold hold;
    struct pirn_op step;
    uint8_t bytes[BYTES];
};

static void next_segment(struct pirn__peeker *peeker);

/* Whether the cut of that turn says so. */
static bool says_first(const struct pirn__log *log, uint32_t segment,
                       uint32_t generation)
{
    return pirn__planted("log-told-anyway") ||
           pirn__tomb_is_first(&log->index.tombs, segment, generation);
}

/* What cannot be said of one is found by who reads it. */
static void look(struct pirn__peeker *peeker)
{
    struct pirn__rebuild *rebuild = peeker->peek->rebuild;
    uint32_t segment = peeker->segment;
    struct pirn__segment_head head;
    struct pirn__batch_head batch;

    rebuild->is_later[segment] =
        peeker->len == BYTES &&
        pirn__rebuild_is_plain(rebuild, segment, peeker->bytes, peeker->len,
                               &head) &&
        says_first(rebuild->log, segment, head.generation) &&
        pirn__batch_head_peek(peeker->bytes + PIRN__BATCH_UNIT, &batch) >= 0;
    if (rebuild->is_later[segment]) {
        rebuild->began_ns[segment] = batch.written_ns;
        rebuild->order_count++;
    }
}

static void have_read(struct pirn_op *op, int32_t result);

static void read_on(struct pirn__peeker *peeker)
{
    struct pirn__log *log = peeker->peek->rebuild->log;

    pirn_prep_read(&peeker->step, pirn__segment_fd(log, peeker->segment),
                   peeker->bytes + peeker->len, BYTES - peeker->len,
                   peeker->len);
    pirn_start(log->context, &peeker->step, have_read);
}

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn__peeker *peeker =
        pirn_container_of(op, struct pirn__peeker, step);

    peeker->len += result > 0 ? (uint32_t)result : 0;
    if (result > 0 && peeker->len < BYTES) {
        read_on(peeker);
        return;
    }
    look(peeker);
    pirn__segment_drop(peeker->peek->rebuild->log, peeker->segment);
    next_segment(peeker);
}

static void have_segment(struct pirn_op *op, int32_t result)
{
    struct pirn__peeker *peeker =
        pirn_container_of(op, struct pirn__peeker, hold.waiter.op);

    if (result < 0) {
        next_segment(peeker);
        return;
    }
    peeker->len = 0;
    read_on(peeker);
}

static void end(struct pirn__peek *peek)
{
    pirn_assert(peek->busy > 0);
    if (--peek->busy == 0) {
        free(peek->peekers);
        peek->peekers = NULL;
        pirn_task_finish(peek->rebuild->log->context, &peek->op, 0);
    }
}

/* A word that says nothing of the kind of any turn need not be looked at. */
static bool may_be_first(const struct pirn__log *log, uint32_t segment)
{
    uint64_t bound = log->index.tombs.bounds[segment];

    return says_first(log, segment, (uint32_t)(bound >> 32));
}

static void next_segment(struct pirn__peeker *peeker)
{
    struct pirn__peek *peek = peeker->peek;
    struct pirn__log *log = peek->rebuild->log;
    uint32_t count = log->text.size.segments;

    while (peek->next < count &&
           (peek->rebuild->left[peek->next] == PIRN__REBUILD_NOTHING ||
            !may_be_first(log, peek->next))) {
        peek->next++;
    }
    if (peek->next == count) {
        end(peek);
        return;
    }
    peeker->segment = peek->next++;
    pirn__prep_segment_hold(&peeker->hold, log, peeker->segment);
    pirn_start(log->context, &peeker->hold.waiter.op, have_segment);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__peek *peek = pirn_container_of(op, struct pirn__peek, op);

    peek->peekers = calloc(PEEKERS, sizeof(*peek->peekers));
    if (peek->peekers == NULL) {
        pirn_task_finish(context, op, 0); /* then none may wait */
        return;
    }
    peek->busy = PEEKERS;
    for (uint32_t i = 0; i < PEEKERS; i++) {
        peek->peekers[i].peek = peek;
        next_segment(&peek->peekers[i]);
    }
}

void pirn__prep_peek(struct pirn__peek *peek, struct pirn__rebuild *rebuild)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    *peek = (struct pirn__peek){.rebuild = rebuild};
    pirn_prep_task(&peek->op, &verbs);
}
