/* SPDX-License-Identifier: MIT */
/*
 * protocol.c - see smtp/protocol.h
 *
 * The arena is  | envelope's text ... free ... | line cut in two |  with the
 * border at envelope.cap. The border does not depend on what the line needs,
 * because then a recipient would be taken or refused according to the chunks.
 *
 * A fault in a mail is remembered and answered at its end: a client that gets
 * a reply in the midst of its mail takes it for the reply to something else.
 * A bare newline outranks other faults, because only it closes: what the
 * client believes to be behind the mail must not be read as commands.
 */
#include "smtp/protocol.h"

#include <string.h>

#include <pirn/invariant.h>

#include "smtp/command.h"

enum state {
    IN_COMMANDS,
    BEGIN_OWED,
    IN_MAIL,
    END_OWED,
    CLOSED,
};

#define ERROR_CODE 500 /* what counts as the client's error, and above */

static void set_state(struct smtp_protocol *protocol, enum state state)
{
    protocol->state = (uint8_t)state;
}

static void clear_event(struct smtp_event *event, enum smtp_event_type type)
{
    event->type = type;
    event->data = (struct smtp_span){NULL, 0};
    event->reply.len = 0;
}

/* Nothing is held any more, so the arena can be taken back. */
static void enter_closed(struct smtp_protocol *protocol)
{
    pirn__smtp_envelope_clear(&protocol->envelope);
    protocol->line = (struct smtp_line){0};
    set_state(protocol, CLOSED);
}

/* Makes @event a REPLY or a CLOSE. */
static void answer(struct smtp_protocol *protocol,
                   enum smtp_condition condition, const char *id,
                   struct smtp_event *event)
{
    const struct smtp_limits *limits = protocol->limits;
    const struct smtp_reply_row *row = pirn__smtp_reply_row(condition);
    const struct smtp_reply_words words = {
        .hostname = limits->hostname,
        .id = id,
        .size_max = limits->size_max,
    };

    if (row->code >= ERROR_CODE && !row->closes &&
        ++protocol->errors >= limits->errors_max) {
        condition = SMTP_TOO_MANY_ERRORS;
        row = pirn__smtp_reply_row(condition);
    }
    clear_event(event, row->closes ? SMTP_EVENT_CLOSE : SMTP_EVENT_REPLY);
    pirn__smtp_reply_format(condition, &words, &event->reply);
    if (row->closes) {
        enter_closed(protocol);
    }
}

void pirn__smtp_init(struct smtp_protocol *protocol,
                     const struct smtp_limits *limits)
{
    pirn_assert(limits->size_max > 0);
    pirn_assert(limits->recipients_max > 0);
    pirn_assert(limits->errors_max > 0);
    pirn_assert(limits->command_line_max >= 512);
    pirn_assert(limits->command_line_max <= 65536);

    *protocol = (struct smtp_protocol){.limits = limits};
}

bool pirn__smtp_holds(const struct smtp_protocol *protocol)
{
    return pirn__smtp_envelope_is_open(&protocol->envelope) ||
           protocol->line.len > 0;
}

static char *line_store(const struct smtp_protocol *protocol)
{
    return protocol->envelope.bytes + protocol->envelope.cap;
}

void pirn__smtp_lend(struct smtp_protocol *protocol, void *arena,
                     size_t arena_size)
{
    size_t line_max = protocol->limits->command_line_max;
    size_t room;

    if (arena == NULL) {
        pirn_assert(!pirn__smtp_holds(protocol));
        pirn__smtp_envelope_move(&protocol->envelope, NULL, 0);
        return;
    }
    pirn_assert(arena_size >= line_max + SMTP_ARENA_SPARE);
    pirn_assert(arena_size <= UINT32_MAX);

    room = arena_size - line_max;
    if (protocol->line.len > 0) {
        memcpy((char *)arena + room, line_store(protocol), protocol->line.len);
    }
    pirn__smtp_envelope_move(&protocol->envelope, arena, (uint32_t)room);
}

void pirn__smtp_greet(struct smtp_protocol *protocol,
                      struct smtp_event *ret_event)
{
    pirn_assert(protocol->state == IN_COMMANDS);
    pirn_assert(!protocol->greeted);

    answer(protocol, SMTP_GREETING, NULL, ret_event);
}

/* Why the command has no place here. */
static enum smtp_condition misplaced(const struct smtp_protocol *protocol,
                                     enum smtp_verb verb)
{
    bool open = pirn__smtp_envelope_is_open(&protocol->envelope);

    if (verb == SMTP_VERB_MAIL && !protocol->greeted) {
        return SMTP_HELLO_FIRST;
    }
    if (verb == SMTP_VERB_MAIL && open) {
        return SMTP_MAIL_TWICE;
    }
    if ((verb == SMTP_VERB_RCPT || verb == SMTP_VERB_DATA) && !open) {
        return SMTP_MAIL_FIRST;
    }
    if (verb == SMTP_VERB_DATA && protocol->envelope.recipient_count == 0) {
        return SMTP_NO_RECIPIENTS;
    }
    return SMTP_NOTHING;
}

