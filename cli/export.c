/* SPDX-License-Identifier: MIT */
/*
 * export.c - copies of items in a Maildir; the items stay
 *
 * Each is read without being claimed, so whoever works on it goes on. Files are
 * synced one by one, and new/ once a page: all are durable when the command
 * ends with 0, and what it left half done it does not do twice, for an item has
 * the same name whenever it is delivered.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <pirn/file.h>

#include "cli/json.h"
#include "cli/maildir.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/selection.h"
#include "cli/verb.h"

enum { KEY_MAILDIR = 0x200, BUF_BYTES = 256 * 1024 };

struct exporting {
    struct options options;
    struct tool tool;
    struct selection selection;
    struct progress progress;
    struct maildir maildir;
    struct delivery delivery;
    struct pirn_view view;
    const char *path; /* of the Maildir */
    uint64_t done;
    uint64_t there;   /* before */
    uint64_t missing; /* of those that were named */
    enum code code;   /* the first of an item's failures */
    bool dry_run;
    bool has_gone; /* the last one, before the first read of its body */
    char buf[BUF_BYTES];
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct exporting *all = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        selection_hand_down(state, &all->options, &all->selection);
        return 0;
    case KEY_MAILDIR:
        all->path = arg;
        return 0;
    case 'n':
        all->dry_run = true;
        return 0;
    case ARGP_KEY_ARGS:
        selection_take_ids(state, &all->selection);
        return 0;
    case ARGP_KEY_END:
        if (all->path == NULL) {
            argp_error(state, "--maildir DIR is needed");
        }
        selection_check(state, &all->selection);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option own[] = {
    {"maildir", KEY_MAILDIR, "DIR", 0, "The Maildir where the copies are to be",
     0},
    {"dry-run", 'n', NULL, 0, "Copy nothing, say how many it would be", 0},
    {0},
};
static const struct argp_child children[] = {
    {&filter_argp, 0, NULL, 0},   {&selection_all, 0, NULL, 0},
    {&options_spool, 0, NULL, 0}, {&options_queue, 0, NULL, 0},
    {&options_json, 0, NULL, 0},  {0},
};
static const struct argp argp = {
    .options = own,
    .parser = parse,
    .args_doc = "--maildir DIR ID...\n--maildir DIR -\n--maildir DIR FILTER..."
                "\n--maildir DIR [--queue NAME] --all",
    .children = children,
    .doc = "Copy items to a Maildir, each as it came: by id, by the ids that "
           "begin the lines of standard input (-), by what is known of them, "
           "or all. They stay in the spool, also where somebody has claimed "
           "them. What is in the Maildir's new/ already is not copied again. "
           "To have them out of the spool: `pirn take --maildir DIR'.",
};

static void fail(struct exporting *all, enum code code)
{
    if (all->code == CODE_DONE) {
        all->code = code;
    }
}

static int step(struct exporting *all, struct pirn_op *op)
{
    return pirn_wait(all->tool.context, op);
}

static int write_all(struct exporting *all, uint32_t len, uint64_t offset)
{
    struct pirn_op op = {0};

    for (uint32_t at = 0; at < len;) {
        pirn_prep_write(&op, all->delivery.fd, all->buf + at, len - at,
                        offset + at);
        int r = step(all, &op);
        if (r <= 0) {
            return r == 0 ? -EIO : r;
        }
        at += (uint32_t)r;
    }
    return 0;
}

/* The body to the delivery's file: 0; @ret_item: an item's errno, else of the
 * Maildir. */
static int copy(struct exporting *all, bool *ret_item)
{
    uint64_t offset = 0;
    int32_t r;

    do {
        pirn_prep_view_read(&all->view, all->buf, BUF_BYTES, offset);
        r = step(all, &all->view.op);
        *ret_item = r < 0;
        int written = r > 0 ? write_all(all, (uint32_t)r, offset) : 0;
        if (r < 0 || written < 0) {
            return r < 0 ? r : written;
        }
        offset += (uint32_t)r;
    } while (r > 0);
    return 0;
}

static enum code deliver(struct exporting *all)
{
    struct delivery *delivery = &all->delivery;
    const struct pirn_item *item = &all->view.item;
    bool is_items = false;

