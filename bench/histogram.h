/* SPDX-License-Identifier: MIT */
/*
 * bench/histogram.h - how long single operations took
 *
 * Log-linear: 32 steps to each power of two, so a quantile is off by 3 % at
 * most, from 1 ns to centuries, in 15 KiB and without allocation.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum {
    HISTOGRAM_STEPS = 32,
    HISTOGRAM_BUCKETS = 60 * HISTOGRAM_STEPS,
};

/* Zeroed memory is an empty one. */
struct histogram {
    uint64_t count;
    uint64_t buckets[HISTOGRAM_BUCKETS];
};

void histogram_add(struct histogram *histogram, uint64_t ns);

/** histogram_merge() - add what @from has seen to @to */
void histogram_merge(struct histogram *to, const struct histogram *from);

/**
 * histogram_quantile() - below which @share of all values lies
 * @share: 0.5 for the median, 0.99
 *
 * Return: nanoseconds, the middle of a step; 0 of an empty histogram
 */
uint64_t histogram_quantile(const struct histogram *histogram, double share);

#endif /* BENCH_HISTOGRAM_H */
