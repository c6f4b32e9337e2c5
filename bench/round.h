/* SPDX-License-Identifier: MIT */
/*
 * bench/round.h - one side's turn of the comparison: a bounded piece of work
 *
 * A side prepares what it needs (a fresh directory, a spool), then
 *
 *   round_begin(round);
 *   while (!round_is_over(round, now)) { one more operation; round->count++; }
 *   what was begun is ended
 *   round_end(round);
 *
 * so that neither preparing nor tidying up is measured.
 */
#ifndef BENCH_ROUND_H
#define BENCH_ROUND_H

#include <stdbool.h>
#include <stdint.h>

#include "bench/histogram.h"

struct disk;

struct round {
    uint32_t index;     /* 0 is the warm-up, which is not counted */
    uint64_t length_ns; /* nothing is begun after so long ... */
    uint64_t count_max; /* ... or after so many */

    /* The side's to fill, by the functions below or by itself. */
    uint64_t count;
    uint64_t wall_ns;
    uint64_t cpu_ns; /* of this process with all its threads and workers */
    struct histogram latency; /* may stay empty */
    uint64_t flushes; /* of the disk, if there is one, between begin and end */
    uint64_t lost;    /* claims that had nothing although there was something */
    uint64_t queued;  /* items that were there when it began */
    const struct disk *disk; /* or NULL */

    uint64_t began_ns;
    uint64_t began_cpu_ns;
};

/** round_now_ns() - the monotonic clock */
uint64_t round_now_ns(void);

void round_begin(struct round *round);

/** round_is_over() - whether nothing more is to be begun */
static inline bool round_is_over(const struct round *round, uint64_t now_ns)
{
    return now_ns - round->began_ns >= round->length_ns;
}

void round_end(struct round *round);

/**
 * round_of_batches() - a whole round of operations too short to time singly
 * @batch: does @count operations; 0 or a negative errno
 *
 * The clock is read around one batch in 32, which is what the quantiles are of.
 */
int round_of_batches(struct round *round, int (*batch)(void *state),
                     void *state, uint64_t count);

#endif /* BENCH_ROUND_H */
