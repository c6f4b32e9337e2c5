/* SPDX-License-Identifier: MIT */
/* socket.c - see pirn/socket.h; addresses are in address.c */
#include "pirn/socket.h"

#include "pirn/invariant.h"
#include "runtime/context.h"

/* As IORING_ACCEPT_MULTISHOT and IORING_RECV_MULTISHOT, flags of the
 * submission's ioprio. */
enum { ACCEPT_MULTISHOT = 1 << 0, RECV_MULTISHOT = 1 << 1 };

void pirn_prep_socket(struct pirn_op *op, int domain, int type, int protocol)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_SOCKET);

    loan->fd = domain;
    loan->offset = (uint64_t)(uint32_t)(type | SOCK_CLOEXEC);
    loan->len = (uint32_t)protocol;
}

static void prep_addressed(struct pirn_op *op, uint8_t opcode, int fd,
                           const struct sockaddr *address,
                           socklen_t address_len)
{
    struct pirn_loan *loan = pirn__prep(op, opcode);

    pirn_assert(address != NULL);
    loan->fd = fd;
    loan->addr = (uintptr_t)address;
    loan->offset = address_len;
}

void pirn_prep_bind(struct pirn_op *op, int fd, const struct sockaddr *address,
                    socklen_t address_len)
{
    prep_addressed(op, ENGINE_BIND, fd, address, address_len);
}

void pirn_prep_connect(struct pirn_op *op, int fd,
                       const struct sockaddr *address, socklen_t address_len)
{
    prep_addressed(op, ENGINE_CONNECT, fd, address, address_len);
}

void pirn_prep_listen(struct pirn_op *op, int fd, int backlog)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_LISTEN);

    loan->fd = fd;
    loan->len = (uint32_t)backlog;
}

void pirn_prep_set_option(struct pirn_op *op, int fd, int level, int name,
                          const void *value, uint32_t value_len)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_SET_OPTION);

    loan->fd = fd;
    loan->addr = (uintptr_t)value;
    loan->len = value_len;
    loan->offset = (uint64_t)(uint32_t)level << 32 | (uint32_t)name;
}

void pirn_prep_accept(struct pirn_op *op, int fd, struct sockaddr *address,
                      socklen_t *address_len)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_ACCEPT);

    pirn_assert((address == NULL) == (address_len == NULL));
    loan->fd = fd;
    loan->addr = (uintptr_t)address;
    loan->offset = (uintptr_t)address_len;
    loan->op_flags = SOCK_CLOEXEC;
}

void pirn_prep_multishot_accept(struct pirn_multishot *shot, int fd)
{
    struct pirn_loan *loan = pirn__prep_multishot(shot, ENGINE_ACCEPT);

    loan->extra = ACCEPT_MULTISHOT;
    loan->fd = fd;
    loan->op_flags = SOCK_CLOEXEC;
}

void pirn_prep_send(struct pirn_op *op, int fd, const void *bytes, uint32_t len,
                    int flags)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_SEND);

    pirn_assert(bytes != NULL && len > 0);
    loan->fd = fd;
    loan->addr = (uintptr_t)bytes;
    loan->len = len;
    loan->op_flags = (uint32_t)(flags | MSG_NOSIGNAL);
}

void pirn_prep_sendmsg(struct pirn_op *op, int fd, const struct msghdr *message,
                       int flags)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_SENDMSG);

    pirn_assert(message != NULL);
    loan->fd = fd;
    loan->addr = (uintptr_t)message;
    loan->len = 1;
    loan->op_flags = (uint32_t)(flags | MSG_NOSIGNAL);
}

void pirn_prep_recv(struct pirn_op *op, int fd, void *buf, uint32_t len,
                    int flags)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_RECV);

    pirn_assert(buf != NULL && len > 0);
    loan->fd = fd;
    loan->addr = (uintptr_t)buf;
    loan->len = len;
    loan->op_flags = (uint32_t)flags;
}

void pirn_prep_multishot_recv(struct pirn_multishot *shot, int fd, int flags)
{
    struct pirn_loan *loan = pirn__prep_multishot(shot, ENGINE_RECV);

    /* A peek would come again and again, a truncated length lead too far. */
    pirn_assert_rule((flags & (MSG_WAITALL | MSG_PEEK | MSG_TRUNC)) == 0,
                     "a multishot receives what comes, and takes it");
    loan->flags |= LOAN_SELECT;
    loan->extra = RECV_MULTISHOT;
    loan->fd = fd;
    loan->op_flags = (uint32_t)flags;
}

void pirn_prep_shutdown(struct pirn_op *op, int fd, int how)
{
    struct pirn_loan *loan = pirn__prep(op, ENGINE_SHUTDOWN);

    loan->fd = fd;
    loan->len = (uint32_t)how;
}
