/* SPDX-License-Identifier: MIT */
/*
 * disk_map.c - pages that a program stores into, unheard
 *
 * A mapped page is a copy of its eight sectors that stays where it is. As long
 * as it is mapped, calls read there, and writes go there, too. What a program
 * has stored becomes known when the page is touched, when its file is synced,
 * and when the last holder goes: each changed sector is a new block then, all
 * of them one unit. Stores between two touches are one version; a store that no
 * touch followed is in no clone, and no cut leaves it.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model/disk_parts.h"
#include "tests/sim/model/disk_unit.h"

static struct disk_map *find(const struct disk *disk, uint32_t inode,
                             uint64_t page)
{
    for (uint32_t i = 0; disk->inodes[inode].maps > 0 && i < disk->map_count;
         i++) {
        if (disk->maps[i].inode == inode && disk->maps[i].page == page) {
            return &disk->maps[i];
        }
    }
    return NULL;
}

uint8_t *disk__map_sector(const struct disk *disk, uint32_t inode,
                          uint64_t sector)
{
    struct disk_map *map = find(disk, inode, sector / DISK_PAGE_SECTORS);

    return map ? map->bytes + sector % DISK_PAGE_SECTORS * DISK_SECTOR : NULL;
}

/* The sectors of @page that the file has, from *@ret_first on. */
static uint32_t sectors_of(const struct disk *disk, uint32_t inode,
                           uint64_t page, uint32_t *ret_first)
{
    uint32_t end = disk__sectors(disk->inodes[inode].v_size);

    *ret_first = (uint32_t)page * DISK_PAGE_SECTORS;
    if (end > *ret_first + DISK_PAGE_SECTORS) {
        end = *ret_first + DISK_PAGE_SECTORS;
    }
    return end > *ret_first ? end - *ret_first : 0;
}

/* A store must find room: holes are filled while it can still be refused. */
static bool fill_holes(struct disk *disk, uint32_t inode, uint32_t first,
                       uint32_t count)
{
    uint64_t limit = disk->config.capacity_bytes / DISK_SECTOR;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t cell = disk__cell_make(disk, inode, first + i);

        if (disk->cells[cell].v == DISK_NONE) {
            if (disk->sectors_used >= limit) {
                return false;
            }
            disk__cell_set(disk, cell, DISK_ZEROS);
        }
    }
    return true;
}

void *disk_map(struct disk *disk, uint32_t inode, uint64_t page)
{
    struct disk_map *map = find(disk, inode, page);
    uint32_t first;
    uint32_t count = sectors_of(disk, inode, page, &first);
    uint8_t *bytes;

    pirn_assert(disk->inodes[inode].holds > 0);
    if (map != NULL) {
        return map->bytes;
    }
    if (count == 0 || !fill_holes(disk, inode, first, count)) {
        return NULL;
    }
    bytes = aligned_alloc(DISK_PAGE, DISK_PAGE);
    pirn_assert(bytes != NULL);
    memset(bytes, 0, DISK_PAGE);
    (void)disk_read(disk, inode, page * DISK_PAGE, bytes, DISK_PAGE);
    disk->maps = disk__grow(disk->maps, &disk->map_capacity,
                            disk->map_count + 1, sizeof(*disk->maps));
    disk->maps[disk->map_count++] = (struct disk_map){inode, page, bytes};
    disk->inodes[inode].maps++;
    return bytes;
}

/* What is stored behind the end of the file is not of the file. */
static void touch_sector(struct disk *disk, uint32_t inode, uint32_t sector,
                         const uint8_t *stored)
{
    uint64_t left = disk->inodes[inode].v_size - (uint64_t)sector * DISK_SECTOR;
    uint32_t keep = left < DISK_SECTOR ? (uint32_t)left : DISK_SECTOR;
    uint32_t cell = disk__cell_make(disk, inode, sector);
    uint32_t before = disk->cells[cell].v;
    uint8_t *bytes;
    uint32_t block;

    if (before != DISK_NONE &&
        memcmp(disk__block_bytes(disk, before), stored, keep) == 0) {
        return;
    }
    block = disk__block_create(disk, &bytes);
    memcpy(bytes, stored, keep);
    memset(bytes + keep, 0, DISK_SECTOR - keep);
    disk__data_set(disk, cell, block);
}

void disk_touch(struct disk *disk, uint32_t inode, uint64_t page)
{
    struct disk_map *map = find(disk, inode, page);
    uint32_t first;
    uint32_t count = sectors_of(disk, inode, page, &first);

    pirn_assert_rule(map != NULL, "a page that is touched is mapped");
    disk__call_begin(disk);
    for (uint32_t i = 0; i < count; i++) {
        touch_sector(disk, inode, first + i,
                     map->bytes + (size_t)i * DISK_SECTOR);
    }
}

void disk__maps_touch(struct disk *disk, uint32_t inode)
{
    for (uint32_t i = 0; i < disk->map_count; i++) {
        const struct disk_map *map = &disk->maps[i];

        if (inode == DISK_NONE || map->inode == inode) {
            disk_touch(disk, map->inode, map->page);
        }
    }
}

void disk__maps_drop(struct disk *disk, uint32_t inode)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < disk->map_count; i++) {
        struct disk_map *map = &disk->maps[i];

        if (inode == DISK_NONE || map->inode == inode) {
            disk->inodes[map->inode].maps--;
            free(map->bytes);
        } else {
            disk->maps[kept++] = *map;
        }
    }
    disk->map_count = kept;
}
