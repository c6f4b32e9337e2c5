/* SPDX-License-Identifier: MIT */
/*
 * round.c - wall time and CPU time of a round
 *
 * A ring's kernel workers are threads of this process, so getrusage() counts
 * them; the kernel's own threads (journal, loop device) it does not.
 */
#include "bench/round.h"

#include <sys/resource.h>
#include <time.h>

#include "bench/disk.h"

uint64_t round_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t to_ns(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_usec * 1000u;
}

static uint64_t cpu_now_ns(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return to_ns(usage.ru_utime) + to_ns(usage.ru_stime);
}

static uint64_t flushes_of(const struct round *round)
{
    return round->disk == NULL ? 0 : disk_flushes(round->disk);
}

void round_begin(struct round *round)
{
    round->flushes = flushes_of(round);
    round->began_cpu_ns = cpu_now_ns();
    round->began_ns = round_now_ns();
}

void round_end(struct round *round)
{
    round->wall_ns = round_now_ns() - round->began_ns;
    round->cpu_ns = cpu_now_ns() - round->began_cpu_ns;
    round->flushes = flushes_of(round) - round->flushes;
}

int round_of_batches(struct round *round, int (*batch)(void *state),
                     void *state, uint64_t count)
{
    uint64_t began_ns;
    uint64_t now_ns;
    int r = 0;

    round_begin(round);
    do {
        for (unsigned i = 0; i < 31 && r == 0; i++) {
            r = batch(state);
        }
        began_ns = round_now_ns();
        r = r < 0 ? r : batch(state);
        now_ns = round_now_ns();
        histogram_add(&round->latency, now_ns - began_ns);
        round->count += 32 * count;
    } while (r == 0 && !round_is_over(round, now_ns));
    round_end(round);
    return r;
}
