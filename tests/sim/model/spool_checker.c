/* SPDX-License-Identifier: MIT */
/* spool_checker.c - see spool_checker.h */
#include "tests/sim/model/spool_checker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/pirn.h>
#include <pirn/spool.h>

#include "tests/sim/model/process.h"
#include "tests/sim/model/spool_worker.h"

enum { CHECKS_MAX = 4 };

/* 60 of them are longer than anything that is late. */
#define GRACE_MIN_MS 500
#define GRACE_MAX_MS 2000
#define NS_PER_MS UINT64_C(1000000)

/* Whose body stands at a finding's path; UINT32_MAX: it has been moved, or its
 * first bytes say nothing. */
static uint32_t body_at(const struct spool_checking *checking, const char *path)
{
    struct disk *disk = checking->check->world->disk;
    char name[sizeof(WORKER_SPOOL) + PIRN_FINDING_PATH];
    uint8_t bytes[4];
    uint32_t inode;

    (void)snprintf(name, sizeof(name), WORKER_SPOOL "/%s", path);
    if (disk_open(disk, DISK_ROOT, name, O_RDONLY, 0, 0, &inode) < 0) {
        return UINT32_MAX;
    }
    int64_t len = disk_read(disk, inode, 0, bytes, sizeof(bytes));
    disk_release(disk, inode);
    uint32_t number = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 |
                      (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
    return len == sizeof(bytes) && number < checking->check->count ? number
                                                                   : UINT32_MAX;
}

static bool somebody_died(const struct world *world)
{
    return world->faults.happened[FAULT_KILL] > 0 || world->boots > 0;
}

/* A body that belongs to nobody: not to an item that has to be there, nor to
 * one that somebody living is making, or has. */
static bool may_be_orphaned(const struct spool_checking *checking,
                            const struct pirn_finding *finding)
{
    const struct check_spool *check = checking->check;
    uint32_t number = check_spool_known(check, &finding->id);

    if (number == UINT32_MAX) {
        number = body_at(checking, finding->path);
        return number == UINT32_MAX || !check_spool_is_busy(check, number);
    }
    return !check_spool_must_be_there(&check->items[number]) &&
           !check_spool_is_busy(check, number);
}

#define QUEUE_TEXT ".log/queues/new." /* half made */

static bool may_find(const struct spool_checking *checking,
                     const struct pirn_finding *finding)
{
    const struct check_spool *check = checking->check;

    if (finding->has_id && check_spool_unreadable(check, &finding->id)) {
        return true;
    }
    if (check_hurt_may_find(check, finding)) {
        return true;
    }
    switch (finding->fault) {
    case PIRN_FAULT_ORPHANED:
        return somebody_died(check->world) &&
               may_be_orphaned(checking, finding);
    case PIRN_FAULT_LEFTOVER: /* of two who make one thing one is too late; or
                                 who makes it takes longer than is waited for */
        return somebody_died(check->world) ||
               strncmp(finding->path, ".making/", strlen(".making/")) == 0 ||
               (check->world->faults.happened[FAULT_LATE] > 0 &&
                strncmp(finding->path, QUEUE_TEXT, strlen(QUEUE_TEXT)) == 0);
    case PIRN_FAULT_OVERDUE:
        return true;
    case PIRN_FAULT_BAD_SEGMENT: /* a new one in which a cut left old bytes */
        return check->world->boots > 0 &&
               disk_profile(check->world->disk) == DISK_CHAOS &&
               strstr(finding->path, ".damaged.") != NULL;
    case PIRN_FAULT_STRAY:
    case PIRN_FAULT_TOO_OLD:
    case PIRN_FAULT_DUPLICATED:
    case PIRN_FAULT_NO_BODY:
    case PIRN_FAULT_BAD_BODY:
    case PIRN_FAULT_BAD_RECORD:
    case PIRN_FAULT_MISPLACED:
    case PIRN_FAULT_STALE_CLAIM:
    case PIRN_FAULTS:
        break;
    }
    return false;
}

static void judge(const struct spool_checking *checking,
                  const struct pirn_finding *finding)
{
    char id[PIRN_ID_TEXT] = "";

    if (finding->has_id) {
        pirn_id_format(&finding->id, id);
    }
    if (!may_find(checking, finding)) {
        world_fail(checking->check->world, "found %s %s in %s at %s",
                   pirn_fault_name(finding->fault), id, finding->queue,
                   finding->path);
    }
}

void spool_checking_run(struct spool_checking *checking)
{
    struct pirn_check check = {0};

    checking->count = 0;
    pirn_prep_check(&check, checking->spool, &checking->config);
    checking->result = pirn_wait(checking->context, &check.op);
    if (checking->result < 0) {
        return;
    }
    do {
        pirn_prep_check_next(&check);
        checking->result = pirn_wait(checking->context, &check.op);
        if (checking->result == 1 && checking->count < CHECKER_FOUND &&
            check.finding.fault != PIRN_FAULT_OVERDUE) {
            checking->found[checking->count++] = check.finding;
        }
        if (checking->result == 1 && checking->is_sound) {
            judge(checking, &check.finding);
        }
    } while (checking->result == 1);
    pirn_prep_check_end(&check);
    (void)pirn_wait(checking->context, &check.op);
}

static void draw_config(struct spool_checking *checking, struct rng *rng)
{
    checking->config = (struct pirn_check_config){
        .repair = rng_coin(rng),
        .deep = rng_below(rng, 3) == 0,
        .grace_ns = rng_between(rng, GRACE_MIN_MS, GRACE_MAX_MS) * NS_PER_MS,
    };
}

void spool_checker_run(void *argument)
{
    struct spool_worker *worker = argument;
    struct spool_checking *checking = calloc(1, sizeof(*checking));
    uint32_t checks = rng_between(&worker->rng, 1, CHECKS_MAX);

    checking->check = worker->check;
    checking->is_sound = worker->check->is_sound;
    checking->context = process_context(worker->check->world);
    if (spool_worker_open(worker, checking->context, &checking->spool)) {
        for (uint32_t i = 0; i < checks; i++) {
            draw_config(checking, &worker->rng);
            spool_checking_run(checking);
            world_note(worker->check->world,
                       "found: ", (int32_t)checking->count);
        }
        pirn_spool_close(checking->spool);
    }
    pirn_context_destroy(checking->context);
    free(checking);
}
