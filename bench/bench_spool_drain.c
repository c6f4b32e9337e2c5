/* SPDX-License-Identifier: MIT */
/*
 * bench_spool_drain.c - queued items claimed, read and removed by P processes
 *
 * A spool is filled before the clock starts, for twice as long as a round
 * lasts, with no more than DRAIN_ITEMS; the round ends when all are gone or
 * when its time is over. Of files many are taken at a time: each of their
 * operations is a worker's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/place.h"
#include "bench/stock.h"

struct drain {
    const struct options *options;
    unsigned processes;
    enum pirn_layout layout;
};

static int open_drain(const struct options *options, unsigned processes,
                      enum pirn_layout layout, void **ret_state)
{
    struct drain *drain = calloc(1, sizeof(*drain));

    if (drain == NULL) {
        return -ENOMEM;
    }
    drain->options = options;
    drain->processes = processes;
    drain->layout = layout;
    *ret_state = drain;
    return 0;
}

static int open_2(const struct options *options, void **ret_state)
{
    return open_drain(options, 2, PIRN_LAYOUT_LOG, ret_state);
}

static int open_4(const struct options *options, void **ret_state)
{
    return open_drain(options, 4, PIRN_LAYOUT_LOG, ret_state);
}

static int open_16(const struct options *options, void **ret_state)
{
    return open_drain(options, 16, PIRN_LAYOUT_LOG, ret_state);
}

static int open_files(const struct options *options, void **ret_state)
{
    return open_drain(options, 4, PIRN_LAYOUT_FILE, ret_state);
}

static int bench_round(void *state, struct round *round)
{
    struct drain *drain = state;
    bool is_file = drain->layout == PIRN_LAYOUT_FILE;
    char side[64];
    char path[PLACE_PATH];
    int r;

    snprintf(side, sizeof(side), "pirn%u", drain->processes);
    r = place_path_of(path, drain->options, side, round->index);
    if (r == 0) {
        r = stock_make(path, drain->layout);
    }
    if (r == 0) {
        r = stock_fill(path, DRAIN_ITEMS, 2 * round->length_ns, &round->queued);
    }
    if (r == 0) {
        r = crowd_round(round, drain->processes,
                        is_file ? stock_take_many : stock_take, path);
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

const struct side bench_file_drain4 = {
    .name = "pirn4",
    .promise = "that no kill brings it back; no power cut 1 s later",
    .open = open_files,
    .round = bench_round,
    .close = bench_close,
};
