/* SPDX-License-Identifier: MIT */
/* socket.c - see socket.h */
#include "tests/sim/model/socket.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"
#include "runtime/list.h"
#include "tests/sim/model/open_file.h"
#include "tests/sim/model/world.h"

static void changed(struct socket *socket)
{
    if (socket->file != NULL) {
        world_file_changed(socket->world, socket->file);
    }
}

struct socket *socket_create(struct world *world)
{
    struct socket *socket = calloc(1, sizeof(*socket));

    pirn_assert(socket != NULL);
    socket->world = world;
    socket->room = world->socket_bytes;
    list_init(&socket->pending);
    world->socket_count++;
    return socket;
}

/* Most sockets of most lives are never written to. */
static void make_room(struct socket *socket)
{
    if (socket->bytes == NULL) {
        socket->bytes = malloc(socket->room);
        pirn_assert(socket->bytes != NULL);
    }
}

void socket_pair(struct socket *one, struct socket *other)
{
    pirn_assert(one->peer == NULL && other->peer == NULL);
    one->peer = other;
    other->peer = one;
    one->was_connected = true;
    other->was_connected = true;
}

static void be_reset(struct socket *socket)
{
    socket->is_reset = true;
    if (rng_coin(&socket->world->schedule)) {
        socket->used = 0;
    }
    changed(socket);
}

void socket_reset(struct socket *socket)
{
    struct socket *peer = socket->peer;

    be_reset(socket);
    if (peer != NULL) {
        peer->peer = NULL;
        socket->peer = NULL;
        be_reset(peer);
    }
}

void socket_close(struct socket *socket)
{
    struct socket *peer = socket->peer;

    while (!list_is_empty(&socket->pending)) {
        struct socket *pending =
            pirn_container_of(socket->pending.next, struct socket, awaiting);

        list_unlink(&pending->awaiting);
        socket_close(pending);
    }
    if (peer != NULL) {
        peer->peer = NULL;
        peer->peer_ended = true;
        if (socket->used > 0) {
            be_reset(peer);
        }
        changed(peer);
    }
    list_unlink(&socket->listener);
    socket->world->socket_count--;
    free(socket->bytes);
    free(socket);
}

static int32_t tell_reset(struct socket *socket, int32_t afterwards)
{
    if (socket->told) {
        return afterwards;
    }
    socket->told = true;
    return -ECONNRESET;
}

static void put(struct socket *socket, const uint8_t *bytes, uint32_t len)
{
    uint32_t tail = (socket->head + socket->used) % socket->room;
    uint32_t first = socket->room - tail < len ? socket->room - tail : len;

    make_room(socket);
    memcpy(socket->bytes + tail, bytes, first);
    memcpy(socket->bytes, bytes + first, len - first);
    socket->used += len;
}

static void take(struct socket *socket, uint8_t *bytes, uint32_t len)
{
    uint32_t first =
        socket->room - socket->head < len ? socket->room - socket->head : len;

    memcpy(bytes, socket->bytes + socket->head, first);
    memcpy(bytes + first, socket->bytes, len - first);
    socket->head = (socket->head + len) % socket->room;
    socket->used -= len;
}

int32_t socket_send(struct socket *socket, const void *bytes, uint32_t len)
{
    struct socket *peer = socket->peer;

    if (socket->is_reset) {
        return tell_reset(socket, -EPIPE);
    }
    if (!socket->was_connected || socket->we_ended) {
        return -EPIPE;
    }
    if (peer == NULL) { /* it is closed; its answer will be a reset */
        socket->is_reset = true;
        changed(socket);
        return (int32_t)len;
    }
    if (peer->used == peer->room) {
        return SOCKET_WAITS;
    }
    if (len > peer->room - peer->used) {
        len = peer->room - peer->used;
    }
    put(peer, bytes, len);
    changed(peer);
    return (int32_t)len;
}

int32_t socket_recv(struct socket *socket, void *bytes, uint32_t len)
{
    if (!socket->was_connected) {
        return -ENOTCONN;
    }
    if (socket->used > 0) {
        len = len < socket->used ? len : socket->used;
        take(socket, bytes, len);
        if (socket->peer != NULL) {
            changed(socket->peer);
        }
        return (int32_t)len;
    }
    if (socket->is_reset) {
        return tell_reset(socket, 0);
    }
    return socket->peer_ended ? 0 : SOCKET_WAITS;
}

int32_t socket_shutdown(struct socket *socket, int how)
{
    if (!socket->was_connected || socket->is_reset) {
        return -ENOTCONN;
    }
    if (how != SHUT_WR) {
        socket->peer_ended = true;
        changed(socket);
    }
    if (how != SHUT_RD) {
        socket->we_ended = true;
        changed(socket);
        if (socket->peer != NULL) {
            socket->peer->peer_ended = true;
            changed(socket->peer);
        }
    }
    return 0;
}

static struct socket *find_listener(struct world *world,
                                    const struct sockaddr *address,
                                    socklen_t len)
{
    for (struct pirn_link *link = world->listeners.next;
         link != &world->listeners; link = link->next) {
        struct socket *socket =
            pirn_container_of(link, struct socket, listener);

        if (socket->address.len == len &&
            memcmp(&socket->address.storage, address, len) == 0) {
            return socket;
        }
    }
    return NULL;
}

int32_t socket_bind(struct socket *socket, const struct sockaddr *address,
                    socklen_t len)
{
    if (len > sizeof(socket->address.storage)) {
        return -EINVAL;
    }
    if (find_listener(socket->world, address, len) != NULL) {
        return -EADDRINUSE;
    }
    memcpy(&socket->address.storage, address, len);
    socket->address.len = len;
    return 0;
}

int32_t socket_listen(struct socket *socket)
{
    if (socket->address.len == 0 || socket->was_connected) {
        return -EINVAL;
    }
    if (!socket->listens) {
        socket->listens = true;
        list_push_tail(&socket->world->listeners, &socket->listener);
    }
    return 0;
}

int32_t socket_connect(struct socket *socket, const struct sockaddr *address,
                       socklen_t len)
{
    struct socket *listener = find_listener(socket->world, address, len);
    struct socket *other;

    if (socket->was_connected) {
        return -EISCONN;
    }
    if (listener == NULL) {
        return -ECONNREFUSED;
    }
    other = socket_create(socket->world);
    socket_pair(socket, other);
    list_push_tail(&listener->pending, &other->awaiting);
    changed(listener);
    return 0;
}

struct socket *socket_accept(struct socket *socket)
{
    struct pirn_link *link = list_pop_head(&socket->pending);

    return link == NULL ? NULL
                        : pirn_container_of(link, struct socket, awaiting);
}

uint32_t socket_events(const struct socket *socket)
{
    uint32_t events = 0;

    if (socket->listens) {
        return list_is_empty(&socket->pending) ? 0 : POLLIN;
    }
    if (!socket->was_connected) {
        return POLLOUT | POLLHUP;
    }
    if (socket->used > 0 || socket->peer_ended || socket->is_reset) {
        events |= POLLIN;
    }
    if (socket->peer == NULL || socket->peer->used < socket->peer->room) {
        events |= POLLOUT;
    }
    events |= socket->peer_ended ? (uint32_t)POLLRDHUP : 0;
    events |= socket->peer_ended && socket->we_ended ? (uint32_t)POLLHUP : 0;
    events |= socket->is_reset ? (uint32_t)(POLLERR | POLLHUP) : 0;
    return events;
}
