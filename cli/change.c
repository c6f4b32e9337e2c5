/* SPDX-License-Identifier: MIT */
/* change.c - see change.h */
#include "cli/change.h"

#include <errno.h>
#include <stdlib.h>

const struct argp_option change_options[] = {
    {"dry-run", 'n', NULL, 0, "Change nothing, say what would be done", 0},
    {0},
};
const struct argp_child change_children[] = {
    {&options_spool, 0, NULL, 0},
    {&options_json, 0, NULL, 0},
    {0},
};

error_t change_parse(int key, char *arg, struct argp_state *state)
{
    struct change *change = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        options_hand_down(state, &change->options);
        return 0;
    case 'n':
        change->dry_run = true;
        return 0;
    case ARGP_KEY_ARGS:
        change->ids.texts = state->argv + state->next;
        change->ids.count = state->argc - state->next;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "an id is needed, or - for ids on standard input");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static enum code add(void *user, const struct pirn_id *id)
{
    struct change *change = user;

    return change->dry_run ? endings_look(&change->endings, id)
                           : endings_add(&change->endings, id);
}

/* That items may come there. */
static enum code check_queue(struct change *change)
{
    const char *queue = change->what.queue;
    int r = queue == NULL
                ? PIRN_LAYOUT_LOG
                : layouts_find(&change->endings.layouts, &change->tool, queue);

    if (r == PIRN_LAYOUT_FILE) {
        r = -EXDEV;
    }
    return r < 0 ? tool_say(&change->tool, THING_QUEUE, queue, r) : CODE_DONE;
}

static enum code run(struct change *change)
{
    enum code code = ids_check(&change->ids);
    enum code finished;

    if (code == CODE_DONE) {
        code = tool_open(&change->tool, &change->options, false);
    }
    if (code != CODE_DONE) {
        return code;
    }
    endings_init(&change->endings, &change->tool, &change->what, false);
    code = check_queue(change);
    if (code != CODE_DONE) {
        return code;
    }
    code = ids_each(&change->ids, &change->tool, add, change);
    finished = endings_finish(&change->endings);
    endings_report(&change->endings, change->done,
                   change->dry_run ? change->would : NULL,
                   change->options.json);
    return code != CODE_DONE ? code : finished;
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
    code = run(change);
    tool_close(&change->tool);
    free(change);
    return code;
}
