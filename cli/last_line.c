/* SPDX-License-Identifier: MIT */
/* last_line.c - see last_line.h */
#include "cli/last_line.h"

static void add_one(struct last_line *line, char byte)
{
    if (byte == '\n' || byte == '\r') {
        line->ended = true;
        return;
    }
    if (line->ended) {
        line->len = 0;
        line->ended = false;
    }
    if (line->len < LAST_LINE_MAX) {
        line->text[line->len++] = byte == '\0' ? '?' : byte;
    }
}

void last_line_add(struct last_line *line, const char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        add_one(line, bytes[i]);
    }
    line->text[line->len] = '\0';
}
