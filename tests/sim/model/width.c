/* SPDX-License-Identifier: MIT */
/* width.c - see width.h */
#include "tests/sim/model/width.h"

#include "pirn/invariant.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/world.h"

bool width_live(struct width *width, struct world *world,
                void (*run)(void *width))
{
    struct process *process = process_create(world);

    width->world = world;
    width->process = process;
    width->rng = rng_of(world->seed, 7000);
    process->mortal = rng_below(&width->rng, 4) == 0;
    process_thread(process, run, width);
    return world_run(world) == WORLD_DONE;
}

uint64_t width_soon_ns(struct width *width)
{
    return pirn_context_now_ns(width->context) +
           (UINT64_C(1) << rng_below(&width->rng, 20));
}

static void turn(struct width *width, uint64_t timeout_ns)
{
    int r = pirn_context_turn(width->context, timeout_ns);

    if (r < 0) {
        world_fail(width->world, "a context has failed: %d", r);
    }
}

void width_turn(struct width *width)
{
    turn(width,
         rng_coin(&width->rng) ? 0 : UINT64_C(1) << rng_below(&width->rng, 20));
}

void width_wait(struct width *width)
{
    turn(width, PIRN_FOREVER);
}

bool width_kernel_cancels(const struct width *width)
{
    return width->world->faults.happened[FAULT_ECANCELED] > 0;
}
