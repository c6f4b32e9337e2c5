/* SPDX-License-Identifier: MIT */
/*
 * disk_fields.h - what a disk consists of
 *
 * Five growing arrays; who is meant is said by an index, never by a pointer, so
 * that a clone is a handful of copies. Index 0 means none.
 *
 *   inodes    files, directories and links, by inode number
 *   entries   one per name in a directory that has, had or may get a file:
 *             .v is the inode that calls find there, .d the durable one
 *   cells     one per sector of a file that is or was somewhere: .v, .d blocks
 *   blocks    512 bytes that never change once written; shared by versions, by
 *             records, and, in chunks, by a disk and its clones
 *   records   what is un-synced, oldest first; a unit is a run of records with
 *             the same number: all of them get durable, or none
 *
 *   entry.v, inode.v_size, cell.v   --record-->   entry.d, inode.d_size, cell.d
 *
 * An inode's number is free again when it has no name in either version, nobody
 * holds it, and no record speaks of it.
 */
#ifndef TESTS_SIM_MODEL_DISK_FIELDS_H
#define TESTS_SIM_MODEL_DISK_FIELDS_H

#include "pirn/invariant.h"
#include "tests/sim/model/disk.h"

enum {
    DISK_NONE = 0,
    DISK_ZEROS = 1, /* the block of room that was never written */
    DISK_CHUNK_BLOCKS = 32,
    DISK_STALE_MAX = 64, /* freed blocks that CHAOS remembers */
    DISK_NAME_MAX = 255,
    DISK_PATH_MAX = 4096, /* with the end */
    DISK_PAGE_SECTORS = DISK_PAGE / DISK_SECTOR,
};

struct disk_inode {
    mode_t mode; /* 0: the number is free */
    bool living; /* counts for inode_max: has a name, or is held */
    uint32_t holds;
    uint32_t v_links; /* names, of a directory 1 */
    uint32_t d_links;
    uint32_t named;     /* records that give it a name */
    uint32_t mentioned; /* records that take a name from it */
    uint32_t pending;   /* records of its data and size */
    uint32_t parent;    /* of a directory */
    uint32_t subdirs;
    uint32_t entries; /* of a directory: all that there are, of any version */
    uint32_t first;   /* its volatile entries, in the order of listings */
    uint32_t last;
    uint32_t cells;
    uint32_t maps;   /* mapped pages */
    uint32_t target; /* of a symbolic link: in names, with an end */
    uint32_t mark;   /* disk->mark: see disk__mark() */
    uint64_t v_size;
    uint64_t d_size;
    uint64_t ctime_ns; /* not in the disk's hash */
};

struct disk_entry {
    uint32_t dir;  /* 0: free */
    uint32_t name; /* in names */
    uint32_t name_len;
    uint32_t hash;
    uint32_t chain; /* of equal hashes, or of free entries */
    uint32_t v;
    uint32_t d;
    uint32_t records;
    uint32_t mark;
    uint32_t prev; /* while .v: the directory's listing */
    uint32_t next;
    uint64_t cookie; /* grows along the listing */
    uint64_t d_unit; /* .d is this unit's doing; older ones are void */
};

struct disk_cell {
    uint32_t inode; /* 0: free */
    uint32_t sector;
    uint32_t v;
    uint32_t d;
    uint32_t chain; /* of equal hashes, or of free cells */
    uint32_t next;  /* of the same inode */
};

enum disk_record_kind {
    DISK_NAME, /* entry @target now leads to @value, before to @was */
    DISK_SIZE, /* @at; before @from */
    DISK_DATA, /* sector @at is block @value */
    DISK_ROOM, /* @value sectors from @at on, unless they are there */
};

struct disk_record {
    uint64_t unit;
    uint64_t call;   /* of one call all records have the same number */
    uint32_t target; /* an entry for DISK_NAME, an inode for the rest */
    uint32_t value;
    uint32_t was;
    uint8_t kind;
    bool journaled; /* EXT4: in the order of the names */
    bool made;      /* the name that the inode was made with */
    bool chosen;    /* by a sync */
    uint64_t at;
    uint64_t from;
};

struct disk_map {
    uint32_t inode;
    uint64_t page;
    uint8_t *bytes;
};

struct disk_chunk {
    uint32_t owners; /* disks; while there are two, nobody writes */
    uint64_t hashes[DISK_CHUNK_BLOCKS]; /* 0: not asked for yet */
    uint8_t blocks[DISK_CHUNK_BLOCKS][DISK_SECTOR];
};

/* Elements of an array, used and allocated, and which of them are free. */
struct disk_count {
    uint32_t used; /* 0 is never handed out */
    uint32_t capacity;
    uint32_t free; /* first of those given back */
};

struct disk_heads {
    uint32_t *first;
    uint32_t size; /* a power of two */
    uint32_t used;
};

struct disk {
    struct disk_config config;
    uint64_t sectors_used;
    uint32_t inodes_living;
    uint32_t inode_lowest; /* below it no number is free */
    uint64_t changes;      /* of anything that is hashed, so far */
    uint64_t now_ns;       /* what ctime is now */
    uint64_t cookie;       /* the last one given */
    uint64_t unit;
    uint64_t call;
    uint32_t mark; /* the youngest: marks of older passes mean nothing */
    bool sweep;    /* what belongs to something that is over is to be dropped */

    struct disk_inode *inodes;
    struct disk_count inode_count;
    struct disk_entry *entries;
    struct disk_count entry_count;
    struct disk_heads entry_heads;
    struct disk_cell *cells;
    struct disk_count cell_count;
    struct disk_heads cell_heads;
    struct disk_record *records; /* from 0 */
    uint32_t record_count;
    uint32_t record_capacity;

    char *names;
    uint32_t names_len;
    uint32_t names_capacity;
    uint32_t names_waste;

    struct disk_chunk **chunks;
    uint32_t chunk_count;
    uint32_t chunk_capacity;
    uint32_t *block_users;
    uint32_t block_capacity;
    uint32_t *block_free; /* a stack */
    uint32_t block_free_count;

    struct disk_map *maps;
    uint32_t map_count;
    uint32_t map_capacity;

    uint32_t stale[DISK_STALE_MAX]; /* CHAOS: a ring of freed blocks */
    uint32_t stale_count;           /* ever */
};

static inline uint64_t disk__mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product =
        (unsigned __int128)(a ^ 0x9e3779b97f4a7c15) * (b ^ 0xd1b54a32d192ed03);

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint32_t disk__sectors(uint64_t size)
{
    return (uint32_t)((size + DISK_SECTOR - 1) / DISK_SECTOR);
}

#endif /* TESTS_SIM_MODEL_DISK_FIELDS_H */
