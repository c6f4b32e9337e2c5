/* SPDX-License-Identifier: MIT */
/*
 * rng.h - numbers that look random, and are the same for the same seed
 *
 * splitmix64: one word of state, so that each subject of a life (the schedule,
 * each fault, each process) has a sequence of its own: to switch one of them
 * off leaves what the others draw as it was.
 */
#ifndef TESTS_SIM_MODEL_RNG_H
#define TESTS_SIM_MODEL_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_mix(uint64_t value)
{
    value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
    return value ^ value >> 31;
}

static inline uint64_t rng_next(struct rng *rng)
{
    return rng_mix(rng->state += UINT64_C(0x9e3779b97f4a7c15));
}

/* The sequence number @subject of @seed. */
static inline struct rng rng_of(uint64_t seed, uint64_t subject)
{
    return (struct rng){rng_mix(rng_mix(seed + 1) + subject)};
}

/* 0 to @count - 1; of nothing, 0. */
static inline uint32_t rng_below(struct rng *rng, uint32_t count)
{
    return (uint32_t)((rng_next(rng) >> 32) * count >> 32);
}

/* @low to @high, both included. */
static inline uint32_t rng_between(struct rng *rng, uint32_t low, uint32_t high)
{
    return low + rng_below(rng, high - low + 1);
}

static inline bool rng_coin(struct rng *rng)
{
    return (rng_next(rng) >> 63) != 0;
}

/* With a chance of @parts out of 2^32. */
static inline bool rng_chance(struct rng *rng, uint32_t parts)
{
    return (uint32_t)(rng_next(rng) >> 32) < parts;
}

#endif /* TESTS_SIM_MODEL_RNG_H */
