/* SPDX-License-Identifier: MIT */
/*
 * pirn/file.h - operations on files
 *
 * Short transfers are not hidden: the result is what the kernel moved. (A chain
 * continues short writes for you, see pirn/chain.h.) Buffers and paths are
 * loaned until the op ends. Where no result is named it is 0, or a negative
 * errno of the system call that bears the name. O_* and AT_* are those of
 * <fcntl.h>, POLLIN of <poll.h>.
 */
#ifndef PIRN_FILE_H
#define PIRN_FILE_H

#include <stdint.h>
#include <sys/uio.h>

#include <pirn/base.h>
#include <pirn/op.h>

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
 * pirn_prep_write_durable() - write at an offset, and sync what was written
 *
 * As pirn_prep_write(). Nothing else of the file is synced with it. After an
 * error the bytes may be there or not, durable or not, and a later sync does
 * not tell: it is as final as that of pirn_prep_fsync().
 *
 * Result:  the bytes written and durable, maybe fewer than @len; or an errno of
 *          pwritev2(2) or fdatasync(2).
 * Durable: as many bytes as the result says, and what is needed to read them,
 *          when it ends; not the file's name.
 * Kernel:  4.7 (RWF_DSYNC), 5.6 (IORING_OP_WRITE). In a chain it is a step by
 *          itself, never linked to another by a ring.
 */
PIRN_API void pirn_prep_write_durable(struct pirn_op *op, int fd,
                                      const void *buf, uint32_t len,
                                      uint64_t offset);

/**
 * pirn_prep_readv(), pirn_prep_writev(), pirn_prep_writev_durable() - the same
 * into, from, several pieces
 * @iov:   @count pieces; the array and the pieces are loaned until the op ends
 * @count: 1 .. 1024 (IOV_MAX)
 */
PIRN_API void pirn_prep_readv(struct pirn_op *op, int fd,
                              const struct iovec *iov, uint32_t count,
                              uint64_t offset);
PIRN_API void pirn_prep_writev(struct pirn_op *op, int fd,
                               const struct iovec *iov, uint32_t count,
                               uint64_t offset);
PIRN_API void pirn_prep_writev_durable(struct pirn_op *op, int fd,
                                       const struct iovec *iov, uint32_t count,
                                       uint64_t offset);

/* What pirn_prep_fsync() makes durable. */
enum pirn_sync {
    PIRN_SYNC_ALL = 0,  /* data and all metadata: fsync(2) */
    PIRN_SYNC_DATA = 1, /* data and what is needed to read it: fdatasync(2) */
};

/**
 * pirn_prep_fsync() - make what was written before it was started durable
 * @fd: a file, or a directory whose entries are meant
 *
 * Orders nothing by itself: a write still in flight when it starts may or may
 * not be covered. The first error is final: the kernel may have dropped the
 * dirty pages and will say 0 the next time. Do not retry; treat what was not
 * synced before as lost.
 *
 * Kernel: 5.1 (IORING_OP_FSYNC); always in a kernel worker. A link behind it is
 *         not cut when it fails (6.0 to 6.18 at least), so pirn never links on
 *         it.
 */
PIRN_API void pirn_prep_fsync(struct pirn_op *op, int fd, enum pirn_sync what);

/**
 * pirn_prep_confirm() - ask whether a sync's 0 can be believed
 * @fd: a file or directory on the file system, open for reading or writing
 *
 * Where a journal's commit fails, one fsync is told so. Another one, of what
 * stood in the same commit, says 0 if it comes when the commit has ended: ext4
 * finds nothing to wait for until somebody changes something, xfs always (Linux
 * 6.18; tests/crash/test_fault.py shows both). Who asks behind his sync hears
 * it, because the question begins a change: to replace an attribute that is not
 * there. So a sync on which an acknowledgement rests is followed by this. A
 * sync whose success is only needed by a change that follows is not: the change
 * is refused.
 *
 * Result: for pirn_confirmed().
 * Kernel: 5.19 (IORING_OP_FSETXATTR); before, fsetxattr(2) by a worker. A mount
 *         with nouser_xattr has no answer, and its syncs are believed.
 */
PIRN_API void pirn_prep_confirm(struct pirn_op *op, int fd);

/**
 * pirn_confirmed() - what the answer means
 *
 * Return: 0, all that syncs have said can be believed, on a full file system
 *         (xfs begins by asking for room), too; -EROFS, -EIO, -ESHUTDOWN and
 *         the like: it has failed, and a sync that said 0 may have written
 *         nothing. -ENOMEM, -ECANCELED and the like: nobody knows.
 */
PIRN_API int pirn_confirmed(int32_t result);

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

/**
 * pirn_prep_poll() - wait until a descriptor is ready
 * @fd:     anything that poll(2) can wait for
 * @events: POLLIN and the like
 *
 * Result: the events that came (POLLERR and POLLHUP unasked).
 *
 * Kernel: 5.1 (IORING_OP_POLL_ADD).
 */
PIRN_API void pirn_prep_poll(struct pirn_op *op, int fd, uint32_t events);

/**
 * pirn_prep_multishot_poll() - be told of every change of readiness
 *
 * Each delivery is the events that came, as pirn_prep_poll() has them.
 * Edge-triggered: what is not read away is not told again.
 *
 * Kernel: 5.13 (IORING_POLL_ADD_MULTI).
 */
PIRN_API void pirn_prep_multishot_poll(struct pirn_multishot *shot, int fd,
                                       uint32_t events);

/**
 * pirn_prep_multishot_read() - read whatever comes, again and again
 * @fd: a pipe, an eventfd, a terminal: what has readiness and no offsets
 *
 * Each delivery is that many bytes, pirn_multishot_bytes(); PIRN_LAST with 0 at
 * the end. Ending, and what happens without buffers, as
 * pirn_prep_multishot_recv().
 *
 * Kernel: 6.7 (IORING_OP_READ_MULTISHOT); before it each read is one of its
 *         own, started unseen.
 */
PIRN_API void pirn_prep_multishot_read(struct pirn_multishot *shot, int fd);

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

/**
 * pirn_read_cached() - what of a file is in memory already, without a loan
 * @fd:     a regular file
 * @buf:    @len bytes, 1 to PIRN_IO_MAX; filled as far as the result says
 * @offset: no PIRN_OFFSET_CURRENT
 *
 * For few bytes that somebody wrote or read of late: it spares a turn, and half
 * of what an operation costs. It never waits for a device; it may give less
 * than is asked and there. Whoever calls it has a pirn_prep_read() at hand.
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
