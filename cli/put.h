/* SPDX-License-Identifier: MIT */
/*
 * put.h - what the ways of put share: files, a Maildir as the source, a Maildir
 * instead of a spool
 */
#ifndef CLI_PUT_H
#define CLI_PUT_H

#include <stdbool.h>

#include "cli/options.h"
#include "cli/progress.h"
#include "cli/storing.h"
#include "cli/tool.h"

struct put {
    struct options options;
    struct tool tool;
    char **files; /* @count of them; "-": standard input */
    int count;
    const char *maildir;      /* where to, instead of the spool; or NULL */
    const char *from_maildir; /* or NULL */
    bool removes;             /* the source, once the item is durable */
    bool create;
    uint64_t delay_ns; /* from when its source is read */
    int8_t priority;
    bool held;
    struct progress progress;
    struct pirn_fields fields;
    char field_bytes[PIRN_FIELDS_MAX];
    struct storings storings;
};

/** put_open_file() - a descriptor, or an errno that was said */
int put_open_file(struct put *put, const char *file);
void put_close_file(struct put *put, int fd);

/** put_fill() - an item with what the command line says of it */
void put_fill(const struct put *put, struct storing *storing);

/** put_from_maildir() - an item from each message; the spool is open */
void put_from_maildir(struct put *put);

/** put_to_maildir() - a message from each file; the context is open */
enum code put_to_maildir(struct put *put);

#endif /* CLI_PUT_H */
