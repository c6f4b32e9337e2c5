/* SPDX-License-Identifier: MIT */
/*
 * base_commit.c - the spool's two files per item by plain system calls
 *
 * 64 threads; the same steps, shards and sizes as in spool/file/README.md, and
 * nothing else: no owners, no recovery, no checksums.
 *
 *   .tmp/N   created, written, fdatasync --- rename ---> incoming/XY/N
 *   .data/XY/N   created, written, fdatasync    fsync(.data/XY)   ^ fsync
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

enum {
    SHARDS = 64,      /* as the spool has them */
    META_BYTES = 192, /* as its metadata without fields, rounded up */
};

struct tree {
    int root;
    int tmp;
    int data[SHARDS];
    int queue[SHARDS];
    const struct options *options;
    char body[COMMIT_BYTES];
    char meta[META_BYTES];
};

static int base_open(const struct options *options, void **ret_state)
{
    struct tree *tree = calloc(1, sizeof(*tree));

    if (tree == NULL) {
        return -ENOMEM;
    }
    tree->options = options;
    memset(tree->body, 'x', sizeof(tree->body));
    memset(tree->meta, 'm', sizeof(tree->meta));
    *ret_state = tree;
    return 0;
}

/* A directory with one directory per shard. */
static int make_shards(struct tree *tree, const char *name, int shards[SHARDS])
{
    int parent = place_make(tree->root, name);
    int r = parent;

    for (unsigned i = 0; i < SHARDS && r >= 0; i++) {
        char text[8];

        snprintf(text, sizeof(text), "%02x", i);
        r = shards[i] = place_make(parent, text);
    }
    if (parent >= 0) {
        close(parent);
    }
    return r;
}

static void close_all(int fds[], unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

static void tree_close(struct tree *tree)
{
    close_all(&tree->root, 1);
    close_all(&tree->tmp, 1);
    close_all(tree->data, SHARDS);
    close_all(tree->queue, SHARDS);
}

static int tree_make(struct tree *tree, uint32_t round)
{
    char path[PLACE_PATH];
    int r = place_path_of(path, tree->options, "threads", round);

    tree->root = tree->tmp = -1;
    memset(tree->data, -1, sizeof(tree->data));
    memset(tree->queue, -1, sizeof(tree->queue));
    if (r == 0) {
        r = tree->root = place_make(AT_FDCWD, path);
    }
    if (r >= 0) {
        r = tree->tmp = place_make(tree->root, ".tmp");
    }
    if (r >= 0) {
        r = make_shards(tree, ".data", tree->data);
    }
    if (r >= 0) {
        r = make_shards(tree, "incoming", tree->queue);
    }
    return r < 0 ? r : place_settle(tree->root);
}

static int create(int dir, const char *name, const char *bytes, size_t len)
{
    int fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

    if (fd < 0) {
        return -errno;
    }
    if (write(fd, bytes, len) != (ssize_t)len) {
        close(fd);
        return -EIO;
    }
    return fd;
}

static int sync_and_close(int fd)
{
    int r = fdatasync(fd) < 0 ? -errno : 0;

    close(fd);
    return r;
}

static int commit_one(void *state, uint64_t number)
{
    struct tree *tree = state;
    unsigned shard = (unsigned)(number % SHARDS);
    char name[32];
    int body;
    int meta;
    int r;

    snprintf(name, sizeof(name), "%026llu", (unsigned long long)number);
    meta = create(tree->tmp, name, tree->meta, sizeof(tree->meta));
    if (meta < 0) {
        return meta;
    }
    body = create(tree->data[shard], name, tree->body, sizeof(tree->body));
    if (body < 0) {
        close(meta);
        return body;
    }
    r = sync_and_close(body);
    if (sync_and_close(meta) < 0 || r < 0) {
        return -EIO;
    }
    if (fsync(tree->data[shard]) < 0 ||
        renameat(tree->tmp, name, tree->queue[shard], name) < 0 ||
        fsync(tree->queue[shard]) < 0) {
        return -errno;
    }
    return 0;
}

static int base_round(void *state, struct round *round)
{
    struct tree *tree = state;
    int r = tree_make(tree, round->index);

    if (r == 0) {
        r = crew_round(round, COMMIT_DEPTH, commit_one, tree);
    }
    tree_close(tree);
    return r;
}

static void base_close(void *state)
{
    free(state);
}

const struct side base_commit = {
    .name = "threads",
    .promise = "two files, synced, renamed, synced",
    .open = base_open,
    .round = base_round,
    .close = base_close,
};
