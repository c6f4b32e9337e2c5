/* SPDX-License-Identifier: MIT */
/* draft_memory.c - see spool/draft_memory.h */
#include "spool/draft_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>

enum { FIRST = 4096 };

static int grow(struct pirn__draft_memory *memory, uint32_t need)
{
    uint32_t cap = memory->cap ? memory->cap : FIRST;

    while (cap < need) {
        cap *= 2;
    }
    char *more = realloc(memory->bytes, cap);
    if (more == NULL) {
        return -ENOMEM;
    }
    memory->bytes = more;
    memory->cap = cap;
    return 0;
}

int pirn__draft_memory_add(struct pirn__draft_memory *memory, const void *bytes,
                           uint64_t len)
{
    pirn_assert(pirn__draft_memory_has_room(memory, len));
    uint32_t need = memory->len + (uint32_t)len;
    int r = need > memory->cap ? grow(memory, need) : 0;

    if (r < 0) {
        return r;
    }
    if (len > 0) {
        memcpy(memory->bytes + memory->len, bytes, (size_t)len);
    }
    memory->len = need;
    return 0;
}

void pirn__draft_memory_clear(struct pirn__draft_memory *memory)
{
    free(memory->bytes);
    *memory = (struct pirn__draft_memory){0};
}
