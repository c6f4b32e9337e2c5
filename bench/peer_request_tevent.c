/* SPDX-License-Identifier: MIT */
/*
 * peer_request_tevent.c - requests of tevent: created, done, told and freed
 *
 * Each is finished before its caller could set a callback, and so posted: the
 * loop tells of it, as ours does.
 */
#include "bench/sides.h"

#if HAVE_TEVENT

#include <errno.h>
#include <stdlib.h>
#include <talloc.h>
#include <tevent.h>

#include "bench/peers.h"
#include "bench/requests.h"

struct requests {
    struct tevent_context *loop;
    uint32_t left;
};

struct call {
    struct requests *requests;
};

static void told(struct tevent_req *request)
{
    struct call *call = tevent_req_data(request, struct call);

    call->requests->left--;
    talloc_free(request);
}

static int one_batch(void *state)
{
    struct requests *requests = state;

    for (requests->left = 0; requests->left < REQUESTS;) {
        struct call *call;
        struct tevent_req *request =
            tevent_req_create(requests->loop, &call, struct call);

        if (request == NULL) {
            return -ENOMEM;
        }
        call->requests = requests;
        requests->left++;
        tevent_req_done(request);
        tevent_req_set_callback(tevent_req_post(request, requests->loop), told,
                                NULL);
    }
    while (requests->left > 0) {
        if (tevent_loop_once(requests->loop) < 0) {
            return -EIO;
        }
    }
    return 0;
}

static int request_open(const struct options *options, void **ret_state)
{
    struct requests *requests = calloc(1, sizeof(*requests));

    (void)options;
    if (requests != NULL) {
        requests->loop = tevent_context_init(NULL);
    }
    if (requests == NULL || requests->loop == NULL) {
        free(requests);
        return -ENOMEM;
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

    talloc_free(requests->loop);
    free(requests);
}

const struct side peer_request_tevent = {
    .name = "tevent",
    .version = peer_tevent_version,
    .open = request_open,
    .round = request_round,
    .close = request_close,
};

#else

#include "bench/missing.h"

const struct side peer_request_tevent = SIDE_MISSING("tevent");

#endif
