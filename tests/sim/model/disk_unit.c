/* SPDX-License-Identifier: MIT */
/*
 * disk_unit.c - what is un-synced, and how it gets durable
 *
 * Each change is made to the volatile version and noted as a record of what the
 * place is set to: a name to an inode, a size to a number, a sector to a block.
 * Records say what is, not what to do: so any of them can be left out, and the
 * rest still means something ("as if the others had never been made").
 *
 * Whenever a record gets durable, what is durable afterwards is as if all
 * durable records had been applied in the order in which they were made: for a
 * name, a unit that is older than the one its durable inode is from is void.
 * Sizes and sectors need no such memory, because of one file an older record
 * never gets durable after a younger one.
 */
#include "tests/sim/model/disk_unit.h"
#include "tests/sim/model/disk_parts.h"

void disk__call_begin(struct disk *disk)
{
    disk->call++;
    disk->unit++;
}

void disk__unit_begin(struct disk *disk)
{
    disk->unit++;
}

uint32_t disk__unit_end(const struct disk *disk, uint32_t begin)
{
    uint32_t end = begin + 1;

    while (end < disk->record_count &&
           disk->records[end].unit == disk->records[begin].unit) {
        end++;
    }
    return end;
}

uint32_t disk_unit_count(const struct disk *disk)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < disk->record_count; i = disk__unit_end(disk, i)) {
        count++;
    }
    return count;
}

static struct disk_record *append(struct disk *disk, enum disk_record_kind kind,
                                  uint32_t target, uint32_t value)
{
    struct disk_record *record;

    disk->changes++;
    disk->records = disk__grow(disk->records, &disk->record_capacity,
                               disk->record_count + 1, sizeof(*disk->records));
    record = &disk->records[disk->record_count++];
    *record = (struct disk_record){
        .unit = disk->unit,
        .call = disk->call,
        .target = target,
        .value = value,
        .kind = (uint8_t)kind,
    };
    return record;
}

void disk__name_set(struct disk *disk, uint32_t entry, uint32_t inode,
                    bool made)
{
    struct disk_record *record = append(disk, DISK_NAME, entry, inode);

    record->was = disk->entries[entry].v;
    record->made = made;
    record->journaled = true;
    disk->entries[entry].records++;
    if (inode != 0) {
        disk->inodes[inode].named++;
    }
    if (record->was != 0) {
        disk->inodes[record->was].mentioned++;
    }
    disk__entry_set(disk, entry, inode);
}

void disk__size_set(struct disk *disk, uint32_t inode, uint64_t size,
                    bool journaled)
{
    struct disk_record *record = append(disk, DISK_SIZE, inode, 0);

    record->from = disk->inodes[inode].v_size;
    record->at = size;
    record->journaled = journaled;
    disk->inodes[inode].pending++;
    disk->inodes[inode].v_size = size;
    disk->inodes[inode].ctime_ns = disk->now_ns;
}

void disk__data_set(struct disk *disk, uint32_t cell, uint32_t block)
{
    uint32_t inode = disk->cells[cell].inode;
    struct disk_record *record = append(disk, DISK_DATA, inode, block);

    record->at = disk->cells[cell].sector;
    disk__block_use(disk, block);
    disk->inodes[inode].pending++;
    disk__cell_set(disk, cell, block);
}

void disk__room_set(struct disk *disk, uint32_t inode, uint32_t sector,
                    uint32_t count)
{
    struct disk_record *record = append(disk, DISK_ROOM, inode, count);

    record->at = sector;
    record->journaled = true;
    disk->inodes[inode].pending++;
}

/* A younger unit's name is durable there, or nobody finds it there. */
static bool is_void(const struct disk *disk, const struct disk_record *record)
{
    const struct disk_entry *entry;

    if (record->kind != DISK_NAME) {
        return disk__is_over(disk, record->target);
    }
    entry = &disk->entries[record->target];
    return record->unit < entry->d_unit || disk__is_over(disk, entry->dir);
}

static void apply_name(struct disk *disk, const struct disk_record *record)
{
    struct disk_entry *entry = &disk->entries[record->target];
    uint32_t before = entry->d;

    if (is_void(disk, record)) {
        return;
    }
    entry->d_unit = record->unit;
    entry->d = record->value;
    if (record->value != 0) {
        disk->inodes[record->value].d_links++;
    }
    if (before != 0) {
        disk->inodes[before].d_links--;
        disk__inode_settle(disk, before);
    }
}

