/* SPDX-License-Identifier: MIT */
/*
 * wheel.c - see wheel.h
 *
 *   wheel 0   the 256 ticks of the clock's own turn
 *   wheel k   of the 256 turns of wheel k - 1 around the clock's own, one each
 *   due       what may be due by now
 *
 * At its tick the clock stands at one lane of each wheel. It moves only when it
 * has seen all four and the lane of the due empty, and never past a lane that
 * is not. What it finds in them is given to the caller, who knows when it is
 * due: from wheel 3, 2 and 1 he puts it again, on a finer one.
 *
 * The clock's word has a count above its tick: who puts an entry chooses its
 * lane by the tick, puts it there, and raises the count of the same tick. So
 * who looked at the lanes before that cannot move the clock past them. If the
 * tick is another one meanwhile, the lane may have been left already; if he
 * would choose another now, he puts the entry there, too. So an entry is late
 * only if he is killed or stopped between; then his hand still names it, and
 * recovery puts it among the due, whence it finds its place.
 *
 * Who comes with a time before the clock's gets nothing: what is due by the
 * clock is not due by him, and he would put it again and again. The clock is
 * set back where the time is by more than a few ticks; less is a caller who
 * read the time before somebody else did. After that entries are found at the
 * place that they have in the turn at hand, too early, and put again; never too
 * late, since all lanes of a wheel are passed before its turn is over.
 */
#include "spool/log/wheel.h"

#include <pirn/invariant.h>

#include "runtime/plant.h"
#include "spool/log/atom.h"

enum { CLOCK }; /* a word of the state */
enum { WHEELS = 4, LANES = 1 << PIRN__WHEEL_BITS, BACK_TICKS = 16 };

#define COUNT_ONE (1ull << 44)

static uint64_t clock_tick(uint64_t clock)
{
    return clock % COUNT_ONE;
}

/* With the next count, whatever the tick. */
static bool clock_move(const struct pirn__wheel *wheel, uint64_t clock,
                       uint64_t tick)
{
    if (pirn__planted("clock-moved-blindly")) {
        clock = pirn__atom_load(&wheel->state[CLOCK]);
    }
    return pirn__atom_swap(&wheel->state[CLOCK], clock,
                           clock - clock_tick(clock) + COUNT_ONE + tick);
}

static uint64_t tick_of(uint64_t ns)
{
    return ns / PIRN__TICK_NS;
}

static uint64_t tick_due(uint64_t ns)
{
    return ns / PIRN__TICK_NS + (ns % PIRN__TICK_NS != 0);
}

/* Turns of a wheel's lanes until @tick. */
static uint64_t turns(uint64_t tick, uint32_t wheel)
{
    return tick >> wheel * PIRN__WHEEL_BITS;
}

static uint32_t lane_at(const struct pirn__wheel *wheel, uint32_t which,
                        uint64_t turn)
{
    return wheel->first_lane + which * LANES + (uint32_t)(turn % LANES);
}

static uint32_t lane_due(const struct pirn__wheel *wheel)
{
    return wheel->first_lane + WHEELS * LANES;
}

static uint32_t lane_choose(const struct pirn__wheel *wheel, uint64_t clock,
                            uint64_t tick)
{
    const uint32_t last = WHEELS - 1;

    if (tick <= clock) {
        return lane_due(wheel);
    }
    for (uint32_t i = 0; i < last; i++) {
        if (turns(tick, i + 1) == turns(clock, i + 1)) {
            return lane_at(wheel, i, turns(tick, i));
        }
    }
    uint64_t ahead = turns(tick, last) - turns(clock, last);
    uint64_t rim = ahead < LANES ? ahead : LANES - 1;
    return lane_at(wheel, last, turns(clock, last) + rim);
}

void pirn__wheel_init(const struct pirn__wheel *wheel, uint64_t now_ns)
{
    pirn_assert(wheel->first_lane < wheel->lanes.lane_count);
    pirn_assert(wheel->lanes.lane_count - wheel->first_lane >=
                PIRN__WHEEL_LANES);
    pirn__atom_store(&wheel->state[CLOCK], tick_of(now_ns));
}

