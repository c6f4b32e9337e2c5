/* SPDX-License-Identifier: MIT */
/*
 * disk_order.c - which units do not get durable without earlier ones
 *
 * In STRICT and CHAOS: units that say where one and the same directory is get
 * durable in their order. A directory knows its parent, so it is at one place,
 * or nowhere; with two parents it would be no tree. Of a name that a directory
 * came to or left, the units before it are such, too: what takes its place does
 * not get durable before it has left. Files are not protected so: if of
 *
 *      rename a b, rename b c
 *
 * only the second one is left, the file is at a and c; if of
 *
 *      rename b c, rename f b      (b, f durable)
 *
 * only the second one is left, what was at b is lost: as if nobody had moved
 * it.
 *
 * In EXT4 there is one journal. Names, a size that truncate or fallocate set,
 * and allocated room are in it in their order; at a cut a prefix is left. What
 * a write appends joins the journal when the kernel writes it back: so such a
 * size may come late or never (delayed allocation: a file that was renamed into
 * place may be empty), but needs the data that it shows, the sizes of the file
 * before it, and all that was in the journal when it was made. Data that only
 * replace data are in no order.
 */
#include <stdlib.h>

#include "tests/sim/model/disk_parts.h"
#include "tests/sim/model/disk_unit.h"

static bool is_directory(const struct disk *disk, uint32_t inode)
{
    return inode != 0 && disk__is_dir(disk, inode);
}

/* Whether the unit moves, makes or removes a directory. */
static bool moves_directory(const struct disk *disk, uint32_t begin,
                            uint32_t end)
{
    for (uint32_t i = begin; i < end; i++) {
        const struct disk_record *record = &disk->records[i];

        if (record->kind == DISK_NAME && (is_directory(disk, record->value) ||
                                          is_directory(disk, record->was))) {
            return true;
        }
    }
    return false;
}

static void mark_inode(struct disk *disk, uint32_t inode)
{
    if (is_directory(disk, inode)) {
        disk->inodes[inode].mark = disk->mark;
    }
}

static void mark_unit(struct disk *disk, uint32_t begin, uint32_t end)
{
    for (uint32_t i = begin; i < end; i++) {
        const struct disk_record *record = &disk->records[i];

        if (record->kind == DISK_NAME) {
            disk->entries[record->target].mark = disk->mark;
            mark_inode(disk, record->value);
            mark_inode(disk, record->was);
        }
    }
}

static bool is_marked(const struct disk *disk, uint32_t begin, uint32_t end)
{
    for (uint32_t i = begin; i < end; i++) {
        const struct disk_record *record = &disk->records[i];

        if (record->kind == DISK_NAME &&
            (disk->entries[record->target].mark == disk->mark ||
             (is_directory(disk, record->value) &&
              disk->inodes[record->value].mark == disk->mark) ||
             (is_directory(disk, record->was) &&
              disk->inodes[record->was].mark == disk->mark))) {
            return true;
        }
    }
    return false;
}

static void choose(struct disk *disk, uint32_t begin, uint32_t end, bool chosen)
{
    for (uint32_t i = begin; i < end; i++) {
        disk->records[i].chosen = chosen;
    }
}

static uint32_t unit_begin(const struct disk *disk, uint32_t end)
{
    uint32_t begin = end - 1;

    while (begin > 0 &&
           disk->records[begin - 1].unit == disk->records[begin].unit) {
        begin--;
    }
    return begin;
}

/* Backwards, because what is added may need something still older. */
static void add_directories(struct disk *disk)
{
    uint32_t begin;

    disk->mark++;
    for (uint32_t end = disk->record_count; end > 0; end = begin) {
        begin = unit_begin(disk, end);
        if (!disk->records[begin].chosen && is_marked(disk, begin, end) &&
            moves_directory(disk, begin, end)) {
            choose(disk, begin, end, true);
        }
        if (disk->records[begin].chosen) {
            mark_unit(disk, begin, end);
        }
    }
}

static void drop_directories(struct disk *disk)
{
    uint32_t end;

    disk->mark++;
    for (uint32_t begin = 0; begin < disk->record_count; begin = end) {
        end = disk__unit_end(disk, begin);
        if (is_marked(disk, begin, end)) {
            choose(disk, begin, end, false);
        }
        if (!disk->records[begin].chosen && moves_directory(disk, begin, end)) {
            mark_unit(disk, begin, end);
        }
    }
}

/* What stands before a chosen journaled size of a file goes with it: of one
 * file nothing older gets durable later (disk_unit.c). */
static void add_journaled_files(struct disk *disk)
{
    disk->mark++;
    for (uint32_t i = disk->record_count; i-- > 0;) {
        struct disk_record *record = &disk->records[i];

        if (record->kind == DISK_NAME) {
            continue;
        }
        if (disk->inodes[record->target].mark == disk->mark) {
            record->chosen = true;
        } else if (record->chosen && record->journaled) {
            disk->inodes[record->target].mark = disk->mark;
        }
    }
}

/* What a file misses, so far. */
struct gap {
    uint64_t data_end; /* of the last sector that is dropped */
    bool size;         /* a size is dropped */
};

static bool may_be_left(const struct disk_record *record, const struct gap *gap,
                        bool journal)
{
    if (record->journaled) {
        return journal;
    }
    return record->kind == DISK_DATA ||
           (journal && !gap->size && gap->data_end <= record->from);
}

static void note_gap(const struct disk_record *record, struct gap *gap)
{
    uint64_t end = (record->at + 1) * DISK_SECTOR;

    if (record->kind == DISK_SIZE) {
        gap->size = true;
    } else if (record->kind == DISK_DATA && end > gap->data_end) {
        gap->data_end = end;
    }
}

static void drop_behind_gaps(struct disk *disk)
{
    struct gap *gaps = calloc(disk->inode_count.used, sizeof(*gaps));
    bool journal = true;
    uint32_t end;

    pirn_assert(gaps != NULL);
    for (uint32_t begin = 0; begin < disk->record_count; begin = end) {
        const struct disk_record *record = &disk->records[begin];
        struct gap none = {0};
        struct gap *gap =
            record->kind == DISK_NAME ? &none : &gaps[record->target];

        end = disk__unit_end(disk, begin);
        if (record->chosen && may_be_left(record, gap, journal)) {
            if (record->journaled) {
                *gap = none; /* it says how long the file is, whatever was */
            }
            continue;
        }
        choose(disk, begin, end, false);
        journal = journal && !record->journaled;
        for (uint32_t i = begin; i < end && !record->journaled; i++) {
            note_gap(&disk->records[i], gap);
        }
    }
    free(gaps);
}

void disk__order_add(struct disk *disk)
{
    if (disk->config.profile == DISK_EXT4) {
        add_journaled_files(disk);
    } else {
        add_directories(disk);
    }
}

void disk__order_drop(struct disk *disk)
{
    if (disk->config.profile == DISK_EXT4) {
        drop_behind_gaps(disk);
    } else {
        drop_directories(disk);
    }
}
