/* SPDX-License-Identifier: MIT */
/*
 * bench/missing.h - the side of a library that was not there at the build
 *
 * Its file is compiled all the same; the side says -EOPNOTSUPP and is left out.
 */
#ifndef BENCH_MISSING_H
#define BENCH_MISSING_H

#include <errno.h>

#include "bench/harness.h"

static inline int missing_open(const struct options *options, void **ret_state)
{
    (void)options;
    (void)ret_state;
    return -EOPNOTSUPP;
}

#define SIDE_MISSING(library)                   \
    {                                           \
        .name = (library), .open = missing_open \
    }

#endif /* BENCH_MISSING_H */
