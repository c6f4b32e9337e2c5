/* SPDX-License-Identifier: MIT */
/* address.c - addresses from and to text; listening on one */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "pirn/context.h"
#include "pirn/file.h"
#include "pirn/invariant.h"
#include "pirn/path.h"
#include "pirn/socket.h"

enum { BACKLOG = 4096 }; /* the kernel bounds it by net.core.somaxconn */

static const char unix_prefix[] = "unix:";

static int parse_unix(const char *path, struct pirn_address *address)
{
    struct sockaddr_un *un = (struct sockaddr_un *)&address->storage;
    size_t len = strlen(path);

    if (len == 0 || len >= sizeof(un->sun_path)) {
        return -EINVAL;
    }
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path, len + 1);
    address->len = sizeof(*un);
    return 0;
}

static int parse_port(const char *text, in_port_t *ret_port)
{
    char *end;
    unsigned long port;

    if (text[0] < '0' || text[0] > '9') {
        return -EINVAL;
    }
    port = strtoul(text, &end, 10);
    if (*end != '\0' || port > UINT16_MAX) {
        return -EINVAL;
    }
    *ret_port = htons((uint16_t)port);
    return 0;
}

static int parse_host(const char *host, bool in_brackets, in_port_t port,
                      struct pirn_address *address)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&address->storage;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address->storage;

    if (!in_brackets && inet_pton(AF_INET, host, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = port;
        address->len = sizeof(*in);
        return 0;
    }
    if (in_brackets && inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = port;
        address->len = sizeof(*in6);
        return 0;
    }
    return -EINVAL;
}

int pirn_address_parse(const char *text, struct pirn_address *ret_address)
{
    struct pirn_address address = {.len = 0};
    char host[INET6_ADDRSTRLEN + 2];
    const char *colon = strrchr(text, ':');
    bool in_brackets;
    size_t len;
    in_port_t port;
    int r;

    if (strncmp(text, unix_prefix, strlen(unix_prefix)) == 0) {
        r = parse_unix(text + strlen(unix_prefix), &address);
        if (r == 0) {
            *ret_address = address;
        }
        return r;
    }
    len = colon != NULL ? (size_t)(colon - text) : 0;
    if (len == 0 || len >= sizeof(host) || parse_port(colon + 1, &port) < 0) {
        return -EINVAL;
    }
    memcpy(host, text, len);
    host[len] = '\0';
    in_brackets = host[0] == '[' && host[len - 1] == ']';
    if (in_brackets) {
        host[len - 1] = '\0';
        memmove(host, host + 1, len - 1);
    }
    r = parse_host(host, in_brackets, port, &address);
    if (r == 0) {
        *ret_address = address;
    }
    return r;
}

void pirn_address_format(const struct pirn_address *address,
                         char text[PIRN_ADDRESS_TEXT])
{
    const struct sockaddr_in *in = (const void *)&address->storage;
    const struct sockaddr_in6 *in6 = (const void *)&address->storage;
    const struct sockaddr_un *un = (const void *)&address->storage;
    char host[INET6_ADDRSTRLEN];

    switch (address->storage.ss_family) {
    case AF_INET:
        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        snprintf(text, PIRN_ADDRESS_TEXT, "%s:%u", host, ntohs(in->sin_port));
        return;
    case AF_INET6:
        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        snprintf(text, PIRN_ADDRESS_TEXT, "[%s]:%u", host,
                 ntohs(in6->sin6_port));
        return;
    case AF_UNIX:
        /* A peer that has not bound its socket has an address without a path.
         */
        snprintf(text, PIRN_ADDRESS_TEXT, "%s%.108s", unix_prefix,
                 address->len > offsetof(struct sockaddr_un, sun_path)
                     ? un->sun_path
                     : "");
        return;
    default:
        snprintf(text, PIRN_ADDRESS_TEXT, "unknown");
    }
}

static void close_fd(struct pirn_context *context, int fd)
{
    struct pirn_op op = {0};

    pirn_prep_close(&op, fd);
    (void)pirn_wait(context, &op);
}

static int new_socket(struct pirn_context *context, int family)
{
    struct pirn_op op = {0};

    pirn_prep_socket(&op, family, SOCK_STREAM, 0);
    return pirn_wait(context, &op);
}

/* A connection to a file of another kind is refused as well. */
static bool is_socket_file(struct pirn_context *context, const char *path)
{
    struct pirn_op op = {0};
    struct statx statx;

    pirn_prep_stat(&op, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE,
                   &statx);
    return pirn_wait(context, &op) == 0 && S_ISSOCK(statx.stx_mode);
}

/* Whether a socket file is left over: there is one, and nobody answers. */
static bool is_abandoned(struct pirn_context *context,
                         const struct pirn_address *address)
{
    const struct sockaddr_un *un = (const void *)&address->storage;
    struct pirn_op op = {0};
    int32_t r;
    int fd;

    if (!is_socket_file(context, un->sun_path)) {
        return false;
    }
    fd = new_socket(context, AF_UNIX);
    if (fd < 0) {
        return false;
    }
    pirn_prep_connect(&op, fd, (const void *)&address->storage, address->len);
    r = pirn_wait(context, &op);
    close_fd(context, fd);
    return r == -ECONNREFUSED;
}

static int bind_address(struct pirn_context *context, int fd,
                        const struct pirn_address *address)
{
    const struct sockaddr_un *un = (const void *)&address->storage;
    struct pirn_op op = {0};
    int32_t r;

    pirn_prep_bind(&op, fd, (const void *)&address->storage, address->len);
    r = pirn_wait(context, &op);
    if (r == -EADDRINUSE && address->storage.ss_family == AF_UNIX &&
        is_abandoned(context, address)) {
        struct pirn_op unlink = {0};

        pirn_prep_unlink(&unlink, AT_FDCWD, un->sun_path, 0);
        (void)pirn_wait(context, &unlink);
        r = pirn_wait(context, &op);
    }
    return r;
}

int pirn_listen(struct pirn_context *context,
                const struct pirn_address *address, int *ret_fd)
{
    static const int on = 1;
    struct pirn_op op = {0};
    int fd = new_socket(context, address->storage.ss_family);
    int32_t r;

    if (fd < 0) {
        return fd;
    }
    pirn_prep_set_option(&op, fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    r = pirn_wait(context, &op);
    if (r == 0) {
        r = bind_address(context, fd, address);
    }
    if (r == 0) {
        pirn_prep_listen(&op, fd, BACKLOG);
        r = pirn_wait(context, &op);
    }
    if (r < 0) {
        close_fd(context, fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}
