/* SPDX-License-Identifier: MIT */
/*
 * group_sync.c - one flight at a time, and who is on board
 *
 *   asked -> waiting -> flight -> finished
 *
 * The first who asks lets the turn end before it starts: so all who ask in one
 * turn share one.
 *
 * An entry that was made before its wait began is covered by every fsync which
 * starts later, and only waits that were there when the fsync started board it.
 * So a wait ends with 0 only after an fsync that started behind its entry.
 *
 * The descriptor stays open from the first fsync on: an error of the file
 * system is reported to descriptors that were open when it happened.
 *
 * An fsync's 0 is believed when the file system has answered one question more
 * (pirn_prep_confirm()): others may have been told of the failure, and we not.
 * A journal is marked as failed before its last commit has ended, so who asks
 * after the fsync hears it.
 */
#include "spool/group_sync.h"

#include <errno.h>
#include <fcntl.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/timer.h>

#include "runtime/plant.h"
#include "spool/opens.h"

static void fly(struct pirn__sync *sync);

static struct pirn__sync *sync_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn__sync, op);
}

/* The flight is over, and nobody who waits can be served better. */
static void fail(struct pirn__sync *sync, int32_t result)
{
    pirn_assert(result < 0);
    sync->flying = false;
    pirn__waiters_finish(sync->context, &sync->flight, result);
    pirn__waiters_finish(sync->context, &sync->waiting, result);
}

static void end(struct pirn__sync *sync, int32_t result)
{
    pirn_assert(sync->flying && sync->error == 0);
    if (result < 0) {
        sync->error = result;
        fail(sync, result);
        return;
    }
    pirn__waiters_finish(sync->context, &sync->flight, 0);
    sync->flying = sync->waiting.head != NULL;
    if (sync->flying) {
        fly(sync);
    }
}

bool pirn__was_not_asked(int32_t result)
{
    return result == -ENOMEM || result == -EINTR || result == -EAGAIN ||
           result == -ECANCELED;
}

static void confirmed(struct pirn_op *op, int32_t result)
{
    struct pirn__sync *sync = sync_of(op);

    if (pirn__was_not_asked(result)) {
        fail(sync, result);
        return;
    }
    end(sync, pirn_confirmed(result));
}

static void synced(struct pirn_op *op, int32_t result)
{
    struct pirn__sync *sync = sync_of(op);

    pirn_assert(sync->fd >= 0);
    if (result < 0) {
        end(sync, result);
        return;
    }
    pirn_prep_confirm(&sync->op, sync->fd);
    pirn_start(sync->context, &sync->op, confirmed);
}

static void opened(struct pirn_op *op, int32_t result)
{
    struct pirn__sync *sync = sync_of(op);

    pirn_assert(sync->flying && sync->fd < 0);
    if (result < 0) {
        fail(sync, result); /* nothing was tried: not final */
        return;
    }
    sync->fd = result;
    fly(sync);
}

static void fly(struct pirn__sync *sync)
{
    pirn_assert(sync->flying);
    pirn_assert(sync->error == 0);

    if (sync->fd < 0) {
        pirn__prep_open(&sync->op, sync->root_fd, sync->path.text,
                        O_RDONLY | O_DIRECTORY);
        pirn_start(sync->context, &sync->op, opened);
        return;
    }
    pirn_assert(sync->flight.head == NULL);
    sync->flight = pirn__waiters_take(&sync->waiting);
    pirn_prep_fsync(&sync->op, sync->fd, PIRN_SYNC_ALL);
    pirn_start(sync->context, &sync->op, synced);
    if (pirn__planted("acknowledged-early")) {
        pirn__waiters_finish(sync->context, &sync->flight, 0);
    }
}

static void boarded(struct pirn_op *op, int32_t result)
{
    (void)result; /* the fsync fails likewise */
    fly(sync_of(op));
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__sync_wait *wait =
        pirn_container_of(op, struct pirn__sync_wait, waiter.op);
    struct pirn__sync *sync = wait->sync;

    pirn_assert(context == sync->context);
    if (sync->error < 0) {
        pirn_task_finish(context, op, sync->error);
        return;
    }
    pirn__waiters_push(sync->flying && pirn__planted("boarded-in-flight")
                           ? &sync->flight
                           : &sync->waiting,
                       &wait->waiter);
    if (!sync->flying) {
        sync->flying = true;
        pirn_prep_immediate(&sync->op);
        pirn_start(context, &sync->op, boarded);
    }
}

static const struct pirn_task_verbs verbs = {.begin = begin};

void pirn__prep_sync(struct pirn__sync_wait *wait, struct pirn__sync *sync)
{
    pirn_assert(sync->path.text[0] != '\0');
    wait->sync = sync;
    pirn_prep_task(&wait->waiter.op, &verbs);
}

void pirn__sync_init(struct pirn__sync *sync, struct pirn_context *context,
                     int root_fd)
{
    pirn_assert(context != NULL && root_fd >= 0);
    sync->context = context;
    sync->root_fd = root_fd;
    sync->fd = -1;
}

void pirn__sync_deinit(struct pirn__sync *sync)
{
    pirn_assert(!sync->flying && sync->waiting.head == NULL);
    if (sync->fd >= 0) {
        pirn_prep_close(&sync->op, sync->fd);
        (void)pirn_wait(sync->context, &sync->op);
        sync->fd = -1;
    }
}
