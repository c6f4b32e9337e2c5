/* SPDX-License-Identifier: MIT */
/*
 * reply.c - see smtp/reply.h
 *
 * Enhanced codes stand before every 2, 4 and 5 except in the greeting, the
 * answers to HELO and EHLO and a 354 (RFC 2034 section 4). They are sent to
 * clients that said HELO as well, to whom they are a part of the text.
 */
#include "smtp/reply.h"

#include <errno.h>
#include <string.h>

#include <pirn/invariant.h>

#define STAYS false
#define CLOSES true

/* clang-format off */
static const struct smtp_reply_row rows[SMTP_CONDITION_COUNT] = {
    [SMTP_GREETING] = {220, STAYS, "", "{host} ESMTP pirn",
        "a client has connected"},
    [SMTP_HELLO] = {250, STAYS, "", "{host}",
        "HELO"},
    [SMTP_EXTENDED_HELLO] = {250, STAYS, "",
        "{host}\nPIPELINING\nSIZE {size}\n8BITMIME\nENHANCEDSTATUSCODES",
        "EHLO"},
    [SMTP_SENDER_OK] = {250, STAYS, "2.1.0", "Ok",
        "MAIL accepted"},
    [SMTP_RECIPIENT_OK] = {250, STAYS, "2.1.5", "Ok",
        "RCPT accepted"},
    [SMTP_GO_AHEAD] = {354, STAYS, "", "End data with <CR><LF>.<CR><LF>",
        "DATA accepted"},
    [SMTP_QUEUED] = {250, STAYS, "2.0.0", "Ok: queued as {id}",
        "the mail is safe"},
    [SMTP_RESET] = {250, STAYS, "2.0.0", "Ok",
        "RSET"},
    [SMTP_NOOP] = {250, STAYS, "2.0.0", "Ok",
        "NOOP"},
    [SMTP_VERIFY] = {252, STAYS, "2.5.0", "Send some mail and see",
        "VRFY"},
    [SMTP_HELP] = {214, STAYS, "2.0.0",
        "HELO EHLO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP",
        "HELP"},
    [SMTP_QUIT] = {221, CLOSES, "2.0.0", "{host} Bye",
        "QUIT"},

    [SMTP_UNKNOWN] = {500, STAYS, "5.5.1", "Unknown command",
        "unknown command, or an empty line"},
    [SMTP_NOT_IMPLEMENTED] = {502, STAYS, "5.5.1", "Command not implemented",
        "a command that exists elsewhere: EXPN, STARTTLS, AUTH, BDAT, ..."},
    [SMTP_LINE_TOO_LONG] = {500, STAYS, "5.5.2", "Line too long",
        "command line over 2,048 bytes, once its end has been read"},
    [SMTP_LINE_NUL] = {500, STAYS, "5.5.2", "NUL in command",
        "NUL in a command"},
    [SMTP_LINE_BARE_NEWLINE] = {500, CLOSES, "5.5.2",
        "Bare CR or LF in command",
        "bare CR or bare LF in a command, at once"},
    [SMTP_HELLO_SYNTAX] = {501, STAYS, "", "Syntax: HELO or EHLO, one name",
        "HELO or EHLO without one printable name of at most 255 bytes"},
    [SMTP_ARGUMENT_UNEXPECTED] = {501, STAYS, "5.5.4", "No argument allowed",
        "DATA, RSET or QUIT with an argument"},
    [SMTP_ARGUMENT_MISSING] = {501, STAYS, "5.5.4", "Argument missing",
        "VRFY without an argument"},
    [SMTP_MAIL_SYNTAX] = {501, STAYS, "5.5.4", "Syntax: MAIL FROM:<address>",
        "MAIL without FROM:"},
    [SMTP_RCPT_SYNTAX] = {501, STAYS, "5.5.4", "Syntax: RCPT TO:<address>",
        "RCPT without TO:"},
    [SMTP_PARAMETER_SYNTAX] = {501, STAYS, "5.5.4", "Malformed parameter",
        "parameter that is malformed, or given twice"},
    [SMTP_PARAMETER_UNKNOWN] = {555, STAYS, "5.5.4", "Unknown parameter",
        "parameter that is unknown, or has an unknown value"},
    [SMTP_SENDER_SYNTAX] = {501, STAYS, "5.1.7", "Bad sender address syntax",
        "sender is no address"},
    [SMTP_SENDER_TOO_LONG] = {501, STAYS, "5.1.7", "Sender address too long",
        "sender's local part over 64 or path over 256 bytes"},
    [SMTP_SENDER_NO_DOMAIN] = {553, STAYS, "5.1.7", "Sender needs a domain",
        "sender without a domain"},
    [SMTP_RECIPIENT_SYNTAX] = {501, STAYS, "5.1.3",
        "Bad recipient address syntax",
        "recipient is no address"},
    [SMTP_RECIPIENT_TOO_LONG] = {501, STAYS, "5.1.3",
        "Recipient address too long",
        "recipient too long, by the same limits"},
    [SMTP_RECIPIENT_NO_DOMAIN] = {553, STAYS, "5.1.3",
        "Recipient needs a domain",
        "recipient without a domain, other than postmaster"},
    [SMTP_NEEDS_SMTPUTF8] = {553, STAYS, "5.6.7", "Address is not ASCII",
        "bytes over 127 in an address"},
    [SMTP_SIZE_DECLARED] = {552, STAYS, "5.3.4", "Message too large",
        "SIZE= of MAIL over the limit"},
    [SMTP_RECIPIENTS_FULL] = {452, STAYS, "4.5.3", "Too many recipients",
        "over 1,000 recipients, or their addresses fill the envelope"},
    [SMTP_HELLO_FIRST] = {503, STAYS, "5.5.1", "Say HELO or EHLO first",
        "MAIL before HELO or EHLO"},
    [SMTP_MAIL_FIRST] = {503, STAYS, "5.5.1", "Say MAIL first",
        "RCPT or DATA without MAIL"},
    [SMTP_MAIL_TWICE] = {503, STAYS, "5.5.1", "A sender is already given",
        "MAIL within a transaction"},
    [SMTP_NO_RECIPIENTS] = {554, STAYS, "5.5.1", "No valid recipients",
        "DATA without an accepted RCPT"},

    [SMTP_BODY_TOO_LARGE] = {552, STAYS, "5.3.4", "Message too large",
        "mail over the size limit, after the dot"},
    [SMTP_BODY_HAS_NUL] = {550, STAYS, "5.6.11", "NUL in message",
        "NUL in the mail, after the dot"},
    [SMTP_BODY_BARE_NEWLINE] = {550, CLOSES, "5.6.11",
        "Bare CR or LF in message",
        "bare CR or bare LF in the mail, after the dot"},

    [SMTP_FAULT] = {451, STAYS, "4.3.0", "Local error, try again later",
        "we failed to keep the mail, at DATA or after the dot"},
    [SMTP_NO_SPACE] = {452, STAYS, "4.3.1", "No space left, try again later",
        "the disk or a quota is full, at DATA or after the dot"},
    [SMTP_REFUSED] = {554, STAYS, "5.7.1", "Message refused",
        "the mail is not wanted, at DATA or after the dot"},

    [SMTP_TOO_MANY_ERRORS] = {421, CLOSES, "4.7.0", "{host} Too many errors",
        "one refused command or mail too many, instead of its own reply"},
    [SMTP_TIMEOUT] = {421, CLOSES, "4.4.2", "{host} Timeout",
        "the client has been silent for too long"},
    [SMTP_BUSY] = {421, CLOSES, "4.4.5", "{host} Too busy, try again later",
        "over the limit of connections or of memory"},
    [SMTP_SHUTDOWN] = {421, CLOSES, "4.3.2", "{host} Shutting down",
        "the server is being stopped"},
    [SMTP_EARLY_TALKER] = {554, CLOSES, "5.5.1", "{host} You spoke first",
        "the client spoke before the greeting, where that is refused"},
};
/* clang-format on */

