/* SPDX-License-Identifier: MIT */
/*
 * bench_watch.c - bytes passed on through watched pipes, by level and by edge
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/pirn.h>

#include "bench/pipes.h"
#include "bench/sides.h"

struct watches {
    struct pirn_context *context;
    struct pipes pipes;
    struct seat {
        struct pirn_watch watch; /* its token is the pipe's index */
        struct watches *watches;
    } seats[PIPE_COUNT];
};

static void readable(struct pirn_watch *watch, uint32_t events)
{
    struct seat *seat = pirn_container_of(watch, struct seat, watch);

    (void)events;
    pipes_pass(&seat->watches->pipes, (unsigned)watch->token);
}

static void stopped(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

static void start_watches(struct watches *watches, uint32_t flags)
{
    for (unsigned i = 0; i < PIPE_COUNT; i++) {
        struct seat *seat = &watches->seats[i];

        seat->watches = watches;
        seat->watch.token = i;
        pirn_prep_watch(&seat->watch, watches->pipes.read_fds[i], POLLIN, flags,
                        readable);
        pirn_start(watches->context, &seat->watch.op, stopped);
    }
}

static int watch_open(uint32_t flags, void **ret_state)
{
    struct watches *watches = calloc(1, sizeof(*watches));
    int r;

    if (watches == NULL) {
        return -ENOMEM;
    }
    r = pipes_open(&watches->pipes);
    if (r < 0) {
        free(watches);
        return r;
    }
    r = pirn_context_create(NULL, &watches->context);
    if (r < 0) {
        pipes_close(&watches->pipes);
        free(watches);
        return r;
    }
    start_watches(watches, flags);
    *ret_state = watches;
    return 0;
}

static int level_open(const struct options *options, void **ret_state)
{
    (void)options;
    return watch_open(PIRN_WATCH_LEVEL, ret_state);
}

static int edge_open(const struct options *options, void **ret_state)
{
    (void)options;
    return watch_open(PIRN_WATCH_EDGE, ret_state);
}

static int one_batch(void *state)
{
    struct watches *watches = state;
    int r = 0;

    watches->pipes.wanted += PIPE_BATCH;
    while (r >= 0 && watches->pipes.passed < watches->pipes.wanted) {
        r = pirn_context_turn(watches->context, PIRN_FOREVER);
    }
    return r < 0 ? r : 0;
}

static int watch_round(void *state, struct round *round)
{
    return round_of_batches(round, one_batch, state, PIPE_BATCH);
}

static void watch_close(void *state)
{
    struct watches *watches = state;

    for (unsigned i = 0; i < PIPE_COUNT; i++) {
        pirn_cancel(watches->context, &watches->seats[i].watch.op);
    }
    if (pirn_context_drain(watches->context) < 0) {
        abort();
    }
    watches->context = pirn_context_destroy(watches->context);
    pipes_close(&watches->pipes);
    free(watches);
}

const struct side bench_watch = {
    .name = "pirn",
    .open = level_open,
    .round = watch_round,
    .close = watch_close,
};

const struct side bench_watch_edge = {
    .name = "pirn",
    .open = edge_open,
    .round = watch_round,
    .close = watch_close,
};
