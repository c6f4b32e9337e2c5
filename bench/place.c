/* SPDX-License-Identifier: MIT */
/*
 * place.c - making directories, and quiet before a round begins
 */
#include "bench/place.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/harness.h"

int place_path(char path[PLACE_PATH], const char *dir, const char *side,
               uint32_t round)
{
    int len = snprintf(path, PLACE_PATH, "%s/%s.%u", dir, side, round);

    return len < PLACE_PATH ? 0 : -ENAMETOOLONG;
}

int place_path_of(char path[PLACE_PATH], const struct options *options,
                  const char *side, uint32_t round)
{
    char name[64];

    snprintf(name, sizeof(name), "%s-%s", options->question->verb, side);
    return place_path(path, options->dir, name, round);
}

int place_make(int dir_fd, const char *name)
{
    int fd;

    if (mkdirat(dir_fd, name, 0700) < 0) {
        return -errno;
    }
    fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int place_settle(int fd)
{
    return syncfs(fd) < 0 ? -errno : 0;
}

int place_make_pair(struct place_pair *ret_pair, const char *dir,
                    const char *side, uint32_t round)
{
    char path[PLACE_PATH];
    struct place_pair pair;
    int root;
    int r = place_path(path, dir, side, round);

    if (r < 0) {
        return r;
    }
    root = place_make(AT_FDCWD, path);
    if (root < 0) {
        return root;
    }
    r = pair.tmp = place_make(root, "tmp");
    if (r >= 0) {
        r = pair.out = place_make(root, "out");
        if (r < 0) {
            close(pair.tmp);
        }
    }
    if (r >= 0) {
        r = place_settle(root);
        *ret_pair = pair;
    }
    close(root);
    return r;
}

void place_close_pair(struct place_pair *pair)
{
    close(pair->tmp);
    close(pair->out);
}

int place_settle_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? -errno : place_settle(fd);

    if (fd >= 0) {
        close(fd);
    }
    return r;
}

static int remove_one(const char *path, const struct stat *status, int type,
                      struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

void place_remove(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}
