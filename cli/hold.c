/* SPDX-License-Identifier: MIT */
/* hold.c - keep items from being taken until they are released */
#include "cli/change.h"
#include "cli/verb.h"

static const struct argp argp = {
    .options = change_options,
    .parser = change_parse,
    .args_doc = CHANGE_ARGS,
    .children = change_children,
    .doc = "Hold items, " CHANGE_ITEMS
           "Nobody takes them until they are released. " CHANGE_PASSES
           "An item that somebody "
           "has claimed stays as it is, and the exit code is 75.",
};

enum code verb_hold(int argc, char **argv)
{
    static const struct change hold = {
        .done = "held",
        .would = "would_hold",
        .doing = "holding",
        .what = {.what = PIRN_CHANGE_HELD, .held = true},
    };

    return change_run(&argp, &hold, argc, argv);
}
