/* SPDX-License-Identifier: MIT */
/*
 * carry.c - see carry.h; the table
 *
 * Not taken from runtime/engine/table.c: what the model says of the kernel is
 * what was measured, so that a mistake in there shows here.
 */
#include "tests/sim/model/carry.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#include "pirn/invariant.h"
#include "tests/sim/model/process.h"

enum { NO_LINK = 0, ON_ERROR = 1, ON_SHORT = 2, ON_SHORT_IF_ALL = 3 };

/* Operations that a ring has never had. */
enum { NEVER = KERNEL_COUNT };

struct row {
    int32_t (*carry)(struct flight *flight);
    uint8_t severs;  /* which end cuts a link */
    uint8_t since;   /* enum world_kernel */
    bool has_file;   /* fd is open when it begins */
    uint8_t path_at; /* 1: addr, 2: offset, 3: both are paths */
};

static int32_t carry_nop(struct flight *flight)
{
    (void)flight;
    return 0;
}

static const struct row rows[ENGINE_OPCODE_COUNT] = {
    [ENGINE_NOP] = {carry_nop, NO_LINK, 0, false, 0},
    [ENGINE_OPEN] = {carry_path, ON_ERROR, 0, false, 1},
    [ENGINE_OPEN_BENEATH] = {carry_path, ON_ERROR, 0, false, 1},
    [ENGINE_CLOSE] = {carry_file, ON_ERROR, 0, false, 0},
    [ENGINE_READ] = {carry_file, ON_SHORT, 0, true, 0},
    [ENGINE_WRITE] = {carry_file, ON_SHORT, 0, true, 0},
    [ENGINE_READ_MULTISHOT] = {carry_socket, ON_ERROR, 0, true, 0},
    [ENGINE_READV] = {carry_file, ON_SHORT, 0, true, 0},
    [ENGINE_WRITEV] = {carry_file, ON_SHORT, 0, true, 0},
    [ENGINE_FSYNC] = {carry_file, NO_LINK, 0, true, 0},
    [ENGINE_CONFIRM] = {carry_file, NO_LINK, 0, true, 0},
    [ENGINE_FALLOCATE] = {carry_file, NO_LINK, 0, true, 0},
    [ENGINE_TRUNCATE] = {carry_file, NO_LINK, KERNEL_6_12, true, 0},
    [ENGINE_LOCK] = {carry_file, NO_LINK, NEVER, true, 0},
    [ENGINE_RENAME] = {carry_path, NO_LINK, 0, false, 3},
    [ENGINE_UNLINK] = {carry_path, NO_LINK, 0, false, 1},
    [ENGINE_MKDIR] = {carry_path, NO_LINK, 0, false, 1},
    [ENGINE_FIFO] = {carry_path, NO_LINK, NEVER, false, 1},
    [ENGINE_LINK] = {carry_path, NO_LINK, 0, false, 3},
    [ENGINE_SYMLINK] = {carry_path, NO_LINK, 0, false, 3},
    [ENGINE_STAT] = {carry_path, NO_LINK, 0, false, 1},
    [ENGINE_LIST] = {carry_file, NO_LINK, NEVER, true, 0},
    [ENGINE_ROOM] = {carry_file, NO_LINK, NEVER, true, 0},
    [ENGINE_SOCKET] = {carry_socket, ON_ERROR, 0, false, 0},
    [ENGINE_BIND] = {carry_socket, NO_LINK, KERNEL_6_12, true, 0},
    [ENGINE_LISTEN] = {carry_socket, ON_ERROR, KERNEL_6_12, true, 0},
    [ENGINE_SET_OPTION] = {carry_socket, NO_LINK, NEVER, true, 0},
    [ENGINE_ACCEPT] = {carry_socket, ON_ERROR, 0, true, 0},
    [ENGINE_CONNECT] = {carry_socket, ON_ERROR, 0, true, 0},
    [ENGINE_SEND] = {carry_socket, ON_SHORT_IF_ALL, 0, true, 0},
    [ENGINE_SENDMSG] = {carry_socket, ON_SHORT_IF_ALL, 0, true, 0},
    [ENGINE_RECV] = {carry_socket, ON_SHORT_IF_ALL, 0, true, 0},
    [ENGINE_SHUTDOWN] = {carry_socket, NO_LINK, NEVER, true, 0},
    [ENGINE_POLL] = {carry_socket, ON_ERROR, 0, true, 0},
};

static const struct row *row_of(const struct flight *flight)
{
    return &rows[flight->what.opcode];
}

bool carry_needs_file(uint8_t opcode)
{
    return rows[opcode].has_file;
}

bool carry_in_ring(enum world_kernel kernel, uint8_t opcode)
{
    return rows[opcode].since <= kernel;
}

static int32_t path_refusal(uint64_t address)
{
    return strnlen(carry_memory(address), PATH_MAX) == PATH_MAX ? -ENAMETOOLONG
                                                                : 0;
}

int32_t carry_refusal(const struct flight *flight)
{
    const struct row *row = row_of(flight);
    int32_t refusal = row->carry == NULL ? -EINVAL : 0;

    if (refusal == 0 && (row->path_at & 1)) {
        refusal = path_refusal(flight->what.addr);
    }
    if (refusal == 0 && (row->path_at & 2)) {
        refusal = path_refusal(flight->what.offset);
    }
    return refusal;
}

void carry_describe(const struct flight *flight, char *note, uint32_t size)
{
    uint8_t path_at = row_of(flight)->path_at;
    const char *path;
    size_t len;

    if (path_at != 0) {
        path = carry_memory(path_at == 2 ? flight->what.offset
                                         : flight->what.addr);
        len = strlen(path);
        path += len < size ? 0 : len + 1 - size;
        memcpy(note, path, strlen(path) + 1);
    }
}

int32_t carry_out(struct flight *flight)
{
    struct world *world = flight->ring->process->world;

    disk_set_clock(world->disk, world_wall_ns(world));
    return row_of(flight)->carry(flight);
}

struct iovec *carry_pieces(const struct flight *flight, struct iovec *one,
                           uint32_t *ret_count)
{
    const struct submission *what = &flight->what;
    const struct msghdr *message = carry_memory(what->addr);

    switch ((enum engine_opcode)what->opcode) {
    case ENGINE_READV:
    case ENGINE_WRITEV:
        *ret_count = what->len;
        return carry_memory(what->addr);
    case ENGINE_SENDMSG:
        *ret_count = (uint32_t)message->msg_iovlen;
        return message->msg_iov;
    default:
        *one = (struct iovec){carry_memory(what->addr), what->len};
        *ret_count = 1;
        return one;
    }
}

uint32_t carry_bytes(const struct flight *flight)
{
    struct iovec one;
    uint32_t count;
    struct iovec *pieces = carry_pieces(flight, &one, &count);
    uint32_t bytes = 0;

    for (uint32_t i = 0; i < count; i++) {
        bytes += (uint32_t)pieces[i].iov_len;
    }
    return bytes;
}

bool carry_severs(const struct flight *flight, int32_t result)
{
    switch (row_of(flight)->severs) {
    case NO_LINK:
        return false;
    case ON_SHORT:
        return result < 0 || (uint32_t)result < carry_bytes(flight);
    case ON_SHORT_IF_ALL:
        return result < 0 || ((flight->what.op_flags & MSG_WAITALL) &&
                              (uint32_t)result < carry_bytes(flight));
    default:
        return result < 0;
    }
}
