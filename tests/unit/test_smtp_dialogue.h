/* SPDX-License-Identifier: MIT */
/*
 * test_smtp_dialogue.h - a session without a connection, for the SMTP tests
 *
 * Feeds the protocol, does at once what its events ask for, and writes all of
 * it down: replies as they are, other events in brackets, and of each mail
 * that was accepted its envelope and its bytes. The same log is the same
 * outcome. Each chunk lies in memory of exactly its size, so that a sanitizer
 * sees a read past its end.
 */
#ifndef TESTS_UNIT_TEST_SMTP_DIALOGUE_H
#define TESTS_UNIT_TEST_SMTP_DIALOGUE_H

#include "test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/protocol.h"

#define DIALOGUE_LOG_MAX (1u << 18)

struct dialogue {
    struct smtp_limits limits;
    struct smtp_protocol protocol;
    enum smtp_condition begin; /* how BEGIN is answered */
    enum smtp_condition end;   /* how END is answered */
    char *arena;
    size_t log_len;
    size_t mail_at; /* where in the log the mail's bytes begin */
    bool in_mail;
    bool closed;
    char log[DIALOGUE_LOG_MAX];
};

/* Everything by default; change limits before dialogue_start(). */
static inline struct dialogue *dialogue_create(void)
{
    struct dialogue *dialogue = calloc(1, sizeof(*dialogue));

    assert_non_null(dialogue);
    dialogue->limits = (struct smtp_limits){
        .hostname = "mx.example",
        .size_max = 100000,
        .recipients_max = SMTP_RECIPIENTS_MAX,
        .command_line_max = SMTP_COMMAND_LINE_MAX,
        .errors_max = SMTP_ERRORS_MAX,
        .bare_newline = SMTP_BARE_REFUSE,
    };
    dialogue->begin = SMTP_GO_AHEAD;
    dialogue->end = SMTP_QUEUED;
    return dialogue;
}

static inline void dialogue_lend(struct dialogue *dialogue, size_t size)
{
    char *old = dialogue->arena;

    dialogue->arena = malloc(size);
    assert_non_null(dialogue->arena);
    pirn__smtp_lend(&dialogue->protocol, dialogue->arena, size);
    free(old);
}

/* The connection is there and nothing has been said. */
static inline void dialogue_start(struct dialogue *dialogue)
{
    dialogue->log_len = 0;
    dialogue->in_mail = false;
    dialogue->closed = false;
    pirn__smtp_init(&dialogue->protocol, &dialogue->limits);
    dialogue_lend(dialogue, dialogue->limits.command_line_max + 65536);
}

static inline void dialogue_destroy(struct dialogue *dialogue)
{
    free(dialogue->arena);
    free(dialogue);
}

static inline void dialogue_write(struct dialogue *dialogue, const char *bytes,
                                  size_t len)
{
    assert_true(len < DIALOGUE_LOG_MAX - dialogue->log_len);
    memcpy(dialogue->log + dialogue->log_len, bytes, len);
    dialogue->log_len += len;
    dialogue->log[dialogue->log_len] = '\0';
}

static inline void dialogue_say(struct dialogue *dialogue, const char *text)
{
    dialogue_write(dialogue, text, strlen(text));
}

/* "[begin from=<a@b> to=<c@d>]" */
static inline void dialogue_say_envelope(struct dialogue *dialogue)
{
    const struct smtp_envelope *envelope = &dialogue->protocol.envelope;
    const char *at = envelope->bytes;

    dialogue_say(dialogue, "[begin");
    while (at < envelope->bytes + envelope->len) {
        const char *value = at + strlen(at) + 1;

        dialogue_say(dialogue, " ");
        dialogue_say(dialogue, at);
        dialogue_say(dialogue, "=<");
        dialogue_say(dialogue, value);
        dialogue_say(dialogue, ">");
        at = value + strlen(value) + 1;
    }
    dialogue_say(dialogue, "]");
}

