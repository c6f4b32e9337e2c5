/* SPDX-License-Identifier: MIT */
/*
 * bench/torture_body.h - a body that follows from its number
 *
 * Mostly up to 3 KB; one in forty does not fit a record of the log, or a
 * draft's memory.
 */
#ifndef BENCH_TORTURE_BODY_H
#define BENCH_TORTURE_BODY_H

#include <stdint.h>

enum { TORTURE_BODY_MAX = 112 * 1024 };

/** torture_random() - the next number of a sequence */
uint64_t torture_random(uint64_t *state);

/** torture_body_fill() - make it; its length, from 8 to TORTURE_BODY_MAX */
uint32_t torture_body_fill(uint64_t number, uint8_t *body);

/** torture_body_check() - its number, or 0: it is no body of ours, or torn */
uint64_t torture_body_check(const uint8_t *body, uint64_t bytes);

#endif /* BENCH_TORTURE_BODY_H */
