/* SPDX-License-Identifier: MIT */
/*
 * segment.c - see bench/segment.h
 */
#include "bench/segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };

/* Through the page cache, whichever way it is used afterwards; then dropped
 * from there, where it would meet direct writes. */
static int prepare(int fd, bool direct)
{
    char *piece = calloc(1, PIECE);
    int r = piece == NULL ? -ENOMEM : 0;

    for (off_t at = 0; at < SEGMENT_BYTES && r == 0; at += PIECE) {
        if (pwrite(fd, piece, PIECE, at) != PIECE) {
            r = errno ? -errno : -EIO;
        }
    }
    free(piece);
    if (r == 0 && fsync(fd) < 0) {
        r = -errno;
    }
    if (r == 0 && direct) {
        r = -posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    }
    return r;
}

/* The flag is set last: a file system without direct I/O refuses it here. */
static int make_direct(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    return fcntl(fd, F_SETFL, flags | O_DIRECT) < 0 ? -EOPNOTSUPP : 0;
}

int segment_make(struct segment *segment, const char *dir, bool direct,
                 size_t len)
{
    char path[4096];
    int r;

    *segment = (struct segment){.fd = -1};
    if ((size_t)snprintf(path, sizeof(path), "%s/segment.XXXXXX", dir) >=
        sizeof(path)) {
        return -ENAMETOOLONG;
    }
    segment->bytes = aligned_alloc(4096, len);
    if (segment->bytes == NULL) {
        return -ENOMEM;
    }
    memset(segment->bytes, 'x', len);
    segment->fd = mkstemp(path);
    r = segment->fd < 0 ? -errno : 0;
    if (r == 0) {
        unlink(path);
        r = prepare(segment->fd, direct);
    }
    if (r == 0 && direct) {
        r = make_direct(segment->fd);
    }
    if (r < 0) {
        segment_end(segment);
    }
    return r;
}

void segment_end(struct segment *segment)
{
    if (segment->fd >= 0) {
        close(segment->fd);
    }
    free(segment->bytes);
    *segment = (struct segment){.fd = -1};
}

uint64_t segment_place(struct segment *segment, size_t len)
{
    uint64_t at = segment->at + len <= SEGMENT_BYTES ? segment->at : 0;

    segment->at = at + len;
    return at;
}

/* A short write is none that a log could acknowledge. */
static int whole(ssize_t written, size_t len)
{
    if (written < 0) {
        return -errno;
    }
    return (size_t)written == len ? 0 : -EIO;
}

int segment_write_dsync(struct segment *segment, size_t len)
{
    const struct iovec iovec = {.iov_base = segment->bytes, .iov_len = len};
    off_t at = (off_t)segment_place(segment, len);

    return whole(pwritev2(segment->fd, &iovec, 1, at, RWF_DSYNC), len);
}

int segment_write_sync(struct segment *segment, size_t len)
{
    off_t at = (off_t)segment_place(segment, len);
    int r = whole(pwrite(segment->fd, segment->bytes, len, at), len);

    return r < 0 ? r : fdatasync(segment->fd) < 0 ? -errno : 0;
}

int segment_round(struct round *round, int (*write)(void *state), void *state,
                  uint32_t items)
{
    uint64_t now_ns;
    int r = 0;

    round_begin(round);
    now_ns = round->began_ns;
    while (r == 0 && !round_is_over(round, now_ns)) {
        uint64_t began_ns = now_ns;

        r = write(state);
        now_ns = round_now_ns();
        histogram_add(&round->latency, now_ns - began_ns);
        round->count += items;
    }
    round_end(round);
    return r;
}
