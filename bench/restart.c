/* SPDX-License-Identifier: MIT */
/*
 * restart.c - see bench/restart.h
 */
#include "bench/restart.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int restart_open(const struct options *options, bool full, void **ret_state)
{
    struct restart *restart = calloc(1, sizeof(*restart));
    uint64_t wanted = options->items ? options->items : RESTART_ITEMS;
    char side[64];
    int r;

    if (restart == NULL) {
        return -ENOMEM;
    }
    restart->dir = options->dir;
    snprintf(side, sizeof(side), "%s-%s", options->question->name,
             full ? "full" : "empty");
    r = place_path(restart->path, options->dir, side, 0);
    if (r == 0) {
        r = stock_fill(restart->path, full ? wanted : 0, options->long_ns,
                       &restart->items);
    }
    r = r < 0 ? r : pirn_context_create(NULL, &restart->context);
    if (r < 0) {
        stock_remove(restart->path);
        free(restart);
        return r;
    }
    *ret_state = restart;
    return 0;
}

void restart_close(void *state)
{
    struct restart *restart = state;

    (void)pirn_context_destroy(restart->context);
    stock_remove(restart->path);
    free(restart);
}

int restart_run(struct restart *restart, restart_fn *until, struct round *round)
{
    struct pirn_spool *spool;
    int r;

    round_begin(round);
    r = restart->early
            ? stock_open_early(restart->context, restart->path, &spool)
            : stock_open(restart->context, restart->path, &spool);
    if (r == 0) {
        r = until(restart, spool, round);
        (void)pirn_spool_close(spool);
    }
    round->count = 1;
    round->queued = restart->items;
    histogram_add(&round->latency, round->wall_ns);
    return r;
}

int restart_claim(struct restart *restart, struct pirn_spool *spool,
                  struct round *round)
{
    struct pirn_claim claim = {0};
    int r;

    pirn_prep_claim(&claim, spool, STOCK_QUEUE);
    r = pirn_wait(restart->context, &claim.op);
    round_end(round);
    if (r == 1) {
        pirn_prep_give_back(&claim);
        r = pirn_wait(restart->context, &claim.op);
        return r < 0 || restart->items > 0 ? r : -EEXIST;
    }
    return r < 0 ? r : restart->items > 0 ? -ENODATA : 0;
}
