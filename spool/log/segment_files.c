/* SPDX-License-Identifier: MIT */
/*
 * segment_files.c - see spool/log/segment_files.h
 *
 *   hold -> its entry is open ------------------------------> held
 *        -> none has it: an entry that nobody holds
 *             -> close -> open -> it is a file -> held
 *        -> another one opens it, or all entries are held: in line
 *
 * It is kept open, so that its kind is asked costs nothing; a FIFO would keep
 * who reads it waiting.
 *
 * Somebody stands in line for an entry only while all of them are held: whoever
 * sets one free, or opens a file, serves the line.
 */
#include "spool/log/segment_files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "spool/log/log.h"
#include "spool/opens.h"

static_assert(PIRN__SEGMENT_FILES < UINT8_MAX, "an entry's number is a byte");

int pirn__segment_files_init(struct pirn__log *log)
{
    struct pirn__segment_files *files = &log->files;

    files->entries = calloc(log->text.size.segments, sizeof(*files->entries));
    for (uint32_t i = 0; i < PIRN__SEGMENT_FILES; i++) {
        files->all[i].fd = -1;
    }
    return files->entries == NULL ? -ENOMEM : 0;
}

/* The entry of a segment, or NULL. */
static struct pirn__segment_file *find(struct pirn__log *log, uint32_t segment)
{
    pirn_assert(segment < log->text.size.segments);
    uint8_t entry = log->files.entries[segment];

    return entry == 0 ? NULL : &log->files.all[entry - 1];
}

/* Its descriptor, which the caller closes; or -1. It is nobody's then. */
static int empty(struct pirn__segment_files *files,
                 struct pirn__segment_file *file)
{
    int fd = file->fd;

    if (fd >= 0 || file->users > 0) {
        pirn_assert(files->entries[file->segment] == file - files->all + 1);
        files->entries[file->segment] = 0;
    }
    file->fd = -1;
    file->users = 0;
    return fd;
}

static void close_file(struct pirn__log *log, struct pirn__segment_file *file)
{
    struct pirn_op op = {0};

    pirn_assert(file->users == 0);
    int fd = empty(&log->files, file);
    if (fd >= 0) {
        pirn_prep_close(&op, fd);
        (void)pirn_wait(log->context, &op);
    }
}

void pirn__segment_files_deinit(struct pirn__log *log)
{
    struct pirn__segment_files *files = &log->files;

    if (files->entries == NULL) {
        return;
    }
    pirn_assert(files->waiters.head == NULL);
    for (uint32_t i = 0; i < PIRN__SEGMENT_FILES; i++) {
        close_file(log, &files->all[i]);
    }
    free(files->entries);
    files->entries = NULL;
}

void pirn__segment_forget(struct pirn__log *log, uint32_t segment)
{
    struct pirn__segment_file *file = find(log, segment);

    if (file != NULL) {
        close_file(log, file);
    }
}

int pirn__segment_fd(struct pirn__log *log, uint32_t segment)
{
    const struct pirn__segment_file *file = find(log, segment);

    pirn_assert(file != NULL && file->users > 0);
    return file->fd;
}

int pirn__segment_hold_open(struct pirn__log *log, uint32_t segment)
{
    struct pirn__segment_file *file = find(log, segment);

    if (file == NULL || file->fd < 0) {
        return -1;
    }
    file->users++;
    return file->fd;
}

/* ---- hold ---- */

static void serve_line(struct pirn__log *log);

static struct pirn__segment_hold *hold_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn__segment_hold, step);
}

/* Result: as of the hold. */
static void opened(struct pirn__segment_hold *hold, int32_t result)
{
    struct pirn__log *log = hold->log;
    struct pirn__segment_file *file = find(log, hold->segment);

    pirn_assert(file != NULL && file->users == 1);
    if (result < 0) {
        (void)empty(&log->files, file);
    }
    pirn_task_finish(log->context, &hold->waiter.op, result);
    serve_line(log);
}

static void closed_again(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_hold *hold = hold_of(op);

    (void)result; /* nothing was written */
    opened(hold, hold->error);
}

static void have_kind(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_hold *hold = hold_of(op);
    struct pirn__segment_file *file = find(hold->log, hold->segment);
    int fd = file->opening_fd;

    if (result == 0 && pirn__is_file(&file->statx)) {
        file->fd = fd;
        opened(hold, fd);
        return;
    }
    hold->error = result < 0 ? result : -EBADMSG; /* unknown is not damaged */
    pirn_prep_close(&hold->step, fd);
    pirn_start(hold->log->context, &hold->step, closed_again);
}

