/* SPDX-License-Identifier: MIT */
/*
 * text.c - lines with a checksum behind them
 *
 * Writing never meets a lack of room and reading never believes a byte: until
 * the checksum of the last line agrees, every line may be anything, and the
 * lines are parsed strictly after it does, so that one content has one text.
 */
#include "spool/text.h"

#include <errno.h>
#include <string.h>

#include <pirn/invariant.h>

#include "spool/hash.h"

static const char digits16[] = "0123456789abcdef";

void pirn__text_put(struct pirn__text_out *out, const char *bytes, size_t len)
{
    pirn_assert(out->at <= out->end);
    pirn_assert(len <= (size_t)(out->end - out->at));

    memcpy(out->at, bytes, len);
    out->at += len;
}

void pirn__text_put_string(struct pirn__text_out *out, const char *string)
{
    pirn__text_put(out, string, strlen(string));
}

void pirn__text_put_u64(struct pirn__text_out *out, uint64_t value,
                        unsigned digits)
{
    char text[20];
    unsigned at = sizeof(text);

    pirn_assert(digits >= 1 && digits <= sizeof(text));
    do {
        text[--at] = digits16[value % 10];
        value /= 10;
    } while (value != 0 || sizeof(text) - at < digits);
    pirn__text_put(out, text + at, sizeof(text) - at);
}

void pirn__text_put_hex64(struct pirn__text_out *out, uint64_t value)
{
    char text[16];

    for (unsigned i = 0; i < sizeof(text); i++) {
        text[i] = digits16[value >> (60 - 4 * i) & 15];
    }
    pirn__text_put(out, text, sizeof(text));
}

void pirn__text_put_end(struct pirn__text_out *out, const char *start)
{
    pirn_assert(start <= out->at);

    uint64_t sum = pirn__hash(start, (size_t)(out->at - start));
    pirn__text_put_string(out, "end ");
    pirn__text_put_hex64(out, sum);
    pirn__text_put(out, "\n", 1);
}

bool pirn__text_take(struct pirn__text_in *in, const char *literal)
{
    size_t len = strlen(literal);

    pirn_assert(in->at <= in->end);
    if (len > (size_t)(in->end - in->at) || memcmp(in->at, literal, len) != 0) {
        return false;
    }
    in->at += len;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool pirn__text_take_u64(struct pirn__text_in *in, uint64_t *ret_value)
{
    const char *at = in->at;
    uint64_t value = 0;

    while (at < in->end && is_digit(*at)) {
        unsigned digit = (unsigned)(*at++ - '0');
        if (value > (UINT64_MAX - digit) / 10) {
            return false;
        }
        value = value * 10 + digit;
    }
    if (at == in->at || (*in->at == '0' && at - in->at > 1)) {
        return false;
    }
    in->at = at;
    *ret_value = value;
    return true;
}

bool pirn__text_take_digits(struct pirn__text_in *in, unsigned digits,
                            uint64_t *ret_value)
{
    uint64_t value = 0;

    pirn_assert(digits >= 1 && digits <= 19);
    if (digits > (size_t)(in->end - in->at)) {
        return false;
    }
    for (unsigned i = 0; i < digits; i++) {
        if (!is_digit(in->at[i])) {
            return false;
        }
        value = value * 10 + (unsigned)(in->at[i] - '0');
    }
    in->at += digits;
    *ret_value = value;
    return true;
}

bool pirn__text_take_hex64(struct pirn__text_in *in, uint64_t *ret_value)
{
    uint64_t value = 0;

    if (in->end - in->at < 16) {
        return false;
    }
    for (unsigned i = 0; i < 16; i++) {
        const char *digit = memchr(digits16, in->at[i], 16);
        if (digit == NULL) {
            return false;
        }
        value = value << 4 | (uint64_t)(digit - digits16);
    }
    in->at += 16;
    *ret_value = value;
    return true;
}

/* Whether the last line is there, and right. */
static bool end_agrees(const char *text, size_t len)
{
    uint64_t sum;

    if (len < PIRN__TEXT_END) {
        return false;
    }
    struct pirn__text_in in = {text + len - PIRN__TEXT_END, text + len};
    return pirn__text_take(&in, "end ") && pirn__text_take_hex64(&in, &sum) &&
           pirn__text_take(&in, "\n") && in.at == in.end &&
           sum == pirn__hash(text, len - PIRN__TEXT_END);
}

int pirn__text_check(const char *text, size_t len, const char *magic,
                     struct pirn__text_in *ret_in)
{
    int format = pirn__text_check_as(text, len, magic, 1, ret_in);

    return format < 0 ? format : 0;
}

int pirn__text_check_as(const char *text, size_t len, const char *magic,
                        int newest, struct pirn__text_in *ret_in)
{
    uint64_t format;

    if (!end_agrees(text, len)) {
        return -EBADMSG;
    }
    struct pirn__text_in in = {text, text + len - PIRN__TEXT_END};
    if (!pirn__text_take(&in, magic) || !pirn__text_take(&in, " ") ||
        !pirn__text_take_u64(&in, &format) || !pirn__text_take(&in, "\n") ||
        format == 0) {
        return -EBADMSG;
    }
    if (format > (uint64_t)newest) {
        return -EPROTO;
    }
    *ret_in = in;
    return (int)format;
}
