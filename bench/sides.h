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
    COMMIT_DEPTH = 64, /* items in flight: ops, or threads */
    COMMIT_BYTES = 4096,
};

extern const struct side bench_nop;
extern const struct side base_nop;

extern const struct side bench_chain;
extern const struct side base_chain;
extern const struct side base_links;

extern const struct side bench_commit;
extern const struct side base_commit;

extern const struct side bench_smtp;
extern const struct side peer_sink;

#endif /* BENCH_SIDES_H */
