/* SPDX-License-Identifier: MIT */
/*
 * spool/text.h - the words of which the spool's own text files are made
 *
 * The superblock and the metadata are lines that a person can read and grep.
 * The last line of every such file, in this format and in every later one, is
 * "end " and the XXH3-64 of all bytes before it, in 16 hex digits. Pure.
 */
#ifndef SPOOL_TEXT_H
#define SPOOL_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pirn/base.h>

/* "end ", 16 digits, newline. */
#define PIRN__TEXT_END 21u

/* Where the next byte goes; there is always room: the caller has counted. */
struct pirn__text_out {
    char *at;
    char *end;
};

void pirn__text_put(struct pirn__text_out *out, const char *bytes, size_t len);
void pirn__text_put_string(struct pirn__text_out *out, const char *string);
/** pirn__text_put_u64() - decimal, padded with zeros to @digits at least */
void pirn__text_put_u64(struct pirn__text_out *out, uint64_t value,
                        unsigned digits);
void pirn__text_put_hex64(struct pirn__text_out *out, uint64_t value);
/** pirn__text_put_end() - the last line, over all bytes from @start */
void pirn__text_put_end(struct pirn__text_out *out, const char *start);

/* What is left to be read. */
struct pirn__text_in {
    const char *at;
    const char *end;
};

/* Each takes its part from the front, or takes nothing and says false. */
bool pirn__text_take(struct pirn__text_in *in, const char *literal);
/** pirn__text_take_u64() - decimal without leading zeros */
bool pirn__text_take_u64(struct pirn__text_in *in, uint64_t *ret_value);
/** pirn__text_take_digits() - decimal of exactly @digits digits */
bool pirn__text_take_digits(struct pirn__text_in *in, unsigned digits,
                            uint64_t *ret_value);
bool pirn__text_take_hex64(struct pirn__text_in *in, uint64_t *ret_value);

/**
 * pirn__text_check() - whether a file is whole and of this format
 * @text:   @len bytes
 * @magic:  its first word, "pirn-item"; the number 1 is the format known here
 * @ret_in: the lines between the first and the last
 *
 * Return: 0; -EBADMSG torn or damaged; -EPROTO whole, and of a newer format
 */
PIRN_MUST_CHECK int pirn__text_check(const char *text, size_t len,
                                     const char *magic,
                                     struct pirn__text_in *ret_in);

/** pirn__text_check_as() - likewise, with formats up to @newest. Return: the
 * format's number, or as pirn__text_check() */
PIRN_MUST_CHECK int pirn__text_check_as(const char *text, size_t len,
                                        const char *magic, int newest,
                                        struct pirn__text_in *ret_in);

#endif /* SPOOL_TEXT_H */
