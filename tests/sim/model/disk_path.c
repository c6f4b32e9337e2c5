/* SPDX-License-Identifier: MIT */
/*
 * disk_path.c - from a path to a place
 *
 * A place is a directory and a name in it, whether the name is there or not. A
 * symbolic link on the way is replaced by its target, and the path begins anew:
 * at the root if the target does, else where the link is.
 *
 * Of openat2's rules: RESOLVE_BENEATH and RESOLVE_IN_ROOT treat the beginning
 * as the end of the world (-EXDEV, or as if it were the root), and
 * RESOLVE_NO_SYMLINKS refuses links. There is one file system and nothing
 * magic, so RESOLVE_NO_XDEV and RESOLVE_NO_MAGICLINKS change nothing.
 */
#include <errno.h>
#include <linux/openat2.h>
#include <string.h>

#include "tests/sim/model/disk_parts.h"
#include "tests/sim/model/disk_path.h"

enum { LINK_MAX = 40 };

struct walk {
    struct disk *disk;
    struct disk_place *place;
    const char *rest; /* of the path, from the next name on */
    uint64_t resolve;
    uint32_t base; /* where ".." ends */
    uint32_t at;   /* a directory, unless the path is at fault */
    unsigned flags;
    unsigned links;
    bool is_last;
};

static int from_root(struct walk *walk)
{
    if (walk->resolve & RESOLVE_BENEATH) {
        return -EXDEV;
    }
    walk->at = walk->resolve & RESOLVE_IN_ROOT ? walk->base : DISK_ROOT;
    return 0;
}

static int begin(struct walk *walk, const char *path)
{
    size_t len = strnlen(path, DISK_PATH_MAX);

    if (len == 0) {
        return -ENOENT;
    }
    if (len == DISK_PATH_MAX) {
        return -ENAMETOOLONG;
    }
    walk->rest = path;
    return path[0] == '/' ? from_root(walk) : 0;
}

/* The next name: place's, without an entry yet. False: the path is over. */
static bool next_name(struct walk *walk)
{
    struct disk_place *place = walk->place;
    const char *name = walk->rest + strspn(walk->rest, "/");

    if (*name == '\0') {
        return false;
    }
    place->name = name;
    place->name_len = (uint32_t)strcspn(name, "/");
    walk->rest = name + place->name_len;
    place->slash = *walk->rest == '/';
    walk->is_last = walk->rest[strspn(walk->rest, "/")] == '\0';
    return true;
}

static int step_up(struct walk *walk)
{
    const struct disk_inode *at = &walk->disk->inodes[walk->at];

    if (walk->resolve & (RESOLVE_BENEATH | RESOLVE_IN_ROOT) &&
        walk->at == walk->base) {
        return walk->resolve & RESOLVE_BENEATH ? -EXDEV : 0;
    }
    if (at->v_links == 0) {
        return -ENOENT; /* where it was may be something else now */
    }
    walk->at = at->parent;
    return 0;
}

/* The path becomes: the link's target, and what followed the link. */
static int follow(struct walk *walk)
{
    const char *target =
        walk->disk->names + walk->disk->inodes[walk->place->inode].target;
    size_t len = strlen(target);
    size_t rest_len = strlen(walk->rest);
    char bytes[DISK_PATH_MAX];

    if (walk->resolve & RESOLVE_NO_SYMLINKS || ++walk->links > LINK_MAX) {
        return -ELOOP;
    }
    if (len + rest_len >= sizeof(bytes)) {
        return -ENAMETOOLONG;
    }
    memcpy(bytes, target, len);
    memcpy(bytes + len, walk->rest, rest_len + 1);
    memcpy(walk->place->bytes, bytes, len + rest_len + 1);
    return begin(walk, walk->place->bytes);
}

/* The place is a directory that we are in, not a name. */
static void be_here(struct walk *walk)
{
    walk->place->dir = walk->at;
    walk->place->inode = walk->at;
    walk->place->entry = DISK_NONE;
    walk->place->dots = true;
}

static bool name_is(const struct disk_place *place, const char *name)
{
    return strlen(name) == place->name_len &&
           memcmp(place->name, name, place->name_len) == 0;
}

/* Whether the link at hand is on the way, not the place. */
static bool is_followed(const struct walk *walk)
{
    if (!walk->is_last) {
        return true;
    }
    return walk->place->slash ? !(walk->flags & DISK_AS_IS)
                              : walk->flags & DISK_FOLLOW;
}

/* 1: a link, which is to be followed. */
static int look_up(struct walk *walk)
{
    struct disk_place *place = walk->place;
    mode_t mode;

    if (place->name_len > DISK_NAME_MAX) {
        return -ENAMETOOLONG;
    }
    place->dots = false;
    place->dir = walk->at;
    place->entry =
        disk__entry_find(walk->disk, walk->at, place->name, place->name_len);
    place->inode = place->entry ? walk->disk->entries[place->entry].v : 0;
    mode = walk->disk->inodes[place->inode].mode;
    if (S_ISLNK(mode) && is_followed(walk)) {
        return 1;
    }
    if (walk->is_last) {
        return place->inode != 0 && place->slash && !S_ISDIR(mode) &&
                       !(walk->flags & DISK_AS_IS)
                   ? -ENOTDIR
                   : 0;
    }
    walk->at = place->inode;
    return place->inode == 0 ? -ENOENT : S_ISDIR(mode) ? 0 : -ENOTDIR;
}

static int step(struct walk *walk)
{
    int result;

    if (!disk__is_dir(walk->disk, walk->at)) {
        return -ENOTDIR;
    }
    walk->place->dotdot = name_is(walk->place, "..");
    if (walk->place->dotdot || name_is(walk->place, ".")) {
        result = walk->place->dotdot ? step_up(walk) : 0;
        be_here(walk);
        return result;
    }
    result = look_up(walk);
    return result == 1 ? follow(walk) : result;
}

int disk__walk(struct disk *disk, uint32_t dir, const char *path,
               uint64_t resolve, unsigned flags, struct disk_place *place)
{
    struct walk walk = {
        .disk = disk,
        .place = place,
        .resolve = resolve,
        .base = dir,
        .at = dir,
        .flags = flags,
    };
    int result = begin(&walk, path);

    pirn_assert(dir > 0 && dir < disk->inode_count.used);
    place->dotdot = false;
    be_here(&walk);
    while (result == 0 && next_name(&walk)) {
        result = step(&walk);
    }
    return result;
}
