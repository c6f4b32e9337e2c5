/* SPDX-License-Identifier: MIT */
/*
 * smtp/scan.h - spans of bytes, and the search for the three that matter
 *
 * A span borrows: it has no terminator and owns nothing. In SMTP three bytes
 * are never text, in a command as in a mail: CR, LF and NUL. Finding the next
 * of them is the inner loop of everything in this folder. Pure.
 */
#ifndef SMTP_SCAN_H
#define SMTP_SCAN_H

#include <stdbool.h>
#include <stddef.h>

struct smtp_span {
    const char *bytes;
    size_t len;
};

/**
 * pirn__smtp_scan_special() - find the first CR, LF or NUL
 * @bytes: @len bytes
 *
 * Return: its index, or @len.
 */
size_t pirn__smtp_scan_special(const char *bytes, size_t len);

/**
 * pirn__smtp_span_is() - whether a span is this word, ASCII case ignored
 * @span: the text, as it came
 * @word: upper case, terminated by a NUL
 */
bool pirn__smtp_span_is(struct smtp_span span, const char *word);

/**
 * pirn__smtp_span_skip() - the span without its first @count bytes
 * @count: at most @span.len
 */
struct smtp_span pirn__smtp_span_skip(struct smtp_span span, size_t count);

#endif /* SMTP_SCAN_H */
