/* SPDX-License-Identifier: MIT */
/*
 * smtp.c - start, wait for the greeting, load, stop
 *
 * smtp-source sends a number of messages, not for a time: the number is what
 * fills a round at the rate of the round before.
 */
#include "bench/smtp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/loopback.h"
#include "bench/process.h"

enum {
    FIRST_COUNT = 1000, /* of the warm-up */
    LEAST_COUNT = 200,
};

static const uint64_t LOAD_NS = 60000000000u;
static const uint64_t GREETING_NS = 10000000000u;

/* The kernel names a free port; it is ours again until somebody else asks. */
static int free_port(void)
{
    struct sockaddr_in address;
    int fd = loopback_listen(&address);

    if (fd < 0) {
        return fd;
    }
    close(fd);
    return ntohs(address.sin_port);
}

static int peer_path(char path[SMTP_PATH], const struct options *options,
                     const char *name)
{
    if (options->peers == NULL) {
        return -EOPNOTSUPP;
    }
    snprintf(path, SMTP_PATH, "%s/%s", options->peers, name);
    return access(path, X_OK) == 0 ? 0 : -EOPNOTSUPP;
}

int smtp_prepare(const struct options *options, const char *name,
                 struct smtp_server *server)
{
    char path[SMTP_PATH];
    int port = free_port();

    if (peer_path(path, options, "smtp-source") < 0) {
        fprintf(stderr, "pirn-bench: --peers DIR has no smtp-source\n");
        return -EOPNOTSUPP;
    }
    if (port < 0) {
        return port;
    }
    *server = (struct smtp_server){.options = options};
    snprintf(server->address, SMTP_ADDRESS, "127.0.0.1:%d", port);
    snprintf(server->log, SMTP_PATH, "%s/%s.log", options->dir, name);
    return 0;
}

/* Whether somebody there says 220. */
static bool greets(const struct smtp_server *server)
{
    struct sockaddr_in address = loopback_address(
        (unsigned)strtoul(strchr(server->address, ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd pollfd = {.fd = fd, .events = POLLIN};
    char greeting[4] = "";

    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        poll(&pollfd, 1, 1000) == 1) {
        (void)!read(fd, greeting, 3);
    }
    close(fd);
    return strcmp(greeting, "220") == 0;
}

static void show_log(const struct smtp_server *server)
{
    FILE *file = fopen(server->log, "re");
    char line[1024];

    while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
        fputs(line, stderr);
    }
    if (file != NULL) {
        fclose(file);
    }
}

int smtp_start(struct smtp_server *server, const char *const argv[])
{
    uint64_t began_ns = round_now_ns();

    server->pid = process_start(argv, server->log);
    if (server->pid < 0) {
        return server->pid;
    }
    while (!greets(server)) {
        if (round_now_ns() - began_ns > GREETING_NS) {
            fprintf(stderr, "pirn-bench: %s does not greet on %s\n", argv[0],
                    server->address);
            smtp_stop(server);
            show_log(server);
            return -ETIMEDOUT;
        }
        poll(NULL, 0, 20);
    }
    return 0;
}

int smtp_start_pirn(struct smtp_server *server, const char *name)
{
    const struct options *options = server->options;
    char spool[SMTP_PATH];
    const char *const argv[] = {
        options->server, "serve",  "--create",      "--spool",
        spool,           "--smtp", server->address, NULL,
    };

    if (options->server == NULL || access(options->server, X_OK) < 0) {
        fprintf(stderr, "pirn-bench: --server FILE names no program\n");
        return -EOPNOTSUPP;
    }
    snprintf(spool, sizeof(spool), "%s/%s", options->dir, name);
    return smtp_start(server, argv);
}

int smtp_load(const struct smtp_server *server, uint64_t count)
{
    char source[SMTP_PATH];
    char sessions[24];
    char messages[24];
    char bytes[24];
    const char *const argv[] = {
        source,
        "-s",
        sessions,
        "-m",
        messages,
        "-l",
        bytes,
        "-d",
        "-f",
        "a@example.org",
        "-t",
        "b@example.org",
        server->address,
        NULL,
    };
    pid_t pid;
    int r;

    (void)peer_path(source, server->options, "smtp-source");
    snprintf(sessions, sizeof(sessions), "%d", SMTP_SESSIONS);
    snprintf(messages, sizeof(messages), "%llu", (unsigned long long)count);
    snprintf(bytes, sizeof(bytes), "%d", SMTP_BYTES);
    pid = process_start(argv, NULL);
    if (pid < 0) {
        return pid;
    }
    r = process_wait(pid, LOAD_NS);
    return r > 0 ? -EPROTO : r;
}

int smtp_round(struct smtp_server *server, struct round *round)
{
    double count = FIRST_COUNT;
    uint64_t cpu_ns = process_cpu_ns(server->pid);
    int r;

    if (server->rate > 0) {
        count = server->rate * 1e-9 * (double)round->length_ns;
    }
    if (count > (double)round->count_max) {
        count = (double)round->count_max;
    }
    round->count = count < LEAST_COUNT ? LEAST_COUNT : (uint64_t)count;
    round_begin(round);
    r = smtp_load(server, round->count);
    round_end(round);
    round->cpu_ns = process_cpu_ns(server->pid) - cpu_ns;
    server->rate = 1e9 * (double)round->count / (double)round->wall_ns;
    return r;
}

void smtp_stop(struct smtp_server *server)
{
    (void)process_stop(server->pid, SIGTERM);
}
