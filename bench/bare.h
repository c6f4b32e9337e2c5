/* SPDX-License-Identifier: MIT */
/*
 * bench/bare.h - a ring of bare liburing, set up as the runtime sets up its own
 */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

struct io_uring;

/** bare_ring() - 0, or an errno */
int bare_ring(struct io_uring *ring);

#endif /* BENCH_BARE_H */
