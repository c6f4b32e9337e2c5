/* SPDX-License-Identifier: MIT */
/*
 * attempt.c - each operation of the class ready, as a call that does not wait
 *
 * Sockets are blocking ones, as the caller made them, and readiness is a hint:
 * another process may have taken the connection or the bytes. So each call says
 * itself that it must not wait:
 *
 *   recv send sendmsg   MSG_DONTWAIT
 *   read write          RWF_NOWAIT. What does not know that flag (pipes before
 *                       Linux 6.4, inotify) is polled first, and called if
 *                       ready; a pipe is then written by at most PIPE_BUF, the
 *                       room which readiness promises
 *   accept              has no such flag: the listening socket is made
 *                       O_NONBLOCK, and stays so. The ring does not care (it
 *                       waits on such a socket all the same), and several
 *                       contexts may share it
 *   poll                poll(2), for no time
 *   connect             O_NONBLOCK for the length of the call: what was begun
 *                       so goes on by itself, and calling again asks for it
 *
 * The results are those of the ring (Linux 6.18): it waits whether or not the
 * descriptor is O_NONBLOCK, but not with MSG_DONTWAIT; MSG_WAITALL goes on
 * until all is moved, the peer has ended or an error, and bytes that moved are
 * reported before the error.
 */
#include "runtime/engine/attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "pirn/invariant.h"
#include "runtime/engine/engine.h"

enum {
    WOULD_WAIT = INT32_MIN, /* no errno, no number of bytes */
    PIECES_MAX = 64,        /* of a message that is continued: 1 KiB of stack */
};

static void *pointer(uint64_t value)
{
    return (void *)(uintptr_t)value;
}

static int32_t result_of(int64_t returned)
{
    return returned < 0 ? -errno : (int32_t)returned;
}

/* Whether bytes that are missing come later: not behind a datagram. */
static bool wants_all(const struct pirn_loan *loan)
{
    int type = 0;
    socklen_t len = sizeof(type);

    return (loan->op_flags & MSG_WAITALL) && !(loan->op_flags & MSG_PEEK) &&
           getsockopt(loan->fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 &&
           (type == SOCK_STREAM || type == SOCK_SEQPACKET);
}

/* Of an error of a socket's call. */
static int32_t or_wait(const struct pirn_loan *loan, int32_t error)
{
    return error == -EAGAIN && !(loan->op_flags & MSG_DONTWAIT) ? WOULD_WAIT
                                                                : error;
}

static int32_t transfer_bytes(const struct errand *errand)
{
    const struct pirn_loan *loan = errand->loan;
    char *at = (char *)pointer(loan->addr) + errand->moved;
    size_t len = loan->len - errand->moved;
    int flags = (int)loan->op_flags | MSG_DONTWAIT;

    return result_of(loan->opcode == ENGINE_RECV
                         ? recv(loan->fd, at, len, flags)
                         : send(loan->fd, at, len, flags));
}

static int32_t try_bytes(struct errand *errand)
{
    const struct pirn_loan *loan = errand->loan;
    int32_t n;

    do {
        n = transfer_bytes(errand);
        if (n < 0) {
            return or_wait(loan, n);
        }
        errand->moved += (uint32_t)n;
    } while (n > 0 && errand->moved < loan->len && wants_all(loan));
    return (int32_t)errand->moved;
}

static uint64_t bytes_of(const struct msghdr *message)
{
    uint64_t bytes = 0;

    for (size_t i = 0; i < message->msg_iovlen; i++) {
        bytes += message->msg_iov[i].iov_len;
    }
    return bytes;
}

/* The pieces of @message behind its first @moved bytes, some of them. */
static size_t pieces_left(const struct msghdr *message, size_t moved,
                          struct iovec iov[PIECES_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < message->msg_iovlen && count < PIECES_MAX; i++) {
        struct iovec piece = message->msg_iov[i];

        if (moved >= piece.iov_len) {
            moved -= piece.iov_len;
            continue;
        }
        iov[count].iov_base = (char *)piece.iov_base + moved;
        iov[count].iov_len = piece.iov_len - moved;
        count++;
        moved = 0;
    }
    return count;
}

/* The first call is the caller's message, whole: it may be one datagram, and
 * what it carries beside the bytes goes with the first of them. */
static int32_t send_message(const struct errand *errand)
{
    const struct pirn_loan *loan = errand->loan;
    const struct msghdr *message = pointer(loan->addr);
    int flags = (int)loan->op_flags | MSG_DONTWAIT;
    struct iovec iov[PIECES_MAX];
    struct msghdr rest;

    if (errand->moved == 0) {
        return result_of(sendmsg(loan->fd, message, flags));
    }
    rest = (struct msghdr){
        .msg_iov = iov,
        .msg_iovlen = pieces_left(message, errand->moved, iov),
    };
    return result_of(sendmsg(loan->fd, &rest, flags));
}

static int32_t try_message(struct errand *errand)
{
    const struct pirn_loan *loan = errand->loan;
    const struct msghdr *message = pointer(loan->addr);
    int32_t n;

    do {
        n = send_message(errand);
        if (n < 0) {
            return or_wait(loan, n);
        }
        errand->moved += (uint32_t)n;
    } while (n > 0 && errand->moved < bytes_of(message) && wants_all(loan));
    return (int32_t)errand->moved;
}

/* Only what listens: else accept4(2) has an error at once, and the descriptor
 * is none of ours to change. */
static int32_t unblock_listening(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    int listens = 0;
    socklen_t len = sizeof(listens);

    if (flags < 0) {
        return -errno;
    }
    if (!(flags & O_NONBLOCK) &&
        getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) == 0 &&
        listens) {
        return result_of(fcntl(fd, F_SETFL, flags | O_NONBLOCK));
    }
    return 0;
}

