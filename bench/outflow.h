/* SPDX-License-Identifier: MIT */
/*
 * bench/outflow.h - all items taken out of our spool, many at a time on one
 * context, so that what they stood in is there to be used again
 */
#ifndef BENCH_OUTFLOW_H
#define BENCH_OUTFLOW_H

#include <stdint.h>

/**
 * stock_empty() - claim and remove all, and wait until it is durable
 *
 * A log writes into segments that were written before, if they are free: they
 * are, when this returns.
 *
 * Return: 0 or an errno
 */
int stock_empty(const char *path);

/**
 * stock_prepare() - make a spool, fill it, empty it
 * @items:   so many at most, as stock_fill() has it
 * @long_ns: nor longer
 *
 * What is written afterwards finds room that was written once, as the bare
 * writes do.
 */
int stock_prepare(const char *path, uint64_t items, uint64_t long_ns);

#endif /* BENCH_OUTFLOW_H */
