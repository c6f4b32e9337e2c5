/* SPDX-License-Identifier: MIT */
/*
 * histogram.c - buckets by the five bits behind a value's leading one
 *
 * Values below 32 have a bucket each. Above, a value with its leading bit at
 * 2^n falls into one of 32 buckets of width 2^(n-5).
 */
#include "bench/histogram.h"

static unsigned exponent_of(uint64_t value)
{
    return 63 - (unsigned)__builtin_clzll(value | 1);
}

static unsigned bucket_of(uint64_t ns)
{
    unsigned exponent = exponent_of(ns);

    if (exponent < 5) {
        return (unsigned)ns;
    }
    return (exponent - 4) * HISTOGRAM_STEPS +
           (unsigned)((ns >> (exponent - 5)) & (HISTOGRAM_STEPS - 1));
}

static uint64_t middle_of(unsigned bucket)
{
    unsigned shift = bucket / HISTOGRAM_STEPS;
    uint64_t step = bucket % HISTOGRAM_STEPS;

    if (shift == 0) {
        return step;
    }
    shift--;
    return ((HISTOGRAM_STEPS + step) << shift) + ((1ull << shift) >> 1);
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
    histogram->count++;
    histogram->buckets[bucket_of(ns)]++;
}

void histogram_merge(struct histogram *to, const struct histogram *from)
{
    to->count += from->count;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        to->buckets[i] += from->buckets[i];
    }
}

uint64_t histogram_quantile(const struct histogram *histogram, double share)
{
    uint64_t rank = (uint64_t)(share * (double)histogram->count);
    uint64_t seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->buckets[i];
        if (seen > rank) {
            return middle_of(i);
        }
    }
    return 0;
}
