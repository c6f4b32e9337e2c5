/* SPDX-License-Identifier: MIT */
/*
 * disk_names.c - calls on paths
 *
 * Each call that makes, takes or moves names is one unit, also where it changes
 * two names. A file whose last name goes lives on while somebody holds it.
 * There are no users, so no -EACCES; and of times there is ctime.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <string.h>

#include "runtime/plant.h"
#include "tests/sim/model/disk_parts.h"
#include "tests/sim/model/disk_path.h"
#include "tests/sim/model/disk_unit.h"

enum { PERMISSIONS = 07777, NS_PER_S = 1000000000 };

/* An inode under the name of @place, which is missing. */
static int make(struct disk *disk, const struct disk_place *place, mode_t mode,
                uint32_t *ret_inode)
{
    uint32_t entry;
    uint32_t inode;

    if (disk->inodes[place->dir].v_links == 0) {
        return -ENOENT; /* the directory was removed */
    }
    inode = disk__inode_make(disk, mode);
    if (inode == DISK_NONE) {
        return -ENOSPC;
    }
    entry = disk__entry_make(disk, place->dir, place->name, place->name_len);
    disk__call_begin(disk);
    disk__name_set(disk, entry, inode, true);
    *ret_inode = inode;
    return 0;
}

/* Whether what is there may be opened so. */
static int may_open(const struct disk *disk, uint32_t inode, int flags)
{
    mode_t mode = disk->inodes[inode].mode;

    if ((flags & O_CREAT) && (flags & O_EXCL)) {
        return -EEXIST;
    }
    if ((flags & O_DIRECTORY) && !S_ISDIR(mode)) {
        return -ENOTDIR;
    }
    if (S_ISLNK(mode) && !(flags & O_PATH)) {
        return -ELOOP;
    }
    if (S_ISDIR(mode) &&
        (flags & (O_CREAT | O_TRUNC) || (flags & O_ACCMODE) != O_RDONLY)) {
        return -EISDIR;
    }
    return 0;
}

static int check_flags(int flags, uint64_t resolve)
{
    if ((flags & O_TMPFILE) == O_TMPFILE) {
        return -EOPNOTSUPP;
    }
    if ((flags & O_CREAT) && (flags & O_DIRECTORY)) {
        return -EINVAL;
    }
    if (resolve &
        ~(uint64_t)(RESOLVE_BENEATH | RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS |
                    RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)) {
        return -EINVAL;
    }
    return 0;
}

static unsigned walk_of(int flags)
{
    bool exclusive = (flags & O_CREAT) && (flags & O_EXCL);

    return (exclusive || (flags & O_NOFOLLOW) ? 0 : DISK_FOLLOW) |
           (flags & O_CREAT ? DISK_AS_IS : 0);
}

/* What is there, or is made there. */
static int open_at(struct disk *disk, const struct disk_place *place, int flags,
                   mode_t mode, uint32_t *ret_inode)
{
    if ((flags & O_CREAT) && place->slash && !place->dots) {
        return -EISDIR;
    }
    if (place->inode != 0) {
        *ret_inode = place->inode;
        return may_open(disk, place->inode, flags);
    }
    if (!(flags & O_CREAT)) {
        return -ENOENT;
    }
    return make(disk, place, S_IFREG | (mode & PERMISSIONS), ret_inode);
}

int disk_open(struct disk *disk, uint32_t dir, const char *path, int flags,
              mode_t mode, uint64_t resolve, uint32_t *ret_inode)
{
    struct disk_place place;
    uint32_t inode = 0;
    int result;

    if (flags & O_PATH) {
        flags &= O_PATH | O_DIRECTORY | O_NOFOLLOW;
    }
    result = check_flags(flags, resolve);
    if (result == 0) {
        result = disk__walk(disk, dir, path, resolve, walk_of(flags), &place);
    }
    if (result == 0) {
        result = open_at(disk, &place, flags, mode, &inode);
    }
    if (result < 0) {
        return result;
    }
    disk_hold(disk, inode);
    if (flags & O_TRUNC) {
        (void)disk_truncate(disk, inode, 0);
    }
    *ret_inode = inode;
    return 0;
}

int disk_mkdir(struct disk *disk, uint32_t dir, const char *path, mode_t mode)
{
    struct disk_place place;
    uint32_t inode;
    int result = disk__walk(disk, dir, path, 0, DISK_AS_IS, &place);

    if (result < 0) {
        return result;
    }
    if (place.inode != 0) {
        return -EEXIST;
    }
    return make(disk, &place, S_IFDIR | (mode & PERMISSIONS), &inode);
}

