/* SPDX-License-Identifier: MIT */
/*
 * bench/listed.h - how soon `pirn ls` says something, and what memory it needs
 *
 * The program itself, on a spool of either layout with as many items as there
 * is time for. Its peak is VmHWM of /proc, and what of this is the index that
 * all processes share (RssShmem) counted apart; both as they were last seen
 * before its end, when all but a pipe's worth had been said.
 */
#ifndef BENCH_LISTED_H
#define BENCH_LISTED_H

#include <stdint.h>
#include <stdio.h>

#include "bench/harness.h"
#include "bench/machine.h"

enum { LISTED_ITEMS = 1000000 };

struct listed_layout {
    const char *name;
    uint64_t items;
    double first_ns[ROUNDS_MAX]; /* from its start to its first line */
    double all_ns[ROUNDS_MAX];   /* to its end */
    uint64_t private_bytes;      /* at most, over all rounds */
    uint64_t shared_bytes;
};

struct listed {
    int error; /* 0, or why there are no figures */
    uint32_t rounds;
    struct listed_layout layouts[2];
};

void listed_run(const struct options *options, struct listed *listed);

/** listed_print() - `ls LAYOUT MS`, `memory ls_LAYOUT BYTES` */
void listed_print(FILE *file, const struct listed *listed);

/** listed_json() - a line per layout */
void listed_json(FILE *file, const struct machine *machine,
                 const struct listed *listed);

#endif /* BENCH_LISTED_H */
