/* SPDX-License-Identifier: MIT */
/*
 * pirn/shared.h - a file that processes share while they live
 *
 * A part of pirn/file.h, whose rules hold here: locks on it, and memory that
 * all have in common.
 */
#ifndef PIRN_SHARED_H
#define PIRN_SHARED_H

#include <stdint.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

/* What pirn_prep_lock() does to a range. */
enum pirn_lock {
    PIRN_LOCK_RELEASE = 0,
    PIRN_LOCK_SHARED = 1,
    PIRN_LOCK_EXCLUSIVE = 2,
};

/**
 * pirn_prep_lock() - take or give back a lock on a range of bytes
 * @fd:     opened for writing where the lock is exclusive
 * @offset: first byte
 * @len:    bytes; 0: to the end of the file, wherever that is
 * @what:   exclusive, shared, or none
 *
 * An open file description lock: held by @fd and its duplicates, gone with the
 * last of them, so with the process. Never waits.
 *
 * Result: 0; -EAGAIN somebody else has it.
 *
 * Kernel: fcntl(2) F_OFD_SETLK, in place; io_uring has no such operation.
 */
PIRN_API void pirn_prep_lock(struct pirn_op *op, int fd, uint64_t offset,
                             uint64_t len, enum pirn_lock what);

/**
 * pirn_map_shared() - memory which all processes that map a file share
 * @fd:         a regular file, opened O_RDWR; may be closed afterwards
 * @bytes:      from the start of the file, 1 or more; within its size, up to
 *              whole pages
 * @ret_memory: @bytes bytes, at an address that is this process's; until
 *              pirn_unmap_shared(), and no longer than @context
 *
 * For what processes tell each other while they live. Nothing durable is ever
 * mapped: the kernel writes pages back when it likes, so a power failure leaves
 * old and new bytes in any mix. Others store at any moment: use atomics, and no
 * pointers.
 *
 * A store behind the end of the file, or where the file system finds no room
 * for the page, is a SIGBUS. So allocate first: pirn_prep_fallocate() of all
 * @bytes, and never cut the file while somebody may have it mapped.
 *
 * Return:  0; -EACCES @fd is not open for both; -ENODEV no regular file;
 *          -ENOMEM no memory, or too many maps; any other errno of mmap(2)
 * Context: the context's thread, also from a function; blocks
 */
PIRN_API PIRN_MUST_CHECK int pirn_map_shared(struct pirn_context *context,
                                             int fd, uint64_t bytes,
                                             void **ret_memory);

/**
 * pirn_unmap_shared() - give it back
 * @memory, @bytes: of one pirn_map_shared() of the same context
 *
 * What was stored stays with the file, for whoever maps it next.
 */
PIRN_API void pirn_unmap_shared(struct pirn_context *context, void *memory,
                                uint64_t bytes);

PIRN_END_DECLS

#endif /* PIRN_SHARED_H */
