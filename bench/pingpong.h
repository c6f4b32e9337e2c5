/* SPDX-License-Identifier: MIT */
/*
 * bench/pingpong.h - one message there and back between two that sleep
 *
 * The harness's thread and the other's are on different processors. Before each
 * message the harness's thread is busy for PING_PAUSE_NS, so that the other has
 * gone to sleep; while it waits for the answer it sleeps itself.
 */
#ifndef BENCH_PINGPONG_H
#define BENCH_PINGPONG_H

#include "bench/round.h"

enum { PING_PAUSE_NS = 20000 };

/**
 * pingpong_round() - a whole round
 * @ping: sends one message and returns when its answer has come; 0 or an errno
 */
int pingpong_round(struct round *round, int (*ping)(void *state), void *state);

#endif /* BENCH_PINGPONG_H */
