/* SPDX-License-Identifier: MIT */
/*
 * disk.c - crash_disk FILE BYTES LOG PAGE: a disk whose every write is logged
 *
 * FILE becomes a file of this size which this process serves by FUSE, from
 * memory: a loop device on it makes it a disk. Whatever a file system asks of
 * that disk comes by here, one at a time: a write is carried out and logged, a
 * flush, which reaches a file as fsync, is logged. What is logged is answered
 * afterwards, so who has seen an answer finds its cause in the log.
 *
 * Speaks to the kernel directly: of the protocol a disk needs six requests.
 * Ends when FILE is unmounted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "crash/disk_log.h"

enum {
    PAGE = 4096,
    TRANSFER = 1024 * 1024, /* the longest write, and read */
    REQUEST = TRANSFER + 64 * 1024,
};

struct disk {
    int fuse;
    int log;
    uint8_t *bytes;
    uint8_t *written; /* per page */
    uint64_t size;
    struct disk_page *page;
    uint8_t *request;
};

static bool should_fail(struct disk *disk)
{
    uint64_t number = atomic_fetch_add(&disk->page->asked, 1);
    uint64_t from = atomic_load(&disk->page->fail_from);
    uint64_t count = atomic_load(&disk->page->fail_count);
    bool fails = number >= from && number - from < count;

    atomic_fetch_add(&disk->page->failed, fails ? 1 : 0);
    return fails;
}

/* Whether there is room for all of it; then it has it. */
static bool take_room(struct disk *disk, uint64_t at, uint32_t bytes)
{
    uint64_t last = (at + bytes - 1) / PAGE;
    uint64_t max = atomic_load(&disk->page->pages_max);
    uint64_t more = 0;

    for (uint64_t i = at / PAGE; i <= last; i++) {
        more += disk->written[i] ? 0 : 1;
    }
    if (max != 0 && atomic_load(&disk->page->pages) + more > max) {
        atomic_fetch_add(&disk->page->failed, 1);
        return false;
    }
    memset(disk->written + at / PAGE, 1, last + 1 - at / PAGE);
    atomic_fetch_add(&disk->page->pages, more);
    return true;
}

/* 0 or -EIO: a log that has a gap is worth nothing. */
static int note(struct disk *disk, struct disk_entry entry, const void *data)
{
    const struct iovec parts[2] = {
        {.iov_base = &entry, .iov_len = sizeof(entry)},
        {.iov_base = (void *)(uintptr_t)data, .iov_len = entry.bytes},
    };
    ssize_t wanted = (ssize_t)(sizeof(entry) + entry.bytes);

    if (writev(disk->log, parts, 2) != wanted) {
        perror("crash_disk: log");
        exit(1);
    }
    atomic_fetch_add(&disk->page->entries, 1);
    return 0;
}

static void answer(struct disk *disk, uint64_t unique, int error,
                   const void *body, size_t len)
{
    struct fuse_out_header out = {
        .len = (uint32_t)(sizeof(out) + len), .error = error, .unique = unique};
    const struct iovec parts[2] = {
        {.iov_base = &out, .iov_len = sizeof(out)},
        {.iov_base = (void *)(uintptr_t)body, .iov_len = len},
    };

    /* ENOENT: nobody waits for this any more. */
    if (writev(disk->fuse, parts, 2) < 0 && errno != ENOENT) {
        perror("crash_disk: answer");
    }
}

static void serve_init(struct disk *disk, uint64_t unique,
                       const struct fuse_init_in *in)
{
    struct fuse_init_out out = {
        .major = FUSE_KERNEL_VERSION,
        .minor = FUSE_KERNEL_MINOR_VERSION,
        .max_readahead = in->max_readahead,
        .flags =
            FUSE_BIG_WRITES | FUSE_MAX_PAGES | FUSE_ASYNC_READ | FUSE_ASYNC_DIO,
        .max_background = 64,
        .congestion_threshold = 48,
        .max_write = TRANSFER,
        .time_gran = 1,
        .max_pages = TRANSFER / 4096,
    };

    answer(disk, unique, 0, &out, sizeof(out));
}

static void serve_attributes(struct disk *disk, uint64_t unique)
{
    struct fuse_attr_out out = {
        .attr_valid = 3600,
        .attr = {.ino = FUSE_ROOT_ID,
                 .size = disk->size,
                 .blocks = disk->size / 512,
                 .mode = S_IFREG | 0600,
                 .nlink = 1,
                 .blksize = 4096},
    };

    answer(disk, unique, 0, &out, sizeof(out));
}

static void serve_read(struct disk *disk, uint64_t unique,
                       const struct fuse_read_in *in)
{
    uint64_t left = in->offset < disk->size ? disk->size - in->offset : 0;
    size_t len = in->size < left ? in->size : left;

    answer(disk, unique, 0, disk->bytes + in->offset, len);
}

