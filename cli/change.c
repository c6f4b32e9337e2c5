/* SPDX-License-Identifier: MIT */
/* change.c - see change.h */
#include "cli/change.h"

#include <errno.h>
#include <stdlib.h>

#include "cli/layout.h"
#include "cli/owner.h"

const struct argp_option change_options[] = {
    {"dry-run", 'n', NULL, 0, "Change nothing, say what would be done", 0},
    {0},
};
const struct argp_child change_children[] = {
    {&filter_argp, 0, NULL, 0},   {&selection_all, 0, NULL, 0},
    {&options_spool, 0, NULL, 0}, {&options_queue, 0, NULL, 0},
    {&options_json, 0, NULL, 0},  {0},
};

error_t change_parse(int key, char *arg, struct argp_state *state)
{
    struct change *change = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        selection_hand_down(state, &change->options, &change->selection);
        return 0;
    case 'n':
        change->dry_run = true;
        return 0;
    case CHANGE_KEY_CLAIMED:
        change->claimed = true;
        return 0;
    case ARGP_KEY_ARGS:
        selection_take_ids(state, &change->selection);
        return 0;
    case ARGP_KEY_END:
        selection_check(state, &change->selection);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static enum code add(void *user, const struct pirn_id *id)
{
    struct change *change = user;

    progress_tell(&change->progress, change->endings.done,
                  pirn_context_now_ns(change->tool.context));
    return change->dry_run ? endings_look(&change->endings, id)
                           : endings_add(&change->endings, id);
}

static enum code next_page(void *user)
{
    struct change *change = user;

    (void)endings_finish(&change->endings);
    return change->endings.failed;
}

/* That items may come there. */
static enum code check_queue(struct change *change)
{
    const char *queue = change->what.queue;
    struct layouts layouts = {0};
    int r = queue == NULL ? 0 : layouts_find(&layouts, &change->tool, queue);

    return r < 0 ? tool_say(&change->tool, THING_QUEUE, queue, r) : CODE_DONE;
}

static void report(struct change *change)
{
    progress_end(&change->progress);
    endings_report(&change->endings, change->done,
                   change->dry_run ? change->would : NULL,
                   change->options.json);
}

/* Of those that nobody named, who was faster did what was asked for. */
static enum code judge(const struct change *change, enum code finished)
{
    const struct selection *selection = &change->selection;
    bool is_listed = selection_is_listed(selection);

    if (is_listed && finished == CODE_NOT_THERE) {
        finished = CODE_DONE;
    }
    if (finished == CODE_DONE && change->endings.done == 0 &&
        (is_listed || selection_is_narrow(selection))) {
        return CODE_NO;
    }
    return finished;
}

static enum code run(struct change *change)
{
    struct selection *selection = &change->selection;
    bool is_narrow = selection_is_narrow(selection);
    enum code code = ids_check(&selection->ids);

    if (code == CODE_DONE) {
        code = tool_open(&change->tool, &change->options, false);
    }
    if (code != CODE_DONE) {
        return code;
    }
    if (change->owner != NULL) {
        return owner_fence(&change->tool, change->owner, change->options.json);
    }
    endings_init(
        &change->endings, &change->tool, change->removes ? NULL : &change->what,
        is_narrow ? &selection->filter : NULL, selection_is_listed(selection));
    change->endings.seizes = change->claimed;
    code = check_queue(change);
    if (code != CODE_DONE) {
        return code;
    }
    progress_begin(&change->progress, change->doing, 0,
                   pirn_context_now_ns(change->tool.context));
    code = selection_each(selection, &change->tool, add, next_page, change);
    enum code finished = endings_finish(&change->endings);
    report(change);
    return code != CODE_DONE ? code : judge(change, finished);
}

enum code change_run(const struct argp *argp, const struct change *what,
                     int argc, char **argv)
{
    struct change *change = malloc(sizeof(*change));
    enum code code;

    if (change == NULL) {
        return failure_say(THING_ANY, argv[0], -ENOMEM);
    }
    *change = *what;
    change->what.what |= PIRN_CHANGE_UNTRIED;
    argp_parse(argp, argc, argv, 0, NULL, change);
    options_settle(&change->options);
    change->selection.filter.queue = change->options.queue;
    code = run(change);
    tool_close(&change->tool);
    free(change);
    return code;
}
