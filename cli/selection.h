/* SPDX-License-Identifier: MIT */
/*
 * selection.h - the items that a command line means: by id, or by a filter
 *
 *   ID...  -  --state held --older 3d  --queue NAME --all
 *
 * Ids and a filter together mean those of the ids that match it. An item's id
 * is told as soon as it is met, and no list of them is ever made.
 */
#ifndef CLI_SELECTION_H
#define CLI_SELECTION_H

#include <argp.h>
#include <stdbool.h>

#include "cli/filter.h"
#include "cli/ids.h"
#include "cli/options.h"
#include "cli/tool.h"

/* Zeroed: all items. */
struct selection {
    struct ids ids;
    struct filter filter;
    bool all; /* said so */
};

/* What is in a verb's argp's table of children with selection_hand_down(). */
extern const struct argp selection_all; /* --all */

/** selection_hand_down() - options_hand_down(), and @selection's its own */
void selection_hand_down(struct argp_state *state, struct options *options,
                         struct selection *selection);

/** selection_take_ids() - in ARGP_KEY_ARGS: all arguments are ids, or - */
void selection_take_ids(struct argp_state *state, struct selection *selection);

/**
 * selection_check() - in ARGP_KEY_END: a usage error if nothing was said
 *
 * A queue alone says where, and not which: all of a queue is --all.
 */
void selection_check(struct argp_state *state,
                     const struct selection *selection);

/** selection_is_listed() - the spool is walked; else ids were named */
bool selection_is_listed(const struct selection *selection);

/** selection_is_narrow() - the items have to be looked at to be chosen */
bool selection_is_narrow(const struct selection *selection);

/* Called before a page of a walk is made; return as an ids_fn. */
typedef enum code selection_page_fn(void *user);

/**
 * selection_each() - call @fn for each id, until it returns another code
 * @page: between the pages of a walk
 *
 * A walk passes over what cannot match where that is known without a look;
 * whether the rest does is the caller's to find out.
 */
enum code selection_each(struct selection *selection, struct tool *tool,
                         ids_fn *fn, selection_page_fn *page, void *user);

#endif /* CLI_SELECTION_H */
