/* SPDX-License-Identifier: MIT */
/* image.c - see image.h */
#include "crash/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PAGE = 4096 };

const char *const image_cut_names[IMAGE_CUTS] = {
    [IMAGE_PREFIX] = "all",
    [IMAGE_FLUSHED] = "none",
    [IMAGE_SUBSET] = "some",
    [IMAGE_TORN] = "some, torn",
};

/* ---- the log ---- */

static uint64_t count_entries(const uint8_t *log, uint64_t bytes,
                              struct image_entry *entries)
{
    uint64_t count = 0;
    struct disk_entry entry;

    for (uint64_t at = 0; bytes - at >= sizeof(entry); count++) {
        memcpy(&entry, log + at, sizeof(entry));
        at += sizeof(entry);
        if (entry.bytes > bytes - at) {
            break; /* its writer was killed */
        }
        if (entries != NULL) {
            entries[count] = (struct image_entry){.kind = entry.kind,
                                                  .bytes = entry.bytes,
                                                  .at = entry.at,
                                                  .data = log + at};
        }
        at += entry.bytes;
    }
    return count;
}

static int load(struct image *image, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat stat;

    if (fd < 0 || fstat(fd, &stat) < 0) {
        return -errno;
    }
    uint64_t bytes = (uint64_t)stat.st_size;
    const uint8_t *log = mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (log == MAP_FAILED) {
        return -errno;
    }
    image->entry_count = count_entries(log, bytes, NULL);
    image->entries = calloc(image->entry_count + 1, sizeof(*image->entries));
    if (image->entries == NULL) {
        return -ENOMEM;
    }
    (void)count_entries(log, bytes, image->entries);
    return 0;
}

int image_open(struct image *image, const char *log, const char *file,
               uint64_t bytes)
{
    *image = (struct image){.bytes = bytes};
    int r = load(image, log);
    if (r < 0) {
        return r;
    }
    image->base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    image->used = calloc(bytes / PAGE, 1);
    image->file = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    if (image->base == MAP_FAILED || image->used == NULL || image->file < 0 ||
        ftruncate(image->file, (off_t)bytes) < 0) {
        return -errno;
    }
    /* A child that checks copies none of it. */
    (void)madvise(image->base, bytes, MADV_DONTFORK);
    return 0;
}

/* ---- the base ---- */

static void mark_used(struct image *image, uint64_t page)
{
    static const uint8_t zeros[PAGE];

    if (!image->used[page]) {
        image->used[page] = memcmp(image->base + page * PAGE, zeros, PAGE) != 0;
    }
}

static void apply(struct image *image, const struct image_entry *entry)
{
    if (entry->kind != DISK_WRITE || entry->bytes == 0) {
        return;
    }
    memcpy(image->base + entry->at, entry->data, entry->bytes);
    uint64_t last = (entry->at + entry->bytes - 1) / PAGE;
    for (uint64_t page = entry->at / PAGE; page <= last; page++) {
        mark_used(image, page);
    }
}

/* The file is the base, whatever a mount has made of it. */
static int restore(struct image *image)
{
    uint64_t pages = image->bytes / PAGE;

    if (fallocate(image->file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                  (off_t)image->bytes) < 0) {
        return -errno;
    }
    for (uint64_t page = 0; page < pages;) {
        uint64_t end = page;
        while (end < pages && image->used[end]) {
            end++;
        }
        size_t len = (end - page) * PAGE;
        if (len > 0 && pwrite(image->file, image->base + page * PAGE, len,
                              (off_t)(page * PAGE)) != (ssize_t)len) {
            return -EIO;
        }
        page = end + 1;
    }
    return 0;
}

/* ---- a state ---- */

static int put(struct image *image, const struct image_entry *entry,
               uint32_t from, uint32_t len)
{
    return pwrite(image->file, entry->data + from, len,
                  (off_t)(entry->at + from)) == (ssize_t)len
               ? 0
               : -EIO;
}

/* A run of sectors from the front, one up to the end, or each or not. */
static int tear(struct image *image, const struct image_entry *entry,
                struct rng *rng)
{
    uint32_t sectors = entry->bytes / DISK_SECTOR;
    uint32_t cut = rng_below(rng, sectors + 1);
    uint32_t way = rng_below(rng, 3);
    int r = 0;

    for (uint32_t i = 0; i < sectors && r == 0; i++) {
        bool there = way == 0 ? i < cut : way == 1 ? i >= cut : rng_coin(rng);
        if (there) {
            r = put(image, entry, i * DISK_SECTOR, DISK_SECTOR);
        }
    }
    return r;
}

static int put_some(struct image *image, const struct image_entry *entry,
                    enum image_cut cut, uint32_t chance, struct rng *rng)
{
    if (cut == IMAGE_TORN && rng_below(rng, 3) == 0) {
        return tear(image, entry, rng);
    }
    return cut == IMAGE_PREFIX || rng_chance(rng, chance)
               ? put(image, entry, 0, entry->bytes)
               : 0;
}

int64_t image_state(struct image *image, uint64_t position, enum image_cut cut,
                    struct rng rng)
{
    uint64_t flushed = position;

    while (flushed > image->position &&
           image->entries[flushed - 1].kind != DISK_FLUSH) {
        flushed--;
    }
    for (; image->position < flushed; image->position++) {
        apply(image, &image->entries[image->position]);
    }
    int r = restore(image);
    /* Nearly none, half, or nearly all: each finds what the others do not. */
    uint32_t chance = UINT32_MAX / 8 * rng_between(&rng, 1, 7);
    for (uint64_t i = flushed; i < position && r == 0; i++) {
        const struct image_entry *entry = &image->entries[i];
        if (cut != IMAGE_FLUSHED && entry->kind == DISK_WRITE) {
            r = put_some(image, entry, cut, chance, &rng);
        }
    }
    return r < 0 ? r : (int64_t)(position - flushed);
}
