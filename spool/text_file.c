/* SPDX-License-Identifier: MIT */
/* text_file.c - see spool/text_file.h */
#include "spool/text_file.h"

#include <errno.h>
#include <fcntl.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>

#include "spool/opens.h"
#include "spool/spool.h"

static int open_path(struct pirn_context *context, int dir_fd, const char *path,
                     int flags)
{
    struct pirn_op op = {0};

    pirn__prep_open(&op, dir_fd, path, flags);
    return pirn_wait(context, &op);
}

static void close_fd(struct pirn_context *context, int fd)
{
    struct pirn_op op = {0};

    pirn_prep_close(&op, fd);
    (void)pirn_wait(context, &op);
}

int pirn__text_file_read(struct pirn_context *context, int dir_fd,
                         const char *path, char *buf)
{
    struct pirn_op op = {0};
    uint32_t len = 0;
    int r;

    pirn_assert(buf != NULL);
    int fd = pirn__open_file(context, dir_fd, path, O_RDONLY);
    if (fd < 0) {
        return fd;
    }
    do { /* a read may fall short */
        pirn_prep_read(&op, fd, buf + len, PIRN__TEXT_FILE_MAX - len, len);
        r = pirn_wait(context, &op);
        len += r > 0 ? (uint32_t)r : 0;
    } while (r > 0 && len < PIRN__TEXT_FILE_MAX);
    close_fd(context, fd);
    return r < 0 ? r : (int)len;
}

static int write_all(struct pirn_context *context, int fd, const char *text,
                     uint32_t len)
{
    struct pirn_op op = {0};

    for (uint32_t at = 0; at < len;) {
        pirn_prep_write(&op, fd, text + at, len - at, at);
        int r = pirn_wait(context, &op);
        if (r <= 0) {
            return r < 0 ? r : -EIO;
        }
        at += (uint32_t)r;
    }
    pirn_prep_fsync(&op, fd, PIRN_SYNC_ALL);
    return pirn_wait(context, &op);
}

int pirn__text_file_write(struct pirn_context *context, int dir_fd,
                          const char *path, const char *text, uint32_t len)
{
    pirn_assert(len > 0 && len <= PIRN__TEXT_FILE_MAX);

    int fd = open_path(context, dir_fd, path, O_WRONLY | O_CREAT | O_EXCL);
    if (fd < 0) {
        return fd;
    }
    int r = write_all(context, fd, text, len);
    close_fd(context, fd);
    return r;
}

static int cut(struct pirn_context *context, int fd, uint32_t len)
{
    struct pirn_op op = {0};

    pirn_prep_truncate(&op, fd, len);
    return pirn_wait(context, &op);
}

/* What stands there and is no file goes: nothing of it was ours. */
static int open_over(struct pirn_context *context, int dir_fd, const char *path)
{
    const int flags = O_WRONLY | O_CREAT;
    struct pirn_op op = {0};
    int fd = pirn__open_file(context, dir_fd, path, flags);

    if (fd != -EBADMSG) {
        return fd;
    }
    pirn_prep_unlink(&op, dir_fd, path, 0);
    if (pirn_wait(context, &op) == -EISDIR) {
        pirn_prep_unlink(&op, dir_fd, path, AT_REMOVEDIR);
        (void)pirn_wait(context, &op);
    }
    return pirn__open_file(context, dir_fd, path, flags);
}

int pirn__text_file_rewrite(struct pirn_context *context, int dir_fd,
                            const char *path, const char *text, uint32_t len)
{
    pirn_assert(len > 0 && len <= PIRN__TEXT_FILE_MAX);

    int fd = open_over(context, dir_fd, path);
    if (fd < 0) {
        return fd;
    }
    int r = cut(context, fd, len); /* or longer, by zeros: no block goes */
    r = r < 0 ? r : write_all(context, fd, text, len);
    close_fd(context, fd);
    if (r < 0) { /* final for the file */
        struct pirn_op op = {0};
        pirn_prep_unlink(&op, dir_fd, path, 0);
        (void)pirn_wait(context, &op);
    }
    return r;
}

/* Of a directory; it is closed. */
static int sync_fd(struct pirn_context *context, int fd)
{
    struct pirn_op op = {0};

    pirn_prep_fsync(&op, fd, PIRN_SYNC_ALL);
    int r = pirn_wait(context, &op);
    if (r == 0) {
        pirn_prep_confirm(&op, fd);
        r = pirn_confirmed(pirn_wait(context, &op));
    }
    close_fd(context, fd);
    return r;
}

int pirn__sync_dir(struct pirn_context *context, int dir_fd, const char *path)
{
    int fd = open_path(context, dir_fd, path, O_RDONLY | O_DIRECTORY);

    return fd < 0 ? fd : sync_fd(context, fd);
}

/* What is above is not the spool's, and so may be anything. */
int pirn__sync_above(struct pirn_context *context, int dir_fd)
{
    struct pirn_op op = {0};

    pirn_prep_open(&op, dir_fd, "..", O_RDONLY | O_DIRECTORY, 0);
    int fd = pirn_wait(context, &op);
    return fd < 0 ? fd : sync_fd(context, fd);
}
