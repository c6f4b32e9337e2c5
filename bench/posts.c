/* SPDX-License-Identifier: MIT */
/*
 * posts.c - the senders' threads, and the round around them
 */
#include "bench/posts.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>

#include "bench/process.h"

/* Receives between two looks at the clock. */
enum { POLLS = 16 };

static const uint64_t FIRST_NS = 5000000000u;

static void *send_on(void *arg)
{
    struct sender *sender = arg;
    struct posts *posts = sender->posts;

    process_unpin();                /* from the receiver's */
    process_pin(1 + sender->index); /* where there are so many */
    while (!atomic_load_explicit(&posts->stop, memory_order_relaxed)) {
        uint64_t back =
            atomic_load_explicit(&sender->back, memory_order_acquire);

        if (sender->sent - back == POST_WINDOW) {
            sched_yield();
            continue;
        }
        while (sender->sent - back < POST_WINDOW) {
            posts->post(posts->state, sender->index,
                        (uint32_t)(sender->sent++ % POST_WINDOW));
        }
    }
    return NULL;
}

/* Until the first message of each has come: a thread that was just made may
 * have to wait for a processor. */
static int receive_first(struct posts *posts)
{
    uint64_t began_ns = round_now_ns();
    int r = 0;

    for (uint32_t i = 0; i < posts->senders; i++) {
        uint64_t before = atomic_load(&posts->sender[i].back);

        while (r == 0 && atomic_load(&posts->sender[i].back) == before) {
            r = posts->poll(posts->state);
            if (round_now_ns() - began_ns > FIRST_NS) {
                r = -ETIMEDOUT;
            }
        }
    }
    return r;
}

static int receive_on(struct posts *posts, struct round *round)
{
    int r = 0;

    do {
        for (unsigned i = 0; i < POLLS && r == 0; i++) {
            r = posts->poll(posts->state);
        }
    } while (r == 0 && !round_is_over(round, round_now_ns()));
    return r;
}

/* Nothing may be on its way when a round has ended. */
static int receive_rest(struct posts *posts)
{
    int r = 0;

    for (uint32_t i = 0; i < posts->senders; i++) {
        while (r == 0 &&
               atomic_load(&posts->sender[i].back) < posts->sender[i].sent) {
            r = posts->poll(posts->state);
        }
    }
    return r;
}

int posts_round(struct posts *posts, struct round *round)
{
    pthread_t threads[SENDERS_MAX];
    uint64_t before;
    uint32_t started = 0;
    int r = 0;
    int rest;

    process_pin(0);
    atomic_store(&posts->stop, false);
    while (started < posts->senders && r == 0) {
        struct sender *sender = &posts->sender[started];

        sender->posts = posts;
        sender->index = started;
        r = -pthread_create(&threads[started], NULL, send_on, sender);
        started += r == 0;
    }
    r = r < 0 ? r : receive_first(posts);
    before = posts->received;
    round_begin(round);
    r = r < 0 ? r : receive_on(posts, round);
    round_end(round);
    round->count = posts->received - before;
    atomic_store(&posts->stop, true);
    for (uint32_t i = 0; i < started; i++) {
        pthread_join(threads[i], NULL);
    }
    rest = receive_rest(posts);
    process_unpin();
    return r < 0 ? r : rest;
}
