/* SPDX-License-Identifier: MIT */
/*
 * pool.h - finite operations in a bounded number of threads
 *
 * For operations that may wait for a disk and never for a peer: so a job always
 * ends, and the pool cannot fill with waits. One owner, the context's thread,
 * pushes and collects; workers are started when they are needed, up to a bound,
 * and end when they have been idle for a while.
 *
 *   push -> flush -> queue -> a worker -> done -> collect
 *                      |
 *                      +-- cancel: only what no worker has begun
 */
#ifndef RUNTIME_ENGINE_POOL_H
#define RUNTIME_ENGINE_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/engine/errand.h"

struct pool;

/* How long a worker of an engine waits for more work, before it ends. */
#define POOL_IDLE_NS UINT64_C(10000000000)

struct pool_config {
    uint32_t worker_max;       /* 1 or more */
    uint64_t idle_ns;          /* a worker without work ends after so long */
    void (*ring)(void *owner); /* wakes the owner; any thread */
    void *owner;
};

/* 0, or -ENOMEM. No thread is started yet. */
int pirn__pool_create(const struct pool_config *config, struct pool **ret_pool);

/* Forget all that was pushed and not collected, and end the threads; what they
 * have begun is waited for. Nothing may be pushed any more. */
void pirn__pool_stop(struct pool *pool);

/* Everything pushed has been collected, or the pool was stopped. */
void pirn__pool_destroy(struct pool *pool);

/* @errand, on no list, the first of a run or alone, is the pool's; it begins
 * after the next flush. */
void pirn__pool_push(struct pool *pool, struct errand *errand);

/* Give what was pushed to the workers. Where not one thread can be had, the
 * calling thread carries it out. */
void pirn__pool_flush(struct pool *pool);

/* Return: whether @errand, alone and flushed, had not begun and is on no list
 * now. Else it will be collected. */
bool pirn__pool_cancel(struct pool *pool, struct errand *errand);

/* Append to @list what has ended, each with its result; of a run the first. */
void pirn__pool_collect(struct pool *pool, struct pirn_link *list);

/* Return: whether the owner may sleep: nothing has ended that was not
 * collected. Then what ends before it gets up rings, once. */
bool pirn__pool_lie_down(struct pool *pool);
void pirn__pool_get_up(struct pool *pool);

/* How many workers there are now. */
uint32_t pirn__pool_worker_count(struct pool *pool);

#endif /* RUNTIME_ENGINE_POOL_H */
