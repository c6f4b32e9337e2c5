/* SPDX-License-Identifier: MIT */
/* lines.c - see lines.h */
#include "cli/lines.h"

#include <errno.h>
#include <string.h>

#include <pirn/file.h>

enum { FD_STDIN = 0 };

/* More bytes behind those that are left, which move to the front. */
static int fill(struct lines *lines, struct tool *tool)
{
    struct pirn_op op = {0};
    int32_t r;

    lines->len -= lines->at;
    memmove(lines->buf, lines->buf + lines->at, lines->len);
    lines->at = 0;
    if (lines->len == LINES_MAX) {
        return -EMSGSIZE;
    }
    pirn_prep_read(&op, FD_STDIN, lines->buf + lines->len,
                   LINES_MAX - lines->len, PIRN_OFFSET_CURRENT);
    r = pirn_wait(tool->context, &op);
    if (r < 0) {
        return r;
    }
    lines->end = r == 0;
    lines->len += (uint32_t)r;
    return 0;
}

int lines_next(struct lines *lines, struct tool *tool, char **ret_line)
{
    for (;;) {
        char *line = lines->buf + lines->at;
        char *newline = memchr(line, '\n', lines->len - lines->at);

        if (newline != NULL) {
            *newline = '\0';
            lines->at = (uint32_t)(newline + 1 - lines->buf);
            *ret_line = line;
            return 1;
        }
        if (lines->end) {
            lines->buf[lines->len] = '\0'; /* a last line without a newline */
            *ret_line = line;
            lines->at = lines->len;
            return *line != '\0';
        }
        int r = fill(lines, tool);
        if (r < 0) {
            return r;
        }
    }
}
