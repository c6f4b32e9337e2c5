/* SPDX-License-Identifier: MIT */
/*
 * scan.c - see smtp/scan.h
 *
 * CR, LF and NUL are all below 14, and in mail hardly anything else is: eight
 * bytes at a time are asked whether one of them is below 14, and only where
 * one is are they looked at singly. One pass with any mix of bytes: three
 * searches by memchr would each run to the end of a buffer that lacks theirs,
 * again for every short run before it.
 */
#include "smtp/scan.h"

#include <stdint.h>
#include <string.h>

#include <pirn/invariant.h>

#define EVERY_BYTE 0x0101010101010101u
#define BELOW 14u

static bool is_special(char byte)
{
    return byte == '\r' || byte == '\n' || byte == '\0';
}

static bool has_byte_below(uint64_t word)
{
    return ((word - EVERY_BYTE * BELOW) & ~word & EVERY_BYTE * 0x80u) != 0;
}

static size_t scan_singly(const char *bytes, size_t len)
{
    size_t at = 0;

    while (at < len && !is_special(bytes[at])) {
        at++;
    }
    return at;
}

size_t pirn__smtp_scan_special(const char *bytes, size_t len)
{
    size_t at = 0;

    while (len - at >= sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, bytes + at, sizeof(word));
        if (has_byte_below(word)) {
            size_t found = scan_singly(bytes + at, sizeof(word));

            if (found < sizeof(word)) {
                return at + found;
            }
        }
        at += sizeof(word);
    }
    return at + scan_singly(bytes + at, len - at);
}

static char upper(char byte)
{
    return byte >= 'a' && byte <= 'z' ? (char)(byte - 'a' + 'A') : byte;
}

bool pirn__smtp_span_is(struct smtp_span span, const char *word)
{
    size_t at = 0;

    while (at < span.len && word[at] != '\0') {
        if (upper(span.bytes[at]) != word[at]) {
            return false;
        }
        at++;
    }
    return at == span.len && word[at] == '\0';
}

struct smtp_span pirn__smtp_span_skip(struct smtp_span span, size_t count)
{
    pirn_assert(count <= span.len);

    return (struct smtp_span){span.bytes + count, span.len - count};
}
