/* SPDX-License-Identifier: MIT */
/*
 * talk.c - see tests/fuzz/talk.h
 *
 * The server's side does what smtp/session.c does, without its waiting: what is
 * owed is answered at once. Each piece and each arena is memory of its own, of
 * exactly its size.
 */
#include "tests/fuzz/talk.h"

#include "spool/fields.h"

struct talk *talk_create(void)
{
    struct talk *talk = malloc(sizeof(*talk));

    pirn_assert(talk != NULL);
    talk->block = NULL;
    talk->arena = NULL;
    talk->arena_size = 0;
    return talk;
}

void talk_destroy(struct talk *talk)
{
    free(talk->block);
    free(talk->arena);
    free(talk);
}

static bool is_set(const struct talk *talk, enum talk_setting setting)
{
    return (talk->setting & setting) != 0;
}

static void lend(struct talk *talk)
{
    char *old = talk->arena;

    talk->arena = malloc(talk->arena_size);
    pirn_assert(talk->arena != NULL);
    pirn__smtp_lend(&talk->protocol, talk->arena, talk->arena_size);
    free(old);
}

/* The one that is there, if it is of the right size. */
static void begin_arena(struct talk *talk)
{
    size_t size = talk->limits.command_line_max + SMTP_ARENA_SPARE +
                  (is_set(talk, TALK_SMALL) ? 0 : 8192);

    if (talk->arena_size == size) {
        pirn__smtp_lend(&talk->protocol, talk->arena, size);
        return;
    }
    talk->arena_size = size;
    lend(talk);
}

void talk_begin(struct talk *talk, uint8_t setting)
{
    talk->setting = setting;
    talk->limits = (struct smtp_limits){
        .hostname = "mx.example",
        .size_max = is_set(talk, TALK_NARROW) ? 300 : 100000,
        .recipients_max = is_set(talk, TALK_NARROW) ? 2 : SMTP_RECIPIENTS_MAX,
        .command_line_max =
            is_set(talk, TALK_NARROW) ? 512 : SMTP_COMMAND_LINE_MAX,
        .errors_max = is_set(talk, TALK_NARROW) ? 5 : SMTP_ERRORS_MAX,
        .bare_newline = is_set(talk, TALK_NORMALIZE) ? SMTP_BARE_NORMALIZE
                                                     : SMTP_BARE_REFUSE,
    };
    talk->in_mail = false;
    talk->closed = false;
    talk->log_len = 0;
    talk->replies.len = 0;
    talk->kept.len = 0;
    pirn__smtp_init(&talk->protocol, &talk->limits);
    begin_arena(talk);
}

static void note(struct talk *talk, const char *bytes, size_t len)
{
    pirn_assert(len <= TALK_LOG_MAX - talk->log_len);
    memcpy(talk->log + talk->log_len, bytes, len);
    talk->log_len += len;
}

