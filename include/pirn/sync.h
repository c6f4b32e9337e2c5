/* SPDX-License-Identifier: MIT */
/*
 * pirn/sync.h - what of a file survives a power failure
 *
 * A part of pirn/file.h, whose rules hold here. Bytes are durable when a sync
 * says so that was started after their write had ended, a name when its
 * directory was synced; and what a sync says is believed when the file system
 * was asked once more.
 */
#ifndef PIRN_SYNC_H
#define PIRN_SYNC_H

#include <stdint.h>
#include <sys/uio.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

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
 * pirn_prep_writev_durable() - the same from several pieces
 *
 * As pirn_prep_writev().
 */
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

PIRN_END_DECLS

#endif /* PIRN_SYNC_H */
