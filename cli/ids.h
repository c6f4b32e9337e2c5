/* SPDX-License-Identifier: MIT */
/*
 * ids.h - the items that a command line names
 *
 * ID... and, for "-", the first word of each line of standard input, so that
 * the output of `ls' will do.
 */
#ifndef CLI_IDS_H
#define CLI_IDS_H

#include <argp.h>

#include <pirn/item.h>

#include "cli/lines.h"
#include "cli/tool.h"

/* Zeroed: none. */
struct ids {
    char **texts; /* borrowed, @count */
    int count;
    struct lines lines;
};

/* Return: CODE_DONE, or what ids_each() ends with */
typedef enum code ids_fn(void *user, const struct pirn_id *id);

/** ids_parse() - of a verb whose arguments are ids, one at least: what a parser
 * ends with; ARGP_ERR_UNKNOWN for an option */
error_t ids_parse(struct ids *ids, int key, const struct argp_state *state);

/** ids_check() - CODE_USAGE, after saying which of those named is no id */
enum code ids_check(const struct ids *ids);

/** ids_each() - call @fn for each until it returns another code */
enum code ids_each(struct ids *ids, struct tool *tool, ids_fn *fn, void *user);

/** ids_try() - call @fn for each, "-" is no id; Return: what the first that
 * failed returned */
enum code ids_try(const struct ids *ids, ids_fn *fn, void *user);

#endif /* CLI_IDS_H */
