/* SPDX-License-Identifier: MIT */
/*
 * disk_sync.c - what a sync makes durable
 *
 *                    STRICT, CHAOS           EXT4
 *   fdatasync(file)  its data and sizes      the same; and the journal, if it
 *                                            was made, has a new size, or data
 *                                            where there were none
 *   fsync(file)      its data and sizes      the same; and the journal, if
 *                                            anything of the file is un-synced
 *   of a directory   units that change a     the journal, if anything in or of
 *                    name in it              the directory is un-synced
 *   sync_all         everything              everything
 *
 * The journal is every name of the disk, and every size that was not appended.
 * Nowhere does a sync of a file write out what another file has appended.
 * (Linux: fs/ext4/fsync.c, i_sync_tid and i_datasync_tid.) No data are durable
 * without the size that shows them; in STRICT neither is what a name leads to.
 *
 * A sync that failed takes the same units off the list, and makes nothing
 * durable: what was written is clean, and is read until the power fails; a
 * write over it brings its size along again. But in EXT4 a sync of a file fails
 * before the journal is reached, which goes on.
 */
#include "tests/sim/model/disk_parts.h"
#include "tests/sim/model/disk_unit.h"

static bool is_data_of(const struct disk_record *record, uint32_t inode)
{
    return record->kind != DISK_NAME && record->target == inode;
}

static void choose_file(struct disk *disk, uint32_t inode)
{
    for (uint32_t i = 0; i < disk->record_count; i++) {
        struct disk_record *record = &disk->records[i];
        record->chosen = is_data_of(record, inode);
    }
}

static bool is_name_in(const struct disk *disk,
                       const struct disk_record *record, uint32_t dir)
{
    return record->kind == DISK_NAME &&
           disk->entries[record->target].dir == dir;
}

static void choose_directory(struct disk *disk, uint32_t dir)
{
    uint32_t end;

    for (uint32_t begin = 0; begin < disk->record_count; begin = end) {
        bool chosen = false;

        end = disk__unit_end(disk, begin);
        for (uint32_t i = begin; i < end; i++) {
            chosen = chosen || is_name_in(disk, &disk->records[i], dir);
        }
        for (uint32_t i = begin; i < end; i++) {
            disk->records[i].chosen = chosen;
        }
    }
}

static void choose_journal(struct disk *disk)
{
    for (uint32_t i = 0; i < disk->record_count; i++) {
        struct disk_record *record = &disk->records[i];
        record->chosen = record->chosen || record->journaled;
    }
}

/* Data where there are some already need no journal. */
static bool replaces_data(const struct disk *disk,
                          const struct disk_record *record)
{
    uint32_t cell;

    if (record->kind != DISK_DATA) {
        return false;
    }
    cell = disk__cell_find(disk, record->target, (uint32_t)record->at);
    return cell != DISK_NONE && disk->cells[cell].d > DISK_ZEROS;
}

/* EXT4: whether this record of @inode has fsync commit the journal. */
static bool commits(const struct disk *disk, const struct disk_record *record,
                    uint32_t inode, bool data_only)
{
    if (record->kind == DISK_NAME) {
        return (record->value == inode || record->was == inode ||
                is_name_in(disk, record, inode)) &&
               (!data_only || record->made || disk__is_dir(disk, inode));
    }
    return record->target == inode &&
           !(data_only && replaces_data(disk, record));
}

static bool is_commit(const struct disk *disk, uint32_t inode, bool data_only)
{
    for (uint32_t i = 0; i < disk->record_count; i++) {
        if (commits(disk, &disk->records[i], inode, data_only)) {
            return true;
        }
    }
    return false;
}

static void choose(struct disk *disk, uint32_t inode)
{
    pirn_assert(disk->inodes[inode].holds > 0);
    disk__maps_touch(disk, inode);
    if (!disk__is_dir(disk, inode)) {
        choose_file(disk, inode);
    } else if (disk->config.profile != DISK_EXT4) {
        choose_directory(disk, inode);
    } else {
        choose_file(disk, DISK_NONE);
    }
}

int disk_sync(struct disk *disk, uint32_t inode, bool data_only)
{
    choose(disk, inode);
    if (disk->config.profile == DISK_EXT4 &&
        is_commit(disk, inode, data_only)) {
        choose_journal(disk);
    }
    disk__order_add(disk);
    disk__records_take(disk, true);
    return 0;
}

static bool is_end(const struct disk_record *record)
{
    return record->kind == DISK_ROOM ||
           (record->kind == DISK_SIZE && record->at < record->from);
}

/* Sizes and room of the file come with its data; and, where it was cut or got
 * room, all that is older: of one file nothing older gets durable later. */
static void choose_range(struct disk *disk, uint32_t inode, uint64_t offset,
                         uint64_t len)
{
    uint64_t first = offset / DISK_SECTOR;
    uint64_t last = (offset + len - 1) / DISK_SECTOR;
    bool has_end = false;

    pirn_assert(len > 0 && !disk__is_dir(disk, inode));
    pirn_assert(disk->inodes[inode].holds > 0);
    disk__maps_touch(disk, inode);
    for (uint32_t i = disk->record_count; i-- > 0;) {
        struct disk_record *record = &disk->records[i];
        bool is_in = record->kind != DISK_DATA ||
                     (record->at >= first && record->at <= last);

        record->chosen = is_data_of(record, inode) && (is_in || has_end);
        has_end = has_end || (record->chosen && is_end(record));
    }
}

void disk_sync_range(struct disk *disk, uint32_t inode, uint64_t offset,
                     uint64_t len)
{
    choose_range(disk, inode, offset, len);
    if (disk->config.profile == DISK_EXT4 && is_commit(disk, inode, true)) {
        choose_journal(disk);
    }
    disk__order_add(disk);
    disk__records_take(disk, true);
}

void disk_sync_range_failed(struct disk *disk, uint32_t inode, uint64_t offset,
                            uint64_t len)
{
    choose_range(disk, inode, offset, len);
    disk__order_add(disk);
    disk__records_take(disk, false);
}

void disk_sync_failed(struct disk *disk, uint32_t inode)
{
    choose(disk, inode);
    if (disk->config.profile == DISK_EXT4 && disk__is_dir(disk, inode) &&
        is_commit(disk, inode, false)) {
        choose_journal(disk);
    }
    disk__order_add(disk);
    disk__records_take(disk, false);
}

void disk_sync_all(struct disk *disk)
{
    disk__maps_touch(disk, DISK_NONE);
    for (uint32_t i = 0; i < disk->record_count; i++) {
        disk->records[i].chosen = true;
    }
    disk__records_take(disk, true);
}
