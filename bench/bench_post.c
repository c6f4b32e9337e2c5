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
    struct message {
        _Alignas(64) struct pirn_op op; /* on one cache line, not on two */
        struct target *target;
        uint32_t sender;
    } messages[SENDERS_MAX][POST_WINDOW];
};

static void message_came(struct pirn_op *op, int32_t result)
{
    struct message *message = pirn_container_of(op, struct message, op);

    (void)result;
    posts_received(&message->target->posts, message->sender);
}

static void post(void *state, uint32_t sender, uint32_t index)
{
    struct target *target = state;

    pirn_post(target->context, &target->messages[sender][index].op,
              message_came);
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
    for (uint32_t i = 0; i < SENDERS_MAX; i++) {
        for (uint32_t j = 0; j < POST_WINDOW; j++) {
            target->messages[i][j].target = target;
            target->messages[i][j].sender = i;
        }
    }
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
