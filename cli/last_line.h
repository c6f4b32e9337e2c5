/* SPDX-License-Identifier: MIT */
/*
 * last_line.h - the last line of what a program said, as its reason
 */
#ifndef CLI_LAST_LINE_H
#define CLI_LAST_LINE_H

#include <stdbool.h>
#include <stddef.h>

/* Longer lines are cut here. */
#define LAST_LINE_MAX 1000

/* Zeroed: nothing was said. */
struct last_line {
    char text[LAST_LINE_MAX + 1]; /* NUL-terminated; "" if nothing was said */
    size_t len;
    bool ended; /* what comes next begins another */
};

/** last_line_add() - more was said, in pieces of any length; empty lines and
 * the ends of lines do not count */
void last_line_add(struct last_line *line, const char *bytes, size_t len);

#endif /* CLI_LAST_LINE_H */
