/* SPDX-License-Identifier: MIT */
/*
 * owners.c - who has the spool open, and how many items each has
 *
 *   the dead are recovered -> all entries, one read -> the log's words
 *     -> of each queue and owner: list .checkout/O
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/task.h>

#include "spool/log/fence.h"
#include "spool/owner.h"

enum { ENTRIES_BYTES = PIRN__SLOTS * PIRN__OWNER_ENTRY_BYTES };

struct pirn_owners_work {
    struct pirn_owners *owners;
    struct pirn_spool *spool;
    struct pirn__sweep_wait sweep;
    struct pirn_op read;
    uint8_t entries[ENTRIES_BYTES];
    uint64_t claims[PIRN__SLOTS];
    struct pirn__id_scan scan;
    uint32_t queue_at;
    uint32_t owner_at;
};

static void scan_next(struct pirn_owners_work *work);

static void end(struct pirn_owners_work *work, int32_t result)
{
    struct pirn_owners *owners = work->owners;
    struct pirn_spool *spool = work->spool;

    pirn_assert(spool->open_count > 0);
    spool->open_count--;
    owners->priv.work = NULL;
    pirn__ids_deinit(&work->scan.ids);
    pirn__ids_deinit(&work->scan.next);
    free(work);
    if (result < 0) {
        pirn_owners_end(owners);
    }
    pirn_task_finish(spool->context, &owners->op, result);
}

/* ---- what they have ---- */

static void listed(struct pirn_op *op, int32_t result)
{
    struct pirn_owners_work *work =
        pirn_container_of(op, struct pirn_owners_work, scan.scan.op);

    if (result < 0 && result != -ENOENT) {
        end(work, result);
        return;
    }
    if (result == 0) { /* else he never claimed there */
        work->owners->owners[work->owner_at].claims += work->scan.ids.count;
    }
    work->owner_at++;
    scan_next(work);
}

static void scan_next(struct pirn_owners_work *work)
{
    struct pirn_spool *spool = work->spool;

    if (work->owner_at == work->owners->count) {
        work->owner_at = 0;
        work->queue_at++;
    }
    if (work->queue_at >= spool->queue_count) {
        end(work, 0);
        return;
    }
    pirn__name_checkout_dir(&work->scan.scan.path,
                            spool->queues[work->queue_at]->name,
                            work->owners->owners[work->owner_at].slot);
    pirn__prep_id_scan(&work->scan, spool->root_fd);
    pirn_start(spool->context, &work->scan.scan.op, listed);
}

/* ---- who they are ---- */

static void add_owner(struct pirn_owners_work *work, uint32_t slot,
                      uint32_t bytes)
{
    struct pirn_owners *owners = work->owners;
    struct pirn__owner_entry entry = {0};
    uint32_t at = slot * PIRN__OWNER_ENTRY_BYTES;

    if (at + PIRN__OWNER_ENTRY_BYTES <= bytes) {
        int r = pirn__owner_entry_decode(work->entries + at, slot, &entry);
        pirn_assert(r == 0 || entry.pid == 0);
    }
    owners->owners[owners->count++] = (struct pirn_spool_owner){
        .slot = slot,
        .pid = entry.pid,
        .start_ticks = entry.start_ticks,
        .opened_ns = entry.opened_ns,
        .lease_ns = entry.lease_ns,
        .lease_until_ns = entry.until_ns,
        .claims = work->claims[slot],
        .is_self = slot == work->spool->slot,
    };
}

static void have_entries(struct pirn_op *op, int32_t result)
{
    struct pirn_owners_work *work =
        pirn_container_of(op, struct pirn_owners_work, read);
    struct pirn_spool *spool = work->spool;

    if (result < 0) {
        end(work, result);
        return;
    }
    if (spool->log != NULL) {
        pirn__log_claims(spool->log, work->claims);
    }
    for (uint32_t slot = 0; slot < PIRN__SLOTS; slot++) {
        if (pirn__owner_lives(spool, slot)) {
            add_owner(work, slot, (uint32_t)result);
        }
    }
    scan_next(work);
}

static void swept(struct pirn_op *op, int32_t result)
{
    struct pirn_owners_work *work =
        pirn_container_of(op, struct pirn_owners_work, sweep.waiter.op);
    struct pirn_spool *spool = work->spool;

    pirn_assert(result <= 0);
    pirn_prep_read(&work->read, spool->owners_fd, work->entries, ENTRIES_BYTES,
                   PIRN__OWNER_ENTRIES_AT);
    pirn_start(spool->context, &work->read, have_entries);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_owners *owners = pirn_container_of(op, struct pirn_owners, op);
    struct pirn_spool *spool = owners->priv.spool;

    if (pirn__settle_holds(spool, op, begin)) {
        return;
    }
    struct pirn_owners_work *work = calloc(1, sizeof(*work));
    pirn_assert_rule(owners->owners == NULL, "what was found before is ended");
    owners->owners = calloc(PIRN__SLOTS, sizeof(*owners->owners));
    owners->count = 0;
    if (work == NULL || owners->owners == NULL) {
        free(work);
        pirn_owners_end(owners);
        pirn_task_finish(context, op, -ENOMEM);
        return;
    }
    work->owners = owners;
    work->spool = spool;
    owners->priv.work = work;
    spool->open_count++;
    pirn__prep_sweep(&work->sweep, spool);
    pirn_start(context, &work->sweep.waiter.op, swept);
}

void pirn_prep_owners(struct pirn_owners *owners, struct pirn_spool *spool)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    pirn_assert(spool != NULL);
    owners->priv.spool = spool;
    pirn_prep_task(&owners->op, &verbs);
}

void pirn_owners_end(struct pirn_owners *owners)
{
    free(owners->owners);
    owners->owners = NULL;
    owners->count = 0;
}
