/* SPDX-License-Identifier: MIT */
/*
 * storing.h - store many items, some commits at once, told in their order
 *
 * One by one each would wait for the disk alone; together they share its
 * flushes. Each is told once it is durable, and none before those that were
 * begun before it.
 */
#ifndef CLI_STORING_H
#define CLI_STORING_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/spool.h>

#include "cli/tool.h"

/* How many are on their way together. */
#define STORING_MAX 64

/* A source's name: what is printed of it, or stands below a directory. */
#define STORING_NAME 512

struct storing {
    struct pirn_draft draft;
    struct storings *all;
    const char *source;      /* for people; borrowed until it is told */
    char name[STORING_NAME]; /* room for it */
    struct pirn_fields fields;
    int dir_fd;    /* the source goes when the item is there: unlinked from */
    bool is_over;  /* this directory, by @name; -1: it stays */
    bool is_going; /* it is being unlinked */
    int32_t result;
    struct pirn_op step;
    char field_bytes[PIRN_FIELDS_MAX];
};

/* Called when an item is durable, in a turn; what it returns ends the storing
 * of others, unless it is CODE_DONE. */
typedef enum code storing_fn(void *user, const struct storing *storing);

struct storings {
    struct tool *tool;
    const char *queue;
    storing_fn *stored;
    void *user;
    enum code failed; /* of the spool: no more is begun */
    enum code missed; /* the first of a source's failures */
    uint64_t done;
    uint32_t first; /* the oldest that is on its way, */
    uint32_t count; /* and how many are */
    uint32_t going;
    struct storing storing[STORING_MAX];
    char buf[256 * 1024];
};

/** storings_init() - @storings: zeroed; all is borrowed */
void storings_init(struct storings *storings, struct tool *tool,
                   const char *queue, storing_fn *stored, void *user);

/**
 * storings_next() - one that is free, to fill in its source and its fields
 *
 * Waits for the oldest where all are on their way.
 *
 * Return: without fields; NULL: something has failed (storings_finish())
 */
struct storing *storings_next(struct storings *storings);

/**
 * storings_store() - read a source to its end, and begin to commit it
 * @fd: stays the caller's, who may close it when this returns
 *
 * A source that cannot be read is said and passed over.
 */
void storings_store(struct storings *storings, struct storing *storing, int fd);

/** storings_miss() - the source's failure; others go on; returns its code */
enum code storings_miss(struct storings *storings, const char *source,
                        int error);

/** storings_finish() - wait for all; how it went */
enum code storings_finish(struct storings *storings);

#endif /* CLI_STORING_H */
