/* SPDX-License-Identifier: MIT */
/*
 * put.c - an item from each file, or from standard input; see put.h
 *
 * Bodies stream through one buffer, whatever their size. An id is printed once
 * the item is durable: whoever has read it may forget the file.
 */
#include <argp.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/put.h"
#include "cli/quantity.h"
#include "cli/verb.h"

enum {
    KEY_CREATE = 0x200,
    KEY_MAILDIR,
    KEY_FROM_MAILDIR,
    KEY_REMOVE,
    KEY_PRIORITY,
    KEY_DELAY,
    KEY_HOLD
};

static void add_field(struct put *put, char *arg, struct argp_state *state)
{
    char *equals = strchr(arg, '=');
    int r;

    if (equals == NULL) {
        argp_error(state, "--field %s: name=value is needed", arg);
        return;
    }
    *equals = '\0';
    r = pirn_fields_add(&put->fields, arg, equals + 1);
    if (r == -ENOSPC) {
        argp_error(state, "--field %s: the fields are over %u bytes together",
                   arg, PIRN_FIELDS_MAX);
    } else if (r < 0) {
        argp_error(state,
                   "--field %s: a field's name is 1 to 63 of a-z 0-9 - _ .",
                   arg);
    }
}

/* What goes together; if nothing was said, standard input it is. */
static void check(struct put *put, struct argp_state *state)
{
    static char dash[] = "-";
    static char *standard_input[] = {dash};
    int inputs = 0;

    for (int i = 0; i < put->count; i++) {
        inputs += strcmp(put->files[i], "-") == 0;
    }
    if (inputs > 1) {
        argp_error(state, "-: standard input makes one item, not %d", inputs);
    } else if (put->from_maildir != NULL &&
               (put->count > 0 || put->maildir != NULL)) {
        argp_error(state, "--from-maildir goes without files and without "
                          "--maildir; leave one of them out");
    } else if (put->removes && put->from_maildir == NULL) {
        argp_error(state, "--remove goes with --from-maildir alone");
    } else if (put->maildir != NULL &&
               (put->options.spool != NULL || put->options.queue != NULL ||
                put->create || put->fields.len > 0 || put->priority != 0 ||
                put->delay_ns > 0 || put->held)) {
        argp_error(state, "--maildir is instead of a spool, and has neither "
                          "queue nor fields, and nothing to wait for");
    } else if (put->count == 0) {
        put->files = standard_input;
        put->count = 1;
    }
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
    struct put *put = state->input;

    switch (key) {
    case ARGP_KEY_INIT:
        options_hand_down(state, &put->options);
        return 0;
    case 'f':
        add_field(put, arg, state);
        return 0;
    case KEY_CREATE:
        put->create = true;
        return 0;
    case KEY_MAILDIR:
        put->maildir = arg;
        return 0;
    case KEY_FROM_MAILDIR:
        put->from_maildir = arg;
        return 0;
    case KEY_PRIORITY:
        put->priority = quantity_priority(state, "--priority", arg);
        return 0;
    case KEY_DELAY:
        put->delay_ns = quantity_ns(state, "--delay", arg);
        return 0;
    case KEY_HOLD:
        put->held = true;
        return 0;
    case KEY_REMOVE:
        put->removes = true;
        return 0;
    case ARGP_KEY_ARGS:
        put->files = state->argv + state->next;
        put->count = state->argc - state->next;
        return 0;
    case ARGP_KEY_END:
        check(put, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option own[] = {
    {"field", 'f', "name=value", 0,
     "Store it with each item; may be given again, also with the same name", 0},
    {"priority", KEY_PRIORITY, "N", 0,
     "From -8 to 7, the higher the earlier (0)", 0},
    {"delay", KEY_DELAY, "TIME", 0,
     "Nobody takes them before so long from now, as 30s, 15m or 12h", 0},
    {"hold", KEY_HOLD, NULL, 0, "Nobody takes them before `pirn release'", 0},
    {"create", KEY_CREATE, NULL, 0,
     "Make the spool and the queue if they are not there", 0},
    {"from-maildir", KEY_FROM_MAILDIR, "DIR", 0,
     "Instead of files: each message of this Maildir, new and seen ones, with "
     "its name in the field `maildir'",
     0},
    {"remove", KEY_REMOVE, NULL, 0,
     "Remove each of these once its item is durable", 0},
    {"maildir", KEY_MAILDIR, "DIR", 0,
     "Instead of a spool: deliver each file to this Maildir, and print its "
     "name there once it is durable",
     0},
    {0},
};
static const struct argp_child children[] = {
    {&options_spool, 0, NULL, 0},
    {&options_queue, 0, NULL, 0},
    {&options_layout, 0, NULL, 0},
    {&options_json, 0, NULL, 0},
    {0},
};
static const struct argp argp = {
    .options = own,
    .parser = parse,
    .args_doc = "[FILE...]\n--from-maildir DIR [--remove]\n--maildir DIR "
                "[FILE...]",
    .children = children,
    .doc = "Store an item from each FILE, or one from standard input, in the "
           "queue (`incoming'), and print each one's id once it is durable, in "
           "the order of the files. A file that cannot be read is said and "
           "passed over.",
};

static enum code stored(void *user, const struct storing *storing)
{
    struct put *put = user;
    struct json json = {stdout, false};
    char id[PIRN_ID_TEXT];

    pirn_id_format(&storing->draft.id, id);
    if (put->options.json) {
        json_open(&json, '{');
        json_key(&json, "id");
        json_text(&json, id);
        json_key(&json, "queue");
        json_text(&json, put->options.queue);
        json_key(&json, "file");
        json_text(&json, storing->source);
        json_close(&json, '}');
        json_end(&json);
    } else {
        puts(id);
    }
    progress_tell(&put->progress, put->storings.done,
                  pirn_context_now_ns(put->tool.context));
    errno = 0;
    return fflush(stdout) == 0 ? CODE_DONE
                               : failure_say(THING_OUTPUT, "standard output",
                                             errno != 0 ? -errno : -EIO);
}

static enum code open_spool(struct put *put)
{
    enum code code = tool_open(&put->tool, &put->options, put->create);

    if (code == CODE_DONE && put->create) {
        code = tool_make_queue(&put->tool, &put->options, put->options.queue);
    }
    if (code == CODE_DONE && !isatty(STDOUT_FILENO)) { /* ids are progress */
        progress_begin(&put->progress, "storing",
                       put->from_maildir == NULL ? (uint64_t)put->count : 0,
                       pirn_context_now_ns(put->tool.context));
    }
    return code;
}

/* false: no more is begun. */
static bool store(struct put *put, const char *file, int fd)
{
    struct storing *storing = storings_next(&put->storings);

    if (storing != NULL) {
        put_fill(put, storing);
        storing->source = file;
        storings_store(&put->storings, storing, fd);
    }
    put_close_file(put, fd);
    return storing != NULL;
}

/* The first file is opened first: a missing one leaves no spool behind. */
static enum code store_files(struct put *put)
{
    int fd = put_open_file(put, put->files[0]);

    if (fd < 0 && put->count == 1) {
        return put->storings.missed;
    }
    enum code code = open_spool(put);
    if (code != CODE_DONE) {
        put_close_file(put, fd);
        return code;
    }
    for (int i = 0; i < put->count; i++) {
        fd = i == 0 ? fd : put_open_file(put, put->files[i]);
        if (fd >= 0 && !store(put, put->files[i], fd)) {
            break;
        }
    }
    return storings_finish(&put->storings);
}

static enum code store_maildir(struct put *put)
{
    enum code code = open_spool(put);

    if (code != CODE_DONE) {
        return code;
    }
    put_from_maildir(put);
    return storings_finish(&put->storings);
}

static enum code run(struct put *put)
{
    enum code code = tool_open_context(&put->tool);

    if (code != CODE_DONE) {
        return code;
    }
    storings_init(&put->storings, &put->tool, put->options.queue, stored, put);
    if (put->maildir != NULL) {
        return put_to_maildir(put);
    }
    code = put->from_maildir != NULL ? store_maildir(put) : store_files(put);
    progress_end(&put->progress);
    return code;
}

enum code verb_put(int argc, char **argv)
{
    struct put *put = calloc(1, sizeof(*put));

    if (put == NULL) {
        return failure_say(THING_ANY, "put", -ENOMEM);
    }
    put->fields.bytes = put->field_bytes;
    put->fields.cap = sizeof(put->field_bytes);
    argp_parse(&argp, argc, argv, 0, NULL, put);
    options_settle(&put->options);
    if (put->options.queue == NULL) {
        put->options.queue = "incoming";
    }
    enum code code = run(put);
    tool_close(&put->tool);
    free(put);
    return code;
}
