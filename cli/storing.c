/* SPDX-License-Identifier: MIT */
/*
 * storing.c - see storing.h
 *
 *   begin -> read, append, ... -> commit ...           in turn: one source
 *                                   ... -> told        up to 64 wait for this
 *
 * A ring, the oldest first. What a source says while it is read concerns it
 * alone; what the spool says ends the work, for the next one would hear the
 * same.
 */
#include "cli/storing.h"

#include <errno.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>

void storings_init(struct storings *storings, struct tool *tool,
                   const char *queue, storing_fn *stored, void *user)
{
    storings->tool = tool;
    storings->queue = queue;
    storings->stored = stored;
    storings->user = user;
    for (uint32_t i = 0; i < STORING_MAX; i++) {
        storings->storing[i].all = storings;
    }
}

static void fail(struct storings *storings, enum code code)
{
    if (storings->failed == CODE_DONE) {
        storings->failed = code;
    }
}

static void fail_queue(struct storings *storings, int error)
{
    fail(storings,
         tool_say(storings->tool, THING_QUEUE, storings->queue, error));
}

enum code storings_miss(struct storings *storings, const char *source,
                        int error)
{
    enum code code = failure_say(THING_FILE, source, error);

    if (storings->missed == CODE_DONE) {
        storings->missed = code;
    }
    return code;
}

static void gone(struct pirn_op *op, int32_t result)
{
    struct storing *storing = pirn_container_of(op, struct storing, step);

    storing->is_going = false;
    storing->all->going--;
    if (result < 0 && result != -ENOENT) {
        (void)storings_miss(storing->all, storing->source, result);
    }
}

static void let_go(struct storing *storing)
{
    struct storings *storings = storing->all;

    storing->is_going = true;
    storings->going++;
    pirn_prep_unlink(&storing->step, storing->dir_fd, storing->name, 0);
    pirn_start(storings->tool->context, &storing->step, gone);
}

/* The oldest is durable, or never will be. */
static void tell_oldest(struct storings *storings)
{
    struct storing *oldest = &storings->storing[storings->first];

    pirn_assert(storings->count > 0);
    pirn_assert(oldest->is_over);
    storings->first = (storings->first + 1) % STORING_MAX;
    storings->count--;
    if (oldest->result < 0) {
        fail_queue(storings, oldest->result);
        return;
    }
    storings->done++;
    enum code code = storings->stored(storings->user, oldest);
    if (code != CODE_DONE) {
        fail(storings, code);
    } else if (oldest->dir_fd >= 0) {
        let_go(oldest);
    }
}

static void committed(struct pirn_op *op, int32_t result)
{
    struct storing *storing = pirn_container_of(op, struct storing, draft.op);
    struct storings *storings = storing->all;

    storing->result = result;
    storing->is_over = true;
    while (storings->count > 0 && storings->storing[storings->first].is_over) {
        tell_oldest(storings);
    }
}

/* false: the ring has failed, which is said. */
static bool turn(struct storings *storings)
{
    int r = pirn_context_turn(storings->tool->context, PIRN_FOREVER);

    if (r < 0) {
        fail(storings,
             tool_say(storings->tool, THING_SPOOL, storings->tool->path, r));
    }
    return r >= 0;
}

static struct storing *next_of(struct storings *storings)
{
    uint32_t at = (storings->first + storings->count) % STORING_MAX;

    return &storings->storing[at];
}

struct storing *storings_next(struct storings *storings)
{
    while (storings->count == STORING_MAX || next_of(storings)->is_going) {
        if (!turn(storings)) {
            break;
        }
    }
    if (storings->failed != CODE_DONE) {
        return NULL;
    }
    struct storing *storing = next_of(storings);
    storing->fields = (struct pirn_fields){
        .bytes = storing->field_bytes,
        .cap = sizeof(storing->field_bytes),
    };
    storing->source = storing->name;
    storing->dir_fd = -1;
    storing->is_over = false;
    return storing;
}

/* Its result; whose fault it is, the spool's or the source's, @ret_spool. */
static int copy(struct storings *storings, struct storing *storing, int fd,
                bool *ret_spool)
{
    struct pirn_context *context = storings->tool->context;
    int32_t r;

    for (;;) {
        struct pirn_op op = {0};

        *ret_spool = false;
        pirn_prep_read(&op, fd, storings->buf, sizeof(storings->buf),
                       PIRN_OFFSET_CURRENT);
        r = pirn_wait(context, &op);
        if (r == -EINTR) {
            continue;
        }
        if (r <= 0) {
            return r;
        }
        *ret_spool = true;
        pirn_prep_append(&storing->draft, storings->buf, (uint32_t)r);
        r = pirn_wait(context, &storing->draft.op);
        if (r < 0) {
            return r;
        }
    }
}

static void commit(struct storings *storings, struct storing *storing)
{
    pirn_assert(storings->count < STORING_MAX);
    pirn_assert(!storing->is_going);
    storings->count++;
    pirn_prep_commit(&storing->draft, &storing->fields);
    pirn_start(storings->tool->context, &storing->draft.op, committed);
}

void storings_store(struct storings *storings, struct storing *storing, int fd)
{
    struct pirn_context *context = storings->tool->context;
    bool is_spools = false;

    pirn_prep_begin(&storing->draft, storings->tool->spool, storings->queue);
    int r = pirn_wait(context, &storing->draft.op);
    if (r < 0) {
        fail_queue(storings, r);
        return;
    }
    r = copy(storings, storing, fd, &is_spools);
    if (r == 0) {
        commit(storings, storing);
        return;
    }
    if (is_spools) {
        fail_queue(storings, r);
    } else {
        (void)storings_miss(storings, storing->source, r);
    }
    if (pirn_draft_is_open(&storing->draft)) {
        pirn_prep_abort(&storing->draft);
        (void)pirn_wait(context, &storing->draft.op);
    }
}

enum code storings_finish(struct storings *storings)
{
    while ((storings->count > 0 || storings->going > 0) && turn(storings)) {
    }
    return storings->failed != CODE_DONE ? storings->failed : storings->missed;
}
