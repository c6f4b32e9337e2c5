/* SPDX-License-Identifier: MIT */
/*
 * disk_entry.c - names in directories, in both versions
 *
 * An entry is a name's place in a directory; which inode is there, in which
 * version, is what changes. One hash table for all directories. The volatile
 * entries of a directory are a list in the order in which the names came; each
 * has a cookie that grows along the list and stays as long as the name is
 * there, whatever it leads to: so a listing that remembers the last cookie
 * meets a name that is there all the time exactly once.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model/disk_parts.h"

static uint32_t hash_of(uint32_t dir, const char *name, uint32_t len)
{
    uint64_t hash = dir;

    while (len >= 8) {
        uint64_t word;
        memcpy(&word, name, 8);
        hash = disk__mix(hash, word);
        name += 8;
        len -= 8;
    }
    if (len > 0) {
        uint64_t word = 0;
        memcpy(&word, name, len);
        hash = disk__mix(hash, word | (uint64_t)len << 56);
    }
    return (uint32_t)hash;
}

const char *disk__entry_name(const struct disk *disk, uint32_t entry)
{
    return disk->names + disk->entries[entry].name;
}

static uint32_t find(const struct disk *disk, uint32_t dir, const char *name,
                     uint32_t len, uint32_t hash)
{
    uint32_t number =
        disk->entry_heads.first[hash & (disk->entry_heads.size - 1)];

    while (number != DISK_NONE) {
        const struct disk_entry *entry = &disk->entries[number];

        if (entry->hash == hash && entry->dir == dir &&
            entry->name_len == len &&
            memcmp(disk__entry_name(disk, number), name, len) == 0) {
            break;
        }
        number = entry->chain;
    }
    return number;
}

uint32_t disk__entry_find(const struct disk *disk, uint32_t dir,
                          const char *name, uint32_t len)
{
    return find(disk, dir, name, len, hash_of(dir, name, len));
}

static void put_on_chain(struct disk *disk, uint32_t number)
{
    struct disk_entry *entry = &disk->entries[number];
    uint32_t *head =
        &disk->entry_heads.first[entry->hash & (disk->entry_heads.size - 1)];

    entry->chain = *head;
    *head = number;
}

static void widen(struct disk *disk)
{
    struct disk_heads *heads = &disk->entry_heads;

    free(heads->first);
    heads->size *= 2;
    heads->first = calloc(heads->size, sizeof(*heads->first));
    pirn_assert(heads->first != NULL);
    for (uint32_t i = 1; i < disk->entry_count.used; i++) {
        if (disk->entries[i].dir != 0) {
            put_on_chain(disk, i);
        }
    }
}

/* Names of entries that are gone take most of the room: write them anew. */
static void gather_names(struct disk *disk)
{
    char *before = disk->names;
    char *names = malloc(disk->names_capacity);
    uint32_t len = 0;

    pirn_assert(names != NULL);
    for (uint32_t i = 1; i < disk->entry_count.used; i++) {
        struct disk_entry *entry = &disk->entries[i];

        if (entry->dir != 0) {
            memcpy(names + len, before + entry->name, entry->name_len + 1);
            entry->name = len;
            len += entry->name_len + 1;
        }
    }
    for (uint32_t i = 1; i < disk->inode_count.used; i++) {
        struct disk_inode *inode = &disk->inodes[i];

        if (S_ISLNK(inode->mode)) {
            size_t size = strlen(before + inode->target) + 1;
            memcpy(names + len, before + inode->target, size);
            inode->target = len;
            len += (uint32_t)size;
        }
    }
    disk->names = names;
    disk->names_len = len;
    disk->names_waste = 0;
    free(before);
}

uint32_t disk__name_add(struct disk *disk, const char *bytes, uint32_t len)
{
    uint32_t at;

    if (disk->names_waste > 4096 && disk->names_waste > disk->names_len / 2) {
        gather_names(disk);
    }
    at = disk->names_len;
    disk->names = disk__grow(disk->names, &disk->names_capacity, at + len + 1,
                             sizeof(*disk->names));
    memcpy(disk->names + at, bytes, len);
    disk->names[at + len] = '\0';
    disk->names_len += len + 1;
    return at;
}

