/* SPDX-License-Identifier: MIT */
/*
 * smtp/server.h - the ingress as a whole: listen, serve, stop
 *
 * One context per thread; all share one listening socket, each with a one-shot
 * accept, so connections reach every one of them. Nothing else is shared but
 * the count of connections.
 */
#ifndef SMTP_SERVER_H
#define SMTP_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/context.h>
#include <pirn/socket.h>
#include <pirn/spool.h>

/* Borrowed for as long as the server runs. */
struct smtp_server_config {
    const char *spool;       /* directory */
    bool create;             /* the spool, if there is none */
    const char *queue;       /* where new mail goes; must be there */
    enum pirn_layout layout; /* of the queue `incoming', if that is made */
    const char *hostname;
    struct pirn_address address; /* to listen on */
    struct pirn_context_config context;
    uint32_t threads;         /* 1 .. 1024 */
    uint32_t connections_max; /* of all threads; beyond: 421 */
    uint64_t size_max;        /* bytes of a mail; beyond: 552 */
    uint64_t timeout_ns;      /* a silent client is sent away after it */
    uint64_t grace_ns;        /* how long sessions may end when told to stop */

    /* Called once mail is accepted, in the calling thread. May be NULL. */
    void (*listening)(void *user, const struct pirn_address *address);
    void *user;
};

/* Where a server failed to begin; what of its configuration to name. */
enum smtp_server_stage {
    SMTP_STAGE_RING,
    SMTP_STAGE_SPOOL,
    SMTP_STAGE_QUEUE,
    SMTP_STAGE_LISTEN,
    SMTP_STAGE_THREADS,
    SMTP_STAGE_RUN,
};

/* What one thread did. */
struct smtp_worker_count {
    uint64_t connections;
    uint64_t refused;  /* connections over the limit */
    uint64_t accepted; /* mails acknowledged with 250 */
    uint64_t failed;   /* mails answered with 4xx for a fault of ours */
};

/**
 * pirn__smtp_server_run() - serve until SIGTERM or SIGINT
 * @ret_stage:  written on failure: what could not be done
 * @ret_counts: room for config->threads; written on success
 *
 * Blocks both signals for good: call it before any thread is made. When told
 * to stop it accepts no more, lets commits end, says 421 to the rest.
 *
 * Return:  0, or a negative errno
 * Context: no context of the calling thread is in a turn. Blocks.
 */
int pirn__smtp_server_run(const struct smtp_server_config *config,
                          enum smtp_server_stage *ret_stage,
                          struct smtp_worker_count *ret_counts);

#endif /* SMTP_SERVER_H */
