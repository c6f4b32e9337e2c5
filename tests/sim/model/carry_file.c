/* SPDX-License-Identifier: MIT */
/* carry_file.c - operations on what is open: see carry.h */
#include <errno.h>
#include <fcntl.h>

#include "pirn/file.h"
#include "pirn/invariant.h"
#include "tests/sim/model/carry.h"
#include "tests/sim/model/fifo.h"
#include "tests/sim/model/open_file.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/socket.h"

enum {
    FSYNC_DATA = 1,    /* IORING_FSYNC_DATASYNC */
    WRITE_DSYNC = 2,   /* RWF_DSYNC */
    SECTOR_MASK = 511, /* of what O_DIRECT takes */
};

static struct world *world_of(const struct flight *flight)
{
    return flight->ring->process->world;
}

static bool is_read(const struct flight *flight)
{
    return flight->what.opcode == ENGINE_READ ||
           flight->what.opcode == ENGINE_READV;
}

static int32_t may_transfer(const struct flight *flight)
{
    int access = flight->file->flags & O_ACCMODE;

    if ((flight->file->flags & O_PATH) ||
        access == (is_read(flight) ? O_WRONLY : O_RDONLY)) {
        return -EBADF;
    }
    if (flight->file->kind == OPEN_DIRECTORY) {
        return -EISDIR;
    }
    if ((flight->file->flags & O_DIRECT) &&
        ((flight->what.offset | flight->what.len | flight->what.addr) &
         SECTOR_MASK)) {
        return -EINVAL;
    }
    return 0;
}

static uint64_t place_of(const struct flight *flight)
{
    struct open_file *file = flight->file;

    if (!is_read(flight) && (file->flags & O_APPEND)) {
        return disk_size(world_of(flight)->disk, file->inode);
    }
    return flight->what.offset == PIRN_OFFSET_CURRENT ? file->position
                                                      : flight->what.offset;
}

static int64_t move_piece(struct flight *flight, uint64_t place,
                          struct iovec piece)
{
    struct disk *disk = world_of(flight)->disk;
    uint32_t inode = flight->file->inode;

    return is_read(flight)
               ? disk_read(disk, inode, place, piece.iov_base, piece.iov_len)
               : disk_write(disk, inode, place, piece.iov_base, piece.iov_len);
}

/* As much as @bytes of its pieces. */
static int64_t move(struct flight *flight, uint64_t place, uint32_t bytes)
{
    struct iovec one;
    uint32_t count;
    const struct iovec *pieces = carry_pieces(flight, &one, &count);
    int64_t moved = 0;

    for (uint32_t i = 0; i < count && (uint64_t)moved < bytes; i++) {
        struct iovec piece = pieces[i];
        int64_t n;

        if (piece.iov_len > bytes - (uint64_t)moved) {
            piece.iov_len = bytes - (uint64_t)moved;
        }
        n = move_piece(flight, place + (uint64_t)moved, piece);
        if (n < 0) {
            return moved > 0 ? moved : n;
        }
        moved += n;
        if ((uint64_t)n < piece.iov_len) {
            break;
        }
    }
    return moved;
}

/* All that is asked and there, or some of it. */
static uint32_t bytes_now(struct flight *flight, uint64_t place)
{
    struct faults *faults = &world_of(flight)->faults;
    uint64_t size = disk_size(world_of(flight)->disk, flight->file->inode);
    uint32_t bytes = carry_bytes(flight);

    if (is_read(flight) && (place >= size || bytes > size - place)) {
        bytes = place < size ? (uint32_t)(size - place) : 0;
    }

    if (bytes > 1 && fault_happens(faults, FAULT_SHORT)) {
        bytes = rng_between(fault_rng(faults, FAULT_SHORT), 1, bytes - 1);
    }
    return bytes;
}

/* What is dirty is written; then what others were told is told here. */
static int32_t sync_file(struct flight *flight, bool data_only)
{
    struct open_file *file = flight->file;
    int32_t r = disk_sync(world_of(flight)->disk, file->inode, data_only);

    if (file->sync_failed) {
        file->sync_failed = false;
        return -EIO;
    }
    return r;
}

/* The second half of a write that is to be durable: what it wrote, and no more,
 * gets there or does not. An error that others were told of is told here. */
