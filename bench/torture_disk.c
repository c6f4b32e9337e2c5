/* SPDX-License-Identifier: MIT */
/*
 * torture_disk.c - see torture_disk.h
 *
 * The shutdown call of ext4 and xfs, without a flush of their journal, is what
 * a power cut is to them: nothing more reaches the disk, and the next mount
 * recovers from what is there. What the device itself would lose of its cache
 * is not lost by this.
 */
#include "bench/torture_disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <pirn/invariant.h>

#include "bench/loop.h"
#include "bench/process.h"

enum { WITHOUT_LOG_FLUSH = 2 };

/* EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN are one number. */
#define SHUTDOWN _IOR('X', 125, uint32_t)

#define MKFS_NS UINT64_C(60000000000)

static const char *make_image(const struct torture_disk *disk)
{
    int fd = open(disk->image, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = fd < 0 ? -1 : ftruncate(fd, TORTURE_IMAGE_BYTES);

    if (fd >= 0) {
        close(fd);
    }
    return r < 0 ? "no image can be made there: name another --dir" : NULL;
}

/* In a shell, which looks where mkfs is. */
static const char *make_system(const struct torture_disk *disk)
{
    bool is_xfs = strcmp(disk->type, "xfs") == 0;
    const char *const argv[] = {
        "/bin/sh",
        "-c",
        "PATH=$PATH:/usr/sbin:/sbin; exec \"$@\" 2>/dev/null",
        "sh",
        is_xfs ? "mkfs.xfs" : "mkfs.ext4",
        "-q",
        is_xfs ? "-f" : "-F",
        disk->image,
        NULL,
    };
    pid_t pid = process_start(argv, NULL);
    int code = pid < 0 ? -1 : process_wait(pid, MKFS_NS);

    if (code == 127) {
        return is_xfs ? "mkfs.xfs is not installed: install xfsprogs, or try "
                        "--fs ext4"
                      : "mkfs.ext4 is not installed: install e2fsprogs, or try "
                        "--fs xfs";
    }
    return code != 0 ? "mkfs failed: try the other --fs" : NULL;
}

static const char *be_alone(void)
{
    if (geteuid() != 0) {
        return "only root may mount: run it as root, or leave --power out";
    }
    if (loop_private() < 0) {
        return "no mount namespace is allowed here: run it outside of the "
               "container, or leave --power out";
    }
    return NULL;
}

const char *torture_disk_make(struct torture_disk *disk, const char *root,
                              const char *type)
{
    pirn_assert(strcmp(type, "ext4") == 0 || strcmp(type, "xfs") == 0);
    *disk = (struct torture_disk){.type = type};
    const char *why = be_alone();
    if (why != NULL) {
        return why;
    }
    if (snprintf(disk->image, PLACE_PATH, "%s/image", root) >= PLACE_PATH ||
        snprintf(disk->point, PLACE_PATH, "%s/mount", root) >= PLACE_PATH ||
        mkdir(disk->point, 0700) < 0) {
        return "no directory can be made there: name another --dir";
    }
    why = make_image(disk);
    why = why != NULL ? why : make_system(disk);
    if (why == NULL && torture_disk_mount(disk) < 0) {
        why = "no loop device, or this file system cannot be mounted: run it "
              "outside of the container, try the other --fs, or leave --power "
              "out";
    }
    return why;
}

int torture_disk_mount(struct torture_disk *disk)
{
    struct loop loop;
    int image = open(disk->image, O_RDWR | O_CLOEXEC);

    pirn_assert(!disk->is_mounted);
    if (image < 0) {
        return -errno;
    }
    int r = loop_attach(&loop, image);
    if (r == 0) {
        r = mount(loop.path, disk->point, disk->type, 0, NULL) < 0 ? -errno : 0;
        close(loop.fd); /* what is mounted has it open */
    }
    close(image);
    disk->is_mounted = r == 0;
    return r;
}

int torture_disk_unmount(struct torture_disk *disk)
{
    int r = disk->is_mounted ? loop_unmount(disk->point) : 0;

    disk->is_mounted = disk->is_mounted && r < 0;
    return r;
}

int torture_disk_cut(const struct torture_disk *disk)
{
    uint32_t how = WITHOUT_LOG_FLUSH;

    pirn_assert(disk->is_mounted);
    int fd = open(disk->point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -errno;
    }
    int r = ioctl(fd, SHUTDOWN, &how) < 0 ? -errno : 0;
    close(fd);
    return r;
}

void torture_disk_remove(struct torture_disk *disk)
{
    if (torture_disk_unmount(disk) < 0) {
        (void)umount2(disk->point, MNT_DETACH);
    }
    if (disk->image[0] != '\0') {
        (void)unlink(disk->image);
        (void)rmdir(disk->point);
    }
}
