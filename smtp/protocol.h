/* SPDX-License-Identifier: MIT */
/*
 * smtp/protocol.h - the server's side of one SMTP connection, without the
 * connection
 *
 * Bytes go in, events come out. What the events say depends on the bytes alone
 * and not on how they were cut into chunks. No descriptor, no clock, no
 * allocation.
 *
 *                     every command's reply
 *                          +-------+
 *        greeting          |       v     DATA           begin_result
 *      ------------> [ commands ] -------> [ BEGIN owed ] ---------+
 *                      ^   |     ^               | refused         | 354
 *      end_result:     |   |     +---------------+                 v
 *      250, 451, ...   |   | QUIT, 421, ...                 [ the mail ]
 *                      |   v                                       |
 *                      | [ closed ] <---- bare newline ------------+
 *                      |                                           |
 *               [ END owed ] <----------- CRLF.CRLF ---------------+
 *
 * The session feeds what it has received and does what the event says:
 *
 *     while (at < len && !pirn__smtp_owes(protocol)) {
 *         at += pirn__smtp_feed(protocol, bytes + at, len - at, &event);
 *         if (event.reply.len > 0) { queue it for sending }
 *         switch (event.type) { ... }
 *     }
 *
 * While a result is owed nothing is consumed; what was pipelined behind waits.
 */
#ifndef SMTP_PROTOCOL_H
#define SMTP_PROTOCOL_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smtp/body.h"
#include "smtp/envelope.h"
#include "smtp/line.h"
#include "smtp/reply.h"
#include "smtp/scan.h"

/* What limits should be where nobody says otherwise. */
enum {
    SMTP_RECIPIENTS_MAX = 1000,
    SMTP_COMMAND_LINE_MAX = 2048,
    SMTP_ERRORS_MAX = 20,
};

/* The same for many connections. All are at least 1. */
struct smtp_limits {
    const char *hostname;    /* ours: 1 to SMTP_HOSTNAME_MAX printable bytes */
    uint64_t size_max;       /* bytes of one mail; UINT64_MAX: no limit */
    uint32_t recipients_max; /* of one mail */
    uint32_t command_line_max; /* bytes with CR LF, 512 to 65536 */
    uint32_t errors_max;       /* replies of 500 and up since the last mail was
                                  accepted; the last of them is a 421 */
    enum smtp_bare_newline bare_newline;
};

enum smtp_event_type {
    SMTP_EVENT_NONE,  /* all is consumed; or a result is owed */
    SMTP_EVENT_REPLY, /* nothing but the reply */
    SMTP_EVENT_HELLO, /* HELO or EHLO: @data is the client's name for itself. A
                         transaction, if there was one, is dropped */
    SMTP_EVENT_RESET, /* RSET: likewise */
    SMTP_EVENT_BEGIN, /* the envelope is complete: begin_result is owed */
    SMTP_EVENT_BODY,  /* @data is the next piece of the mail */
    SMTP_EVENT_ABORT, /* the mail is at fault: drop it. Its reply comes after
                         its end; no BODY or END comes before the next BEGIN */
    SMTP_EVENT_END,   /* the mail is complete: end_result is owed */
    SMTP_EVENT_CLOSE, /* send the reply, then close; input is ignored now */
};

struct smtp_event {
    enum smtp_event_type type;
    struct smtp_span data;   /* borrows the input or the arena, until the next
                                call; what it is, the type says */
    struct smtp_reply reply; /* to be sent if its len is not 0 */
};

/* Placed by the session. Read the envelope; the rest is the protocol's. */
struct smtp_protocol {
    const struct smtp_limits *limits;
    struct smtp_envelope envelope; /* complete from BEGIN to the end's reply */
    uint64_t body_len;             /* bytes of the mail so far */
    struct smtp_line line;
    uint32_t errors;
    struct smtp_body body;
    uint8_t state; /* the .c knows the states */
    uint8_t fault; /* enum smtp_condition: why the mail is refused */
    bool greeted;  /* HELO or EHLO was said */
};

/* Idle connections are many. */
static_assert(sizeof(struct smtp_protocol) == 72, "of one idle connection");

/* What the arena must have besides one command line: a longest sender. */
#define SMTP_ARENA_SPARE 512u

