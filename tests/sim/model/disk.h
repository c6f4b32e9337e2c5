/* SPDX-License-Identifier: MIT */
/*
 * disk.h - a file system that forgets what was not synced
 *
 * No descriptor, no clock but what it is told, no random numbers of its own.
 * Files are inodes by number; who has one open holds it. Everything that can be
 * changed has two versions: the volatile one, which all calls see, and the
 * durable one. Each call that changes something appends *units* to the list of
 * what is un-synced; a sync makes some of them durable; a power cut takes a
 * subset of the rest, and what it leaves is both versions of the disk
 * afterwards.
 *
 *   call --> volatile + units --sync--> durable
 *                        |
 *                        +--cut(subset)--> both; nobody has anything open
 *
 * Units: an entry made, an entry gone, a rename or an exchange (one unit: both
 * halves or none), a size, a sector of 512 bytes of data, the sectors of a
 * mapped page, allocated room with its size. Which subsets may be left is the
 * profile's (disk_order.c has the rules, disk_sync.c what a sync makes durable,
 * disk_cut.c what is shown afterwards):
 *
 *   STRICT  what manuals promise: any subset, but fsync of a file does not make
 *           its name durable, and a rename is atomic
 *   EXT4    entries and renames in the order in which they were made (a
 *           journal: a prefix of them); an appended size when its data are
 *           written, so maybe later than younger entries; data of a file before
 *           the size that shows it; fsync of a file makes durable the whole
 *           journal so far
 *   CHAOS   as STRICT; and a size may be left without the data it shows, which
 *           are then stale (bytes of an older file) or zero; a sector of the
 *           last write may be torn from what it replaces
 *
 * A disk and its clones belong to one thread. Memory that is not there stops
 * the program.
 */
#ifndef TESTS_SIM_MODEL_DISK_H
#define TESTS_SIM_MODEL_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct disk;

enum disk_profile { DISK_STRICT, DISK_EXT4, DISK_CHAOS };

struct disk_config {
    enum disk_profile profile;
    uint64_t capacity_bytes; /* data of all files; beyond it -ENOSPC */
    uint32_t inode_max;      /* files and directories, also the root and what
                                is only held; beyond it -ENOSPC */
};

enum { DISK_ROOT = 1, DISK_SECTOR = 512, DISK_PAGE = 4096 };

struct disk *disk_create(const struct disk_config *config);
enum disk_profile disk_profile(const struct disk *disk);

/* The same disk once more, with its units; nobody has anything open, so what
 * was deleted and only held is gone. Bytes are shared until one of them writes:
 * to clone costs a few copies of arrays. */
struct disk *disk_clone(const struct disk *disk);
void disk_destroy(struct disk *disk);

/* --- names; paths are relative to the directory @dir, or begin with '/';
 * results are negative errnos as of the calls that they stand for --- */

/* As openat2(2) with the resolve flags in @resolve; the file is held. */
int disk_open(struct disk *disk, uint32_t dir, const char *path, int flags,
              mode_t mode, uint64_t resolve, uint32_t *ret_inode);
int disk_rename(struct disk *disk, uint32_t old_dir, const char *old_path,
                uint32_t new_dir, const char *new_path, unsigned flags);
int disk_unlink(struct disk *disk, uint32_t dir, const char *path, int flags);
int disk_mkdir(struct disk *disk, uint32_t dir, const char *path, mode_t mode);
int disk_fifo(struct disk *disk, uint32_t dir, const char *path, mode_t mode);
int disk_link(struct disk *disk, uint32_t old_dir, const char *old_path,
              uint32_t new_dir, const char *new_path);
int disk_symlink(struct disk *disk, const char *target, uint32_t dir,
                 const char *path);
/* What ctime is from now on: of what gets or loses a name, or is written, and
 * of the directories that these names are in. A cut leaves it as it is. */
void disk_set_clock(struct disk *disk, uint64_t wall_ns);
int disk_stat(struct disk *disk, uint32_t dir, const char *path, int flags,
              struct statx *ret_statx);

