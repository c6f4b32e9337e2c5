/* SPDX-License-Identifier: MIT */
/*
 * disk_text.c - units, for people
 *
 * A file is called by a name that it has, or had durably; by its number, if it
 * has none any more.
 */
#include <stdio.h>
#include <string.h>

#include "tests/sim/model/disk_parts.h"
#include "tests/sim/model/disk_unit.h"

/* An entry that leads, or would lead, to @inode; or 0. */
static uint32_t entry_of(const struct disk *disk, uint32_t inode)
{
    uint32_t durable = DISK_NONE;

    for (uint32_t i = 1; i < disk->entry_count.used; i++) {
        const struct disk_entry *entry = &disk->entries[i];

        if (entry->dir != 0 && entry->v == inode) {
            return i;
        }
        if (entry->dir != 0 && entry->d == inode) {
            durable = i;
        }
    }
    return durable;
}

/* Put @text before what stands at @begin, as far as there is room. */
static char *put_before(char *begin, char *limit, const char *text)
{
    size_t len = strlen(text);

    if (len > (size_t)(begin - limit)) {
        len = (size_t)(begin - limit);
    }
    memcpy(begin - len, text + strlen(text) - len, len);
    return begin - len;
}

/* The path of an entry, without the first slash. */
static const char *path_of(const struct disk *disk, uint32_t entry, char *bytes,
                           size_t len)
{
    char *begin = bytes + len - 1;
    char number[16];

    *begin = '\0';
    while (entry != DISK_NONE && begin > bytes) {
        uint32_t dir = disk->entries[entry].dir;

        begin = put_before(begin, bytes, disk__entry_name(disk, entry));
        if (dir == DISK_ROOT) {
            break;
        }
        begin = put_before(begin, bytes, "/");
        entry = entry_of(disk, dir);
        if (entry == DISK_NONE) {
            (void)snprintf(number, sizeof(number), "#%u", dir);
            begin = put_before(begin, bytes, number);
        }
    }
    return begin;
}

static const char *file_of(const struct disk *disk, uint32_t inode, char *bytes,
                           size_t len)
{
    uint32_t entry = entry_of(disk, inode);

    if (entry != DISK_NONE) {
        return path_of(disk, entry, bytes, len);
    }
    (void)snprintf(bytes, len, "#%u", inode);
    return bytes;
}

static void text_of_names(const struct disk *disk,
                          const struct disk_record *first, bool is_pair,
                          char *text, size_t len)
{
    char bytes[256];
    char other[256];
    const char *path = path_of(disk, first->target, bytes, sizeof(bytes));

    if (is_pair) {
        (void)snprintf(text, len, "%s %s to %s",
                       first[1].value != 0 ? "exchange" : "rename",
                       path_of(disk, first[1].target, other, sizeof(other)),
                       path);
    } else if (first->value == 0) {
        (void)snprintf(text, len, "unlink %s", path);
    } else {
        (void)snprintf(text, len, "%s %s", first->made ? "make" : "link", path);
    }
}

static void text_of_data(const struct disk *disk,
                         const struct disk_record *first, uint32_t count,
                         char *text, size_t len)
{
    char bytes[256];
    const char *path = file_of(disk, first->target, bytes, sizeof(bytes));
    unsigned long long at = first->at;

    switch ((enum disk_record_kind)first->kind) {
    case DISK_SIZE:
        (void)snprintf(text, len, "size %llu of %s", at, path);
        break;
    case DISK_ROOM:
        (void)snprintf(text, len, "room of %u sectors from %llu of %s",
                       first->value, at, path);
        break;
    case DISK_DATA:
    case DISK_NAME:
        (void)snprintf(text, len, "%s %llu of %s",
                       count > 1 ? "mapped page with sector" : "sector", at,
                       path);
        break;
    }
}

void disk_unit_text(const struct disk *disk, uint32_t unit, char *text,
                    size_t len)
{
    uint32_t begin = 0;
    uint32_t end;

    for (; unit > 0 && begin < disk->record_count; unit--) {
        begin = disk__unit_end(disk, begin);
    }
    pirn_assert(begin < disk->record_count);
    end = disk__unit_end(disk, begin);
    if (disk->records[begin].kind == DISK_NAME) {
        text_of_names(disk, &disk->records[begin], end - begin > 1, text, len);
    } else {
        text_of_data(disk, &disk->records[begin], end - begin, text, len);
    }
}
