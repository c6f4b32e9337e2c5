/* SPDX-License-Identifier: MIT */
/*
 * bench_post.c - messages from other threads to a busy context
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/pirn.h>

#include "bench/posts.h"
#include "bench/sides.h"

struct target {
    struct posts posts;
    struct pirn_context *context;
    /* Each on one cache line, not on two. */
    _Alignas(64) struct pirn_op messages[SENDERS_MAX][POST_WINDOW];
};

/* There is one at a time. A message is its op alone, and whose it is, its
 * place says: as small as this side's messages can be. */
static struct target *open_target;

static void message_came(struct pirn_op *op, int32_t result)
{
    size_t place = (size_t)(op - &open_target->messages[0][0]);

    (void)result;
    posts_received(&open_target->posts, (uint32_t)(place / POST_WINDOW));
}

static void post(void *state, uint32_t sender, uint32_t index)
{
    struct target *target = state;

    pirn_post(target->context, &target->messages[sender][index], message_came);
}

static int poll_once(void *state)
{
    struct target *target = state;
    int r = pirn_context_turn(target->context, 0);

    return r < 0 ? r : 0;
}

static int post_open(const struct options *options, void **ret_state)
{
    struct target *target = aligned_alloc(64, sizeof(*target));
    int r;

    if (target == NULL) {
        return -ENOMEM;
    }
    *target = (struct target){
        .posts = {.post = post,
                  .poll = poll_once,
                  .state = target,
                  .senders = options->question->senders},
    };
    open_target = target;
    r = pirn_context_create(NULL, &target->context);
    if (r < 0) {
        free(target);
        return r;
    }
    *ret_state = target;
    return 0;
}

static int post_round(void *state, struct round *round)
{
    struct target *target = state;

    return posts_round(&target->posts, round);
}

static void post_close(void *state)
{
    struct target *target = state;

    target->context = pirn_context_destroy(target->context);
    free(target);
}

const struct side bench_post = {
    .name = "pirn",
    .open = post_open,
    .round = post_round,
    .close = post_close,
};
