/* SPDX-License-Identifier: MIT */
/*
 * bench/samples.h - how many had been done when; pure
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stdint.h>

enum { SAMPLES = 65536 };

/* Zeroed memory has none. */
struct samples {
    uint32_t count;
    struct sample {
        double ns;
        double items;
    } all[SAMPLES];
};

/** samples_add() - @items had been done at @ns; neither ever falls; what is too
 * many is not kept */
void samples_add(struct samples *samples, uint64_t ns, uint64_t items);

/** samples_rates() - per second, of each of @count equal shares of the items;
 * there are at least two samples */
void samples_rates(const struct samples *samples, unsigned count,
                   double *ret_per_second);

uint64_t samples_items(const struct samples *samples);

double samples_seconds(const struct samples *samples);

#endif /* BENCH_SAMPLES_H */
