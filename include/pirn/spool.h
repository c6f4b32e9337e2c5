/* SPDX-License-Identifier: MIT */
/*
 * pirn/spool.h - a directory of durable items, shared by many processes
 *
 * Every call that may touch the disk is an operation on the context that opened
 * the spool: prepared here, started with pirn_start() on &it->op, or waited for
 * with pirn_wait(). Opening and closing block.
 *
 *   enqueue, or begin - append ... - commit            the item is durable
 *                                     claim            one owner has it
 *                        remove, or give back          gone, or ready again
 *
 * Each of the structs below is placed by the caller, zeroed once, and does one
 * thing at a time. Its fields under priv are not part of the API. A spool call
 * ends when it ends: a cancel is heard and changes nothing, but of a claim
 * that waits (pirn_prep_claim_wait()).
 *
 * What cannot be read (damaged metadata) or has no body is never thrown away:
 * of files it is set aside into the queue `quarantine`; of the log it is held,
 * and set aside by a check (pirn/check.h).
 *
 * A spool is one user's: what he makes is his, and so is a log's index, which
 * is made by who opens first. A group has one together with a umask that lets
 * it write, in a directory that hands its group on (chmod g+s); so is index_dir
 * then.
 */
#ifndef PIRN_SPOOL_H
#define PIRN_SPOOL_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/check.h>
#include <pirn/claim.h>
#include <pirn/context.h>
#include <pirn/draft.h>
#include <pirn/event.h>
#include <pirn/item.h>
#include <pirn/name.h>
#include <pirn/owner.h>
#include <pirn/view.h>

PIRN_BEGIN_DECLS

struct pirn_spool;
struct pirn__layout;

/* How a queue keeps its items. */
enum pirn_layout {
    PIRN_LAYOUT_FILE = 0, /* two files each, to see, copy and grep */
    PIRN_LAYOUT_LOG = 1,  /* records in segments: many times as fast */
};

struct pirn_spool_config {
    const char *path; /* the spool's directory */
    bool create;      /* make it, if there is none, with its first queues:
                         `incoming` and `quarantine` */
    enum pirn_layout layout; /* of `incoming`, if that is made; zeroed: files,
                                while the command makes it of the log */

    /* Of a spool that is made: files alone; its processes share no memory, and
     * none of its queues has the log's layout. */
    bool without_log;

    /* Of a spool that is made with a log; 0: what stands in brackets. */
    uint32_t log_slots;         /* items at most (1,048,576) */
    uint32_t log_segments;      /* (1,024) */
    uint64_t log_segment_bytes; /* 144 KiB to 64 MiB (16 MiB) */

    /* Where the log's index is, which all who open the spool share: about 64
     * bytes an item, not on a disk; NULL: /dev/shm. An absolute path: another
     * one is taken from SPOOL/.log, not from where the program is. */
    const char *index_dir;

    /* New items are refused while their file system has less left than this:
     * what is begun, changed, given back or removed needs some, too. 0: a 32nd
     * of it, and 64 MiB at most; of any file system half at most. UINT64_MAX:
     * nothing is kept. Of inodes a 32nd is, and 4,096 at most. */
    uint64_t keep_bytes;

    /* What this open has claimed may be given to others when it has had no new
     * item, and has renewed nothing (pirn_prep_renew()), for so long; 0: it
     * keeps it until it ends it or dies */
    uint64_t lease_ns;

    /* Who opens a log as the first one after a power loss reads 64 bytes of
     * each item before this returns. Early: only what it needs to hand out the
     * first ones, and the rest in turns of the context. Until then a claim of
     * the next item ends as soon as there is one, and may be read; all else
     * that is begun waits, and so do others who open the spool. Higher
     * priorities go first among what is known, items of one writer come in the
     * order of their commits, and those that were changed come last. What a
     * damaged disk told wrongly is taken back when all is known (-ESTALE). For
     * programs that turn their context; not for two opens on one thread. */
    bool early;
};

/**
 * pirn_spool_open() - open, or make, a spool
 * @context:   carries everything out; outlives the spool
 * @config:    borrowed for the call
 * @ret_spool: the spool
 *
 * Takes a slot among the spool's owners for as long as it is open, and gives
 * back what dead owners had claimed. A forked child must not use it. What a
 * killed process had half made of a spool is continued if @config says create;
 * a lost+found is no other thing. Waits for who is opening it as the first one
 * after all others have died. Keeps at most 67 descriptors, 84 more per queue,
 * and 165 more where there is a log; besides, a call has some while it is under
 * way, and so has a draft, claim or view with a body's file.
 *
 * Return:
 *   0
 *   -EINVAL    the first queue is to have a log, and the spool none; or sizes
 *              of a log that may not be
 *   -ENOENT    there is no such directory (and none was to be made)
 *   -ENOTEMPTY the directory holds other things: not made into a spool
 *   -EMEDIUMTYPE not a spool, or its superblock, or what it has of a log, is
 *              damaged
 *   -EPROTO    a newer format than this program knows; or others have it open
 *              with an index of another version
 *   -EROFS, -EACCES, -ENOSPC, ... from the file system
 *   -EUSERS    no owner's slot is free
 *   -EBADF     descriptor 0, 1 or 2 is closed: a file of the spool would get
 *              its number, and what others print would be written into it. Let
 *              them be open, if on /dev/null, as long as the spool is
 *   -EXDEV     others have it open, and share an index that is not to be seen
 *              here: another host, or a container with a /dev/shm of its own
 * Durable: a spool that was made is durable when this returns.
 * Context: the context's thread; not from fn. Blocks.
 */
PIRN_API PIRN_MUST_CHECK int pirn_spool_open(
    struct pirn_context *context, const struct pirn_spool_config *config,
    struct pirn_spool **ret_spool);

/**
 * pirn_spool_close() - give the owner's slot back
 * @spool: may be NULL; nothing of it is on loan, and its drafts, views,
 *         listings, events and reservations are ended. What it still has
 *         claimed is ready again for others; such a claim may not be used any
 *         more, nor need it be there.
 *
 * Return:  NULL
 * Context: as pirn_spool_open(). Blocks.
 */
PIRN_API struct pirn_spool *pirn_spool_close(struct pirn_spool *spool);

/**
 * pirn_spool_create_queue() - make a queue; 0 too if it is there
 *
 * Return:  0; -EINVAL the name is not allowed; -EEXIST a directory of that name
 *          is there and is no queue; or an errno
 * Durable: when it returns.
 * Context: as pirn_spool_open().
 */
PIRN_API PIRN_MUST_CHECK int pirn_spool_create_queue(struct pirn_spool *spool,
                                                     const char *queue);

/**
 * pirn_spool_create_queue_as() - likewise, with a layout
 *
 * Return: besides, -EEXIST it is there with another layout; -EOPNOTSUPP the
 *         spool has no log; -ENOSPC 128 queues of the log are there
 */
PIRN_API PIRN_MUST_CHECK int pirn_spool_create_queue_as(
    struct pirn_spool *spool, const char *queue, enum pirn_layout layout);

/**
 * pirn_spool_queue() - the name of queue @index, or NULL at the end
 *
 * Those that are known: one that another process makes is met when it is first
 * named here, and by a listing or a status.
 */
PIRN_API const char *pirn_spool_queue(const struct pirn_spool *spool,
                                      uint32_t index);

PIRN_END_DECLS

#endif /* PIRN_SPOOL_H */
