/* SPDX-License-Identifier: MIT */
/*
 * peer_latency_libuv.c - a uv_async to a sleeping loop, and one back
 */
#include "bench/sides.h"

#if HAVE_LIBUV

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "bench/peers.h"
#include "bench/pingpong.h"
#include "bench/process.h"

struct pair {
    uv_loop_t ours;
    uv_loop_t theirs;
    uv_async_t back; /* on ours */
    uv_async_t there;
    uv_async_t end;
    uv_thread_t thread;
    bool is_back;
};

static void came_back(uv_async_t *async)
{
    struct pair *pair = async->data;

    pair->is_back = true;
}

static void got_there(uv_async_t *async)
{
    struct pair *pair = async->data;

    uv_async_send(&pair->back);
}

static void stop(uv_async_t *async)
{
    uv_stop(async->loop);
}

static void run_theirs(void *arg)
{
    struct pair *pair = arg;

    process_pin(1);
    uv_run(&pair->theirs, UV_RUN_DEFAULT);
}

static int pair_open(const struct options *options, void **ret_state)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    int r;

    (void)options;
    if (pair == NULL) {
        return -ENOMEM;
    }
    pair->back.data = pair->there.data = pair;
    uv_loop_init(&pair->ours);
    uv_loop_init(&pair->theirs);
    uv_async_init(&pair->ours, &pair->back, came_back);
    uv_async_init(&pair->theirs, &pair->there, got_there);
    uv_async_init(&pair->theirs, &pair->end, stop);
    r = uv_thread_create(&pair->thread, run_theirs, pair);
    if (r < 0) {
        return r; /* and leave the rest to the end of the process */
    }
    *ret_state = pair;
    return 0;
}

static int ping(void *state)
{
    struct pair *pair = state;

    pair->is_back = false;
    uv_async_send(&pair->there);
    while (!pair->is_back) {
        uv_run(&pair->ours, UV_RUN_ONCE);
    }
    return 0;
}

static int pair_round(void *state, struct round *round)
{
    return pingpong_round(round, ping, state);
}

static void pair_close(void *state)
{
    struct pair *pair = state;

    uv_async_send(&pair->end);
    uv_thread_join(&pair->thread);
    uv_close((uv_handle_t *)&pair->back, NULL);
    uv_close((uv_handle_t *)&pair->there, NULL);
    uv_close((uv_handle_t *)&pair->end, NULL);
    uv_run(&pair->ours, UV_RUN_DEFAULT);
    uv_run(&pair->theirs, UV_RUN_DEFAULT);
    uv_loop_close(&pair->ours);
    uv_loop_close(&pair->theirs);
    free(pair);
}

const struct side peer_latency_libuv = {
    .name = "libuv",
    .version = peer_libuv_version,
    .open = pair_open,
    .round = pair_round,
    .close = pair_close,
};

#else

#include "bench/missing.h"

const struct side peer_latency_libuv = SIDE_MISSING("libuv");

#endif
