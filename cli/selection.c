/* SPDX-License-Identifier: MIT */
/*
 * selection.c - see selection.h
 *
 * A walk goes on by a cursor, of slots in the log, of directories among files,
 * while what it tells is changed or removed. The log keeps a changed item's
 * slot, so it is met once wherever it goes. A file that was claimed is in
 * another directory, that comes later; so whoever claims ends it before the
 * next page is made (@page), and it is gone, or where the walk has been.
 */
#include "cli/selection.h"

#include <pirn/spool.h>

enum { KEY_ALL = 0x400 };

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct selection *selection = state->input;

    (void)arg;
    if (key != KEY_ALL) {
        return ARGP_ERR_UNKNOWN;
    }
    selection->all = true;
    return 0;
}

static const struct argp_option all_options[] = {
    {"all", KEY_ALL, NULL, 0, "All items of the queue, else of the spool", 2},
    {0},
};

const struct argp selection_all = {.options = all_options, .parser = parse};

void selection_hand_down(struct argp_state *state, struct options *options,
                         struct selection *selection)
{
    const struct argp_child *child = options_children(state);

    options_hand_down(state, options);
    for (int i = 0; child[i].argp != NULL; i++) {
        if (child[i].argp == &filter_argp) {
            state->child_inputs[i] = &selection->filter;
        } else if (child[i].argp == &selection_all) {
            state->child_inputs[i] = selection;
        }
    }
}

void selection_take_ids(struct argp_state *state, struct selection *selection)
{
    selection->ids.texts = state->argv + state->next;
    selection->ids.count = state->argc - state->next;
}

bool selection_is_listed(const struct selection *selection)
{
    return selection->ids.count == 0;
}

bool selection_is_narrow(const struct selection *selection)
{
    return filter_is_said(&selection->filter) ||
           (selection->ids.count > 0 && selection->filter.queue != NULL);
}

void selection_check(struct argp_state *state,
                     const struct selection *selection)
{
    bool is_said = filter_is_said(&selection->filter);

    if (selection->all && (selection->ids.count > 0 || is_said)) {
        argp_error(state, "--all goes without ids and without what narrows "
                          "it; leave one of them out");
    } else if (!selection->all && selection->ids.count == 0 && !is_said) {
        argp_error(state, "which items? an id is needed, or - for ids on "
                          "standard input, or a filter as --state or --older, "
                          "or --all");
    }
}

static enum code each_listed(struct selection *selection,
                             const struct pirn_listing *listing, int32_t count,
                             ids_fn *fn, void *user)
{
    enum code code = CODE_DONE;

    for (int32_t i = 0; code == CODE_DONE && i < count; i++) {
        if (filter_may_match(&selection->filter, &listing->items[i])) {
            code = fn(user, &listing->items[i].id);
        }
    }
    return code;
}

static enum code walk(struct selection *selection, struct tool *tool,
                      ids_fn *fn, selection_page_fn *page, void *user)
{
    const char *queue = selection->filter.queue;
    struct pirn_listing listing = {0};
    enum code code = CODE_DONE;

    pirn_prep_listing(&listing, tool->spool, queue);
    int32_t r = pirn_wait(tool->context, &listing.op);
    if (r < 0) {
        return tool_say(tool, THING_QUEUE, queue != NULL ? queue : "", r);
    }
    do {
        code = page(user);
        if (code != CODE_DONE) {
            break;
        }
        pirn_prep_listing_next(&listing);
        r = pirn_wait(tool->context, &listing.op);
        code = r < 0 ? tool_say(tool, THING_SPOOL, tool->path, r)
                     : each_listed(selection, &listing, r, fn, user);
    } while (code == CODE_DONE && r > 0);
    pirn_prep_listing_end(&listing);
    (void)pirn_wait(tool->context, &listing.op);
    return code;
}

enum code selection_each(struct selection *selection, struct tool *tool,
                         ids_fn *fn, selection_page_fn *page, void *user)
{
    filter_begin(&selection->filter, pirn_context_realtime_ns(tool->context));
    return selection_is_listed(selection)
               ? walk(selection, tool, fn, page, user)
               : ids_each(&selection->ids, tool, fn, user);
}
