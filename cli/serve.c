/* SPDX-License-Identifier: MIT */
/*
 * serve.c - the ingress: mail by SMTP into a spool
 *
 * When it listens it prints one line on standard output, ready to be pasted,
 * that sends it a mail and reads it back. All else is talk, on standard error.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/machine.h"
#include "cli/options.h"
#include "cli/paste.h"
#include "cli/quantity.h"
#include "cli/tool.h"
#include "cli/verb.h"
#include "smtp/server.h"

enum {
    KEY_SMTP = 0x200,
    KEY_LMTP,
    KEY_THREADS,
    KEY_ENGINE,
    KEY_CREATE,
    KEY_CONFIG,
    KEY_MAX_SIZE,
    KEY_MAX_CONNECTIONS,
    KEY_HOSTNAME,
    KEY_TIMEOUT,
};

enum { THREADS_MAX = 1024, CONNECTIONS_MAX = 1000000, HOSTNAME_MAX = 255 };
enum { CONNECTIONS_USUAL = 256, GRACE_S = 5 };
enum { TIMEOUT_USUAL_S = 300, TIMEOUT_MAX_S = 86400 };

static const uint64_t size_usual = (uint64_t)64 << 20;
static const uint64_t size_max = (uint64_t)1 << 40;
static const uint64_t ns_per_s = 1000000000;

struct serve {
    struct options options;
    struct tool tool;
    struct smtp_server_config config;
    const char *address;
    const char *not_yet;
    const char *instead; /* of what cannot be done yet */
    char hostname[MACHINE_NAME_TEXT];
};

/* It is sent to clients, in lines. */
static bool is_hostname(const char *name)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyz"
                                  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789-._:[]";

    return *name != '\0' && strlen(name) <= HOSTNAME_MAX &&
           name[strspn(name, allowed)] == '\0';
}

static void set_address(struct serve *serve, const char *arg,
                        struct argp_state *state)
{
    struct pirn_address *address = &serve->config.address;

    serve->address = arg;
    if (pirn_address_parse(arg, address) < 0 ||
        address->storage.ss_family == AF_UNIX) {
        argp_error(state,
                   "--smtp %s: this is not ADDR:PORT, as 127.0.0.1:2525 or "
                   "[::1]:2525",
                   arg);
    }
}

static void set_size(struct serve *serve, const char *arg,
                     struct argp_state *state)
{
    serve->config.size_max = quantity_bytes(state, "--max-size", arg);
    if (serve->config.size_max == 0 || serve->config.size_max > size_max) {
        argp_error(state, "--max-size %s: a size from 1 to 1T is needed", arg);
    }
}

/* Digits alone are seconds. */
static void set_timeout(struct serve *serve, const char *arg,
                        struct argp_state *state)
{
    uint64_t *timeout_ns = &serve->config.timeout_ns;

    if (arg[strspn(arg, "0123456789")] == '\0') {
        *timeout_ns = ns_per_s *
                      options_number(state, "--timeout", arg, 1, TIMEOUT_MAX_S);
        return;
    }
    *timeout_ns = quantity_ns(state, "--timeout", arg);
    if (*timeout_ns == 0 || *timeout_ns > TIMEOUT_MAX_S * ns_per_s) {
        argp_error(state, "--timeout %s: a time up to a day is needed", arg);
    }
}

