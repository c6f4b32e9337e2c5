/* SPDX-License-Identifier: MIT */
/*
 * disk_list.c - listings of directories
 *
 * The cursor is the cookie of the last entry that was met; "." and ".." have
 * the cookies 1 and 2. Cookies stay, and grow along the list: see disk_entry.c.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "tests/sim/model/disk_parts.h"

struct out {
    uint8_t *bytes;
    uint64_t len;
    uint64_t used;
    uint64_t cursor;
};

/* False: there is no room for it. */
static bool put(struct out *out, uint64_t cookie, uint32_t inode, mode_t mode,
                const char *name, size_t name_len)
{
    struct dirent64 head = {0};
    size_t begin = offsetof(struct dirent64, d_name);
    size_t size = (begin + name_len + 1 + 7) & ~(size_t)7;

    if (size > out->len - out->used) {
        return false;
    }
    head.d_ino = inode;
    head.d_off = (int64_t)cookie;
    head.d_reclen = (unsigned short)size;
    head.d_type = (unsigned char)IFTODT(mode);
    memset(out->bytes + out->used, 0, size);
    memcpy(out->bytes + out->used, &head, begin);
    memcpy(out->bytes + out->used + begin, name, name_len);
    out->used += size;
    out->cursor = cookie;
    return true;
}

static bool put_dots(struct out *out, uint32_t dir, uint32_t parent)
{
    return (out->cursor >= 1 || put(out, 1, dir, S_IFDIR, ".", 1)) &&
           (out->cursor >= 2 || put(out, 2, parent, S_IFDIR, "..", 2));
}

static void put_entries(struct disk *disk, struct out *out, uint32_t dir)
{
    for (uint32_t i = disk->inodes[dir].first; i != DISK_NONE;
         i = disk->entries[i].next) {
        const struct disk_entry *entry = &disk->entries[i];

        if (entry->cookie > out->cursor &&
            !put(out, entry->cookie, entry->v, disk->inodes[entry->v].mode,
                 disk__entry_name(disk, i), entry->name_len)) {
            break;
        }
    }
}

int64_t disk_list(struct disk *disk, uint32_t inode, uint64_t *cursor,
                  void *bytes, uint64_t len)
{
    const struct disk_inode *dir = &disk->inodes[inode];
    struct out out = {.bytes = bytes, .len = len, .cursor = *cursor};

    pirn_assert(dir->holds > 0);
    if (!S_ISDIR(dir->mode)) {
        return -ENOTDIR;
    }
    if (dir->v_links == 0) {
        return -ENOENT;
    }
    if (put_dots(&out, inode, dir->parent)) {
        put_entries(disk, &out, inode);
    }
    if (out.used == 0 &&
        (*cursor < 2 || (dir->last != DISK_NONE &&
                         disk->entries[dir->last].cookie > *cursor))) {
        return -EINVAL; /* not even one fits */
    }
    *cursor = out.cursor;
    return (int64_t)out.used;
}
