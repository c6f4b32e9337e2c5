/* SPDX-License-Identifier: MIT */
/*
 * change.h - what mv, hold and release share: items by id, given back changed
 *
 * Each verb's argp has change_parse() behind it, change_options and
 * change_children.
 */
#ifndef CLI_CHANGE_H
#define CLI_CHANGE_H

#include <argp.h>

#include <pirn/spool.h>

#include "cli/ending.h"
#include "cli/ids.h"
#include "cli/options.h"
#include "cli/tool.h"

struct change {
    const char *done;  /* "held" */
    const char *would; /* "would_hold" */
    struct pirn_change what;
    struct options options;
    struct tool tool;
    struct endings endings;
    struct ids ids;
    bool dry_run;
};

extern const struct argp_option change_options[];
extern const struct argp_child change_children[];

/** change_parse() - ids and --dry-run; input: a struct change */
error_t change_parse(int key, char *arg, struct argp_state *state);

/**
 * change_run() - what is said on the command line to all that it names
 * @what: copied; that it was no attempt is added
 */
enum code change_run(const struct argp *argp, const struct change *what,
                     int argc, char **argv);

#endif /* CLI_CHANGE_H */
