/* SPDX-License-Identifier: MIT */
/*
 * spool/draft_memory.h - what a draft has of its body before there is a file
 */
#ifndef SPOOL_DRAFT_MEMORY_H
#define SPOOL_DRAFT_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/draft.h>

/* Zeroed memory is one with nothing in it. */
struct pirn__draft_memory {
    char *bytes;
    uint32_t len; /* at most PIRN_DRAFT_MEMORY */
    uint32_t cap;
};

/** pirn__draft_memory_has_room() - for so many bytes more */
static inline bool pirn__draft_memory_has_room(
    const struct pirn__draft_memory *memory, uint64_t len)
{
    return len <= PIRN_DRAFT_MEMORY - memory->len;
}

/** pirn__draft_memory_add() - copy bytes that it has room for; 0 or -ENOMEM,
 * and it is as it was */
PIRN_MUST_CHECK int pirn__draft_memory_add(struct pirn__draft_memory *memory,
                                           const void *bytes, uint64_t len);

/** pirn__draft_memory_clear() - with nothing in it again */
void pirn__draft_memory_clear(struct pirn__draft_memory *memory);

#endif /* SPOOL_DRAFT_MEMORY_H */
