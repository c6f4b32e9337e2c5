/* SPDX-License-Identifier: MIT */
/*
 * spool/log/wheel.h - items whose time has not come
 *
 * Four wheels of 256 lanes, and one lane of what may be due by now. A tick is
 * 2^20 ns (about a millisecond); an entry is due at the first tick that is not
 * before its time. It is put into the lane of that, on the finest wheel whose
 * turn reaches so far, and comes down at most three times. Further than 2^52 ns
 * (52 days) it waits at the rim and is put again. There is one hand of the
 * clock, moved by compare-and-swap, and only when the lanes that it stands at
 * are empty: so if who empties them is stopped, the next one goes on with the
 * same.
 *
 * Times are CLOCK_REALTIME. A clock set back delays; set forward, all that has
 * become due comes. Pure.
 */
#ifndef SPOOL_LOG_WHEEL_H
#define SPOOL_LOG_WHEEL_H

#include "spool/log/lane.h"

#ifndef PIRN__WHEEL_BITS
#define PIRN__WHEEL_BITS 8u /* a test has less */
#endif
#define PIRN__WHEEL_LANES ((4u << PIRN__WHEEL_BITS) + 1)
#define PIRN__WHEEL_WORDS 8u
#define PIRN__TICK_NS (1ull << 20)

struct pirn__wheel {
    uint64_t *state; /* PIRN__WHEEL_WORDS */
    struct pirn__lanes lanes;
    uint32_t first_lane; /* the wheel's are PIRN__WHEEL_LANES from here on */
};

/** pirn__wheel_init() - once, by who makes the index */
void pirn__wheel_init(const struct pirn__wheel *wheel, uint64_t now_ns);

/** pirn__wheel_put() - @due_ns in the past: it is taken at the next call;
 * -ENOSPC as pirn__lane_put() */
PIRN_MUST_CHECK int pirn__wheel_put(const struct pirn__wheel *wheel,
                                    struct pirn__entry entry, uint64_t due_ns,
                                    struct pirn__hand *hand);

/**
 * pirn__wheel_take() - one entry whose time may have come
 * @hand: as of pirn__lane_take()
 *
 * The caller looks at its item: if that is due, it is made ready; if it is due
 * later, it is put again; if it waits for nothing, the entry is dropped.
 *
 * Return: false: nothing is due at @now_ns
 */
bool pirn__wheel_take(const struct pirn__wheel *wheel, uint64_t now_ns,
                      struct pirn__hand *hand, struct pirn__entry *ret_entry);

/**
 * pirn__wheel_clock_ns() - where the clock stands
 *
 * Behind the time while what was due before is still to be taken. An entry that
 * is due later than this is put again even if it is due by the time: so those
 * that nobody looked for in time come in their order.
 */
uint64_t pirn__wheel_clock_ns(const struct pirn__wheel *wheel);

/* What one process found when it looked; zeroed at first. */
struct pirn__wheel_look {
    bool is_known;
    uint64_t clock;
    uint64_t next_ns;
};

/**
 * pirn__wheel_next_ns() - when to look again, at the latest; UINT64_MAX: never
 * @look: what was found before: then a few words are read, unless an entry was
 *        put or the clock moved since
 *
 * Not later than the tick at which the first entry is due; may be earlier, and
 * is where something may be due by now, whatever the time was before.
 */
uint64_t pirn__wheel_next_ns(const struct pirn__wheel *wheel,
                             struct pirn__wheel_look *look);

#endif /* SPOOL_LOG_WHEEL_H */
