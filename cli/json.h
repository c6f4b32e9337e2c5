/* SPDX-License-Identifier: MIT */
/*
 * json.h - one JSON object per line
 *
 * What is stored may hold any byte but NUL; JSON is text. Control characters
 * are written as \u00XX; a byte that is not part of valid UTF-8 becomes U+FFFD,
 * so that the output is always valid and every reader takes it. (The bytes
 * themselves are what `cat' prints.)
 */
#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A line in the making; {stdout} to begin with. */
struct json {
    FILE *out;
    bool comma; /* something stands before */
};

/* @bracket: '{' or '['; '}' or ']' */
void json_open(struct json *json, char bracket);
void json_close(struct json *json, char bracket);

/** json_end() - the line is whole */
void json_end(struct json *json);

/* In an object: a key, then its value. */
void json_key(struct json *json, const char *key);
void json_text(struct json *json, const char *value);
void json_number(struct json *json, uint64_t value);
void json_signed(struct json *json, int64_t value);
void json_bool(struct json *json, bool value);

/**
 * json_utf8_length() - the bytes of the character at @text
 * Return: 1 to 4; 0: what stands there is not UTF-8
 */
unsigned json_utf8_length(const char *text);

#endif /* CLI_JSON_H */
