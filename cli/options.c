/* SPDX-License-Identifier: MIT */
/* options.c - see options.h */
#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/item.h>

enum { KEY_QUEUE = 0x100, KEY_JSON };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct options *options = state->input;

    switch (key) {
    case 's':
        options->spool = arg;
        return 0;
    case KEY_QUEUE:
        if (!pirn_queue_name_is_valid(arg)) {
            argp_error(state,
                       "--queue %s: no queue can be called so; use 1 to 63 of "
                       "a-z 0-9 - _, and neither a digit nor - first",
                       arg);
        }
        options->queue = arg;
        return 0;
    case KEY_JSON:
        options->json = true;
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
    {"queue", KEY_QUEUE, "NAME", 0, "The queue that is meant", 0},
    {0},
};
static const struct argp_option json_options[] = {
    {"json", KEY_JSON, NULL, 0, "Print one JSON object per line", 0},
    {0},
};

const struct argp options_spool = {.options = spool_options, .parser = parse};
const struct argp options_queue = {.options = queue_options, .parser = parse};
const struct argp options_json = {.options = json_options, .parser = parse};

void options_hand_down(struct argp_state *state, struct options *options)
{
    const struct argp_child *child = state->root_argp->children;

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
