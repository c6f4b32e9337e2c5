/* SPDX-License-Identifier: MIT */
/* options.c - see options.h */
#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/item.h>

enum { KEY_QUEUE = 0x100, KEY_JSON, KEY_LAYOUT };

void options_check_queue(struct argp_state *state, const char *what,
                         const char *name)
{
    if (!pirn_queue_name_is_valid(name)) {
        argp_error(state,
                   "%s %s: no queue can be called so; use 1 to 63 of a-z 0-9 "
                   "- _, and neither a digit nor - first",
                   what, name);
    }
}

static enum pirn_layout layout_named(struct argp_state *state, const char *name)
{
    if (strcmp(name, "log") == 0) {
        return PIRN_LAYOUT_LOG;
    }
    if (strcmp(name, "file") != 0) {
        argp_error(state, "--layout %s: a layout is log or file", name);
    }
    return PIRN_LAYOUT_FILE;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 's':
        if (*arg == '\0') {
            argp_error(state, "--spool: a directory's name is needed");
        }
        options->spool = arg;
        return 0;
    case KEY_QUEUE:
        options_check_queue(state, "--queue", arg);
        options->queue = arg;
        return 0;
    case KEY_JSON:
        options->json = true;
        return 0;
    case KEY_LAYOUT:
        options->layout = layout_named(state, arg);
        options->layout_said = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option spool_options[] = {
    {"spool", 's', "DIR", 0,
     "The spool's directory (else $PIRN_SPOOL, else " PIRN_SPOOL_DIR ")", 0},
    {0},
};
static const struct argp_option queue_options[] = {
    {"queue", KEY_QUEUE, "NAME", 0,
     "The queue that is meant; else `incoming' (serve, put, take), or all of "
     "them (ls, status, ...)",
     0},
    {0},
};
static const struct argp_option json_options[] = {
    {"json", KEY_JSON, NULL, 0, "Print one JSON object per line", 0},
    {0},
};
static const struct argp_option layout_options[] = {
    {"layout", KEY_LAYOUT, "log|file", 0,
     "How queues that are made keep their items: as records in segments (log, "
     "the default), or as two files each",
     0},
    {0},
};

const struct argp options_spool = {.options = spool_options, .parser = parse};
const struct argp options_queue = {.options = queue_options, .parser = parse};
const struct argp options_json = {.options = json_options, .parser = parse};
const struct argp options_layout = {.options = layout_options, .parser = parse};

/* With its own help and version argp puts a root of its own, which parses
 * nothing, above the verb's: the verb's is then the first below it. */
const struct argp_child *options_children(const struct argp_state *state)
{
    const struct argp *root = state->root_argp;
    const struct argp *verb =
        root->parser == NULL ? root->children[0].argp : root;

    return verb->children;
}

void options_hand_down(struct argp_state *state, struct options *options)
{
    const struct argp_child *child = options_children(state);

    for (int i = 0; child[i].argp != NULL; i++) {
        state->child_inputs[i] = options;
    }
}

void options_settle(struct options *options)
{
    const char *named = getenv("PIRN_SPOOL");

    if (options->spool == NULL) {
        options->spool =
            named != NULL && *named != '\0' ? named : PIRN_SPOOL_DIR;
    }
    if (!options->layout_said) {
        options->layout = PIRN_LAYOUT_LOG;
    }
}

uint64_t options_number(struct argp_state *state, const char *what,
                        const char *text, uint64_t min, uint64_t max)
{
    char *end = NULL;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end != '\0' || errno != 0 ||
        value < min || value > max) {
        argp_error(state, "%s %s: a number from %llu to %llu is needed", what,
                   text, (unsigned long long)min, (unsigned long long)max);
    }
    return value;
}

enum pirn_engine options_engine(struct argp_state *state, const char *name)
{
    if (strcmp(name, "uring") == 0) {
        return PIRN_ENGINE_URING;
    }
    if (strcmp(name, "plain") == 0) {
        return PIRN_ENGINE_PLAIN;
    }
    if (strcmp(name, "auto") != 0) {
        argp_error(state, "--engine %s: an engine is auto, uring or plain",
                   name);
    }
    return PIRN_ENGINE_AUTO;
}