/* Whether another name may be made at @place. */
static int may_make(const struct disk_place *place)
{
    if (place->inode != 0) {
        return -EEXIST;
    }
    return place->slash ? -ENOENT : 0;
}

int disk_fifo(struct disk *disk, uint32_t dir, const char *path, mode_t mode)
{
    struct disk_place place;
    uint32_t inode;
    int result = disk__walk(disk, dir, path, 0, 0, &place);

    if (result == 0) {
        result = may_make(&place);
    }
    return result < 0
               ? result
               : make(disk, &place, S_IFIFO | (mode & PERMISSIONS), &inode);
}

int disk_link(struct disk *disk, uint32_t old_dir, const char *old_path,
              uint32_t new_dir, const char *new_path)
{
    struct disk_place from;
    struct disk_place to;
    int result = disk__walk(disk, old_dir, old_path, 0, 0, &from);

    if (result == 0 && from.inode == 0) {
        result = -ENOENT;
    }
    if (result == 0) {
        result = disk__walk(disk, new_dir, new_path, 0, DISK_AS_IS, &to);
    }
    if (result == 0) {
        result = may_make(&to);
    }
    if (result == 0 && disk->inodes[to.dir].v_links == 0) {
        result = -ENOENT;
    }
    if (result == 0 && disk__is_dir(disk, from.inode)) {
        result = -EPERM;
    }
    if (result < 0) {
        return result;
    }
    disk__call_begin(disk);
    disk__name_set(disk, disk__entry_make(disk, to.dir, to.name, to.name_len),
                   from.inode, false);
    return 0;
}

int disk_symlink(struct disk *disk, const char *target, uint32_t dir,
                 const char *path)
{
    struct disk_place place;
    size_t len = strnlen(target, DISK_PATH_MAX);
    uint32_t inode;
    int result = disk__walk(disk, dir, path, 0, DISK_AS_IS, &place);

    if (len == 0 || len == DISK_PATH_MAX) {
        return len == 0 ? -ENOENT : -ENAMETOOLONG;
    }
    if (result == 0) {
        result = may_make(&place);
    }
    if (result == 0) {
        result = make(disk, &place, S_IFREG, &inode);
    }
    if (result < 0) {
        return result;
    }
    disk->inodes[inode].target = disk__name_add(disk, target, (uint32_t)len);
    disk->inodes[inode].mode = S_IFLNK | 0777; /* from now on it has one */
    return 0;
}

static int may_unlink(const struct disk *disk, const struct disk_place *place,
                      bool want_dir)
{
    bool is_dir = disk__is_dir(disk, place->inode);

    if (place->inode == 0) {
        return -ENOENT;
    }
    if (!want_dir) {
        return is_dir ? -EISDIR : place->slash ? -ENOTDIR : 0;
    }
    if (place->inode == DISK_ROOT) {
        return -EBUSY;
    }
    if (place->dots) {
        return place->dotdot ? -ENOTEMPTY : -EINVAL;
    }
    if (!is_dir) {
        return -ENOTDIR;
    }
    return disk->inodes[place->inode].first ? -ENOTEMPTY : 0;
}

int disk_unlink(struct disk *disk, uint32_t dir, const char *path, int flags)
{
    struct disk_place place;
    int result;

    if (flags & ~AT_REMOVEDIR) {
        return -EINVAL;
    }
    result = disk__walk(disk, dir, path, 0, DISK_AS_IS, &place);
    if (result == 0) {
        result = may_unlink(disk, &place, flags & AT_REMOVEDIR);
    }
    if (result < 0) {
        return result;
    }
    disk__call_begin(disk);
    disk__name_set(disk, place.entry, 0, false);
    disk__inode_settle(disk, place.inode);
    disk__sweep(disk);
    return 0;
}

static bool is_inside(const struct disk *disk, uint32_t dir, uint32_t outer)
{
    while (dir != outer && dir != DISK_ROOT && disk->inodes[dir].v_links > 0) {
        dir = disk->inodes[dir].parent;
    }
    return dir == outer;
}

/* Whether @new, which is there, may give way to @old. */
static int may_replace(const struct disk *disk, const struct disk_place *old,
                       const struct disk_place *new)
{
    bool is_dir = disk__is_dir(disk, old->inode);

    if (is_dir != disk__is_dir(disk, new->inode)) {
        return is_dir ? -ENOTDIR : -EISDIR;
    }
    return is_dir && disk->inodes[new->inode].first ? -ENOTEMPTY : 0;
}

