/* SPDX-License-Identifier: MIT */
/*
 * pingpong.c - the pauses and the clock
 */
#include "bench/pingpong.h"

#include "bench/process.h"

int pingpong_round(struct round *round, int (*ping)(void *state), void *state)
{
    uint64_t now_ns;
    int r;

    process_pin(0);
    round_begin(round);
    do {
        uint64_t began_ns = round_now_ns();

        do {
            now_ns = round_now_ns();
        } while (now_ns - began_ns < PING_PAUSE_NS);
        began_ns = now_ns;
        r = ping(state);
        now_ns = round_now_ns();
        histogram_add(&round->latency, now_ns - began_ns);
        round->count++;
    } while (r == 0 && !round_is_over(round, now_ns));
    round_end(round);
    process_unpin();
    return r;
}
