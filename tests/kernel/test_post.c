/* SPDX-License-Identifier: MIT */
/* test_post.c - real threads post to one context, and stop it */
#include "tests/kernel/ring.h"

#include <pthread.h>

enum { THREADS = 4, POSTS = 10000 };

struct sender;

struct parcel {
    struct pirn_op op;
    struct sender *sender;
    uint32_t number;
    uint64_t cargo; /* written before the post, read in the function */
};

struct sender {
    struct parcel *parcels;
    struct pirn_context *target;
    pthread_t thread;
    uint32_t arrived;
    uint32_t out_of_order;
    uint32_t torn;
};

static int arrived;

static void arrive(struct pirn_op *op, int32_t result)
{
    struct parcel *parcel = pirn_container_of(op, struct parcel, op);
    struct sender *sender = parcel->sender;

    sender->out_of_order += parcel->number != sender->arrived;
    sender->torn += parcel->cargo != parcel->number * 7u || result != 0;
    sender->arrived++;
    arrived++;
}

static void *send_all(void *argument)
{
    struct sender *sender = argument;

    for (uint32_t i = 0; i < POSTS; i++) {
        struct parcel *parcel = &sender->parcels[i];

        *parcel = (struct parcel){.sender = sender, .number = i};
        parcel->cargo = i * 7u;
        pirn_post(sender->target, &parcel->op, arrive);
        if (i % 97 == 0) {
            sched_yield(); /* so that the target sleeps now and then */
        }
    }
    return NULL;
}

static void all_arrive_in_the_order_of_each_thread(void **state)
{
    struct ring *ring = *state;
    struct sender senders[THREADS] = {0};

    arrived = 0;
    for (int i = 0; i < THREADS; i++) {
        senders[i].target = ring->context;
        senders[i].parcels = calloc(POSTS, sizeof(struct parcel));
        pthread_create(&senders[i].thread, NULL, send_all, &senders[i]);
    }
    while (arrived < THREADS * POSTS) {
        assert_true(pirn_context_turn(ring->context, PIRN_FOREVER) >= 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(senders[i].thread, NULL);
        assert_int_equal(senders[i].arrived, POSTS);
        assert_int_equal(senders[i].out_of_order, 0);
        assert_int_equal(senders[i].torn, 0);
        free(senders[i].parcels);
    }
}

/* There and back: each post has to wake a context that sleeps. */
struct ping {
    struct pirn_op op;
    struct pirn_context *here;
    struct pirn_context *there;
    int left;
};

static void pong(struct pirn_op *op, int32_t result);

static void ping(struct pirn_op *op, int32_t result)
{
    struct ping *game = pirn_container_of(op, struct ping, op);

    (void)result;
    pirn_post(game->here, op, pong);
}

static void pong(struct pirn_op *op, int32_t result)
{
    struct ping *game = pirn_container_of(op, struct ping, op);

    (void)result;
    if (--game->left > 0) {
        pirn_post(game->there, op, ping);
    } else {
        pirn_context_stop(game->here);
    }
}

static void sleeping_contexts_wake_each_other(void **state)
{
    struct ring *ring = *state;
    const struct pirn_group_config config = {.count = 1};
    struct ping game = {.here = ring->context, .left = 2000};
    struct pirn_group *group;

    assert_int_equal(pirn_group_create(&config, &group), 0);
    game.there = pirn_group_context(group, 0);
    pirn_post(game.there, &game.op, ping);
    assert_int_equal(pirn_context_run(ring->context), 0);
    assert_int_equal(game.left, 0);
    pirn_group_destroy(group);
}

static void *stop(void *argument)
{
    pirn_context_stop(argument);
    return NULL;
}

static void stop_from_another_thread_ends_the_run(void **state)
{
    struct ring *ring = *state;

    for (int i = 0; i < 200; i++) {
        pthread_t thread;

        pthread_create(&thread, NULL, stop, ring->context);
        assert_int_equal(pirn_context_run(ring->context), 0);
        pthread_join(thread, NULL);
    }
}

/* Stops its target somewhere between its posts. */
static void *send_and_stop(void *argument)
{
    struct sender *sender = argument;

    for (uint32_t i = 0; i < POSTS; i++) {
        sender->parcels[i] = (struct parcel){.sender = sender, .number = i};
        sender->parcels[i].cargo = i * 7u;
        pirn_post(sender->target, &sender->parcels[i].op, arrive);
        if (i == POSTS / 2) {
            pirn_context_stop(sender->target);
        }
    }
    return NULL;
}

static void posts_around_a_stop_all_arrive(void **state)
{
    struct ring *ring = *state;
    struct sender sender = {.target = ring->context};

    sender.parcels = calloc(POSTS, sizeof(struct parcel));
    pthread_create(&sender.thread, NULL, send_and_stop, &sender);
    assert_int_equal(pirn_context_run(ring->context), 0);
    pthread_join(sender.thread, NULL);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(sender.arrived, POSTS);
    assert_int_equal(sender.out_of_order, 0);
    assert_int_equal(sender.torn, 0);
    free(sender.parcels);
}

RING_TEST_MAIN(RING_TEST(all_arrive_in_the_order_of_each_thread),
               RING_TEST(sleeping_contexts_wake_each_other),
               RING_TEST(stop_from_another_thread_ends_the_run),
               RING_TEST(posts_around_a_stop_all_arrive))
