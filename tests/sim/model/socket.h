/* SPDX-License-Identifier: MIT */
/*
 * socket.h - connected pairs of sockets, and those that listen
 *
 * Bytes that are sent arrive at once in the peer's buffer, which has a bound;
 * when they are read is the scheduler's choice, in what pieces a fault's. An
 * end belongs to an open file, or to the test, which calls the same functions.
 *
 *   send -> peer's buffer -> recv        end: after the bytes
 *   closed with bytes unread: a reset    reset: before them, or behind them
 *
 * Left out: local sockets (AF_UNIX), datagrams, out-of-band bytes, the bound of
 * a backlog. SHUT_RD lets what is sent still arrive, as on Linux.
 */
#ifndef TESTS_SIM_MODEL_SOCKET_H
#define TESTS_SIM_MODEL_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "pirn/base.h"
#include "pirn/socket.h"

struct open_file;
struct world;

/* What cannot be done now is tried again when the socket has changed. */
enum { SOCKET_WAITS = INT32_MIN };

struct socket {
    struct world *world;
    struct open_file *file; /* NULL: the test's end */
    struct socket *peer;    /* NULL: none, not yet, or not any more */
    uint8_t *bytes;         /* a ring of what arrived and is unread */
    uint32_t room;
    uint32_t head;
    uint32_t used;
    bool was_connected;
    bool peer_ended;
    bool we_ended;
    bool is_reset;
    bool told; /* that it is reset */

    bool listens;
    struct pirn_address address;
    struct pirn_link listener; /* of the world's, by address */
    struct pirn_link pending;  /* connections that wait for an accept */
    struct pirn_link awaiting; /* in the listener's pending */
};

struct socket *socket_create(struct world *world);
void socket_pair(struct socket *one, struct socket *other);

/* The owner lets go of it; @socket is gone. */
void socket_close(struct socket *socket);

/* As if the peer's machine had answered with a reset: both ends are told, and
 * what is unread may be lost. */
void socket_reset(struct socket *socket);

int32_t socket_send(struct socket *socket, const void *bytes, uint32_t len);
int32_t socket_recv(struct socket *socket, void *bytes, uint32_t len);
int32_t socket_shutdown(struct socket *socket, int how);
int32_t socket_bind(struct socket *socket, const struct sockaddr *address,
                    socklen_t len);
int32_t socket_listen(struct socket *socket);
int32_t socket_connect(struct socket *socket, const struct sockaddr *address,
                       socklen_t len);

/* The next connection that waits, or NULL. */
struct socket *socket_accept(struct socket *socket);

/* POLLIN, POLLOUT, ... */
uint32_t socket_events(const struct socket *socket);

#endif /* TESTS_SIM_MODEL_SOCKET_H */
