/* SPDX-License-Identifier: MIT */
/*
 * owner.c - the lock alone decides who lives
 *
 * An owner is one open of the spool. It holds an open-file-description lock on
 * byte SLOT of .owners, which the kernel takes back when the last descriptor of
 * that open is gone: at close, or when the process has died. Whoever gets the
 * lock of another slot owns what its last owner left there until he lets go.
 *
 * Locks of one open do not conflict with each other, so one sweep at a time:
 * it holds at most one slot besides ours.
 *
 * Of who lives his entry is read (owner_entry.h). Where his lease is over, what
 * he has is taken from him, and again 10 s later if his entry still says so: he
 * may have been stopped between a claim and the word of it.
 *
 * The byte behind the slots is the gate, through which owners come one by one.
 * Who could lock all slots behind it is alone: nobody else has the spool open,
 * nor can open it until the gate is open again.
 */
#include "spool/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>
#include <pirn/timer.h>

#include "runtime/plant.h"
#include "spool/opens.h"

#define SWEEP_EVERY_NS 250000000ull
#define GATE_EVERY_NS 5000000ull
#define FENCE_EVERY_NS 10000000000ull

/* The byte of .owners that is nobody's. */
enum { GATE = PIRN__SLOTS };

static void sweep_next(struct pirn__sweep *sweep);

static int32_t wait_for(struct pirn_spool *spool, struct pirn_op *op)
{
    return pirn_wait(spool->context, op);
}

/* .tmp/SLOT, and its name durable, before anything stands in it. */
static int make_own_dir(struct pirn_spool *spool)
{
    struct pirn__name name;
    struct pirn_op op = {0};

    pirn__name_tmp_dir(&name, spool->slot);
    pirn_prep_mkdir(&op, spool->root_fd, name.text, PIRN__DIR_MODE);
    int r = wait_for(spool, &op);
    if (r < 0 && r != -EEXIST) {
        return r;
    }
    pirn__prep_open(&op, spool->root_fd, PIRN__NAME_TMP,
                    O_RDONLY | O_DIRECTORY);
    int fd = wait_for(spool, &op);
    if (fd < 0) {
        return fd;
    }
    pirn_prep_fsync(&op, fd, PIRN_SYNC_ALL);
    r = wait_for(spool, &op);
    pirn_prep_close(&op, fd);
    (void)wait_for(spool, &op);
    return r;
}

static int lock(struct pirn_spool *spool, uint32_t first, uint32_t count,
                enum pirn_lock what)
{
    struct pirn_op op = {0};

    pirn_assert(spool->owners_fd >= 0);
    pirn_prep_lock(&op, spool->owners_fd, first, count, what);
    return wait_for(spool, &op);
}

int pirn__owner_open_gate(struct pirn_spool *spool)
{
    return lock(spool, GATE, 1, PIRN_LOCK_RELEASE);
}

void pirn__prep_owner_gate(struct pirn_op *op, struct pirn_spool *spool)
{
    pirn_prep_lock(op, spool->owners_fd, GATE, 1, PIRN_LOCK_RELEASE);
}

static int close_gate(struct pirn_spool *spool)
{
    struct pirn_op op = {0};
    int r = lock(spool, GATE, 1, PIRN_LOCK_EXCLUSIVE);

    while (r == -EAGAIN) {
        pirn_prep_timer(&op, GATE_EVERY_NS);
        r = wait_for(spool, &op);
        r = r < 0 ? r : lock(spool, GATE, 1, PIRN_LOCK_EXCLUSIVE);
    }
    return r;
}

bool pirn__owner_is_alone(struct pirn_spool *spool)
{
    if (lock(spool, GATE, 1, PIRN_LOCK_EXCLUSIVE) < 0) {
        return false;
    }
    if (lock(spool, 0, PIRN__SLOTS, PIRN_LOCK_EXCLUSIVE) == 0) {
        return true;
    }
    int r = pirn__owner_open_gate(spool);
    (void)r; /* what cannot be let go of goes when we close */
    return false;
}

static int take_free_slot(struct pirn_spool *spool)
{
    for (uint32_t slot = 0; slot < PIRN__SLOTS; slot++) {
        int r = lock(spool, slot, 1, PIRN_LOCK_EXCLUSIVE);
        if (r != -EAGAIN) {
            spool->slot = slot;
            return r;
        }
    }
    return -EUSERS;
}

