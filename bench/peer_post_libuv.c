/* SPDX-License-Identifier: MIT */
/*
 * peer_post_libuv.c - messages over a list under a mutex, told by uv_async
 *
 * A uv_async says that something came, not what nor how often; the list is what
 * a user of libuv puts beside it. The receiver takes all of it under one lock.
 */
#include "bench/sides.h"

#if HAVE_LIBUV

#include <errno.h>
#include <stdlib.h>
#include <uv.h>

#include "bench/peers.h"
#include "bench/posts.h"

struct target {
    struct posts posts;
    uv_loop_t loop;
    uv_async_t async;
    uv_idle_t busy; /* what keeps the loop from sleeping */
    uv_mutex_t mutex;
    struct message *first;
    struct message **last;
    struct message {
        struct message *next;
        uint32_t sender;
    } messages[SENDERS_MAX][POST_WINDOW];
};

static void post(void *state, uint32_t sender, uint32_t index)
{
    struct target *target = state;
    struct message *message = &target->messages[sender][index];

    message->next = NULL;
    message->sender = sender;
    uv_mutex_lock(&target->mutex);
    *target->last = message;
    target->last = &message->next;
    uv_mutex_unlock(&target->mutex);
    uv_async_send(&target->async);
}

static void messages_came(uv_async_t *async)
{
    struct target *target = async->data;
    struct message *message;

    uv_mutex_lock(&target->mutex);
    message = target->first;
    target->first = NULL;
    target->last = &target->first;
    uv_mutex_unlock(&target->mutex);
    while (message != NULL) {
        struct message *next = message->next; /* it may be sent again */

        posts_received(&target->posts, message->sender);
        message = next;
    }
}

static void do_nothing(uv_idle_t *idle)
{
    (void)idle;
}

static int poll_once(void *state)
{
    struct target *target = state;

    uv_run(&target->loop, UV_RUN_NOWAIT);
    return 0;
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
        .last = &target->first,
    };
    r = uv_loop_init(&target->loop);
    if (r < 0) {
        free(target);
        return r;
    }
    uv_mutex_init(&target->mutex);
    uv_async_init(&target->loop, &target->async, messages_came);
    target->async.data = target;
    uv_idle_init(&target->loop, &target->busy);
    uv_idle_start(&target->busy, do_nothing);
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

    uv_close((uv_handle_t *)&target->async, NULL);
    uv_close((uv_handle_t *)&target->busy, NULL);
    uv_run(&target->loop, UV_RUN_DEFAULT);
    uv_loop_close(&target->loop);
    uv_mutex_destroy(&target->mutex);
    free(target);
}

const struct side peer_post_libuv = {
    .name = "libuv",
    .version = peer_libuv_version,
    .open = post_open,
    .round = post_round,
    .close = post_close,
};

#else

#include "bench/missing.h"

const struct side peer_post_libuv = SIDE_MISSING("libuv");

#endif
