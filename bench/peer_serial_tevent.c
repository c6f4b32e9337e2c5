/* SPDX-License-Identifier: MIT */
/*
 * peer_serial_tevent.c - requests of tevent that have their turn
 *
 * A request is allocated, queued, triggered, done and freed: its place in the
 * queue is given up only then.
 */
#include "bench/sides.h"

#if HAVE_TEVENT

#include <errno.h>
#include <stdlib.h>
#include <talloc.h>
#include <tevent.h>

#include "bench/peers.h"
#include "bench/serials.h"

struct queues {
    struct tevent_context *loop;
    uint32_t queue_count;
    uint32_t request_count; /* in a batch */
    uint32_t left;
    struct tevent_queue *queues[SERIAL_IDLE];
};

/* What a request of somebody's keeps. */
struct job {
    struct queues *queues;
};

static int open_some(uint32_t queue_count, uint32_t request_count,
                     void **ret_state)
{
    struct queues *queues = calloc(1, sizeof(*queues));

    if (queues == NULL) {
        return -ENOMEM;
    }
    queues->queue_count = queue_count;
    queues->request_count = request_count;
    queues->loop = tevent_context_init(NULL);
    for (uint32_t i = 0; i < queue_count && queues->loop != NULL; i++) {
        queues->queues[i] = tevent_queue_create(queues->loop, "queue");
    }
    if (queues->loop == NULL || queues->queues[queue_count - 1] == NULL) {
        talloc_free(queues->loop);
        free(queues);
        return -ENOMEM;
    }
    *ret_state = queues;
    return 0;
}

static int serial_open(const struct options *options, void **ret_state)
{
    (void)options;
    return open_some(SERIAL_IDLE, SERIAL_IDLE, ret_state);
}

static int lone_open(const struct options *options, void **ret_state)
{
    (void)options;
    return open_some(1, 1, ret_state);
}

static int deep_open(const struct options *options, void **ret_state)
{
    (void)options;
    return open_some(1, SERIAL_DEEP, ret_state);
}

static void triggered(struct tevent_req *request, void *private_data)
{
    (void)private_data;
    tevent_req_done(request);
}

static void job_done(struct tevent_req *request)
{
    struct job *job = tevent_req_data(request, struct job);

    job->queues->left--;
    talloc_free(request);
}

static struct tevent_req *new_request(struct queues *queues)
{
    struct job *job;
    struct tevent_req *request =
        tevent_req_create(queues->loop, &job, struct job);

    if (request != NULL) {
        job->queues = queues;
    }
    return request;
}

static int one_batch(void *state)
{
    struct queues *queues = state;
    uint32_t at = 0;

    queues->left = queues->request_count;
    for (uint32_t i = 0; i < queues->request_count; i++) {
        struct tevent_req *request = new_request(queues);

        if (request == NULL) {
            return -ENOMEM;
        }
        tevent_req_set_callback(request, job_done, NULL);
        if (!tevent_queue_add(queues->queues[at], queues->loop, request,
                              triggered, NULL)) {
            return -ENOMEM;
        }
        at = at + 1 == queues->queue_count ? 0 : at + 1;
    }
    while (queues->left > 0) {
        if (tevent_loop_once(queues->loop) < 0) {
            return -EIO;
        }
    }
    return 0;
}

/* The queue is empty, so the request is triggered inside the call, and has
 * ended when that returns: the loop has nothing to do. */
static int one_fast_batch(void *state)
{
    struct queues *queues = state;

    for (uint32_t i = 0; i < queues->request_count; i++) {
        struct tevent_req *request = new_request(queues);

        if (request == NULL ||
            tevent_queue_add_optimize_empty(queues->queues[i], queues->loop,
                                            request, triggered, NULL) == NULL ||
            tevent_req_is_in_progress(request)) {
            return -ENOMEM;
        }
        talloc_free(request);
    }
    return 0;
}

static int serial_round(void *state, struct round *round)
{
    struct queues *queues = state;

    return round_of_batches(round, one_batch, queues, queues->request_count);
}

static int fast_round(void *state, struct round *round)
{
    struct queues *queues = state;

    return round_of_batches(round, one_fast_batch, queues,
                            queues->request_count);
}

static void serial_close(void *state)
{
    struct queues *queues = state;

    talloc_free(queues->loop);
    free(queues);
}

#define TEVENT_SIDE(open_it, round_it)                                       \
    {                                                                        \
        .name = "tevent", .version = peer_tevent_version, .open = (open_it), \
        .round = (round_it), .close = serial_close                           \
    }

const struct side peer_serial_tevent = TEVENT_SIDE(serial_open, serial_round);
const struct side peer_serial_tevent_lone =
    TEVENT_SIDE(lone_open, serial_round);
const struct side peer_serial_tevent_deep =
    TEVENT_SIDE(deep_open, serial_round);
const struct side peer_serial_tevent_fast =
    TEVENT_SIDE(serial_open, fast_round);

#else

#include "bench/missing.h"

const struct side peer_serial_tevent = SIDE_MISSING("tevent");
const struct side peer_serial_tevent_lone = SIDE_MISSING("tevent");
const struct side peer_serial_tevent_deep = SIDE_MISSING("tevent");
const struct side peer_serial_tevent_fast = SIDE_MISSING("tevent");

#endif