int pirn__owner_take_slot(struct pirn_spool *spool, bool *ret_alone)
{
    int r = close_gate(spool);

    if (r < 0) {
        return r;
    }
    r = lock(spool, 0, PIRN__SLOTS, PIRN_LOCK_EXCLUSIVE);
    bool alone = r == 0;
    if (r == 0) {
        spool->slot = 0;
        r = lock(spool, 1, PIRN__SLOTS - 1, PIRN_LOCK_RELEASE);
    } else if (r == -EAGAIN) {
        r = take_free_slot(spool);
        r = r == 0 ? pirn__owner_open_gate(spool) : r;
    }
    r = r == 0 ? make_own_dir(spool) : r;
    if (r == 0) {
        *ret_alone = alone;
    }
    return r;
}

bool pirn__sweep_is_due(const struct pirn_spool *spool)
{
    return !spool->settle.is_pending &&
           pirn_context_now_ns(spool->context) - spool->swept_ns >=
               SWEEP_EVERY_NS;
}

bool pirn__owner_lives(const struct pirn_spool *spool, uint32_t slot)
{
    pirn_assert(slot < PIRN__SLOTS);
    return slot == spool->slot ||
           (spool->living_slots[slot / 64] >> slot % 64 & 1) != 0;
}

static void finish(struct pirn__sweep *sweep)
{
    struct pirn_spool *spool = sweep->spool;

    pirn_assert(spool->sweeping);
    spool->sweeping = false;
    spool->living = sweep->living;
    memcpy(spool->living_slots, sweep->lives, sizeof(spool->living_slots));
    spool->swept_ns = pirn_context_now_ns(spool->context);
    pirn__waiters_finish(spool->context, &spool->sweep_waiters, 0);
}

static void unlocked(struct pirn_op *op, int32_t result)
{
    struct pirn__sweep *sweep = pirn_container_of(op, struct pirn__sweep, lock);

    pirn_assert(result <=
                0); /* at worst the slot stays ours, empty, until we close */
    sweep_next(sweep);
}

static void give_slot_back(struct pirn__sweep *sweep)
{
    struct pirn_spool *spool = sweep->spool;

    pirn_prep_lock(&sweep->lock, spool->owners_fd, sweep->recover.slot, 1,
                   PIRN_LOCK_RELEASE);
    pirn_start(spool->context, &sweep->lock, unlocked);
}

static void unreserved(struct pirn_op *op, int32_t result)
{
    (void)result; /* the next owner of the slot tries again */
    give_slot_back(pirn_container_of(op, struct pirn__sweep, unreserve.op));
}

/* Names last: whether his items are there is known by now. */
static void unreserve(struct pirn__sweep *sweep)
{
    pirn__prep_unreserve(&sweep->unreserve, sweep->spool, sweep->recover.slot);
    pirn_start(sweep->spool->context, &sweep->unreserve.op, unreserved);
}

static void rescued(struct pirn_op *op, int32_t result)
{
    struct pirn__sweep *sweep =
        pirn_container_of(op, struct pirn__sweep, rescue.op);

    pirn_assert(result <= 0); /* what it could not do is ours until we close */
    if (sweep->recover.is_unsettled) {
        give_slot_back(sweep);
        return;
    }
    unreserve(sweep);
}

static void recovered(struct pirn_op *op, int32_t result)
{
    struct pirn__sweep *sweep =
        pirn_container_of(op, struct pirn__sweep, recover.op);
    struct pirn_spool *spool = sweep->spool;

    pirn_assert(result <=
                0); /* what it could not do, the next sweep tries again */
    if (spool->log == NULL) {
        unreserve(sweep);
        return;
    }
    pirn__prep_rescue(&sweep->rescue, spool->log, (uint16_t)sweep->recover.slot,
                      !sweep->recover.is_unsettled);
    pirn_start(spool->context, &sweep->rescue.op, rescued);
}

/* ---- who lives ---- */

static void fenced(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0); /* what it could not do is tried again */
    sweep_next(pirn_container_of(op, struct pirn__sweep, fence.op));
}