static uint32_t take_number(struct disk *disk)
{
    uint32_t number = disk->entry_count.free;

    if (number != DISK_NONE) {
        disk->entry_count.free = disk->entries[number].chain;
        return number;
    }
    disk->entries =
        disk__grow(disk->entries, &disk->entry_count.capacity,
                   disk->entry_count.used + 1, sizeof(*disk->entries));
    return disk->entry_count.used++;
}

uint32_t disk__entry_make(struct disk *disk, uint32_t dir, const char *name,
                          uint32_t len)
{
    uint32_t hash = hash_of(dir, name, len);
    uint32_t number = find(disk, dir, name, len, hash);
    uint32_t at;

    if (number != DISK_NONE) {
        return number;
    }
    if (disk->entry_heads.used >= disk->entry_heads.size) {
        widen(disk);
    }
    at = disk__name_add(disk, name, len);
    number = take_number(disk);
    disk->entries[number] = (struct disk_entry){
        .dir = dir,
        .name = at,
        .name_len = len,
        .hash = hash,
    };
    put_on_chain(disk, number);
    disk->entry_heads.used++;
    disk->inodes[dir].entries++;
    return number;
}

void disk__entry_settle(struct disk *disk, uint32_t number)
{
    struct disk_entry *entry = &disk->entries[number];
    uint32_t *at;

    if (entry->v != 0 || entry->d != 0 || entry->records > 0) {
        return;
    }
    at = &disk->entry_heads.first[entry->hash & (disk->entry_heads.size - 1)];
    while (*at != number) {
        at = &disk->entries[*at].chain;
    }
    *at = entry->chain;
    disk->names_waste += entry->name_len + 1;
    disk->entry_heads.used--;
    disk->inodes[entry->dir].entries--;
    disk__inode_settle(disk, entry->dir);
    entry->dir = 0;
    entry->chain = disk->entry_count.free;
    disk->entry_count.free = number;
}

static void list_append(struct disk *disk, uint32_t number)
{
    struct disk_entry *entry = &disk->entries[number];
    struct disk_inode *dir = &disk->inodes[entry->dir];

    entry->cookie = ++disk->cookie;
    entry->prev = dir->last;
    entry->next = DISK_NONE;
    if (dir->last != DISK_NONE) {
        disk->entries[dir->last].next = number;
    } else {
        dir->first = number;
    }
    dir->last = number;
}

static void list_remove(struct disk *disk, uint32_t number)
{
    struct disk_entry *entry = &disk->entries[number];
    struct disk_inode *dir = &disk->inodes[entry->dir];

    if (entry->prev != DISK_NONE) {
        disk->entries[entry->prev].next = entry->next;
    } else {
        dir->first = entry->next;
    }
    if (entry->next != DISK_NONE) {
        disk->entries[entry->next].prev = entry->prev;
    } else {
        dir->last = entry->prev;
    }
}

static void lead_to(struct disk *disk, uint32_t dir, uint32_t number)
{
    struct disk_inode *inode = &disk->inodes[number];

    inode->v_links++;
    if (S_ISDIR(inode->mode)) {
        inode->parent = dir;
        disk->inodes[dir].subdirs++;
    }
}

static void lead_away(struct disk *disk, uint32_t dir, uint32_t number)
{
    struct disk_inode *inode = &disk->inodes[number];

    pirn_assert(inode->v_links > 0);
    inode->v_links--;
    if (S_ISDIR(inode->mode)) {
        disk->inodes[dir].subdirs--;
    }
}

void disk__entry_set(struct disk *disk, uint32_t number, uint32_t inode)
{
    struct disk_entry *entry = &disk->entries[number];

    if (entry->v == 0 && inode != 0) {
        list_append(disk, number);
    } else if (entry->v != 0 && inode == 0) {
        list_remove(disk, number);
    }
    if (inode != 0) {
        lead_to(disk, entry->dir, inode);
        disk->inodes[inode].ctime_ns = disk->now_ns;
    }
    if (entry->v != 0) {
        lead_away(disk, entry->dir, entry->v);
        disk->inodes[entry->v].ctime_ns = disk->now_ns;
    }
    disk->inodes[entry->dir].ctime_ns = disk->now_ns;
    entry->v = inode;
}
