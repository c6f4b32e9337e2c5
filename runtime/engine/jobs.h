/* SPDX-License-Identifier: MIT */
/*
 * jobs.h - the pool beside a ring
 *
 * Under the policy PIRN_FILES_POOL what a ring would leave to the kernel's
 * workers goes to threads of the process: alone, or in runs with whatever else
 * may wait for a disk. Under PIRN_FILES_AUTO runs of it do, and they alone: one
 * hand-over instead of one for each. For a ring this is a second source of
 * events, which rings the engine's doorbell.
 */
#ifndef RUNTIME_ENGINE_JOBS_H
#define RUNTIME_ENGINE_JOBS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/engine/engine.h"
#include "runtime/engine/errand.h"
#include "runtime/engine/pool.h"

/* Zeroed: the policy is another, and nothing is a job. */
struct jobs {
    struct pool *pool;
    bool runs_alone; /* of what goes alone nothing is a job */
    struct errands errands;
    struct pirn_link done; /* of errands */
};

/* 0 or -ENOMEM; memory for @reserve operations is there from the beginning. */
int pirn__jobs_init(struct jobs *jobs, const struct pool_config *config,
                    uint32_t reserve);
void pirn__jobs_deinit(struct jobs *jobs);

/* Nothing is reaped any more. */
void pirn__jobs_stop(struct jobs *jobs);

/*
 * Take the loan at @link, or the run, if it is a job; they stay on their list.
 * A run for which there is no memory ends on @refused, a list of loans; a
 * single loan is left to the ring.
 *
 * Return: whether it was taken
 */
bool pirn__jobs_take(struct jobs *jobs, struct pirn_link *link,
                     struct pirn_link *refused);

/* Return: whether @loan is a job, which then ends early if it can. */
bool pirn__jobs_cancel(struct jobs *jobs, const struct pirn_loan *loan);

/* Give the workers what was taken. Return: whether there is nothing to reap;
 * then what ends from now on, until the next collection, rings once. */
bool pirn__jobs_lie_down(struct jobs *jobs);

/* The same, but for an owner who does not sleep. */
void pirn__jobs_flush(struct jobs *jobs);

/* After the sleep: what has ended can be reaped. */
void pirn__jobs_collect(struct jobs *jobs);

uint32_t pirn__jobs_reap(struct jobs *jobs, struct engine_event *events,
                         uint32_t max);

#endif /* RUNTIME_ENGINE_JOBS_H */
