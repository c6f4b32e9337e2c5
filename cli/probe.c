/* SPDX-License-Identifier: MIT */
/*
 * probe.c - what this kernel gives, how links are really cut, which engine
 *
 * Where io_uring is refused that is the answer, and no failure, unless the
 * engine was asked for.
 */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/context.h>
#include <pirn/probe.h>

#include "cli/json.h"
#include "cli/options.h"
#include "cli/verb.h"

enum { KEY_ENGINE = 0x200, ROWS_MAX = 256 };

struct probe {
    struct options options;
    enum pirn_engine engine; /* asked for */
    struct json json;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct probe *probe = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_hand_down(state, &probe->options);
        return 0;
    case KEY_ENGINE:
        probe->engine = options_engine(state, arg);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: no argument is needed", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option own[] = {
    {"engine", KEY_ENGINE, "auto|uring|plain", 0,
     "With uring: exit with 69 where io_uring is refused", 0},
    {0},
};
static const struct argp_child children[] = {
    {&options_json, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .options = own,
    .parser = parse,
    .children = children,
    .doc = "Print which of the kernel's features are there and what pirn does "
           "without them, behind which failures the kernel really cuts a link, "
           "and which engine would be used, and why.",
};

static void print_engine(struct probe *probe, const char *name,
                         const char *files, const char *reason, bool has_rings)
{
    if (!probe->options.json) {
        printf("engine: %s: %s\n", name, reason);
        printf("files: %s\n", files);
        return;
    }
    json_open(&probe->json, '{');
    json_key(&probe->json, "kind");
    json_text(&probe->json, "engine");
    json_key(&probe->json, "name");
    json_text(&probe->json, name);
    json_key(&probe->json, "present");
    json_bool(&probe->json, has_rings);
    json_key(&probe->json, "files");
    json_text(&probe->json, files);
    json_key(&probe->json, "reason");
    json_text(&probe->json, reason);
    json_close(&probe->json, '}');
    json_end(&probe->json);
}

static void print_feature(struct probe *probe,
                          const struct pirn_probe_feature *feature)
{
    if (!probe->options.json) {
        printf("%-12s  %-16s  %-5s  %-7s  %s\n", feature->kind, feature->name,
               feature->since, feature->present ? "yes" : "MISSING",
               feature->without);
        return;
    }
    json_open(&probe->json, '{');
    json_key(&probe->json, "kind");
    json_text(&probe->json, feature->kind);
    json_key(&probe->json, "name");
    json_text(&probe->json, feature->name);
    json_key(&probe->json, "since");
    json_text(&probe->json, feature->since);
    json_key(&probe->json, "present");
    json_bool(&probe->json, feature->present);
    json_key(&probe->json, "without");
    json_text(&probe->json, feature->without);
    json_close(&probe->json, '}');
    json_end(&probe->json);
}

static void print_link(struct probe *probe, const struct pirn_probe_link *link)
{
    if (!probe->options.json) {
        printf("link behind  %-26s  %s\n", link->name,
               link->cut ? "cut" : "NOT cut: the next step runs");
        return;
    }
    json_open(&probe->json, '{');
    json_key(&probe->json, "kind");
    json_text(&probe->json, "link");
    json_key(&probe->json, "name");
    json_text(&probe->json, link->name);
    json_key(&probe->json, "cut");
    json_bool(&probe->json, link->cut);
    json_close(&probe->json, '}');
    json_end(&probe->json);
}

static enum code print_features(struct probe *probe)
{
    struct pirn_probe_feature features[ROWS_MAX];
    int count = pirn_probe_features(features, ROWS_MAX);

    if (count < 0) {
        return failure_say_ring(count);
    }
    if (!probe->options.json) {
        printf("\n%-12s  %-16s  %-5s  %-7s  %s\n", "KIND", "NAME", "SINCE",
               "THERE", "WITHOUT IT");
    }
    for (int i = 0; i < count && i < ROWS_MAX; i++) {
        print_feature(probe, &features[i]);
    }
    return CODE_DONE;
}

static enum code print_links(struct probe *probe)
{
    struct pirn_probe_link links[ROWS_MAX];
    int count = pirn_probe_links(links, ROWS_MAX);

    if (count < 0) {
        return failure_say_ring(count);
    }
    if (!probe->options.json) {
        putchar('\n');
    }
    for (int i = 0; i < count && i < ROWS_MAX; i++) {
        print_link(probe, &links[i]);
    }
    return CODE_DONE;
}

static enum code run(struct probe *probe)
{
    const struct pirn_context_config config = {.engine = probe->engine};
    struct pirn_context *context = NULL;
    int r = pirn_context_create(&config, &context);
    bool has_rings = pirn_probe_features(NULL, 0) >= 0;
    enum code code;

    if (r < 0) {
        return failure_say_ring(r);
    }
    print_engine(probe, pirn_context_engine(context),
                 pirn_context_files(context), pirn_context_reason(context),
                 has_rings);
    context = pirn_context_destroy(context);
    if (!has_rings) {
        return CODE_DONE; /* without rings there is nothing to probe */
    }
    code = print_features(probe);
    return code == CODE_DONE ? print_links(probe) : code;
}

enum code verb_probe(int argc, char **argv)
{
    struct probe probe = {.json = {stdout, false}};

    argp_parse(&argp, argc, argv, 0, NULL, &probe);
    return run(&probe);
}
