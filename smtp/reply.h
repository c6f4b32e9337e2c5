/* SPDX-License-Identifier: MIT */
/*
 * smtp/reply.h - what is answered to what: the one table
 *
 * Every reply the ingress can give is a row of the table in reply.c, named by
 * its condition. smtp/README.md shows the same table and a test compares the
 * two. Pure.
 */
#ifndef SMTP_REPLY_H
#define SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What has come about. The table says what each one means. */
enum smtp_condition {
    SMTP_NOTHING = 0, /* no reply; the only one without a row */

    SMTP_GREETING,
    SMTP_HELLO,
    SMTP_EXTENDED_HELLO,
    SMTP_SENDER_OK,
    SMTP_RECIPIENT_OK,
    SMTP_GO_AHEAD,
    SMTP_QUEUED,
    SMTP_RESET,
    SMTP_NOOP,
    SMTP_VERIFY,
    SMTP_HELP,
    SMTP_QUIT,

    SMTP_UNKNOWN,
    SMTP_NOT_IMPLEMENTED,
    SMTP_LINE_TOO_LONG,
    SMTP_LINE_NUL,
    SMTP_LINE_BARE_NEWLINE,
    SMTP_HELLO_SYNTAX,
    SMTP_ARGUMENT_UNEXPECTED,
    SMTP_ARGUMENT_MISSING,
    SMTP_MAIL_SYNTAX,
    SMTP_RCPT_SYNTAX,
    SMTP_PARAMETER_SYNTAX,
    SMTP_PARAMETER_UNKNOWN,
    SMTP_SENDER_SYNTAX,
    SMTP_SENDER_TOO_LONG,
    SMTP_SENDER_NO_DOMAIN,
    SMTP_RECIPIENT_SYNTAX,
    SMTP_RECIPIENT_TOO_LONG,
    SMTP_RECIPIENT_NO_DOMAIN,
    SMTP_NEEDS_SMTPUTF8,
    SMTP_SIZE_DECLARED,
    SMTP_RECIPIENTS_FULL,
    SMTP_HELLO_FIRST,
    SMTP_MAIL_FIRST,
    SMTP_MAIL_TWICE,
    SMTP_NO_RECIPIENTS,

    SMTP_BODY_TOO_LARGE,
    SMTP_BODY_HAS_NUL,
    SMTP_BODY_BARE_NEWLINE,

    SMTP_FAULT,
    SMTP_NO_SPACE,
    SMTP_REFUSED,

    SMTP_TOO_MANY_ERRORS,
    SMTP_TIMEOUT,
    SMTP_BUSY,
    SMTP_SHUTDOWN,
    SMTP_EARLY_TALKER,
};

#define SMTP_CONDITION_COUNT (SMTP_EARLY_TALKER + 1u) /* SMTP_NOTHING too */

struct smtp_reply_row {
    uint16_t code;
    bool closes;          /* the connection ends after this reply */
    const char *enhanced; /* RFC 2034; "" where it has none */
    const char *text;     /* lines split by LF; {host}, {size}, {id} stand for
                             the words below */
    const char *when;     /* the condition as a phrase, for people and logs */
};

/* What a text may name; a word that its row does not name may be NULL. */
struct smtp_reply_words {
    const char *hostname;
    const char *id;
    uint64_t size_max;
};

#define SMTP_HOSTNAME_MAX 255
#define SMTP_ID_MAX 128
#define SMTP_REPLY_MAX 512

struct smtp_reply {
    size_t len;                /* 0: none */
    char text[SMTP_REPLY_MAX]; /* @len bytes, each line with its CR LF */
};

/**
 * pirn__smtp_reply_row() - the row of a condition
 * @condition: not SMTP_NOTHING
 */
const struct smtp_reply_row *pirn__smtp_reply_row(
    enum smtp_condition condition);

/**
 * pirn__smtp_reply_format() - write a reply
 * @condition: not SMTP_NOTHING
 * @words:     copied; the hostname has at most SMTP_HOSTNAME_MAX bytes, the id
 *             SMTP_ID_MAX, both are printable
 */
void pirn__smtp_reply_format(enum smtp_condition condition,
                             const struct smtp_reply_words *words,
                             struct smtp_reply *ret_reply);

/**
 * pirn__smtp_condition_of() - what to tell the client of an error of ours
 * @error: a negative errno
 *
 * Return: SMTP_NO_SPACE for -ENOSPC and -EDQUOT, else SMTP_FAULT.
 */
enum smtp_condition pirn__smtp_condition_of(int error);

#endif /* SMTP_REPLY_H */
