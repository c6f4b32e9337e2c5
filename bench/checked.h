/* SPDX-License-Identifier: MIT */
/*
 * bench/checked.h - what a check of our spool costs, and who writes meanwhile
 *
 * In either layout: one process checks over and over, alone; another one writes
 * with COMMIT_DEPTH items in flight, alone, and then beside the one who checks.
 * The three take turns, as sides do.
 */
#ifndef BENCH_CHECKED_H
#define BENCH_CHECKED_H

#include <stdint.h>
#include <stdio.h>

#include "bench/harness.h"
#include "bench/machine.h"

/* Of one layout, by round. */
struct checked_layout {
    const char *name;
    uint64_t items;                /* there before the first round */
    double per_second[ROUNDS_MAX]; /* items checked, nobody writes */
    double cpu_ns[ROUNDS_MAX];     /* of each of them */
    double writing[ROUNDS_MAX];    /* the writer's rate beside / alone */
};

struct checked {
    int error; /* 0, or why there are no figures */
    uint32_t rounds;
    struct checked_layout layouts[2];
};

void checked_run(const struct options *options, struct checked *checked);

/** checked_print() - `ratio fsck_writer_LAYOUT VALUE` and `fsck LAYOUT RATE` */
void checked_print(FILE *file, const struct checked *checked);

/** checked_json() - a line per layout */
void checked_json(FILE *file, const struct machine *machine,
                  const struct checked *checked);

#endif /* BENCH_CHECKED_H */
