/* SPDX-License-Identifier: MIT */
/* outbox.c - see smtp/outbox.h */
#include "smtp/outbox.h"

#include <string.h>

#include <pirn/invariant.h>

void pirn__smtp_outbox_init(struct smtp_outbox *outbox,
                            struct pirn_context *context,
                            struct pirn_stream *stream, char *first,
                            char *second, smtp_outbox_sent_fn *sent)
{
    outbox->send = (struct pirn_op){0};
    outbox->context = context;
    outbox->stream = stream;
    outbox->sent = sent;
    outbox->halves[0] = first;
    outbox->halves[1] = second;
    outbox->len = 0;
    outbox->half = 0;
}

bool pirn__smtp_outbox_has_room(const struct smtp_outbox *outbox)
{
    return SMTP_OUTBOX_HALF - outbox->len >= SMTP_REPLY_MAX;
}

void pirn__smtp_outbox_put(struct smtp_outbox *outbox,
                           const struct smtp_reply *reply)
{
    pirn_assert(pirn__smtp_outbox_has_room(outbox));
    pirn_assert(reply->len <= SMTP_REPLY_MAX);

    if (outbox->len == 0 && pirn_op_is_idle(&outbox->send)) {
        outbox->half = 0;
    }
    memcpy(outbox->halves[outbox->half] + outbox->len, reply->text, reply->len);
    outbox->len += (uint32_t)reply->len;
}

static void left(struct pirn_op *op, int32_t result)
{
    struct smtp_outbox *outbox =
        pirn_container_of(op, struct smtp_outbox, send);

    if (result >= 0) {
        pirn__smtp_outbox_flush(outbox);
    }
    outbox->sent(outbox, result);
}

void pirn__smtp_outbox_flush(struct smtp_outbox *outbox)
{
    if (outbox->len == 0 || !pirn_op_is_idle(&outbox->send)) {
        return;
    }
    pirn_prep_stream_send(&outbox->send, outbox->stream,
                          outbox->halves[outbox->half], outbox->len);
    pirn_start(outbox->context, &outbox->send, left);
    outbox->half ^= 1;
    outbox->len = 0;
}

bool pirn__smtp_outbox_is_empty(const struct smtp_outbox *outbox)
{
    return outbox->len == 0;
}
