/* SPDX-License-Identifier: MIT */
/*
 * buffers.h - memory for bytes that come when they come
 *
 * One mapping, cut into buffers of one size. Who receives without a buffer of
 * his own owns none until bytes are there: ten thousand idle sockets need none.
 *
 *   spare --offer--> engine --an event takes it--> whoever has the bytes
 *     ^                 ^                                     |
 *     +-----------------+------------------put----------------+
 *
 * The engine has `level` of them, few at first: it uses them in turn, and so
 * touches few pages. When it has run out the level doubles, up to all.
 *
 * Several that one owner holds are a list: first in, first out, by number.
 *
 * Pure but for the mapping.
 */
#ifndef RUNTIME_BUFFERS_H
#define RUNTIME_BUFFERS_H

#include <stdbool.h>
#include <stdint.h>

/* No buffer's number; as ENGINE_NO_BUFFER. */
enum { BUFFER_NONE = UINT16_MAX };

enum { BUFFER_COUNT_MAX = 32768 }; /* of the kernel's ring */

struct buffer {
    uint32_t len;  /* bytes that came */
    uint16_t next; /* behind it, with the same owner */
};

struct buffers {
    uint8_t *base;
    struct buffer *heads; /* one for each */
    uint16_t *spare;      /* last in, first out */
    uint32_t count;
    uint32_t bytes; /* of each */
    uint32_t spare_count;
    uint32_t level;   /* how many the engine shall have, if they are there */
    uint32_t offered; /* how many it has */
};

/* 0, or -ENOMEM. @count: a power of two; nothing is offered yet. */
int pirn__buffers_init(struct buffers *buffers, uint32_t count, uint32_t bytes);
void pirn__buffers_deinit(struct buffers *buffers);

/* Whether the engine shall have one more, and which. */
bool pirn__buffers_offer(struct buffers *buffers, uint16_t *ret_buffer);

/* The engine has run out: let it have more. */
void pirn__buffers_raise(struct buffers *buffers);

/* The engine has filled one, which is its owner's now. */
void pirn__buffers_taken(struct buffers *buffers);

/* Its owner is done with it; offer it again. */
void pirn__buffers_put(struct buffers *buffers, uint16_t buffer);

static inline uint8_t *buffer_bytes(const struct buffers *buffers,
                                    uint16_t buffer)
{
    return buffers->base + (uint64_t)buffer * buffers->bytes;
}

#endif /* RUNTIME_BUFFERS_H */
