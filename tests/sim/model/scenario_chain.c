/* SPDX-License-Identifier: MIT */
/*
 * scenario_chain.c - files that appear whole, by chains; and the power fails
 *
 * What is acknowledged is looked for when all is done, and after a power cut.
 */
#include <stdlib.h>

#include "pirn/invariant.h"
#include "tests/sim/model/chain_worker.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/scenarios.h"

enum { WORKERS_MAX = 3 };

struct life_of_chains {
    struct chain_worker workers[WORKERS_MAX];
    uint32_t count;
};

static void carried_out(void *argument, const struct pirn_loan *loan,
                        int32_t result)
{
    struct life_of_chains *life = argument;

    for (uint32_t i = 0; i < life->count; i++) {
        chain_worker_effect(&life->workers[i], loan, result);
    }
}

static void hire(struct chain_worker *worker, struct world *world,
                 uint32_t number, bool forgets)
{
    struct process *process = process_create(world);

    worker->world = world;
    worker->number = number;
    worker->rng = rng_of(world->seed, 3000 + number);
    worker->forgets = forgets;
    worker->files = rng_between(&worker->rng, 1, CHAIN_FILES);
    process->mortal = true;
    process->died = chain_worker_died;
    process->argument = worker;
    process_thread(process, chain_worker_run, worker);
}

static void look(const struct life_of_chains *life)
{
    for (uint32_t i = 0; i < life->count; i++) {
        chain_worker_look(&life->workers[i]);
    }
}

static void live_as(struct world *world, bool forgets)
{
    struct life_of_chains *life = calloc(1, sizeof(*life));

    pirn_assert(life != NULL);
    life->count = rng_between(&world->schedule, 1, WORKERS_MAX);
    world->carried_out = carried_out;
    world->argument = life;
    for (uint32_t i = 0; i < life->count; i++) {
        hire(&life->workers[i], world, i, forgets);
    }
    if (world_run(world) == WORLD_DONE) {
        world_check_rest(world);
        look(life);
        world_cut_power(world);
    }
    look(life);
    free(life);
}

static void live(struct world *world)
{
    live_as(world, false);
}

static void live_as_canary(struct world *world)
{
    live_as(world, true);
}

const struct scenario scenario_chain = {
    .name = "chain",
    .faults = FAULT_ALL & ~(FAULT_BIT(FAULT_RESET) | FAULT_BIT(FAULT_RING)),
    .storm_steps = 1500,
    .lives = 6500,
    .profiles = LIFE_PROFILES_ALL,
    .live = live,
};

/* Must fail, or the harness is blind. */
const struct scenario scenario_canary = {
    .name = "canary",
    .storm_steps = 1500,
    .lives = 100,
    .profiles = LIFE_PROFILES_ALL,
    .live = live_as_canary,
};
