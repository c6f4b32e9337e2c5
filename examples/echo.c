/* SPDX-License-Identifier: MIT */
/* echo.c ADDRESS - send back what comes, to everybody who connects */
#include <pirn/pirn.h>
#include <stdlib.h>

static struct pirn_context *context;

struct peer {
    struct pirn_stream stream;
    struct pirn_op send, close;
    uint8_t buf[4096];
};

static void closed(struct pirn_op *op, int32_t result)
{
    (void)result;
    free(pirn_container_of(op, struct peer, close));
}

static void echoed(struct pirn_op *op, int32_t result)
{
    (void)result; /* where it failed, receiving ends as well */
    pirn_stream_resume(&pirn_container_of(op, struct peer, send)->stream);
}

static uint32_t echo(struct pirn_stream *stream, const uint8_t *data, int32_t n)
{
    struct peer *peer = pirn_container_of(stream, struct peer, stream);

    if (n <= 0) {
        pirn_prep_stream_close(&peer->close, stream, PIRN_STREAM_FLUSH);
        pirn_start(context, &peer->close, closed);
        return 0;
    }
    pirn_stream_pause(stream); /* the buffer is on loan until it has left */
    pirn_prep_stream_send(&peer->send, stream, data, (uint32_t)n);
    pirn_start(context, &peer->send, echoed);
    return (uint32_t)n;
}

int main(int argc, char **argv)
{
    struct pirn_address address;
    struct pirn_op accept = {0};
    struct peer *peer;
    int fd;

    if (argc == 2 && pirn_address_parse(argv[1], &address) == 0 &&
        pirn_context_create(NULL, &context) == 0 &&
        pirn_listen(context, &address, &fd) == 0) {
        pirn_prep_accept(&accept, fd, NULL, NULL);
        while ((fd = pirn_wait(context, &accept)) >= 0 &&
               (peer = calloc(1, sizeof(*peer))) != NULL) {
            pirn_stream_init(&peer->stream, context, fd, peer->buf, 4096, echo);
            pirn_stream_resume(&peer->stream);
        }
    }
    return EXIT_FAILURE;
}
