/* SPDX-License-Identifier: MIT */
/* release.c - items that were held or delayed are ready now */
#include "cli/change.h"
#include "cli/verb.h"

static const struct argp argp = {
    .options = change_options,
    .parser = change_parse,
    .args_doc = CHANGE_ARGS,
    .children = change_children,
    .doc = "Release items that are held, and make those that are delayed "
           "ready now, " CHANGE_ITEMS
           "Queues of the log layout alone. An item that somebody has "
           "claimed stays as it is, and the exit code is 75.",
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