static enum smtp_condition mail(struct smtp_protocol *protocol,
                                const struct smtp_command *command)
{
    struct smtp_envelope *envelope = &protocol->envelope;
    bool fitted;

    if (command->size > protocol->limits->size_max) {
        return SMTP_SIZE_DECLARED;
    }
    fitted = pirn__smtp_envelope_open(envelope, command->argument);
    pirn_assert(fitted); /* SMTP_ARENA_SPARE */
    envelope->size_declared = command->size;
    envelope->eight_bit = command->eight_bit;
    return SMTP_SENDER_OK;
}

static enum smtp_condition rcpt(struct smtp_protocol *protocol,
                                const struct smtp_command *command)
{
    struct smtp_envelope *envelope = &protocol->envelope;

    if (envelope->recipient_count >= protocol->limits->recipients_max ||
        !pirn__smtp_envelope_add(envelope, command->argument)) {
        return SMTP_RECIPIENTS_FULL;
    }
    return SMTP_RECIPIENT_OK;
}

static void hello(struct smtp_protocol *protocol,
                  const struct smtp_command *command, struct smtp_event *event)
{
    protocol->greeted = true;
    pirn__smtp_envelope_clear(&protocol->envelope);
    answer(protocol,
           command->verb == SMTP_VERB_EHLO ? SMTP_EXTENDED_HELLO : SMTP_HELLO,
           NULL, event);
    event->type = SMTP_EVENT_HELLO;
    event->data = command->argument;
}

/* Carries out a command that is in place and in order. */
static void obey(struct smtp_protocol *protocol,
                 const struct smtp_command *command, struct smtp_event *event)
{
    switch (command->verb) {
    case SMTP_VERB_HELO:
    case SMTP_VERB_EHLO:
        hello(protocol, command, event);
        return;
    case SMTP_VERB_MAIL:
        answer(protocol, mail(protocol, command), NULL, event);
        return;
    case SMTP_VERB_RCPT:
        answer(protocol, rcpt(protocol, command), NULL, event);
        return;
    case SMTP_VERB_DATA:
        set_state(protocol, BEGIN_OWED);
        clear_event(event, SMTP_EVENT_BEGIN);
        return;
    case SMTP_VERB_RSET:
        pirn__smtp_envelope_clear(&protocol->envelope);
        answer(protocol, SMTP_RESET, NULL, event);
        event->type = SMTP_EVENT_RESET;
        return;
    case SMTP_VERB_NOOP:
        answer(protocol, SMTP_NOOP, NULL, event);
        return;
    case SMTP_VERB_QUIT:
        answer(protocol, SMTP_QUIT, NULL, event);
        return;
    case SMTP_VERB_VRFY:
        answer(protocol, SMTP_VERIFY, NULL, event);
        return;
    case SMTP_VERB_HELP:
        answer(protocol, SMTP_HELP, NULL, event);
        return;
    case SMTP_VERB_NONE:
        break;
    }
    pirn_unreachable("a line without a verb has a fault");
}

/* A line that is refused before anybody reads it as a command. */
static enum smtp_condition unreadable(const struct smtp_protocol *protocol,
                                      const struct smtp_line_result *line)
{
    if (line->end == SMTP_LINE_BARE &&
        protocol->limits->bare_newline == SMTP_BARE_REFUSE) {
        return SMTP_LINE_BARE_NEWLINE;
    }
    if (line->too_long) {
        return SMTP_LINE_TOO_LONG;
    }
    return line->nul ? SMTP_LINE_NUL : SMTP_NOTHING;
}

static size_t feed_command(struct smtp_protocol *protocol, const char *bytes,
                           size_t len, struct smtp_event *event)
{
    size_t line_max = protocol->limits->command_line_max - 2;
    struct smtp_line_result line;
    struct smtp_command command;
    enum smtp_condition refusal;
    size_t used;

    pirn_assert(protocol->envelope.bytes != NULL);

    used = pirn__smtp_line_feed(&protocol->line, line_store(protocol), line_max,
                                bytes, len, &line);
    if (line.end == SMTP_LINE_MORE) {
        return used;
    }
    refusal = unreadable(protocol, &line);
    if (refusal == SMTP_NOTHING) {
        pirn__smtp_command_parse(line.text, &command);
        refusal = misplaced(protocol, command.verb);
    }
    if (refusal == SMTP_NOTHING) {
        refusal = command.fault;
    }
    if (refusal != SMTP_NOTHING) {
        answer(protocol, refusal, NULL, event);
    } else {
        obey(protocol, &command, event);
    }
    return used;
}

/* Remembers why the mail is refused, and says ABORT the first time. */
static void refuse_mail(struct smtp_protocol *protocol,
                        enum smtp_condition condition, struct smtp_event *event)
{
    if (protocol->fault == SMTP_NOTHING) {
        clear_event(event, SMTP_EVENT_ABORT);
    }
    if (protocol->fault == SMTP_NOTHING ||
        condition == SMTP_BODY_BARE_NEWLINE) {
        protocol->fault = (uint8_t)condition;
    }
}

