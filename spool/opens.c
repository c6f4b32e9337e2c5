/* SPDX-License-Identifier: MIT */
/*
 * opens.c - see spool/opens.h
 *
 *   to read    O_NONBLOCK: a FIFO is open at once, a socket is -ENXIO
 *   to write   O_RDWR: so a FIFO has its other end
 *   any        beneath, through no link
 *
 * An operation that reads a FIFO waits for who writes it on a ring, O_NONBLOCK
 * or not. So before one is started somebody has looked: pirn_read_cached()
 * answers -ESPIPE, and never waits; or the kind was asked.
 *
 * To a file O_NONBLOCK means nothing; but a ring before Linux 6.5 answers
 * -EAGAIN where the file's device cannot be asked without waiting
 * (io_prep_rw(), REQ_F_NOWAIT). So that is no damage, and what is a file is
 * then opened without. Who puts a FIFO there in between is waited for.
 */
#include "spool/opens.h"

#include <errno.h>
#include <fcntl.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>

#include "spool/spool.h"

void pirn__prep_open_waiting(struct pirn_op *op, int dir_fd, const char *path,
                             int flags)
{
    bool may_be_fifo = (flags & O_ACCMODE) == O_WRONLY && !(flags & O_EXCL);

    pirn_assert(dir_fd >= 0);
    pirn_assert(path[0] != '\0' && path[0] != '/');
    if (may_be_fifo) {
        flags = (flags & ~O_ACCMODE) | O_RDWR;
    }
    pirn_prep_open_beneath(op, dir_fd, path, flags | O_NOFOLLOW,
                           PIRN__FILE_MODE);
}

void pirn__prep_open(struct pirn_op *op, int dir_fd, const char *path,
                     int flags)
{
    bool may_be_fifo = (flags & (O_ACCMODE | O_DIRECTORY | O_PATH)) == O_RDONLY;

    pirn__prep_open_waiting(op, dir_fd, path,
                            may_be_fifo ? flags | O_NONBLOCK : flags);
}

bool pirn__is_none(int32_t result)
{
    return result == -ENOENT || result == -ENOTDIR || result == -ELOOP;
}

bool pirn__is_file(const struct statx *statx)
{
    return S_ISREG(statx->stx_mode);
}

bool pirn__may_be_foreign(int32_t result)
{
    return result == -EAGAIN || result == -ELOOP || result == -ENXIO ||
           result == -ENODEV || result == -ESPIPE || result == -EISDIR ||
           result == -EINVAL;
}

void pirn__prep_ask_kind(struct pirn_op *op, int dir_fd, const char *path,
                         struct statx *statx)
{
    pirn_assert(path[0] != '\0');
    pirn_prep_stat(op, dir_fd, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, statx);
}

int32_t pirn__foreign(const struct statx *statx, int32_t asked, int32_t result)
{
    pirn_assert(result < 0);
    return asked == 0 && !pirn__is_file(statx) ? -EBADMSG : result;
}

static int32_t kind_of(struct pirn_context *context, int dir_fd,
                       const char *path, struct statx *statx)
{
    struct pirn_op op = {0};

    pirn__prep_ask_kind(&op, dir_fd, path, statx);
    return pirn_wait(context, &op);
}

/* Its kind is asked first: it is opened but once in the life of an open. */
int pirn__open_file(struct pirn_context *context, int dir_fd, const char *path,
                    int flags)
{
    struct statx statx;
    struct pirn_op op = {0};

    if (kind_of(context, dir_fd, path, &statx) == 0 && !pirn__is_file(&statx)) {
        return -EBADMSG;
    }
    pirn__prep_open_waiting(&op, dir_fd, path, flags);
    return pirn_wait(context, &op);
}
