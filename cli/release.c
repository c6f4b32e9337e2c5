/* SPDX-License-Identifier: MIT */
/* release.c - items that were held or delayed are ready now, or all that an
 * owner has */
#include "cli/change.h"
#include "cli/owner.h"
#include "cli/verb.h"

static const struct argp_option options[] = {
    {"dry-run", 'n', NULL, 0, "Change nothing, say what would be done", 0},
    CHANGE_CLAIMED,
    {"owner", 'o', "OWNER", 0,
     "Instead: all that this owner has claimed, who lives, and is fenced out; "
     "his slot, or slot and time, as `pirn status' prints them",
     0},
    {0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct change *change = state->input;

    switch (key) {
    case 'o':
        change->owner = arg;
        return 0;
    case ARGP_KEY_ARGS:
        if (change->owner != NULL) {
            argp_error(state, "--owner: no item is named besides");
        }
        return change_parse(key, arg, state);
    case ARGP_KEY_END:
        if (change->owner != NULL && change->claimed) {
            argp_error(state, "--owner takes all that he has; leave --claimed "
                              "out");
        }
        return change->owner != NULL ? 0 : change_parse(key, arg, state);
    default:
        return change_parse(key, arg, state);
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse,
    .args_doc = CHANGE_ARGS "\n--owner OWNER",
    .children = change_children,
    .doc = "Release items that are held, and make those that are delayed "
           "ready now, " CHANGE_ITEMS CHANGE_PASSES
           "An item that somebody has claimed stays as it is, and the exit "
           "code is 75, unless --claimed is said. With --owner: "
           "what a process that was stopped, or hangs, has claimed is ready "
           "for others, with one attempt more, and it can do nothing to these "
           "items any more. What it was in the midst of changing "
           "follows when it goes on, or is killed.",
};

enum code verb_release(int argc, char **argv)
{
    static const struct change release = {
        .done = "released",
        .would = "would_release",
        .doing = "releasing",
        .what = {.what = PIRN_CHANGE_HELD | PIRN_CHANGE_DUE},
    };

    return change_run(&argp, &release, argc, argv);
}
