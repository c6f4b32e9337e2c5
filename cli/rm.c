/* SPDX-License-Identifier: MIT */
/*
 * rm.c - remove items: by id, by ids on standard input, or a whole queue
 *
 * What is removed is claimed first, so nobody loses an item he works on.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>

#include "cli/ending.h"
#include "cli/ids.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/tool.h"
#include "cli/verb.h"

enum { KEY_ALL = 0x200 };

struct rm {
    struct options options;
    struct tool tool;
    struct endings endings;
    struct ids ids;
    bool all;
    bool dry_run;
    struct progress progress;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct rm *rm = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        options_hand_down(state, &rm->options);
        return 0;
    case 'n':
        rm->dry_run = true;
        return 0;
    case KEY_ALL:
        rm->all = true;
        return 0;
    case ARGP_KEY_ARGS:
        rm->ids.texts = state->argv + state->next;
        rm->ids.count = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        if (rm->all && (rm->ids.count > 0 || rm->options.queue == NULL)) {
            argp_error(state, "--all needs --queue NAME, and no id");
        } else if (!rm->all && rm->ids.count == 0) {
            argp_error(state, "an id is needed, or - for ids on standard "
                              "input, or --queue NAME --all");
        } else if (!rm->all && rm->options.queue != NULL) {
            argp_error(state, "--queue goes with --all; an id needs no queue");
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option own[] = {
    {"dry-run", 'n', NULL, 0, "Remove nothing, say what would be removed", 0},
    {"all", KEY_ALL, NULL, 0, "Remove all items of the queue", 0},
    {0},
};
static const struct argp_child children[] = {
    {&options_spool, 0, NULL, 0},
    {&options_queue, 0, NULL, 0},
    {&options_json, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .options = own,
    .parser = parse,
    .args_doc = "ID...\n-\n--queue NAME --all",
    .children = children,
    .doc = "Remove items by id, or by the ids that begin the lines of standard "
           "input, or all of a queue, and say how many. An item that somebody "
           "has claimed stays, and the exit code is 75.",
};

static enum code add(void *user, const struct pirn_id *id)
{
    struct rm *rm = user;

    progress_tell(&rm->progress, rm->endings.done,
                  pirn_context_now_ns(rm->tool.context));
    return rm->dry_run ? endings_look(&rm->endings, id)
                       : endings_add(&rm->endings, id);
}

static enum code add_page(struct rm *rm, const struct pirn_listed *items,
                          int32_t count)
{
    enum code code = CODE_DONE;

    for (int32_t i = 0; code == CODE_DONE && i < count; i++) {
        code = add(rm, &items[i].id);
    }
    return code;
}

/*
 * Nothing of ours is on its way while a page is made: what we have claimed, the
 * walk would meet once more, as claimed.
 */
static enum code add_queue(struct rm *rm)
{
    struct pirn_listing listing = {0};
    enum code code = CODE_DONE;
    int32_t r;

    pirn_prep_listing(&listing, rm->tool.spool, rm->options.queue);
    r = pirn_wait(rm->tool.context, &listing.op);
    while (r >= 0 && code == CODE_DONE) {
        (void)endings_finish(&rm->endings);
        pirn_prep_listing_next(&listing);
        r = pirn_wait(rm->tool.context, &listing.op);
        if (r <= 0) {
            break;
        }
        code = add_page(rm, listing.items, r);
    }
    if (r < 0) {
        code = tool_say(&rm->tool, THING_QUEUE, rm->options.queue, r);
    }
    pirn_prep_listing_end(&listing);
    (void)pirn_wait(rm->tool.context, &listing.op);
    return code;
}

static enum code run(struct rm *rm)
{
    enum code finished;
    enum code code = ids_check(&rm->ids);

    if (code == CODE_DONE) {
        code = tool_open(&rm->tool, &rm->options, false);
    }
    if (code != CODE_DONE) {
        return code;
    }
    endings_init(&rm->endings, &rm->tool, NULL, rm->all);
    progress_begin(&rm->progress, "removing", 0,
                   pirn_context_now_ns(rm->tool.context));
    code = rm->all ? add_queue(rm) : ids_each(&rm->ids, &rm->tool, add, rm);
    finished = endings_finish(&rm->endings);
    progress_end(&rm->progress);
    endings_report(&rm->endings, "removed", rm->dry_run ? "would_remove" : NULL,
                   rm->options.json);
    if (code != CODE_DONE) {
        return code;
    }
    if (rm->all && finished == CODE_NOT_THERE) {
        finished = CODE_DONE; /* whoever was faster did what was asked for */
    }
    if (rm->all && finished == CODE_DONE && rm->endings.done == 0) {
        return CODE_NO;
    }
    return finished;
}

enum code verb_rm(int argc, char **argv)
{
    struct rm *rm = calloc(1, sizeof(*rm));
    enum code code;

    if (rm == NULL) {
        return failure_say(THING_ANY, "rm", -ENOMEM);
    }
    argp_parse(&argp, argc, argv, 0, NULL, rm);
    options_settle(&rm->options);
    code = run(rm);
    tool_close(&rm->tool);
    free(rm);
    return code;
}
