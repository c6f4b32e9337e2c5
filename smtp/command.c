/* SPDX-License-Identifier: MIT */
/* command.c - see smtp/command.h */
#include "smtp/command.h"

#include "smtp/address.h"

static const struct {
    const char *word;
    enum smtp_verb verb;
} verbs[] = {
    {"HELO", SMTP_VERB_HELO}, {"EHLO", SMTP_VERB_EHLO},
    {"MAIL", SMTP_VERB_MAIL}, {"RCPT", SMTP_VERB_RCPT},
    {"DATA", SMTP_VERB_DATA}, {"RSET", SMTP_VERB_RSET},
    {"NOOP", SMTP_VERB_NOOP}, {"QUIT", SMTP_VERB_QUIT},
    {"VRFY", SMTP_VERB_VRFY}, {"HELP", SMTP_VERB_HELP},
};

/* Known from RFCs, not to us. */
static const char *const foreign[] = {
    "EXPN", "STARTTLS", "AUTH", "BDAT", "ETRN", "TURN",
    "SEND", "SOML",     "SAML", "ATRN", "BURL",
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct smtp_span skip_spaces(struct smtp_span span)
{
    while (span.len > 0 && span.bytes[0] == ' ') {
        span = pirn__smtp_span_skip(span, 1);
    }
    return span;
}

static struct smtp_span without_end(struct smtp_span span)
{
    while (span.len > 0 && (span.bytes[span.len - 1] == ' ' ||
                            span.bytes[span.len - 1] == '\t')) {
        span.len--;
    }
    return span;
}

/* Cuts the word in front off @span, together with the spaces behind it. */
static struct smtp_span take_word(struct smtp_span *span)
{
    struct smtp_span word = {span->bytes, 0};

    while (word.len < span->len && word.bytes[word.len] != ' ') {
        word.len++;
    }
    *span = skip_spaces(pirn__smtp_span_skip(*span, word.len));
    return word;
}

static bool take_prefix(struct smtp_span *span, const char *word, size_t len)
{
    if (span->len < len ||
        !pirn__smtp_span_is((struct smtp_span){span->bytes, len}, word)) {
        return false;
    }
    *span = pirn__smtp_span_skip(*span, len);
    return true;
}

static enum smtp_verb verb_of(struct smtp_span word,
                              enum smtp_condition *ret_fault)
{
    for (size_t at = 0; at < COUNT(verbs); at++) {
        if (pirn__smtp_span_is(word, verbs[at].word)) {
            *ret_fault = SMTP_NOTHING;
            return verbs[at].verb;
        }
    }
    *ret_fault = SMTP_UNKNOWN;
    for (size_t at = 0; at < COUNT(foreign); at++) {
        if (pirn__smtp_span_is(word, foreign[at])) {
            *ret_fault = SMTP_NOT_IMPLEMENTED;
        }
    }
    return SMTP_VERB_NONE;
}

static bool is_keyword(struct smtp_span span)
{
    for (size_t at = 0; at < span.len; at++) {
        char byte = span.bytes[at];
        bool alnum = (byte >= 'A' && byte <= 'Z') ||
                     (byte >= 'a' && byte <= 'z') ||
                     (byte >= '0' && byte <= '9');

        if (!alnum && (byte != '-' || at == 0)) {
            return false;
        }
    }
    return span.len > 0;
}

/* Also refuses '=', which ends a keyword and occurs in no value. */
static bool is_value(struct smtp_span span)
{
    for (size_t at = 0; at < span.len; at++) {
        char byte = span.bytes[at];

        if (byte <= ' ' || byte > '~' || byte == '=') {
            return false;
        }
    }
    return span.len > 0;
}

/* Where it would overflow it is the largest number: too large in any case. */
static enum smtp_condition parse_size(struct smtp_span value, uint64_t *ret)
{
    uint64_t size = 0;

    for (size_t at = 0; at < value.len; at++) {
        unsigned digit = (unsigned)(value.bytes[at] - '0');

        if (digit > 9 || value.len > 20) {
            return SMTP_PARAMETER_SYNTAX;
        }
        if (__builtin_mul_overflow(size, 10, &size) ||
            __builtin_add_overflow(size, digit, &size)) {
            size = UINT64_MAX;
        }
    }
    *ret = size;
    return SMTP_NOTHING;
}

static enum smtp_condition parse_body(struct smtp_span value, bool *ret)
{
    *ret = pirn__smtp_span_is(value, "8BITMIME");
    if (!*ret && !pirn__smtp_span_is(value, "7BIT")) {
        return SMTP_PARAMETER_UNKNOWN;
    }
    return SMTP_NOTHING;
}

/* What a MAIL has told of itself, so that nothing is told twice. */
struct told {
    bool size;
    bool body;
};

static enum smtp_condition parse_parameter(struct smtp_span word,
                                           struct told *told,
                                           struct smtp_command *command)
{
    struct smtp_span key = {word.bytes, 0};
    struct smtp_span value = {word.bytes + word.len, 0};

    while (key.len < word.len && word.bytes[key.len] != '=') {
        key.len++;
    }
    if (key.len < word.len) {
        value = pirn__smtp_span_skip(word, key.len + 1);
    }
    if (!is_keyword(key) || (key.len < word.len && !is_value(value))) {
        return SMTP_PARAMETER_SYNTAX;
    }
    if (command->verb == SMTP_VERB_MAIL && pirn__smtp_span_is(key, "SIZE")) {
        if (told->size || value.len == 0) {
            return SMTP_PARAMETER_SYNTAX;
        }
        told->size = true;
        return parse_size(value, &command->size);
    }
    if (command->verb == SMTP_VERB_MAIL && pirn__smtp_span_is(key, "BODY")) {
        if (told->body || value.len == 0) {
            return SMTP_PARAMETER_SYNTAX;
        }
        told->body = true;
        return parse_body(value, &command->eight_bit);
    }
    return SMTP_PARAMETER_UNKNOWN;
}

static enum smtp_condition parse_parameters(struct smtp_span rest,
                                            struct smtp_command *command)
{
    struct told told = {false, false};
    enum smtp_condition fault = SMTP_NOTHING;

    if (rest.len > 0 && rest.bytes[0] != ' ') {
        return SMTP_PARAMETER_SYNTAX;
    }
    rest = skip_spaces(rest);
    while (rest.len > 0 && fault == SMTP_NOTHING) {
        fault = parse_parameter(take_word(&rest), &told, command);
    }
    return fault;
}

static enum smtp_condition check_address(enum smtp_verb verb,
                                         enum smtp_address_outcome outcome,
                                         struct smtp_span address)
{
    bool mail = verb == SMTP_VERB_MAIL;

    switch (outcome) {
    case SMTP_ADDRESS_OK:
        return SMTP_NOTHING;
    case SMTP_ADDRESS_NULL:
        return mail ? SMTP_NOTHING : SMTP_RECIPIENT_SYNTAX;
    case SMTP_ADDRESS_NO_DOMAIN:
        if (!mail && pirn__smtp_span_is(address, "POSTMASTER")) {
            return SMTP_NOTHING;
        }
        return mail ? SMTP_SENDER_NO_DOMAIN : SMTP_RECIPIENT_NO_DOMAIN;
    case SMTP_ADDRESS_TOO_LONG:
        return mail ? SMTP_SENDER_TOO_LONG : SMTP_RECIPIENT_TOO_LONG;
    case SMTP_ADDRESS_NOT_ASCII:
        return SMTP_NEEDS_SMTPUTF8;
    case SMTP_ADDRESS_SYNTAX:
        break;
    }
    return mail ? SMTP_SENDER_SYNTAX : SMTP_RECIPIENT_SYNTAX;
}

static enum smtp_condition parse_path(struct smtp_span rest,
                                      struct smtp_command *command)
{
    enum smtp_address_outcome outcome;
    enum smtp_condition fault;
    size_t used = 0;

    if (command->verb == SMTP_VERB_MAIL && !take_prefix(&rest, "FROM:", 5)) {
        return SMTP_MAIL_SYNTAX;
    }
    if (command->verb == SMTP_VERB_RCPT && !take_prefix(&rest, "TO:", 3)) {
        return SMTP_RCPT_SYNTAX;
    }
    rest = skip_spaces(rest);
    outcome = pirn__smtp_address_parse(rest, &command->argument, &used);
    fault = check_address(command->verb, outcome, command->argument);
    if (fault != SMTP_NOTHING) {
        return fault;
    }
    return parse_parameters(pirn__smtp_span_skip(rest, used), command);
}

/* A name goes into a trace header, so it has to be one printable word. */
static enum smtp_condition check_name(struct smtp_span name)
{
    if (name.len == 0 || name.len > SMTP_HELLO_NAME_MAX) {
        return SMTP_HELLO_SYNTAX;
    }
    for (size_t at = 0; at < name.len; at++) {
        if (name.bytes[at] <= ' ' || name.bytes[at] > '~') {
            return SMTP_HELLO_SYNTAX;
        }
    }
    return SMTP_NOTHING;
}

static enum smtp_condition parse_rest(struct smtp_span rest,
                                      struct smtp_command *command)
{
    switch (command->verb) {
    case SMTP_VERB_HELO:
    case SMTP_VERB_EHLO:
        command->argument = rest;
        return check_name(rest);
    case SMTP_VERB_MAIL:
    case SMTP_VERB_RCPT:
        return parse_path(rest, command);
    case SMTP_VERB_DATA:
    case SMTP_VERB_RSET:
    case SMTP_VERB_QUIT:
        return rest.len > 0 ? SMTP_ARGUMENT_UNEXPECTED : SMTP_NOTHING;
    case SMTP_VERB_VRFY:
        return rest.len > 0 ? SMTP_NOTHING : SMTP_ARGUMENT_MISSING;
    case SMTP_VERB_NOOP:
    case SMTP_VERB_HELP:
    case SMTP_VERB_NONE:
        break;
    }
    return SMTP_NOTHING;
}

void pirn__smtp_command_parse(struct smtp_span line,
                              struct smtp_command *ret_command)
{
    struct smtp_span rest = without_end(line);
    struct smtp_span word = take_word(&rest);

    *ret_command = (struct smtp_command){.argument = rest};
    ret_command->verb = verb_of(word, &ret_command->fault);
    if (ret_command->verb != SMTP_VERB_NONE) {
        ret_command->fault = parse_rest(rest, ret_command);
    }
}
