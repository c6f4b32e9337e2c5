/* SPDX-License-Identifier: MIT */
/* echo.c ADDRESS CLIENTS - send back what comes; end after so many clients */
#include <stdio.h>
#include <stdlib.h>

#include <pirn/pirn.h>

struct client {
    struct pirn_stream stream;
    struct pirn_op send, close;
    struct pirn_context *context;
    uint8_t buffer[4096];
};

static void freed(struct pirn_op *op, int32_t result)
{
    (void)result;
    free(pirn_container_of(op, struct client, close));
}

static void echoed(struct pirn_op *op, int32_t result)
{
    if (result > 0) { /* else the stream has failed, and received() is told */
        pirn_stream_resume(&pirn_container_of(op, struct client, send)->stream);
    }
}

static uint32_t received(struct pirn_stream *stream, const uint8_t *bytes,
                         int32_t result)
{
    struct client *client = pirn_container_of(stream, struct client, stream);

    if (result <= 0) {
        pirn_prep_stream_close(&client->close, stream, PIRN_STREAM_FLUSH);
        pirn_start(client->context, &client->close, freed);
        return 0;
    }
    pirn_stream_pause(stream); /* the buffer is on loan until it has left */
    pirn_prep_stream_send(&client->send, stream, bytes, (uint32_t)result);
    pirn_start(client->context, &client->send, echoed);
    return (uint32_t)result;
}

static void serve(struct pirn_context *context, int fd)
{
    struct client *client = calloc(1, sizeof(*client));

    if (client == NULL) {
        abort();
    }
    client->context = context;
    pirn_stream_init(&client->stream, context, fd, client->buffer,
                     sizeof(client->buffer), received);
    pirn_stream_resume(&client->stream);
}

int main(int argc, char **argv)
{
    int clients = argc > 2 ? atoi(argv[2]) : 1;
    struct pirn_context *context;
    struct pirn_address address;
    struct pirn_op accept = {0};
    int listener;
    int32_t fd = 0;

    if (argc < 2 || pirn_address_parse(argv[1], &address) < 0 ||
        pirn_context_create(NULL, &context) < 0 ||
        pirn_listen(context, &address, &listener) < 0) {
        return EXIT_FAILURE;
    }
    printf("echo on %s\n", argv[1]);
    fflush(stdout);
    pirn_prep_accept(&accept, listener, NULL, NULL);
    while (clients-- > 0 && (fd = pirn_wait(context, &accept)) >= 0) {
        serve(context, fd);
    }
    return fd >= 0 && pirn_context_drain(context) == 0 ? EXIT_SUCCESS
                                                       : EXIT_FAILURE;
}
