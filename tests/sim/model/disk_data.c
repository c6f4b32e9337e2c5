/* SPDX-License-Identifier: MIT */
/*
 * disk_data.c - what is in a file
 *
 * A write makes one unit of each sector that it changes, in ascending order,
 * and behind them one of the size if that grew. A hole takes no room, and reads
 * as zeros; so does room that was allocated and never written. Where there is
 * no room for all bytes the first ones are written; where for none, -ENOSPC.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>

#include "tests/sim/model/disk_parts.h"
#include "tests/sim/model/disk_unit.h"

/* A number of a sector has 32 bits. */
#define SIZE_LIMIT ((uint64_t)UINT32_MAX * DISK_SECTOR)

/* The part of [@offset, @offset + @len) in its first sector. */
struct part {
    uint32_t sector;
    uint32_t begin;
    uint32_t len;
};

static struct part part_of(uint64_t offset, uint64_t len)
{
    struct part part = {
        .sector = (uint32_t)(offset / DISK_SECTOR),
        .begin = (uint32_t)(offset % DISK_SECTOR),
    };

    part.len = DISK_SECTOR - part.begin;
    if (len < part.len) {
        part.len = (uint32_t)len;
    }
    return part;
}

static int refusal(const struct disk *disk, uint32_t inode)
{
    mode_t mode = disk->inodes[inode].mode;

    pirn_assert(disk->inodes[inode].holds > 0);
    if (S_ISDIR(mode)) {
        return -EISDIR;
    }
    return S_ISREG(mode) ? 0 : -EINVAL;
}

bool disk_has_room(const struct disk *disk, uint32_t inode, uint32_t sector)
{
    uint32_t cell = disk__cell_find(disk, inode, sector);

    return cell != DISK_NONE && disk->cells[cell].v != DISK_NONE;
}

/* The volatile bytes of a sector, or NULL for zeros. */
static const uint8_t *sector_bytes(const struct disk *disk, uint32_t inode,
                                   uint32_t sector)
{
    const uint8_t *mapped = disk__map_sector(disk, inode, sector);
    uint32_t cell;
    uint32_t block;

    if (mapped != NULL) {
        return mapped;
    }
    cell = disk__cell_find(disk, inode, sector);
    block = cell != DISK_NONE ? disk->cells[cell].v : DISK_NONE;
    return block != DISK_NONE ? disk__block_bytes(disk, block) : NULL;
}

int64_t disk_read(struct disk *disk, uint32_t inode, uint64_t offset,
                  void *bytes, uint64_t len)
{
    uint64_t size = disk->inodes[inode].v_size;
    uint8_t *to = bytes;
    int error = refusal(disk, inode);

    if (error < 0) {
        return error;
    }
    len = offset >= size ? 0 : len < size - offset ? len : size - offset;
    for (uint64_t done = 0; done < len;) {
        struct part part = part_of(offset + done, len - done);
        const uint8_t *from = sector_bytes(disk, inode, part.sector);

        if (from != NULL) {
            memcpy(to + done, from + part.begin, part.len);
        } else {
            memset(to + done, 0, part.len);
        }
        done += part.len;
    }
    return (int64_t)len;
}

void disk_load(struct disk *disk, uint32_t inode, uint8_t *zeros)
{
    uint64_t size = disk->inodes[inode].v_size;
    uint32_t cell = disk->inodes[inode].cells;

    pirn_assert(disk->inodes[inode].maps == 0);
    for (; cell != DISK_NONE; cell = disk->cells[cell].next) {
        uint64_t at = (uint64_t)disk->cells[cell].sector * DISK_SECTOR;

        if (at < size && disk->cells[cell].v > DISK_ZEROS) {
            (void)disk_read(disk, inode, at, zeros + at, DISK_SECTOR);
        }
    }
}

/* A new block: what is there, with @part of it replaced. */
static uint32_t replaced(struct disk *disk, uint32_t inode,
                         const struct part *part, const uint8_t *from)
{
    uint8_t *bytes;
    uint32_t block = disk__block_create(disk, &bytes);
    const uint8_t *before;

    if (part->len < DISK_SECTOR) {
        before = sector_bytes(disk, inode, part->sector);
        if (before != NULL) {
            memcpy(bytes, before, DISK_SECTOR);
        } else {
            memset(bytes, 0, DISK_SECTOR);
        }
    }
    memcpy(bytes + part->begin, from, part->len);
    return block;
}

static bool write_part(struct disk *disk, uint32_t inode,
                       const struct part *part, const uint8_t *from)
{
    uint8_t *mapped = disk__map_sector(disk, inode, part->sector);
    uint32_t cell = disk__cell_find(disk, inode, part->sector);
    bool has_room = cell != DISK_NONE && disk->cells[cell].v != DISK_NONE;

    if (!has_room &&
        disk->sectors_used >= disk->config.capacity_bytes / DISK_SECTOR) {
        return false;
    }
    if (cell == DISK_NONE) {
        cell = disk__cell_make(disk, inode, part->sector);
    }
    disk__unit_begin(disk);
    disk__data_set(disk, cell, replaced(disk, inode, part, from));
    if (mapped != NULL) {
        memcpy(mapped + part->begin, from, part->len);
    }
    return true;
}