static void apply_size(struct disk *disk, const struct disk_record *record)
{
    struct disk_inode *inode = &disk->inodes[record->target];

    if (record->at < inode->d_size) {
        disk__cells_trim_d(disk, record->target, record->at);
    }
    inode->d_size = record->at;
}

static void apply_data(struct disk *disk, const struct disk_record *record)
{
    uint32_t cell = disk__cell_make(disk, record->target, (uint32_t)record->at);

    disk__block_set(disk, &disk->cells[cell].d, record->value);
}

static void apply_room(struct disk *disk, const struct disk_record *record)
{
    for (uint32_t i = 0; i < record->value; i++) {
        uint32_t cell =
            disk__cell_make(disk, record->target, (uint32_t)record->at + i);

        if (disk->cells[cell].d == DISK_NONE) {
            disk__block_set(disk, &disk->cells[cell].d, DISK_ZEROS);
        }
    }
}

void disk__record_apply(struct disk *disk, const struct disk_record *record)
{
    switch ((enum disk_record_kind)record->kind) {
    case DISK_NAME:
        apply_name(disk, record);
        break;
    case DISK_SIZE:
        apply_size(disk, record);
        break;
    case DISK_DATA:
        apply_data(disk, record);
        break;
    case DISK_ROOM:
        apply_room(disk, record);
        break;
    }
}

static void drop_name(struct disk *disk, const struct disk_record *record)
{
    disk->entries[record->target].records--;
    if (record->value != 0) {
        disk->inodes[record->value].named--;
        disk__inode_settle(disk, record->value);
    }
    if (record->was != 0) {
        disk->inodes[record->was].mentioned--;
        disk__inode_settle(disk, record->was);
    }
    disk__entry_settle(disk, record->target);
}

static void drop(struct disk *disk, const struct disk_record *record)
{
    if (record->kind == DISK_NAME) {
        drop_name(disk, record);
        return;
    }
    if (record->kind == DISK_DATA) {
        disk__block_drop(disk, record->value);
    }
    disk->inodes[record->target].pending--;
    disk__inode_settle(disk, record->target);
}

/* A unit of which a part is void is a unit still: whoever syncs a directory
 * in which it changed a name syncs all of it. */
static bool is_done(const struct disk *disk, uint32_t begin, uint32_t end)
{
    bool done = true;

    for (uint32_t i = begin; i < end; i++) {
        const struct disk_record *record = &disk->records[i];
        done = done && (record->chosen || is_void(disk, record));
    }
    return done;
}

/* The chosen and the void go, the rest keep their order. */
static void drop_chosen(struct disk *disk)
{
    uint32_t kept = 0;
    uint32_t end;

    for (uint32_t begin = 0; begin < disk->record_count; begin = end) {
        bool done;

        end = disk__unit_end(disk, begin);
        done = is_done(disk, begin, end);
        for (uint32_t i = begin; i < end; i++) {
            struct disk_record record = disk->records[i];

            if (done) {
                drop(disk, &record);
            } else {
                disk->records[kept++] = record;
            }
        }
    }
    disk->record_count = kept;
}

/* What stood durably in a directory that is over is nowhere. */
static void drop_entries(struct disk *disk)
{
    for (uint32_t i = 1; i < disk->entry_count.used; i++) {
        struct disk_entry *entry = &disk->entries[i];
        uint32_t inode = entry->d;

        if (entry->dir != 0 && inode != 0 && disk__is_over(disk, entry->dir)) {
            entry->d = 0;
            disk->inodes[inode].d_links--;
            disk__inode_settle(disk, inode);
            disk__entry_settle(disk, i);
        }
    }
}

void disk__sweep(struct disk *disk)
{
    while (disk->sweep) {
        disk->sweep = false;
        disk->changes++;
        drop_entries(disk);
        drop_chosen(disk);
    }
}

void disk__records_take(struct disk *disk, bool apply)
{
    disk->changes++;
    for (uint32_t i = 0; apply && i < disk->record_count; i++) {
        if (disk->records[i].chosen) {
            disk__record_apply(disk, &disk->records[i]);
        }
    }
    drop_chosen(disk);
    disk__sweep(disk);
}
