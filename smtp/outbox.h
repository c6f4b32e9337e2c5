/* SPDX-License-Identifier: MIT */
/*
 * smtp/outbox.h - replies on their way to the client
 *
 * Two buffers: one is being sent, the other collects. So the replies to a
 * pipelined group leave together, and the session stops reading commands while
 * the client does not read replies.
 */
#ifndef SMTP_OUTBOX_H
#define SMTP_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/context.h>
#include <pirn/stream.h>

#include "smtp/reply.h"

enum { SMTP_OUTBOX_HALF = 2048 };

static_assert(SMTP_OUTBOX_HALF >= 2 * SMTP_REPLY_MAX, "room for a group");

struct smtp_outbox;

/* A buffer has left, or will not: -errno, once the stream has failed. */
typedef void smtp_outbox_sent_fn(struct smtp_outbox *outbox, int32_t result);

struct smtp_outbox {
    struct pirn_op send;
    struct pirn_context *context;
    struct pirn_stream *stream;
    smtp_outbox_sent_fn *sent;
    char *halves[2];
    uint32_t len; /* bytes in the half that collects */
    uint8_t half; /* which one that is */
};

/* Each half is SMTP_OUTBOX_HALF bytes of the caller's. The second is touched
 * only where replies are collected while others leave. */
void pirn__smtp_outbox_init(struct smtp_outbox *outbox,
                            struct pirn_context *context,
                            struct pirn_stream *stream, char *first,
                            char *second, smtp_outbox_sent_fn *sent);

/* Whether one more reply of any length fits. */
bool pirn__smtp_outbox_has_room(const struct smtp_outbox *outbox);

/* @reply is copied; there is room. */
void pirn__smtp_outbox_put(struct smtp_outbox *outbox,
                           const struct smtp_reply *reply);

/* Let what is collected leave, unless something is on its way: then it leaves
 * when that has left. */
void pirn__smtp_outbox_flush(struct smtp_outbox *outbox);

/* Whether nothing is collected; something may still be on its way. */
bool pirn__smtp_outbox_is_empty(const struct smtp_outbox *outbox);

#endif /* SMTP_OUTBOX_H */
