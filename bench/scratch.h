/* SPDX-License-Identifier: MIT */
/*
 * bench/scratch.h - a file that the page cache holds, and that has no name
 */
#ifndef BENCH_SCRATCH_H
#define BENCH_SCRATCH_H

#include <stdint.h>

#include "bench/harness.h"

/**
 * scratch_make() - make a file, write it once, read it once
 *
 * In the options' directory, or else in TMPDIR, or else in /tmp.
 *
 * Return: its descriptor; or an errno
 */
int scratch_make(const struct options *options, uint64_t bytes);

#endif /* BENCH_SCRATCH_H */
