/* SPDX-License-Identifier: MIT */
/*
 * whole_sync.c - a context that calls syncfs, and who is on board
 *
 *   asked -> waiting -> flight -> posted there: syncfs, stat -> posted back
 *         -> finished
 *
 * As in group_sync.c one call is in flight, and only who waited when it began
 * boards it. The call holds its thread up for as long as the disk takes: so it
 * has a context and a thread of its own, from the first call on. Of what is
 * here that touches @call alone, which is its own from post to post.
 *
 * An error of writing back is told to each descriptor that was open when it
 * happened, once: ours is open as long as the spool is, and the first one is
 * final.
 *
 * A spool is the root of an ext4 if it is the root of a mount and has the inode
 * that only the root has there. Other directories may be a mount's root, too:
 * one that is bound to another place has neighbours.
 */
#include "spool/file/whole_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <pirn/file.h>
#include <pirn/group.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/post.h>
#include <pirn/task.h>

#include "spool/spool.h"

enum {
    WORTH = 4, /* below that each waits for its own files */
    EXT4_ROOT_INODE = 2,
};

/* What the other thread has while one is in flight. */
struct call {
    struct pirn_op post; /* there, and back */
    struct pirn_op step;
    struct statx statx;
    struct pirn_context *context; /* there */
    int fd;
    int32_t result;
};

struct pirn__whole_sync {
    struct pirn_context *context;
    struct pirn_group *group; /* NULL: nobody has called yet */
    bool has_failed;          /* to make one */
    struct pirn__waiters flight;
    struct pirn__waiters waiting;
    bool flying;
    int32_t error; /* of the first call that failed: final */
    struct call call;
};

static void fly(struct pirn__whole_sync *whole);

static void landed(struct pirn_op *op, int32_t result)
{
    struct pirn__whole_sync *whole =
        pirn_container_of(op, struct pirn__whole_sync, call.post);

    pirn_assert(whole->flying && result == 0);
    pirn_assert(whole->call.result <= 0 && whole->error == 0);
    whole->flying = false;
    whole->error = whole->call.result;
    pirn__waiters_finish(whole->context, &whole->flight, whole->error);
    if (whole->error < 0) {
        pirn__waiters_finish(whole->context, &whole->waiting, whole->error);
    } else if (whole->waiting.head != NULL && !whole->flying) {
        fly(whole);
    }
}

/* ---- on the other thread ---- */

static void called(struct call *call, int32_t result)
{
    struct pirn__whole_sync *whole =
        pirn_container_of(call, struct pirn__whole_sync, call);

    pirn_assert(result <= 0);
    call->result = result;
    pirn_post(whole->context, &call->post, landed);
}

static void confirmed(struct pirn_op *op, int32_t result)
{
    called(pirn_container_of(op, struct call, step), result);
}

/* It is believed when the file system answers after it, as group_sync.c has
 * it. */
static void synced(struct pirn_op *op, int32_t result)
{
    struct call *call = pirn_container_of(op, struct call, step);

    if (result < 0) {
        called(call, result);
        return;
    }
    pirn_prep_stat(&call->step, call->fd, "", AT_EMPTY_PATH, STATX_TYPE,
                   &call->statx);
    pirn_start(call->context, &call->step, confirmed);
}

static void arrived(struct pirn_op *op, int32_t result)
{
    struct call *call = pirn_container_of(op, struct call, post);

    pirn_assert(result == 0);
    pirn_prep_sync_all(&call->step, call->fd);
    pirn_start(call->context, &call->step, synced);
}

/* ---- who waits ---- */

static void fly(struct pirn__whole_sync *whole)
{
    pirn_assert(!whole->flying && whole->group != NULL);
    pirn_assert(whole->flight.head == NULL && whole->error == 0);
    whole->flying = true;
    whole->flight = pirn__waiters_take(&whole->waiting);
    pirn_post(whole->call.context, &whole->call.post, arrived);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__whole_wait *wait =
        pirn_container_of(op, struct pirn__whole_wait, waiter.op);
    struct pirn__whole_sync *whole = wait->whole;

    pirn_assert(context == whole->context);
    if (whole->error < 0) {
        pirn_task_finish(context, op, whole->error);
        return;
    }
    pirn__waiters_push(&whole->waiting, &wait->waiter);
    if (!whole->flying) {
        fly(whole);
    }
}

static const struct pirn_task_verbs verbs = {.begin = begin};

void pirn__prep_whole_sync(struct pirn__whole_wait *wait,
                           struct pirn__whole_sync *whole)
{
    pirn_assert(whole != NULL && whole->group != NULL);
    wait->whole = whole;
    pirn_prep_task(&wait->waiter.op, &verbs);
}

static bool start_group(struct pirn__whole_sync *whole)
{
    const struct pirn_group_config config = {.count = 1};

    pirn_assert(whole->group == NULL);
    whole->has_failed = pirn_group_create(&config, &whole->group) < 0;
    if (!whole->has_failed) {
        whole->call.context = pirn_group_context(whole->group, 0);
    }
    return !whole->has_failed;
}

bool pirn__whole_sync_is_worth(struct pirn_spool *spool)
{
    struct pirn__whole_sync *whole = spool->whole;

    if (whole == NULL || spool->publishing < WORTH || whole->has_failed) {
        return false;
    }
    return whole->group != NULL || start_group(whole);
}

/* ---- open and close ---- */

static bool is_root(struct pirn_spool *spool)
{
    struct statx statx = {0};
    struct pirn_op op = {0};

    pirn_prep_stat(&op, spool->root_fd, "", AT_EMPTY_PATH, STATX_INO, &statx);
    return pirn_wait(spool->context, &op) == 0 &&
           (statx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0 &&
           statx.stx_ino == EXT4_ROOT_INODE;
}

void pirn__whole_sync_open(struct pirn_spool *spool)
{
    pirn_assert(spool->whole == NULL && spool->root_fd >= 0);
    struct pirn__whole_sync *whole =
        is_root(spool) ? calloc(1, sizeof(*whole)) : NULL;
    if (whole == NULL) {
        return; /* or no memory: it is not needed */
    }
    whole->context = spool->context;
    whole->call.fd = spool->root_fd;
    spool->whole = whole;
}

void pirn__whole_sync_close(struct pirn_spool *spool)
{
    struct pirn__whole_sync *whole = spool->whole;

    if (whole == NULL) {
        return;
    }
    pirn_assert(!whole->flying && whole->waiting.head == NULL);
    (void)pirn_group_destroy(whole->group);
    free(whole);
    spool->whole = NULL;
}
