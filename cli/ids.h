/* SPDX-License-Identifier: MIT */
/*
 * ids.h - the items that a command line names
 *
 * ID... and, for "-", the first word of each line of standard input, so that
 * the output of `ls' will do.
 */
#ifndef CLI_IDS_H
#define CLI_IDS_H

#include <pirn/item.h>

#include "cli/lines.h"
#include "cli/tool.h"

/* Zeroed: none. */
struct ids {
    char **texts; /* borrowed, @count */
    int count;
    struct lines lines;
};

/* Return: CODE_DONE, or what ends the walk */
typedef enum code ids_fn(void *user, const struct pirn_id *id);

/** ids_check() - CODE_USAGE, after saying which of those named is no id */
enum code ids_check(const struct ids *ids);

/** ids_each() - call @fn for each until it returns another code */
enum code ids_each(struct ids *ids, struct tool *tool, ids_fn *fn, void *user);

#endif /* CLI_IDS_H */
