/* SPDX-License-Identifier: MIT */
/*
 * bench_echo.c - echoes on pirn's streams, and the same under a chosen engine
 *
 * What a stream gives is borrowed until its function returns, so each piece is
 * copied into a ring of bytes, on loan until it is sent. Sends end in order.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/pirn.h>

#include "bench/echo.h"
#include "bench/engines.h"
#include "bench/sides.h"

enum {
    SLOTS = 4 * ECHO_DEPTH_MAX,
    RING = 4 * ECHO_BUF, /* more than can be on loan */
};

struct connection {
    struct pirn_stream stream;
    struct pirn_context *context;
    const struct echo_plan *plan;
    uint32_t next; /* slot */
    uint32_t busy;
    uint32_t at; /* in ring */
    uint8_t ring[RING];
    struct slot {
        struct pirn_op op;
        struct connection *connection;
    } slots[SLOTS];
};

static void slot_sent(struct pirn_op *op, int32_t result)
{
    struct connection *connection =
        pirn_container_of(op, struct slot, op)->connection;

    connection->busy--;
    if (result < 0) {
        exit(1);
    }
}

static void send_piece(struct connection *connection, const uint8_t *bytes,
                       uint32_t len)
{
    struct slot *slot;
    uint8_t *copy;

    if (connection->busy == SLOTS) {
        exit(1);
    }
    if (connection->busy == 0) {
        connection->next = connection->at = 0; /* what is in the cache */
    } else if (connection->at + len > RING) {
        connection->at = 0;
    }
    slot = &connection->slots[connection->next];
    copy = connection->ring + connection->at;
    connection->next = (connection->next + 1) % SLOTS;
    connection->busy++;
    connection->at += len;
    memcpy(copy, bytes, len);
    slot->connection = connection;
    pirn_prep_stream_send(&slot->op, &connection->stream, copy, len);
    pirn_start(connection->context, &slot->op, slot_sent);
}

static uint32_t received(struct pirn_stream *stream, const uint8_t *bytes,
                         int32_t result)
{
    struct connection *connection =
        pirn_container_of(stream, struct connection, stream);
    uint32_t piece = connection->plan->piece;

    for (uint32_t at = 0; result > 0 && at < (uint32_t)result; at += piece) {
        uint32_t left = (uint32_t)result - at;

        send_piece(connection, bytes + at, left < piece ? left : piece);
    }
    return result > 0 ? (uint32_t)result : 0;
}

static void serve(const struct echo_plan *plan, const int *fds)
{
    struct connection *all = calloc(plan->connections, sizeof(*all));
    struct pirn_context *context;
    int r = pirn_context_create(NULL, &context);

    if (r < 0) {
        fprintf(stderr, "pirn-bench: %s\n", pirn_context_refusal(r));
        return;
    }
    for (uint32_t i = 0; i < plan->connections; i++) {
        all[i].context = context;
        all[i].plan = plan;
        pirn_stream_init(&all[i].stream, context, fds[i], NULL, 0, received);
        pirn_stream_resume(&all[i].stream);
    }
    r = pirn_context_run(context);
    fprintf(stderr, "pirn-bench: the echo server: %s\n", strerror(-r));
}

static int echo_open_any(const struct options *options, void **ret_state)
{
    return echo_open(options, serve, NULL, ret_state);
}

static int echo_open_uring(const struct options *options, void **ret_state)
{
    int r = engine_check("uring");

    return r < 0 ? r : echo_open(options, serve, "uring", ret_state);
}

static int echo_open_plain(const struct options *options, void **ret_state)
{
    int r = engine_check("plain");

    return r < 0 ? r : echo_open(options, serve, "plain", ret_state);
}

const struct side bench_echo = {
    .name = "pirn",
    .open = echo_open_any,
    .round = echo_round,
    .close = echo_close,
};

const struct side bench_echo_uring = {
    .name = "uring",
    .open = echo_open_uring,
    .round = echo_round,
    .close = echo_close,
};

const struct side bench_echo_plain = {
    .name = "plain",
    .open = echo_open_plain,
    .round = echo_round,
    .close = echo_close,
};
