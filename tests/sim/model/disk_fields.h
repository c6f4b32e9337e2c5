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

/* --- disk_unit.c --- */

/* A change begins: its records get the next call number, and units. */
void disk__call_begin(struct disk *disk);
void disk__unit_begin(struct disk *disk);

/* Change the volatile name, and note it in the unit begun. */
void disk__name_set(struct disk *disk, uint32_t entry, uint32_t inode,
                    bool made);
void disk__size_set(struct disk *disk, uint32_t inode, uint64_t size,
                    bool journaled);
void disk__data_set(struct disk *disk, uint32_t cell, uint32_t block);
void disk__room_set(struct disk *disk, uint32_t inode, uint32_t sector,
                    uint32_t count);

/* The durable side of a record; one that a younger unit made void is not. */
void disk__record_apply(struct disk *disk, const struct disk_record *record);

/* Take the chosen records off the list: applied, or forgotten. */
void disk__records_take(struct disk *disk, bool apply);

/* Drop what belongs to something that is over, if there is such a thing. */
void disk__sweep(struct disk *disk);

/* The records [@begin, result) are one unit. */
uint32_t disk__unit_end(const struct disk *disk, uint32_t begin);

/* --- disk_order.c --- */

/* Choose what chosen units may not get durable without. */
void disk__order_add(struct disk *disk);

/* Take back the choice of units that miss an earlier one. */
void disk__order_drop(struct disk *disk);

/* --- disk_map.c --- */

/* The mapped bytes of a sector, or NULL. */
uint8_t *disk__map_sector(const struct disk *disk, uint32_t inode,
                          uint64_t sector);
void disk__maps_touch(struct disk *disk, uint32_t inode); /* 0: all */
void disk__maps_drop(struct disk *disk, uint32_t inode);  /* 0: all */

/* --- disk_path.c --- */

struct disk_place {
    uint32_t dir;     /* where the last name is, or would be */
    const char *name; /* in the path, or in @bytes */
    uint32_t name_len;
    uint32_t entry; /* 0: there never was one */
    uint32_t inode; /* 0: no such name */
    bool slash;     /* behind the last name: it must be a directory */
    bool dots;      /* no name to be made or removed: ".", "..", "/" */
    bool dotdot;
    char bytes[DISK_PATH_MAX]; /* a path with a link's target in it */
};

enum disk_walk {
    DISK_FOLLOW = 1, /* also a link that is the last name */
    DISK_AS_IS = 2,  /* a slash behind the last name is the caller's to judge */
};

/* 0 also where the last name is missing, if all before it are there. */
int disk__walk(struct disk *disk, uint32_t dir, const char *path,
               uint64_t resolve, unsigned flags, struct disk_place *place);

/* --- small --- */

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
