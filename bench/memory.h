/* SPDX-License-Identifier: MIT */
/*
 * bench/memory.h - what an idle connection keeps resident
 *
 * A server of MEMORY_CONNECTIONS streams beside one with a single stream: the
 * difference, once each connection has echoed one message and is idle again.
 * It is the memory of the process; the kernel's for the socket and for the
 * receive in flight is not in it.
 */
#ifndef BENCH_MEMORY_H
#define BENCH_MEMORY_H

#include <stdint.h>
#include <stdio.h>

#include "bench/harness.h"
#include "bench/machine.h"

enum { MEMORY_CONNECTIONS = 10000 };

struct memory {
    int error; /* 0, or why there are no figures */
    uint32_t stream_bytes;
    uint32_t op_bytes;
    uint32_t buf_bytes; /* for receiving, and for sending */
    double connection_bytes;
};

void memory_run(const struct options *options, struct memory *memory);

/** memory_print() - `memory NAME BYTES`, then what it is made of */
void memory_print(FILE *file, const struct memory *memory);

/** memory_json() - one line */
void memory_json(FILE *file, const struct machine *machine,
                 const struct memory *memory);

#endif /* BENCH_MEMORY_H */