/* --- what is open --- */

void disk_hold(struct disk *disk, uint32_t inode);    /* once more */
void disk_release(struct disk *disk, uint32_t inode); /* once less */

/* Bytes moved; short at the end of the file, or of the room on the disk. */
int64_t disk_read(struct disk *disk, uint32_t inode, uint64_t offset,
                  void *bytes, uint64_t len);
int64_t disk_write(struct disk *disk, uint32_t inode, uint64_t offset,
                   const void *bytes, uint64_t len);
/* All of it, into @zeros, of which only what is none is touched. */
void disk_load(struct disk *disk, uint32_t inode, uint8_t *zeros);
int disk_truncate(struct disk *disk, uint32_t inode, uint64_t size);
int disk_fallocate(struct disk *disk, uint32_t inode, int mode, uint64_t offset,
                   uint64_t len);
uint64_t disk_size(const struct disk *disk, uint32_t inode);

/* Whether a sector has room on the disk: it was written, or allocated. */
bool disk_has_room(const struct disk *disk, uint32_t inode, uint32_t sector);

/* getdents64(2): @cursor is 0 at first and kept by the caller. A name that is
 * there from the first call to the last is met once. */
int64_t disk_list(struct disk *disk, uint32_t inode, uint64_t *cursor,
                  void *bytes, uint64_t len);

/* What the profile makes durable. @data_only: fdatasync. */
int disk_sync(struct disk *disk, uint32_t inode, bool data_only);

/* As much of a sync of the data as the sectors at @offset need: what a write
 * with RWF_DSYNC waits for. Other data of the file stay as they are. */
void disk_sync_range(struct disk *disk, uint32_t inode, uint64_t offset,
                     uint64_t len);

/* A sync that failed: what it would have made durable is forgotten by the
 * kernel (clean, and not on disk): no later sync makes it durable. */
void disk_sync_failed(struct disk *disk, uint32_t inode);
void disk_sync_range_failed(struct disk *disk, uint32_t inode, uint64_t offset,
                            uint64_t len);

/* syncfs(2), or what the kernel does when nobody asks for half a minute. */
void disk_sync_all(struct disk *disk);

/* The volatile bytes of a page, shared by all who map it; stays where it is
 * while the file is held. Stores become units at disk_touch(), at a sync of the
 * file and at its last release. NULL is a SIGBUS: the page is behind the end of
 * the file, or has a hole that the disk has no room for. */
void *disk_map(struct disk *disk, uint32_t inode, uint64_t page);
void disk_touch(struct disk *disk, uint32_t inode, uint64_t page);

/* --- power --- */

/* How many units are un-synced, the oldest first. */
uint32_t disk_unit_count(const struct disk *disk);

/*
 * The power fails: of unit i is left what @survives[i] says, as far as the
 * profile allows it (a unit that may not be left without an earlier one is
 * dropped with it); NULL: nothing. @torn: for CHAOS, a number that decides
 * about stale bytes and torn sectors, the same for the same seed; 0: there are
 * none. Afterwards nothing is open.
 */
void disk_cut(struct disk *disk, const bool *survives, uint64_t torn);

/* For people: what unit i is, e.g. "rename q/.tmp/0001/x to q/xy/x". */
void disk_unit_text(const struct disk *disk, uint32_t unit, char *text,
                    size_t len);

/* What a cut would leave, as a number: of one disk, equal numbers leave equal
 * disks. It costs less than a cut. */
uint64_t disk_cut_number(struct disk *disk, const bool *survives,
                         uint64_t torn);

/* As long as this is the same, so is the hash. */
uint64_t disk_changes(const struct disk *disk);

/* A number of all that the disk holds, both versions and the units between
 * them: equal disks have equal hashes, whatever their memory looks like. Not in
 * it: the order of listings, who holds what, and what is deleted but held. */
uint64_t disk_hash(const struct disk *disk);

#endif /* TESTS_SIM_MODEL_DISK_H */