static void body_run(struct smtp_protocol *protocol, struct smtp_span run,
                     struct smtp_event *event)
{
    if (protocol->fault != SMTP_NOTHING) {
        return;
    }
    if (run.len > protocol->limits->size_max - protocol->body_len) {
        refuse_mail(protocol, SMTP_BODY_TOO_LARGE, event);
        return;
    }
    protocol->body_len += run.len;
    event->type = SMTP_EVENT_BODY;
    event->data = run;
}

/* The transaction is over, one way or the other. */
static void finish_mail(struct smtp_protocol *protocol,
                        enum smtp_condition condition, const char *id,
                        struct smtp_event *event)
{
    pirn__smtp_envelope_clear(&protocol->envelope);
    set_state(protocol, IN_COMMANDS);
    if (condition == SMTP_QUEUED) {
        protocol->errors = 0;
    }
    answer(protocol, condition, id, event);
}

static void body_end(struct smtp_protocol *protocol, struct smtp_event *event)
{
    if (protocol->fault != SMTP_NOTHING) {
        finish_mail(protocol, (enum smtp_condition)protocol->fault, NULL,
                    event);
        return;
    }
    set_state(protocol, END_OWED);
    clear_event(event, SMTP_EVENT_END);
}

static size_t feed_mail(struct smtp_protocol *protocol, const char *bytes,
                        size_t len, struct smtp_event *event)
{
    size_t at = 0;

    /* Past a fault there is much to read and nothing to tell. */
    while (at < len && event->type == SMTP_EVENT_NONE) {
        enum smtp_body_outcome outcome;
        struct smtp_span run;

        at += pirn__smtp_body_decode(&protocol->body, bytes + at, len - at,
                                     &outcome, &run);
        switch (outcome) {
        case SMTP_BODY_MORE:
            break;
        case SMTP_BODY_RUN:
            body_run(protocol, run, event);
            break;
        case SMTP_BODY_BARE:
            refuse_mail(protocol, SMTP_BODY_BARE_NEWLINE, event);
            break;
        case SMTP_BODY_NUL:
            refuse_mail(protocol, SMTP_BODY_HAS_NUL, event);
            break;
        case SMTP_BODY_END:
            body_end(protocol, event);
            break;
        }
    }
    return at;
}

size_t pirn__smtp_feed(struct smtp_protocol *protocol, const void *bytes,
                       size_t len, struct smtp_event *ret_event)
{
    clear_event(ret_event, SMTP_EVENT_NONE);
    if (len == 0) {
        return 0;
    }
    switch ((enum state)protocol->state) {
    case IN_COMMANDS:
        return feed_command(protocol, bytes, len, ret_event);
    case IN_MAIL:
        return feed_mail(protocol, bytes, len, ret_event);
    case BEGIN_OWED:
    case END_OWED:
        return 0;
    case CLOSED:
        return len;
    }
    pirn_unreachable("a connection has five states");
}

bool pirn__smtp_owes(const struct smtp_protocol *protocol)
{
    return protocol->state == BEGIN_OWED || protocol->state == END_OWED;
}

static bool is_refusal_of_ours(enum smtp_condition condition)
{
    return condition == SMTP_FAULT || condition == SMTP_NO_SPACE ||
           condition == SMTP_REFUSED;
}

void pirn__smtp_begin_result(struct smtp_protocol *protocol,
                             enum smtp_condition condition,
                             struct smtp_event *ret_event)
{
    pirn_assert(protocol->state == BEGIN_OWED);
    pirn_assert(condition == SMTP_GO_AHEAD || is_refusal_of_ours(condition));

    if (condition != SMTP_GO_AHEAD) {
        finish_mail(protocol, condition, NULL, ret_event);
        return;
    }
    protocol->body_len = 0;
    protocol->fault = SMTP_NOTHING;
    pirn__smtp_body_init(&protocol->body, protocol->limits->bare_newline);
    set_state(protocol, IN_MAIL);
    answer(protocol, SMTP_GO_AHEAD, NULL, ret_event);
}

void pirn__smtp_give_up(struct smtp_protocol *protocol,
                        enum smtp_condition condition)
{
    pirn_assert(protocol->state == IN_MAIL);
    pirn_assert(is_refusal_of_ours(condition));

    if (protocol->fault == SMTP_NOTHING) {
        protocol->fault = (uint8_t)condition;
    }
}

void pirn__smtp_end_result(struct smtp_protocol *protocol,
                           enum smtp_condition condition, const char *id,
                           struct smtp_event *ret_event)
{
    pirn_assert(protocol->state == END_OWED);
    pirn_assert(condition == SMTP_QUEUED || is_refusal_of_ours(condition));
    pirn_assert((id != NULL) == (condition == SMTP_QUEUED));

    finish_mail(protocol, condition, id, ret_event);
}

void pirn__smtp_stop(struct smtp_protocol *protocol,
                     enum smtp_condition condition,
                     struct smtp_event *ret_event)
{
    pirn_assert(condition == SMTP_TIMEOUT || condition == SMTP_BUSY ||
                condition == SMTP_SHUTDOWN || condition == SMTP_EARLY_TALKER);
    pirn_assert(protocol->state != CLOSED);

    answer(protocol, condition, NULL, ret_event);
}
