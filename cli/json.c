/* SPDX-License-Identifier: MIT */
/* json.c - see json.h */
#include "cli/json.h"

#include <inttypes.h>

static void separate(struct json *json)
{
    if (json->comma) {
        putc(',', json->out);
    }
    json->comma = true;
}

void json_open(struct json *json, char bracket)
{
    separate(json);
    putc(bracket, json->out);
    json->comma = false;
}

void json_close(struct json *json, char bracket)
{
    putc(bracket, json->out);
    json->comma = true;
}

void json_end(struct json *json)
{
    putc('\n', json->out);
    json->comma = false;
}

/* RFC 3629: no longer than needed, no surrogates, nothing over U+10FFFF. */
unsigned json_utf8_length(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    unsigned length;

    if (at[0] < 0x80) {
        return 1;
    }
    if (at[0] < 0xc2 || at[0] > 0xf4) {
        return 0;
    }
    length = at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (at[0] == 0xe0) {
        low = 0xa0;
    } else if (at[0] == 0xed) {
        high = 0x9f;
    } else if (at[0] == 0xf0) {
        low = 0x90;
    } else if (at[0] == 0xf4) {
        high = 0x8f;
    }
    for (unsigned i = 1; i < length; i++) {
        if (at[i] < low || at[i] > high) {
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return length;
}

static void put_char(struct json *json, const char *at, unsigned length)
{
    if (length == 0) {
        fputs("\\ufffd", json->out);
    } else if (*at == '"' || *at == '\\') {
        fprintf(json->out, "\\%c", *at);
    } else if (length == 1 && ((unsigned char)*at < 0x20 || *at == 0x7f)) {
        fprintf(json->out, "\\u%04x", (unsigned char)*at);
    } else {
        fwrite(at, 1, length, json->out);
    }
}

static void put_string(struct json *json, const char *text)
{
    putc('"', json->out);
    while (*text != '\0') {
        unsigned length = json_utf8_length(text);

        put_char(json, text, length);
        text += length == 0 ? 1 : length;
    }
    putc('"', json->out);
}

void json_key(struct json *json, const char *key)
{
    separate(json);
    put_string(json, key);
    putc(':', json->out);
    json->comma = false;
}

void json_text(struct json *json, const char *value)
{
    separate(json);
    put_string(json, value);
}

void json_number(struct json *json, uint64_t value)
{
    separate(json);
    fprintf(json->out, "%" PRIu64, value);
}

void json_signed(struct json *json, int64_t value)
{
    separate(json);
    fprintf(json->out, "%" PRId64, value);
}

void json_bool(struct json *json, bool value)
{
    separate(json);
    fputs(value ? "true" : "false", json->out);
}
