/* SPDX-License-Identifier: MIT */
/*
 * multispool.c - see bench/multispool.h
 *
 * Who has renamed a name into .checkout has the item; nothing else says so.
 */
#include "bench/multispool.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/place.h"
#include "bench/round.h"

int multispool_make(struct multispool *spool, const char *path)
{
    int r;

    memset(spool->body, 'x', sizeof(spool->body));
    r = spool->root = place_make(AT_FDCWD, path);
    spool->registry = spool->data = spool->queue = spool->checkout = -1;
    if (r >= 0) {
        r = spool->registry = place_make(spool->root, ".registry");
    }
    if (r >= 0) {
        r = spool->data = place_make(spool->root, ".data");
    }
    if (r >= 0) {
        r = spool->queue = place_make(spool->root, "active");
    }
    if (r >= 0) {
        r = spool->checkout = place_make(spool->queue, ".checkout");
    }
    return r < 0 ? r : 0;
}

void multispool_close(struct multispool *spool)
{
    const int fds[] = {spool->root, spool->registry, spool->data, spool->queue,
                       spool->checkout};

    for (unsigned i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        if (fds[i] >= 0) {
            close(fds[i]);
        }
    }
}

static int make_file(int dir, const char *name, const char *bytes, size_t len)
{
    int fd = openat(dir, name, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    int r;

    if (fd < 0) {
        return -errno;
    }
    r = write(fd, bytes, len) == (ssize_t)len ? 0 : -EIO;
    close(fd);
    return r;
}

int multispool_fill(struct multispool *spool, uint64_t items, uint64_t end_ns,
                    uint64_t *ret_items)
{
    uint64_t made = 0;
    int r = 0;

    while (r == 0 && made < items && round_now_ns() < end_ns) {
        char name[MULTISPOOL_NAME];

        snprintf(name, sizeof(name), "%016llu", (unsigned long long)made++);
        r = make_file(spool->registry, name, "", 0);
        r = r < 0 ? r : make_file(spool->data, name, spool->body, COMMIT_BYTES);
        r = r < 0 ? r
                  : make_file(spool->queue, name, spool->body, MULTISPOOL_META);
    }
    *ret_items = made;
    return r < 0 ? r : place_settle(spool->root);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static int list_add(struct multispool_list *list, const char *name)
{
    size_t len = strlen(name);

    if (len >= MULTISPOOL_NAME) {
        return -ENAMETOOLONG;
    }
    if (list->count == list->cap) {
        size_t cap = list->cap ? 2 * list->cap : 1024;
        void *names = realloc(list->names, cap * sizeof(*list->names));

        if (names == NULL) {
            return -ENOMEM;
        }
        list->names = names;
        list->cap = cap;
    }
    memcpy(list->names[list->count++], name, len + 1);
    return 0;
}

int multispool_list(const struct multispool *spool,
                    struct multispool_list *list)
{
    int fd = openat(spool->queue, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *entry;
    int r = dir == NULL ? -errno : 0;

    list->count = list->next = 0;
    while (r == 0 && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] != '.') {
            r = list_add(list, entry->d_name);
        }
    }
    if (dir != NULL) {
        closedir(dir);
    }
    if (list->count > 0) {
        qsort(list->names, list->count, sizeof(*list->names), compare);
    }
    return r;
}

/* 1, 0 somebody else has it, or an errno. */
int multispool_check_out(const struct multispool *spool, const char *name)
{
    if (utimensat(spool->registry, name, NULL, 0) < 0 ||
        utimensat(spool->queue, name, NULL, 0) < 0 ||
        renameat(spool->queue, name, spool->checkout, name) < 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    return 1;
}

static int read_file(int dir, const char *name, ssize_t len)
{
    char bytes[COMMIT_BYTES];
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

    if (fd >= 0) {
        close(fd);
    }
    return got == len ? 0 : -EIO;
}

int multispool_use(const struct multispool *spool, const char *name)
{
    int r = read_file(spool->checkout, name, MULTISPOOL_META);

    r = r < 0 ? r : read_file(spool->data, name, COMMIT_BYTES);
    if (r == 0 && (utimensat(spool->registry, name, NULL, 0) < 0 ||
                   unlinkat(spool->data, name, 0) < 0 ||
                   unlinkat(spool->checkout, name, 0) < 0 ||
                   unlinkat(spool->registry, name, 0) < 0)) {
        r = -errno;
    }
    return r;
}
