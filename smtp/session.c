/* SPDX-License-Identifier: MIT */
/*
 * session.c - events in, operations out
 *
 * All input goes one way: received() -> work() -> handle(). It stops there
 * when the protocol owes a result, the session is busy, the outbox is full or
 * the end has come, and go_on() resumes it.
 *
 * A session is freed when its stream is closed, its mail is at rest and its
 * timer has ended: whoever ends last frees it (try_free).
 */
#include "smtp/session.h"

#include <stdlib.h>
#include <string.h>

#include <pirn/invariant.h>
#include <pirn/timer.h>

enum {
    /* Envelope and line together; with what the session adds it stays below
     * the spool's limit of fields. */
    ARENA_BYTES = 60 * 1024,

    PAGE = 4096,
    SESSION_BYTES = (sizeof(struct smtp_session) + PAGE - 1) / PAGE * PAGE,
};

/* How long a close may take to deliver our last words. */
#define CLOSE_NS 5000000000u

static_assert(ARENA_BYTES + 1024 <= PIRN_FIELDS_MAX, "fields fit the spool");

static_assert(offsetof(struct smtp_session, buffer) < PAGE, "one is enough");

static struct smtp_session *session_of_mail(struct smtp_mail *mail)
{
    return pirn_container_of(mail, struct smtp_session, mail);
}

/* --- the end --- */

static void try_free(struct smtp_session *session)
{
    const struct smtp_session_env *env = session->env;

    if (session->ended && !session->busy && pirn_op_is_idle(&session->timer)) {
        env->ended(session, env->user);
        free(session->arena);
        free(session);
    }
}

static void closed(struct pirn_op *op, int32_t result)
{
    struct smtp_session *session =
        pirn_container_of(op, struct smtp_session, close);

    (void)result;
    session->ended = true;
    pirn_cancel(session->env->context, &session->timer);
    try_free(session);
}

static void drop_mail(struct smtp_session *session)
{
    session->rest = (struct smtp_span){NULL, 0};
    if (pirn__smtp_mail_is_open(&session->mail) &&
        pirn__smtp_mail_drop(&session->mail)) {
        session->busy = true;
    }
}

static void timer_start(struct smtp_session *session, uint64_t after_ns);

static void start_close(struct smtp_session *session, enum pirn_stream_end how)
{
    if (!session->closing) {
        session->closing = true;
        pirn_prep_stream_close(&session->close, &session->stream, how);
        pirn_start(session->env->context, &session->close, closed);
    }
}

/* A closing stream takes no more, so our last words must be on their way. */
static void close_behind_replies(struct smtp_session *session)
{
    pirn__smtp_outbox_flush(&session->outbox);
    if (pirn__smtp_outbox_is_empty(&session->outbox)) {
        start_close(session, PIRN_STREAM_FLUSH);
    }
}

static void end(struct smtp_session *session, enum pirn_stream_end how)
{
    if (session->ending) {
        return;
    }
    session->ending = true;
    if (!session->busy) {
        drop_mail(session);
    }
    if (how == PIRN_STREAM_ABORT) {
        start_close(session, how);
    } else {
        close_behind_replies(session);
    }
    /* The timer now bounds the close. */
    pirn_cancel(session->env->context, &session->timer);
}

/* Put an event's reply on its way; if it is the last, close behind it. Only to
 * a last one is it that no room is left: who hears none of our replies does not
 * hear this one. */
static void answer(struct smtp_session *session, const struct smtp_event *event)
{
    bool has_room = pirn__smtp_outbox_has_room(&session->outbox);

    pirn_assert(has_room || event->type == SMTP_EVENT_CLOSE ||
                event->reply.len == 0);
    if (event->reply.len > 0 && has_room) {
        pirn__smtp_outbox_put(&session->outbox, &event->reply);
    }
    if (event->type == SMTP_EVENT_CLOSE) {
        end(session, PIRN_STREAM_FLUSH);
    }
}

/* --- time --- */

static void timer_ended(struct pirn_op *op, int32_t result)
{
    struct smtp_session *session =
        pirn_container_of(op, struct smtp_session, timer);
    uint64_t now_ns = pirn_context_now_ns(session->env->context);
    uint64_t idle_ns = now_ns - session->active_ns;
    struct smtp_event event;

    if (session->ended) {
        try_free(session);
    } else if (session->ending && result < 0) {
        timer_start(session, CLOSE_NS);
    } else if (session->ending) {
        start_close(session, PIRN_STREAM_ABORT);
        pirn_cancel(session->env->context, &session->close);
    } else if (session->busy || idle_ns < session->env->timeout_ns) {
        timer_start(session, session->busy
                                 ? session->env->timeout_ns
                                 : session->env->timeout_ns - idle_ns);
    } else {
        pirn__smtp_stop(&session->protocol, SMTP_TIMEOUT, &event);
        answer(session, &event);
        timer_start(session, CLOSE_NS);
    }
}

