/* SPDX-License-Identifier: MIT */
/*
 * disk_hash.c - one number of all that a disk holds
 *
 * A sum over entries, inodes and cells, so that their order in memory does not
 * show; then the units, whose order is what they are. Names and blocks go in by
 * their bytes, inodes by their numbers, which callers see.
 */
#include <string.h>

#include "tests/sim/model/disk_parts.h"

/* What kind of fact is added, so that none can stand for another. */
enum fact {
    ENTRY_V = 1,
    ENTRY_D,
    INODE,
    SIZE_D,
    CELL_V,
    CELL_D,
    RECORD,
    STALE
};

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint64_t word;

    for (; len >= sizeof(word); len -= sizeof(word), at += sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        hash = disk__mix(hash, word);
    }
    word = len;
    memcpy((uint8_t *)&word + 1, at, len);
    return disk__mix(hash, word);
}

static uint64_t hash_block(const struct disk *disk, uint32_t block)
{
    uint64_t *hash = disk__block_hash(disk, block);

    if (*hash == 0) {
        *hash = hash_bytes(1, disk__block_bytes(disk, block), DISK_SECTOR);
    }
    return *hash;
}

static uint64_t hash_fact(enum fact fact, uint64_t a, uint64_t b, uint64_t c)
{
    return disk__mix(disk__mix(disk__mix(fact, a), b), c);
}

static uint64_t name_of(const struct disk *disk, uint32_t number)
{
    const struct disk_entry *entry = &disk->entries[number];

    return hash_bytes(entry->dir, disk__entry_name(disk, number),
                      entry->name_len);
}

static uint64_t hash_entries(const struct disk *disk)
{
    uint64_t sum = 0;

    for (uint32_t i = 1; i < disk->entry_count.used; i++) {
        const struct disk_entry *entry = &disk->entries[i];

        if (entry->dir != 0 && entry->v != 0) {
            sum += hash_fact(ENTRY_V, name_of(disk, i), entry->v, 0);
        }
        if (entry->dir != 0 && entry->d != 0) {
            sum += hash_fact(ENTRY_D, name_of(disk, i), entry->d, 0);
        }
    }
    return sum;
}

/* What is only held is not looked at. */
static bool has_durable(const struct disk_inode *inode)
{
    return inode->d_links > 0 || inode->named > 0;
}

static uint64_t hash_inodes(const struct disk *disk)
{
    uint64_t sum = 0;

    for (uint32_t i = DISK_ROOT; i < disk->inode_count.used; i++) {
        const struct disk_inode *inode = &disk->inodes[i];

        if (inode->v_links > 0) {
            sum += hash_fact(INODE, i, inode->mode, inode->v_size);
        }
        if (has_durable(inode)) {
            sum += hash_fact(SIZE_D, i, inode->mode, inode->d_size);
        }
        if (S_ISLNK(inode->mode) && (inode->v_links || has_durable(inode))) {
            const char *target = disk->names + inode->target;
            sum += hash_bytes(i, target, strlen(target));
        }
    }
    return sum;
}

static uint64_t hash_cells(const struct disk *disk)
{
    uint64_t sum = 0;

    for (uint32_t i = 1; i < disk->cell_count.used; i++) {
        const struct disk_cell *cell = &disk->cells[i];
        const struct disk_inode *inode = &disk->inodes[cell->inode];

        if (cell->inode != 0 && cell->v != DISK_NONE && inode->v_links > 0) {
            sum += hash_fact(CELL_V, cell->inode, cell->sector,
                             hash_block(disk, cell->v));
        }
        if (cell->inode != 0 && cell->d != DISK_NONE && has_durable(inode)) {
            sum += hash_fact(CELL_D, cell->inode, cell->sector,
                             hash_block(disk, cell->d));
        }
    }
    return sum;
}

static uint64_t hash_record(const struct disk *disk,
                            const struct disk_record *record)
{
    uint64_t what = hash_fact(RECORD, record->kind, record->at, record->from);

    if (record->kind == DISK_NAME) {
        return hash_fact(RECORD, what, name_of(disk, record->target),
                         disk__mix(record->value, record->was));
    }
    if (record->kind == DISK_DATA) {
        return hash_fact(RECORD, what, record->target,
                         hash_block(disk, record->value));
    }
    return hash_fact(RECORD, what, record->target, record->value);
}

/* Of an unnamed file only its holders know. */
static bool is_known(const struct disk *disk, const struct disk_record *record)
{
    const struct disk_inode *inode = &disk->inodes[record->target];

    return record->kind == DISK_NAME || inode->v_links > 0 ||
           has_durable(inode);
}

static uint64_t hash_records(const struct disk *disk)
{
    uint64_t hash = 0;
    uint64_t unit = 0;

    for (uint32_t i = 0; i < disk->record_count; i++) {
        const struct disk_record *record = &disk->records[i];

        if (is_known(disk, record)) {
            hash = disk__mix(hash, hash_record(disk, record));
            hash = disk__mix(hash, record->unit == unit); /* joined */
            unit = record->unit;
        }
    }
    return hash;
}

static uint64_t hash_stale(const struct disk *disk)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < DISK_STALE_MAX; i++) {
        if (disk->stale[i] != DISK_NONE) {
            sum += hash_fact(STALE, i, hash_block(disk, disk->stale[i]), 0);
        }
    }
    return sum;
}

uint64_t disk_changes(const struct disk *disk)
{
    return disk->changes;
}

uint64_t disk_hash(const struct disk *disk)
{
    uint64_t hash = disk__mix(hash_entries(disk), hash_inodes(disk));

    hash = disk__mix(hash, hash_cells(disk));
    hash = disk__mix(hash, hash_records(disk));
    hash = disk__mix(hash, hash_stale(disk));
    return disk__mix(hash, disk->config.profile);
}
