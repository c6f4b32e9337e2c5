/* SPDX-License-Identifier: MIT */
/*
 * ls.c - list items
 *
 * A page of ids at a time, and of each page so many items at once as there are
 * glances: the memory is the same for ten items and for a million. What goes
 * away between the two is passed over in silence. What was found is written out
 * before the next page is made: a reader need not wait for the end.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/glance.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/selection.h"
#include "cli/tool.h"
#include "cli/verb.h"

struct ls {
    struct options options;
    struct tool tool;
    struct glances glances;
    struct json json;
    struct selection selection;
    struct pirn_id ids[GLANCE_MAX]; /* to be looked at, @count */
    uint32_t count;
    bool printed;
    enum code code; /* the worst that was met */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct ls *ls = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        selection_hand_down(state, &ls->options, &ls->selection);
        return 0;
    case ARGP_KEY_ARGS:
        selection_take_ids(state, &ls->selection);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&filter_argp, 0, NULL, 0},
    {&options_spool, 0, NULL, 0},
    {&options_queue, 0, NULL, 0},
    {&options_json, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .parser = parse,
    .args_doc = "[ID...]\n-",
    .children = children,
    .doc = "List the items of the spool, or of one queue, or those named, or, "
           "for -, those whose ids begin the lines of standard input; of all "
           "these the ones that match. Exits 0 also where there is none, but "
           "1 if none of those named is there, or none matches.",
};

static void print(struct ls *ls, const struct pirn_item *item)
{
    if (ls->options.json) {
        print_item_json(&ls->json, item);
    } else {
        if (!ls->printed && isatty(STDOUT_FILENO)) {
            print_item_heading(stdout);
        }
        print_item_row(stdout, item);
    }
    ls->printed = true;
}

static enum code look(struct ls *ls)
{
    uint32_t count = ls->count;
    int r = glances_look(&ls->glances, &ls->tool, ls->ids, count);

    if (r < 0) {
        return tool_say(&ls->tool, THING_SPOOL, ls->tool.path, r);
    }
    ls->count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct glance *glance = &ls->glances.glance[i];
        const struct pirn_item *item = &glance->view.item;

        if (glance->result == 0 &&
            filter_matches(&ls->selection.filter, item)) {
            print(ls, item);
        } else if (glance->result < 0 && glance->result != -ENOENT) {
            ls->code = tool_say_item(&ls->tool, &ls->ids[i], glance->result);
        }
    }
    r = glances_end(&ls->glances, &ls->tool, count);
    return r < 0 ? tool_say(&ls->tool, THING_SPOOL, ls->tool.path, r)
                 : CODE_DONE;
}

/* Those that are left over, and out with all. */
static enum code next_page(void *user)
{
    struct ls *ls = user;
    enum code code = look(ls);

    errno = 0;
    if (code == CODE_DONE && fflush(stdout) != 0) {
        code = failure_say(THING_OUTPUT, "standard output",
                           errno != 0 ? -errno : -EIO);
    }
    return code;
}

static enum code add(void *user, const struct pirn_id *id)
{
    struct ls *ls = user;

    ls->ids[ls->count++] = *id;
    return ls->count == GLANCE_MAX ? look(ls) : CODE_DONE;
}

static enum code run(struct ls *ls)
{
    struct selection *selection = &ls->selection;
    enum code code = ids_check(&selection->ids);

    if (code == CODE_DONE) {
        code = tool_open(&ls->tool, &ls->options, false);
    }
    if (code == CODE_DONE) {
        code = selection_each(selection, &ls->tool, add, next_page, ls);
    }
    if (code == CODE_DONE) {
        code = next_page(ls);
    }
    if (ls->code != CODE_DONE || code != CODE_DONE) {
        return ls->code != CODE_DONE ? ls->code : code;
    }
    return ls->printed || (selection_is_listed(selection) &&
                           !selection_is_narrow(selection))
               ? CODE_DONE
               : CODE_NO;
}

enum code verb_ls(int argc, char **argv)
{
    struct ls *ls = calloc(1, sizeof(*ls));
    enum code code;

    if (ls == NULL) {
        return failure_say(THING_ANY, "ls", -ENOMEM);
    }
    ls->json.out = stdout;
    argp_parse(&argp, argc, argv, 0, NULL, ls);
    options_settle(&ls->options);
    ls->selection.filter.queue = ls->options.queue;
    code = run(ls);
    tool_close(&ls->tool);
    free(ls);
    return code;
}
