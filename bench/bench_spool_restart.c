/* SPDX-License-Identifier: MIT */
/*
 * bench_spool_restart.c - our spool opened after a kill, to the first claim
 *
 * Before each round a process has it open, with a claim, and is killed.
 */
#include <signal.h>

#include "bench/restart.h"

/* A crowd_fn that does not come to an end by itself; @arg is the path. */
static int victim(struct crowd_board *board, struct crowd_member *me, void *arg)
{
    static struct pirn_claim claim;
    struct pirn_context *context;
    struct pirn_spool *spool;
    int r = pirn_context_create(NULL, &context);

    (void)me;
    if (r == 0) {
        r = stock_open(context, arg, &spool);
    }
    if (r == 0) {
        pirn_prep_claim(&claim, spool, STOCK_QUEUE);
        r = pirn_wait(context, &claim.op);
    }
    if (r >= 0) {
        crowd_await(board);
    }
    return r < 0 ? r : 0;
}

static int kill_one(char *path)
{
    struct crowd crowd;
    int r = crowd_gather(&crowd, 1, victim, path);

    if (r == 0) {
        kill(crowd.pids[0], SIGKILL);
        (void)crowd_dismiss(&crowd, NULL); /* says that it was killed */
    }
    return r;
}

static int open_full(const struct options *options, void **ret_state)
{
    return restart_open(options, true, ret_state);
}

static int open_empty(const struct options *options, void **ret_state)
{
    return restart_open(options, false, ret_state);
}

static int restart_round(void *state, struct round *round)
{
    struct restart *restart = state;
    int r = kill_one(restart->path);

    return r < 0 ? r : restart_run(restart, restart_claim, round);
}

const struct side bench_spool_restart_full = {
    .name = "pirn",
    .open = open_full,
    .round = restart_round,
    .close = restart_close,
};

const struct side bench_spool_restart_empty = {
    .name = "empty",
    .open = open_empty,
    .round = restart_round,
    .close = restart_close,
};