static void timer_start(struct smtp_session *session, uint64_t after_ns)
{
    pirn_prep_timer(&session->timer, after_ns);
    pirn_start(session->env->context, &session->timer, timer_ended);
}

/* --- the mail --- */

/* Who would send a mail for which there is no room hears so before it. */
static void begin_mail(struct smtp_session *session)
{
    session->busy = true;
    session->asking = true;
    pirn_stream_pause(&session->stream);
    pirn__smtp_mail_ask(&session->mail,
                        session->protocol.envelope.size_declared);
}

static void answer_begin(struct smtp_session *session, int32_t result)
{
    struct smtp_event event;

    session->asking = false;
    if (session->ending) {
        return;
    }
    result = result < 0 ? result : pirn__smtp_mail_open(&session->mail);
    session->env->count->failed += result < 0 ? 1 : 0;
    pirn__smtp_begin_result(
        &session->protocol,
        result < 0 ? pirn__smtp_condition_of(result) : SMTP_GO_AHEAD, &event);
    answer(session, &event);
}

/* What does not fit waits in the stream's buffer, which is not refilled while
 * the stream is paused. */
static void take_body(struct smtp_session *session, struct smtp_span span)
{
    size_t took = pirn__smtp_mail_put(&session->mail, span);

    session->rest = pirn__smtp_span_skip(span, took);
    if (session->rest.len > 0) {
        session->busy = true;
        pirn_stream_pause(&session->stream);
        pirn__smtp_mail_spill(&session->mail);
    }
}

/* Behind the envelope's text there is room for what we know besides. Each of
 * the two is short, and the line's part of the arena is free meanwhile. */
static void complete_fields(struct smtp_session *session)
{
    int r;

    session->fields = (struct pirn_fields){
        .bytes = session->protocol.envelope.bytes,
        .len = session->protocol.envelope.len,
        .cap = ARENA_BYTES,
    };
    r = pirn_fields_add(&session->fields, "client", session->client);
    pirn_assert(r == 0);
    if (session->helo[0] != '\0') {
        r = pirn_fields_add(&session->fields, "helo", session->helo);
        pirn_assert(r == 0);
    }
}

static void commit_mail(struct smtp_session *session)
{
    session->busy = true;
    session->committing = true;
    complete_fields(session);
    pirn_stream_pause(&session->stream);
    pirn__smtp_mail_commit(&session->mail, &session->fields);
}

static void answer_commit(struct smtp_session *session, int32_t result)
{
    enum smtp_condition condition = SMTP_QUEUED;
    char id[PIRN_ID_TEXT] = "";
    struct smtp_event event;

    session->committing = false;
    if (result < 0) {
        condition = pirn__smtp_condition_of(result);
        session->env->count->failed++;
    } else {
        pirn_id_format(&session->mail.draft.id, id);
        session->env->count->accepted++;
    }
    if (!session->ending) {
        pirn__smtp_end_result(&session->protocol, condition,
                              result < 0 ? NULL : id, &event);
        answer(session, &event);
    }
}

static void go_on(struct smtp_session *session);

static void mail_ended(struct smtp_mail *mail, int32_t result)
{
    struct smtp_session *session = session_of_mail(mail);

    session->busy = false;
    if (session->asking) {
        answer_begin(session, result);
    } else if (session->committing) {
        answer_commit(session, result);
    } else if (result < 0 && pirn__smtp_mail_is_open(mail)) {
        if (!session->ending) {
            pirn__smtp_give_up(&session->protocol,
                               pirn__smtp_condition_of(result));
            session->env->count->failed++;
        }
        drop_mail(session);
    } else if (session->ending) {
        drop_mail(session);
    } else if (session->rest.len > 0) {
        take_body(session, session->rest);
    }
    go_on(session);
}

/* --- the protocol --- */

static void keep_helo(struct smtp_session *session, struct smtp_span name)
{
    size_t len =
        name.len < sizeof(session->helo) ? name.len : sizeof(session->helo) - 1;

    memcpy(session->helo, name.bytes, len);
    session->helo[len] = '\0';
}

/* An event that ends a transaction before its mail began has none to drop. */
static void handle(struct smtp_session *session, const struct smtp_event *event)
{
    answer(session, event);
    switch (event->type) {
    case SMTP_EVENT_NONE:
    case SMTP_EVENT_REPLY:
    case SMTP_EVENT_RESET:
    case SMTP_EVENT_CLOSE:
        return;
    case SMTP_EVENT_HELLO:
        keep_helo(session, event->data);
        return;
    case SMTP_EVENT_BEGIN:
        begin_mail(session);
        return;
    case SMTP_EVENT_BODY:
        take_body(session, event->data);
        return;
    case SMTP_EVENT_ABORT:
        drop_mail(session);
        return;
    case SMTP_EVENT_END:
        commit_mail(session);
        return;
    }
}

static bool lend_arena(struct smtp_session *session)
{
    if (session->arena != NULL) {
        return true;
    }
    session->arena = malloc(ARENA_BYTES);
    if (session->arena != NULL) {
        pirn__smtp_lend(&session->protocol, session->arena, ARENA_BYTES);
    }
    return session->arena != NULL;
}

