/* SPDX-License-Identifier: MIT */
/*
 * bench/sides.h - every side of every question; main.c puts them together
 *
 * A file per side: bench_X.c asks with public headers alone, base_X.c does the
 * same on bare liburing or bare system calls, peer_X.c with what a user would
 * pick instead.
 */
#ifndef BENCH_SIDES_H
#define BENCH_SIDES_H

#include "bench/harness.h"

enum {
    NOP_BATCH = 32,
    READ_BATCH = 32,
    READ_BYTES = 4096,
    READ_FILE = 8 << 20,
    COPY_DEPTH = 8, /* pieces under way */
    COPY_BYTES = 65536,
    COPY_FILE = 16 << 20,
    COMMIT_DEPTH = 64, /* items in flight: ops, or threads */
    COMMIT_BYTES = 4096,
    SPOOL_DEPTH = 256,    /* items in flight, or in a batch */
    TAKE_DEPTH = 64,      /* items of one process that takes many */
    DRAIN_ITEMS = 100000, /* queued at most for those who empty a spool */
};

extern const struct side bench_nop;
extern const struct side base_nop;

extern const struct side bench_read;
extern const struct side base_read;
extern const struct side base_read_registered;

extern const struct side bench_timer;
extern const struct side peer_timer_libev;
extern const struct side peer_timer_libuv;
extern const struct side peer_timer_tevent;

extern const struct side bench_watch;
extern const struct side bench_watch_edge;
extern const struct side base_watch;
extern const struct side base_watch_edge;
extern const struct side peer_watch_libev;

extern const struct side bench_echo;
extern const struct side base_echo;
extern const struct side base_echo_ring;
extern const struct side base_echo_registered;
extern const struct side peer_echo_libev;
extern const struct side peer_echo_libevent;
extern const struct side peer_echo_libuv;
extern const struct side peer_echo_tevent;

extern const struct side bench_post;
extern const struct side peer_post_libuv;

extern const struct side base_send;
extern const struct side base_send_zc;

extern const struct side bench_serial;
extern const struct side bench_serial_lone;
extern const struct side bench_serial_deep;
extern const struct side peer_serial_tevent;
extern const struct side peer_serial_tevent_lone;
extern const struct side peer_serial_tevent_deep;
extern const struct side peer_serial_tevent_fast;

extern const struct side bench_request;
extern const struct side peer_request_tevent;

extern const struct side bench_gate;
extern const struct side bench_gate_loop;

extern const struct side bench_latency;
extern const struct side peer_latency_libuv;

extern const struct side bench_echo_uring;
extern const struct side bench_echo_plain;
extern const struct side bench_copy_uring;
extern const struct side bench_copy_plain;

extern const struct side bench_chain;
extern const struct side bench_chain_ring;
extern const struct side bench_chain_pool;
extern const struct side base_chain;
extern const struct side base_links;

extern const struct side bench_commit;
extern const struct side bench_commit_own;
extern const struct side base_commit;

extern const struct side bench_smtp;
extern const struct side bench_smtp_ring;
extern const struct side bench_smtp_pool;
extern const struct side peer_sink;

extern const struct side bench_spool_enqueue;
extern const struct side bench_spool_lone;
extern const struct side bench_spool_through;
extern const struct side base_linked;
extern const struct side base_linked_direct;
extern const struct side base_dsync;
extern const struct side base_dsync_direct;
extern const struct side base_lone_sync;
extern const struct side base_lone_sync_direct;
extern const struct side base_lone_dsync;
extern const struct side base_lone_dsync_direct;
extern const struct side base_files;

extern const struct side bench_spool_drain2;
extern const struct side bench_spool_drain4;
extern const struct side bench_spool_drain16;
extern const struct side bench_file_drain4;
extern const struct side base_drain;
extern const struct side peer_multispool;

extern const struct side bench_spool_restart_full;
extern const struct side bench_spool_restart_empty;
extern const struct side bench_spool_cold_full;
extern const struct side bench_spool_cold_empty;
extern const struct side bench_spool_counted_full;
extern const struct side bench_spool_counted_empty;

#endif /* BENCH_SIDES_H */
