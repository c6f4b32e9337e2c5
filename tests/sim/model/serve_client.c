/* SPDX-License-Identifier: MIT */
/* serve_client.c - a client's process: see scenario_serve.c */
#include <stdlib.h>

#include "tests/sim/model/process.h"
#include "tests/sim/model/serve.h"

enum { TRIES = 40, MESSAGES_MAX = 8, MESSAGE_BYTES = 256 };

struct say {
    struct pirn_op op;
    struct visit *visit;
    uint32_t number;
    uint8_t bytes[MESSAGE_BYTES];
};

struct visit {
    struct client *client;
    struct pirn_context *context;
    struct pirn_stream stream;
    struct pirn_op hello;
    struct pirn_op close;
    struct pirn_op deadline;
    struct say says[MESSAGES_MAX];
    uint32_t saying;
    uint8_t buf[16];
};

static uint32_t answered(struct pirn_stream *stream, const uint8_t *bytes,
                         int32_t result)
{
    (void)stream;
    (void)bytes;
    return result > 0 ? (uint32_t)result : 0;
}

static void left(struct pirn_op *op, int32_t result)
{
    struct visit *visit = pirn_container_of(op, struct visit, close);

    (void)result;
    pirn_cancel(visit->context, &visit->deadline);
}

static void ignore(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

static void leave(struct visit *visit)
{
    pirn_prep_stream_close(&visit->close, &visit->stream, PIRN_STREAM_FLUSH);
    pirn_start(visit->context, &visit->close, left);
    pirn_prep_deadline(&visit->deadline, &visit->close,
                       pirn_context_now_ns(visit->context) +
                           UINT64_C(20000000000));
    pirn_start(visit->context, &visit->deadline, ignore);
}

static void said(struct pirn_op *op, int32_t result)
{
    struct say *say = pirn_container_of(op, struct say, op);

    check_stream_end(&say->visit->client->check, say->number, result);
    if (--say->visit->saying == 0) {
        leave(say->visit);
    }
}

static void talk(struct visit *visit, int fd)
{
    struct client *client = visit->client;
    uint32_t count = rng_between(&client->rng, 1, MESSAGES_MAX);

    pirn_stream_init(&visit->stream, visit->context, fd, visit->buf,
                     sizeof(visit->buf), answered);
    pirn_stream_resume(&visit->stream);
    pirn_prep_stream_send(&visit->hello, &visit->stream, &client->index, 1);
    pirn_start(visit->context, &visit->hello, ignore);
    for (uint32_t i = 0; i < count; i++) {
        struct say *say = &visit->says[i];
        uint32_t len =
            rng_between(&client->rng, CHECK_MESSAGE_MIN, MESSAGE_BYTES);

        say->visit = visit;
        say->number = check_stream_begin(&client->check, say->bytes, len);
        visit->saying++;
        pirn_prep_stream_send(&say->op, &visit->stream, say->bytes, len);
        pirn_start(visit->context, &say->op, said);
    }
    if (pirn_context_drain(visit->context) < 0) {
        world_fail(client->life->world, "a context has failed");
    }
}

static int connect_once(struct visit *visit)
{
    struct sockaddr_in in = serve_address();
    struct pirn_op op = {0};
    int32_t r;
    int fd;

    pirn_prep_socket(&op, AF_INET, SOCK_STREAM, 0);
    fd = pirn_wait(visit->context, &op);
    if (fd < 0) {
        return fd;
    }
    pirn_prep_connect(&op, fd, (const void *)&in, sizeof(in));
    r = pirn_wait(visit->context, &op);
    if (r < 0) {
        pirn_prep_close(&op, fd);
        (void)pirn_wait(visit->context, &op);
    }
    return r < 0 ? r : fd;
}

void serve_run_client(void *argument)
{
    struct client *client = argument;
    struct visit *visit = calloc(1, sizeof(*visit));
    int fd = -1;

    visit->client = client;
    visit->context = process_context(client->life->world);
    for (uint32_t i = 0; i < TRIES && fd < 0; i++) {
        fd = connect_once(visit);
        if (fd < 0) {
            process_rest(visit->context, SERVE_LOOK_NS);
        }
    }
    if (fd >= 0) {
        talk(visit, fd);
    }
    pirn_context_destroy(visit->context);
    free(visit);
    client->life->left--;
}
