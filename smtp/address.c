/* SPDX-License-Identifier: MIT */
/*
 * address.c - see smtp/address.h
 *
 * Each static function named after a rule of the grammar says how many bytes
 * at the front of a span follow that rule; 0: none does.
 */
#include "smtp/address.h"

#include <stdint.h>

static bool is_letter_or_digit(char byte)
{
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9');
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_hex_digit(char byte)
{
    return is_digit(byte) || (byte >= 'a' && byte <= 'f') ||
           (byte >= 'A' && byte <= 'F');
}

static bool is_atom_byte(char byte)
{
    static const char others[] = "!#$%&'*+-/=?^_`{|}~";

    for (const char *other = others; *other != '\0'; other++) {
        if (byte == *other) {
            return true;
        }
    }
    return is_letter_or_digit(byte);
}

static bool is_domain_byte(char byte)
{
    return is_letter_or_digit(byte) || byte == '-';
}

static size_t bytes_that(bool (*is)(char byte), struct smtp_span span)
{
    size_t at = 0;

    while (at < span.len && is(span.bytes[at])) {
        at++;
    }
    return at;
}

/* Words of such bytes, with single dots between them and none at the ends. */
static size_t dotted(bool (*is)(char byte), struct smtp_span span)
{
    size_t end = bytes_that(is, span);

    while (end > 0 && end < span.len && span.bytes[end] == '.') {
        size_t word = bytes_that(is, pirn__smtp_span_skip(span, end + 1));

        if (word == 0) {
            return 0;
        }
        end += 1 + word;
    }
    return end;
}

static size_t quoted_string(struct smtp_span span)
{
    for (size_t at = 1; at < span.len; at++) {
        char byte = span.bytes[at];

        if (byte == '"') {
            return at + 1;
        }
        if (byte == '\\' && ++at < span.len) {
            byte = span.bytes[at];
        }
        if (byte < ' ' || byte > '~') {
            return 0;
        }
    }
    return 0;
}

static size_t local_part(struct smtp_span span)
{
    if (span.len > 0 && span.bytes[0] == '"') {
        return quoted_string(span);
    }
    return dotted(is_atom_byte, span);
}

static bool is_ipv4(struct smtp_span span)
{
    unsigned numbers = 0;

    for (;;) {
        size_t digits = bytes_that(is_digit, span);
        unsigned value = 0;

        for (size_t at = 0; at < digits && at < 4; at++) {
            value = value * 10 + (unsigned)(span.bytes[at] - '0');
        }
        if (digits == 0 || digits > 3 || value > 255) {
            return false;
        }
        numbers++;
        span = pirn__smtp_span_skip(span, digits);
        if (span.len == 0) {
            return numbers == 4;
        }
        if (span.bytes[0] != '.' || numbers == 4) {
            return false;
        }
        span = pirn__smtp_span_skip(span, 1);
    }
}

static bool starts_with_two_colons(struct smtp_span span)
{
    return span.len >= 2 && span.bytes[0] == ':' && span.bytes[1] == ':';
}

/* Eight groups; "::" stands for what is missing; the last two may be IPv4. */
static bool is_ipv6(struct smtp_span span)
{
    unsigned groups = 0;
    bool gap = starts_with_two_colons(span);

    span = pirn__smtp_span_skip(span, gap ? 2 : 0);
    while (span.len > 0) {
        size_t digits = bytes_that(is_hex_digit, span);

        if (digits < span.len && span.bytes[digits] == '.') {
            groups += 2;
            return is_ipv4(span) && (gap ? groups <= 7 : groups == 8);
        }
        groups++;
        if (digits == 0 || digits > 4 || groups > 8) {
            return false;
        }
        span = pirn__smtp_span_skip(span, digits);
        if (span.len == 0) {
            break;
        }
        if (starts_with_two_colons(span)) {
            if (gap) {
                return false;
            }
            gap = true;
            span = pirn__smtp_span_skip(span, 2);
        } else if (span.bytes[0] == ':' && span.len > 1) {
            span = pirn__smtp_span_skip(span, 1);
        } else {
            return false;
        }
    }
    return gap ? groups <= 7 : groups == 8;
}

/* [1.2.3.4], [IPv6:2001:db8::1], [tag:anything] */
static size_t address_literal(struct smtp_span span)
{
    struct smtp_span inside = {span.bytes + 1, 0};
    size_t tag;

    while (1 + inside.len < span.len && span.bytes[1 + inside.len] != ']') {
        char byte = span.bytes[1 + inside.len];

        if (byte <= ' ' || byte > '~' || byte == '[' || byte == '\\') {
            return 0;
        }
        inside.len++;
    }
    if (1 + inside.len == span.len) {
        return 0;
    }
    tag = bytes_that(is_domain_byte, inside);
    if (tag == 0 || inside.bytes[tag - 1] == '-') {
        return 0;
    }
    if (tag < inside.len && inside.bytes[tag] == ':') {
        struct smtp_span name = {inside.bytes, tag};
        struct smtp_span rest = pirn__smtp_span_skip(inside, tag + 1);

        if (rest.len == 0 ||
            (pirn__smtp_span_is(name, "IPV6") && !is_ipv6(rest))) {
            return 0;
        }
    } else if (!is_ipv4(inside)) {
        return 0;
    }
    return 1 + inside.len + 1;
}

static size_t domain(struct smtp_span span)
{
    size_t end;

    if (span.len > 0 && span.bytes[0] == '[') {
        return address_literal(span);
    }
    end = dotted(is_domain_byte, span);
    for (size_t at = 0; at < end; at++) {
        bool at_edge = at == 0 || at + 1 == end || span.bytes[at - 1] == '.' ||
                       span.bytes[at + 1] == '.';

        if (span.bytes[at] == '-' && at_edge) {
            return 0;
        }
    }
    return end;
}

/* "@a,@b:" in front of the address; its domains are checked, then dropped. */
static size_t source_route(struct smtp_span span)
{
    size_t end = 0;

    while (end < span.len && span.bytes[end] == '@') {
        size_t len = domain(pirn__smtp_span_skip(span, end + 1));

        end += 1 + len;
        if (len == 0 || end == span.len) {
            return 0;
        }
        if (span.bytes[end] == ':') {
            return end + 1;
        }
        if (span.bytes[end] != ',') {
            return 0;
        }
        end++;
    }
    return 0;
}

/* What is wrong with text that follows no rule. */
static enum smtp_address_outcome diagnose(struct smtp_span text)
{
    for (size_t at = 0; at < text.len && text.bytes[at] != '>'; at++) {
        if ((uint8_t)text.bytes[at] > 127) {
            return SMTP_ADDRESS_NOT_ASCII;
        }
    }
    return SMTP_ADDRESS_SYNTAX;
}

enum smtp_address_outcome pirn__smtp_address_parse(
    struct smtp_span text, struct smtp_span *ret_address, size_t *ret_used)
{
    struct smtp_span rest;
    size_t local_len;
    size_t domain_len = 0;
    size_t path_len;
    size_t end;

    if (text.len < 2 || text.bytes[0] != '<') {
        return diagnose(text);
    }
    if (text.bytes[1] == '>') {
        *ret_address = (struct smtp_span){text.bytes + 1, 0};
        *ret_used = 2;
        return SMTP_ADDRESS_NULL;
    }

    rest = pirn__smtp_span_skip(text, 1);
    rest = pirn__smtp_span_skip(rest, source_route(rest));
    local_len = local_part(rest);
    end = local_len;
    if (end < rest.len && rest.bytes[end] == '@') {
        domain_len = domain(pirn__smtp_span_skip(rest, end + 1));
        end += 1 + domain_len;
    }
    if (local_len == 0 || end == rest.len || rest.bytes[end] != '>' ||
        (end > local_len && domain_len == 0)) {
        return diagnose(text);
    }

    path_len = (size_t)(rest.bytes - text.bytes) + end + 1;
    if (local_len > SMTP_LOCAL_PART_MAX || path_len > SMTP_PATH_MAX) {
        return SMTP_ADDRESS_TOO_LONG;
    }
    *ret_address = (struct smtp_span){rest.bytes, end};
    *ret_used = path_len;
    return domain_len == 0 ? SMTP_ADDRESS_NO_DOMAIN : SMTP_ADDRESS_OK;
}