/* A sync has failed, and what is written at @end again is not shown by any size
 * that may get durable: its blocks bring the size along (ext4_writepages, and
 * in XFS the write's end). */
static bool size_is_lost(const struct disk *disk, uint32_t inode, uint64_t end)
{
    bool is_lost = disk->inodes[inode].d_size < end;

    for (uint32_t i = 0; is_lost && i < disk->record_count; i++) {
        const struct disk_record *record = &disk->records[i];

        is_lost = record->kind != DISK_SIZE || record->target != inode;
    }
    return is_lost;
}

int64_t disk_write(struct disk *disk, uint32_t inode, uint64_t offset,
                   const void *bytes, uint64_t len)
{
    const uint8_t *from = bytes;
    uint64_t done = 0;
    int error = refusal(disk, inode);

    if (error < 0) {
        return error;
    }
    if (len > SIZE_LIMIT || offset > SIZE_LIMIT - len) {
        return -EFBIG;
    }
    disk__call_begin(disk);
    while (done < len) {
        struct part part = part_of(offset + done, len - done);

        if (!write_part(disk, inode, &part, from + done)) {
            break;
        }
        done += part.len;
    }
    if (done > 0 && offset + done > disk->inodes[inode].v_size) {
        disk__unit_begin(disk);
        disk__size_set(disk, inode, offset + done, false);
    } else if (done > 0 && size_is_lost(disk, inode, offset + done)) {
        disk__unit_begin(disk);
        disk__size_set(disk, inode, disk->inodes[inode].v_size, false);
    }
    return done == 0 && len > 0 ? -ENOSPC : (int64_t)done;
}

/* Mapped bytes behind the end are zeros when the file grows again. */
static void clear_mapped(struct disk *disk, uint32_t inode, uint64_t size)
{
    for (uint32_t i = 0; i < disk->map_count; i++) {
        struct disk_map *map = &disk->maps[i];
        uint64_t begin = map->page * DISK_PAGE;
        uint64_t keep = size <= begin ? 0 : size - begin;

        if (map->inode == inode && keep < DISK_PAGE) {
            memset(map->bytes + keep, 0, DISK_PAGE - keep);
        }
    }
}

int disk_truncate(struct disk *disk, uint32_t inode, uint64_t size)
{
    uint64_t before = disk->inodes[inode].v_size;
    int error = refusal(disk, inode);

    if (error < 0) {
        return -EINVAL;
    }
    if (size > SIZE_LIMIT) {
        return -EFBIG;
    }
    disk__call_begin(disk);
    if (size < before) {
        disk__cells_trim_v(disk, inode, size);
        clear_mapped(disk, inode, size);
    }
    if (size != before) {
        disk__size_set(disk, inode, size, true);
    }
    return 0;
}

static uint32_t missing(const struct disk *disk, uint32_t inode, uint32_t first,
                        uint32_t count)
{
    uint32_t found = 0;

    for (uint32_t i = 0; i < count; i++) {
        uint32_t cell = disk__cell_find(disk, inode, first + i);
        found += cell != DISK_NONE && disk->cells[cell].v != DISK_NONE;
    }
    return count - found;
}

static void take_room(struct disk *disk, uint32_t inode, uint32_t first,
                      uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t cell = disk__cell_make(disk, inode, first + i);

        if (disk->cells[cell].v == DISK_NONE) {
            disk__cell_set(disk, cell, DISK_ZEROS);
        }
    }
    disk__room_set(disk, inode, first, count);
}

/* Room and size are one unit. */
int disk_fallocate(struct disk *disk, uint32_t inode, int mode, uint64_t offset,
                   uint64_t len)
{
    uint64_t limit = disk->config.capacity_bytes / DISK_SECTOR;
    uint32_t first = (uint32_t)(offset / DISK_SECTOR);
    uint32_t wanted;
    int error = refusal(disk, inode);

    if (len == 0 || len > INT64_MAX || offset > INT64_MAX) {
        return -EINVAL;
    }
    if ((mode & ~FALLOC_FL_KEEP_SIZE) != 0) {
        return -EOPNOTSUPP;
    }
    if (error < 0) {
        return error == -EISDIR ? error : -ENODEV;
    }
    if (len > SIZE_LIMIT || offset > SIZE_LIMIT - len) {
        return -EFBIG;
    }
    wanted = disk__sectors(offset + len) - first;
    if (wanted > limit ||
        missing(disk, inode, first, wanted) + disk->sectors_used > limit) {
        return -ENOSPC;
    }
    disk__call_begin(disk);
    if (missing(disk, inode, first, wanted) > 0) {
        take_room(disk, inode, first, wanted);
    }
    if (!(mode & FALLOC_FL_KEEP_SIZE) &&
        offset + len > disk->inodes[inode].v_size) {
        disk__size_set(disk, inode, offset + len, true);
    }
    return 0;
}
