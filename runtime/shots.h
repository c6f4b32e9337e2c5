/* SPDX-License-Identifier: MIT */
/*
 * shots.h - deliveries of multishots that wait for their turn
 *
 * An op carries its own result while it waits; a multishot may have several at
 * once. They wait here, first in first out, in a ring of fixed size. A full
 * ring is no loss: what is left stays with the kernel.
 */
#ifndef RUNTIME_SHOTS_H
#define RUNTIME_SHOTS_H

#include "pirn/invariant.h"
#include "runtime/engine/engine.h"

struct shots {
    struct engine_event *events;
    uint32_t mask; /* size - 1; the size is a power of two */
    uint32_t head;
    uint32_t tail;
};

static inline uint32_t shots_count(const struct shots *shots)
{
    return shots->tail - shots->head;
}

static inline uint32_t shots_room(const struct shots *shots)
{
    return shots->mask + 1 - shots_count(shots);
}

static inline void shots_push(struct shots *shots, struct engine_event event)
{
    pirn_assert(shots_room(shots) > 0);

    shots->events[shots->tail++ & shots->mask] = event;
}

static inline struct engine_event shots_pop(struct shots *shots)
{
    pirn_assert(shots_count(shots) > 0);

    return shots->events[shots->head++ & shots->mask];
}

/* The last delivery of @loan that waits is its last at all; false: there is
 * none. */
static inline bool shots_end(struct shots *shots, const struct pirn_loan *loan)
{
    for (uint32_t i = shots->tail; i != shots->head; i--) {
        struct engine_event *event = &shots->events[(i - 1) & shots->mask];

        if (event->loan == loan) {
            event->more = false;
            return true;
        }
    }
    return false;
}

#endif /* RUNTIME_SHOTS_H */
