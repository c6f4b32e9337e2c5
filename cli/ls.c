/* SPDX-License-Identifier: MIT */
/*
 * ls.c - list items
 *
 * A page of ids at a time, and of each page so many items at once as there are
 * glances: the memory is the same for ten items and for a million. What goes
 * away between the two is passed over in silence.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/glance.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/tool.h"
#include "cli/verb.h"

struct ls {
    struct options options;
    struct tool tool;
    struct glances glances;
    struct json json;
    char **ids; /* what was named, @id_count; none: all */
    int id_count;
    bool printed;
    enum code code; /* the worst that was met */
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct ls *ls = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        options_hand_down(state, &ls->options);
        return 0;
    case ARGP_KEY_ARGS:
        ls->ids = state->argv + state->next;
        ls->id_count = state->argc - state->next;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&options_spool, 0, NULL, 0},
    {&options_queue, 0, NULL, 0},
    {&options_json, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .parser = parse,
    .args_doc = "[ID...]",
    .children = children,
    .doc = "List the items of the spool, or of one queue, or those named. "
           "Exits 0 also where there is none, but 1 if none of those named is "
           "there.",
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

static bool is_wanted(const struct ls *ls, const struct pirn_item *item)
{
    return ls->options.queue == NULL ||
           strcmp(ls->options.queue, item->queue) == 0;
}

static enum code look(struct ls *ls, const struct pirn_id *ids, uint32_t count)
{
    int r = glances_look(&ls->glances, &ls->tool, ids, count);

    if (r < 0) {
        return tool_say(&ls->tool, THING_SPOOL, ls->tool.path, r);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct glance *glance = &ls->glances.glance[i];

        if (glance->result == 0 && is_wanted(ls, &glance->view.item)) {
            print(ls, &glance->view.item);
        } else if (glance->result < 0 && glance->result != -ENOENT) {
            ls->code = tool_say_item(&ls->tool, &ids[i], glance->result);
        }
    }
    r = glances_end(&ls->glances, &ls->tool, count);
    return r < 0 ? tool_say(&ls->tool, THING_SPOOL, ls->tool.path, r)
                 : CODE_DONE;
}

static enum code list_page(struct ls *ls, const struct pirn_listed *items,
                           uint32_t count)
{
    struct pirn_id ids[GLANCE_MAX];
    enum code code = CODE_DONE;

    while (code == CODE_DONE && count > 0) {
        uint32_t some = count < GLANCE_MAX ? count : GLANCE_MAX;

        for (uint32_t i = 0; i < some; i++) {
            ids[i] = items[i].id;
        }
        code = look(ls, ids, some);
        items += some;
        count -= some;
    }
    return code;
}

static enum code list_all(struct ls *ls)
{
    const char *queue = ls->options.queue;
    struct pirn_listing listing = {0};
    enum code code = CODE_DONE;
    int32_t r;

    pirn_prep_listing(&listing, ls->tool.spool, queue);
    r = pirn_wait(ls->tool.context, &listing.op);
    if (r < 0) {
        return tool_say(&ls->tool, THING_QUEUE, queue != NULL ? queue : "", r);
    }
    do {
        pirn_prep_listing_next(&listing);
        r = pirn_wait(ls->tool.context, &listing.op);
        if (r < 0) {
            code = tool_say(&ls->tool, THING_SPOOL, ls->tool.path, r);
        } else {
            code = list_page(ls, listing.items, (uint32_t)r);
        }
    } while (code == CODE_DONE && r > 0);
    pirn_prep_listing_end(&listing);
    (void)pirn_wait(ls->tool.context, &listing.op);
    return code;
}

static enum code list_named(struct ls *ls)
{
    for (int i = 0; i < ls->id_count; i++) {
        struct pirn_id id;
        enum code code = tool_parse_id(ls->ids[i], &id);

        if (code == CODE_DONE) {
            code = look(ls, &id, 1);
        }
        if (code != CODE_DONE) {
            return code;
        }
    }
    return ls->printed ? CODE_DONE : CODE_NO;
}

static enum code run(struct ls *ls)
{
    enum code code = tool_check_ids(ls->ids, ls->id_count);

    if (code == CODE_DONE) {
        code = tool_open(&ls->tool, &ls->options, false);
    }
    if (code == CODE_DONE) {
        code = ls->id_count > 0 ? list_named(ls) : list_all(ls);
    }
    return ls->code != CODE_DONE ? ls->code : code;
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
    code = run(ls);
    tool_close(&ls->tool);
    free(ls);
    return code;
}
