/* SPDX-License-Identifier: MIT */
/*
 * pool.c - see spool/log/pool.h
 *
 * Last in, first out: the block that was given back last is still in the
 * processor's cache.
 */
#include "spool/log/pool.h"

#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>

void *pirn__pool_take(struct pirn__pool *pool)
{
    void *block = pool->first;

    pirn_assert(pool->bytes >= sizeof(block));
    if (block == NULL) {
        return calloc(1, pool->bytes);
    }
    pirn_assert(pool->kept > 0);
    memcpy(&pool->first, block, sizeof(pool->first));
    pool->kept--;
    return block;
}

void pirn__pool_give(struct pirn__pool *pool, void *block)
{
    if (block == NULL || pool->kept >= pool->kept_max) {
        free(block);
        return;
    }
    memcpy(block, &pool->first, sizeof(pool->first));
    pool->first = block;
    pool->kept++;
}

void pirn__pool_deinit(struct pirn__pool *pool)
{
    while (pool->first != NULL) {
        void *block = pool->first;
        memcpy(&pool->first, block, sizeof(pool->first));
        free(block);
        pool->kept--;
    }
    pirn_assert(pool->kept == 0);
}
