/* SPDX-License-Identifier: MIT */
/*
 * maildir.h - deliver a message to a Maildir
 *
 *   begin -> write the body to fd, your own writes -> publish
 *                                                  -> abandon
 *
 * Every step is an operation. A message stands in new/ under a name that was
 * never there before, whole and synced, or it does not stand there.
 */
#ifndef CLI_MAILDIR_H
#define CLI_MAILDIR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include <pirn/chain.h>
#include <pirn/item.h>

#include "cli/machine.h"
#include "cli/tool.h"

/* A name in a Maildir, and NUL. */
#define MAILDIR_NAME 320

/* Zeroed: not open. */
struct maildir {
    struct pirn_context *context;
    const char *path; /* borrowed */
    int dir_fd;
    int tmp_fd;
    int new_fd;
    uint32_t pid;
    uint64_t begun;
    char host[4 * MACHINE_NAME_TEXT];
};

/* Placed; zeroed once, and again ready after a publish or an abandon. */
struct delivery {
    struct pirn_op op;
    int fd; /* after a begin that ended with 0: where the body is written */
    char name[MAILDIR_NAME]; /* in new/, after a publish */
    struct {
        struct maildir *maildir;
        const struct pirn_item *item;
        uint64_t size;
        bool is_lazy;
        struct statx statx;
        struct pirn_chain chain;
        struct pirn_op steps[4];
        struct pirn_op *order[4];
        int cur_fd;
        int32_t result;
        uint64_t list[512];
        char base[MAILDIR_NAME]; /* of the name, up to its size */
        char tmp[MAILDIR_NAME];
    } priv;
};

/**
 * maildir_open() - @path has to be one: with tmp, new and cur
 * Return: CODE_DONE; else what was said about it. maildir_close() either way.
 */
enum code maildir_open(struct maildir *maildir, struct tool *tool,
                       const char *path);
void maildir_close(struct maildir *maildir);

/** maildir_say() - say what a delivery ended with */
enum code maildir_say(const struct maildir *maildir, int error);

/**
 * maildir_prep_begin() - a file in tmp/
 * @item: which it is, loaned until the op ends: its name in new/ is made of the
 *        item's time and id, and is the same whenever it is delivered; NULL:
 *        no item, and the name is one that was never there
 *
 * An item that somebody had before may be there, and seen: cur/ is looked
 * through for it.
 *
 * Result: 0, and a publish or an abandon is owed; 1 the item stands in cur/
 * already, durably, and nothing is owed; or an errno.
 */
void maildir_prep_begin(struct delivery *delivery, struct maildir *maildir,
                        const struct pirn_item *item);

/**
 * maildir_prep_publish() - sync the file, let it stand in new/, sync that
 * @size: of what was written, which the name tells
 * @is_lazy: new/ is not synced; maildir_sync() does it for many
 *
 * Result: 0; 1 a message of this name stands there already, and this one was
 * dropped: the same item, delivered before. Or an errno: it does not stand
 * there, or is not known to be durable.
 *
 * Durable: when the op ends with 0 or 1, unless @is_lazy.
 */
void maildir_prep_publish(struct delivery *delivery, uint64_t size,
                          bool is_lazy);

/** maildir_prep_abandon() - nothing is left of it; result 0 */
void maildir_prep_abandon(struct delivery *delivery);

/** maildir_sync() - what was published lazily is durable now; or an errno.
 * Blocks. */
int maildir_sync(const struct maildir *maildir);

#endif /* CLI_MAILDIR_H */
