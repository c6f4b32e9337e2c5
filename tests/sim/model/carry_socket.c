/* SPDX-License-Identifier: MIT */
/* carry_socket.c - operations on sockets: see carry.h */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>

#include "pirn/invariant.h"
#include "tests/sim/model/carry.h"
#include "tests/sim/model/fifo.h"
#include "tests/sim/model/flight.h"
#include "tests/sim/model/open_file.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/socket.h"

static struct world *world_of(const struct flight *flight)
{
    return flight->ring->process->world;
}

/* The descriptor of a socket that is new; it is closed if there is none. */
static int32_t add_socket(struct flight *flight, struct socket *socket)
{
    struct open_file *file = open_file_create(world_of(flight), OPEN_SOCKET);
    int32_t r;

    file->socket = socket;
    file->flags = O_RDWR;
    socket->file = file;
    r = descriptor_add(&flight->ring->process->descriptors, file);
    if (r < 0) {
        open_file_release(file);
    }
    return r;
}

static int32_t make_socket(struct flight *flight)
{
    if ((flight->what.fd != AF_INET && flight->what.fd != AF_INET6) ||
        (flight->what.offset & 0xf) != SOCK_STREAM) {
        return -EAFNOSUPPORT;
    }
    return add_socket(flight, socket_create(world_of(flight)));
}

static void tell_address(const struct submission *what)
{
    struct sockaddr_in peer = {
        .sin_family = AF_INET,
        .sin_port = htons(1),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t *len = carry_memory(what->offset);

    if (what->addr != 0) {
        memcpy(carry_memory(what->addr), &peer,
               *len < sizeof(peer) ? *len : sizeof(peer));
        *len = sizeof(peer);
    }
}

static int32_t accept_one(struct flight *flight)
{
    struct socket *listener = flight->file->socket;
    struct socket *socket;

    if (!listener->listens) {
        return -EINVAL;
    }
    socket = socket_accept(listener);
    if (socket == NULL) {
        return CARRY_WAITS;
    }
    if (!(flight->what.flags & LOAN_MULTISHOT)) {
        tell_address(&flight->what);
    }
    return add_socket(flight, socket);
}

/* All that is asked, or some of it. */
static uint32_t piece_now(struct flight *flight, uint32_t bytes)
{
    struct faults *faults = &world_of(flight)->faults;

    if (bytes > 1 && fault_happens(faults, FAULT_SHORT)) {
        bytes = rng_between(fault_rng(faults, FAULT_SHORT), 1, bytes - 1);
    }
    return bytes;
}

/* From where it stands; as far as the peer's buffer has room. */
static int32_t send_some(struct flight *flight)
{
    struct iovec one;
    uint32_t count;
    const struct iovec *pieces = carry_pieces(flight, &one, &count);
    uint32_t budget = piece_now(flight, carry_bytes(flight) - flight->moved);
    uint32_t skip = flight->moved;
    int32_t moved = 0;

    for (uint32_t i = 0; i < count && budget > 0; i++) {
        uint32_t len = (uint32_t)pieces[i].iov_len;
        int32_t n;

        if (skip >= len) {
            skip -= len;
            continue;
        }
        len -= skip;
        len = len < budget ? len : budget;
        n = socket_send(flight->file->socket,
                        (const uint8_t *)pieces[i].iov_base + skip, len);
        if (n < 0) {
            return moved > 0 ? moved : n;
        }
        moved += n;
        budget -= (uint32_t)n;
        skip = 0;
        if ((uint32_t)n < len || flight->file->socket->is_reset) {
            break; /* an error is told by itself */
        }
    }
    return moved;
}

/* With MSG_WAITALL the kernel goes on until all is moved or it cannot. */
static int32_t send_bytes(struct flight *flight)
{
    int32_t n = send_some(flight);

    if (n < 0) {
        return n != CARRY_WAITS && flight->moved > 0 ? (int32_t)flight->moved
                                                     : n;
    }
    flight->moved += (uint32_t)n;
    if (flight->moved < carry_bytes(flight) &&
        !flight->file->socket->is_reset &&
        (flight->what.op_flags & MSG_WAITALL)) {
        return CARRY_AGAIN;
    }
    return (int32_t)flight->moved;
}

/* The same of what has arrived. */
static uint32_t arrived_now(struct flight *flight, uint32_t bytes)
{
    uint32_t used = flight->file->socket->used;

    return used == 0 ? bytes : piece_now(flight, bytes < used ? bytes : used);
}

static int32_t recv_selected(struct flight *flight)
{
    struct ring *ring = flight->ring;
    uint16_t buffer;
    int32_t n;

    if (!ring_buffer_first(ring, &buffer)) {
        return -ENOBUFS;
    }
    if (fault_happens(&world_of(flight)->faults, FAULT_ENOBUFS)) {
        return -ENOBUFS;
    }
    n = socket_recv(flight->file->socket,
                    ring->buffers + (size_t)buffer * ring->buffer_bytes,
                    arrived_now(flight, ring->buffer_bytes));
    if (n > 0) {
        ring_buffer_take(ring);
        flight->buffer = buffer;
    }
    return n;
}

static int32_t recv_bytes(struct flight *flight)
{
    struct iovec one;
    uint32_t count;
    const struct iovec *piece;

    if (flight->what.flags & LOAN_SELECT) {
        return recv_selected(flight);
    }
    piece = carry_pieces(flight, &one, &count);
    return socket_recv(flight->file->socket, piece->iov_base,
                       arrived_now(flight, (uint32_t)piece->iov_len));
}

static int32_t poll_events(const struct flight *flight)
{
    uint32_t asked = flight->what.op_flags | POLLERR | POLLHUP;
    uint32_t events = socket_events(flight->file->socket) & asked;

    return events != 0 ? (int32_t)events : CARRY_WAITS;
}

static int32_t carry_connection(struct flight *flight)
{
    struct socket *socket = flight->file->socket;
    const struct submission *what = &flight->what;

    switch ((enum engine_opcode)what->opcode) {
    case ENGINE_BIND:
        return socket_bind(socket, carry_memory(what->addr),
                           (socklen_t)what->offset);
    case ENGINE_LISTEN:
        return socket_listen(socket);
    case ENGINE_CONNECT:
        return socket_connect(socket, carry_memory(what->addr),
                              (socklen_t)what->offset);
    case ENGINE_SHUTDOWN:
        return socket_shutdown(socket, (int)what->len);
    default:
        return 0; /* an option */
    }
}

int32_t carry_socket(struct flight *flight)
{
    const struct open_file *file = flight->file;

    if (flight->what.opcode == ENGINE_SOCKET) {
        return make_socket(flight);
    }
    if (file->kind == OPEN_FIFO) {
        return carry_fifo(flight);
    }
    if (file->kind != OPEN_SOCKET) {
        return flight->what.opcode == ENGINE_POLL ? POLLIN : -ENOTSOCK;
    }
    if (fault_happens(&world_of(flight)->faults, FAULT_RESET) &&
        file->socket->was_connected) {
        socket_reset(file->socket);
    }
    switch ((enum engine_opcode)flight->what.opcode) {
    case ENGINE_ACCEPT:
        return accept_one(flight);
    case ENGINE_SEND:
    case ENGINE_SENDMSG:
    case ENGINE_WRITE:
    case ENGINE_WRITEV:
        return send_bytes(flight);
    case ENGINE_RECV:
    case ENGINE_READ:
    case ENGINE_READV:
    case ENGINE_READ_MULTISHOT:
        return recv_bytes(flight);
    case ENGINE_POLL:
        return poll_events(flight);
    default:
        return carry_connection(flight);
    }
}
