/* SPDX-License-Identifier: MIT */
/*
 * bench_spool_drain.c - queued items claimed, read and removed by P processes
 *
 * A spool is filled before the clock starts, for twice as long as a round
 * lasts, with no more than DRAIN_ITEMS; the round ends when all are gone or
 * when its time is over.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/place.h"
#include "bench/stock.h"

struct drain {
    const struct options *options;
    const char *name;
    unsigned processes;
};

static int open_drain(const struct options *options, unsigned processes,
                      void **ret_state)
{
    struct drain *drain = calloc(1, sizeof(*drain));

    if (drain == NULL) {
        return -ENOMEM;
    }
    drain->options = options;
    drain->name = options->question->name;
    drain->processes = processes;
    *ret_state = drain;
    return 0;
}

static int open_2(const struct options *options, void **ret_state)
{
    return open_drain(options, 2, ret_state);
}

static int open_4(const struct options *options, void **ret_state)
{
    return open_drain(options, 4, ret_state);
}

static int open_16(const struct options *options, void **ret_state)
{
    return open_drain(options, 16, ret_state);
}

static int take(unsigned processes, char *path, struct round *round)
{
    struct crowd_member sum;
    struct crowd crowd;
    int r = crowd_gather(&crowd, processes, stock_take, path);

    if (r < 0) {
        return r;
    }
    round_begin(round);
    crowd_go(&crowd, round->queued, round->queued);
    crowd_wait(&crowd, round->began_ns + round->length_ns);
    r = crowd_dismiss(&crowd, &sum);
    round_end(round);
    crowd_tell(&sum, round);
    return r;
}

static int bench_round(void *state, struct round *round)
{
    struct drain *drain = state;
    char side[64];
    char path[PLACE_PATH];
    int r;

    snprintf(side, sizeof(side), "%s-pirn%u", drain->name, drain->processes);
    r = place_path(path, drain->options->dir, side, round->index);
    if (r == 0) {
        r = stock_fill(path, DRAIN_ITEMS, 2 * round->length_ns, &round->queued);
    }
    if (r == 0) {
        r = take(drain->processes, path, round);
    }
    stock_remove(path);
    return r;
}

static void bench_close(void *state)
{
    free(state);
}

const struct side bench_spool_drain2 = {
    .name = "pirn2",
    .promise = "that it is gone",
    .open = open_2,
    .round = bench_round,
    .close = bench_close,
};

const struct side bench_spool_drain4 = {
    .name = "pirn4",
    .promise = "that it is gone",
    .open = open_4,
    .round = bench_round,
    .close = bench_close,
};

const struct side bench_spool_drain16 = {
    .name = "pirn16",
    .promise = "that it is gone",
    .open = open_16,
    .round = bench_round,
    .close = bench_close,
};
