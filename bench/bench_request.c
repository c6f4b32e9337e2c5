/* SPDX-License-Identifier: MIT */
/*
 * bench_request.c - requests: allocated, begun, finished, told and freed
 *
 * A request of pirn is placed by its caller. One that lives as long as the call
 * is allocated by him, and so it is here, as the other side does it.
 */
#include <errno.h>
#include <stdlib.h>

#include <pirn/pirn.h>

#include "bench/requests.h"
#include "bench/sides.h"

struct requests {
    struct pirn_context *context;
    uint32_t left;
};

struct call {
    struct pirn_request request;
    struct requests *requests;
};

static void begin(struct pirn_request *request)
{
    pirn_request_finish(request, 0);
}

static const struct pirn_request_kind kind = {.name = "call", .begin = begin};

static void told(struct pirn_op *op, int32_t result)
{
    struct call *call = pirn_container_of(op, struct call, request.op);

    (void)result;
    call->requests->left--;
    free(call);
}

static int one_batch(void *state)
{
    struct requests *requests = state;
    int r = 0;

    for (requests->left = 0; requests->left < REQUESTS;) {
        struct call *call = malloc(sizeof(*call));

        if (call == NULL) {
            return -ENOMEM;
        }
        call->requests = requests;
        call->request.op = (struct pirn_op){0}; /* the rest is prepared */
        requests->left++;
        pirn_prep_request(&call->request, &kind, NULL);
        pirn_start(requests->context, &call->request.op, told);
    }
    while (r >= 0 && requests->left > 0) {
        r = pirn_context_turn(requests->context, 0);
    }
    return r < 0 ? r : 0;
}

static int request_open(const struct options *options, void **ret_state)
{
    struct requests *requests = calloc(1, sizeof(*requests));
    int r = requests == NULL ? -ENOMEM
                             : pirn_context_create(NULL, &requests->context);

    (void)options;
    if (r < 0) {
        free(requests);
        return r;
    }
    *ret_state = requests;
    return 0;
}

static int request_round(void *state, struct round *round)
{
    return round_of_batches(round, one_batch, state, REQUESTS);
}

static void request_close(void *state)
{
    struct requests *requests = state;

    pirn_context_destroy(requests->context);
    free(requests);
}

const struct side bench_request = {
    .name = "pirn",
    .open = request_open,
    .round = request_round,
    .close = request_close,
};
