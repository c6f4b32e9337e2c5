/* SPDX-License-Identifier: MIT */
/*
 * pirn/directory.h - what comes into a directory, and what leaves it
 *
 * A watch of a directory is an op that lasts until it is cancelled or the
 * directory is gone; each change on the way is told by name. What is there
 * already is not told, and of too much at once something may be missed: both
 * are the same delivery, PIRN_ENTRIES_UNKNOWN, the first of every watch.
 *
 *   start -> UNKNOWN   list the directory: from here on nothing is missed
 *         -> NAME, CREATED ...
 *         -> UNKNOWN   list it again
 *
 * Who lists on UNKNOWN and goes by name otherwise may hear of an entry twice,
 * and never not at all.
 */
#ifndef PIRN_DIRECTORY_H
#define PIRN_DIRECTORY_H

#include <stdint.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_directory;

/* What has happened to an entry; bits that combine where they are asked for. */
enum pirn_entry_change {
    PIRN_ENTRY_CREATED = 1,    /* made in here; a file may be empty yet */
    PIRN_ENTRY_MOVED_IN = 2,   /* renamed to this name, whole */
    PIRN_ENTRY_WRITTEN = 4,    /* closed by somebody who could write */
    PIRN_ENTRY_REMOVED = 8,    /* the name is gone */
    PIRN_ENTRY_MOVED_OUT = 16, /* renamed to another name, here or elsewhere */
    PIRN_ENTRY_ALL = 31,
    PIRN_ENTRIES_UNKNOWN = 32, /* list the directory; told unasked */
};

/**
 * pirn_directory_fn - called for each change
 * @directory: the watch; still on loan
 * @name:      of the entry, borrowed until the call returns; NULL with
 *             PIRN_ENTRIES_UNKNOWN
 * @change:    one of enum pirn_entry_change
 *
 * May cancel the watch, and is not called again then.
 */
typedef void pirn_directory_fn(struct pirn_directory *directory,
                               const char *name, uint32_t change);

/* Placed by the caller; op is what is started, cancelled and waited for. */
struct pirn_directory {
    struct pirn_op op;
    struct {
        struct pirn_op step;
        struct pirn_context *context;
        pirn_directory_fn *fn;
        const char *path;
        uint32_t changes;
        int32_t fd;
        int32_t result;
        bool ending;
        uint64_t buf[512]; /* 15 of the longest names, 128 of the shortest */
    } priv;
};

/**
 * pirn_prep_directory() - be told of changes in a directory
 * @directory: directory->op is idle; start it
 * @path:      loaned until the op ends
 * @changes:   enum pirn_entry_change, combined
 * @fn:        called for each
 *
 * Result, when the watch ends: -ECANCELED as asked, -ENOENT the directory is
 * not there, or has been removed or unmounted; -ENOTDIR, -EACCES; -EMFILE or
 * -ENOSPC too much is watched (fs.inotify.max_user_instances, of which each
 * watch is one, and max_user_watches); or the error of the context's ring.
 *
 * A directory that is renamed is still watched. Network file systems tell of
 * what this machine does, and of nothing else.
 *
 * Kernel: inotify(7), read through the engine.
 */
PIRN_API void pirn_prep_directory(struct pirn_directory *directory,
                                  const char *path, uint32_t changes,
                                  pirn_directory_fn *fn);

PIRN_END_DECLS

#endif /* PIRN_DIRECTORY_H */
