/* SPDX-License-Identifier: MIT */
/*
 * samples.c - see bench/samples.h
 *
 * A share begins and ends between two samples, where the line between them
 * says.
 */
#include "bench/samples.h"

void samples_add(struct samples *samples, uint64_t ns, uint64_t items)
{
    if (samples->count < SAMPLES) {
        samples->all[samples->count++] =
            (struct sample){(double)ns, (double)items};
    }
}

/* When so many had been taken. */
static double time_of(const struct samples *samples, double items)
{
    uint32_t i = 1;

    while (i + 1 < samples->count && samples->all[i].items < items) {
        i++;
    }
    const struct sample *a = &samples->all[i - 1];
    const struct sample *b = &samples->all[i];

    return b->items > a->items ? a->ns + (b->ns - a->ns) * (items - a->items) /
                                             (b->items - a->items)
                               : b->ns;
}

void samples_rates(const struct samples *samples, unsigned count,
                   double *ret_per_second)
{
    double items = (double)samples_items(samples);
    double before_ns = samples->all[0].ns;

    for (unsigned i = 0; i < count; i++) {
        double end_ns = time_of(samples, items * (i + 1) / count);

        ret_per_second[i] = items / count / (end_ns - before_ns) * 1e9;
        before_ns = end_ns;
    }
}

uint64_t samples_items(const struct samples *samples)
{
    return (uint64_t)samples->all[samples->count - 1].items;
}

double samples_seconds(const struct samples *samples)
{
    return (samples->all[samples->count - 1].ns - samples->all[0].ns) / 1e9;
}
