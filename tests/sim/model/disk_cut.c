/* SPDX-License-Identifier: MIT */
/*
 * disk_cut.c - the power fails
 *
 * What is left of the un-synced units is applied in the order in which they
 * were made; what the disk then says durably is what it says altogether. Of
 * names only those are found whose directories lead to the root: a file that
 * was synced in a directory that was not is lost. Nobody looks for lost files
 * (lost+found), their room is free. Link counts are counted anew.
 *
 * A size without the data that it shows: in STRICT the bytes are zeros (POSIX:
 * what was never written reads as zeros). In EXT4 it does not occur. In CHAOS,
 * each such sector is zeros or a sector of an older file that was freed; never
 * bytes that were not on the disk.
 *
 * What else CHAOS does, decided by the seed: of the last write that has
 * anything left one sector may be torn, its beginning new and its end what it
 * replaces; and of a mapped page any sectors may be left. Seed 0 tears nothing
 * and shows zeros: CHAOS is STRICT then.
 */
#include <stdlib.h>

#include "tests/sim/model/disk_parts.h"
#include "tests/sim/model/disk_unit.h"

static void choose(struct disk *disk, const bool *survives)
{
    uint32_t unit = 0;
    uint32_t end;

    for (uint32_t begin = 0; begin < disk->record_count; begin = end) {
        end = disk__unit_end(disk, begin);
        for (uint32_t i = begin; i < end; i++) {
            disk->records[i].chosen = survives != NULL && survives[unit];
        }
        unit++;
    }
}

/* Of one page in four each sector is left, or not. */
static void tear_pages(struct disk *disk, uint64_t torn)
{
    uint32_t end;

    for (uint32_t begin = 0; begin < disk->record_count; begin = end) {
        uint64_t dice = disk__mix(torn, disk->records[begin].unit);

        end = disk__unit_end(disk, begin);
        if (disk->records[begin].kind != DISK_DATA || end - begin == 1 ||
            !disk->records[begin].chosen || dice % 4 != 0) {
            continue;
        }
        for (uint32_t i = begin; i < end; i++) {
            disk->records[i].chosen = dice >> (8 + i - begin) & 1;
        }
    }
}

static bool is_left_data(const struct disk_record *record, uint64_t call)
{
    return record->kind == DISK_DATA && record->chosen && record->call == call;
}

/* The record that is torn: one of the last write's, in every other cut. */
static uint32_t torn_record(const struct disk *disk, uint64_t torn)
{
    uint64_t dice = disk__mix(torn, disk->record_count);
    uint64_t call = 0;
    uint32_t count = 0;

    for (uint32_t i = 0; i < disk->record_count; i++) {
        const struct disk_record *record = &disk->records[i];

        if (record->kind == DISK_DATA && record->chosen) {
            count = record->call == call ? count + 1 : 1;
            call = record->call;
        }
    }
    if (count == 0 || dice % 2 == 0) {
        return UINT32_MAX;
    }
    count = (uint32_t)(dice >> 8) % count;
    for (uint32_t i = 0;; i++) {
        if (is_left_data(&disk->records[i], call) && count-- == 0) {
            return i;
        }
    }
}

static void apply_torn(struct disk *disk, const struct disk_record *record,
                       uint64_t torn)
{
    uint32_t cell = disk__cell_make(disk, record->target, (uint32_t)record->at);
    uint32_t before = disk->cells[cell].d;
    uint32_t keep = 1 + (uint32_t)(disk__mix(torn, 1) % (DISK_SECTOR - 1));
    const uint8_t *old =
        disk__block_bytes(disk, before != DISK_NONE ? before : DISK_ZEROS);
    const uint8_t *new = disk__block_bytes(disk, record->value);
    uint8_t *bytes;
    uint32_t block = disk__block_create(disk, &bytes);

    for (uint32_t i = 0; i < DISK_SECTOR; i++) {
        bytes[i] = i < keep ? new[i] : old[i];
    }
    disk__block_set(disk, &disk->cells[cell].d, block);
}

static void apply(struct disk *disk, uint64_t torn)
{
    bool chaos = disk->config.profile == DISK_CHAOS && torn != 0;
    uint32_t torn_at = UINT32_MAX;

    if (chaos) {
        tear_pages(disk, torn);
        torn_at = torn_record(disk, torn);
    }
    for (uint32_t i = 0; i < disk->record_count; i++) {
        if (i == torn_at) {
            apply_torn(disk, &disk->records[i], torn);
        } else if (disk->records[i].chosen) {
            disk__record_apply(disk, &disk->records[i]);
        }
    }
}

/* Sectors that were given to a file, and whose data did not come. Only CHAOS
 * remembers what was freed. */
static void show_stale(struct disk *disk, uint64_t torn)
{
    uint32_t known =
        disk->stale_count < DISK_STALE_MAX ? disk->stale_count : DISK_STALE_MAX;

    if (torn == 0 || known == 0) {
        return;
    }
    for (uint32_t i = 1; i < disk->cell_count.used; i++) {
        struct disk_cell *cell = &disk->cells[i];
        uint64_t dice = disk__mix(disk__mix(torn, cell->inode), cell->sector);

        if (cell->inode != 0 && cell->v > DISK_ZEROS && cell->d == DISK_NONE &&
            dice % 2 == 0) {
            disk__block_set(disk, &cell->d, disk->stale[(dice >> 8) % known]);
        }
    }
}

