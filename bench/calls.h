/* SPDX-License-Identifier: MIT */
/*
 * bench/calls.h - which system calls a loaded `pirn serve` makes per message
 *
 * Counted by strace on a server of its own, under the default policy, from
 * before the first connection to after the last. A kernel worker's work is no
 * call of the process. The count of io_uring_enter is that of a server which
 * strace slows down: batches are larger and calls fewer than without.
 */
#ifndef BENCH_CALLS_H
#define BENCH_CALLS_H

#include <stdio.h>

#include "bench/harness.h"
#include "bench/machine.h"

enum {
    CALLS_MAX = 64,
    CALL_TEXT = 32,
};

struct calls {
    int error; /* 0, or why there are no figures */
    uint64_t messages;
    uint32_t count;
    struct call {
        char name[CALL_TEXT];
        double per_message;
    } calls[CALLS_MAX]; /* most frequent first */
};

void calls_run(const struct options *options, struct calls *calls);

/** calls_print() - `calls NAME PER_MESSAGE`, and the sum without the ring's */
void calls_print(FILE *file, const struct calls *calls);

/** calls_json() - one line */
void calls_json(FILE *file, const struct machine *machine,
                const struct calls *calls);

#endif /* BENCH_CALLS_H */