static int may_rename(const struct disk *disk, const struct disk_place *old,
                      const struct disk_place *new, unsigned flags)
{
    bool exchange = flags & RENAME_EXCHANGE;
    bool old_is_dir = disk__is_dir(disk, old->inode);

    if (old->dots || new->dots) {
        return (flags & RENAME_NOREPLACE) && !old->dots ? -EEXIST : -EBUSY;
    }
    if (old->inode == 0) {
        return -ENOENT;
    }
    if ((flags & RENAME_NOREPLACE) && new->inode != 0) {
        return -EEXIST;
    }
    if (exchange && new->inode == 0) {
        return -ENOENT;
    }
    if (exchange && new->slash && !disk__is_dir(disk, new->inode)) {
        return -ENOTDIR;
    }
    if (!old_is_dir && (old->slash || (!exchange && new->slash))) {
        return -ENOTDIR;
    }
    if (old_is_dir && is_inside(disk, new->dir, old->inode)) {
        return -EINVAL;
    }
    if (disk__is_dir(disk, new->inode) &&
        is_inside(disk, old->dir, new->inode)) {
        return exchange ? -EINVAL : -ENOTEMPTY;
    }
    if (disk->inodes[new->dir].v_links == 0) {
        return -ENOENT;
    }
    return exchange || new->inode == 0 || new->inode == old->inode
               ? 0
               : may_replace(disk, old, new);
}

int disk_rename(struct disk *disk, uint32_t old_dir, const char *old_path,
                uint32_t new_dir, const char *new_path, unsigned flags)
{
    struct disk_place old;
    struct disk_place new;
    uint32_t replaced;
    int result;

    if (flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE) ||
        flags == (RENAME_NOREPLACE | RENAME_EXCHANGE)) {
        return -EINVAL;
    }
    result = disk__walk(disk, old_dir, old_path, 0, DISK_AS_IS, &old);
    if (result == 0) {
        result = disk__walk(disk, new_dir, new_path, 0, DISK_AS_IS, &new);
    }
    if (result == 0) {
        result = may_rename(disk, &old, &new, flags);
    }
    if (result < 0 || old.inode == new.inode) {
        return result; /* two names of one file stay */
    }
    replaced = new.inode;
    disk__call_begin(disk);
    disk__name_set(disk,
                   disk__entry_make(disk, new.dir, new.name, new.name_len),
                   old.inode, false);
    if (pirn__planted("rename-torn")) {
        disk__unit_begin(disk);
    }
    disk__name_set(disk, old.entry, flags & RENAME_EXCHANGE ? replaced : 0,
                   false);
    disk__inode_settle(disk, replaced);
    disk__sweep(disk);
    return 0;
}

static void fill(const struct disk *disk, uint32_t number, struct statx *statx)
{
    const struct disk_inode *inode = &disk->inodes[number];
    bool is_dir = S_ISDIR(inode->mode);
    uint64_t sectors = 0;

    for (uint32_t i = inode->cells; i != DISK_NONE; i = disk->cells[i].next) {
        sectors += disk->cells[i].v != DISK_NONE;
    }
    *statx = (struct statx){
        .stx_mask = STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_INO |
                    STATX_SIZE | STATX_BLOCKS | STATX_UID | STATX_GID |
                    STATX_CTIME,
        .stx_blksize = DISK_PAGE,
        .stx_mode = (uint16_t)inode->mode,
        .stx_nlink =
            is_dir && inode->v_links ? inode->subdirs + 2 : inode->v_links,
        .stx_ino = number,
        .stx_size = S_ISLNK(inode->mode) ? strlen(disk->names + inode->target)
                                         : inode->v_size,
        .stx_blocks = sectors,
        .stx_ctime = {.tv_sec = (int64_t)(inode->ctime_ns / NS_PER_S),
                      .tv_nsec = (uint32_t)(inode->ctime_ns % NS_PER_S)},
    };
}

void disk_set_clock(struct disk *disk, uint64_t wall_ns)
{
    disk->now_ns = wall_ns;
}

int disk_stat(struct disk *disk, uint32_t dir, const char *path, int flags,
              struct statx *ret_statx)
{
    struct disk_place place;
    unsigned walk = flags & AT_SYMLINK_NOFOLLOW ? 0 : DISK_FOLLOW;
    int result = 0;

    place.inode = dir;
    if (!(flags & AT_EMPTY_PATH) || path[0] != '\0') {
        result = disk__walk(disk, dir, path, 0, walk, &place);
    }
    if (result == 0 && place.inode == 0) {
        result = -ENOENT;
    }
    if (result == 0) {
        fill(disk, place.inode, ret_statx);
    }
    return result;
}
