/* SPDX-License-Identifier: MIT */
/*
 * disk_cell.c - the sectors of a file, by number
 *
 * One hash table for all files: most have one sector or none, and a clone is to
 * copy two arrays. A cell without a block in either version is taken away by
 * the next trim of its file. What a file takes of the room on the disk is the
 * number of its cells that have a volatile block.
 *
 * Bytes of a block behind the file's size are zero in the volatile version.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model/disk_parts.h"

/* Neighbours are neighbours: most of what is done is done to a row of them. */
static uint32_t hash_of(uint32_t inode, uint32_t sector)
{
    return inode * UINT32_C(0x9e3779b1) + sector;
}

static uint32_t *head_of(const struct disk *disk, uint32_t inode,
                         uint32_t sector)
{
    return &disk->cell_heads
                .first[hash_of(inode, sector) & (disk->cell_heads.size - 1)];
}

uint32_t disk__cell_find(const struct disk *disk, uint32_t inode,
                         uint32_t sector)
{
    uint32_t cell = *head_of(disk, inode, sector);

    while (cell != DISK_NONE && (disk->cells[cell].inode != inode ||
                                 disk->cells[cell].sector != sector)) {
        cell = disk->cells[cell].chain;
    }
    return cell;
}

/* As many heads as there are cells, at least. */
static void widen(struct disk *disk)
{
    struct disk_heads *heads = &disk->cell_heads;

    free(heads->first);
    heads->size *= 2;
    heads->first = calloc(heads->size, sizeof(*heads->first));
    pirn_assert(heads->first != NULL);
    for (uint32_t i = 1; i < disk->cell_count.used; i++) {
        struct disk_cell *cell = &disk->cells[i];

        if (cell->inode != 0) {
            uint32_t *head = head_of(disk, cell->inode, cell->sector);
            cell->chain = *head;
            *head = i;
        }
    }
}

static uint32_t take_number(struct disk *disk)
{
    uint32_t cell = disk->cell_count.free;

    if (cell != DISK_NONE) {
        disk->cell_count.free = disk->cells[cell].chain;
        return cell;
    }
    disk->cells = disk__grow(disk->cells, &disk->cell_count.capacity,
                             disk->cell_count.used + 1, sizeof(*disk->cells));
    return disk->cell_count.used++;
}

uint32_t disk__cell_make(struct disk *disk, uint32_t inode, uint32_t sector)
{
    uint32_t cell = disk__cell_find(disk, inode, sector);
    uint32_t *head;

    if (cell != DISK_NONE) {
        return cell;
    }
    if (disk->cell_heads.used >= disk->cell_heads.size) {
        widen(disk);
    }
    cell = take_number(disk);
    head = head_of(disk, inode, sector);
    disk->cells[cell] = (struct disk_cell){
        .inode = inode,
        .sector = sector,
        .chain = *head,
        .next = disk->inodes[inode].cells,
    };
    *head = cell;
    disk->inodes[inode].cells = cell;
    disk->cell_heads.used++;
    return cell;
}

static void take_off_chain(struct disk *disk, uint32_t number)
{
    struct disk_cell *cell = &disk->cells[number];
    uint32_t *at = head_of(disk, cell->inode, cell->sector);

    while (*at != number) {
        at = &disk->cells[*at].chain;
    }
    *at = cell->chain;
    cell->inode = 0;
    cell->chain = disk->cell_count.free;
    disk->cell_count.free = number;
    disk->cell_heads.used--;
}

void disk__cell_set(struct disk *disk, uint32_t cell, uint32_t block)
{
    uint32_t *v = &disk->cells[cell].v;

    disk->sectors_used += (block != DISK_NONE);
    disk->sectors_used -= (*v != DISK_NONE);
    disk__block_set(disk, v, block);
}

static bool ends_in_zeros(const struct disk *disk, uint32_t block,
                          uint32_t keep)
{
    const uint8_t *zeros = disk__block_bytes(disk, DISK_ZEROS);

    return memcmp(disk__block_bytes(disk, block) + keep, zeros,
                  DISK_SECTOR - keep) == 0;
}

/* The same bytes up to @keep, then zeros. */
static uint32_t shorten(struct disk *disk, uint32_t block, uint32_t keep)
{
    const uint8_t *before = disk__block_bytes(disk, block);
    uint8_t *bytes;
    uint32_t made = disk__block_create(disk, &bytes);

    memcpy(bytes, before, keep);
    memset(bytes + keep, 0, DISK_SECTOR - keep);
    return made;
}

/* What one version's block of this cell becomes when the file ends at @size. */
static uint32_t trimmed(struct disk *disk, uint32_t sector, uint32_t block,
                        uint64_t size)
{
    uint64_t begin = (uint64_t)sector * DISK_SECTOR;

    if (block == DISK_NONE || begin >= size) {
        return DISK_NONE;
    }
    if (begin + DISK_SECTOR <= size ||
        ends_in_zeros(disk, block, (uint32_t)(size - begin))) {
        return block;
    }
    return shorten(disk, block, (uint32_t)(size - begin));
}

/* Remember what the disk shows of @block when its room is given away. */
static void remember(struct disk *disk, uint32_t block)
{
    if (disk->config.profile == DISK_CHAOS && block > DISK_ZEROS) {
        disk__block_set(
            disk, &disk->stale[disk->stale_count++ % DISK_STALE_MAX], block);
    }
}

static void trim(struct disk *disk, uint32_t inode, uint64_t size, bool durable)
{
    uint32_t *at = &disk->inodes[inode].cells;

    disk->changes++;
    while (*at != DISK_NONE) {
        uint32_t number = *at;
        struct disk_cell *cell = &disk->cells[number];
        uint32_t block =
            trimmed(disk, cell->sector, durable ? cell->d : cell->v, size);

        if (durable && block == DISK_NONE) {
            remember(disk, cell->d);
        }
        if (durable) {
            disk__block_set(disk, &cell->d, block);
        } else {
            disk__cell_set(disk, number, block);
        }
        if (cell->v == DISK_NONE && cell->d == DISK_NONE) {
            *at = cell->next;
            take_off_chain(disk, number);
        } else {
            at = &cell->next;
        }
    }
}

void disk__cells_trim_v(struct disk *disk, uint32_t inode, uint64_t size)
{
    trim(disk, inode, size, false);
}

void disk__cells_trim_d(struct disk *disk, uint32_t inode, uint64_t size)
{
    trim(disk, inode, size, true);
}
