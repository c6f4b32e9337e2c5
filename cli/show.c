/* SPDX-License-Identifier: MIT */
/* show.c - all that is known of items */
#include <argp.h>
#include <stdio.h>

#include "cli/options.h"
#include "cli/print.h"
#include "cli/tool.h"
#include "cli/verb.h"

struct show {
    struct options options;
    struct tool tool;
    struct json json;
    char **ids;
    int id_count;
    bool printed;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct show *show = state->input;

    (void)arg;
    switch (key) {
    case ARGP_KEY_INIT:
        options_hand_down(state, &show->options);
        return 0;
    case ARGP_KEY_ARGS:
        show->ids = state->argv + state->next;
        show->id_count = state->argc - state->next;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "an id is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_child children[] = {
    {&options_spool, 0, NULL, 0},
    {&options_json, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .parser = parse,
    .args_doc = "ID...",
    .children = children,
    .doc = "Print all that is known of an item: its metadata and fields.",
};

static enum code show_one(struct show *show, const char *text)
{
    struct pirn_view view = {0};
    struct pirn_id id;
    enum code code = tool_parse_id(text, &id);
    int32_t r;

    if (code != CODE_DONE) {
        return code;
    }
    pirn_prep_look(&view, show->tool.spool, &id);
    r = pirn_wait(show->tool.context, &view.op);
    if (r < 0) {
        return tool_say_item(&show->tool, &id, r);
    }
    if (show->options.json) {
        print_item_json(&show->json, &view.item);
    } else {
        fputs(show->printed ? "\n" : "", stdout);
        print_item_whole(stdout, &view.item);
    }
    show->printed = true;
    pirn_prep_view_end(&view);
    (void)pirn_wait(show->tool.context, &view.op);
    return CODE_DONE;
}

/* Each is tried; the first that fails decides how the program exits. */
static enum code run(struct show *show)
{
    enum code code = tool_check_ids(show->ids, show->id_count);

    if (code == CODE_DONE) {
        code = tool_open(&show->tool, &show->options, false);
    }
    if (code != CODE_DONE) {
        return code;
    }
    for (int i = 0; i < show->id_count; i++) {
        enum code one = show_one(show, show->ids[i]);

        code = code == CODE_DONE ? one : code;
    }
    return code;
}

enum code verb_show(int argc, char **argv)
{
    struct show show = {.json = {stdout, false}};
    enum code code;

    argp_parse(&argp, argc, argv, 0, NULL, &show);
    options_settle(&show.options);
    code = run(&show);
    tool_close(&show.tool);
    return code;
}