static void serve_write(struct disk *disk, uint64_t unique,
                        const struct fuse_write_in *in)
{
    struct fuse_write_out out = {.size = in->size};
    int error = 0;

    if (should_fail(disk)) {
        error = -EIO;
    } else if (in->offset > disk->size || in->size > disk->size - in->offset) {
        error = -EINVAL;
    } else if (!take_room(disk, in->offset, in->size)) {
        error = -ENOSPC;
    } else {
        memcpy(disk->bytes + in->offset, in + 1, in->size);
        error =
            note(disk,
                 (struct disk_entry){
                     .kind = DISK_WRITE, .bytes = in->size, .at = in->offset},
                 in + 1);
    }
    answer(disk, unique, error, &out, error == 0 ? sizeof(out) : 0);
}

static void serve_flush(struct disk *disk, uint64_t unique)
{
    int error = should_fail(disk) ? -EIO : 0;

    if (error == 0) {
        error = note(disk, (struct disk_entry){.kind = DISK_FLUSH}, NULL);
    }
    answer(disk, unique, error, NULL, 0);
}

static void serve_open(struct disk *disk, uint64_t unique)
{
    struct fuse_open_out out = {.open_flags = FOPEN_KEEP_CACHE};

    answer(disk, unique, 0, &out, sizeof(out));
}

static void serve(struct disk *disk)
{
    const struct fuse_in_header *in = (const void *)disk->request;
    const void *body = in + 1;

    switch (in->opcode) {
    case FUSE_INIT:
        serve_init(disk, in->unique, body);
        break;
    case FUSE_GETATTR:
    case FUSE_SETATTR: /* times, which nobody asks back */
        serve_attributes(disk, in->unique);
        break;
    case FUSE_OPEN:
        serve_open(disk, in->unique);
        break;
    case FUSE_READ:
        serve_read(disk, in->unique, body);
        break;
    case FUSE_WRITE:
        serve_write(disk, in->unique, body);
        break;
    case FUSE_FSYNC:
        serve_flush(disk, in->unique);
        break;
    case FUSE_RELEASE:
    case FUSE_FLUSH: /* a close(), which is no flush of a disk */
        answer(disk, in->unique, 0, NULL, 0);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break;
    default: /* no extents to free or zero, no attributes, no locks */
        answer(disk, in->unique, -ENOSYS, NULL, 0);
    }
}

static int run(struct disk *disk)
{
    for (;;) {
        ssize_t r = read(disk->fuse, disk->request, REQUEST);
        if (r < 0 && errno == ENODEV) {
            return 0; /* unmounted */
        }
        if (r < 0 && errno != EINTR && errno != ENOENT && errno != EAGAIN) {
            perror("crash_disk: /dev/fuse");
            return 1;
        }
        if (r >= (ssize_t)sizeof(struct fuse_in_header)) {
            serve(disk);
        }
    }
}

static void *map(int fd, size_t bytes, int flags)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags, fd, 0);

    if (at == MAP_FAILED) {
        perror("crash_disk: mmap");
        exit(1);
    }
    return at;
}

static int mount_on(const char *path, int fuse)
{
    char options[128];
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);

    if (fd < 0) {
        return -errno;
    }
    close(fd);
    snprintf(options, sizeof(options),
             "fd=%d,rootmode=100000,user_id=0,group_id=0,max_read=%d", fuse,
             TRANSFER);
    return mount("crash_disk", path, "fuse", MS_NOSUID | MS_NODEV, options) < 0
               ? -errno
               : 0;
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fprintf(stderr, "usage: crash_disk FILE BYTES LOG PAGE\n");
        return 64;
    }
    struct disk disk = {.size = strtoull(argv[2], NULL, 10)};
    disk.fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    disk.log = open(argv[3], O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0600);
    int page = open(argv[4], O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (disk.fuse < 0 || disk.log < 0 || page < 0 ||
        ftruncate(page, DISK_PAGE_BYTES) < 0) {
        perror("crash_disk");
        return 1;
    }
    disk.bytes =
        map(-1, disk.size, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
    disk.written =
        map(-1, disk.size / PAGE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE);
    disk.page = map(page, DISK_PAGE_BYTES, MAP_SHARED);
    disk.request = map(-1, REQUEST, MAP_PRIVATE | MAP_ANONYMOUS);
    int r = mount_on(argv[1], disk.fuse);
    if (r < 0) {
        fprintf(stderr, "crash_disk: mount: %s\n", strerror(-r));
        return 1;
    }
    printf("ready\n");
    fflush(stdout);
    return run(&disk);
}
