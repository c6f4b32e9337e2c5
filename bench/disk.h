/* SPDX-License-Identifier: MIT */
/*
 * bench/disk.h - the device under a directory: its flushes, and its cold start
 */
#ifndef BENCH_DISK_H
#define BENCH_DISK_H

#include <stdint.h>

struct disk {
    int fd; /* of the device's statistics; -1: there are none */
};

/** disk_open() - of the device that @dir is on */
void disk_open(struct disk *disk, const char *dir);

void disk_close(struct disk *disk);

/** disk_flushes() - that the device was asked for since it was made; 0 if that
 * is not known */
uint64_t disk_flushes(const struct disk *disk);

/**
 * disk_forget() - as after a power loss: nothing of the device is in memory
 * @dir: nothing below it is open
 *
 * Where @dir is a mount point its file system is taken away and mounted anew.
 * Caches are dropped in any case.
 *
 * Return: 0; -EOPNOTSUPP we may not; or an errno
 */
int disk_forget(const char *dir);

/* What is free on a file system. */
struct disk_room {
    uint64_t blocks;
    uint64_t inodes; /* 0: they are made as they are needed */
};

/** disk_room() - of the file system that @fd is on; 0 or an errno */
int disk_room(int fd, struct disk_room *ret_room);

/** disk_is_half_full() - whether less than half of what was free is left: 1, 0,
 * or a negative errno */
int disk_is_half_full(int fd, const struct disk_room *before);

#endif /* BENCH_DISK_H */
