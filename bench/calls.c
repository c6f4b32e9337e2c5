/* SPDX-License-Identifier: MIT */
/*
 * calls.c - strace around a load
 */
#include "bench/calls.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "bench/process.h"
#include "bench/report.h"
#include "bench/smtp.h"

enum { MESSAGES = 2000 };

static const uint64_t ATTACH_NS = 5000000000u;

/* Whether somebody traces the process's first thread. */
static bool is_traced(pid_t pid)
{
    static const char *const names[] = {"TracerPid"};
    uint64_t tracer = 0;

    (void)process_figures(pid, "status", names, 1, &tracer);
    return tracer != 0;
}

static int attach(const struct smtp_server *server, const char *output,
                  pid_t *ret_strace)
{
    char pid[24];
    const char *const argv[] = {
        "/usr/bin/strace", "-f", "-qq",  "-c", "-S", "calls", "-U",
        "calls,name",      "-o", output, "-p", pid,  NULL,
    };
    uint64_t began_ns = round_now_ns();

    if (access(argv[0], X_OK) < 0) {
        fprintf(stderr, "pirn-bench: calls: there is no strace\n");
        return -EOPNOTSUPP;
    }
    snprintf(pid, sizeof(pid), "%d", (int)server->pid);
    *ret_strace = process_start(argv, NULL);
    if (*ret_strace < 0) {
        return *ret_strace;
    }
    while (!is_traced(server->pid)) {
        if (round_now_ns() - began_ns > ATTACH_NS) {
            fprintf(stderr, "pirn-bench: calls: strace does not attach\n");
            (void)process_stop(*ret_strace, SIGINT);
            return -EOPNOTSUPP;
        }
        poll(NULL, 0, 10);
    }
    poll(NULL, 0, 200); /* the other threads */
    return 0;
}

/* Lines of a count and a name; headings and the total are passed over. */
static int read_counts(const char *path, struct calls *calls)
{
    FILE *file = fopen(path, "re");
    char line[256];

    if (file == NULL) {
        return -errno;
    }
    while (calls->count < CALLS_MAX &&
           fgets(line, sizeof(line), file) != NULL) {
        struct call *call = &calls->calls[calls->count];
        unsigned long long count;

        if (sscanf(line, "%llu %31s", &count, call->name) == 2 &&
            strcmp(call->name, "total") != 0) {
            call->per_message = (double)count / (double)calls->messages;
            calls->count++;
        }
    }
    fclose(file);
    return calls->count > 0 ? 0 : -ENODATA;
}

static int count_calls(struct smtp_server *server, const char *path,
                       struct calls *calls)
{
    pid_t strace;
    int r = attach(server, path, &strace);

    if (r < 0) {
        return r;
    }
    r = smtp_load(server, calls->messages);
    (void)process_stop(strace, SIGINT);
    return r < 0 ? r : read_counts(path, calls);
}

void calls_run(const struct options *options, struct calls *calls)
{
    struct smtp_server server;
    char path[SMTP_PATH];

    *calls = (struct calls){.messages = MESSAGES};
    snprintf(path, sizeof(path), "%s/calls.txt", options->dir);
    calls->error = smtp_prepare(options, "calls", &server);
    if (calls->error == 0) {
        calls->error = smtp_start_pirn(&server, "calls");
    }
    if (calls->error == 0) {
        calls->error = count_calls(&server, path, calls);
        smtp_stop(&server);
    }
}

static bool is_of_ring(const struct call *call)
{
    return strcmp(call->name, "io_uring_enter") == 0;
}

void calls_print(FILE *file, const struct calls *calls)
{
    double others = 0;

    if (calls->error) {
        fprintf(file, "no calls: %s\n", strerror(-calls->error));
        return;
    }
    for (uint32_t i = 0; i < calls->count; i++) {
        const struct call *call = &calls->calls[i];

        fprintf(file, "calls %s %.4f per message\n", call->name,
                call->per_message);
        others += is_of_ring(call) ? 0 : call->per_message;
    }
    fprintf(file, "calls all_but_io_uring_enter %.4f per message\n", others);
}

void calls_json(FILE *file, const struct machine *machine,
                const struct calls *calls)
{
    if (calls->error) {
        return;
    }
    fprintf(file, "{\"calls_per_message\":{");
    for (uint32_t i = 0; i < calls->count; i++) {
        fputs(i ? "," : "", file);
        report_json_text(file, calls->calls[i].name);
        fprintf(file, ":%.4f", calls->calls[i].per_message);
    }
    fprintf(file, "},\"messages\":%llu,\"machine\":",
            (unsigned long long)calls->messages);
    report_json_machine(file, machine);
    fputs("}\n", file);
}
