/* SPDX-License-Identifier: MIT */
/* loop.c - see loop.h */
#include "bench/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

enum {
    TRIES = 100, /* others look for a free device, too */
    PATIENCE_MS = 20000,
};

int loop_private(void)
{
    return unshare(CLONE_NEWNS) < 0 ||
                   mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0
               ? -errno
               : 0;
}

int loop_attach(struct loop *loop, int file)
{
    const struct loop_config config = {
        .fd = (uint32_t)file,
        .block_size = 512,
        .info = {.lo_flags = LO_FLAGS_AUTOCLEAR},
    };
    int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    int r = control < 0 ? -errno : -EBUSY;

    for (int i = 0; i < TRIES && r == -EBUSY; i++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        snprintf(loop->path, sizeof(loop->path), "/dev/loop%d", number);
        loop->fd = open(loop->path, O_RDWR | O_CLOEXEC);
        if (loop->fd < 0) {
            r = errno == ENOENT ? -EBUSY : -errno; /* its node comes soon */
            poll(NULL, 0, 1);
        } else {
            r = ioctl(loop->fd, LOOP_CONFIGURE, &config) < 0 ? -errno : 0;
        }
        if (r < 0 && loop->fd >= 0) {
            close(loop->fd);
        }
    }
    if (control >= 0) {
        close(control);
    }
    return r;
}

void loop_forget(const struct loop *loop)
{
    (void)ioctl(loop->fd, BLKFLSBUF, 0);
}

int loop_mount(const struct loop *loop, const char *point, const char *type,
               const char *options)
{
    return mount(loop->path, point, type, MS_NOATIME, options) < 0 ? -errno : 0;
}

/* A ring that has ended gives its files back by a worker of the kernel's, and
 * nothing tells when: the only way to know is to ask again. */
int loop_unmount(const char *point)
{
    for (int i = 0; i < PATIENCE_MS; i++) {
        if (umount2(point, 0) == 0) {
            return 0;
        }
        if (errno != EBUSY) {
            break;
        }
        poll(NULL, 0, 1);
    }
    return -errno;
}
