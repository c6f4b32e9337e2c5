/* SPDX-License-Identifier: MIT */
/*
 * serve.h - a server and its clients: see scenario_serve.c
 */
#ifndef TESTS_SIM_MODEL_SERVE_H
#define TESTS_SIM_MODEL_SERVE_H

#include <arpa/inet.h>
#include <netinet/in.h>

#include "pirn/pirn.h"
#include "tests/sim/model/check_stream.h"
#include "tests/sim/model/rng.h"

enum {
    SERVE_CLIENTS = 4,
    SERVE_POSTS = 4,
    SERVE_CONNECTIONS = 8,
    SERVE_LOOK_NS = 10000000, /* between two looks whether all are gone */
};

struct serve_life;
struct server;

/* The scenario's. */
struct client {
    struct serve_life *life;
    struct check_stream check;
    struct rng rng;
    uint8_t index;
};

struct connection {
    struct server *server;
    struct client *client; /* NULL: he has not said who he is */
    struct pirn_multishot recv;
    struct pirn_op close;
    int fd; /* -1: free */
};

struct note {
    struct server *server;
    struct pirn_op op;
    uint32_t number;
    bool away;
};

struct server {
    struct serve_life *life;
    struct pirn_context *context;
    struct pirn_context *listener; /* the second thread's */
    struct pirn_multishot accept;
    struct pirn_multishot look;
    struct pirn_op bye;
    struct connection connections[SERVE_CONNECTIONS];
    struct note notes[SERVE_POSTS];
    uint32_t posted;
    uint32_t heard;
    uint32_t busy; /* connections */
    int fd;
    bool goes;
    bool deaf; /* the second thread */
    bool over; /* it has said so */
};

struct serve_life {
    struct world *world;
    struct client clients[SERVE_CLIENTS];
    uint32_t count;
    uint32_t left;        /* clients that live */
    struct server server; /* its process's, while it lives */
};

/* Where it listens. */
static inline struct sockaddr_in serve_address(void)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(25),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

/* For process_thread(): @server; the first and the second thread. */
void serve_run(void *server);
void serve_run_second(void *server);

/* @client, in a process of his own. */
void serve_run_client(void *client);

#endif /* TESTS_SIM_MODEL_SERVE_H */
