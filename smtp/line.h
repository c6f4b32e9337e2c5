/* SPDX-License-Identifier: MIT */
/*
 * smtp/line.h - command lines out of chunks
 *
 * A line ends with CR LF. One that arrives whole is handed on where it lies;
 * only one that a chunk cuts is kept, in the caller's store, until its end
 * comes. A line that is too long is read to its end and kept nowhere. Pure.
 */
#ifndef SMTP_LINE_H
#define SMTP_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/scan.h"

/* The line that is being read. Zeroed memory is the start of a line. */
struct smtp_line {
    uint32_t len;  /* bytes kept in the store */
    bool cr;       /* the last byte was a CR: is the next its LF? */
    bool nul;      /* the line has a NUL */
    bool too_long; /* the line has outgrown the store, which is free again */
};

enum smtp_line_end {
    SMTP_LINE_MORE,  /* the chunk ended first */
    SMTP_LINE_WHOLE, /* by CR LF */
    SMTP_LINE_BARE,  /* by a CR or a LF without the other */
};

struct smtp_line_result {
    enum smtp_line_end end;
    bool nul;
    bool too_long;         /* @text is then not the line */
    struct smtp_span text; /* without its end; borrows the chunk or the store */
};

/**
 * pirn__smtp_line_feed() - read on, at most to the end of one line
 * @line:       where the line stands
 * @store:      @max bytes, the same ones until the line ends
 * @max:        bytes, the longest line without its CR LF
 * @bytes:      @len bytes; borrowed by @ret_result
 * @len:        1 or more
 * @ret_result: the line, or SMTP_LINE_MORE
 *
 * Return: bytes consumed; all of them if SMTP_LINE_MORE.
 */
size_t pirn__smtp_line_feed(struct smtp_line *line, char *store, size_t max,
                            const char *bytes, size_t len,
                            struct smtp_line_result *ret_result);

#endif /* SMTP_LINE_H */
