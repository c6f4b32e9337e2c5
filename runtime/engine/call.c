/* SPDX-License-Identifier: MIT */
/*
 * call.c - one function per family of calls, and one switch
 *
 * For what io_uring cannot do at all (locks, listing a directory), for what the
 * running kernel's cannot do yet, and for engines without a ring. The fields
 * mean what engine.h says; each function reads them in the order of its call.
 */
#include "runtime/engine/call.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "pirn/file.h"
#include "pirn/invariant.h"
#include "runtime/engine/engine.h"

static void *pointer(uint64_t value)
{
    return (void *)(uintptr_t)value;
}

static int32_t result_of(int64_t returned)
{
    return returned < 0 ? -errno : (int32_t)returned;
}

static int32_t open_now(const struct pirn_loan *loan, uint32_t flags)
{
    if (loan->opcode == ENGINE_OPEN_BENEATH) {
        struct open_how how = {
            .flags = flags,
            .mode = loan->len,
            .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
        };

        return result_of(syscall(SYS_openat2, loan->fd, pointer(loan->addr),
                                 &how, sizeof(how)));
    }
    return result_of(
        openat(loan->fd, pointer(loan->addr), (int)flags, loan->len));
}

/* A FIFO is opened when its other end is: that would be to wait for a peer. So
 * it is opened without waiting, and is then what was asked for. */
static int32_t call_open(const struct pirn_loan *loan)
{
    uint32_t flags = loan->op_flags;
    bool may_wait = !(flags & (O_NONBLOCK | O_PATH));
    int32_t fd = open_now(loan, may_wait ? flags | O_NONBLOCK : flags);

    if (fd >= 0 && may_wait) {
        (void)fcntl(fd, F_SETFL, (int)flags);
    }
    return fd;
}

/* The offset UINT64_MAX is -1, which preadv2(2) reads as "where it stands". */
static int32_t call_transfer(const struct pirn_loan *loan)
{
    struct iovec one = {pointer(loan->addr), loan->len};
    bool vectored =
        loan->opcode == ENGINE_READV || loan->opcode == ENGINE_WRITEV;
    const struct iovec *iov = vectored ? pointer(loan->addr) : &one;
    int count = vectored ? (int)loan->len : 1;
    off_t offset = (off_t)loan->offset;

    if (loan->opcode == ENGINE_READ || loan->opcode == ENGINE_READV) {
        return result_of(preadv2(loan->fd, iov, count, offset, 0));
    }
    return result_of(
        pwritev2(loan->fd, iov, count, offset, (int)loan->op_flags));
}

static int32_t call_fsync(const struct pirn_loan *loan)
{
    return result_of(loan->op_flags == 0 ? fsync(loan->fd)
                                         : fdatasync(loan->fd));
}

static int32_t call_lock(const struct pirn_loan *loan)
{
    struct flock lock = {
        .l_type = (short)loan->op_flags,
        .l_whence = SEEK_SET,
        .l_start = (off_t)loan->offset,
        .l_len = (off_t)loan->addr,
    };

    return result_of(fcntl(loan->fd, F_OFD_SETLK, &lock));
}

static int32_t call_set_option(const struct pirn_loan *loan)
{
    int level = (int)(loan->offset >> 32);
    int name = (int)(uint32_t)loan->offset;

    return result_of(
        setsockopt(loan->fd, level, name, pointer(loan->addr), loan->len));
}

static int32_t call_room(const struct pirn_loan *loan)
{
    struct pirn_room *room = pointer(loan->addr);
    struct statvfs stat;
    int r = fstatvfs(loan->fd, &stat);

    if (r < 0) {
        return result_of(r);
    }
    *room = (struct pirn_room){
        .block_bytes = stat.f_frsize,
        .bytes = stat.f_blocks * stat.f_frsize,
        .free_bytes = stat.f_bavail * stat.f_frsize,
        .inodes = stat.f_files,
        .free_inodes = stat.f_favail,
    };
    return 0;
}

static int32_t call_on_file(const struct pirn_loan *loan)
{
    switch ((enum engine_opcode)loan->opcode) {
    case ENGINE_OPEN:
    case ENGINE_OPEN_BENEATH:
        return call_open(loan);
    case ENGINE_CLOSE:
        return result_of(close(loan->fd));
    case ENGINE_READ:
    case ENGINE_WRITE:
    case ENGINE_READV:
    case ENGINE_WRITEV:
        return call_transfer(loan);
    case ENGINE_FSYNC:
        return call_fsync(loan);
    case ENGINE_CONFIRM:
        return result_of(fsetxattr(loan->fd, pointer(loan->addr),
                                   pointer(loan->offset), loan->len,
                                   (int)loan->op_flags));
    case ENGINE_FALLOCATE:
        return result_of(fallocate(loan->fd, (int)loan->len,
                                   (off_t)loan->offset, (off_t)loan->addr));
    case ENGINE_TRUNCATE:
        return result_of(ftruncate(loan->fd, (off_t)loan->offset));
    case ENGINE_LOCK:
        return call_lock(loan);
    case ENGINE_ROOM:
        return call_room(loan);
    default:
        return -EOPNOTSUPP;
    }
}

