/* SPDX-License-Identifier: MIT */
/*
 * bench/sustained.h - whether our spool is as fast at the end as at the start
 *
 * One writer with SPOOL_DEPTH items in flight, 16 processes that take, read and
 * remove, as in `in_and_out`, but on one spool and for long: the rate of the
 * last tenth of the items beside that of the first.
 */
#ifndef BENCH_SUSTAINED_H
#define BENCH_SUSTAINED_H

#include <stdint.h>
#include <stdio.h>

#include "bench/harness.h"
#include "bench/machine.h"

enum {
    SUSTAINED_ITEMS = 2000000,
    TENTHS = 10,
};

struct sustained {
    int error; /* 0, or why there are no figures */
    uint64_t items;
    uint64_t lost;
    double seconds;
    double flushes;            /* per item */
    double cpu_ns;             /* per item, of all processes */
    double per_second[TENTHS]; /* of each tenth of the items */
};

void sustained_run(const struct options *options, struct sustained *sustained);

/** sustained_print() - `ratio sustained VALUE`, then the reach of the tenths */
void sustained_print(FILE *file, const struct sustained *sustained);

/** sustained_json() - one line */
void sustained_json(FILE *file, const struct machine *machine,
                    const struct sustained *sustained);

#endif /* BENCH_SUSTAINED_H */
