/* SPDX-License-Identifier: MIT */
/*
 * bench/restart.h - our spool with many items, or with none, opened anew
 *
 * Filled once, before the first round. Each round is one opening: the clock
 * runs from there to the first claim, which finds nothing in an empty one, or
 * to whatever else a question waits for.
 */
#ifndef BENCH_RESTART_H
#define BENCH_RESTART_H

#include "bench/place.h"
#include "bench/stock.h"

enum { RESTART_ITEMS = 1000000 };

struct restart {
    struct pirn_context *context;
    const char *dir;
    uint64_t items;
    bool early; /* opened so that items are handed out before all are known */
    char path[PLACE_PATH];
};

/* What the clock runs to: it ends the round's clock itself. */
typedef int restart_fn(struct restart *restart, struct pirn_spool *spool,
                       struct round *round);

/** restart_open() - a side's open; @full: with items; else with none */
int restart_open(const struct options *options, bool full, void **ret_state);

/** restart_run() - a side's round, but for what happens to the spool before */
int restart_run(struct restart *restart, restart_fn *until,
                struct round *round);

/** restart_claim() - a restart_fn: to the first claim */
int restart_claim(struct restart *restart, struct pirn_spool *spool,
                  struct round *round);

/** restart_close() - a side's close */
void restart_close(void *state);

#endif /* BENCH_RESTART_H */
