/* SPDX-License-Identifier: MIT */
/*
 * scenario_serve.c - a server that is sent to; multishots, buffers and posts
 *
 * The server accepts by one multishot, receives by one per connection into few
 * buffers, and tells a second thread of each delivery by a post, which comes
 * back. Clients connect, say who they are in one byte, send their messages and
 * close.
 */
#include <stdlib.h>

#include "pirn/invariant.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/scenarios.h"
#include "tests/sim/model/serve.h"

static void client_died(void *argument)
{
    struct client *client = argument;

    client->life->left--;
}

static void visit_server(struct serve_life *life, uint32_t index)
{
    struct client *client = &life->clients[index];
    struct process *process = process_create(life->world);

    client->life = life;
    client->index = (uint8_t)index;
    client->rng = rng_of(life->world->seed, 5000 + index);
    client->check.world = life->world;
    client->check.name = "to the server";
    process->mortal = true;
    process->died = client_died;
    process->argument = client;
    process_thread(process, serve_run_client, client);
}

static void live(struct world *world)
{
    struct serve_life *life = calloc(1, sizeof(*life));
    struct process *process = process_create(world);

    pirn_assert(life != NULL);
    life->world = world;
    life->server.life = life;
    life->count = rng_between(&world->schedule, 1, SERVE_CLIENTS);
    life->left = life->count;
    for (uint32_t i = 0; i < SERVE_CONNECTIONS; i++) {
        life->server.connections[i].fd = -1;
    }
    process->mortal = rng_coin(&world->schedule);
    process_thread(process, serve_run, &life->server);
    process_thread(process, serve_run_second, &life->server);
    for (uint32_t i = 0; i < life->count; i++) {
        visit_server(life, i);
    }
    if (world_run(world) == WORLD_DONE) {
        world_check_rest(world);
    }
    free(life);
}

const struct scenario scenario_serve = {
    .name = "serve",
    .faults = FAULT_ALL & ~(FAULT_BIT(FAULT_POWER) | FAULT_BIT(FAULT_RING)),
    .storm_steps = 2000,
    .lives = 6500,
    .profiles = LIFE_PROFILES_ALL,
    .live = live,
};
