/* SPDX-License-Identifier: MIT */
/* file.c - see pirn/file.h */
#include "pirn/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/xattr.h>

#include "pirn/invariant.h"
#include "runtime/context.h"

/* As the kernel's header has them. */
enum {
    FSYNC_DATA = 1,     /* IORING_FSYNC_DATASYNC */
    POLL_MULTISHOT = 1, /* IORING_POLL_ADD_MULTI */
    WRITE_DSYNC = 2,    /* RWF_DSYNC */
};

static void prep_open(struct pirn_op *op, uint8_t opcode, int dir_fd,
                      const char *path, int flags, uint32_t mode)
{
    struct pirn_loan *loan = pirn__prep(op, opcode);

    pirn_assert(path != NULL);
    loan->fd = dir_fd;
    loan->addr = (uintptr_t)path;
    loan->op_flags = (uint32_t)flags | O_CLOEXEC;
    loan->len = mode;
}

void pirn_prep_open(struct pirn_op *op, int dir_fd, const char *path, int flags,
                    uint32_t mode)
{
    prep_open(op, ENGINE_OPEN, dir_fd, path, flags, mode);
}

/* openat2(2) refuses a mode where nothing can be made. */
void pirn_prep_open_beneath(struct pirn_op *op, int dir_fd, const char *path,
                            int flags, uint32_t mode)
{
    prep_open(op, ENGINE_OPEN_BENEATH, dir_fd, path, flags,
              (flags & O_CREAT) ? mode : 0);
}

void pirn_prep_close(struct pirn_op *op, int fd)
{
    pirn__prep(op, ENGINE_CLOSE)->fd = fd;
}

static void prep_transfer(struct pirn_op *op, uint8_t opcode, int fd,
                          const void *memory, uint32_t len, uint64_t offset)
{
    struct pirn_loan *loan = pirn__prep(op, opcode);

    pirn_assert(memory != NULL);
    pirn_assert(len > 0);
    pirn_assert(len <= PIRN_IO_MAX);
    loan->fd = fd;
    loan->addr = (uintptr_t)memory;
    loan->len = len;
    loan->offset = offset;
}

void pirn_prep_read(struct pirn_op *op, int fd, void *buf, uint32_t len,
                    uint64_t offset)
{
    prep_transfer(op, ENGINE_READ, fd, buf, len, offset);
}

void pirn_prep_write(struct pirn_op *op, int fd, const void *buf, uint32_t len,
                     uint64_t offset)
{
    prep_transfer(op, ENGINE_WRITE, fd, buf, len, offset);
}

void pirn_prep_write_durable(struct pirn_op *op, int fd, const void *buf,
                             uint32_t len, uint64_t offset)
{
    prep_transfer(op, ENGINE_WRITE, fd, buf, len, offset);
    op->priv.op_flags = WRITE_DSYNC;
}

void pirn_prep_readv(struct pirn_op *op, int fd, const struct iovec *iov,
                     uint32_t count, uint64_t offset)
{
    prep_transfer(op, ENGINE_READV, fd, iov, count, offset);
}

void pirn_prep_writev(struct pirn_op *op, int fd, const struct iovec *iov,
                      uint32_t count, uint64_t offset)
{
    prep_transfer(op, ENGINE_WRITEV, fd, iov, count, offset);
}

void pirn_prep_writev_durable(struct pirn_op *op, int fd,
                              const struct iovec *iov, uint32_t count,
                              uint64_t offset)
{
    prep_transfer(op, ENGINE_WRITEV, fd, iov, count, offset);
    op->priv.op_flags = WRITE_DSYNC;
}

void pirn_prep_fsync(struct pirn_op *op, int fd, enum pirn_sync what)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_FSYNC);

    loan->fd = fd;
    loan->op_flags = what == PIRN_SYNC_DATA ? FSYNC_DATA : 0;
}

/* Of a name that no file has, so nothing is ever changed. */
void pirn_prep_confirm(struct pirn_op *op, int fd)
{
    static const char name[] = "user.pirn.confirm";
    struct pirn_loan *loan = pirn__prep(op, ENGINE_CONFIRM);

    loan->fd = fd;
    loan->addr = (uintptr_t)name;
    loan->offset = (uintptr_t)name; /* some value */
    loan->len = 1;
    loan->op_flags = XATTR_REPLACE;
}

int pirn_confirmed(int32_t result)
{
    switch (result) {
    case -ENODATA:
    case -ENOSPC: /* a change needs room; the journal was looked at first */
    case -EDQUOT:
    case -EOPNOTSUPP:
    case -EPERM:
    case -EACCES:
        return 0;
    default:
        return result;
    }
}

void pirn_prep_fallocate(struct pirn_op *op, int fd, int mode, uint64_t offset,
                         uint64_t len)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_FALLOCATE);

    pirn_assert(len > 0);
    loan->fd = fd;
    loan->len = (uint32_t)mode;
    loan->offset = offset;
    loan->addr = len;
}

void pirn_prep_truncate(struct pirn_op *op, int fd, uint64_t size)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_TRUNCATE);

    loan->fd = fd;
    loan->offset = size;
}

void pirn_prep_splice(struct pirn_op *op, int from_fd, uint64_t from_offset,
                      int to_fd, uint64_t to_offset, uint32_t len,
                      uint32_t flags)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_SPLICE);

    pirn_assert(len > 0 && len <= PIRN_IO_MAX);
    loan->arg = (uint32_t)from_fd;
    loan->addr = from_offset;
    loan->fd = to_fd;
    loan->offset = to_offset;
    loan->len = len;
    loan->op_flags = flags;
}

void pirn_prep_poll(struct pirn_op *op, int fd, uint32_t events)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_POLL);

    loan->fd = fd;
    loan->op_flags = events;
}

void pirn_prep_multishot_poll(struct pirn_multishot *shot, int fd,
                              uint32_t events)
{
    struct pirn_loan *loan = pirn__prep_multishot(shot, ENGINE_POLL);

    loan->fd = fd;
    loan->op_flags = events;
    loan->len = POLL_MULTISHOT;
}

void pirn_prep_multishot_read(struct pirn_multishot *shot, int fd)
{
    struct pirn_loan *loan = pirn__prep_multishot(shot, ENGINE_READ_MULTISHOT);

    loan->flags |= LOAN_SELECT;
    loan->fd = fd;
    loan->offset = PIRN_OFFSET_CURRENT;
}

void pirn_prep_room(struct pirn_op *op, int fd, struct pirn_room *room)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_ROOM);

    pirn_assert(room != NULL);
    loan->fd = fd;
    loan->addr = (uintptr_t)room;
}

void pirn_prep_lock(struct pirn_op *op, int fd, uint64_t offset, uint64_t len,
                    enum pirn_lock what)
{
    static const short types[] = {
        [PIRN_LOCK_RELEASE] = F_UNLCK,
        [PIRN_LOCK_SHARED] = F_RDLCK,
        [PIRN_LOCK_EXCLUSIVE] = F_WRLCK,
    };
    struct pirn_loan *loan = pirn__prep(op, ENGINE_LOCK);

    loan->fd = fd;
    loan->offset = offset;
    loan->addr = len;
    loan->op_flags = (uint32_t)types[what];
}
