/* SPDX-License-Identifier: MIT */
/* mv.c - move items to another queue */
#include "cli/change.h"
#include "cli/verb.h"

enum { KEY_TO = 0x200 };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct change *change = state->input;

    switch (key) {
    case KEY_TO:
        options_check_queue(state, "--to", arg);
        change->what.queue = arg;
        return 0;
    case ARGP_KEY_END:
        if (change->what.queue == NULL) {
            argp_error(state, "--to QUEUE is needed");
        }
        return change_parse(key, arg, state);
    default:
        return change_parse(key, arg, state);
    }
}

static const struct argp_option own[] = {
    {"to", KEY_TO, "QUEUE", 0, "The queue where they are to be", 0},
    {"dry-run", 'n', NULL, 0, "Move nothing, say what would be moved", 0},
    {0},
};
static const struct argp argp = {
    .options = own,
    .parser = parse,
    .args_doc = "--to QUEUE ID...\n--to QUEUE -\n--to QUEUE FILTER...\n"
                "--to QUEUE [--queue NAME] --all",
    .children = change_children,
    .doc = "Move items to another queue, " CHANGE_ITEMS CHANGE_PASSES
           "To a queue of the other layout an item is copied, under its id, "
           "and then removed. One that somebody has claimed stays where it "
           "is, and the exit code is 75.",
};

enum code verb_mv(int argc, char **argv)
{
    static const struct change mv = {
        .done = "moved",
        .would = "would_move",
        .doing = "moving",
        .what = {.what = PIRN_CHANGE_QUEUE},
    };

    return change_run(&argp, &mv, argc, argv);
}
