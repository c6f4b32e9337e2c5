/* SPDX-License-Identifier: MIT */
/*
 * cat.c - items' bodies, one behind the other, byte for byte as they came
 *
 * What cannot be read is said, and the next ones are printed, as cat does. The
 * library checks what is read from the start to the end against the item's
 * digest, and instead of the last bytes says -EBADMSG. What came before is out
 * by then: the exit code is what a pipeline has to look at.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/ids.h"
#include "cli/options.h"
#include "cli/tool.h"
#include "cli/verb.h"

/* Who looks at an item that goes to the other layout looks once more. */
enum { BUF_BYTES = 256 * 1024, LOOKS = 2 };

struct cat {
    struct options options;
    struct tool tool;
    struct ids ids;
    struct pirn_view view;
    char buf[BUF_BYTES];
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct cat *cat = state->input;

    (void)arg;
    if (key == ARGP_KEY_INIT) {
        options_hand_down(state, &cat->options);
        return 0;
    }
    return ids_parse(&cat->ids, key, state);
}

static const struct argp_child children[] = {
    {&options_spool, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .parser = parse,
    .args_doc = "ID...",
    .children = children,
    .doc = "Print the bodies of items, one behind the other, byte for byte as "
           "they came. If one does not match its item's checksum the exit code "
           "is 74; if several fail, it is that of the first.",
};

/* False: it went before the first read, or to the other layout. */
static bool copy(struct cat *cat, const struct pirn_id *id, enum code *ret_code)
{
    uint64_t offset = 0;
    int32_t r;

    *ret_code = CODE_DONE;
    do {
        pirn_prep_view_read(&cat->view, cat->buf, BUF_BYTES, offset);
        r = pirn_wait(cat->tool.context, &cat->view.op);
        if (r == -ENOENT && offset == 0) {
            return false;
        }
        if (r < 0) {
            *ret_code = tool_say_item(&cat->tool, id, r);
            return true;
        }
        errno = 0;
        if (fwrite(cat->buf, 1, (size_t)r, stdout) != (size_t)r) {
            *ret_code = failure_say(THING_OUTPUT, "standard output",
                                    errno != 0 ? -errno : -EIO);
            return true;
        }
        offset += (uint32_t)r;
    } while (r > 0);
    return true;
}

static enum code print(void *user, const struct pirn_id *id)
{
    struct cat *cat = user;
    enum code code;

    if (ferror(stdout)) {
        return CODE_DONE; /* said before, and nothing more can be printed */
    }
    for (int i = 0; i < LOOKS; i++) {
        pirn_prep_look(&cat->view, cat->tool.spool, id);
        int32_t r = pirn_wait(cat->tool.context, &cat->view.op);
        if (r < 0) {
            return tool_say_item(&cat->tool, id, r);
        }
        bool is_there = copy(cat, id, &code);
        pirn_prep_view_end(&cat->view);
        (void)pirn_wait(cat->tool.context, &cat->view.op);
        if (is_there) {
            return code;
        }
    }
    return tool_say_item(&cat->tool, id, -ESTALE);
}

/* Each is tried; the first that fails decides how the program exits. */
static enum code run(struct cat *cat)
{
    enum code code = tool_check_ids(cat->ids.texts, cat->ids.count);

    if (code == CODE_DONE) {
        code = tool_open(&cat->tool, &cat->options, false);
    }
    return code == CODE_DONE ? ids_try(&cat->ids, print, cat) : code;
}

enum code verb_cat(int argc, char **argv)
{
    struct cat *cat = calloc(1, sizeof(*cat));
    enum code code;

    if (cat == NULL) {
        return failure_say(THING_ANY, "cat", -ENOMEM);
    }
    argp_parse(&argp, argc, argv, 0, NULL, cat);
    options_settle(&cat->options);
    code = run(cat);
    tool_close(&cat->tool);
    free(cat);
    return code;
}