static void note_text(struct talk *talk, const char *text)
{
    note(talk, text, strlen(text));
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* "250-text CR LF" ... "250 text CR LF", and nothing that ends it early. */
static void check_reply(const struct smtp_reply *reply)
{
    const char *at = reply->text;
    const char *end = reply->text + reply->len;

    pirn_assert(reply->len <= SMTP_REPLY_MAX);
    while (at < end) {
        const char *line_end = memmem(at, (size_t)(end - at), "\r\n", 2);
        pirn_assert(line_end != NULL && line_end - at >= 4);
        pirn_assert(is_digit(at[0]) && is_digit(at[1]) && is_digit(at[2]));
        pirn_assert(memcmp(at, reply->text, 3) == 0);
        pirn_assert(at[3] == (line_end + 2 == end ? ' ' : '-'));
        for (; at < line_end; at++) {
            pirn_assert(*at >= ' ' && *at <= '~');
        }
        at = line_end + 2;
    }
}

static void check_mail(const char *bytes, size_t len)
{
    pirn_assert(len == 0 || (len >= 2 && bytes[len - 1] == '\n'));
    for (size_t i = 0; i < len; i++) {
        pirn_assert(bytes[i] != '\0');
        if (bytes[i] == '\n') {
            pirn_assert(i > 0 && bytes[i - 1] == '\r');
        }
        if (bytes[i] == '\r') {
            pirn_assert(i + 1 < len && bytes[i + 1] == '\n');
        }
    }
}

static void begin_asked(struct talk *talk, struct smtp_event *event)
{
    const struct smtp_envelope *envelope = &talk->protocol.envelope;
    struct pirn_fields fields = {envelope->bytes, envelope->len, envelope->len};

    pirn_assert(pirn__fields_check(&fields) == 0);
    pirn_assert(pirn_fields_get(&fields, SMTP_FIELD_FROM) ==
                envelope->bytes + 5);
    pirn_assert(pirn_fields_get(&fields, SMTP_FIELD_TO) != NULL);
    pirn_assert(envelope->recipient_count <= talk->limits.recipients_max);
    note_text(talk, "[begin ");
    note(talk, envelope->bytes, envelope->len);
    note_text(talk, "]");
    pirn__smtp_begin_result(
        &talk->protocol,
        is_set(talk, TALK_NOT_BEGUN) ? SMTP_NO_SPACE : SMTP_GO_AHEAD, event);
    talk->in_mail = !is_set(talk, TALK_NOT_BEGUN);
    if (talk->in_mail && is_set(talk, TALK_GIVEN_UP)) {
        pirn__smtp_give_up(&talk->protocol, SMTP_NO_SPACE);
    }
}

static void end_asked(struct talk *talk, struct smtp_event *event)
{
    bool is_kept = !is_set(talk, TALK_NOT_KEPT);
    size_t len = talk->log_len - talk->mail_at;

    pirn_assert(talk->in_mail);
    pirn_assert(len <= talk->limits.size_max);
    check_mail(talk->log + talk->mail_at, len);
    talk->in_mail = false;
    if (is_kept) {
        const struct smtp_envelope *envelope = &talk->protocol.envelope;
        talk_row_add(&talk->kept, envelope->bytes, envelope->len);
        talk_row_add(&talk->kept, "\n", 1);
        talk_row_add(&talk->kept, talk->log + talk->mail_at, len);
        talk_row_add(&talk->kept, "\n", 1);
    }
    note_text(talk, "[end]");
    pirn__smtp_end_result(&talk->protocol, is_kept ? SMTP_QUEUED : SMTP_FAULT,
                          is_kept ? "id1" : NULL, event);
}

static void abort_asked(struct talk *talk)
{
    pirn_assert(talk->in_mail);
    talk->in_mail = false;
    talk->log_len = talk->mail_at;
    note_text(talk, "[abort]");
}

static void reply(struct talk *talk, const struct smtp_event *event)
{
    check_reply(&event->reply);
    talk_row_add(&talk->replies, event->reply.text, event->reply.len);
    note(talk, event->reply.text, event->reply.len);
    if (event->type == SMTP_EVENT_CLOSE) {
        pirn_assert(event->reply.len > 0);
        note_text(talk, "[close]");
        talk->closed = true;
    }
}

static void obey(struct talk *talk, struct smtp_event *event)
{
    pirn_assert(!talk->closed || event->type == SMTP_EVENT_NONE);
    switch (event->type) {
    case SMTP_EVENT_NONE:
        pirn_assert(event->reply.len == 0);
        break;
    case SMTP_EVENT_REPLY:
    case SMTP_EVENT_CLOSE:
        pirn_assert(event->reply.len > 0);
        break;
    case SMTP_EVENT_HELLO:
        note_text(talk, "[hello ");
        note(talk, event->data.bytes, event->data.len);
        note_text(talk, "]");
        break;
    case SMTP_EVENT_RESET:
        note_text(talk, "[reset]");
        break;
    case SMTP_EVENT_BEGIN:
        begin_asked(talk, event);
        reply(talk, event);
        talk->mail_at = talk->log_len; /* behind 354 */
        return;
    case SMTP_EVENT_BODY:
        pirn_assert(talk->in_mail && event->data.len > 0);
        note(talk, event->data.bytes, event->data.len);
        break;
    case SMTP_EVENT_ABORT:
        abort_asked(talk);
        break;
    case SMTP_EVENT_END:
        end_asked(talk, event);
        break;
    }
    reply(talk, event);
}

static void hear(struct talk *talk, const char *piece, size_t len)
{
    size_t at = 0;

    while (at < len) {
        struct smtp_event event;
        size_t used =
            pirn__smtp_feed(&talk->protocol, piece + at, len - at, &event);
        pirn_assert(used <= len - at);
        pirn_assert(used > 0 || event.type != SMTP_EVENT_NONE);
        obey(talk, &event);
        pirn_assert(!pirn__smtp_owes(&talk->protocol));
        at += used;
    }
}

void talk_hear(struct talk *talk, const void *bytes, size_t len)
{
    char *piece = fuzz_copy(bytes, len);

    hear(talk, piece, len);
    free(piece);
}

/* As a session does: without an arena while nothing is held. */
static void change_arena(struct talk *talk)
{
    if (!pirn__smtp_holds(&talk->protocol)) {
        pirn__smtp_lend(&talk->protocol, NULL, 0);
    }
    lend(talk);
}

void talk_hear_pieces(struct talk *talk, const void *bytes, size_t len,
                      struct rng *rng)
{
    uint32_t most = 1u << rng_between(rng, 0, 8);
    size_t at = 0;

    while (at < len) {
        size_t piece = rng_between(rng, 1, most);
        piece = piece < len - at ? piece : len - at;
        hear(talk, fuzz_piece(&talk->block, (const char *)bytes + at, piece),
             piece);
        at += piece;
        if (rng_below(rng, 32) == 0) {
            change_arena(talk);
        }
    }
}

bool talk_is_same(const struct talk *a, const struct talk *b)
{
    return a->closed == b->closed && a->in_mail == b->in_mail &&
           a->log_len == b->log_len && memcmp(a->log, b->log, a->log_len) == 0;
}