static int32_t call_on_path(const struct pirn_loan *loan)
{
    const char *path = pointer(loan->addr);
    const char *other = pointer(loan->offset);

    switch ((enum engine_opcode)loan->opcode) {
    case ENGINE_RENAME:
        return result_of(syscall(SYS_renameat2, loan->fd, path, (int)loan->len,
                                 other, loan->op_flags));
    case ENGINE_UNLINK:
        return result_of(unlinkat(loan->fd, path, (int)loan->op_flags));
    case ENGINE_MKDIR:
        return result_of(mkdirat(loan->fd, path, loan->len));
    case ENGINE_FIFO:
        return result_of(mkfifoat(loan->fd, path, loan->len));
    case ENGINE_LINK:
        return result_of(
            linkat(loan->fd, path, (int)loan->len, other, (int)loan->op_flags));
    case ENGINE_SYMLINK:
        return result_of(symlinkat(path, loan->fd, other));
    case ENGINE_STAT:
        return result_of(statx(loan->fd, path, (int)loan->op_flags, loan->len,
                               pointer(loan->offset)));
    case ENGINE_LIST:
        return result_of(syscall(SYS_getdents64, loan->fd, path, loan->len));
    default:
        return -EOPNOTSUPP;
    }
}

/* For a while a socket has no other way of saying that it shall not wait; -1 if
 * @fd is none, or is so already, else what to put back. */
static int without_waiting(int fd)
{
    struct stat stat;
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || (flags & O_NONBLOCK) || fstat(fd, &stat) < 0 ||
        !S_ISSOCK(stat.st_mode)) {
        return -1;
    }
    return fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ? -1 : flags;
}

/* Of the two sides one is a pipe, and the other may be a socket: neither is
 * waited for. An offset that is not given is -1, here no pointer. */
static int32_t call_splice(const struct pirn_loan *loan)
{
    off64_t from = (off64_t)loan->addr;
    off64_t to = (off64_t)loan->offset;
    int from_flags = without_waiting((int)loan->arg);
    int to_flags = without_waiting(loan->fd);
    int32_t r = result_of(splice((int)loan->arg, from < 0 ? NULL : &from,
                                 loan->fd, to < 0 ? NULL : &to, loan->len,
                                 loan->op_flags | SPLICE_F_NONBLOCK));

    if (from_flags >= 0) {
        (void)fcntl((int)loan->arg, F_SETFL, from_flags);
    }
    if (to_flags >= 0) {
        (void)fcntl(loan->fd, F_SETFL, to_flags);
    }
    return r;
}

static int32_t call_on_socket(const struct pirn_loan *loan)
{
    switch ((enum engine_opcode)loan->opcode) {
    case ENGINE_SOCKET:
        return result_of(socket(loan->fd, (int)loan->offset, (int)loan->len));
    case ENGINE_BIND:
        return result_of(
            bind(loan->fd, pointer(loan->addr), (socklen_t)loan->offset));
    case ENGINE_LISTEN:
        return result_of(listen(loan->fd, (int)loan->len));
    case ENGINE_SET_OPTION:
        return call_set_option(loan);
    case ENGINE_SHUTDOWN:
        return result_of(shutdown(loan->fd, (int)loan->len));
    case ENGINE_SPLICE:
        return call_splice(loan);
    default:
        return -EOPNOTSUPP;
    }
}

/* What happens elsewhere, told by a descriptor. */
static int32_t call_on_event(const struct pirn_loan *loan)
{
    switch ((enum engine_opcode)loan->opcode) {
    case ENGINE_SIGNALS:
        return result_of(
            signalfd(-1, pointer(loan->addr), SFD_CLOEXEC | SFD_NONBLOCK));
    case ENGINE_PIDFD_OPEN:
        return result_of(syscall(SYS_pidfd_open, loan->fd, 0));
    case ENGINE_WAITID:
        return result_of(waitid(P_PIDFD, (id_t)loan->fd, pointer(loan->addr),
                                (int)loan->op_flags));
    case ENGINE_INOTIFY_OPEN:
        return result_of(inotify_init1(IN_CLOEXEC));
    case ENGINE_INOTIFY_ADD:
        return result_of(
            inotify_add_watch(loan->fd, pointer(loan->addr), loan->op_flags));
    default:
        return -EOPNOTSUPP;
    }
}

int32_t pirn__call(const struct pirn_loan *loan)
{
    pirn_assert(loan->opcode < ENGINE_OPCODE_COUNT);

    if (loan->opcode == ENGINE_NOP) {
        return 0;
    }
    if (loan->opcode < ENGINE_RENAME) {
        return call_on_file(loan);
    }
    if (loan->opcode < ENGINE_SOCKET) {
        return call_on_path(loan);
    }
    if (loan->opcode >= ENGINE_SIGNALS && loan->opcode < ENGINE_POLL) {
        return call_on_event(loan);
    }
    return call_on_socket(loan);
}

bool pirn__call_is_on_disk(int fd)
{
    struct stat stat;

    return fstat(fd, &stat) == 0 &&
           (S_ISREG(stat.st_mode) || S_ISDIR(stat.st_mode) ||
            S_ISBLK(stat.st_mode));
}

static uint64_t bytes_of(const struct iovec *iov, size_t count)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < count; i++) {
        bytes += iov[i].iov_len;
    }
    return bytes;
}

uint64_t pirn__call_bytes(const struct pirn_loan *loan)
{
    const struct msghdr *message = pointer(loan->addr);

    switch ((enum engine_opcode)loan->opcode) {
    case ENGINE_READV:
    case ENGINE_WRITEV:
        return bytes_of(pointer(loan->addr), loan->len);
    case ENGINE_SENDMSG:
        return bytes_of(message->msg_iov, message->msg_iovlen);
    default:
        return loan->len;
    }
}
