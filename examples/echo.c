/* SPDX-License-Identifier: MIT */
/* echo.c - an echo server on 127.0.0.1; ends after as many clients as told */
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
    struct client *client = pirn_container_of(op, struct client, send);

    if (result > 0) {
        pirn_stream_resume(&client->stream);
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

int main(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : "127.0.0.1:7007";
    int clients = argc > 2 ? atoi(argv[2]) : 1;
    struct pirn_op accept = {0}, close = {0};
    struct pirn_context *context;
    struct pirn_address address;
    int listener;

    if (pirn_address_parse(text, &address) < 0 ||
        pirn_context_create(NULL, &context) < 0 ||
        pirn_listen(context, &address, &listener) < 0) {
        return EXIT_FAILURE;
    }
    printf("echo on %s\n", text);
    fflush(stdout);
    pirn_prep_accept(&accept, listener, NULL, NULL);
    for (; clients > 0; clients--) {
        int fd = pirn_wait(context, &accept);
        struct client *client = fd < 0 ? NULL : calloc(1, sizeof(*client));

        if (client == NULL) {
            return EXIT_FAILURE;
        }
        client->context = context;
        pirn_stream_init(&client->stream, context, fd, client->buffer,
                         sizeof(client->buffer), received);
        pirn_stream_resume(&client->stream);
    }
    pirn_prep_close(&close, listener);
    (void)pirn_wait(context, &close);
    return pirn_context_drain(context) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
