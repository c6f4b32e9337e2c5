/* SPDX-License-Identifier: MIT */
/*
 * bench_smtp.c - mail into `pirn serve`, each message durable before its 250
 */
#include <errno.h>
#include <stdlib.h>

#include "bench/sides.h"
#include "bench/smtp.h"

static int serve_open(const struct options *options, void **ret_state)
{
    struct smtp_server *server = calloc(1, sizeof(*server));
    int r;

    if (server == NULL) {
        return -ENOMEM;
    }
    r = smtp_prepare(options, "pirn-serve", server);
    if (r == 0) {
        r = smtp_start_pirn(server, "smtp");
    }
    if (r < 0) {
        free(server);
        return r;
    }
    *ret_state = server;
    return 0;
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
