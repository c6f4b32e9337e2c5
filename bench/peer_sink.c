/* SPDX-License-Identifier: MIT */
/*
 * peer_sink.c - the same mail into Postfix's smtp-sink, which throws it away
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench/sides.h"
#include "bench/smtp.h"

static int sink_open(const struct options *options, void **ret_state)
{
    struct smtp_server *server = calloc(1, sizeof(*server));
    char sink[SMTP_PATH];
    int r;

    if (server == NULL) {
        return -ENOMEM;
    }
    r = smtp_prepare(options, "smtp-sink", server);
    if (r == 0) {
        const char *const argv[] = {sink, server->address, "1024", NULL};

        snprintf(sink, sizeof(sink), "%s/smtp-sink", options->peers);
        r = smtp_start(server, argv);
    }
    if (r < 0) {
        free(server);
        return r;
    }
    *ret_state = server;
    return 0;
}

static int sink_round(void *state, struct round *round)
{
    return smtp_round(state, round);
}

static void sink_close(void *state)
{
    smtp_stop(state);
    free(state);
}

const struct side peer_sink = {
    .name = "smtp-sink",
    .promise = "nothing: it throws mail away",
    .open = sink_open,
    .round = sink_round,
    .close = sink_close,
};
