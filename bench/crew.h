/* SPDX-License-Identifier: MIT */
/*
 * bench/crew.h - plain threads that each do one operation after the other
 */
#ifndef BENCH_CREW_H
#define BENCH_CREW_H

#include <stdint.h>

#include "bench/round.h"

/**
 * crew_fn - one operation, with plain system calls
 * @number: unique in the round
 *
 * Return: 0 or a negative errno, which ends the round
 */
typedef int crew_fn(void *state, uint64_t number);

/**
 * crew_round() - a whole round by @threads threads
 *
 * Return: 0, or the first error
 */
int crew_round(struct round *round, unsigned threads, crew_fn *fn, void *state);

#endif /* BENCH_CREW_H */
