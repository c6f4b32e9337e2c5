/* SPDX-License-Identifier: MIT */
/*
 * lines.h - standard input, a line at a time
 */
#ifndef CLI_LINES_H
#define CLI_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/tool.h"

/* No line may be longer; an id's is 27. */
#define LINES_MAX 4096

/* Zeroed: nothing has been read. */
struct lines {
    char buf[LINES_MAX + 1];
    uint32_t len;
    uint32_t at;
    bool end;
};

/**
 * lines_next() - the next line, without its newline
 * @ret_line: borrowed until the next call
 *
 * Ops that are on loan go on while it waits.
 *
 * Return: 1; 0 at the end; -EMSGSIZE a line is too long; or an errno
 */
int lines_next(struct lines *lines, struct tool *tool, char **ret_line);

#endif /* CLI_LINES_H */
