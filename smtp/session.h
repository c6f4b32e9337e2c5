/* SPDX-License-Identifier: MIT */
/*
 * smtp/session.h - one connection: the protocol joined to a stream and a spool
 *
 * The session does what the protocol's events say. It is busy while an
 * operation of the spool is under way; then it reads nothing, so a client that
 * sends faster than the disk takes is slowed down by its own socket.
 */
#ifndef SMTP_SESSION_H
#define SMTP_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include <pirn/context.h>
#include <pirn/spool.h>
#include <pirn/stream.h>

#include "smtp/mail.h"
#include "smtp/outbox.h"
#include "smtp/protocol.h"
#include "smtp/server.h"

struct smtp_session;

/* The same for all sessions of one context. Borrowed. */
struct smtp_session_env {
    struct pirn_context *context;
    struct pirn_spool *spool;
    const char *queue;
    const struct smtp_limits *limits;
    uint64_t timeout_ns;
    struct smtp_worker_count *count;
    /* The session's memory is free again: take it out of your list first. */
    void (*ended)(struct smtp_session *session, void *user);
    void *user;
};

/* Bytes for receiving; a mail is read in pieces of at most this. */
enum { SMTP_SESSION_BUFFER = 16 * 1024 };

struct smtp_session {
    LIST_ENTRY(smtp_session) list; /* the owner's */
    const struct smtp_session_env *env;
    struct pirn_stream stream;
    struct smtp_protocol protocol;
    struct smtp_outbox outbox;
    struct smtp_mail mail;
    struct pirn_op timer;
    struct pirn_op close;
    struct smtp_span rest; /* of the mail, for when there is room again */
    struct pirn_fields fields;
    char *arena;
    uint64_t active_ns; /* when the client was last heard */
    bool busy;          /* an operation of the mail is under way */
    bool asking;        /* and it is the question whether there is room */
    bool committing;    /* or the commit */
    bool heard_all;     /* the client says no more */
    bool stopping;      /* the server is: say so as soon as possible */
    bool ending;        /* nothing more is read */
    bool closing;       /* our last words are on their way, then the close */
    bool ended;         /* it is closed */
    char client[PIRN_ADDRESS_TEXT];
    char helo[256];

    /* Of a session that is idle the beginning of the first two was used: it
     * has a page of all this. */
    char replies[SMTP_OUTBOX_HALF];
    uint8_t buffer[SMTP_SESSION_BUFFER];
    char more_replies[SMTP_OUTBOX_HALF];
};

/**
 * pirn__smtp_session_start() - serve a connection until it ends
 * @env:     borrowed until then
 * @fd:      the connection; the session closes it
 * @refusal: SMTP_NOTHING to serve it; else what to say before closing
 *
 * Return: the session, to be put into a list; NULL without memory, and @fd is
 *         still the caller's
 */
struct smtp_session *pirn__smtp_session_start(
    const struct smtp_session_env *env, int fd,
    const struct pirn_address *client, enum smtp_condition refusal);

/* Finish what is being committed, say 421, close. */
void pirn__smtp_session_stop(struct smtp_session *session);

/* Close now; what is being committed is waited for. */
void pirn__smtp_session_abort(struct smtp_session *session);

#endif /* SMTP_SESSION_H */
