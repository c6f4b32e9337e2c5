/* SPDX-License-Identifier: MIT */
/*
 * directory.c - see pirn/directory.h
 *
 * One step at a time: make the inotify descriptor, add the directory, read
 * again and again; after a cancel or an error close the descriptor, and end.
 *
 * A read is of whole records only, and the buffer has room for the longest
 * name, so nothing waits for a rest. What has been read is told to the last
 * record, or until the watch is cancelled; the buffer is the kernel's again
 * only afterwards.
 */
#include "pirn/directory.h"

#include <errno.h>
#include <limits.h>
#include <sys/inotify.h>

#include "pirn/file.h"
#include "pirn/invariant.h"
#include "runtime/context.h"

static_assert(sizeof(((struct pirn_directory *)0)->priv.buf) >=
                  sizeof(struct inotify_event) + NAME_MAX + 1,
              "there is room for the longest name");

/* By bit of enum pirn_entry_change. */
static const uint32_t masks[] = {
    IN_CREATE, IN_MOVED_TO, IN_CLOSE_WRITE, IN_DELETE, IN_MOVED_FROM,
};

enum { MASKS = sizeof(masks) / sizeof(masks[0]) };

static struct pirn_directory *directory_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn_directory, priv.step);
}

static void start_step(struct pirn_directory *directory, pirn_op_fn *fn)
{
    pirn_start(directory->priv.context, &directory->priv.step, fn);
}

static void closed(struct pirn_op *step, int32_t result)
{
    struct pirn_directory *directory = directory_of(step);

    (void)result;
    pirn_task_finish(directory->priv.context, &directory->op,
                     directory->priv.result);
}

static void end(struct pirn_directory *directory, int32_t result)
{
    directory->priv.result = result;
    pirn_prep_close(&directory->priv.step, directory->priv.fd);
    start_step(directory, closed);
}

/* --- what is told --- */

static void tell(struct pirn_directory *directory, const char *name,
                 uint32_t change)
{
    if (!pirn_task_is_cancelled(&directory->op)) {
        directory->priv.fn(directory, name, change);
    }
}

static uint32_t change_of(uint32_t mask)
{
    for (unsigned i = 0; i < MASKS; i++) {
        if (mask & masks[i]) {
            return 1u << i;
        }
    }
    return 0;
}

static void told(struct pirn_directory *directory,
                 const struct inotify_event *event)
{
    uint32_t change = change_of(event->mask);

    if (event->mask & IN_Q_OVERFLOW) {
        tell(directory, NULL, PIRN_ENTRIES_UNKNOWN);
    } else if (event->mask & (IN_IGNORED | IN_UNMOUNT)) {
        directory->priv.ending = true;
    } else if (change != 0 && event->len > 0) {
        tell(directory, event->name, change);
    }
}

static void tell_all(struct pirn_directory *directory, uint32_t len)
{
    const char *bytes = (const char *)directory->priv.buf;
    uint32_t at = 0;

    while (at < len) {
        const struct inotify_event *event = (const void *)(bytes + at);

        pirn_assert(event->len <= len - at - sizeof(*event));
        at += (uint32_t)sizeof(*event) + event->len;
        told(directory, event);
    }
}

/* --- the steps --- */

static void next(struct pirn_directory *directory);

static void came(struct pirn_op *step, int32_t result)
{
    struct pirn_directory *directory = directory_of(step);

    if (result > 0) {
        tell_all(directory, (uint32_t)result);
    } else if (result != -EINTR) {
        end(directory, result < 0 ? result : -EIO);
        return;
    }
    next(directory);
}

static void next(struct pirn_directory *directory)
{
    if (pirn_task_is_cancelled(&directory->op)) {
        end(directory, -ECANCELED);
    } else if (directory->priv.ending) {
        end(directory, -ENOENT);
    } else {
        pirn_prep_read(&directory->priv.step, directory->priv.fd,
                       directory->priv.buf, sizeof(directory->priv.buf),
                       PIRN_OFFSET_CURRENT);
        start_step(directory, came);
    }
}

static void added(struct pirn_op *step, int32_t result)
{
    struct pirn_directory *directory = directory_of(step);

    if (result < 0) {
        end(directory, result);
        return;
    }
    tell(directory, NULL, PIRN_ENTRIES_UNKNOWN);
    next(directory);
}

static void opened(struct pirn_op *step, int32_t result)
{
    struct pirn_directory *directory = directory_of(step);
    struct pirn_loan *loan;

    if (result < 0) {
        pirn_task_finish(directory->priv.context, &directory->op, result);
        return;
    }
    directory->priv.fd = result;
    loan = pirn__prep(step, ENGINE_INOTIFY_ADD);
    loan->fd = result;
    loan->addr = (uintptr_t)directory->priv.path;
    loan->op_flags = IN_ONLYDIR | IN_EXCL_UNLINK;
    for (unsigned i = 0; i < MASKS; i++) {
        loan->op_flags |= directory->priv.changes & 1u << i ? masks[i] : 0;
    }
    start_step(directory, added);
}

static void directory_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_directory *directory =
        pirn_container_of(op, struct pirn_directory, op);

    directory->priv.context = context;
    directory->priv.ending = false;
    pirn__prep(&directory->priv.step, ENGINE_INOTIFY_OPEN);
    start_step(directory, opened);
}

static void directory_cancel(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_directory *directory =
        pirn_container_of(op, struct pirn_directory, op);

    if (directory->priv.step.priv.opcode != ENGINE_CLOSE) {
        pirn_cancel(context, &directory->priv.step);
    }
}

static const struct pirn_task_verbs directory_verbs = {
    .begin = directory_begin,
    .cancel = directory_cancel,
    .name = "directory",
};

void pirn_prep_directory(struct pirn_directory *directory, const char *path,
                         uint32_t changes, pirn_directory_fn *fn)
{
    pirn_assert(path != NULL && fn != NULL);
    pirn_assert_rule(changes != 0 && (changes & ~PIRN_ENTRY_ALL) == 0,
                     "a directory is watched for changes of its entries");

    pirn_prep_task(&directory->op, &directory_verbs);
    directory->priv.path = path;
    directory->priv.changes = changes;
    directory->priv.fn = fn;
}
