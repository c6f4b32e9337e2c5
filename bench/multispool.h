/* SPDX-License-Identifier: MIT */
/*
 * bench/multispool.h - a model of Multispool's protocol, by plain system calls
 *
 *   .registry/N   .data/N   active/N --- rename ---> active/.checkout/N
 *
 * A reader lists and sorts the whole queue, tries one name after the other, by
 * rename, and lists again when its list is used up. As in its source
 * (async_smtp, multispool.ml): times are set before each rename, and no
 * directory is synced; without its language's run time, so the model is faster
 * than what it stands for. Names sort by time.
 */
#ifndef BENCH_MULTISPOOL_H
#define BENCH_MULTISPOOL_H

#include <stddef.h>
#include <stdint.h>

#include "bench/sides.h"

enum {
    MULTISPOOL_META = 192, /* bytes of metadata */
    MULTISPOOL_NAME = 24,
};

struct multispool {
    int root;
    int registry;
    int data;
    int queue;
    int checkout;
    char body[COMMIT_BYTES];
};

/* A reader's list of names. */
struct multispool_list {
    char (*names)[MULTISPOOL_NAME];
    size_t count;
    size_t cap;
    size_t next;
};

/** multispool_make() - empty, in a directory that is made; in any case to be
 * closed */
int multispool_make(struct multispool *spool, const char *path);

void multispool_close(struct multispool *spool);

/** multispool_fill() - until @items or @end_ns, without its syncs of each, then
 * settled */
int multispool_fill(struct multispool *spool, uint64_t items, uint64_t end_ns,
                    uint64_t *ret_items);

/** multispool_list() - what is queued now, sorted */
int multispool_list(const struct multispool *spool,
                    struct multispool_list *list);

/** multispool_check_out() - 1; 0 somebody else has it; or an errno */
int multispool_check_out(const struct multispool *spool, const char *name);

/** multispool_use() - read what was checked out, and remove it */
int multispool_use(const struct multispool *spool, const char *name);

#endif /* BENCH_MULTISPOOL_H */