    maildir_prep_begin(delivery, &all->maildir, item);
    int r = step(all, &delivery->op);
    if (r != 0) {
        all->there += r == 1;
        return r < 0 ? maildir_say(&all->maildir, r) : CODE_DONE;
    }
    r = copy(all, &is_items);
    if (r < 0) {
        maildir_prep_abandon(delivery);
        (void)step(all, &delivery->op);
        if (!is_items) {
            return maildir_say(&all->maildir, r);
        }
        all->has_gone = r == -ENOENT;
        if (!all->has_gone) {
            fail(all, tool_say_item(&all->tool, &item->id, r));
        }
        return CODE_DONE;
    }
    maildir_prep_publish(delivery, item->size_bytes, true);
    r = step(all, &delivery->op);
    all->done += r == 0;
    all->there += r == 1;
    return r < 0 ? maildir_say(&all->maildir, r) : CODE_DONE;
}

static enum code look(struct exporting *all, const struct pirn_id *id)
{
    enum code code = CODE_DONE;

    all->has_gone = false;
    pirn_prep_look(&all->view, all->tool.spool, id);
    int r = step(all, &all->view.op);
    if (r == -ENOENT && selection_is_listed(&all->selection)) {
        return CODE_DONE;
    }
    if (r < 0) {
        all->missing += r == -ENOENT;
        fail(all, tool_say_item(&all->tool, id, r));
        return CODE_DONE;
    }
    if (filter_matches(&all->selection.filter, &all->view.item)) {
        all->done += all->dry_run;
        code = all->dry_run ? CODE_DONE : deliver(all);
    }
    pirn_prep_view_end(&all->view);
    (void)step(all, &all->view.op);
    return code;
}

/* Where it went before the first read of its body, it went for good, or to the
 * other layout: the second look tells. */
static enum code add(void *user, const struct pirn_id *id)
{
    struct exporting *all = user;
    enum code code = look(all, id);

    if (all->has_gone) {
        code = look(all, id);
    }
    if (all->has_gone) {
        fail(all, tool_say_item(&all->tool, id, -ESTALE));
    }
    progress_tell(&all->progress, all->done + all->there,
                  pirn_context_now_ns(all->tool.context));
    return code;
}

static enum code next_page(void *user)
{
    struct exporting *all = user;

    if (all->done + all->there == 0 || all->dry_run) {
        return CODE_DONE;
    }
    int r = maildir_sync(&all->maildir);
    return r < 0 ? maildir_say(&all->maildir, r) : CODE_DONE;
}

static void report(const struct exporting *all)
{
    struct json json = {stdout, false};

    if (!all->options.json) {
        printf("%s%" PRIu64 " exported", all->dry_run ? "would be: " : "",
               all->done);
        if (all->there > 0) {
            printf(", %" PRIu64 " there before", all->there);
        }
        putchar('\n');
        return;
    }
    json_open(&json, '{');
    json_key(&json, all->dry_run ? "would_export" : "exported");
    json_number(&json, all->done);
    json_key(&json, "there_before");
    json_number(&json, all->there);
    json_key(&json, "missing");
    json_number(&json, all->missing);
    json_close(&json, '}');
    json_end(&json);
}

static enum code run(struct exporting *all)
{
    enum code code = ids_check(&all->selection.ids);

    if (code == CODE_DONE) {
        code = tool_open(&all->tool, &all->options, false);
    }
    if (code == CODE_DONE) {
        code = maildir_open(&all->maildir, &all->tool, all->path);
    }
    if (code != CODE_DONE) {
        return code;
    }
    progress_begin(&all->progress, "exporting", 0,
                   pirn_context_now_ns(all->tool.context));
    code = selection_each(&all->selection, &all->tool, add, next_page, all);
    code = code == CODE_DONE ? next_page(all) : code;
    progress_end(&all->progress);
    report(all);
    code = code == CODE_DONE ? all->code : code;
    return code == CODE_DONE && all->done + all->there == 0 ? CODE_NO : code;
}

enum code verb_export(int argc, char **argv)
{
    struct exporting *all = calloc(1, sizeof(*all));

    if (all == NULL) {
        return failure_say(THING_ANY, "export", -ENOMEM);
    }
    argp_parse(&argp, argc, argv, 0, NULL, all);
    options_settle(&all->options);
    all->selection.filter.queue = all->options.queue;
    enum code code = run(all);
    maildir_close(&all->maildir);
    tool_close(&all->tool);
    free(all);
    return code;
}
