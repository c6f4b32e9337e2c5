/* SPDX-License-Identifier: MIT */
/*
 * bench_smtp.c - mail into `pirn serve`, each message durable before its 250
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/engines.h"
#include "bench/sides.h"
#include "bench/smtp.h"

static int serve_open_as(const char *name, const char *policy,
                         const struct options *options, void **ret_state)
{
    struct smtp_server *server = calloc(1, sizeof(*server));
    int r;

    if (server == NULL) {
        return -ENOMEM;
    }
    r = smtp_prepare(options, name, server);
    if (r == 0) {
        policy_set(policy);
        r = smtp_start_pirn(server, name);
        policy_set(NULL);
    }
    if (r < 0) {
        free(server);
        return r;
    }
    *ret_state = server;
    return 0;
}

static int serve_open(const struct options *options, void **ret_state)
{
    return serve_open_as("smtp", NULL, options, ret_state);
}

static int serve_open_ring(const struct options *options, void **ret_state)
{
    return serve_open_as("smtp-ring", "ring", options, ret_state);
}

static int serve_open_pool(const struct options *options, void **ret_state)
{
    return serve_open_as("smtp-pool", "pool", options, ret_state);
}

static int serve_round(void *state, struct round *round)
{
    return smtp_round(state, round);
}

static void serve_close(void *state)
{
    smtp_stop(state);
    free(state);
}

const struct side bench_smtp = {
    .name = "pirn serve",
    .promise = "the message, whole (P1, P2)",
    .open = serve_open,
    .round = serve_round,
    .close = serve_close,
};

const struct side bench_smtp_ring = {
    .name = "ring",
    .promise = "the message, whole (P1, P2)",
    .open = serve_open_ring,
    .round = serve_round,
    .close = serve_close,
};

const struct side bench_smtp_pool = {
    .name = "pool",
    .promise = "the message, whole (P1, P2)",
    .open = serve_open_pool,
    .round = serve_round,
    .close = serve_close,
};
