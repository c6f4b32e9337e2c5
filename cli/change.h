/* SPDX-License-Identifier: MIT */
/*
 * change.h - what rm, mv, hold and release share: the items that are meant are
 * claimed and ended, so nobody loses one that he works on, but by --claimed
 *
 * Each verb's argp has change_parse() behind it, change_options and
 * change_children.
 */
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include <argp.h>

#include <pirn/spool.h>

#include "cli/ending.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/selection.h"
#include "cli/tool.h"

struct change {
    const char *done;  /* "held" */
    const char *would; /* "would_hold" */
    const char *doing; /* "holding" */
    bool removes;      /* instead of what is said next */
    struct pirn_change what;
    struct options options;
    struct tool tool;
    struct endings endings;
    struct selection selection;
    struct progress progress;
    bool dry_run;
    bool claimed;      /* those, too, that somebody has */
    const char *owner; /* release: whom to fence out, instead of all that */
};

extern const struct argp_option change_options[];
extern const struct argp_child change_children[];

/* The option of rm and release. */
#define CHANGE_KEY_CLAIMED 0x500
#define CHANGE_CLAIMED                                                      \
    {                                                                       \
        "claimed", CHANGE_KEY_CLAIMED, NULL, 0,                             \
            "Unsafe: those, too, that somebody has claimed, and take them " \
            "away from "                                                    \
            "him. He can do nothing to them any more, but if he does not "  \
            "hang, and "                                                    \
            "goes on, his work is done twice",                              \
            0                                                               \
    }

#define CHANGE_ARGS "ID...\n-\nFILTER...\n[--queue NAME] --all"

/* How the help of each names the items. */
#define CHANGE_ITEMS                                                         \
    "by id, by the ids that begin the lines of standard input (-, and only " \
    "if it is said), by what is known of them, or all (--all). `pirn ls' "   \
    "with the same words lists them. "

/* And those that it leaves alone. */
#define CHANGE_PASSES                                                    \
    "Unless their ids were given, those that are so already are passed " \
    "over, and the exit code is 1 if there are no others. "

/** change_parse() - the items and --dry-run; input: a struct change */
error_t change_parse(int key, char *arg, struct argp_state *state);

/**
 * change_run() - what is said on the command line to all that it names
 * @what: copied; that it was no attempt is added
 */
enum code change_run(const struct argp *argp, const struct change *what,
                     int argc, char **argv);

#endif /* CLI_CHANGE_H */