static void set_not_yet(struct serve *serve, const char *option,
                        const char *instead)
{
    serve->not_yet = option;
    serve->instead = instead;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct serve *serve = state->input;
    struct smtp_server_config *config = &serve->config;

    switch (key) {
    case ARGP_KEY_INIT:
        options_hand_down(state, &serve->options);
        break;
    case KEY_SMTP:
        set_address(serve, arg, state);
        break;
    case KEY_LMTP:
        set_not_yet(serve, "--lmtp", "use --smtp");
        break;
    case KEY_CONFIG:
        set_not_yet(serve, "--config",
                    "use the options of `pirn serve --help'");
        break;
    case KEY_THREADS:
        config->threads =
            (uint32_t)options_number(state, "--threads", arg, 1, THREADS_MAX);
        break;
    case KEY_ENGINE:
        config->context.engine = options_engine(state, arg);
        break;
    case KEY_CREATE:
        config->create = true;
        break;
    case KEY_MAX_SIZE:
        set_size(serve, arg, state);
        break;
    case KEY_MAX_CONNECTIONS:
        config->connections_max = (uint32_t)options_number(
            state, "--max-connections", arg, 1, CONNECTIONS_MAX);
        break;
    case KEY_HOSTNAME:
        config->hostname = arg;
        if (!is_hostname(arg)) {
            argp_error(state, "--hostname %s: this is not a host's name", arg);
        }
        break;
    case KEY_TIMEOUT:
        set_timeout(serve, arg, state);
        break;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: no argument is needed", arg);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static const struct argp_option own[] = {
    {"smtp", KEY_SMTP, "ADDR:PORT", 0,
     "Where to listen for SMTP (127.0.0.1:2525)", 0},
    {"lmtp", KEY_LMTP, "ADDR:PORT|unix:PATH", 0, "Not yet", 0},
    {"threads", KEY_THREADS, "N", 0,
     "Threads, each with a ring (as many as processors)", 0},
    {"engine", KEY_ENGINE, "auto|uring|plain", 0,
     "Who carries operations out (auto)", 0},
    {"create", KEY_CREATE, NULL, 0,
     "Make the spool and the queue if they are not there", 0},
    {"config", KEY_CONFIG, "FILE", 0, "Not yet", 0},
    {"max-size", KEY_MAX_SIZE, "SIZE", 0,
     "The longest mail that is taken, in bytes or as 10M (64M)", 0},
    {"max-connections", KEY_MAX_CONNECTIONS, "N", 0,
     "The most clients at once; more are told to try later (256)", 0},
    {"hostname", KEY_HOSTNAME, "NAME", 0,
     "What the server calls itself (the host's name)", 0},
    {"timeout", KEY_TIMEOUT, "TIME", 0,
     "A client that is silent for so long is sent away: seconds, or as 30s or "
     "5m (5m)",
     0},
    {0},
};
static const struct argp_child children[] = {
    {&options_spool, 0, NULL, 0},
    {&options_queue, 0, NULL, 0},
    {&options_layout, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .options = own,
    .parser = parse,
    .children = children,
    .doc = "Take mail by SMTP into the spool's queue (`incoming'), until "
           "SIGTERM or SIGINT. 250 is said once a mail is on disk. When it "
           "listens it prints one line, ready to paste, that sends a mail and "
           "reads it back.",
};

static void listening(void *user, const struct pirn_address *address)
{
    const struct serve *serve = user;
    char text[PIRN_ADDRESS_TEXT];

    pirn_address_format(address, text);
    fprintf(stderr,
            "pirn: SMTP on %s, %" PRIu32 " threads, spool %s; to send a mail "
            "and read it back, paste:\n",
            text, serve->config.threads, serve->options.spool);
    paste_print(stdout, program_invocation_name, serve->options.spool, address);
    fflush(stdout);
}

/* What the options have left open. */
static void settle(struct serve *serve)
{
    struct smtp_server_config *config = &serve->config;

    config->spool = serve->options.spool;
    config->layout = serve->options.layout;
    config->queue =
        serve->options.queue != NULL ? serve->options.queue : "incoming";
    if (config->threads == 0) {
        config->threads = machine_cpus(&serve->tool);
    }
    if (config->threads > THREADS_MAX) {
        config->threads = THREADS_MAX;
    }
    if (config->hostname == NULL) {
        machine_name(&serve->tool, serve->hostname);
        config->hostname = serve->hostname;
    }
    if (config->timeout_ns == 0) {
        config->timeout_ns = TIMEOUT_USUAL_S * ns_per_s;
    }
    config->grace_ns = GRACE_S * ns_per_s;
    config->listening = listening;
    config->user = serve;
}

static enum code say(const struct serve *serve, enum smtp_server_stage stage,
                     int error)
{
    switch (stage) {
    case SMTP_STAGE_RING:
        return failure_say_ring(error);
    case SMTP_STAGE_QUEUE:
        return failure_say(THING_QUEUE, serve->config.queue, error);
    case SMTP_STAGE_LISTEN:
        return failure_say(THING_ADDRESS, serve->address, error);
    case SMTP_STAGE_SPOOL:
    case SMTP_STAGE_THREADS:
    case SMTP_STAGE_RUN:
        break;
    }
    return failure_say(THING_SPOOL, serve->config.spool, error);
}

static void report(const struct serve *serve,
                   const struct smtp_worker_count *counts)
{
    for (uint32_t i = 0; i < serve->config.threads; i++) {
        fprintf(stderr,
                "worker %" PRIu32 ": %" PRIu64 " connections, %" PRIu64
                " refused, %" PRIu64 " accepted, %" PRIu64 " failed\n",
                i, counts[i].connections, counts[i].refused, counts[i].accepted,
                counts[i].failed);
    }
}

/* What --create makes is made here, with all that leads to it. */
static enum code prepare(struct serve *serve)
{
    enum code code = tool_open_context(&serve->tool);
    if (code != CODE_DONE) {
        return code;
    }
    settle(serve);
    if (serve->config.create) {
        code = tool_open(&serve->tool, &serve->options, true);
    }
    if (serve->config.create && code == CODE_DONE) {
        code =
            tool_make_queue(&serve->tool, &serve->options, serve->config.queue);
    }
    return code;
}

static enum code run(struct serve *serve)
{
    enum smtp_server_stage stage = SMTP_STAGE_RUN;
    struct smtp_worker_count *counts;
    enum code code = prepare(serve);

    tool_close(&serve->tool);
    if (code != CODE_DONE) {
        return code;
    }
    counts = calloc(serve->config.threads, sizeof(*counts));
    if (counts == NULL) {
        return failure_say(THING_ANY, "serve", -ENOMEM);
    }
    int r = pirn__smtp_server_run(&serve->config, &stage, counts);
    if (r < 0) {
        code = say(serve, stage, r);
    } else {
        report(serve, counts);
    }
    free(counts);
    return code;
}

enum code verb_serve(int argc, char **argv)
{
    struct serve serve = {
        .address = "127.0.0.1:2525",
        .config.connections_max = CONNECTIONS_USUAL,
        .config.size_max = size_usual,
    };

    argp_parse(&argp, argc, argv, 0, NULL, &serve);
    options_settle(&serve.options);
    if (serve.not_yet != NULL) {
        return failure_not_yet(serve.not_yet, serve.instead);
    }
    if (serve.config.address.len == 0 &&
        pirn_address_parse(serve.address, &serve.config.address) < 0) {
        return CODE_BUG;
    }
    return run(&serve);
}
