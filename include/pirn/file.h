/* SPDX-License-Identifier: MIT */
/*
 * pirn/file.h - operations on files
 *
 * What survives a power failure is said in pirn/sync.h, how one waits for what
 * comes in pirn/readiness.h, what processes share in pirn/shared.h; whoever
 * includes this has them all.
 *
 * Short transfers are not hidden: the result is what the kernel moved. (A chain
 * continues short writes for you, see pirn/chain.h.) Buffers and paths are
 * loaned until the op ends. Where no result is named it is 0, or a negative
 * errno of the system call that bears the name. O_* and AT_* are those of
 * <fcntl.h>.
 */
#ifndef PIRN_FILE_H
#define PIRN_FILE_H

#include <stdint.h>
#include <sys/uio.h>

#include <pirn/base.h>
#include <pirn/op.h>
#include <pirn/readiness.h>
#include <pirn/shared.h>
#include <pirn/sync.h>

PIRN_BEGIN_DECLS

/* The most one read or write moves, in bytes (MAX_RW_COUNT on Linux). */
#define PIRN_IO_MAX ((uint32_t)0x7ffff000)

/* An offset that means: where the file stands (pipes, sockets, appending). */
#define PIRN_OFFSET_CURRENT UINT64_MAX

/**
 * pirn_prep_open() - open, or make, a file
 * @op:     idle
 * @dir_fd: what a relative @path is relative to; AT_FDCWD
 * @path:   loaned until the op ends
 * @flags:  as open(2); O_CLOEXEC is always added
 * @mode:   of a file that is made, before the umask
 *
 * Result: the descriptor, yours to close; or any errno of openat(2).
 *
 * Kernel: 5.6 (IORING_OP_OPENAT). With O_CREAT always in a kernel worker. A
 *         FIFO opened on plain does not wait for its other end, as if with
 *         O_NONBLOCK: -ENXIO for writing where nobody reads.
 */
PIRN_API void pirn_prep_open(struct pirn_op *op, int dir_fd, const char *path,
                             int flags, uint32_t mode);

/**
 * pirn_prep_open_beneath() - open without ever leaving a directory
 *
 * As pirn_prep_open(); a path that leads out of @dir_fd, by "..", by being
 * absolute or through any symbolic link, is refused.
 *
 * Result: the descriptor; -EXDEV it would leave @dir_fd; -ELOOP a symbolic
 * link.
 *
 * Kernel: 5.6 (IORING_OP_OPENAT2, RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS).
 */
PIRN_API void pirn_prep_open_beneath(struct pirn_op *op, int dir_fd,
                                     const char *path, int flags,
                                     uint32_t mode);

/** pirn_prep_close() - give a descriptor back; result 0 or the close error */
PIRN_API void pirn_prep_close(struct pirn_op *op, int fd);

/**
 * pirn_prep_read() - read at an offset
 * @op:     idle
 * @fd:     open until the op ends
 * @buf:    target of @len bytes
 * @len:    bytes, 1 .. PIRN_IO_MAX
 * @offset: bytes from the start of the file, or PIRN_OFFSET_CURRENT
 *
 * Result: the bytes read (0: end of file); -EIO the device failed; any other
 *         errno of pread(2).
 *
 * Kernel: 5.6 (IORING_OP_READ). On plain a pipe before Linux 6.4 is written in
 *         pieces of 4 KiB, each a result, and must not have two readers.
 */
PIRN_API void pirn_prep_read(struct pirn_op *op, int fd, void *buf,
                             uint32_t len, uint64_t offset);

/**
 * pirn_prep_write() - write at an offset
 *
 * As pirn_prep_read(), with @buf the source.
 *
 * Durable: after a pirn_prep_fsync() that was started when this had ended.
 * Kernel:  5.6 (IORING_OP_WRITE). Before 6.4 a pipe without O_NONBLOCK is
 *          written by a worker, until somebody has read all: no short result.
 */
PIRN_API void pirn_prep_write(struct pirn_op *op, int fd, const void *buf,
                              uint32_t len, uint64_t offset);

