/* SPDX-License-Identifier: MIT */
/*
 * lease.c - our entry among the owners, and how long we are believed
 *
 *   claim has an item --+                        +--> one more, if it was asked
 *   renew --------------+--> write of our entry -+--> renewals end
 *
 * A lease is the open's, not each claim's: one word says until when, and every
 * new item moves it on. A claim does not wait for the write: until it lands we
 * may be fenced out by who reads the time before, which costs us the item and
 * nobody else anything.
 *
 * What stands in our slot's entry before the first write is another's, and his
 * time may be over: who keeps that is fenced out again and again, under his
 * name. So an open that cannot write its entry is none, but for want of room:
 * on a full disk removals have to be possible. Then each item that we claim is
 * another try, until one is written.
 */
#include "spool/lease.h"

#include <errno.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/spool.h"

/* A time that is older than this part of a lease is written anew. */
enum { FRESH_PART = 8 };

static void write_entry(struct pirn_spool *spool);

static uint64_t until_ns(const struct pirn_spool *spool)
{
    uint64_t now_ns = pirn_context_realtime_ns(spool->context);
    uint64_t lease_ns = spool->lease.entry.lease_ns;

    return lease_ns < UINT64_MAX - now_ns ? now_ns + lease_ns : UINT64_MAX;
}

static void prep_write(struct pirn_spool *spool)
{
    struct pirn__lease *lease = &spool->lease;

    pirn_assert(spool->owners_fd >= 0 && lease->entry.slot == spool->slot);
    pirn__owner_entry_encode(&lease->entry, lease->bytes);
    pirn_prep_write(&lease->write, spool->owners_fd, lease->bytes,
                    sizeof(lease->bytes), pirn__owner_entry_at(spool->slot));
}

static bool is_no_room(int32_t result)
{
    return result == -ENOSPC || result == -EDQUOT;
}

int pirn__lease_open(struct pirn_spool *spool, uint64_t lease_ns)
{
    struct pirn_identity identity = {0};

    pirn_context_identity(spool->context, &identity);
    spool->lease.entry = (struct pirn__owner_entry){
        .slot = spool->slot,
        .pid = identity.pid,
        .start_ticks = identity.start_ticks,
        .opened_ns = pirn_context_realtime_ns(spool->context),
        .lease_ns = lease_ns,
    };
    prep_write(spool);
    int32_t r = pirn_wait(spool->context, &spool->lease.write);
    spool->lease.is_owed = r != PIRN__OWNER_ENTRY_BYTES;
    return r < 0 && !is_no_room(r) ? r : 0;
}

static void finish_all(struct pirn_spool *spool, struct pirn_renewal *renewals,
                       int32_t result)
{
    while (renewals != NULL) {
        struct pirn_renewal *renewal = renewals;
        renewals = renewal->priv.next;
        pirn_task_finish(spool->context, &renewal->op, result);
    }
}

static void written(struct pirn_op *op, int32_t result)
{
    struct pirn_spool *spool =
        pirn_container_of(op, struct pirn_spool, lease.write);
    struct pirn__lease *lease = &spool->lease;
    struct pirn_renewal *ended = lease->flying;

    pirn_assert(lease->is_writing);
    lease->is_writing = false;
    lease->flying = NULL;
    lease->is_owed = result != PIRN__OWNER_ENTRY_BYTES;
    if (lease->is_owed) {
        lease->entry.until_ns = 0; /* the next item writes again */
    }
    if (lease->is_asked) {
        write_entry(spool);
    }
    finish_all(spool, ended,
               result < 0 && lease->entry.lease_ns > 0 ? result : 0);
}

static void write_entry(struct pirn_spool *spool)
{
    struct pirn__lease *lease = &spool->lease;

    pirn_assert(lease->entry.lease_ns > 0 || lease->is_owed);
    pirn_assert(!lease->is_writing);
    lease->is_asked = false;
    lease->is_writing = true;
    lease->flying = lease->waiting;
    lease->waiting = NULL;
    lease->entry.until_ns = lease->entry.lease_ns > 0 ? until_ns(spool) : 0;
    prep_write(spool);
    pirn_start(spool->context, &lease->write, written);
}

void pirn__lease_touch(struct pirn_spool *spool)
{
    struct pirn__lease *lease = &spool->lease;

    if (lease->is_writing) {
        return; /* what is in flight is younger than this turn's beginning */
    }
    uint64_t fresh_ns = lease->entry.lease_ns / FRESH_PART;
    bool is_old = lease->entry.lease_ns > 0 &&
                  until_ns(spool) - lease->entry.until_ns >= fresh_ns;
    if (is_old || lease->is_owed) {
        write_entry(spool);
    }
}

static void renew_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_renewal *renewal =
        pirn_container_of(op, struct pirn_renewal, op);
    struct pirn_spool *spool = renewal->priv.spool;
    struct pirn__lease *lease = &spool->lease;

    pirn_assert(context == spool->context);
    if (lease->entry.lease_ns == 0 && !lease->is_writing) {
        pirn_task_finish(context, op, 0);
        return;
    }
    if (lease->entry.lease_ns == 0) {
        renewal->priv.next = lease->flying;
        lease->flying = renewal;
        return;
    }
    renewal->priv.next = lease->waiting;
    lease->waiting = renewal;
    lease->is_asked = true;
    if (!lease->is_writing) {
        write_entry(spool);
    }
}

void pirn_prep_renew(struct pirn_renewal *renewal, struct pirn_spool *spool)
{
    static const struct pirn_task_verbs verbs = {.begin = renew_begin};

    pirn_assert(spool != NULL);
    renewal->priv.spool = spool;
    pirn_prep_task(&renewal->op, &verbs);
}

/* One more write ends behind the one that is in flight. */
void pirn__lease_close(struct pirn_spool *spool)
{
    struct pirn_renewal last = {0};

    if (spool->lease.is_writing) {
        pirn_prep_renew(&last, spool);
        (void)pirn_wait(spool->context, &last.op);
    }
    pirn_assert(!spool->lease.is_writing && spool->lease.waiting == NULL);
}
