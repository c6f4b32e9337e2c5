/* SPDX-License-Identifier: MIT */
/*
 * smtp/worker.h - one context's share of the server: accept and hold sessions
 */
#ifndef SMTP_WORKER_H
#define SMTP_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <pirn/context.h>
#include <pirn/op.h>
#include <pirn/spool.h>

#include "smtp/server.h"
#include "smtp/session.h"

/* What the workers of a server share. */
struct smtp_shared {
    const struct smtp_server_config *config;
    struct smtp_limits limits;
    int listener;
    atomic_uint connections; /* of all workers */
};

LIST_HEAD(smtp_session_list, smtp_session);

struct smtp_worker {
    struct smtp_shared *shared;
    struct smtp_session_env env;
    struct smtp_session_list sessions;
    uint32_t session_count;
    struct smtp_worker_count count;
    struct pirn_op accept;
    struct pirn_op retry;   /* a pause after an accept that failed */
    struct pirn_op hang_up; /* of a connection that gets no session */
    struct pirn_op grace;   /* when told to stop: how long sessions may last */
    struct pirn_op stop;    /* by which it is told, from another thread */
    struct pirn_op end; /* a task that ends when nothing is left to wait for */
    struct pirn_address client;
    bool stopping;
    bool ended;
};

/*
 * pirn__smtp_worker_begin() - open the spool and begin to accept
 * @worker: zeroed but for @shared
 *
 * Return: 0, or why the spool could not be opened. Context: its own thread,
 * not from fn. Blocks.
 */
int pirn__smtp_worker_begin(struct smtp_worker *worker,
                            struct pirn_context *context);

/* Accept no more and end the sessions: any thread, once. */
void pirn__smtp_worker_stop(struct smtp_worker *worker);

/*
 * pirn__smtp_worker_end() - wait until the last session has ended, and close
 *
 * Stops the worker, if nobody has. Blocks.
 *
 * Context: its own thread, not from fn.
 */
void pirn__smtp_worker_end(struct smtp_worker *worker);

#endif /* SMTP_WORKER_H */
