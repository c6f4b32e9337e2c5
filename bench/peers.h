/* SPDX-License-Identifier: MIT */
/*
 * bench/peers.h - which versions of the other libraries these are
 *
 * A library that was not there at the build has no version.
 */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

const char *peer_libev_version(void);
const char *peer_libevent_version(void);
const char *peer_libuv_version(void);
const char *peer_tevent_version(void);

#endif /* BENCH_PEERS_H */
