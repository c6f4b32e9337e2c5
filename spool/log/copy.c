/* SPDX-License-Identifier: MIT */
/*
 * copy.c - see spool/log/copy.h
 *
 *   copy.new, written and synced -> renamed -> its directory synced
 */
#include "spool/log/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <pirn/file.h>
#include <pirn/path.h>

#include "spool/log/log.h"
#include "spool/text_file.h"

#define HALF "copy.new"

static int32_t wait_for(struct pirn__log *log, struct pirn_op *op)
{
    return pirn_wait(log->context, op);
}

static int64_t stat_of(struct pirn__log *log, int fd, const char *path)
{
    struct statx statx = {0};
    struct pirn_op op = {0};

    pirn_prep_stat(&op, fd, path, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW,
                   STATX_SIZE, &statx);
    int r = wait_for(log, &op);
    return r < 0 ? r : (int64_t)statx.stx_size;
}

/* What of it cannot be read is zeros, page by page. */
static int read_step(struct pirn__log *log, int from, uint8_t *bytes,
                     uint32_t want, uint64_t at)
{
    enum { PAGE = 4096 };

    memset(bytes, 0, want);
    int64_t r = pirn__log_read_at(log, from, bytes, want, at);
    for (uint32_t i = 0; r == -EIO && i < want; i += PAGE) {
        uint32_t len = want - i < PAGE ? want - i : PAGE;
        int64_t page = pirn__log_read_at(log, from, bytes + i, len, at + i);
        r = page < 0 && page != -EIO ? page : -EIO;
    }
    return r < 0 && r != -EIO ? (int)r : 0;
}

static int copy_bytes(struct pirn__log *log, int from, int to)
{
    enum { STEP = 128 * 1024 };
    int64_t end = stat_of(log, from, "");
    uint8_t *bytes = calloc(1, STEP);
    struct pirn_op op = {0};
    int r = bytes == NULL ? -ENOMEM : end < 0 ? (int)end : 0;

    for (int64_t at = 0; r == 0 && at < end; at += STEP) {
        uint32_t want = end - at < STEP ? (uint32_t)(end - at) : STEP;
        r = read_step(log, from, bytes, want, (uint64_t)at);
        r = r < 0 ? r : pirn__log_write_at(log, to, bytes, want, (uint64_t)at);
    }
    free(bytes);
    if (r == 0) {
        pirn_prep_fsync(&op, to, PIRN_SYNC_ALL);
        r = wait_for(log, &op);
    }
    return r;
}

int pirn__copy_aside(struct pirn__log *log, int fd, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct pirn_op op = {0};

    if (stat_of(log, log->dir_fd, path) >= 0) {
        return 0;
    }
    pirn_prep_open(&op, log->dir_fd, HALF, O_WRONLY | O_CREAT | O_TRUNC,
                   PIRN__FILE_MODE);
    int to = wait_for(log, &op);
    if (to < 0) {
        return to;
    }
    int r = copy_bytes(log, fd, to);
    pirn_prep_close(&op, to);
    (void)wait_for(log, &op);
    if (r == 0) {
        pirn_prep_rename(&op, log->dir_fd, HALF, log->dir_fd, path, 0);
        r = wait_for(log, &op);
    }
    if (r < 0) {
        pirn_prep_unlink(&op, log->dir_fd, HALF, 0);
        (void)wait_for(log, &op); /* its room is needed */
    }
    return r < 0 ? r
                 : pirn__sync_dir(log->context, log->dir_fd,
                                  slash == NULL ? "." : "seg");
}
