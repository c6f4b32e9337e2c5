/* SPDX-License-Identifier: MIT */
/* backing.c - see spool/log/backing.h */
#include "spool/log/backing.h"

#include <errno.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/log/atom.h"
#include "spool/log/log.h"

uint32_t pirn__log_slots_backed(const struct pirn__log *log)
{
    uint64_t backed = pirn__atom_load(&log->index.head->slots_backed);
    uint32_t all = log->text.size.slots;

    return backed < all ? (uint32_t)backed : all;
}

/* One chunk more. */
static uint32_t target(const struct pirn__log *log, uint32_t from)
{
    uint64_t to = (uint64_t)from + PIRN__INDEX_CHUNK;
    uint32_t all = log->text.size.slots;

    return to < all ? (uint32_t)to : all;
}

/* What so many slots have in the index. */
enum part { SLOTS, STAMPS, BLOCKS, PARTS };

static void prep_part(struct pirn__log *log, struct pirn_op *op, enum part part,
                      uint32_t from, uint32_t to)
{
    const struct pirn__index *index = &log->index;
    uint64_t at = index->slots_at;
    uint64_t each = sizeof(struct pirn__slot);
    uint64_t first = from;
    uint64_t end = to;

    if (part == STAMPS) {
        at = index->stamps_at;
        each = sizeof(*index->stamps);
    } else if (part == BLOCKS) {
        at = index->blocks_at;
        each = index->catalogue.lanes.block_words * sizeof(uint64_t);
        first = from == 0 ? 0 : pirn__index_blocks_for(from);
        end = pirn__index_blocks_for(to);
    }
    pirn_assert(part < PARTS && first < end);
    pirn_prep_fallocate(op, log->index_fd, 0, at + first * each,
                        (end - first) * each);
}

static void all_are_backed(struct pirn__log *log, uint32_t to)
{
    pirn__atom_raise(&log->index.head->slots_backed, to);
}

int pirn__log_back_slots(struct pirn__log *log, uint32_t slots)
{
    uint32_t from = pirn__log_slots_backed(log);
    uint32_t to = slots > from ? target(log, slots - 1) : from;
    struct pirn_op op = {0};
    int r = 0;

    for (enum part part = SLOTS; to > from && r == 0 && part < PARTS; part++) {
        prep_part(log, &op, part, from, to);
        r = pirn_wait(log->context, &op);
    }
    if (r == 0) {
        all_are_backed(log, to);
    }
    return r;
}

static void end(struct pirn__log *log, int32_t result)
{
    log->backing.is_running = false;
    if (result == 0) {
        all_are_backed(log, target(log, log->backing.from));
    }
    pirn__waiters_finish(log->context, &log->backing.waiters, result);
}

static void backed(struct pirn_op *op, int32_t result);

static void start_part(struct pirn__log *log, enum part part)
{
    struct pirn__backing *backing = &log->backing;

    backing->part = part;
    prep_part(log, &backing->step, part, backing->from,
              target(log, backing->from));
    pirn_start(log->context, &backing->step, backed);
}

static void backed(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, backing.step);
    enum part next = (enum part)(log->backing.part + 1);

    if (result < 0 || next == PARTS) {
        end(log, result);
        return;
    }
    start_part(log, next);
}

/* First come, first served, so that enqueueing keeps its order. */
static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__backing_wait *wait =
        pirn_container_of(op, struct pirn__backing_wait, waiter.op);
    struct pirn__backing *backing = &wait->log->backing;

    if (pirn__log_slots_backed(wait->log) > wait->from) {
        pirn_task_finish(context, op, 0); /* somebody else was faster */
        return;
    }
    pirn__waiters_push(&backing->waiters, &wait->waiter);
    if (!backing->is_running) {
        backing->is_running = true;
        backing->from = wait->from;
        start_part(wait->log, SLOTS);
    }
}

void pirn__prep_backing(struct pirn__backing_wait *wait, struct pirn__log *log,
                        uint32_t from)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    pirn_assert(from < log->text.size.slots);
    wait->log = log;
    wait->from = from;
    pirn_prep_task(&wait->waiter.op, &verbs);
}