static int32_t sync_written(struct flight *flight)
{
    struct world *world = world_of(flight);
    struct open_file *file = flight->file;
    bool has_failed = file->sync_failed;

    if (fault_happens(&world->faults, FAULT_SYNC)) {
        open_file_write_failed(file, flight->written_at, flight->written);
        return -EIO;
    }
    disk_sync_range(world->disk, file->inode, flight->written_at,
                    flight->written);
    file->sync_failed = false;
    return has_failed ? -EIO : (int32_t)flight->written;
}

static int32_t transfer(struct flight *flight)
{
    int32_t r = flight->file->kind == OPEN_SOCKET ? 0 : may_transfer(flight);
    uint64_t place;

    if (flight->file->kind == OPEN_FIFO) {
        return carry_fifo(flight);
    }
    if (flight->written > 0) {
        return sync_written(flight);
    }
    if (r < 0) {
        return r;
    }
    if (flight->file->kind == OPEN_SOCKET) {
        return carry_socket(flight);
    }
    place = place_of(flight);
    r = (int32_t)move(flight, place, bytes_now(flight, place));
    if (r > 0 && flight->what.offset == PIRN_OFFSET_CURRENT) {
        flight->file->position = place + (uint32_t)r;
    }
    if (r > 0 && !is_read(flight) && (flight->what.op_flags & WRITE_DSYNC)) {
        flight->written = (uint32_t)r;
        flight->written_at = place;
        return CARRY_AGAIN;
    }
    return r;
}

/* The number is free at once; the file, when nobody holds it any more. */
static int32_t close_number(struct flight *flight)
{
    struct process *process = flight->ring->process;
    struct open_file *file =
        descriptor_remove(&process->descriptors, flight->what.fd);

    if (file == NULL) {
        return -EBADF;
    }
    open_file_release(file);
    return 0;
}

static int32_t lock(struct flight *flight)
{
    struct world *world = world_of(flight);
    const struct submission *what = &flight->what;
    int access = flight->file->flags & O_ACCMODE;

    if ((what->op_flags == F_WRLCK && access == O_RDONLY) ||
        (what->op_flags == F_RDLCK && access == O_WRONLY)) {
        return -EBADF;
    }
    return locks_set(&world->locks, flight->file, (int)what->op_flags,
                     what->offset, what->addr);
}

static int32_t list(struct flight *flight)
{
    if (flight->file->kind != OPEN_DIRECTORY) {
        return -ENOTDIR;
    }
    return (int32_t)disk_list(
        world_of(flight)->disk, flight->file->inode, &flight->file->position,
        carry_memory(flight->what.addr), flight->what.len);
}

/* Its disk is never full but where a fault says so. */
static int32_t tell_room(struct flight *flight)
{
    struct pirn_room *room = carry_memory(flight->what.addr);

    *room = (struct pirn_room){
        .block_bytes = 4096,
        .bytes = (uint64_t)1 << 40,
        .free_bytes = (uint64_t)1 << 40,
        .inodes = (uint64_t)1 << 30,
        .free_inodes = (uint64_t)1 << 30,
    };
    return 0;
}

int32_t carry_file(struct flight *flight)
{
    struct disk *disk = world_of(flight)->disk;
    const struct submission *what = &flight->what;
    const struct open_file *file = flight->file;

    if (file != NULL && what->opcode > ENGINE_WRITEV &&
        (file->kind == OPEN_SOCKET || file->kind == OPEN_FIFO)) {
        return -EINVAL;
    }
    switch ((enum engine_opcode)what->opcode) {
    case ENGINE_CLOSE:
        return close_number(flight);
    case ENGINE_FSYNC:
        return file->flags & O_PATH
                   ? -EBADF
                   : sync_file(flight, what->op_flags == FSYNC_DATA);
    case ENGINE_CONFIRM:
        return file->flags & O_PATH ? -EBADF : -ENODATA;
    case ENGINE_FALLOCATE:
        return disk_fallocate(disk, file->inode, (int)what->len, what->offset,
                              what->addr);
    case ENGINE_TRUNCATE:
        return disk_truncate(disk, file->inode, what->offset);
    case ENGINE_LOCK:
        return lock(flight);
    case ENGINE_LIST:
        return list(flight);
    case ENGINE_ROOM:
        return tell_room(flight);
    default:
        return transfer(flight);
    }
}
