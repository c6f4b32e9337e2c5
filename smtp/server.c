/* SPDX-License-Identifier: MIT */
/*
 * server.c - see smtp/server.h
 *
 * The calling thread has a context of its own: it opens the spool once, so that
 * what is wrong with it is said before anything listens, holds the listening
 * socket, and waits for a signal. Then:
 *
 *   1. every worker is told to stop, all at once
 *   2. the group is destroyed: the cleanup hook of each member waits for the
 *      member's sessions
 *   3. the listening socket is closed
 */
#include "smtp/server.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/group.h>
#include <pirn/invariant.h>
#include <pirn/signal.h>
#include <pirn/spool.h>
#include <pirn/task.h>

#include "smtp/worker.h"

struct server {
    struct smtp_shared shared;
    struct pirn_context *context;
    struct pirn_group *group;
    struct pirn_signals signals;
    struct smtp_worker *workers;
};

static void worker_init(struct pirn_context *context, uint32_t index,
                        void *user, struct pirn_op *done)
{
    struct server *server = user;
    struct smtp_worker *worker = &server->workers[index];

    worker->shared = &server->shared;
    pirn_task_finish(context, done, pirn__smtp_worker_begin(worker, context));
}

static void worker_cleanup(struct pirn_context *context, uint32_t index,
                           void *user, struct pirn_op *done)
{
    struct server *server = user;

    pirn__smtp_worker_end(&server->workers[index]);
    pirn_task_finish(context, done, 0);
}

static bool has_queue(const struct pirn_spool *spool, const char *queue)
{
    const char *name;

    for (uint32_t i = 0; (name = pirn_spool_queue(spool, i)) != NULL; i++) {
        if (strcmp(name, queue) == 0) {
            return true;
        }
    }
    return false;
}

/* Find out what is wrong with the spool while there is one to tell. */
static int try_spool(struct server *server, enum smtp_server_stage *stage)
{
    const struct smtp_server_config *config = server->shared.config;
    struct pirn_spool_config spool_config = {
        .path = config->spool,
        .create = config->create,
        .layout = config->layout,
    };
    struct pirn_spool *spool;
    bool found;
    int r;

    *stage = SMTP_STAGE_SPOOL;
    r = pirn_spool_open(server->context, &spool_config, &spool);
    if (r < 0) {
        return r;
    }
    found = has_queue(spool, config->queue);
    pirn_spool_close(spool);
    *stage = SMTP_STAGE_QUEUE;
    return found ? 0 : -ENOENT;
}

static void signal_came(struct pirn_multishot *shot, int32_t result,
                        enum pirn_more more)
{
    struct pirn_signals *signals =
        pirn_container_of(shot, struct pirn_signals, shot);
    struct server *server = pirn_container_of(signals, struct server, signals);

    (void)result;
    pirn_context_stop(server->context);
    if (more) {
        pirn_signals_cancel(server->context, signals);
    }
}

static void wait_set(sigset_t *ret_set)
{
    sigemptyset(ret_set);
    sigaddset(ret_set, SIGTERM);
    sigaddset(ret_set, SIGINT);
}

static int serve_until_told(struct server *server)
{
    const struct smtp_server_config *config = server->shared.config;
    sigset_t set;
    int r;

    wait_set(&set);
    pirn_signals_start(server->context, &server->signals, &set, signal_came);
    if (config->listening != NULL) {
        config->listening(config->user, &config->address);
    }
    r = pirn_context_run(server->context);
    for (uint32_t i = 0; i < config->threads; i++) {
        pirn__smtp_worker_stop(&server->workers[i]);
    }
    return r;
}

static int run_group(struct server *server, enum smtp_server_stage *stage)
{
    const struct smtp_server_config *config = server->shared.config;
    struct pirn_group_config group_config = {
        .count = config->threads,
        .context = config->context,
        .init = worker_init,
        .cleanup = worker_cleanup,
        .user = server,
    };
    int r;

    *stage = SMTP_STAGE_THREADS;
    r = pirn_group_create(&group_config, &server->group);
    if (r < 0) {
        return r;
    }
    *stage = SMTP_STAGE_RUN;
    r = serve_until_told(server);
    if (r == 0) {
        r = pirn_group_error(server->group);
    }
    server->group = pirn_group_destroy(server->group);
    return r;
}

static int listen_and_run(struct server *server, enum smtp_server_stage *stage)
{
    const struct smtp_server_config *config = server->shared.config;
    struct pirn_op close = {0};
    int r;

    *stage = SMTP_STAGE_LISTEN;
    r = pirn_listen(server->context, &config->address,
                    &server->shared.listener);
    if (r < 0) {
        return r;
    }
    r = run_group(server, stage);
    pirn_prep_close(&close, server->shared.listener);
    (void)pirn_wait(server->context, &close);
    return r;
}

static void limits_init(struct smtp_limits *limits,
                        const struct smtp_server_config *config)
{
    *limits = (struct smtp_limits){
        .hostname = config->hostname,
        .size_max = config->size_max,
        .recipients_max = SMTP_RECIPIENTS_MAX,
        .command_line_max = SMTP_COMMAND_LINE_MAX,
        .errors_max = SMTP_ERRORS_MAX,
    };
}

static int run(struct server *server, enum smtp_server_stage *stage)
{
    const struct smtp_server_config *config = server->shared.config;
    int r;

    *stage = SMTP_STAGE_RING;
    r = pirn_context_create(&config->context, &server->context);
    if (r < 0) {
        return r;
    }
    r = try_spool(server, stage);
    if (r == 0) {
        r = listen_and_run(server, stage);
    }
    if (pirn_context_drain(server->context) == 0) {
        server->context = pirn_context_destroy(server->context);
    }
    return r;
}

int pirn__smtp_server_run(const struct smtp_server_config *config,
                          enum smtp_server_stage *ret_stage,
                          struct smtp_worker_count *ret_counts)
{
    struct server server = {.shared = {.config = config}};
    sigset_t set;
    int r = -ENOMEM;

    pirn_assert(config->threads >= 1);
    wait_set(&set);
    pirn_signals_block(&set);
    limits_init(&server.shared.limits, config);
    *ret_stage = SMTP_STAGE_THREADS;
    server.workers = calloc(config->threads, sizeof(*server.workers));
    if (server.workers != NULL) {
        r = run(&server, ret_stage);
        for (uint32_t i = 0; i < config->threads; i++) {
            ret_counts[i] = server.workers[i].count;
        }
    }
    free(server.workers);
    return r;
}
