/* SPDX-License-Identifier: MIT */
/* rm.c - remove items */
#include "cli/change.h"
#include "cli/verb.h"

static const struct argp_option own[] = {
    {"dry-run", 'n', NULL, 0, "Remove nothing, say what would be removed", 0},
    CHANGE_CLAIMED,
    {0},
};
static const struct argp argp = {
    .options = own,
    .parser = change_parse,
    .args_doc = CHANGE_ARGS,
    .children = change_children,
    .doc = "Remove items, " CHANGE_ITEMS
           "Says how many. An item that somebody has claimed stays, and the "
           "exit code is 75, unless --claimed is said.",
};

enum code verb_rm(int argc, char **argv)
{
    static const struct change rm = {
        .done = "removed",
        .would = "would_remove",
        .doing = "removing",
        .removes = true,
    };

    return change_run(&argp, &rm, argc, argv);
}