/* "[mail]", its bytes, "[end]"; nothing of a mail that comes to nothing. */
static inline void dialogue_say_body(struct dialogue *dialogue,
                                     struct smtp_span data)
{
    if (!dialogue->in_mail) {
        dialogue->mail_at = dialogue->log_len;
        dialogue->in_mail = true;
        dialogue_say(dialogue, "[mail]");
    }
    dialogue_write(dialogue, data.bytes, data.len);
}

static inline void dialogue_note(struct dialogue *dialogue,
                                 struct smtp_event *event)
{
    assert_false(dialogue->closed && event->type != SMTP_EVENT_NONE);
    switch (event->type) {
    case SMTP_EVENT_NONE:
        assert_int_equal(event->reply.len, 0);
        break;
    case SMTP_EVENT_REPLY:
        assert_true(event->reply.len > 0);
        break;
    case SMTP_EVENT_HELLO:
        dialogue_say(dialogue, "[hello ");
        dialogue_write(dialogue, event->data.bytes, event->data.len);
        dialogue_say(dialogue, "]");
        break;
    case SMTP_EVENT_RESET:
        dialogue_say(dialogue, "[reset]");
        break;
    case SMTP_EVENT_BEGIN:
        dialogue_say_envelope(dialogue);
        pirn__smtp_begin_result(&dialogue->protocol, dialogue->begin, event);
        dialogue_note(dialogue, event);
        return;
    case SMTP_EVENT_BODY:
        assert_true(event->data.len > 0);
        dialogue_say_body(dialogue, event->data);
        break;
    case SMTP_EVENT_ABORT:
        if (dialogue->in_mail) {
            dialogue->log_len = dialogue->mail_at;
        }
        dialogue->in_mail = false;
        dialogue_say(dialogue, "[abort]");
        break;
    case SMTP_EVENT_END:
        dialogue_say_body(dialogue, (struct smtp_span){"", 0});
        dialogue_say(dialogue, "[end]");
        dialogue->in_mail = false;
        pirn__smtp_end_result(&dialogue->protocol, dialogue->end,
                              dialogue->end == SMTP_QUEUED ? "id1" : NULL,
                              event);
        dialogue_note(dialogue, event);
        return;
    case SMTP_EVENT_CLOSE:
        assert_true(event->reply.len > 0);
        dialogue->closed = true;
        break;
    }
    dialogue_write(dialogue, event->reply.text, event->reply.len);
    if (event->type == SMTP_EVENT_CLOSE) {
        dialogue_say(dialogue, "[close]");
    }
}

static inline void dialogue_feed(struct dialogue *dialogue, const char *bytes,
                                 size_t len)
{
    char *chunk = malloc(len > 0 ? len : 1);
    size_t at = 0;

    assert_non_null(chunk);
    memcpy(chunk, bytes, len);
    while (at < len) {
        struct smtp_event event;
        size_t used =
            pirn__smtp_feed(&dialogue->protocol, chunk + at, len - at, &event);

        assert_true(used <= len - at);
        assert_true(used > 0 || event.type != SMTP_EVENT_NONE);
        assert_false(pirn__smtp_owes(&dialogue->protocol) &&
                     event.type != SMTP_EVENT_BEGIN &&
                     event.type != SMTP_EVENT_END);
        dialogue_note(dialogue, &event);
        at += used;
    }
    free(chunk);
}

/* What is answered to @bytes alone; the text lives until the next call. */
static inline const char *dialogue_ask(struct dialogue *dialogue,
                                       const char *bytes, size_t len)
{
    dialogue->log_len = 0;
    dialogue->log[0] = '\0';
    dialogue_feed(dialogue, bytes, len);
    return dialogue->log;
}

/* For literals, which may have a NUL inside. */
#define ASK(dialogue, literal) \
    dialogue_ask(dialogue, literal, sizeof(literal) - 1)

#define SAID_HELLO "HELO c\r\n"
#define GIVEN_SENDER SAID_HELLO "MAIL FROM:<a@b>\r\n"
#define GIVEN_RECIPIENT GIVEN_SENDER "RCPT TO:<c@d>\r\n"
#define BEGUN_MAIL GIVEN_RECIPIENT "DATA\r\n"

#endif /* TESTS_UNIT_TEST_SMTP_DIALOGUE_H */