static void have_fd(struct pirn_op *op, int32_t result)
{
    struct pirn__segment_hold *hold = hold_of(op);
    struct pirn__segment_file *file = find(hold->log, hold->segment);

    pirn_assert(file != NULL && file->fd < 0);
    if (result < 0) {
        bool is_none = result == -ELOOP || result == -EISDIR ||
                       result == -ENXIO || result == -ENODEV;
        opened(hold, is_none ? -EBADMSG : result);
        return;
    }
    file->opening_fd = result;
    pirn_prep_stat(&hold->step, result, "", AT_EMPTY_PATH, STATX_TYPE,
                   &file->statx);
    pirn_start(hold->log->context, &hold->step, have_kind);
}

static void open_file(struct pirn__segment_hold *hold)
{
    (void)snprintf(hold->path, sizeof(hold->path), "seg/%06u", hold->segment);
    pirn__prep_open(&hold->step, hold->log->dir_fd, hold->path,
                    O_RDWR | O_CREAT);
    pirn_start(hold->log->context, &hold->step, have_fd);
}

static void closed(struct pirn_op *op, int32_t result)
{
    (void)result; /* what was written there was synced by its write */
    open_file(hold_of(op));
}

/* The entry is this segment's from now on. */
static void open_in(struct pirn__segment_hold *hold,
                    struct pirn__segment_file *file)
{
    struct pirn__segment_files *files = &hold->log->files;

    pirn_assert(file->users == 0);
    int other = empty(files, file);
    file->segment = hold->segment;
    file->users = 1;
    files->entries[hold->segment] = (uint8_t)(file - files->all + 1);
    if (other < 0) {
        open_file(hold);
        return;
    }
    pirn_prep_close(&hold->step, other);
    pirn_start(hold->log->context, &hold->step, closed);
}

/* One that nobody holds, in turn; or NULL. */
static struct pirn__segment_file *spare(struct pirn__segment_files *files)
{
    for (uint32_t i = 0; i < PIRN__SEGMENT_FILES; i++) {
        struct pirn__segment_file *file =
            &files->all[files->next++ % PIRN__SEGMENT_FILES];
        if (file->users == 0) {
            return file;
        }
    }
    return NULL;
}

/* False: it has to wait. */
static bool serve(struct pirn__segment_hold *hold, bool *all_held)
{
    struct pirn__log *log = hold->log;
    struct pirn__segment_file *file = find(log, hold->segment);

    if (file != NULL) {
        int fd = pirn__segment_hold_open(log, hold->segment);
        if (fd >= 0) {
            pirn_task_finish(log->context, &hold->waiter.op, fd);
        }
        return fd >= 0;
    }
    file = *all_held ? NULL : spare(&log->files);
    *all_held = file == NULL;
    if (file != NULL) {
        open_in(hold, file);
    }
    return file != NULL;
}

/* All who wait, in their order. */
static void serve_line(struct pirn__log *log)
{
    struct pirn__waiters all = pirn__waiters_take(&log->files.waiters);
    bool all_held = false;

    while (all.head != NULL) {
        struct pirn__waiter *waiter = all.head;
        all.head = waiter->next;
        if (!serve(pirn_container_of(waiter, struct pirn__segment_hold, waiter),
                   &all_held)) {
            pirn__waiters_push(&log->files.waiters, waiter);
        }
    }
}

void pirn__segment_drop(struct pirn__log *log, uint32_t segment)
{
    struct pirn__segment_file *file = find(log, segment);

    pirn_assert(file != NULL && file->fd >= 0 && file->users > 0);
    if (--file->users == 0 && log->files.waiters.head != NULL) {
        serve_line(log);
    }
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__segment_hold *hold =
        pirn_container_of(op, struct pirn__segment_hold, waiter.op);
    bool all_held = false;

    pirn_assert(context == hold->log->context);
    if (!serve(hold, &all_held)) {
        pirn__waiters_push(&hold->log->files.waiters, &hold->waiter);
    }
}

void pirn__prep_segment_hold(struct pirn__segment_hold *hold,
                             struct pirn__log *log, uint32_t segment)
{
    static const struct pirn_task_verbs verbs = {.begin = begin};

    pirn_assert(segment < log->text.size.segments);
    hold->log = log;
    hold->segment = segment;
    pirn_prep_task(&hold->waiter.op, &verbs);
}
