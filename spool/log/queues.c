/* SPDX-License-Identifier: MIT */
/* queues.c - see spool/log/queues.h */
#include "spool/log/queues.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <pirn/invariant.h>
#include <pirn/path.h>

#include "spool/log/atom.h"
#include "spool/text_file.h"

enum { PATH_MAX_HERE = 48 };

static void path_of(uint32_t number, char path[PATH_MAX_HERE])
{
    (void)snprintf(path, PATH_MAX_HERE, "queues/%04u", number);
}

/* The length comes last: who sees it sees the name. Whoever stores it stores
 * the same. */
static void set_name(struct pirn__log *log, uint32_t number, const char *name)
{
    struct pirn__index_queue *queue = &log->index.queues[number];
    size_t len = strlen(name);

    pirn_assert(len > 0 && len < PIRN_QUEUE_TEXT);
    memcpy(queue->name, name, len);
    pirn__atom_store(&queue->len, len);
}

/* -ENOENT: the number is free. */
static int load(struct pirn__log *log, uint32_t number)
{
    char path[PATH_MAX_HERE];
    char text[PIRN__TEXT_FILE_MAX];
    char name[PIRN_QUEUE_TEXT];

    path_of(number, path);
    int r = pirn__text_file_read(log->context, log->dir_fd, path, text);
    r = r < 0 ? r : pirn__queue_text_decode(text, (size_t)r, name);
    if (r == 0) {
        set_name(log, number, name);
    }
    return r;
}

/* Numbers are given from 0 on, without gaps. Who linked one may have been
 * killed before he synced it: a name that is known has a durable number. */
int pirn__log_load_queues(struct pirn__log *log)
{
    int r = pirn__sync_dir(log->context, log->dir_fd, "queues");

    for (uint32_t i = 0; r == 0 && i < PIRN__INDEX_QUEUES; i++) {
        r = load(log, i);
    }
    return r == -ENOENT ? 0 : r;
}

void pirn__log_queue_name(const struct pirn__log *log, uint32_t number,
                          char name[PIRN_QUEUE_TEXT])
{
    const struct pirn__index_queue *queue = &log->index.queues[number];
    uint64_t len =
        number < PIRN__INDEX_QUEUES ? pirn__atom_load(&queue->len) : 0;

    memset(name, 0, PIRN_QUEUE_TEXT);
    if (len == 0 || len >= PIRN_QUEUE_TEXT) {
        name[0] = '?';
        return;
    }
    memcpy(name, queue->name, len);
}

/* One that was made meanwhile, perhaps by one who has not synced it yet. */
static int meet(struct pirn__log *log, uint32_t number)
{
    if (pirn__atom_load(&log->index.queues[number].len) != 0) {
        return 0;
    }
    int r = pirn__sync_dir(log->context, log->dir_fd, "queues");
    return r < 0 ? r : load(log, number);
}

/* Written under our own name, then linked to the first number that is free. */
static int link_number(struct pirn__log *log, const char *from,
                       const char *name)
{
    char path[PATH_MAX_HERE];
    struct pirn_op op = {0};
    uint32_t number = UINT32_MAX; /* ours */
    int r = -EEXIST;

    for (uint32_t i = 0; r == -EEXIST && i < PIRN__INDEX_QUEUES; i++) {
        path_of(i, path);
        pirn_prep_link(&op, log->dir_fd, from, log->dir_fd, path, 0);
        r = pirn_wait(log->context, &op);
        if (r == -EEXIST) {
            int met = meet(log, i);
            r = met < 0                                          ? met
                : pirn__index_queue_find(&log->index, name) >= 0 ? 0
                                                                 : r;
        } else if (r == 0) {
            number = i;
        }
    }
    if (r == -EEXIST) {
        return -ENOSPC;
    }
    /* Also where somebody else has linked it: he may have been killed there. */
    r = r < 0 ? r : pirn__sync_dir(log->context, log->dir_fd, "queues");
    if (r == 0 && number != UINT32_MAX) {
        set_name(log, number, name);
    }
    return r;
}

int pirn__log_make_queue(struct pirn__log *log, const char *name)
{
    char text[PIRN__TEXT_FILE_MAX];
    char from[PATH_MAX_HERE];
    uint32_t len = (uint32_t)pirn__queue_text_encode(name, text);
    struct pirn_op op = {0};

    if (pirn__index_queue_find(&log->index, name) >= 0) {
        /* Whoever linked it may not have synced it yet. */
        return pirn__sync_dir(log->context, log->dir_fd, "queues");
    }
    (void)snprintf(from, sizeof(from), "queues/new.%04u", log->actor.owner);
    pirn_prep_unlink(&op, log->dir_fd, from, 0);
    (void)pirn_wait(log->context, &op); /* of an owner who was killed here */
    int r = pirn__text_file_write(log->context, log->dir_fd, from, text, len);
    r = r < 0 ? r : link_number(log, from, name);
    pirn_prep_unlink(&op, log->dir_fd, from, 0);
    (void)pirn_wait(log->context, &op);
    return r;
}
