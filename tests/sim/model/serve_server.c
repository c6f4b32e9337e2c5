/* SPDX-License-Identifier: MIT */
/* serve_server.c - the server's process: see scenario_serve.c */
#include <errno.h>

#include "pirn/invariant.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/serve.h"

static void came_back(struct pirn_op *op, int32_t result)
{
    (void)result;
    pirn_container_of(op, struct note, op)->away = false;
}

/* In the second thread: posts of one thread arrive in their order. */
static void hear(struct pirn_op *op, int32_t result)
{
    struct note *note = pirn_container_of(op, struct note, op);
    struct server *server = note->server;

    (void)result;
    if (note->number != server->heard++) {
        world_fail(server->life->world, "post %u is heard as the %uth",
                   note->number, server->heard - 1);
    }
    pirn_post(server->context, op, came_back);
}

static void tell(struct server *server)
{
    for (uint32_t i = 0; i < SERVE_POSTS; i++) {
        struct note *note = &server->notes[i];

        if (!note->away && server->listener != NULL) {
            note->server = server;
            note->away = true;
            note->number = server->posted++;
            pirn_post(server->listener, &note->op, hear);
            return;
        }
    }
}

static void closed(struct pirn_op *op, int32_t result)
{
    struct connection *connection =
        pirn_container_of(op, struct connection, close);

    (void)result;
    connection->fd = -1;
    connection->server->busy--;
}

static void take(struct connection *connection, const uint8_t *bytes,
                 uint32_t len)
{
    struct serve_life *life = connection->server->life;

    if (connection->client == NULL) {
        if (bytes[0] >= life->count) {
            world_fail(life->world, "a client says that he is %u", bytes[0]);
            return;
        }
        connection->client = &life->clients[bytes[0]];
        bytes++;
        len--;
    }
    check_stream_received(&connection->client->check, bytes, len);
}

static void received(struct pirn_multishot *shot, int32_t result,
                     enum pirn_more more)
{
    struct connection *connection =
        pirn_container_of(shot, struct connection, recv);

    if (result > 0) {
        take(connection, pirn_multishot_bytes(shot), (uint32_t)result);
        tell(connection->server);
    }
    if (more == PIRN_LAST) {
        if (result > 0 || result == -EINTR || result == -ENOBUFS) {
            world_fail(connection->server->life->world,
                       "a receive ends with %d, for no reason of the socket's",
                       result);
        }
        if (result == 0 && connection->client != NULL) {
            check_stream_finished(&connection->client->check);
        }
        pirn_prep_close(&connection->close, connection->fd);
        pirn_start(connection->server->context, &connection->close, closed);
    }
}

static void serve(struct server *server, int fd)
{
    struct connection *connection = server->connections;

    pirn_assert(server->busy < SERVE_CONNECTIONS);
    while (connection->fd >= 0) {
        connection++;
    }
    connection->server = server;
    connection->client = NULL;
    connection->fd = fd;
    server->busy++;
    pirn_prep_multishot_recv(&connection->recv, fd, 0);
    pirn_multishot_start(server->context, &connection->recv, received);
}

static void accepted(struct pirn_multishot *shot, int32_t result,
                     enum pirn_more more)
{
    struct server *server = pirn_container_of(shot, struct server, accept);

    if (result >= 0) {
        serve(server, result);
    }
    if (more == PIRN_LAST && !server->goes) {
        pirn_multishot_start(server->context, shot, accepted);
    }
}

/* Clients that are gone may still have connections here. */
static void looked(struct pirn_multishot *shot, int32_t result,
                   enum pirn_more more)
{
    struct server *server = pirn_container_of(shot, struct server, look);

    (void)result;
    if (more == PIRN_MORE && server->life->left == 0 && server->busy == 0) {
        server->goes = true;
        pirn_multishot_cancel(server->context, &server->accept);
        pirn_multishot_cancel(server->context, shot);
    }
}

static void said_bye(struct pirn_op *op, int32_t result)
{
    (void)result;
    pirn_container_of(op, struct server, bye)->over = true;
}

static void hear_bye(struct pirn_op *op, int32_t result)
{
    struct server *server = pirn_container_of(op, struct server, bye);

    (void)result;
    server->deaf = true;
    pirn_post(server->context, op, said_bye);
}

static bool notes_are_away(const struct server *server)
{
    for (uint32_t i = 0; i < SERVE_POSTS; i++) {
        if (server->notes[i].away) {
            return true;
        }
    }
    return false;
}

static void listen_at_last(struct server *server)
{
    struct pirn_address address = {.len = sizeof(struct sockaddr_in)};

    *(struct sockaddr_in *)&address.storage = serve_address();
    while (pirn_listen(server->context, &address, &server->fd) < 0) {
        process_rest(server->context, SERVE_LOOK_NS);
    }
}

static void turn(struct world *world, struct pirn_context *context)
{
    int r = pirn_context_turn(context, PIRN_FOREVER);

    if (r < 0) {
        world_fail(world, "a context has failed: %d", r);
    }
}

static void part(struct server *server)
{
    while (server->listener == NULL) {
        process_rest(server->context, SERVE_LOOK_NS);
    }
    pirn_post(server->listener, &server->bye, hear_bye);
    while (!server->over || pirn_context_loaned(server->context) > 0) {
        turn(server->life->world, server->context);
    }
}

void serve_run(void *argument)
{
    struct server *server = argument;
    struct pirn_op op = {0};

    server->context = process_context(server->life->world);
    listen_at_last(server);
    pirn_prep_multishot_accept(&server->accept, server->fd);
    pirn_multishot_start(server->context, &server->accept, accepted);
    pirn_prep_multishot_timer(&server->look, SERVE_LOOK_NS);
    pirn_multishot_start(server->context, &server->look, looked);
    while (pirn_context_loaned(server->context) > 0 || notes_are_away(server)) {
        turn(server->life->world, server->context);
    }
    part(server);
    pirn_prep_close(&op, server->fd);
    (void)pirn_wait(server->context, &op);
    pirn_context_destroy(server->context);
}

void serve_run_second(void *argument)
{
    struct server *server = argument;
    struct pirn_context *context = process_context(server->life->world);

    server->listener = context;
    while (!server->deaf || pirn_context_loaned(context) > 0) {
        turn(server->life->world, context);
    }
    pirn_context_destroy(context);
}