/**
 * pirn_prep_readv(), pirn_prep_writev() - the same into, from, several pieces
 * @iov:   @count pieces; the array and the pieces are loaned until the op ends
 * @count: 1 .. 1024 (IOV_MAX)
 */
PIRN_API void pirn_prep_readv(struct pirn_op *op, int fd,
                              const struct iovec *iov, uint32_t count,
                              uint64_t offset);
PIRN_API void pirn_prep_writev(struct pirn_op *op, int fd,
                               const struct iovec *iov, uint32_t count,
                               uint64_t offset);

/**
 * pirn_prep_fallocate() - reserve room, punch holes, zero ranges
 * @mode:   as fallocate(2)
 * @offset: bytes
 * @len:    bytes, 1 or more
 *
 * Durable: after a pirn_prep_fsync() that was started when this had ended.
 * Kernel:  5.6 (IORING_OP_FALLOCATE); always in a kernel worker.
 */
PIRN_API void pirn_prep_fallocate(struct pirn_op *op, int fd, int mode,
                                  uint64_t offset, uint64_t len);

/**
 * pirn_prep_truncate() - set a file's size
 * @size: bytes
 *
 * Kernel: 6.9 (IORING_OP_FTRUNCATE); before, ftruncate(2) in place.
 */
PIRN_API void pirn_prep_truncate(struct pirn_op *op, int fd, uint64_t size);

/**
 * pirn_prep_splice() - move bytes between a pipe and something else
 * @from_fd, @from_offset: the source; PIRN_OFFSET_CURRENT for a pipe, or for
 *                         where the file stands
 * @to_fd, @to_offset:     the target, likewise; one of the two is a pipe
 * @len:                   bytes, 1 .. PIRN_IO_MAX
 * @flags:                 as splice(2)
 *
 * Result: the bytes moved; 0: nothing is left. Never from a file that may be
 * overwritten before the bytes have left: they are not copied.
 *
 * Kernel: 5.7 (IORING_OP_SPLICE); always in a kernel worker, which it keeps for
 *         as long as the pipe's other side takes.
 */
PIRN_API void pirn_prep_splice(struct pirn_op *op, int from_fd,
                               uint64_t from_offset, int to_fd,
                               uint64_t to_offset, uint32_t len,
                               uint32_t flags);

/* What a file system has, and has left for this process: what it keeps for
 * root is not counted. */
struct pirn_room {
    uint64_t block_bytes; /* what a file takes is a multiple of it */
    uint64_t bytes;
    uint64_t free_bytes;
    uint64_t inodes; /* 0: it does not count them (btrfs) */
    uint64_t free_inodes;
};

/**
 * pirn_prep_room() - how much is left on a file system
 * @fd:   any file or directory on it
 * @room: loaned until the op ends
 *
 * Quotas are not in it.
 *
 * Result: 0, or an errno of fstatvfs(3).
 *
 * Kernel: fstatfs(2), in place; io_uring has no such operation.
 */
PIRN_API void pirn_prep_room(struct pirn_op *op, int fd,
                             struct pirn_room *room);

/**
 * pirn_read_cached() - what of a file is in memory already, without a loan
 * @fd:     a regular file
 * @buf:    @len bytes, 1 to PIRN_IO_MAX; filled as far as the result says
 * @offset: no PIRN_OFFSET_CURRENT
 *
 * For few bytes that somebody wrote or read of late: it spares a turn, and half
 * of what an operation costs. It never waits for a device; it may give less
 * than was asked for and is there. Who calls it has a pirn_prep_read() at hand.
 *
 * Return:  bytes read, 0 at the end of the file; -EAGAIN it would wait;
 *          -EOPNOTSUPP this file system, kernel or sandbox cannot say, and
 *          never will; -EBADF, -EIO and others
 * Kernel:  4.14, preadv2(2) with RWF_NOWAIT; ext4, XFS and btrfs can say, tmpfs
 *          and most others cannot
 * Context: the context's thread, also from a function
 */
PIRN_API PIRN_MUST_CHECK int32_t pirn_read_cached(struct pirn_context *context,
                                                  int fd, void *buf,
                                                  uint32_t len,
                                                  uint64_t offset);

PIRN_END_DECLS

#endif /* PIRN_FILE_H */
