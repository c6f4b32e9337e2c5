/* SPDX-License-Identifier: MIT */
/*
 * scratch.c - see bench/scratch.h
 */
#include "bench/scratch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PIECE = 65536 };

/* Written out, too: nobody is to write it back while others are measured. */
static int fill(int fd, uint64_t bytes)
{
    char piece[PIECE];

    memset(piece, 'p', sizeof(piece));
    for (uint64_t at = 0; at < bytes; at += PIECE) {
        if (pwrite(fd, piece, PIECE, (off_t)at) != PIECE) {
            return errno ? -errno : -EIO;
        }
    }
    if (fdatasync(fd) < 0) {
        return -errno;
    }
    for (uint64_t at = 0; at < bytes; at += PIECE) {
        if (pread(fd, piece, PIECE, (off_t)at) != PIECE) {
            return errno ? -errno : -EIO;
        }
    }
    return 0;
}

int scratch_make(const struct options *options, uint64_t bytes)
{
    const char *dir = options->dir ? options->dir : getenv("TMPDIR");
    char path[4096];
    int fd;
    int r;

    snprintf(path, sizeof(path), "%s/pirn-bench.XXXXXX", dir ? dir : "/tmp");
    fd = mkstemp(path);
    if (fd < 0) {
        return -errno;
    }
    unlink(path);
    r = fill(fd, bytes);
    if (r < 0) {
        close(fd);
        return r;
    }
    return fd;
}
