/* SPDX-License-Identifier: MIT */
/*
 * stream.c - the life of a stream
 *
 *   OPEN --close(FLUSH)--> FLUSHING --all sent--> LINGERING --peer's end--+
 *    |                         |                      |                   v
 *    +------close(ABORT)-------+-------abort----------+--------------> CLOSING
 *                                                                         |
 *                          nothing is on loan, and the descriptor: CLOSED <+
 *
 * LINGERING has shut our side down and reads on: closing a socket with unread
 * bytes resets it, and a reset makes the peer forget what it had not read yet.
 *
 * Whatever happens, a send's end or bytes that come, ends in one place, which
 * does what can be done now: pirn__stream_go_on().
 */
#include "runtime/stream.h"

#include "pirn/file.h"
#include "pirn/invariant.h"
#include "pirn/socket.h"

void pirn_stream_init(struct pirn_stream *stream, struct pirn_context *context,
                      int fd, uint8_t *buf, uint32_t buf_bytes,
                      pirn_stream_receive_fn *receive)
{
    pirn_assert(fd >= 0);
    pirn_assert((buf != NULL) == (buf_bytes > 0));
    pirn_assert(receive != NULL);

    *stream = (struct pirn_stream){0};
    stream->priv.context = context;
    stream->priv.fd = fd;
    stream->priv.buf = buf;
    stream->priv.buf_bytes = buf_bytes;
    stream->priv.then.receive = receive;
    stream->priv.paused = true;
    stream->priv.message.msg_iov = stream->priv.iov;
    list_init(&stream->priv.waiting);
    list_init(&stream->priv.drains);
    stream_has_moved(stream);
}

static void closed(struct pirn_op *op, int32_t result)
{
    struct pirn_stream *stream =
        pirn_container_of(op, struct pirn_stream, priv.send);

    (void)result; /* the descriptor is gone whatever close(2) says */
    pirn_assert(list_is_empty(&stream->priv.drains));
    stream->priv.state = STREAM_CLOSED;
    pirn_task_finish(stream->priv.context, stream->priv.then.close, 0);
}

static void shut_down(struct pirn_op *op, int32_t result)
{
    struct pirn_stream *stream =
        pirn_container_of(op, struct pirn_stream, priv.send);

    if (result < 0) {
        stream->priv.end_came = true; /* there is no peer any more */
        stream->priv.receiving_ended = true;
        pirn__stream_stop_receiving(stream);
    }
    pirn__stream_go_on(stream);
}

static void start_lingering(struct pirn_stream *stream)
{
    stream->priv.state = STREAM_LINGERING;
    pirn_prep_shutdown(&stream->priv.send, stream->priv.fd, SHUT_WR);
    pirn_start(stream->priv.context, &stream->priv.send, shut_down);
}

/* What waits is behind a send in flight, whose end fails it. */
static void start_closing(struct pirn_stream *stream)
{
    stream->priv.state = STREAM_CLOSING;
    if (stream->priv.error == 0) {
        stream->priv.error = -ECANCELED;
    }
    pirn__stream_stop_receiving(stream);
    pirn_cancel(stream->priv.context, &stream->priv.send);
}

/* Take the next step towards the end, if what it waits for has come. */
static void advance_close(struct pirn_stream *stream)
{
    if (stream->priv.state == STREAM_FLUSHING &&
        list_is_empty(&stream->priv.waiting) &&
        pirn_op_is_idle(&stream->priv.send)) {
        if (stream->priv.error < 0) {
            start_closing(stream);
        } else {
            start_lingering(stream);
        }
    }
    if (stream->priv.state == STREAM_LINGERING &&
        stream->priv.receiving_ended) {
        start_closing(stream);
    }
    if (stream->priv.state == STREAM_CLOSING &&
        pirn_op_is_idle(&stream->priv.recv) &&
        pirn_op_is_idle(&stream->priv.send) && stream->priv.idle == NULL) {
        pirn_prep_close(&stream->priv.send, stream->priv.fd);
        pirn_start(stream->priv.context, &stream->priv.send, closed);
    }
}

void pirn__stream_go_on(struct pirn_stream *stream)
{
    if (stream->priv.in_receive) {
        return; /* who gives goes on when his call has returned */
    }
    pirn__stream_give(stream);
    advance_close(stream);
    pirn__stream_receive(stream);
}

static void close_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_stream *stream = stream_of(op);

    pirn_assert(context == stream->priv.context);
    pirn_assert_rule(stream->priv.state == STREAM_OPEN,
                     "a stream is closed once");
    stream->priv.then.close = op;
    stream->priv.state = STREAM_FLUSHING;
    if (stream->priv.idle != NULL) {
        pirn_cancel(context, &stream->priv.idle->op);
    }
    if (op->priv.op_flags == PIRN_STREAM_ABORT) {
        start_closing(stream);
    }
    pirn__stream_go_on(stream);
}

static void close_cancel(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_stream *stream = stream_of(op);

    (void)context;
    if (stream->priv.state == STREAM_FLUSHING ||
        stream->priv.state == STREAM_LINGERING) {
        start_closing(stream);
        pirn__stream_go_on(stream);
    }
}

const struct pirn_task_verbs pirn__stream_close_verbs = {
    .begin = close_begin,
    .cancel = close_cancel,
};

void pirn_prep_stream_close(struct pirn_op *op, struct pirn_stream *stream,
                            enum pirn_stream_end how)
{
    struct pirn_loan *loan = pirn__prep(op, OP_STREAM_CLOSE);

    loan->offset = (uintptr_t)stream;
    loan->op_flags = how;
}
