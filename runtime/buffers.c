/* SPDX-License-Identifier: MIT */
/* buffers.c - see buffers.h */
#include "runtime/buffers.h"

#include <errno.h>
#include <stdlib.h>

#include "pirn/invariant.h"

enum { LEVEL_FIRST = 64 };

int pirn__buffers_init(struct buffers *buffers, uint32_t count, uint32_t bytes)
{
    pirn_assert(count > 0 && count <= BUFFER_COUNT_MAX);
    pirn_assert(bytes > 0);

    *buffers = (struct buffers){
        /* The C library maps that much, and what is not used is not touched. */
        .base = malloc((size_t)count * bytes),
        .heads = malloc(count * sizeof(*buffers->heads)),
        .spare = malloc(count * sizeof(*buffers->spare)),
        .count = count,
        .bytes = bytes,
        .spare_count = count,
        .level = count < LEVEL_FIRST ? count : LEVEL_FIRST,
    };
    if (buffers->base == NULL || buffers->heads == NULL ||
        buffers->spare == NULL) {
        pirn__buffers_deinit(buffers);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        buffers->spare[i] = (uint16_t)(count - 1 - i);
    }
    return 0;
}

void pirn__buffers_deinit(struct buffers *buffers)
{
    free(buffers->spare);
    free(buffers->heads);
    free(buffers->base);
}

bool pirn__buffers_offer(struct buffers *buffers, uint16_t *ret_buffer)
{
    if (buffers->offered >= buffers->level || buffers->spare_count == 0) {
        return false;
    }
    buffers->offered++;
    *ret_buffer = buffers->spare[--buffers->spare_count];
    return true;
}

void pirn__buffers_raise(struct buffers *buffers)
{
    buffers->level *= 2;
    if (buffers->level > buffers->count) {
        buffers->level = buffers->count;
    }
}

void pirn__buffers_taken(struct buffers *buffers)
{
    pirn_assert(buffers->offered > 0);
    buffers->offered--;
}

void pirn__buffers_put(struct buffers *buffers, uint16_t buffer)
{
    pirn_assert(buffer < buffers->count);
    pirn_assert_rule(buffers->spare_count + buffers->offered < buffers->count,
                     "a buffer is given back once");
    buffers->spare[buffers->spare_count++] = buffer;
}
