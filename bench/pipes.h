/* SPDX-License-Identifier: MIT */
/*
 * bench/pipes.h - 1,000 pipes, and 100 bytes that go round through them
 *
 * Each event is a pipe that has become readable: its byte is read, and written
 * to the next pipe. So at each time 100 of 1,000 descriptors are ready.
 */
#ifndef BENCH_PIPES_H
#define BENCH_PIPES_H

#include <stdint.h>

enum {
    PIPE_COUNT = 1000,
    PIPE_BYTES = 100, /* on their way */
    PIPE_BATCH = 1000,
};

struct pipes {
    int read_fds[PIPE_COUNT];
    int write_fds[PIPE_COUNT];
    uint64_t passed; /* so far */
    uint64_t wanted; /* by the batches so far */
};

/** pipes_open() - all of them, with the bytes in; 0, or an errno */
int pipes_open(struct pipes *pipes);

void pipes_close(struct pipes *pipes);

/** pipes_pass() - what is done about pipe @index being readable */
void pipes_pass(struct pipes *pipes, unsigned index);

#endif /* BENCH_PIPES_H */
