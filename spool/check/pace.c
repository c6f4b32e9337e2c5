/* SPDX-License-Identifier: MIT */
/*
 * pace.c - see spool/check/pace.h
 *
 * A tenth is what the one who works may lose. Where he and the check have one
 * processor, or one disk, the check's share of it is what he loses; so it is a
 * tenth, by the clock: what it waits for while it works is waited for by the
 * disk, too.
 */
#include "spool/check/pace.h"

#include <pirn/invariant.h>

#define WORK_NS 1000000ull
#define RESTS 9u
#define REST_MAX_NS 1000000000ull

/* So long who was seen is believed to go on. */
#define BUSY_NS 500000000ull

void pirn__pace_begin(struct pirn__pace *pace, uint64_t now_ns)
{
    pirn_assert(pace->since_ns == 0);
    pace->since_ns = now_ns;
}

static uint64_t worked_ns(const struct pirn__pace *pace, uint64_t now_ns)
{
    return now_ns > pace->since_ns ? now_ns - pace->since_ns : 0;
}

bool pirn__pace_is_due(const struct pirn__pace *pace, uint64_t now_ns)
{
    return worked_ns(pace, now_ns) >= WORK_NS;
}

uint32_t pirn__pace_slot(struct pirn__pace *pace, uint32_t own)
{
    uint32_t end = pace->slot_end > own ? pace->slot_end : own + 1;

    pirn_assert(own < PIRN__SLOTS);
    end += end < PIRN__SLOTS; /* one more */
    pace->slot = (pace->slot + 1) % end;
    pace->slot = pace->slot == own ? (own + 1) % end : pace->slot;
    return pace->slot;
}

static void see(struct pirn__pace *pace, uint64_t now_ns)
{
    pace->busy_until_ns = now_ns + BUSY_NS;
}

void pirn__pace_saw_slot(struct pirn__pace *pace, uint32_t slot,
                         uint64_t changed_ns, uint64_t now_ns)
{
    pirn_assert(slot < PIRN__SLOTS);

    uint64_t before_ns = pace->changed_ns[slot];
    if (before_ns != 0 && changed_ns != 0 && changed_ns != before_ns) {
        see(pace, now_ns);
    }
    pace->changed_ns[slot] = changed_ns;
    if (changed_ns != 0 && slot >= pace->slot_end) {
        pace->slot_end = slot + 1;
    }
}

void pirn__pace_saw_log(struct pirn__pace *pace, uint64_t sum, uint64_t now_ns)
{
    if (pace->log_sum != 0 && sum != pace->log_sum) {
        see(pace, now_ns);
    }
    pace->log_sum = sum;
}

uint64_t pirn__pace_rest_ns(struct pirn__pace *pace, uint64_t now_ns)
{
    uint64_t rest_ns = worked_ns(pace, now_ns) * RESTS;

    if (now_ns >= pace->busy_until_ns) {
        rest_ns = 0;
    }
    rest_ns = rest_ns < REST_MAX_NS ? rest_ns : REST_MAX_NS;
    pace->since_ns = now_ns;
    return rest_ns;
}

void pirn__pace_pass(struct pirn__pace *pace, uint64_t passed_ns,
                     uint64_t now_ns)
{
    uint64_t since_ns = pace->since_ns + passed_ns;

    pace->since_ns = since_ns < now_ns ? since_ns : now_ns;
}
