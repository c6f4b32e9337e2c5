/* SPDX-License-Identifier: MIT */
/*
 * bench/torture.h - a crash harness for a machine of the user's
 *
 *   torture.c         the command line
 *   torture_run.c     who forks, kills, stops and cuts
 *   torture_crew.c    who writes, takes and takes stock
 *   torture_ledger.c  what was told, and what that owes
 *   torture_report.c  what a person reads of it
 */
#ifndef BENCH_TORTURE_H
#define BENCH_TORTURE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "bench/torture_ledger.h"

enum { TORTURE_CREW_MAX = 10 }; /* writers; takers */

struct torture_options {
    const char *dir;
    enum pirn_layout layout;
    uint64_t length_ns; /* 0: until @kills */
    uint32_t kills;     /* 0: until @length_ns */
    uint32_t writers;
    uint32_t takers;
    uint64_t seed;
    uint32_t cuts;    /* of the power; 0: none, and no file system of our own */
    const char *type; /* of that */
    bool keep;
    bool spoil; /* an item is removed behind the ledger's back */
};

/* What came of it. */
struct torture_result {
    struct torture_ledger ledger;
    char root[PLACE_PATH]; /* our directory; empty: none was made */
    uint64_t ran_ns;
    uint32_t kills, stops, cuts;
    uint32_t removed; /* by takers */
    uint32_t left;    /* when stock was taken last */
    uint32_t stuck;   /* items of dead ones that nobody could have in time */
    uint64_t cut_ns;  /* from a cut to an open spool, at most, with the mount */
    int signal;       /* that ended it; 0: it came to its end */
    const char *why;  /* it is not possible here, and what helps; or NULL */
    int error;        /* of that; 0: none */
};

/** torture_main() - @argv from `torture` on; the exit code */
int torture_main(int argc, char **argv);

/** torture_run() - all of it; @result's ledger is to be ended by the caller */
void torture_run(const struct torture_options *options,
                 struct torture_result *result);

/** torture_is_held() - all that was promised */
bool torture_is_held(const struct torture_result *result);

/** torture_print() - the table and the verdict */
void torture_print(FILE *file, const struct torture_options *options,
                   const struct torture_result *result);

/** torture_json() - a line */
void torture_json(FILE *file, const struct torture_options *options,
                  const struct torture_result *result);

#endif /* BENCH_TORTURE_H */