const struct smtp_reply_row *pirn__smtp_reply_row(enum smtp_condition condition)
{
    pirn_assert(condition > SMTP_NOTHING && condition < SMTP_CONDITION_COUNT);

    return &rows[condition];
}

static void put(struct smtp_reply *reply, const char *bytes, size_t len)
{
    pirn_assert(len <= sizeof(reply->text) - reply->len);

    memcpy(reply->text + reply->len, bytes, len);
    reply->len += len;
}

static void put_word(struct smtp_reply *reply, const char *word, size_t max)
{
    size_t len = strnlen(word, max + 1);

    pirn_assert(len > 0 && len <= max);
    for (size_t at = 0; at < len; at++) {
        pirn_assert(word[at] > ' ' && word[at] <= '~');
    }
    put(reply, word, len);
}

static void put_number(struct smtp_reply *reply, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(reply, digits + at, sizeof(digits) - at);
}

/* One line of a row's text, with what its words stand for. */
static void put_text(struct smtp_reply *reply, const char *text, size_t len,
                     const struct smtp_reply_words *words)
{
    const char *end = text + len;

    while (text < end) {
        size_t plain = 0;

        while (text + plain < end && text[plain] != '{') {
            plain++;
        }
        put(reply, text, plain);
        text += plain;
        if (text == end) {
            return;
        }
        if (strncmp(text, "{host}", 6) == 0) {
            put_word(reply, words->hostname, SMTP_HOSTNAME_MAX);
        } else if (strncmp(text, "{size}", 6) == 0) {
            put_number(reply, words->size_max);
        } else {
            pirn_assert(strncmp(text, "{id}", 4) == 0);
            put_word(reply, words->id, SMTP_ID_MAX);
        }
        text = strchr(text, '}') + 1;
    }
}

void pirn__smtp_reply_format(enum smtp_condition condition,
                             const struct smtp_reply_words *words,
                             struct smtp_reply *ret_reply)
{
    const struct smtp_reply_row *row = pirn__smtp_reply_row(condition);
    const char *text = row->text;
    bool last;

    ret_reply->len = 0;
    do {
        size_t len = strcspn(text, "\n");

        last = text[len] == '\0';
        put_number(ret_reply, row->code);
        put(ret_reply, last ? " " : "-", 1);
        if (row->enhanced[0] != '\0') {
            put(ret_reply, row->enhanced, strlen(row->enhanced));
            put(ret_reply, " ", 1);
        }
        put_text(ret_reply, text, len, words);
        put(ret_reply, "\r\n", 2);
        text += len + 1;
    } while (!last);
}

enum smtp_condition pirn__smtp_condition_of(int error)
{
    pirn_assert(error < 0);

    return error == -ENOSPC || error == -EDQUOT ? SMTP_NO_SPACE : SMTP_FAULT;
}