/* Nothing is un-synced, nobody has anything open, no link is counted. */
static void forget(struct disk *disk)
{
    for (uint32_t i = 0; i < disk->record_count; i++) {
        if (disk->records[i].kind == DISK_DATA) {
            disk__block_drop(disk, disk->records[i].value);
        }
    }
    disk->record_count = 0;
    disk->sweep = false;
    disk__maps_drop(disk, DISK_NONE);
    for (uint32_t i = DISK_ROOT; i < disk->inode_count.used; i++) {
        struct disk_inode *inode = &disk->inodes[i];

        inode->holds = inode->named = inode->mentioned = inode->pending = 0;
        inode->v_links = inode->d_links = i == DISK_ROOT;
        inode->first = inode->last = DISK_NONE;
        inode->parent = i == DISK_ROOT ? DISK_ROOT : DISK_NONE;
        inode->subdirs = 0;
    }
}

static void find_parents(struct disk *disk)
{
    for (uint32_t i = 1; i < disk->entry_count.used; i++) {
        const struct disk_entry *entry = &disk->entries[i];

        if (entry->dir != 0 && entry->d != 0 && disk__is_dir(disk, entry->d)) {
            disk->inodes[entry->d].parent = entry->dir;
        }
    }
}

/* Up to a directory that is known to be reached, or to none, or around. */
static bool is_reached(struct disk *disk, uint32_t dir)
{
    uint32_t reached = disk->mark;
    uint32_t seen = disk->mark + 1;
    uint32_t at = dir;
    bool found;

    while (at != DISK_NONE && at != DISK_ROOT &&
           disk->inodes[at].mark != reached && disk->inodes[at].mark != seen) {
        disk->inodes[at].mark = seen;
        at = disk->inodes[at].parent;
    }
    found = at == DISK_ROOT ||
            (at != DISK_NONE && disk->inodes[at].mark == reached);
    for (at = dir; found && at != DISK_ROOT && disk->inodes[at].mark == seen;) {
        disk->inodes[at].mark = reached;
        at = disk->inodes[at].parent;
    }
    return found;
}

static int compare_cookies(const void *a, const void *b)
{
    const uint64_t *one = a;
    const uint64_t *other = b;

    return (one[0] > other[0]) - (one[0] < other[0]);
}

/* Pairs of cookie and number of all entries that stay, in listing order. */
static uint64_t *ordered(struct disk *disk, uint32_t *ret_count)
{
    uint64_t(*pairs)[2] = malloc(disk->entry_count.used * sizeof(*pairs));
    bool is_ordered = true;
    uint32_t count = 0;

    pirn_assert(pairs != NULL);
    for (uint32_t i = 1; i < disk->entry_count.used; i++) {
        const struct disk_entry *entry = &disk->entries[i];

        if (entry->dir != 0 && entry->d != 0 && is_reached(disk, entry->dir)) {
            pairs[count][0] = entry->cookie;
            pairs[count][1] = i;
            is_ordered = is_ordered &&
                         (count == 0 || pairs[count - 1][0] < entry->cookie);
            count++;
        }
    }
    if (!is_ordered) {
        qsort(pairs, count, sizeof(*pairs), compare_cookies);
    }
    *ret_count = count;
    return &pairs[0][0];
}

static void rename_all(struct disk *disk)
{
    uint32_t count;
    uint64_t *pairs;

    disk->mark += 2; /* reached, seen */
    find_parents(disk);
    pairs = ordered(disk, &count);
    for (uint32_t i = 1; i < disk->entry_count.used; i++) {
        disk->entries[i].v = 0;
        disk->entries[i].records = 0;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = (uint32_t)pairs[2 * i + 1];
        uint32_t inode = disk->entries[number].d;

        disk__entry_set(disk, number, inode);
        disk->inodes[inode].d_links++;
    }
    for (uint32_t i = 1; i < disk->entry_count.used; i++) {
        if (disk->entries[i].dir != 0 && disk->entries[i].v == 0) {
            disk->entries[i].d = 0;
            disk__entry_settle(disk, i);
        }
    }
    disk->mark++;
    free(pairs);
}

/* What has no name is gone; the rest shows what is durable. */
static void show_durable(struct disk *disk)
{
    for (uint32_t i = DISK_ROOT; i < disk->inode_count.used; i++) {
        struct disk_inode *inode = &disk->inodes[i];

        if (inode->mode == 0) {
            continue;
        }
        if (inode->v_links == 0) {
            disk__inode_settle(disk, i);
            continue;
        }
        disk->inodes_living += !inode->living;
        inode->living = true;
        inode->v_size = inode->d_size;
        disk__cells_trim_d(disk, i, inode->d_size);
        for (uint32_t cell = inode->cells; cell != DISK_NONE;
             cell = disk->cells[cell].next) {
            disk__cell_set(disk, cell, disk->cells[cell].d);
        }
        disk__cells_trim_v(disk, i, inode->d_size);
    }
}

uint64_t disk_cut_number(struct disk *disk, const bool *survives, uint64_t torn)
{
    uint64_t number = disk->config.profile == DISK_CHAOS ? torn : 0;
    uint64_t bits = 1;

    choose(disk, survives);
    disk__order_drop(disk);
    for (uint32_t i = 0; i < disk->record_count; i++) {
        bits = bits << 1 | disk->records[i].chosen;
        if (i % 32 == 31) {
            number = disk__mix(number, bits);
            bits = 1;
        }
    }
    return disk__mix(number, bits);
}

void disk_cut(struct disk *disk, const bool *survives, uint64_t torn)
{
    disk->changes++;
    choose(disk, survives);
    disk__order_drop(disk);
    apply(disk, torn);
    show_stale(disk, torn);
    forget(disk);
    rename_all(disk);
    show_durable(disk);
    disk->sweep = false;
}