/**
 * pirn__smtp_init() - before the first byte
 * @protocol: placed by the caller
 * @limits:   borrowed as long as @protocol is used
 *
 * There is no arena yet. Nothing needs to be undone.
 */
void pirn__smtp_init(struct smtp_protocol *protocol,
                     const struct smtp_limits *limits);

/**
 * pirn__smtp_lend() - give memory for the envelope and for a line cut in two
 * @arena:      loaned until the next lend; NULL takes the old one back
 * @arena_size: bytes, at least command_line_max + SMTP_ARENA_SPARE
 *
 * What is held moves over, so the arena can also be changed for a larger one
 * in the middle of a transaction. Of @arena_size, command_line_max bytes are
 * for the line; the rest bounds the envelope, whose last RCPT is then answered
 * 452. From BEGIN until its end's reply nobody writes behind the envelope's
 * text: that room is the session's.
 */
void pirn__smtp_lend(struct smtp_protocol *protocol, void *arena,
                     size_t arena_size);

/**
 * pirn__smtp_holds() - whether the arena is in use
 *
 * Between mails it is not, unless a command has come in part. It may then be
 * taken back by lending NULL; feed needs one again.
 */
bool pirn__smtp_holds(const struct smtp_protocol *protocol);

/**
 * pirn__smtp_greet() - the greeting, before anything is fed
 * @ret_event: REPLY
 *
 * A session which looks whether the client speaks first does so before this,
 * and then may stop() with SMTP_EARLY_TALKER instead.
 */
void pirn__smtp_greet(struct smtp_protocol *protocol,
                      struct smtp_event *ret_event);

/**
 * pirn__smtp_feed() - read on, to the first event
 * @bytes:     @len bytes
 * @ret_event: what has come about
 *
 * Return: bytes consumed: all, if NONE and no result is owed.
 */
size_t pirn__smtp_feed(struct smtp_protocol *protocol, const void *bytes,
                       size_t len, struct smtp_event *ret_event);

/**
 * pirn__smtp_owes() - whether begin_result or end_result must come first
 */
bool pirn__smtp_owes(const struct smtp_protocol *protocol);

/**
 * pirn__smtp_begin_result() - answer BEGIN
 * @condition: SMTP_GO_AHEAD; or SMTP_FAULT, SMTP_NO_SPACE, SMTP_REFUSED, and
 *             the envelope is dropped
 * @ret_event: REPLY, or CLOSE if it is one error too many
 */
void pirn__smtp_begin_result(struct smtp_protocol *protocol,
                             enum smtp_condition condition,
                             struct smtp_event *ret_event);

/**
 * pirn__smtp_give_up() - the mail cannot be kept, although it goes on
 * @condition: SMTP_FAULT, SMTP_NO_SPACE or SMTP_REFUSED
 *
 * Between begin_result and END. The rest of the mail is read and dropped; its
 * end is answered so, unless the mail turns out to have a fault that closes.
 * No ABORT comes.
 */
void pirn__smtp_give_up(struct smtp_protocol *protocol,
                        enum smtp_condition condition);

/**
 * pirn__smtp_end_result() - answer END, once the outcome is certain
 * @condition: SMTP_QUEUED: the mail is durable; or SMTP_FAULT, SMTP_NO_SPACE,
 *             SMTP_REFUSED: it is not and never will be
 * @id:        of what was queued, 1 to SMTP_ID_MAX printable bytes; copied;
 *             NULL where nothing was
 * @ret_event: REPLY, or CLOSE if it is one error too many
 *
 * The envelope is dropped.
 */
void pirn__smtp_end_result(struct smtp_protocol *protocol,
                           enum smtp_condition condition, const char *id,
                           struct smtp_event *ret_event);

/**
 * pirn__smtp_stop() - end the connection from our side
 * @condition: SMTP_TIMEOUT, SMTP_BUSY, SMTP_SHUTDOWN or SMTP_EARLY_TALKER
 * @ret_event: CLOSE
 *
 * In any state, unless CLOSE has been said. A mail that has not ended is
 * dropped by the session; a result that was owed
 * is owed no more. A session in the midst of a commit had better wait for it,
 * or the client will send that mail again.
 */
void pirn__smtp_stop(struct smtp_protocol *protocol,
                     enum smtp_condition condition,
                     struct smtp_event *ret_event);

#endif /* SMTP_PROTOCOL_H */
