/* SPDX-License-Identifier: MIT */
/*
 * command.c - any line as a command
 *
 * What is promised of a line that has passed: a name is one printable word, an
 * address is one that parses, a size is a number. What surrounds it must not
 * matter: the case of the verb, spaces at the end.
 */
#include "tests/fuzz/fuzz.h"

#include "smtp/address.h"
#include "smtp/command.h"

const struct fuzz_target fuzz_target = {"command", 150000, 2048};

static bool is_inside(struct smtp_span inner, struct smtp_span outer)
{
    return inner.bytes >= outer.bytes &&
           inner.bytes + inner.len <= outer.bytes + outer.len;
}

static bool is_printable(struct smtp_span span)
{
    for (size_t i = 0; i < span.len; i++) {
        if (span.bytes[i] <= ' ' || span.bytes[i] > '~') {
            return false;
        }
    }
    return true;
}

static void check_address(const struct smtp_command *command)
{
    struct smtp_span address = command->argument;
    char path[SMTP_PATH_MAX + 2];
    struct smtp_span again;
    size_t used;

    pirn_assert(address.len + 2 <= SMTP_PATH_MAX);
    path[0] = '<';
    memcpy(path + 1, address.bytes, address.len);
    path[address.len + 1] = '>';
    enum smtp_address_outcome outcome = pirn__smtp_address_parse(
        (struct smtp_span){path, address.len + 2}, &again, &used);
    switch (outcome) {
    case SMTP_ADDRESS_OK:
        break;
    case SMTP_ADDRESS_NULL:
        pirn_assert(command->verb == SMTP_VERB_MAIL);
        break;
    case SMTP_ADDRESS_NO_DOMAIN:
        pirn_assert(command->verb == SMTP_VERB_RCPT);
        pirn_assert(pirn__smtp_span_is(address, "POSTMASTER"));
        break;
    case SMTP_ADDRESS_TOO_LONG:
    case SMTP_ADDRESS_NOT_ASCII:
    case SMTP_ADDRESS_SYNTAX:
        pirn_unreachable("an accepted address is none");
    }
}

static void check(const struct smtp_command *command, struct smtp_span line)
{
    if (command->verb == SMTP_VERB_NONE) {
        pirn_assert(command->fault == SMTP_UNKNOWN ||
                    command->fault == SMTP_NOT_IMPLEMENTED);
        return;
    }
    if (command->fault != SMTP_NOTHING) {
        pirn_assert(pirn__smtp_reply_row(command->fault)->code >= 500);
        return;
    }
    pirn_assert(is_inside(command->argument, line));
    switch (command->verb) {
    case SMTP_VERB_HELO:
    case SMTP_VERB_EHLO:
        pirn_assert(command->argument.len >= 1);
        pirn_assert(command->argument.len <= SMTP_HELLO_NAME_MAX);
        pirn_assert(is_printable(command->argument));
        break;
    case SMTP_VERB_MAIL:
    case SMTP_VERB_RCPT:
        check_address(command);
        break;
    case SMTP_VERB_DATA:
    case SMTP_VERB_RSET:
    case SMTP_VERB_QUIT:
        pirn_assert(command->argument.len == 0);
        break;
    case SMTP_VERB_NOOP:
    case SMTP_VERB_VRFY:
    case SMTP_VERB_HELP:
    case SMTP_VERB_NONE:
        break;
    }
    pirn_assert(command->verb == SMTP_VERB_MAIL ||
                (command->size == 0 && !command->eight_bit));
}

/* The same but for the case of its first letters and spaces at its end. */
static void check_disguised(const struct smtp_command *plain,
                            struct smtp_span line)
{
    struct smtp_command command;
    char *text = malloc(line.len + 3);

    pirn_assert(text != NULL);
    memcpy(text, line.bytes, line.len);
    memcpy(text + line.len, " \t ", 3);
    for (size_t i = 0; i < line.len && text[i] != ' '; i++) {
        bool is_letter = (text[i] >= 'a' && text[i] <= 'z') ||
                         (text[i] >= 'A' && text[i] <= 'Z');
        text[i] = is_letter ? (char)(text[i] ^ 0x20) : text[i];
    }
    pirn__smtp_command_parse((struct smtp_span){text, line.len + 3}, &command);
    pirn_assert(command.verb == plain->verb);
    pirn_assert(command.fault == plain->fault);
    pirn_assert(command.size == plain->size);
    pirn_assert(command.eight_bit == plain->eight_bit);
    if (plain->verb != SMTP_VERB_NONE && plain->fault == SMTP_NOTHING) {
        pirn_assert(command.argument.len == plain->argument.len);
    }
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smtp_command command;
    char *text = fuzz_copy(data, size);
    struct smtp_span line = {text, size};

    for (size_t i = 0; i < size; i++) { /* whoever reads lines sees to it */
        if (text[i] == '\r' || text[i] == '\n' || text[i] == '\0') {
            text[i] = ' ';
        }
    }
    pirn__smtp_command_parse(line, &command);
    check(&command, line);
    check_disguised(&command, line);
    free(text);
    return 0;
}
