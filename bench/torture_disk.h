/* SPDX-License-Identifier: MIT */
/*
 * bench/torture_disk.h - a file system of our own whose power can be cut
 *
 * An image, a loop device, a file system, mounted where nobody else sees it:
 * in a mount namespace that ends with the process. The device goes when nobody
 * has it open. So whoever is killed leaves an image, and nothing else. No file
 * system but this one is ever shut down.
 */
#ifndef BENCH_TORTURE_DISK_H
#define BENCH_TORTURE_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/place.h"

enum { TORTURE_IMAGE_BYTES = 512 << 20 };

struct torture_disk {
    const char *type; /* "ext4" or "xfs" */
    char image[PLACE_PATH];
    char point[PLACE_PATH];
    bool is_mounted;
};

/**
 * torture_disk_make() - make it below @root, and mount it
 * @root: a directory of ours
 * @type: borrowed
 *
 * Return: NULL; or what is missing here, and what to do about it
 */
const char *torture_disk_make(struct torture_disk *disk, const char *root,
                              const char *type);

/** torture_disk_cut() - nothing more reaches the image; 0 or an errno */
int torture_disk_cut(const struct torture_disk *disk);

/** torture_disk_mount(), torture_disk_unmount() - 0 or a negative errno; who
 * was killed lets go a little later, which is waited for */
int torture_disk_mount(struct torture_disk *disk);
int torture_disk_unmount(struct torture_disk *disk);

/** torture_disk_remove() - of zeroed memory, too */
void torture_disk_remove(struct torture_disk *disk);

#endif /* BENCH_TORTURE_DISK_H */
