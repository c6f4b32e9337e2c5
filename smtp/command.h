/* SPDX-License-Identifier: MIT */
/*
 * smtp/command.h - one command line, read
 *
 * Knows the language and not the conversation: whether a command is in place,
 * and whether a size is too large, is for the protocol to say. Pure.
 */
#ifndef SMTP_COMMAND_H
#define SMTP_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/reply.h"
#include "smtp/scan.h"

#define SMTP_HELLO_NAME_MAX 255

enum smtp_verb {
    SMTP_VERB_NONE, /* not a command of ours; @fault says more */
    SMTP_VERB_HELO,
    SMTP_VERB_EHLO,
    SMTP_VERB_MAIL,
    SMTP_VERB_RCPT,
    SMTP_VERB_DATA,
    SMTP_VERB_RSET,
    SMTP_VERB_NOOP,
    SMTP_VERB_QUIT,
    SMTP_VERB_VRFY,
    SMTP_VERB_HELP,
};

struct smtp_command {
    enum smtp_verb verb;       /* known also where the rest is at fault */
    enum smtp_condition fault; /* SMTP_NOTHING, or why it is refused */
    bool eight_bit;            /* MAIL: BODY=8BITMIME */
    uint64_t size;             /* MAIL: SIZE=, at most UINT64_MAX; else 0 */
    struct smtp_span argument; /* HELO, EHLO: the name; MAIL, RCPT: the address
                                  without angle brackets and source route;
                                  borrows the line */
};

/**
 * pirn__smtp_command_parse() - read a command line
 * @line:        without its CR LF; without CR, LF and NUL
 * @ret_command: written always, in full
 *
 * Verbs, keywords and "postmaster" are known in any case. Spaces after FROM:
 * and TO: and at the end of the line are allowed, because clients send them.
 */
void pirn__smtp_command_parse(struct smtp_span line,
                              struct smtp_command *ret_command);

#endif /* SMTP_COMMAND_H */
