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

static void prep_slots(struct pirn__log *log, struct pirn_op *op, uint32_t from,
                       uint32_t to)
{
    uint64_t each = sizeof(struct pirn__slot);

    pirn_assert(from < to);
    pirn_prep_fallocate(op, log->index_fd, 0, log->index.slots_at + from * each,
                        (to - from) * each);
}

static void prep_stamps(struct pirn__log *log, struct pirn_op *op,
                        uint32_t from, uint32_t to)
{
    uint64_t each = sizeof(*log->index.stamps);

    pirn_assert(from < to);
    pirn_prep_fallocate(op, log->index_fd, 0,
                        log->index.stamps_at + from * each, (to - from) * each);
}

static void prep_blocks(struct pirn__log *log, struct pirn_op *op,
                        uint32_t from, uint32_t to)
{
    uint64_t each = log->index.catalogue.lanes.block_words * sizeof(uint64_t);
    uint64_t first = from == 0 ? 0 : pirn__index_blocks_for(from);
    uint64_t end = pirn__index_blocks_for(to);

    pirn_assert(first < end);
    pirn_prep_fallocate(op, log->index_fd, 0,
                        log->index.blocks_at + first * each,
                        (end - first) * each);
}

static void raise(struct pirn__log *log, uint32_t to)
{
    uint64_t *at = &log->index.head->slots_backed;
    uint64_t backed = pirn__atom_load(at);

    while (backed < to && !pirn__atom_swap(at, backed, to)) {
        backed = pirn__atom_load(at);
    }
}

int pirn__log_back_slots(struct pirn__log *log, uint32_t slots)
{
    uint32_t from = pirn__log_slots_backed(log);
    uint32_t to = slots > from ? target(log, slots - 1) : from;
    struct pirn_op op = {0};
    int r = 0;

    if (to > from) {
        prep_slots(log, &op, from, to);
        r = pirn_wait(log->context, &op);
    }
    if (to > from && r == 0) {
        prep_stamps(log, &op, from, to);
        r = pirn_wait(log->context, &op);
    }
    if (to > from && r == 0) {
        prep_blocks(log, &op, from, to);
        r = pirn_wait(log->context, &op);
    }
    if (r == 0) {
        raise(log, to);
    }
    return r;
}

static void end(struct pirn__log *log, int32_t result)
{
    log->backing.is_running = false;
    if (result == 0) {
        raise(log, target(log, log->backing.from));
    }
    pirn__waiters_finish(log->context, &log->backing.waiters, result);
}

static void backed_blocks(struct pirn_op *op, int32_t result)
{
    end(pirn_container_of(op, struct pirn__log, backing.step), result);
}

static void backed_stamps(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, backing.step);
    uint32_t from = log->backing.from;

    if (result < 0) {
        end(log, result);
        return;
    }
    prep_blocks(log, op, from, target(log, from));
    pirn_start(log->context, op, backed_blocks);
}

static void backed_slots(struct pirn_op *op, int32_t result)
{
    struct pirn__log *log =
        pirn_container_of(op, struct pirn__log, backing.step);
    uint32_t from = log->backing.from;

    if (result < 0) {
        end(log, result);
        return;
    }
    prep_stamps(log, op, from, target(log, from));
    pirn_start(log->context, op, backed_stamps);
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
        prep_slots(wait->log, &backing->step, wait->from,
                   target(wait->log, wait->from));
        pirn_start(context, &backing->step, backed_slots);
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
