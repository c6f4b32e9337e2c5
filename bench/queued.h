/* SPDX-License-Identifier: MIT */
/*
 * bench/queued.h - what processes keep resident of a spool with many items
 *
 * Two processes open it and count its items, which looks at all there is of an
 * index. What they map is counted once, by their proportional shares; what is
 * private is what each has allocated, on average, since before the opening.
 */
#ifndef BENCH_QUEUED_H
#define BENCH_QUEUED_H

#include <stdint.h>
#include <stdio.h>

#include "bench/harness.h"
#include "bench/machine.h"

enum { QUEUED_ITEMS = 1000000 };

struct queued {
    int error; /* 0, or why there are no figures */
    uint64_t items;
    uint64_t shared_bytes;
    uint64_t private_bytes;
};

void queued_run(const struct options *options, struct queued *queued);

/** queued_print() - `memory NAME BYTES`, for both */
void queued_print(FILE *file, const struct queued *queued);

/** queued_json() - one line */
void queued_json(FILE *file, const struct machine *machine,
                 const struct queued *queued);

#endif /* BENCH_QUEUED_H */
