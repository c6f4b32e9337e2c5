/* SPDX-License-Identifier: MIT */
/*
 * spool/log/pool.h - blocks of one size, kept to be used again
 *
 * What a draft or a claim needs is too big for malloc's quick lists, and is
 * needed anew for every item.
 */
#ifndef SPOOL_LOG_POOL_H
#define SPOOL_LOG_POOL_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed but for @bytes, it is an empty one. */
struct pirn__pool {
    size_t bytes;      /* of a block */
    uint32_t kept_max; /* more are freed */
    uint32_t kept;
    void *first; /* each begins with a pointer to the next */
};

/** pirn__pool_take() - a block: zeroed when it is new, else as it was given
 * back but for its first pointer; NULL: no memory */
void *pirn__pool_take(struct pirn__pool *pool);

/** pirn__pool_give() - a block that was taken, or NULL */
void pirn__pool_give(struct pirn__pool *pool, void *block);

/** pirn__pool_deinit() - all blocks were given back, or are no more */
void pirn__pool_deinit(struct pirn__pool *pool);

#endif /* SPOOL_LOG_POOL_H */
