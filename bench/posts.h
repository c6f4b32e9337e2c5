/* SPDX-License-Identifier: MIT */
/*
 * bench/posts.h - threads that send messages to the harness's thread
 *
 * Each sender has POST_WINDOW messages of its own and sends them in turn; one
 * that is not back yet is waited for. So the receiver is always busy, and
 * memory is bounded.
 */
#ifndef BENCH_POSTS_H
#define BENCH_POSTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "bench/harness.h"

enum {
    SENDERS_MAX = 4,
    POST_WINDOW = 16384,
};

/**
 * post_fn - send message @index of @sender
 *
 * Context: the sender's thread.
 */
typedef void post_fn(void *state, uint32_t sender, uint32_t index);

/**
 * post_poll_fn - receive what is there, without waiting; 0 or an errno
 *
 * Calls posts_received() for each.
 */
typedef int post_poll_fn(void *state);

struct posts {
    post_fn *post;
    post_poll_fn *poll;
    void *state;
    uint32_t senders;
    uint64_t received; /* in all */
    atomic_bool stop;
    struct sender {
        _Alignas(64) atomic_ulong back; /* how many of its have come */
        struct posts *posts;
        uint64_t sent;
        uint32_t index;
    } sender[SENDERS_MAX];
};

/** posts_received() - a message of @sender has come; the harness's thread */
static inline void posts_received(struct posts *posts, uint32_t sender)
{
    atomic_ulong *back = &posts->sender[sender].back;

    atomic_store_explicit(back,
                          atomic_load_explicit(back, memory_order_relaxed) + 1,
                          memory_order_release);
    posts->received++;
}

/** posts_round() - a whole round */
int posts_round(struct posts *posts, struct round *round);

#endif /* BENCH_POSTS_H */
