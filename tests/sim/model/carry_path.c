/* SPDX-License-Identifier: MIT */
/* carry_path.c - operations on names: see carry.h */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>

#include "pirn/invariant.h"
#include "tests/sim/model/carry.h"
#include "tests/sim/model/fifo.h"
#include "tests/sim/model/open_file.h"
#include "tests/sim/model/process.h"

static struct world *world_of(const struct flight *flight)
{
    return flight->ring->process->world;
}

/* What a path is relative to; looked up when the operation is carried out. */
static int32_t directory(const struct flight *flight, int32_t fd,
                         const char *path, uint32_t *ret_inode)
{
    const struct open_file *file;

    *ret_inode = DISK_ROOT;
    if (fd == AT_FDCWD || path[0] == '/') {
        return 0;
    }
    file = descriptor_file(&flight->ring->process->descriptors, fd);
    if (file == NULL) {
        return -EBADF;
    }
    if (file->kind == OPEN_SOCKET ||
        (file->kind == OPEN_FILE && path[0] != '\0')) {
        return -ENOTDIR;
    }
    *ret_inode = file->inode;
    return 0;
}

static enum open_kind kind_of(struct disk *disk, uint32_t inode)
{
    struct statx statx = {0};

    (void)disk_stat(disk, inode, "", AT_EMPTY_PATH, &statx);
    return S_ISDIR(statx.stx_mode)    ? OPEN_DIRECTORY
           : S_ISFIFO(statx.stx_mode) ? OPEN_FIFO
                                      : OPEN_FILE;
}

static int32_t open_path(struct flight *flight, uint32_t dir, const char *path)
{
    struct world *world = world_of(flight);
    const struct submission *what = &flight->what;
    uint64_t resolve = what->opcode == ENGINE_OPEN_BENEATH
                           ? RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
                           : 0;
    struct open_file *file;
    uint32_t inode;
    int r = disk_open(world->disk, dir, path, (int)what->op_flags,
                      (mode_t)what->len, resolve, &inode);

    if (r < 0) {
        return r;
    }
    file = open_file_create(world, kind_of(world->disk, inode));
    file->flags = (int)what->op_flags;
    file->inode = inode;
    carry_describe(flight, file->path, sizeof(file->path));
    if (file->kind == OPEN_FIFO && (file->flags & O_ACCMODE) != O_RDWR) {
        open_file_release(file);
        return -EOPNOTSUPP;
    }
    if (file->kind == OPEN_FIFO) {
        fifo_open(file);
    }
    r = descriptor_add(&flight->ring->process->descriptors, file);
    if (r < 0) {
        open_file_release(file);
    }
    return r;
}

/* Of two names the second's directory. */
static int32_t carry_two(struct flight *flight, uint32_t dir, const char *path)
{
    struct disk *disk = world_of(flight)->disk;
    const struct submission *what = &flight->what;
    const char *other = carry_memory(what->offset);
    uint32_t other_dir;
    int32_t r = directory(flight, (int32_t)what->len, other, &other_dir);

    if (r < 0) {
        return r;
    }
    return what->opcode == ENGINE_RENAME
               ? disk_rename(disk, dir, path, other_dir, other, what->op_flags)
               : disk_link(disk, dir, path, other_dir, other);
}

int32_t carry_path(struct flight *flight)
{
    struct disk *disk = world_of(flight)->disk;
    const struct submission *what = &flight->what;
    const char *path = carry_memory(what->addr);
    const char *second = carry_memory(what->offset);
    uint32_t dir;
    int32_t r = directory(flight, what->fd,
                          what->opcode == ENGINE_SYMLINK ? second : path, &dir);

    if (r < 0) {
        return r;
    }
    switch ((enum engine_opcode)what->opcode) {
    case ENGINE_OPEN:
    case ENGINE_OPEN_BENEATH:
        return open_path(flight, dir, path);
    case ENGINE_UNLINK:
        return disk_unlink(disk, dir, path, (int)what->op_flags);
    case ENGINE_MKDIR:
        return disk_mkdir(disk, dir, path, (mode_t)what->len);
    case ENGINE_FIFO:
        return disk_fifo(disk, dir, path, (mode_t)what->len);
    case ENGINE_SYMLINK:
        return disk_symlink(disk, path, dir, second);
    case ENGINE_STAT:
        return disk_stat(disk, dir, path, (int)what->op_flags,
                         carry_memory(what->offset));
    default:
        return carry_two(flight, dir, path);
    }
}
