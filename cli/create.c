/* SPDX-License-Identifier: MIT */
/* create.c - a spool, or a queue in it */
#include <argp.h>
#include <stdio.h>

#include "cli/options.h"
#include "cli/tool.h"
#include "cli/verb.h"

enum { KEY_ITEMS = 0x200, ITEMS_MIN = 64, ITEMS_MAX = 1 << 26 };

struct create {
    struct options options;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct create *create = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_hand_down(state, &create->options);
        return 0;
    case KEY_ITEMS:
        create->options.items = (uint32_t)options_number(state, "--items", arg,
                                                         ITEMS_MIN, ITEMS_MAX);
        return 0;
    case ARGP_KEY_ARG:
        argp_error(state, "%s: the directory is named by --spool", arg);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option own[] = {
    {"items", KEY_ITEMS, "N", 0,
     "The most items that queues of the log hold together, of a spool that is "
     "made (1048576); each needs about 64 bytes of /dev/shm",
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
    .doc = "Make a spool with its queue `incoming', and with --queue NAME that "
           "queue. What is there already stays as it is.",
};

/* Where a layout was said, a queue that is there has to have it. */
static enum code make(struct tool *tool, const struct options *options)
{
    if (options->queue == NULL && !options->layout_said) {
        return CODE_DONE;
    }
    return tool_make_queue(
        tool, options, options->queue != NULL ? options->queue : "incoming");
}

enum code verb_create(int argc, char **argv)
{
    struct create create = {0};
    struct tool tool = {0};
    enum code code;

    argp_parse(&argp, argc, argv, 0, NULL, &create);
    options_settle(&create.options);
    code = tool_open(&tool, &create.options, true);
    if (code == CODE_DONE) {
        code = make(&tool, &create.options);
    }
    tool_close(&tool);
    return code;
}
