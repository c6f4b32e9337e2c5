/* SPDX-License-Identifier: MIT */
/*
 * bench/loopback.h - sockets of this machine's own
 */
#ifndef BENCH_LOOPBACK_H
#define BENCH_LOOPBACK_H

#include <netinet/in.h>

/** loopback_address() - 127.0.0.1; 0: a port that the kernel names */
struct sockaddr_in loopback_address(unsigned port);

/** loopback_listen() - on such a port; the socket, or a negative errno */
int loopback_listen(struct sockaddr_in *ret_address);

#endif /* BENCH_LOOPBACK_H */
