/* SPDX-License-Identifier: MIT */
/*
 * put.c - one item from a file or standard input
 *
 * The body streams through one buffer, whatever its size. The id is printed
 * once the item is durable: whoever has read it may forget the file.
 */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>

#include "cli/json.h"
#include "cli/options.h"
#include "cli/tool.h"
#include "cli/verb.h"

enum { KEY_CREATE = 0x200, BUF_BYTES = 256 * 1024, FD_STDIN = 0 };

struct put {
    struct options options;
    struct tool tool;
    const char *file; /* "-": standard input */
    bool create;
    struct pirn_draft draft;
    struct pirn_fields fields;
    char field_bytes[PIRN_FIELDS_MAX];
    char buf[BUF_BYTES];
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
    case ARGP_KEY_ARG:
        if (state->arg_num > 0) {
            argp_error(state, "%s: only one file makes one item", arg);
        }
        put->file = arg;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option own[] = {
    {"field", 'f', "name=value", 0,
     "Store it with the item; may be given again, also with the same name", 0},
    {"create", KEY_CREATE, NULL, 0,
     "Make the spool and the queue if they are not there", 0},
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
    .args_doc = "[FILE]",
    .children = children,
    .doc = "Store one item from FILE, or from standard input, in the queue "
           "(`incoming'), and print its id once it is durable.",
};

/* CODE_DONE with *ret_len 0 at the end of the input. */
static enum code read_some(struct put *put, int fd, uint32_t *ret_len)
{
    struct pirn_op op = {0};
    int32_t r;

    pirn_prep_read(&op, fd, put->buf, BUF_BYTES, PIRN_OFFSET_CURRENT);
    do {
        r = pirn_wait(put->tool.context, &op);
    } while (r == -EINTR);
    if (r < 0) {
        return failure_say(THING_FILE, put->file, r);
    }
    *ret_len = (uint32_t)r;
    return CODE_DONE;
}

static enum code step(struct put *put, struct pirn_op *op)
{
    int32_t r = pirn_wait(put->tool.context, op);

    return r < 0 ? tool_say(&put->tool, THING_QUEUE, put->options.queue, r)
                 : CODE_DONE;
}

static enum code copy(struct put *put, int fd)
{
    uint32_t len = 0;
    enum code code;

    for (;;) {
        code = read_some(put, fd, &len);
        if (code != CODE_DONE || len == 0) {
            return code;
        }
        pirn_prep_append(&put->draft, put->buf, len);
        code = step(put, &put->draft.op);
        if (code != CODE_DONE) {
            return code;
        }
    }
}

static enum code store(struct put *put, int fd)
{
    enum code code;

    pirn_prep_begin(&put->draft, put->tool.spool, put->options.queue);
    code = step(put, &put->draft.op);
    if (code == CODE_DONE) {
        code = copy(put, fd);
    }
    if (code == CODE_DONE) {
        pirn_prep_commit(&put->draft, &put->fields);
        code = step(put, &put->draft.op);
    }
    if (pirn_draft_is_open(&put->draft)) {
        pirn_prep_abort(&put->draft);
        (void)pirn_wait(put->tool.context, &put->draft.op);
    }
    return code;
}

static void print_id(const struct put *put)
{
    char id[PIRN_ID_TEXT];
    struct json json = {stdout, false};

    pirn_id_format(&put->draft.id, id);
    if (!put->options.json) {
        puts(id);
        return;
    }
    json_open(&json, '{');
    json_key(&json, "id");
    json_text(&json, id);
    json_key(&json, "queue");
    json_text(&json, put->options.queue);
    json_close(&json, '}');
    json_end(&json);
}

static enum code open_spool(struct put *put)
{
    enum code code = tool_open(&put->tool, &put->options, put->create);

    return code == CODE_DONE && put->create
               ? tool_make_queue(&put->tool, &put->options, put->options.queue)
               : code;
}

/* The file is opened first: a missing one leaves no spool behind. */
static enum code run(struct put *put)
{
    struct pirn_op op = {0};
    int fd = FD_STDIN;
    enum code code = tool_open_context(&put->tool);

    if (code == CODE_DONE && strcmp(put->file, "-") != 0) {
        pirn_prep_open(&op, AT_FDCWD, put->file, O_RDONLY, 0);
        fd = pirn_wait(put->tool.context, &op);
        if (fd < 0) {
            return failure_say(THING_FILE, put->file, fd);
        }
    }
    if (code == CODE_DONE) {
        code = open_spool(put);
    }
    if (code == CODE_DONE) {
        code = store(put, fd);
    }
    if (code == CODE_DONE) {
        print_id(put);
    }
    if (fd > FD_STDIN) {
        pirn_prep_close(&op, fd);
        (void)pirn_wait(put->tool.context, &op);
    }
    return code;
}

enum code verb_put(int argc, char **argv)
{
    struct put *put = calloc(1, sizeof(*put));
    enum code code;

    if (put == NULL) {
        return failure_say(THING_ANY, "put", -ENOMEM);
    }
    put->file = "-";
    put->fields.bytes = put->field_bytes;
    put->fields.cap = sizeof(put->field_bytes);
    argp_parse(&argp, argc, argv, 0, NULL, put);
    options_settle(&put->options);
    if (put->options.queue == NULL) {
        put->options.queue = "incoming";
    }
    code = run(put);
    tool_close(&put->tool);
    free(put);
    return code;
}
