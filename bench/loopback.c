/* SPDX-License-Identifier: MIT */
/* loopback.c - see bench/loopback.h */
#include "bench/loopback.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

struct sockaddr_in loopback_address(unsigned port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

int loopback_listen(struct sockaddr_in *ret_address)
{
    struct sockaddr_in address = loopback_address(0);
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) < 0 ||
        listen(fd, SOMAXCONN) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) < 0) {
        int r = -errno;

        if (fd >= 0) {
            close(fd);
        }
        return r;
    }
    *ret_address = address;
    return fd;
}