/* Between mails a connection costs no arena. */
static void take_arena_back(struct smtp_session *session)
{
    if (session->arena != NULL && !session->busy &&
        !pirn__smtp_holds(&session->protocol)) {
        pirn__smtp_lend(&session->protocol, NULL, 0);
        free(session->arena);
        session->arena = NULL;
    }
}

static bool may_work(const struct smtp_session *session)
{
    return !session->busy && !session->ending &&
           !pirn__smtp_owes(&session->protocol) &&
           pirn__smtp_outbox_has_room(&session->outbox);
}

/* Return: the bytes that were read. */
static uint32_t work(struct smtp_session *session, const uint8_t *bytes,
                     uint32_t len)
{
    struct smtp_event event;
    uint32_t at = 0;

    if (!may_work(session)) {
        return 0;
    }
    if (!lend_arena(session)) {
        pirn__smtp_stop(&session->protocol, SMTP_BUSY, &event);
        answer(session, &event);
        return len;
    }
    while (at < len && may_work(session)) {
        at += (uint32_t)pirn__smtp_feed(&session->protocol, bytes + at,
                                        len - at, &event);
        handle(session, &event);
    }
    return at;
}

static uint32_t received(struct pirn_stream *stream, const uint8_t *bytes,
                         int32_t result)
{
    struct smtp_session *session =
        pirn_container_of(stream, struct smtp_session, stream);
    uint32_t took;

    if (result < 0) {
        end(session, PIRN_STREAM_ABORT);
        return 0;
    }
    if (result == 0) {
        session->heard_all = true;
        go_on(session);
        return 0;
    }
    session->active_ns = pirn_context_now_ns(session->env->context);
    took = work(session, bytes, (uint32_t)result);
    take_arena_back(session);
    pirn__smtp_outbox_flush(&session->outbox);
    return took;
}

/* Something that held the session up has ended. A client that says no more
 * may listen still: it is told all that is due. */
static void go_on(struct smtp_session *session)
{
    struct smtp_event event;

    if (session->ending && !session->closing) {
        close_behind_replies(session);
    }
    if (session->ending) {
        try_free(session);
        return;
    }
    if (session->heard_all && !session->busy) {
        end(session, PIRN_STREAM_FLUSH);
        return;
    }
    if (session->stopping && !session->busy &&
        pirn__smtp_outbox_has_room(&session->outbox)) {
        pirn__smtp_stop(&session->protocol, SMTP_SHUTDOWN, &event);
        answer(session, &event);
        return;
    }
    take_arena_back(session);
    pirn__smtp_outbox_flush(&session->outbox);
    if (may_work(session)) {
        pirn_stream_resume(&session->stream);
    }
}

static void replies_sent(struct smtp_outbox *outbox, int32_t result)
{
    struct smtp_session *session =
        pirn_container_of(outbox, struct smtp_session, outbox);

    if (result < 0) {
        end(session, PIRN_STREAM_ABORT);
    }
    go_on(session);
}

/* --- the beginning --- */

struct smtp_session *pirn__smtp_session_start(
    const struct smtp_session_env *env, int fd,
    const struct pirn_address *client, enum smtp_condition refusal)
{
    /* Where a page begins, so that what is used of it is on one. */
    struct smtp_session *session = aligned_alloc(PAGE, SESSION_BYTES);
    struct smtp_event event;

    if (session == NULL) {
        return NULL;
    }
    memset(session, 0, offsetof(struct smtp_session, replies));
    session->env = env;
    session->active_ns = pirn_context_now_ns(env->context);
    pirn_address_format(client, session->client);
    pirn_stream_init(&session->stream, env->context, fd, session->buffer,
                     sizeof(session->buffer), received);
    pirn__smtp_outbox_init(&session->outbox, env->context, &session->stream,
                           session->replies, session->more_replies,
                           replies_sent);
    pirn__smtp_mail_init(&session->mail, env->context, env->spool, env->queue,
                         mail_ended);
    pirn__smtp_init(&session->protocol, env->limits);
    timer_start(session, env->timeout_ns);
    if (refusal == SMTP_NOTHING) {
        pirn__smtp_greet(&session->protocol, &event);
    } else {
        pirn__smtp_stop(&session->protocol, refusal, &event);
    }
    answer(session, &event);
    pirn__smtp_outbox_flush(&session->outbox);
    if (!session->ending) {
        pirn_stream_resume(&session->stream);
    }
    return session;
}

void pirn__smtp_session_stop(struct smtp_session *session)
{
    session->stopping = true;
    if (!session->busy) {
        go_on(session);
    }
}

/* One that is ending may wait for its last words to leave. */
void pirn__smtp_session_abort(struct smtp_session *session)
{
    end(session, PIRN_STREAM_ABORT);
    start_close(session, PIRN_STREAM_ABORT);
    pirn_cancel(session->env->context, &session->close);
}
