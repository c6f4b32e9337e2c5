/* SPDX-License-Identifier: MIT */
/*
 * disk_parts.h - what a disk consists of: made, found, changed, let go
 */
#ifndef TESTS_SIM_MODEL_DISK_PARTS_H
#define TESTS_SIM_MODEL_DISK_PARTS_H

#include "tests/sim/model/disk_fields.h"

/* --- disk.c --- */

/* @array with room for @count elements; out of memory stops the program. */
void *disk__grow(void *array, uint32_t *capacity, uint32_t count, size_t size);

/* --- disk_block.c --- */

/* A block nobody uses yet, to be filled before it is shown to anybody. */
uint32_t disk__block_create(struct disk *disk, uint8_t **ret_bytes);
const uint8_t *disk__block_bytes(const struct disk *disk, uint32_t block);

/* Where the hash of its bytes is kept; 0 there: it has to be made. */
uint64_t *disk__block_hash(const struct disk *disk, uint32_t block);
void disk__block_use(struct disk *disk, uint32_t block);
void disk__block_drop(struct disk *disk, uint32_t block);
void disk__block_share(struct disk *copy, const struct disk *disk);
void disk__block_deinit(struct disk *disk);

/* Let *@place be @block (or none), with the uses of both. */
void disk__block_set(struct disk *disk, uint32_t *place, uint32_t block);

/* --- disk_cell.c --- */

/* The cell of a sector, or 0. */
uint32_t disk__cell_find(const struct disk *disk, uint32_t inode,
                         uint32_t sector);
uint32_t disk__cell_make(struct disk *disk, uint32_t inode, uint32_t sector);

/* Set the volatile block, and count what it takes. */
void disk__cell_set(struct disk *disk, uint32_t cell, uint32_t block);

/* Nothing behind @size is left of one version. */
void disk__cells_trim_v(struct disk *disk, uint32_t inode, uint64_t size);
void disk__cells_trim_d(struct disk *disk, uint32_t inode, uint64_t size);

/* --- disk_entry.c --- */

uint32_t disk__entry_find(const struct disk *disk, uint32_t dir,
                          const char *name, uint32_t len);
uint32_t disk__entry_make(struct disk *disk, uint32_t dir, const char *name,
                          uint32_t len);
const char *disk__entry_name(const struct disk *disk, uint32_t entry);

/* Set the volatile inode: link counts and the listing follow. */
void disk__entry_set(struct disk *disk, uint32_t entry, uint32_t inode);

/* Nobody speaks of it: free it. */
void disk__entry_settle(struct disk *disk, uint32_t entry);

/* Bytes among the names, with an end behind them. */
uint32_t disk__name_add(struct disk *disk, const char *bytes, uint32_t len);

/* --- disk_inode.c --- */

/* The lowest free number; or 0, when inode_max is reached. */
uint32_t disk__inode_make(struct disk *disk, mode_t mode);

/* After a name, a hold or a record went: what is over is freed. */
void disk__inode_settle(struct disk *disk, uint32_t inode);

/* No cut brings it back, and nobody holds it. */
bool disk__is_over(const struct disk *disk, uint32_t inode);

static inline bool disk__is_dir(const struct disk *disk, uint32_t inode)
{
    return S_ISDIR(disk->inodes[inode].mode);
}

/* --- disk_map.c --- */

/* The mapped bytes of a sector, or NULL. */
uint8_t *disk__map_sector(const struct disk *disk, uint32_t inode,
                          uint64_t sector);
void disk__maps_touch(struct disk *disk, uint32_t inode); /* 0: all */
void disk__maps_drop(struct disk *disk, uint32_t inode);  /* 0: all */

#endif /* TESTS_SIM_MODEL_DISK_PARTS_H */
