/* SPDX-License-Identifier: MIT */
/*
 * dns.h - a name server of a few names, on loopback, in a thread
 *
 *   one.test    192.0.2.1, and 2001:db8::1
 *   many.test   192.0.2.1 to 192.0.2.20
 *   four.test   192.0.2.4, and nothing else
 *   long.test   192.0.2.9, but by TCP alone: the datagram is truncated
 *   fail.test   SERVFAIL
 *   mute.test   no answer
 *   all others  NXDOMAIN
 */
#ifndef TESTS_KERNEL_DNS_H
#define TESTS_KERNEL_DNS_H

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DNS_A = 1, DNS_AAAA = 28, DNS_HEADER = 12 };

struct dns {
    pthread_t thread;
    int udp;
    int tcp;
    int stop[2];
    atomic_int queries;
    char servers[64];
};

static inline size_t dns_put(uint8_t *at, uint16_t type, uint8_t last)
{
    static const uint8_t v6[] = {0x20, 0x01, 0x0d, 0xb8};
    uint8_t size = type == DNS_A ? 4 : 16;
    uint8_t head[] = {0xc0, DNS_HEADER, 0, (uint8_t)type, 0, 1, 0, 0,
                      0,    60,         0, size};

    memcpy(at, head, sizeof(head));
    memset(at + sizeof(head), 0, size);
    if (type == DNS_A) {
        memcpy(at + sizeof(head), (uint8_t[]){192, 0, 2, last}, 4);
    } else {
        memcpy(at + sizeof(head), v6, sizeof(v6));
        at[sizeof(head) + 15] = last;
    }
    return sizeof(head) + size;
}

/* Turn the query of @len bytes into its answer; 0: there is none. */
static inline size_t dns_answer(uint8_t *bytes, size_t len, bool by_tcp)
{
    char label[64] = "";
    size_t size = len > DNS_HEADER ? bytes[DNS_HEADER] : 0;
    size_t end = DNS_HEADER;
    bool is_many;
    uint16_t type;
    int count = 0;

    while (end < len && bytes[end] != 0) {
        end += bytes[end] + 1u;
    }
    end += 5; /* the root, the type, the class */
    if (size == 0 || size > 63 || end > len) {
        return 0;
    }
    memcpy(label, bytes + DNS_HEADER + 1, size);
    type = bytes[end - 3];
    memset(bytes + 6, 0, 6);
    bytes[2] = 0x85;
    bytes[3] = 0x80;
    is_many = strcmp(label, "many") == 0;
    if (strcmp(label, "mute") == 0) {
        return 0;
    }
    if (strcmp(label, "fail") == 0) {
        bytes[3] |= 2;
    } else if (strcmp(label, "long") == 0 && !by_tcp) {
        bytes[2] |= 2;
    } else if (strcmp(label, "one") == 0) {
        end += dns_put(bytes + end, type, 1);
        count = 1;
    } else if (is_many || strcmp(label, "four") == 0 ||
               strcmp(label, "long") == 0) {
        for (; type == DNS_A && count < (is_many ? 20 : 1); count++) {
            end += dns_put(bytes + end, type,
                           is_many           ? (uint8_t)(count + 1)
                           : label[0] == 'f' ? 4
                                             : 9);
        }
    } else {
        bytes[3] |= 3;
    }
    bytes[7] = (uint8_t)count;
    return end;
}

static inline void dns_by_udp(struct dns *dns)
{
    uint8_t bytes[1024];
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof(peer);
    ssize_t n =
        recvfrom(dns->udp, bytes, 512, 0, (struct sockaddr *)&peer, &peer_len);
    size_t len = n > 0 ? dns_answer(bytes, (size_t)n, false) : 0;

    atomic_fetch_add(&dns->queries, 1);
    if (len > 0) {
        (void)!sendto(dns->udp, bytes, len, 0, (struct sockaddr *)&peer,
                      peer_len);
    }
}

/* One query of the connection; whether there may be more. */
static inline bool dns_by_tcp(struct dns *dns, int fd)
{
    uint8_t bytes[1024];
    ssize_t n = 0;
    size_t len;

    if (recv(fd, bytes, 2, MSG_WAITALL) == 2) {
        n = recv(fd, bytes + 2, bytes[1], MSG_WAITALL);
    }
    if (n <= 0) {
        close(fd);
        return false;
    }
    atomic_fetch_add(&dns->queries, 1);
    len = dns_answer(bytes + 2, (size_t)n, true);
    bytes[0] = (uint8_t)(len >> 8);
    bytes[1] = (uint8_t)len;
    (void)!send(fd, bytes, len + 2, MSG_NOSIGNAL);
    return true;
}

static inline void *dns_serve(void *argument)
{
    struct dns *dns = argument;
    struct pollfd fds[4] = {{dns->udp, POLLIN, 0},
                            {dns->tcp, POLLIN, 0},
                            {dns->stop[0], POLLIN, 0},
                            {-1, POLLIN, 0}}; /* a connection at a time */

    while (poll(fds, 4, -1) > 0 && fds[2].revents == 0) {
        if (fds[0].revents) {
            dns_by_udp(dns);
        }
        if (fds[3].revents && !dns_by_tcp(dns, fds[3].fd)) {
            fds[3].fd = -1;
        } else if (fds[1].revents && fds[3].fd < 0) {
            fds[3].fd = accept(dns->tcp, NULL, NULL);
        }
        fds[1].events = (short)(fds[3].fd < 0 ? POLLIN : 0);
    }
    if (fds[3].fd >= 0) {
        close(fds[3].fd);
    }
    return NULL;
}

/* Both on one port; where the other protocol has it, try another. */
static inline bool dns_bind(struct dns *dns)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);

    dns->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    dns->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(dns->udp, (struct sockaddr *)&address, len) == 0 &&
        getsockname(dns->udp, (struct sockaddr *)&address, &len) == 0 &&
        bind(dns->tcp, (struct sockaddr *)&address, len) == 0 &&
        listen(dns->tcp, 8) == 0) {
        snprintf(dns->servers, sizeof(dns->servers), "127.0.0.1:%u",
                 ntohs(address.sin_port));
        return true;
    }
    close(dns->udp);
    close(dns->tcp);
    return false;
}

static inline void dns_start(struct dns *dns)
{
    int tries = 20;

    memset(dns, 0, sizeof(*dns));
    while (!dns_bind(dns) && tries-- > 0) {
    }
    assert_true(tries > 0);
    assert_int_equal(pipe(dns->stop), 0);
    assert_int_equal(pthread_create(&dns->thread, NULL, dns_serve, dns), 0);
}

static inline void dns_stop(struct dns *dns)
{
    close(dns->stop[1]);
    pthread_join(dns->thread, NULL);
    close(dns->stop[0]);
    close(dns->udp);
    close(dns->tcp);
}

#endif /* TESTS_KERNEL_DNS_H */
