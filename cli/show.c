/* SPDX-License-Identifier: MIT */
/* show.c - all that is known of items */
#include <argp.h>
#include <stdio.h>

#include "cli/ids.h"
#include "cli/options.h"
#include "cli/print.h"
#include "cli/tool.h"
#include "cli/verb.h"

struct show {
    struct options options;
    struct tool tool;
    struct json json;
    struct ids ids;
    bool printed;
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct show *show = state->input;

    (void)arg;
    if (key == ARGP_KEY_INIT) {
        options_hand_down(state, &show->options);
        return 0;
    }
    return ids_parse(&show->ids, key, state);
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

static enum code show_one(void *user, const struct pirn_id *id)
{
    struct show *show = user;
    struct pirn_view view = {0};

    pirn_prep_look(&view, show->tool.spool, id);
    int32_t r = pirn_wait(show->tool.context, &view.op);
    if (r < 0) {
        return tool_say_item(&show->tool, id, r);
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
    enum code code = tool_check_ids(show->ids.texts, show->ids.count);

    if (code == CODE_DONE) {
        code = tool_open(&show->tool, &show->options, false);
    }
    return code == CODE_DONE ? ids_try(&show->ids, show_one, show) : code;
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
