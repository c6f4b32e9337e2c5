/* SPDX-License-Identifier: MIT */
/*
 * bench/echo.h - a server of echoes in a process of its own, and its load
 *
 * The server takes a known number of connections, then serves them for ever: it
 * is killed in the end. Its CPU time alone is counted. The load is the same for
 * every server: plain epoll, each message that came back is sent again.
 *
 *   load (processor 1)  --- depth x 128 bytes on each connection --> server (0)
 *                       <-- in pieces of at most plan->piece bytes ---
 *
 * No more than ECHO_BUF bytes are ever on their way on a connection, so a
 * server's send to it always fits into the socket.
 */
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/harness.h"

enum {
    ECHO_BYTES = 128,
    ECHO_BUF = 2048, /* what a server receives at once */
    ECHO_DEPTH_MAX = ECHO_BUF / ECHO_BYTES,
};

struct echo_plan {
    uint32_t connections;
    uint32_t depth; /* messages on their way on each connection */
    uint32_t piece; /* most that a server may answer by one send */
};

/**
 * echo_serve_fn - a server, in its own process
 * @fds: of @plan->connections sockets, blocking, with TCP_NODELAY
 *
 * Returns only if it cannot go on.
 */
typedef void echo_serve_fn(const struct echo_plan *plan, const int *fds);

/**
 * echo_open() - start a server and connect to it; as side.open
 * @engine: PIRN_ENGINE of the server; NULL: as it is
 */
int echo_open(const struct options *options, echo_serve_fn *serve,
              const char *engine, void **ret_state);

/** echo_round() - as side.round; the CPU time is the server's */
int echo_round(void *state, struct round *round);

/** echo_pid() - the server's */
pid_t echo_pid(const void *state);

/** echo_close() - as side.close */
void echo_close(void *state);

/* --- for servers that are told when a socket is ready --- */

/** echo_nonblocking() - make all sockets so */
void echo_nonblocking(const struct echo_plan *plan, const int *fds);

/** echo_ready() - receive once, send it back in pieces; false: the end */
bool echo_ready(const struct echo_plan *plan, int fd);

#endif /* BENCH_ECHO_H */
