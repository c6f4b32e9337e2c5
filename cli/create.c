/* SPDX-License-Identifier: MIT */
/* create.c - a spool, or a queue in it */
#include <argp.h>
#include <stdio.h>
#include <string.h>

#include "cli/options.h"
#include "cli/tool.h"
#include "cli/verb.h"

enum { KEY_LAYOUT = 0x200 };

struct create {
    struct options options;
    bool log;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct create *create = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_hand_down(state, &create->options);
        return 0;
    case KEY_LAYOUT:
        create->log = strcmp(arg, "log") == 0;
        if (!create->log && strcmp(arg, "file") != 0) {
            argp_error(state, "--layout %s: a layout is log or file", arg);
        }
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: the directory is named by --spool", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option own[] = {
    {"layout", KEY_LAYOUT, "log|file", 0,
     "How the queue's items stand on disk (only `file' yet)", 0},
    {0},
};
static const struct argp_child children[] = {
    {&options_spool, 0, NULL, 0},
    {&options_queue, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .options = own,
    .parser = parse,
    .children = children,
    .doc = "Make a spool with its queue `incoming', and with --queue NAME that "
           "queue. What is there already stays as it is.",
};

enum code verb_create(int argc, char **argv)
{
    struct create create = {0};
    struct tool tool = {0};
    enum code code;

    argp_parse(&argp, argc, argv, 0, NULL, &create);
    options_settle(&create.options);
    if (create.log) {
        return failure_not_yet("--layout log", "use --layout file");
    }
    code = tool_open(&tool, &create.options, true);
    if (code == CODE_DONE && create.options.queue != NULL) {
        int r = pirn_spool_create_queue(tool.spool, create.options.queue);

        if (r < 0) {
            code = tool_say(&tool, THING_QUEUE, create.options.queue, r);
        }
    }
    tool_close(&tool);
    return code;
}
