/* SPDX-License-Identifier: MIT */
/*
 * bench_spool_cold.c - our spool opened after a power loss
 *
 * Nobody has it open, and nothing of it is in memory. To the first claim, by
 * who opens early, and to a status that has counted all.
 */
#include <errno.h>

#include "bench/disk.h"
#include "bench/restart.h"

/* What a power loss leaves of it. */
static int lose(const struct restart *restart)
{
    int r = stock_lose_index(restart->path);

    return r < 0 ? r : disk_forget(restart->dir);
}

static int count_all(struct restart *restart, struct pirn_spool *spool,
                     struct round *round)
{
    struct pirn_status status = {0};
    int r;

    pirn_prep_status(&status, spool);
    r = pirn_wait(restart->context, &status.op);
    round_end(round);
    return r < 0 ? r : status.ready == restart->items ? 0 : -ENODATA;
}

static int open_full(const struct options *options, void **ret_state)
{
    return restart_open(options, true, ret_state);
}

static int open_empty(const struct options *options, void **ret_state)
{
    return restart_open(options, false, ret_state);
}

static int cold_round(void *state, struct round *round)
{
    struct restart *restart = state;
    int r = lose(restart);

    restart->early = true;
    return r < 0 ? r : restart_run(restart, restart_claim, round);
}

static int counted_round(void *state, struct round *round)
{
    struct restart *restart = state;
    int r = lose(restart);

    return r < 0 ? r : restart_run(restart, count_all, round);
}

const struct side bench_spool_cold_full = {
    .name = "pirn",
    .open = open_full,
    .round = cold_round,
    .close = restart_close,
};

const struct side bench_spool_cold_empty = {
    .name = "empty",
    .open = open_empty,
    .round = cold_round,
    .close = restart_close,
};

const struct side bench_spool_counted_full = {
    .name = "pirn",
    .open = open_full,
    .round = counted_round,
    .close = restart_close,
};

const struct side bench_spool_counted_empty = {
    .name = "empty",
    .open = open_empty,
    .round = counted_round,
    .close = restart_close,
};
