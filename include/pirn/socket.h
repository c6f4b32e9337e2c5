/* SPDX-License-Identifier: MIT */
/*
 * pirn/socket.h - operations on sockets
 *
 * Order on one socket is the stream's business (pirn/stream.h): two sends that
 * are in flight at once may leave in either order. Where no result is named it
 * is 0, or a negative errno of the system call that bears the name; addresses,
 * bytes and buffers are loaned until the op ends.
 */
#ifndef PIRN_SOCKET_H
#define PIRN_SOCKET_H

#include <stdint.h>
#include <sys/socket.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct msghdr;

/**
 * pirn_prep_socket() - make a socket
 * @domain, @type, @protocol: as socket(2); SOCK_CLOEXEC is always added
 *
 * Result: the descriptor.
 *
 * Kernel: 5.19 (IORING_OP_SOCKET).
 */
PIRN_API void pirn_prep_socket(struct pirn_op *op, int domain, int type,
                               int protocol);

/**
 * pirn_prep_bind(), pirn_prep_listen() - give a socket its address; listen
 *
 * Kernel: 6.11 (IORING_OP_BIND, IORING_OP_LISTEN); before, the system call in
 *         place.
 */
PIRN_API void pirn_prep_bind(struct pirn_op *op, int fd,
                             const struct sockaddr *address,
                             socklen_t address_len);
PIRN_API void pirn_prep_listen(struct pirn_op *op, int fd, int backlog);

/**
 * pirn_prep_set_option() - setsockopt(2)
 * @value: @value_len bytes; loaned until the op ends
 *
 * Kernel: the system call, in place.
 */
PIRN_API void pirn_prep_set_option(struct pirn_op *op, int fd, int level,
                                   int name, const void *value,
                                   uint32_t value_len);

/**
 * pirn_prep_accept() - take one connection
 * @address:     of the peer, filled; may be NULL
 * @address_len: in and out; NULL if @address is
 *
 * Result: the connection's descriptor, close-on-exec. Where several contexts
 * share a listening socket each keeps one of these started: connections then
 * reach all of them. A multishot accept gives all connections to one ring.
 *
 * Kernel: 5.5 (IORING_OP_ACCEPT). On plain @fd is O_NONBLOCK from then on, for
 *         everybody who shares it.
 */
PIRN_API void pirn_prep_accept(struct pirn_op *op, int fd,
                               struct sockaddr *address,
                               socklen_t *address_len);

/**
 * pirn_prep_multishot_accept() - take every connection
 *
 * Each delivery is a descriptor. For a socket that one context owns.
 *
 * Kernel: 5.19 (IORING_ACCEPT_MULTISHOT).
 */
PIRN_API void pirn_prep_multishot_accept(struct pirn_multishot *shot, int fd);

/**
 * pirn_prep_connect() - connect
 *
 * Result: 0; -ECONNREFUSED, -ETIMEDOUT and others of connect(2); on plain
 * -EAGAIN for a local socket whose backlog is full: try again later. The ring
 * waits.
 *
 * Kernel: 5.5 (IORING_OP_CONNECT).
 */
PIRN_API void pirn_prep_connect(struct pirn_op *op, int fd,
                                const struct sockaddr *address,
                                socklen_t address_len);

/**
 * pirn_prep_send() - send bytes
 * @flags: as send(2); MSG_NOSIGNAL is always added. With MSG_WAITALL the kernel
 *         continues short sends itself.
 *
 * Result: the bytes which the socket took. Kernel: 5.6.
 */
PIRN_API void pirn_prep_send(struct pirn_op *op, int fd, const void *bytes,
                             uint32_t len, int flags);

/** pirn_prep_sendmsg() - as pirn_prep_send(), gathered. Kernel: 5.3 */
PIRN_API void pirn_prep_sendmsg(struct pirn_op *op, int fd,
                                const struct msghdr *message, int flags);

/**
 * pirn_prep_recv() - receive bytes
 * @flags: as recv(2)
 *
 * Result: the bytes received; 0: the peer has ended. Kernel: 5.6.
 */
PIRN_API void pirn_prep_recv(struct pirn_op *op, int fd, void *buf,
                             uint32_t len, int flags);

/**
 * pirn_prep_multishot_recv() - receive whatever comes, again and again
 * @fd:    a connected socket, not O_NONBLOCK
 * @flags: as recv(2), but none of MSG_WAITALL, MSG_PEEK, MSG_TRUNC
 *
 * Each delivery is that many bytes, pirn_multishot_bytes(); PIRN_LAST with 0
 * when the peer has ended. The bytes come into the context's buffers
 * (struct pirn_context_config); while there is none, it waits for one, behind
 * those that wait already.
 *
 * Kernel: 6.0 (IORING_RECV_MULTISHOT).
 */
PIRN_API void pirn_prep_multishot_recv(struct pirn_multishot *shot, int fd,
                                       int flags);

/**
 * pirn_prep_shutdown() - end one or both directions
 * @how: SHUT_RD, SHUT_WR, SHUT_RDWR
 *
 * Kernel: shutdown(2), in place: the ring's operation costs a worker's hop for
 *         a call that does not block.
 */
PIRN_API void pirn_prep_shutdown(struct pirn_op *op, int fd, int how);

/* An address of any family. Zeroed: none. */
struct pirn_address {
    struct sockaddr_storage storage;
    socklen_t len;
};

/* The longest text of pirn_address_format(), NUL included. */
#define PIRN_ADDRESS_TEXT 128

/**
 * pirn_address_parse() - from text, without a look-up
 * @text: "127.0.0.1:2525", "[::1]:2525" or "unix:/a/path"
 *
 * Return: 0, or -EINVAL
 */
PIRN_API PIRN_MUST_CHECK int pirn_address_parse(
    const char *text, struct pirn_address *ret_address);

/** pirn_address_format() - to the text which pirn_address_parse() reads */
PIRN_API void pirn_address_format(const struct pirn_address *address,
                                  char text[PIRN_ADDRESS_TEXT]);

/**
 * pirn_listen() - a listening socket, ready to be accepted from
 * @context: carries it out
 * @address: what to listen on
 * @ret_fd:  yours to close; may be shared by several contexts
 *
 * SO_REUSEADDR is set; a socket file that nobody listens on is replaced.
 *
 * Return:  0, -EADDRINUSE, -EACCES or another errno of bind(2) and listen(2)
 * Context: the context's thread; not from fn. Blocks.
 */
PIRN_API PIRN_MUST_CHECK int pirn_listen(struct pirn_context *context,
                                         const struct pirn_address *address,
                                         int *ret_fd);

PIRN_END_DECLS

#endif /* PIRN_SOCKET_H */
