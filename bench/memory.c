/* SPDX-License-Identifier: MIT */
/*
 * memory.c - see bench/memory.h
 */
#include "bench/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <pirn/pirn.h>

#include "bench/echo.h"
#include "bench/process.h"
#include "bench/report.h"

enum { SHARED_BYTES = 512 }; /* all come at once, and need all buffers */

/* What a server of small messages has for each; bytes come into the context's
 * buffers. */
struct idle {
    struct pirn_stream stream;
    struct pirn_op send;
    uint8_t out[ECHO_BYTES];
};

/* A stream does not tell its context; the process has one. */
static struct pirn_context *context_of_server;

static void sent(struct pirn_op *op, int32_t result)
{
    (void)op;
    if (result < 0) {
        exit(1);
    }
}

static uint32_t received(struct pirn_stream *stream, const uint8_t *bytes,
                         int32_t result)
{
    struct idle *idle = pirn_container_of(stream, struct idle, stream);

    if (result <= 0) {
        return 0;
    }
    if (result > ECHO_BYTES || !pirn_op_is_idle(&idle->send)) {
        exit(1); /* the load sends one message and waits */
    }
    memcpy(idle->out, bytes, (size_t)result);
    pirn_prep_stream_send(&idle->send, stream, idle->out, (uint32_t)result);
    pirn_start(context_of_server, &idle->send, sent);
    return (uint32_t)result;
}

static void serve(const struct echo_plan *plan, const int *fds)
{
    const struct pirn_context_config config = {.buffer_bytes = SHARED_BYTES};
    struct idle *all = calloc(plan->connections, sizeof(*all));

    if (all == NULL || pirn_context_create(&config, &context_of_server) < 0) {
        return;
    }
    for (uint32_t i = 0; i < plan->connections; i++) {
        pirn_stream_init(&all[i].stream, context_of_server, fds[i], NULL, 0,
                         received);
        pirn_stream_resume(&all[i].stream);
    }
    (void)!pirn_context_run(context_of_server);
}

/* Of a process; 0: it cannot be told. */
static uint64_t resident_bytes(pid_t pid)
{
    static const char *const names[] = {"Anonymous"};
    uint64_t kib = 0;

    (void)process_figures(pid, "smaps_rollup", names, 1, &kib);
    return kib * 1024;
}

static int measure(const struct options *options, uint32_t connections,
                   uint64_t *ret_bytes)
{
    static struct round round;
    const struct echo_plan plan = {
        .connections = connections, .depth = 1, .piece = ECHO_BYTES};
    const struct question question = {.echo = &plan};
    struct options asked = *options;
    void *state;
    int r;

    asked.question = &question;
    r = echo_open(&asked, serve, NULL, &state);
    if (r < 0) {
        return r;
    }
    round = (struct round){.length_ns = 0}; /* one message on each */
    r = echo_round(state, &round);
    *ret_bytes = resident_bytes(echo_pid(state));
    echo_close(state);
    return r < 0 ? r : *ret_bytes == 0 ? -ENODATA : 0;
}

void memory_run(const struct options *options, struct memory *memory)
{
    uint64_t one;
    uint64_t many;
    int r;

    *memory = (struct memory){
        .stream_bytes = sizeof(struct pirn_stream),
        .op_bytes = sizeof(struct pirn_op),
        .buf_bytes = ECHO_BYTES,
    };
    r = measure(options, 1, &one);
    if (r == 0) {
        r = measure(options, MEMORY_CONNECTIONS, &many);
    }
    memory->error = r;
    if (r == 0) {
        memory->connection_bytes =
            ((double)many - (double)one) / (MEMORY_CONNECTIONS - 1);
    }
}

void memory_print(FILE *file, const struct memory *memory)
{
    double known = memory->stream_bytes + memory->op_bytes + memory->buf_bytes;

    fprintf(file, "memory idle_stream %u  (bytes, without its buffers)\n",
            memory->stream_bytes);
    if (memory->error < 0) {
        fprintf(file, "no memory idle_connection: %s\n",
                strerror(-memory->error));
        return;
    }
    fprintf(file,
            "memory idle_connection %.0f  (resident bytes, of %d: stream %u, "
            "op %u, buffers %u, all else %.0f)\n",
            memory->connection_bytes, MEMORY_CONNECTIONS, memory->stream_bytes,
            memory->op_bytes, memory->buf_bytes,
            memory->connection_bytes - known);
}

void memory_json(FILE *file, const struct machine *machine,
                 const struct memory *memory)
{
    if (memory->error < 0) {
        return;
    }
    fprintf(file,
            "{\"name\":\"memory\",\"idle_stream\":%u,\"op\":%u,\"buffers\":%u,"
            "\"connections\":%d,\"idle_connection\":%.1f,\"machine\":",
            memory->stream_bytes, memory->op_bytes, memory->buf_bytes,
            MEMORY_CONNECTIONS, memory->connection_bytes);
    report_json_machine(file, machine);
    fputs("}\n", file);
}
