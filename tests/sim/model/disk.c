/* SPDX-License-Identifier: MIT */
/*
 * disk.c - the life of a disk, and its number
 */
#include "tests/sim/model/disk.h"

#include <stdlib.h>
#include <string.h>

#include "tests/sim/model/disk_parts.h"
#include "tests/sim/model/disk_unit.h"

enum { FIRST_CAPACITY = 16, FIRST_HEADS = 32 };

void *disk__grow(void *array, uint32_t *capacity, uint32_t count, size_t size)
{
    uint32_t wanted = *capacity > 0 ? *capacity : FIRST_CAPACITY;

    if (count <= *capacity) {
        return array;
    }
    while (wanted < count) {
        wanted *= 2;
    }
    array = realloc(array, wanted * size);
    pirn_assert_rule(array != NULL, "there is memory for the disk");
    *capacity = wanted;
    return array;
}

static void heads_init(struct disk_heads *heads)
{
    heads->size = FIRST_HEADS;
    heads->first = calloc(heads->size, sizeof(*heads->first));
    pirn_assert(heads->first != NULL);
}

/* An array in which number 0 is taken, and is nothing. */
static void *first_of(struct disk_count *count, size_t size)
{
    void *array = disk__grow(NULL, &count->capacity, 1, size);

    memset(array, 0, size);
    count->used = 1;
    return array;
}

struct disk *disk_create(const struct disk_config *config)
{
    struct disk *disk = calloc(1, sizeof(*disk));
    uint8_t *bytes;
    uint32_t block;

    pirn_assert(disk != NULL);
    pirn_assert(config->inode_max > 0);
    disk->config = *config;
    disk->inode_lowest = DISK_ROOT;
    disk->inodes = first_of(&disk->inode_count, sizeof(*disk->inodes));
    disk->entries = first_of(&disk->entry_count, sizeof(*disk->entries));
    disk->cells = first_of(&disk->cell_count, sizeof(*disk->cells));
    heads_init(&disk->entry_heads);
    heads_init(&disk->cell_heads);
    disk->cookie = 2;                         /* "." and ".." */
    block = disk__block_create(disk, &bytes); /* the first chunk, with zeros */
    disk__block_use(disk, block);
    disk__block_drop(disk, block);
    pirn_assert(disk__inode_make(disk, S_IFDIR | 0755) == DISK_ROOT);
    disk->inodes[DISK_ROOT].v_links = 1;
    disk->inodes[DISK_ROOT].d_links = 1;
    disk->inodes[DISK_ROOT].parent = DISK_ROOT;
    return disk;
}

enum disk_profile disk_profile(const struct disk *disk)
{
    return disk->config.profile;
}

static void *copy_of(const void *array, size_t used, size_t capacity)
{
    void *copy = NULL;

    if (capacity > 0) {
        copy = malloc(capacity);
        pirn_assert(copy != NULL);
    }
    if (used > 0) {
        memcpy(copy, array, used);
    }
    return copy;
}

static void copy_heads(struct disk_heads *copy, const struct disk_heads *heads)
{
    size_t bytes = heads->size * sizeof(*heads->first);

    copy->first = copy_of(heads->first, bytes, bytes);
}

static void copy_arrays(struct disk *copy, const struct disk *disk)
{
    copy->inodes =
        copy_of(disk->inodes, disk->inode_count.used * sizeof(*disk->inodes),
                disk->inode_count.capacity * sizeof(*disk->inodes));
    copy->entries =
        copy_of(disk->entries, disk->entry_count.used * sizeof(*disk->entries),
                disk->entry_count.capacity * sizeof(*disk->entries));
    copy->cells =
        copy_of(disk->cells, disk->cell_count.used * sizeof(*disk->cells),
                disk->cell_count.capacity * sizeof(*disk->cells));
    copy->records =
        copy_of(disk->records, disk->record_count * sizeof(*disk->records),
                disk->record_capacity * sizeof(*disk->records));
    copy->names = copy_of(disk->names, disk->names_len, disk->names_capacity);
    copy_heads(&copy->entry_heads, &disk->entry_heads);
    copy_heads(&copy->cell_heads, &disk->cell_heads);
    disk__block_share(copy, disk);
}

struct disk *disk_clone(const struct disk *disk)
{
    struct disk *copy = malloc(sizeof(*copy));

    pirn_assert(copy != NULL);
    *copy = *disk;
    copy_arrays(copy, disk);
    copy->maps = NULL;
    copy->map_count = 0;
    copy->map_capacity = 0;
    for (uint32_t i = DISK_ROOT; i < copy->inode_count.used; i++) {
        copy->inodes[i].maps = 0;
        if (copy->inodes[i].holds > 0) {
            copy->inodes[i].holds = 0;
            disk__inode_settle(copy, i);
        }
    }
    disk__sweep(copy);
    return copy;
}

void disk_destroy(struct disk *disk)
{
    if (disk == NULL) {
        return;
    }
    disk__maps_drop(disk, DISK_NONE);
    disk__block_deinit(disk);
    free(disk->maps);
    free(disk->records);
    free(disk->names);
    free(disk->cells);
    free(disk->cell_heads.first);
    free(disk->entries);
    free(disk->entry_heads.first);
    free(disk->inodes);
    free(disk);
}

void disk_hold(struct disk *disk, uint32_t inode)
{
    pirn_assert(inode > 0 && inode < disk->inode_count.used);
    pirn_assert(disk->inodes[inode].living);
    disk->inodes[inode].holds++;
}

void disk_release(struct disk *disk, uint32_t inode)
{
    pirn_assert(inode > 0 && inode < disk->inode_count.used);
    pirn_assert(disk->inodes[inode].holds > 0);
    if (--disk->inodes[inode].holds == 0) {
        disk__maps_touch(disk, inode);
        disk__maps_drop(disk, inode);
        disk__inode_settle(disk, inode);
        disk__sweep(disk);
    }
}

uint64_t disk_size(const struct disk *disk, uint32_t inode)
{
    pirn_assert(inode > 0 && inode < disk->inode_count.used);
    return disk->inodes[inode].v_size;
}
