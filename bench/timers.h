/* SPDX-License-Identifier: MIT */
/*
 * bench/timers.h - which timer is cancelled next, and when it is due anew
 *
 * Every side has TIMER_COUNT timers pending, none of which ever ends. An
 * operation cancels one and starts it anew for a random time; the next is one
 * far away in memory. After each batch the loop goes round once, without
 * waiting: ours needs that to end what was cancelled, so all do it.
 */
#ifndef BENCH_TIMERS_H
#define BENCH_TIMERS_H

#include <stdint.h>

enum {
    TIMER_COUNT = 32768, /* a power of two */
    TIMER_BATCH = 256,
    TIMER_STRIDE = 12289, /* odd, so that each has its turn */
    TIMER_FAR_MS = 3600000,
};

struct timer_order {
    uint32_t next;
    uint64_t random;
};

static inline uint32_t timer_next(struct timer_order *order)
{
    order->next = (order->next + TIMER_STRIDE) % TIMER_COUNT;
    return order->next;
}

/* In an hour, or up to an hour later. */
static inline uint64_t timer_after_ms(struct timer_order *order)
{
    uint64_t x = order->random ? order->random : 88172645463325252u;

    x ^= x << 13; /* xorshift64 (Marsaglia 2003) */
    x ^= x >> 7;
    x ^= x << 17;
    order->random = x;
    return TIMER_FAR_MS + x % TIMER_FAR_MS;
}

#endif /* BENCH_TIMERS_H */
