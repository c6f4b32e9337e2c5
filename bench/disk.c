/* SPDX-License-Identifier: MIT */
/*
 * disk.c - see bench/disk.h
 */
#include "bench/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { TEXT = 512 };

void disk_open(struct disk *disk, const char *dir)
{
    char path[64];
    struct stat status;

    disk->fd = -1;
    if (stat(dir, &status) == 0) {
        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/stat",
                 major(status.st_dev), minor(status.st_dev));
        disk->fd = open(path, O_RDONLY | O_CLOEXEC);
    }
}

void disk_close(struct disk *disk)
{
    if (disk->fd >= 0) {
        close(disk->fd);
    }
    disk->fd = -1;
}

uint64_t disk_flushes(const struct disk *disk)
{
    char text[TEXT];
    unsigned long long flushes = 0;
    ssize_t len = disk->fd < 0 ? 0 : pread(disk->fd, text, TEXT - 1, 0);

    text[len > 0 ? len : 0] = '\0';
    /* The 16th field, since Linux 5.5: Documentation/block/stat.rst. */
    if (sscanf(text,
               "%*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u "
               "%llu",
               &flushes) != 1) {
        return 0;
    }
    return flushes;
}

struct mount {
    char type[TEXT];
    char source[TEXT];
};

/* Of the last mount on @dir; false: it is none. */
static bool mount_of(const char *dir, struct mount *ret_mount)
{
    FILE *file = fopen("/proc/self/mounts", "re");
    char line[4096];
    bool found = false;

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        struct mount mount;
        char point[1024];

        if (sscanf(line, "%511s %1023s %511s", mount.source, point,
                   mount.type) == 3 &&
            strcmp(point, dir) == 0) {
            *ret_mount = mount;
            found = true;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return found;
}

/* A process that was killed a moment ago may still hold it. */
static int mount_anew(const char *dir, const struct mount *mount_point)
{
    int r = -EBUSY;

    for (unsigned tries = 0; tries < 100 && r == -EBUSY; tries++) {
        r = umount(dir) < 0 ? -errno : 0;
        if (r == -EBUSY) {
            poll(NULL, 0, 10);
        }
    }
    if (r == 0 && mount(mount_point->source, dir, mount_point->type, 0, NULL)) {
        r = -errno;
    }
    return r;
}

static int drop_caches(void)
{
    int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);
    int r;

    if (fd < 0) {
        return -EOPNOTSUPP;
    }
    r = write(fd, "3", 1) == 1 ? 0 : -EOPNOTSUPP;
    close(fd);
    return r;
}

int disk_forget(const char *dir)
{
    struct mount mount_point;
    int r = 0;

    sync();
    if (geteuid() != 0) {
        return -EOPNOTSUPP;
    }
    if (mount_of(dir, &mount_point)) {
        r = mount_anew(dir, &mount_point);
    }
    return r < 0 ? r : drop_caches();
}

int disk_room(int fd, struct disk_room *ret_room)
{
    struct statvfs fs;

    if (fstatvfs(fd, &fs) < 0) {
        return -errno;
    }
    *ret_room = (struct disk_room){fs.f_bavail, fs.f_favail};
    return 0;
}

int disk_is_half_full(int fd, const struct disk_room *before)
{
    struct disk_room room = {0};
    int r = disk_room(fd, &room);

    if (r < 0) {
        return r;
    }
    return room.blocks < before->blocks / 2 || room.inodes < before->inodes / 2;
}