static int32_t try_accept(const struct pirn_loan *loan)
{
    int32_t r = unblock_listening(loan->fd);

    if (r == 0) {
        r = result_of(accept4(loan->fd, pointer(loan->addr),
                              pointer(loan->offset), (int)loan->op_flags));
    }
    return r == -EAGAIN ? WOULD_WAIT : r;
}

/* A full backlog of a local socket is -EAGAIN for good: it has no readiness. */
static int32_t try_connect(const struct errand *errand)
{
    const struct pirn_loan *loan = errand->loan;
    int flags = fcntl(loan->fd, F_GETFL);
    int32_t r;

    if (flags < 0 || fcntl(loan->fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return -errno;
    }
    r = result_of(
        connect(loan->fd, pointer(loan->addr), (socklen_t)loan->offset));
    if (!(flags & O_NONBLOCK)) {
        pirn_assert(fcntl(loan->fd, F_SETFL, flags) == 0);
    }
    if (r == -EINPROGRESS || r == -EALREADY) {
        return WOULD_WAIT;
    }
    return r == -EISCONN && errand->place == ERRAND_WAITING ? 0 : r;
}

static int32_t transfer(const struct pirn_loan *loan, const struct iovec *iov,
                        int count, int flags)
{
    bool reads = pirn__attempt_events(loan) == EPOLLIN;

    return result_of(reads ? preadv2(loan->fd, iov, count, -1, flags)
                           : pwritev2(loan->fd, iov, count, -1, flags));
}

/* Where the kernel has no flag for it: ask, then call. A pipe that is shared
 * with another reader may be empty again by then. */
static int32_t transfer_polled(const struct pirn_loan *loan,
                               const struct iovec *iov, int count)
{
    struct pollfd ask = {loan->fd, (short)pirn__attempt_events(loan), 0};
    struct iovec piece;
    int n = poll(&ask, 1, 0);

    if (n <= 0) {
        return n == 0 ? -EAGAIN : -errno;
    }
    if (ask.events & POLLIN) {
        return transfer(loan, iov, count, 0);
    }
    while (count > 1 && iov->iov_len == 0) {
        iov++;
        count--;
    }
    piece = *iov;
    piece.iov_len = piece.iov_len < PIPE_BUF ? piece.iov_len : PIPE_BUF;
    return transfer(loan, &piece, 1, 0);
}

static int32_t try_transfer(const struct pirn_loan *loan)
{
    struct iovec one = {pointer(loan->addr), loan->len};
    bool vectored =
        loan->opcode == ENGINE_READV || loan->opcode == ENGINE_WRITEV;
    const struct iovec *iov = vectored ? pointer(loan->addr) : &one;
    int count = vectored ? (int)loan->len : 1;
    int32_t r = transfer(loan, iov, count, RWF_NOWAIT);

    if (r == -EOPNOTSUPP) {
        r = transfer_polled(loan, iov, count);
    }
    return r == -EAGAIN ? WOULD_WAIT : r;
}

static int32_t try_poll(const struct pirn_loan *loan)
{
    struct pollfd ask = {loan->fd, (short)loan->op_flags, 0};
    int n = loan->fd < 0 ? 0 : poll(&ask, 1, 0);

    if (loan->fd < 0) { /* which poll(2) would pass over */
        return -EBADF;
    }
    if (n == 0) {
        return WOULD_WAIT;
    }
    if (n > 0 && (ask.revents & POLLNVAL)) {
        return -EBADF;
    }
    return n < 0 ? -errno : ask.revents;
}

/* An error is as good as readiness: the call will say which. */
static int32_t try_splice(struct errand *errand)
{
    const struct pirn_loan *loan = errand->loan;
    struct pollfd sides[2] = {{(int)loan->arg, POLLIN, 0},
                              {loan->fd, POLLOUT, 0}};

    if (poll(sides, 2, 0) < 0 || (sides[0].revents && sides[1].revents)) {
        return ATTEMPT_DUE;
    }
    errand->fd = sides[0].revents ? sides[1].fd : sides[0].fd;
    errand->events = sides[0].revents ? EPOLLOUT : EPOLLIN;
    return WOULD_WAIT;
}

bool pirn__attempt(struct errand *errand, int32_t *ret_result)
{
    int32_t r = -EOPNOTSUPP;

    errand->fd = errand->loan->fd;
    errand->events = pirn__attempt_events(errand->loan);
    switch ((enum engine_opcode)errand->loan->opcode) {
    case ENGINE_ACCEPT:
        r = try_accept(errand->loan);
        break;
    case ENGINE_CONNECT:
        r = try_connect(errand);
        break;
    case ENGINE_SEND:
    case ENGINE_RECV:
        r = try_bytes(errand);
        break;
    case ENGINE_SENDMSG:
        r = try_message(errand);
        break;
    case ENGINE_READ:
    case ENGINE_READ_MULTISHOT:
    case ENGINE_WRITE:
    case ENGINE_READV:
    case ENGINE_WRITEV:
        r = try_transfer(errand->loan);
        break;
    case ENGINE_POLL:
        r = try_poll(errand->loan);
        break;
    case ENGINE_SPLICE:
        r = try_splice(errand);
        break;
    default:
        break;
    }
    if (r == WOULD_WAIT) {
        return false;
    }
    *ret_result = r;
    return true;
}

uint32_t pirn__attempt_events(const struct pirn_loan *loan)
{
    switch ((enum engine_opcode)loan->opcode) {
    case ENGINE_ACCEPT:
    case ENGINE_RECV:
    case ENGINE_READ:
    case ENGINE_READ_MULTISHOT:
    case ENGINE_READV:
        return EPOLLIN;
    case ENGINE_POLL:
        return loan->op_flags | EPOLLERR | EPOLLHUP;
    default:
        return EPOLLOUT;
    }
}
