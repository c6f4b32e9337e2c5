/* SPDX-License-Identifier: MIT */
/* tool.c - see tool.h */
#include "cli/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>

#include "cli/parents.h"

enum code tool_open_context(struct tool *tool)
{
    int r;

    if (tool->context != NULL) {
        return CODE_DONE;
    }
    r = pirn_context_create(NULL, &tool->context);
    return r < 0 ? failure_say_ring(r) : CODE_DONE;
}

enum code tool_open(struct tool *tool, const struct options *options,
                    bool create)
{
    const struct pirn_spool_config config = {
        .path = options->spool,
        .create = create,
        .layout = options->layout,
        .log_slots = options->items,
        .early = tool->early,
    };
    enum code code = tool_open_context(tool);
    int r;

    if (code != CODE_DONE) {
        return code;
    }
    tool->path = options->spool;
    r = pirn_spool_open(tool->context, &config, &tool->spool);
    if (r == -ENOENT && create) {
        r = parents_make(tool->context, tool->path);
        if (r == 0) {
            r = pirn_spool_open(tool->context, &config, &tool->spool);
        }
    }
    if (r == -ENOENT && create) {
        return failure_say(THING_NEW_SPOOL, tool->path, r);
    }
    return r < 0 ? failure_say(THING_SPOOL, tool->path, r) : CODE_DONE;
}

enum code tool_make_queue(struct tool *tool, const struct options *options,
                          const char *queue)
{
    int r = pirn_spool_create_queue_as(tool->spool, queue, options->layout);

    if (!options->layout_said && (r == -EEXIST || r == -EOPNOTSUPP)) {
        r = pirn_spool_create_queue(tool->spool, queue);
    }
    return r < 0 ? tool_say(tool, THING_QUEUE, queue, r) : CODE_DONE;
}

void tool_close(struct tool *tool)
{
    tool->spool = pirn_spool_close(tool->spool);
    tool->context = pirn_context_destroy(tool->context);
}

int tool_turn_until(struct tool *tool, const uint32_t *pending, uint32_t limit)
{
    while (*pending >= limit) {
        int r = pirn_context_turn(tool->context, PIRN_FOREVER);

        if (r < 0) {
            return r;
        }
    }
    return 0;
}

/* What an op says about its item or its queue, and about nothing else. */
static bool is_of_thing(int error)
{
    return error == -ENOENT || error == -EINVAL || error == -EBUSY ||
           error == -ESTALE || error == -EBADMSG || error == -EEXIST ||
           error == -EOPNOTSUPP || error == -EXDEV;
}

enum code tool_say(const struct tool *tool, enum thing thing, const char *name,
                   int error)
{
    if (is_of_thing(error)) {
        return failure_say(thing, name, error);
    }
    return failure_say(error == -ENOTDIR ? THING_WITHIN : THING_SPOOL,
                       tool->path, error);
}

enum code tool_say_item(const struct tool *tool, const struct pirn_id *id,
                        int error)
{
    char text[PIRN_ID_TEXT];

    pirn_id_format(id, text);
    return tool_say(tool, THING_ITEM, text, error);
}

enum code tool_parse_id(const char *text, struct pirn_id *ret_id)
{
    int r = pirn_id_parse(text, ret_id);

    return r < 0 ? failure_say(THING_ITEM, text, r) : CODE_DONE;
}

enum code tool_check_ids(char *const *texts, int count)
{
    struct pirn_id id;
    enum code code = CODE_DONE;

    for (int i = 0; code == CODE_DONE && i < count; i++) {
        code = tool_parse_id(texts[i], &id);
    }
    return code;
}

int tool_read_text(struct tool *tool, const char *path, char *text,
                   uint32_t cap)
{
    struct pirn_op op = {0};
    int r;
    int fd;

    pirn_assert(cap > 1);
    text[0] = '\0';
    pirn_prep_open(&op, AT_FDCWD, path, O_RDONLY, 0);
    fd = pirn_wait(tool->context, &op);
    if (fd < 0) {
        return fd;
    }
    pirn_prep_read(&op, fd, text, cap - 1, 0);
    r = pirn_wait(tool->context, &op);
    text[r > 0 ? r : 0] = '\0';
    if (r > 0 && text[r - 1] == '\n') {
        text[r - 1] = '\0';
    }
    pirn_prep_close(&op, fd);
    (void)pirn_wait(tool->context, &op);
    return r < 0 ? r : 0;
}
