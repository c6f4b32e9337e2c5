/* SPDX-License-Identifier: MIT */
/*
 * line.c - see smtp/line.h
 *
 * What is said of a line depends on its bytes alone, not on the chunks: a CR at
 * the end of a chunk is kept as a question (`cr`) and not as a byte, and a line
 * is too long by the same count whether it was kept or not.
 */
#include "smtp/line.h"

#include <string.h>

#include <pirn/invariant.h>

static void keep(struct smtp_line *line, char *store, size_t max,
                 const char *bytes, size_t len)
{
    if (line->too_long || len > max - line->len) {
        line->too_long = true;
        line->len = 0;
        return;
    }
    memcpy(store + line->len, bytes, len);
    line->len += (uint32_t)len;
}

static void finish(struct smtp_line *line, char *store, size_t max,
                   struct smtp_span rest, enum smtp_line_end end,
                   struct smtp_line_result *ret)
{
    if (line->len == 0 && !line->too_long) {
        ret->text = rest;
        ret->too_long = rest.len > max;
    } else {
        keep(line, store, max, rest.bytes, rest.len);
        ret->text = (struct smtp_span){store, line->len};
        ret->too_long = line->too_long;
    }
    ret->nul = line->nul;
    ret->end = end;
    *line = (struct smtp_line){0};
}

size_t pirn__smtp_line_feed(struct smtp_line *line, char *store, size_t max,
                            const char *bytes, size_t len,
                            struct smtp_line_result *ret_result)
{
    struct smtp_span text = {bytes, 0};
    bool lf_next;

    pirn_assert(len > 0);
    pirn_assert(line->len <= max);

    if (line->cr) {
        lf_next = bytes[0] == '\n';
        finish(line, store, max, text,
               lf_next ? SMTP_LINE_WHOLE : SMTP_LINE_BARE, ret_result);
        return lf_next ? 1 : 0;
    }

    for (;;) {
        text.len += pirn__smtp_scan_special(bytes + text.len, len - text.len);
        if (text.len == len || bytes[text.len] != '\0') {
            break;
        }
        line->nul = true;
        text.len++;
    }

    /* The chunk ends before the line does, perhaps between CR and LF. */
    line->cr = text.len + 1 == len && bytes[text.len] == '\r';
    if (text.len == len || line->cr) {
        keep(line, store, max, bytes, text.len);
        ret_result->end = SMTP_LINE_MORE;
        return len;
    }

    lf_next = bytes[text.len] == '\r' && bytes[text.len + 1] == '\n';
    finish(line, store, max, text, lf_next ? SMTP_LINE_WHOLE : SMTP_LINE_BARE,
           ret_result);
    return text.len + (lf_next ? 2 : 1);
}
