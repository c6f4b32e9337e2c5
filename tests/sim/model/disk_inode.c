/* SPDX-License-Identifier: MIT */
/*
 * disk_inode.c - when a file begins, and when it is over
 *
 * It is over in three steps, each when nothing stands in its way any more:
 *
 *   no name, nobody holds it       its volatile bytes and their room are gone
 *   and no durable name, and no    no cut can bring it back: its durable bytes
 *   record that gives it one       and entries are gone, its records dropped
 *   and no record mentions it      its number is free
 *
 * For the second step all records and entries have to be gone through; who
 * began the call does that at its end, by disk__sweep().
 */
#include <string.h>

#include "tests/sim/model/disk_parts.h"
#include "tests/sim/model/disk_unit.h"

static bool is_free(const struct disk *disk, uint32_t number)
{
    return number >= disk->inode_count.used || disk->inodes[number].mode == 0;
}

uint32_t disk__inode_make(struct disk *disk, mode_t mode)
{
    uint32_t number = disk->inode_lowest;

    if (disk->inodes_living >= disk->config.inode_max) {
        return DISK_NONE;
    }
    while (!is_free(disk, number)) {
        number++;
    }
    disk->inode_lowest = number + 1;
    if (number >= disk->inode_count.used) {
        disk->inodes = disk__grow(disk->inodes, &disk->inode_count.capacity,
                                  number + 1, sizeof(*disk->inodes));
        disk->inode_count.used = number + 1;
    }
    disk->inodes[number] = (struct disk_inode){.mode = mode, .living = true};
    disk->inodes_living++;
    return number;
}

bool disk__is_over(const struct disk *disk, uint32_t number)
{
    const struct disk_inode *inode = &disk->inodes[number];

    return inode->v_links == 0 && inode->holds == 0 && inode->d_links == 0 &&
           inode->named == 0;
}

static void end_volatile(struct disk *disk, uint32_t number)
{
    struct disk_inode *inode = &disk->inodes[number];

    if (inode->living) {
        disk__maps_drop(disk, number);
        disk__cells_trim_v(disk, number, 0);
        inode->v_size = 0;
        inode->living = false;
        disk->inodes_living--;
    }
}

static void free_number(struct disk *disk, uint32_t number)
{
    struct disk_inode *inode = &disk->inodes[number];

    pirn_assert(inode->cells == DISK_NONE && inode->first == DISK_NONE);
    if (S_ISLNK(inode->mode)) {
        disk->names_waste += (uint32_t)strlen(disk->names + inode->target) + 1;
    }
    inode->mode = 0;
    if (number < disk->inode_lowest) {
        disk->inode_lowest = number;
    }
}

void disk__inode_settle(struct disk *disk, uint32_t number)
{
    struct disk_inode *inode = &disk->inodes[number];

    if (number == DISK_NONE || inode->v_links > 0 || inode->holds > 0) {
        return;
    }
    end_volatile(disk, number);
    if (!disk__is_over(disk, number)) {
        return;
    }
    if (inode->pending > 0 || inode->entries > 0) {
        disk->sweep = true;
        return;
    }
    disk__cells_trim_d(disk, number, 0);
    if (inode->mentioned == 0 && inode->mode != 0) {
        free_number(disk, number);
    }
}