int pirn__wheel_put(const struct pirn__wheel *wheel, struct pirn__entry entry,
                    uint64_t due_ns, struct pirn__hand *hand)
{
    uint64_t tick = tick_due(due_ns);
    uint64_t clock = pirn__atom_load(&wheel->state[CLOCK]);
    uint32_t lane = lane_choose(wheel, clock_tick(clock), tick);
    uint32_t due = lane_due(wheel);
    bool held = pirn__atom_load(&hand->put) != 0;
    uint32_t again = UINT32_MAX;

    for (uint32_t tries = 0; lane != again && pirn__atom_again(&tries);) {
        int error = pirn__lane_add(&wheel->lanes, lane, due, entry, hand);
        if (error < 0) {
            if (!held) {
                pirn__hand_clear(hand);
            }
            return error; /* a copy that went in before proves nothing */
        }
        again = lane;
        while (lane == again && lane != due && pirn__atom_again(&tries) &&
               !clock_move(wheel, clock, clock_tick(clock))) {
            clock = pirn__atom_load(&wheel->state[CLOCK]);
            lane = lane_choose(wheel, clock_tick(clock), tick);
        }
    }
    pirn__hand_clear(hand);
    return 0;
}

/* From the lanes at which the clock stands, the coarsest wheel first. */
static bool take_at(const struct pirn__wheel *wheel, uint64_t clock,
                    struct pirn__hand *hand, struct pirn__entry *ret_entry)
{
    uint32_t due = lane_due(wheel);

    for (uint32_t i = WHEELS; i-- > 0;) {
        uint32_t lane = lane_at(wheel, i, turns(clock, i));
        if (pirn__lane_pop(&wheel->lanes, lane, due, hand, ret_entry)) {
            return true;
        }
    }
    return false;
}

/* The first tick after @clock that stands at a lane which is not empty; @next
 * if there is none before. */
static uint64_t tick_next(const struct pirn__wheel *wheel, uint64_t clock,
                          uint64_t next)
{
    for (uint32_t i = 0; i < WHEELS; i++) {
        for (uint32_t ahead = 1; ahead <= LANES; ahead++) {
            uint64_t turn = turns(clock, i) + ahead;
            uint64_t tick = turn << i * PIRN__WHEEL_BITS;
            if (tick >= next) {
                break;
            }
            uint32_t lane = lane_at(wheel, i, turn);
            if (!pirn__lane_is_empty(&wheel->lanes, lane)) {
                next = tick;
                break;
            }
        }
    }
    return next;
}

bool pirn__wheel_take(const struct pirn__wheel *wheel, uint64_t now_ns,
                      struct pirn__hand *hand, struct pirn__entry *ret_entry)
{
    uint64_t now = tick_of(now_ns);
    uint32_t due = lane_due(wheel);

    for (uint32_t tries = 0; pirn__atom_again(&tries);) {
        uint64_t word = pirn__atom_load(&wheel->state[CLOCK]);
        uint64_t clock = clock_tick(word);
        uint64_t to = now;
        if (clock <= now) {
            if (pirn__lane_pop(&wheel->lanes, due, due, hand, ret_entry) ||
                take_at(wheel, clock, hand, ret_entry)) {
                return true;
            }
            if (clock == now) {
                return false;
            }
            to = tick_next(wheel, clock, now);
        } else if (clock - now <= BACK_TICKS) {
            return false;
        }
        (void)clock_move(wheel, word, to);
    }
    return false;
}

uint64_t pirn__wheel_clock_ns(const struct pirn__wheel *wheel)
{
    return clock_tick(pirn__atom_load(&wheel->state[CLOCK])) * PIRN__TICK_NS;
}

static uint64_t next_ns(const struct pirn__wheel *wheel, uint64_t clock)
{
    if (!pirn__lane_is_empty(&wheel->lanes, lane_due(wheel))) {
        return 0; /* the clock may be ahead of a time that was set back */
    }
    for (uint32_t i = 0; i < WHEELS; i++) {
        uint32_t lane = lane_at(wheel, i, turns(clock, i));
        if (!pirn__lane_is_empty(&wheel->lanes, lane)) {
            return clock * PIRN__TICK_NS;
        }
    }
    uint64_t next = tick_next(wheel, clock, UINT64_MAX);
    return next < UINT64_MAX / PIRN__TICK_NS ? next * PIRN__TICK_NS
                                             : UINT64_MAX;
}

/* The clock's word is read before the lanes: who puts an entry in one of them
 * after that raises its count, but for one among the due, which are looked at
 * each time. */
uint64_t pirn__wheel_next_ns(const struct pirn__wheel *wheel,
                             struct pirn__wheel_look *look)
{
    uint64_t clock = pirn__atom_load(&wheel->state[CLOCK]);

    if (!look->is_known || look->clock != clock) {
        *look = (struct pirn__wheel_look){
            .is_known = true,
            .clock = clock,
            .next_ns = next_ns(wheel, clock_tick(clock)),
        };
        return look->next_ns;
    }
    return pirn__lane_is_empty(&wheel->lanes, lane_due(wheel)) ? look->next_ns
                                                               : 0;
}
