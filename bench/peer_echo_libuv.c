/* SPDX-License-Identifier: MIT */
/*
 * peer_echo_libuv.c - echoes on libuv's streams
 *
 * A write request and its bytes are placed in the connection, as ours are;
 * libuv tries the write at once and calls back in a later round of its loop.
 */
#include "bench/sides.h"

#if HAVE_LIBUV

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "bench/echo.h"
#include "bench/peers.h"

enum {
    SLOTS = 4 * ECHO_DEPTH_MAX,
    RING = 4 * ECHO_BUF, /* more than can be on its way */
};

struct connection {
    uv_tcp_t tcp;
    const struct echo_plan *plan;
    uint32_t next; /* of writes; they end in order */
    uint32_t busy;
    uint32_t at; /* in ring */
    char buf[ECHO_BUF];
    char ring[RING];
    uv_write_t writes[SLOTS];
};

static void give_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct connection *connection = handle->data;

    (void)suggested;
    *buf = uv_buf_init(connection->buf, sizeof(connection->buf));
}

static void written(uv_write_t *write, int status)
{
    struct connection *connection = write->data;

    connection->busy--;
    if (status < 0) {
        exit(1);
    }
}

static void send_piece(struct connection *connection, const char *bytes,
                       uint32_t len)
{
    uv_write_t *write;
    uv_buf_t buf;

    if (connection->busy == SLOTS) {
        exit(1);
    }
    if (connection->busy == 0) {
        connection->next = connection->at = 0; /* what is in the cache */
    } else if (connection->at + len > RING) {
        connection->at = 0;
    }
    write = &connection->writes[connection->next];
    buf = uv_buf_init(connection->ring + connection->at, len);
    connection->next = (connection->next + 1) % SLOTS;
    connection->busy++;
    connection->at += len;
    memcpy(buf.base, bytes, len);
    write->data = connection;
    uv_write(write, (uv_stream_t *)&connection->tcp, &buf, 1, written);
}

static void received(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *connection = stream->data;
    uint32_t piece = connection->plan->piece;

    if (n < 0) {
        uv_read_stop(stream);
    }
    for (uint32_t at = 0; n > 0 && at < (size_t)n; at += piece) {
        uint32_t left = (uint32_t)n - at;

        send_piece(connection, buf->base + at, left < piece ? left : piece);
    }
}

static void serve(const struct echo_plan *plan, const int *fds)
{
    struct connection *all = calloc(plan->connections, sizeof(*all));
    uv_loop_t loop;

    uv_loop_init(&loop);
    for (uint32_t i = 0; i < plan->connections; i++) {
        all[i].plan = plan;
        uv_tcp_init(&loop, &all[i].tcp);
        all[i].tcp.data = &all[i];
        uv_tcp_open(&all[i].tcp, fds[i]);
        uv_read_start((uv_stream_t *)&all[i].tcp, give_buffer, received);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
}

static int peer_open(const struct options *options, void **ret_state)
{
    return echo_open(options, serve, NULL, ret_state);
}

const struct side peer_echo_libuv = {
    .name = "libuv",
    .version = peer_libuv_version,
    .open = peer_open,
    .round = echo_round,
    .close = echo_close,
};

#else

#include "bench/missing.h"

const struct side peer_echo_libuv = SIDE_MISSING("libuv");

#endif
