/* SPDX-License-Identifier: MIT */
/*
 * width.h - lives of what coordinates ops: serials, gates, requests, watches
 *
 * Each life is one process with one context. Its thread does one random thing
 * after the other - pushes, enters, cancels, stops - with turns in between, and
 * winds up. What it was told is held, each time, against a shadow: a plain
 * account of who waits, who runs and who was asked to end.
 */
#ifndef TESTS_SIM_MODEL_WIDTH_H
#define TESTS_SIM_MODEL_WIDTH_H

#include "pirn/pirn.h"
#include "tests/sim/model/life.h"
#include "tests/sim/model/rng.h"

extern const struct scenario scenario_serial;
extern const struct scenario scenario_gate;
extern const struct scenario scenario_request;
extern const struct scenario scenario_watch;

/* What all of them have; the first member of a scenario's own struct, which
 * outlives the process. */
struct width {
    struct world *world;
    struct process *process;
    struct pirn_context *context;
    struct rng rng;
};

/* One process that runs @run with @width until it has ended, or died; whether
 * the world came to its end. */
bool width_live(struct width *width, struct world *world,
                void (*run)(void *width));

/* One in @count times. */
static inline bool width_once_in(struct width *width, uint32_t count)
{
    return rng_below(&width->rng, count) == 0;
}

/* A time soon: now, or up to a millisecond later. */
uint64_t width_soon_ns(struct width *width);

/* One turn, which may sleep for a moment. */
void width_turn(struct width *width);

/* One turn, which sleeps until something happens. */
void width_wait(struct width *width);

/* Whether an op may say -ECANCELED although nobody of us asked for it. */
bool width_kernel_cancels(const struct width *width);

#endif /* TESTS_SIM_MODEL_WIDTH_H */
