/* SPDX-License-Identifier: MIT */
/* ids.c - see ids.h */
#include "cli/ids.h"

#include <string.h>

error_t ids_parse(struct ids *ids, int key, const struct argp_state *state)
{
    switch (key) {
    case ARGP_KEY_ARGS:
        ids->texts = state->argv + state->next;
        ids->count = state->argc - state->next;
        return 0;
    case ARGP_KEY_NO_ARGS:
        argp_error(state, "an id is needed");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

enum code ids_check(const struct ids *ids)
{
    enum code code = CODE_DONE;

    for (int i = 0; code == CODE_DONE && i < ids->count; i++) {
        if (strcmp(ids->texts[i], "-") != 0) {
            code = tool_check_ids(&ids->texts[i], 1);
        }
    }
    return code;
}

static enum code call(const char *text, ids_fn *fn, void *user)
{
    struct pirn_id id;
    enum code code = tool_parse_id(text, &id);

    return code == CODE_DONE ? fn(user, &id) : code;
}

static enum code each_line(struct ids *ids, struct tool *tool, ids_fn *fn,
                           void *user)
{
    enum code code = CODE_DONE;
    char *line = NULL;
    int r = 1;

    while (code == CODE_DONE &&
           (r = lines_next(&ids->lines, tool, &line)) > 0) {
        line += strspn(line, " \t\r");
        line[strcspn(line, " \t\r")] = '\0';
        if (*line != '\0') {
            code = call(line, fn, user);
        }
    }
    return r < 0 ? failure_say(THING_FILE, "-", r) : code;
}

enum code ids_each(struct ids *ids, struct tool *tool, ids_fn *fn, void *user)
{
    enum code code = CODE_DONE;

    for (int i = 0; code == CODE_DONE && i < ids->count; i++) {
        code = strcmp(ids->texts[i], "-") == 0 ? each_line(ids, tool, fn, user)
                                               : call(ids->texts[i], fn, user);
    }
    return code;
}

enum code ids_try(const struct ids *ids, ids_fn *fn, void *user)
{
    enum code code = CODE_DONE;

    for (int i = 0; i < ids->count; i++) {
        enum code one = call(ids->texts[i], fn, user);

        code = code == CODE_DONE ? one : code;
    }
    return code;
}
