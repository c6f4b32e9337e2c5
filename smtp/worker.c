/* SPDX-License-Identifier: MIT */
/*
 * worker.c - see smtp/worker.h
 *
 * A one-shot accept is always started, until the worker is told to stop. An
 * accept that fails for want of descriptors or memory would fail again at once:
 * it is tried again after a pause, while sessions end.
 *
 * Which context takes a connection is otherwise the kernel's choice: whoever
 * runs takes all that wait, and on a machine with fewer processors than
 * contexts some would get nothing of a burst. So a worker that is ahead of its
 * share pauses for a moment.
 *
 * When it is told to stop the worker waits for its sessions; after the grace it
 * closes those that are left. What is being committed is waited for in any
 * case.
 */
#include "smtp/worker.h"

#include <errno.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/post.h>
#include <pirn/task.h>
#include <pirn/timer.h>

#define RETRY_NS 100000000u
#define FAIR_NS 1000000u

enum { FAIR_LEAD = 1 }; /* sessions more than its share that do not matter */

static void accept_next(struct smtp_worker *worker);

/* Called by whatever has ended: an accept, a pause, a close, a session. */
static void try_end(struct smtp_worker *worker)
{
    if (!pirn_op_is_idle(&worker->end) && !worker->ended && worker->stopping &&
        LIST_EMPTY(&worker->sessions) && pirn_op_is_idle(&worker->accept) &&
        pirn_op_is_idle(&worker->retry) && pirn_op_is_idle(&worker->hang_up)) {
        worker->ended = true;
        pirn_cancel(worker->env.context, &worker->grace);
        pirn_task_finish(worker->env.context, &worker->end, 0);
    }
}

static void session_ended(struct smtp_session *session, void *user)
{
    struct smtp_worker *worker = user;

    LIST_REMOVE(session, list);
    worker->session_count--;
    atomic_fetch_sub(&worker->shared->connections, 1);
    try_end(worker);
}

static void retry(struct pirn_op *op, int32_t result)
{
    struct smtp_worker *worker =
        pirn_container_of(op, struct smtp_worker, retry);

    (void)result;
    accept_next(worker);
}

static void pause_accepting(struct smtp_worker *worker, uint64_t pause_ns)
{
    pirn_prep_timer(&worker->retry, pause_ns);
    pirn_start(worker->env.context, &worker->retry, retry);
}

static void hung_up(struct pirn_op *op, int32_t result)
{
    (void)result;
    accept_next(pirn_container_of(op, struct smtp_worker, hang_up));
}

/* Without memory for a session nothing can be said: the client sees an end. Who
 * stops cancels what is tried again, and not this. */
static void hang_up(struct smtp_worker *worker, int fd)
{
    atomic_fetch_sub(&worker->shared->connections, 1);
    pirn_prep_close(&worker->hang_up, fd);
    pirn_start(worker->env.context, &worker->hang_up, hung_up);
}

static bool serve(struct smtp_worker *worker, int fd)
{
    unsigned others = atomic_fetch_add(&worker->shared->connections, 1);
    bool full = others >= worker->shared->config->connections_max;
    struct smtp_session *session = pirn__smtp_session_start(
        &worker->env, fd, &worker->client, full ? SMTP_BUSY : SMTP_NOTHING);

    if (session == NULL) {
        hang_up(worker, fd);
        return false;
    }
    LIST_INSERT_HEAD(&worker->sessions, session, list);
    worker->session_count++;
    if (full) {
        worker->count.refused++;
    } else {
        worker->count.connections++;
    }
    if (worker->stopping) {
        pirn__smtp_session_stop(session);
    }
    return true;
}

static bool is_ahead(const struct smtp_worker *worker)
{
    unsigned all = atomic_load(&worker->shared->connections);

    return worker->session_count >
           all / worker->shared->config->threads + FAIR_LEAD;
}

static bool will_pass(int32_t error)
{
    return error == -EINTR || error == -EAGAIN || error == -ECONNABORTED;
}

static void accepted(struct pirn_op *op, int32_t result)
{
    struct smtp_worker *worker =
        pirn_container_of(op, struct smtp_worker, accept);

    if (result >= 0) {
        if (!serve(worker, result)) {
            return; /* it goes on when the connection is hung up */
        }
        if (is_ahead(worker) && !worker->stopping) {
            pause_accepting(worker, FAIR_NS);
        } else {
            accept_next(worker);
        }
    } else if (will_pass(result) || worker->stopping) {
        accept_next(worker);
    } else {
        pause_accepting(worker, RETRY_NS);
    }
}

static void accept_next(struct smtp_worker *worker)
{
    if (worker->stopping) {
        try_end(worker);
        return;
    }
    worker->client.len = sizeof(worker->client.storage);
    pirn_prep_accept(&worker->accept, worker->shared->listener,
                     (struct sockaddr *)&worker->client.storage,
                     &worker->client.len);
    pirn_start(worker->env.context, &worker->accept, accepted);
}

static void grace_ended(struct pirn_op *op, int32_t result)
{
    struct smtp_worker *worker =
        pirn_container_of(op, struct smtp_worker, grace);
    struct smtp_session *session;

    if (result == 0) {
        LIST_FOREACH(session, &worker->sessions, list)
        {
            pirn__smtp_session_abort(session);
        }
    }
}

static void stop(struct smtp_worker *worker)
{
    struct pirn_context *context = worker->env.context;
    struct smtp_session *session;
    struct smtp_session *next;

    if (worker->stopping) {
        return;
    }
    worker->stopping = true;
    pirn_cancel(context, &worker->accept);
    pirn_cancel(context, &worker->retry);
    for (session = LIST_FIRST(&worker->sessions); session; session = next) {
        next = LIST_NEXT(session, list);
        pirn__smtp_session_stop(session);
    }
    pirn_prep_timer(&worker->grace, worker->shared->config->grace_ns);
    pirn_start(context, &worker->grace, grace_ended);
}

static void told_to_stop(struct pirn_op *op, int32_t result)
{
    (void)result;
    stop(pirn_container_of(op, struct smtp_worker, stop));
}

void pirn__smtp_worker_stop(struct smtp_worker *worker)
{
    pirn_post(worker->env.context, &worker->stop, told_to_stop);
}

static void end_begin(struct pirn_context *context, struct pirn_op *op)
{
    (void)context;
    try_end(pirn_container_of(op, struct smtp_worker, end));
}

static const struct pirn_task_verbs end_verbs = {.begin = end_begin};

void pirn__smtp_worker_end(struct smtp_worker *worker)
{
    stop(worker);
    pirn_prep_task(&worker->end, &end_verbs);
    (void)pirn_wait(worker->env.context, &worker->end);
    worker->env.spool = pirn_spool_close(worker->env.spool);
}

int pirn__smtp_worker_begin(struct smtp_worker *worker,
                            struct pirn_context *context)
{
    const struct smtp_server_config *config = worker->shared->config;
    struct pirn_spool_config spool_config = {.path = config->spool};
    int r;

    LIST_INIT(&worker->sessions);
    worker->env = (struct smtp_session_env){
        .context = context,
        .queue = config->queue,
        .limits = &worker->shared->limits,
        .timeout_ns = config->timeout_ns,
        .count = &worker->count,
        .ended = session_ended,
        .user = worker,
    };
    r = pirn_spool_open(context, &spool_config, &worker->env.spool);
    if (r < 0) {
        return r;
    }
    accept_next(worker);
    return 0;
}
