/* SPDX-License-Identifier: MIT */
/*
 * base_files.c - a file per item by plain threads: what programs do themselves
 *
 * open, write, fsync, close, rename, fsync of the directory; then the next. By
 * one thread, and by as many as a question has items on their way.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/crew.h"
#include "bench/place.h"
#include "bench/sides.h"

struct files {
    struct place_pair place;
    const char *dir;
    const char *name; /* of its directories */
    unsigned threads;
    char body[COMMIT_BYTES];
};

static int open_files(const struct options *options, const char *name,
                      unsigned threads, void **ret_state)
{
    struct files *files = calloc(1, sizeof(*files));

    if (files == NULL) {
        return -ENOMEM;
    }
    files->dir = options->dir;
    files->name = name;
    files->threads = threads;
    memset(files->body, 'x', sizeof(files->body));
    *ret_state = files;
    return 0;
}

static int open_one(const struct options *options, void **ret_state)
{
    return open_files(options, "files-thread", 1, ret_state);
}

static int open_many(const struct options *options, void **ret_state)
{
    return open_files(options, "chain-threads", COMMIT_DEPTH, ret_state);
}

static int write_synced(int fd, const char *bytes, size_t len)
{
    if (write(fd, bytes, len) != (ssize_t)len) {
        return -EIO;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

static int one_file(void *state, uint64_t number)
{
    struct files *files = state;
    char name[24];
    int fd;
    int r;

    snprintf(name, sizeof(name), "%llu", (unsigned long long)number);
    fd = openat(files->place.tmp, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC,
                0600);
    if (fd < 0) {
        return -errno;
    }
    r = write_synced(fd, files->body, COMMIT_BYTES);
    close(fd);
    if (r == 0 &&
        (renameat(files->place.tmp, name, files->place.out, name) < 0 ||
         fsync(files->place.out) < 0)) {
        r = -errno;
    }
    return r;
}

static int base_round(void *state, struct round *round)
{
    struct files *files = state;
    int r =
        place_make_pair(&files->place, files->dir, files->name, round->index);

    if (r == 0) {
        r = crew_round(round, files->threads, one_file, files);
        place_close_pair(&files->place);
    }
    return r;
}

static void base_close(void *state)
{
    free(state);
}

const struct side base_files = {
    .name = "files",
    .promise = "one file, synced, renamed, synced",
    .open = open_one,
    .round = base_round,
    .close = base_close,
};

const struct side base_chain = {
    .name = "threads",
    .promise = "one file, synced, renamed, synced",
    .open = open_many,
    .round = base_round,
    .close = base_close,
};
