/* SPDX-License-Identifier: MIT */
/*
 * tool.h - what a verb works with: a context and a spool that is open on it
 */
#ifndef CLI_TOOL_H
#define CLI_TOOL_H

#include <stdint.h>

#include <pirn/context.h>
#include <pirn/spool.h>

#include "cli/failure.h"
#include "cli/options.h"

/* Zeroed: nothing is open. */
struct tool {
    struct pirn_context *context;
    struct pirn_spool *spool;
    const char *path; /* the spool's; borrows the options */
    bool early;       /* what can be claimed is, before all is known */
};

/**
 * tool_open() - a context, and the spool of the options on it
 * @create: the spool and what leads to it, if there is none
 *
 * Return: CODE_DONE; else what was said about it. tool_close() either way.
 */
enum code tool_open(struct tool *tool, const struct options *options,
                    bool create);

/**
 * tool_make_queue() - make a queue if it is not there
 *
 * With the layout of the options. What is there with another one stays as it
 * is, and is a failure only if the layout was said; nor has a spool of an older
 * version a log.
 *
 * Return: CODE_DONE; else what was said about it
 */
enum code tool_make_queue(struct tool *tool, const struct options *options,
                          const char *queue);

/** tool_open_context() - the context alone; tool_open() then uses it */
enum code tool_open_context(struct tool *tool);

void tool_close(struct tool *tool);

/**
 * tool_turn_until() - turn until @pending is below @limit
 * @pending: counted down by functions of ops
 *
 * Return: 0, or the ring's error
 */
int tool_turn_until(struct tool *tool, const uint32_t *pending, uint32_t limit);

/**
 * tool_say() - say what a spool's op ended with
 * @thing: which the error is about if it is one that @thing can have; disks
 *         that are full, read-only or failing are the spool's
 */
enum code tool_say(const struct tool *tool, enum thing thing, const char *name,
                   int error);

/** tool_say_item() - tool_say() about an item */
enum code tool_say_item(const struct tool *tool, const struct pirn_id *id,
                        int error);

/** tool_parse_id() - or CODE_USAGE, after saying that it is none */
enum code tool_parse_id(const char *text, struct pirn_id *ret_id);

/** tool_check_ids() - the same of @count arguments, before anything is done */
enum code tool_check_ids(char *const *texts, int count);

/**
 * tool_read_text() - the beginning of a small file, as the kernel's are
 * @text: @cap bytes; NUL-terminated, without a newline at its end
 *
 * Return: 0, or a negative errno; @text is "" then
 */
int tool_read_text(struct tool *tool, const char *path, char *text,
                   uint32_t cap);

#endif /* CLI_TOOL_H */
