/* SPDX-License-Identifier: MIT */
/*
 * bench/machine.h - where a figure was measured
 */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include <stdbool.h>

enum { MACHINE_TEXT = 512 };

struct machine {
    char cpu[MACHINE_TEXT];
    long cores;
    char kernel[MACHINE_TEXT];
    char mitigations[MACHINE_TEXT]; /* of what concerns this processor */
    char engine[MACHINE_TEXT];
    char reason[MACHINE_TEXT]; /* why that engine */
    char compiler[MACHINE_TEXT];
    char commit[MACHINE_TEXT]; /* of the source tree; "" if not known */

    /* Of the directory of durable work; "" without one. */
    char fs[MACHINE_TEXT];
    char device[MACHINE_TEXT];
    char mount[MACHINE_TEXT]; /* options */
    bool loop;                /* a loop device ... */
    bool direct;              /* ... with direct I/O */
};

/**
 * machine_read() - find out
 * @dir:    the directory of durable work, or NULL
 * @commit: what git says, or NULL
 *
 * What cannot be found out stays "?".
 */
void machine_read(struct machine *machine, const char *dir, const char *commit);

#endif /* BENCH_MACHINE_H */
