/* SPDX-License-Identifier: MIT */
/*
 * bench_latency.c - a post to a sleeping context, and one back
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/pirn.h>

#include "bench/pingpong.h"
#include "bench/process.h"
#include "bench/sides.h"

struct pair {
    struct pirn_context *ours;
    struct pirn_group *group; /* of the one that answers */
    struct pirn_op there;
    struct pirn_op back;
    bool is_back;
};

static void pin_member(struct pirn_context *context, uint32_t index, void *user,
                       struct pirn_op *done)
{
    (void)index;
    (void)user;
    process_pin(1);
    pirn_task_finish(context, done, 0);
}

static int pair_open(const struct options *options, void **ret_state)
{
    struct pirn_group_config config = {.count = 1, .init = pin_member};
    struct pair *pair = calloc(1, sizeof(*pair));
    int r;

    (void)options;
    if (pair == NULL) {
        return -ENOMEM;
    }
    r = pirn_context_create(NULL, &pair->ours);
    if (r < 0) {
        goto fail;
    }
    r = pirn_group_create(&config, &pair->group);
    if (r < 0) {
        goto fail_ours;
    }
    *ret_state = pair;
    return 0;

fail_ours:
    pair->ours = pirn_context_destroy(pair->ours);
fail:
    free(pair);
    return r;
}

static void came_back(struct pirn_op *op, int32_t result)
{
    (void)result;
    pirn_container_of(op, struct pair, back)->is_back = true;
}

static void got_there(struct pirn_op *op, int32_t result)
{
    struct pair *pair = pirn_container_of(op, struct pair, there);

    (void)result;
    pirn_post(pair->ours, &pair->back, came_back);
}

static int ping(void *state)
{
    struct pair *pair = state;
    int r = 0;

    pair->is_back = false;
    pirn_post(pirn_group_context(pair->group, 0), &pair->there, got_there);
    while (!pair->is_back && r >= 0) {
        r = pirn_context_turn(pair->ours, PIRN_FOREVER);
    }
    return r < 0 ? r : 0;
}

static int pair_round(void *state, struct round *round)
{
    return pingpong_round(round, ping, state);
}

static void pair_close(void *state)
{
    struct pair *pair = state;

    pair->group = pirn_group_destroy(pair->group);
    pair->ours = pirn_context_destroy(pair->ours);
    free(pair);
}

const struct side bench_latency = {
    .name = "pirn",
    .open = pair_open,
    .round = pair_round,
    .close = pair_close,
};
