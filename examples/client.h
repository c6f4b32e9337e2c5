/* SPDX-License-Identifier: MIT */
/* client.h - a small library: questions on one connection, after one login */
#include <pirn/pirn.h>

struct client {
    struct pirn_context *context;
    struct pirn_gate login; /* one logs in, the others wait for how it went */
    struct pirn_serial turns;
    int in, out;
    int logins; /* that went well: then nobody enters any more */
};

/* Its request is started, cancelled and waited for as any op. */
struct question {
    struct pirn_request request;
    struct client *client;
    uint64_t deadline_ns;
    char text[2], answer[2];
    bool holds; /* the gate */
    struct pirn_op enter, parts[2], *steps[2];
    struct pirn_chain talk;
};

extern const struct pirn_request_kind client_ask;
