/* SPDX-License-Identifier: MIT */
/*
 * life.h - scenarios, many lives of each, and what is told of one that fails
 *
 * A life is what a seed makes of a scenario. Lives run in a forked child, so
 * that one that aborts ends nobody else. A failing life is run again, in
 * further children, with its faults switched off one by one and its storm cut
 * shorter, as long as it still fails; then it is told: why, the last events,
 * and the command that replays it.
 */
#ifndef TESTS_SIM_MODEL_LIFE_H
#define TESTS_SIM_MODEL_LIFE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/model/world.h"

#define LIFE_PROFILE(profile) (UINT32_C(1) << (profile))
#define LIFE_PROFILES_ALL (LIFE_PROFILE(DISK_CHAOS + 1) - 1)

struct scenario {
    const char *name;
    uint32_t faults;      /* that it can bear */
    uint32_t often;       /* of these, that happen all the time */
    uint32_t storm_steps; /* how long they happen */
    uint32_t lives;       /* in a plain run of the tests */
    uint32_t profiles;    /* LIFE_PROFILE(): the disks that it can bear */

    /* The disk on which a life begins; NULL: an empty one. */
    struct disk *(*disk)(enum disk_profile profile, uint64_t seed);

    /* Make processes, run the world, check; world_fail() says what is wrong. */
    void (*live)(struct world *world);
};

/* What makes a life happen again. */
struct life {
    uint64_t seed;
    uint32_t off; /* faults that are switched off */
    uint32_t storm_steps;
};

struct outcome {
    bool failed;
    uint64_t hash;
    uint64_t steps;
    char reason[WORLD_REASON];
};

/* One life, in this process. @out: tell the last events if it fails. */
struct outcome life_run(const struct scenario *scenario,
                        const struct life *life, FILE *out);

/* An empty disk, and how large each is. */
struct disk *life_empty_disk(enum disk_profile profile);

/* As many lives as the scenario says (PIRN_LIVES and PIRN_LONG change that);
 * false: one failed, and was told on standard error. */
bool scenario_holds(const struct scenario *scenario, const char *program);

/* Whether one of them fails; nothing is told. */
bool scenario_fails(const struct scenario *scenario);

/* Whether @count seeds give the same hash twice. */
bool scenario_replays(const struct scenario *scenario, uint32_t count);

/* For main(): "PIRN_SEED=n program scenario" replays one life, and "program
 * scenario hunt" lives until one fails. Returns whether that was asked for, and
 * its exit code: 1, it has failed. */
bool scenario_replay(const struct scenario *const *scenarios, uint32_t count,
                     int argc, char **argv, int *ret_code);

#endif /* TESTS_SIM_MODEL_LIFE_H */