/* Whether it is to be met now. */
static bool is_over(struct pirn__sweep *sweep, uint64_t until_ns, uint32_t slot)
{
    const struct pirn_spool *spool = sweep->spool;
    uint64_t now_ns = pirn_context_realtime_ns(spool->context);
    bool is_known = sweep->over[slot].until_ns == until_ns &&
                    now_ns - sweep->over[slot].met_ns < FENCE_EVERY_NS;

    if (until_ns == 0 || until_ns >= now_ns || is_known) {
        return false;
    }
    sweep->over[slot].until_ns = until_ns;
    sweep->over[slot].met_ns = now_ns;
    return true;
}

static void have_entry(struct pirn_op *op, int32_t result)
{
    struct pirn__sweep *sweep = pirn_container_of(op, struct pirn__sweep, read);
    uint32_t slot = sweep->slots.slots[sweep->at - 1];
    struct pirn__owner_entry entry;
    bool is_whole = result == PIRN__OWNER_ENTRY_BYTES &&
                    pirn__owner_entry_decode(sweep->bytes, slot, &entry) == 0;

    if (!is_whole || !is_over(sweep, entry.until_ns, slot)) {
        sweep_next(sweep);
        return;
    }
    pirn__prep_fence_slot(&sweep->fence, sweep->spool, slot, &sweep->recover);
    pirn_start(sweep->spool->context, &sweep->fence.op, fenced);
}

static void read_entry(struct pirn__sweep *sweep)
{
    struct pirn_spool *spool = sweep->spool;
    uint32_t slot = sweep->slots.slots[sweep->at - 1];

    pirn_assert(slot != spool->slot);
    sweep->living++;
    sweep->lives[slot / 64] |= UINT64_C(1) << slot % 64;
    pirn_prep_read(&sweep->read, spool->owners_fd, sweep->bytes,
                   sizeof(sweep->bytes), pirn__owner_entry_at(slot));
    pirn_start(spool->context, &sweep->read, have_entry);
}

static void locked(struct pirn_op *op, int32_t result)
{
    struct pirn__sweep *sweep = pirn_container_of(op, struct pirn__sweep, lock);

    pirn_assert(result <= 0);
    if (result < 0 && !pirn__planted("living-robbed")) {
        read_entry(sweep);
        return;
    }
    pirn_assert(sweep->slots.slots[sweep->at - 1] != sweep->spool->slot);
    pirn__prep_recover(&sweep->recover, sweep->spool,
                       sweep->slots.slots[sweep->at - 1]);
    pirn_start(sweep->spool->context, &sweep->recover.op, recovered);
}

static void sweep_next(struct pirn__sweep *sweep)
{
    struct pirn_spool *spool = sweep->spool;
    const struct pirn__slots *slots = &sweep->slots;

    pirn_assert(spool->sweeping);
    pirn_assert(sweep->at <= slots->count);
    if (sweep->at < slots->count && slots->slots[sweep->at] == spool->slot) {
        sweep->at++; /* locking it again would succeed */
    }
    if (sweep->at == slots->count) {
        finish(sweep);
        return;
    }
    pirn_prep_lock(&sweep->lock, spool->owners_fd, slots->slots[sweep->at++], 1,
                   PIRN_LOCK_EXCLUSIVE);
    pirn_start(spool->context, &sweep->lock, locked);
}

static void listed(struct pirn_op *op, int32_t result)
{
    struct pirn__sweep *sweep =
        pirn_container_of(op, struct pirn__sweep, slots.scan.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        finish(sweep);
        return;
    }
    sweep->at = 0;
    sweep->living = 0;
    memset(sweep->lives, 0, sizeof(sweep->lives));
    sweep_next(sweep);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__sweep_wait *wait =
        pirn_container_of(op, struct pirn__sweep_wait, waiter.op);
    struct pirn_spool *spool = wait->spool;

    pirn_assert(context == spool->context);
    pirn__waiters_push(&spool->sweep_waiters, &wait->waiter);
    if (spool->sweeping) {
        return;
    }
    spool->sweeping = true;
    spool->sweep->spool = spool;
    pirn__prep_slots(&spool->sweep->slots, spool->root_fd);
    pirn_start(context, &spool->sweep->slots.scan.op, listed);
}

static const struct pirn_task_verbs verbs = {.begin = begin};

void pirn__prep_sweep(struct pirn__sweep_wait *wait, struct pirn_spool *spool)
{
    wait->spool = spool;
    pirn_prep_task(&wait->waiter.op, &verbs);
}
