/* SPDX-License-Identifier: MIT */
/*
 * stream.c - one send in flight, one receive in flight
 *
 * Sending. What was started waits on priv.waiting. The send in flight gathers
 * from its head; while the kernel has not seen it, what comes is still added to
 * it. When it ends, whole sends are finished and the rest goes into the next.
 *
 * Receiving. The buffer holds priv.have bytes, of which receive took
 * priv.taken. The kernel fills it only when it is empty, so bytes never move.
 *
 *   OPEN --close(FLUSH)--> FLUSHING --all sent--> LINGERING --peer's end--+
 *    |                         |                      |                   v
 *    +------close(ABORT)-------+-------abort----------+--------------> CLOSING
 *                                                                         |
 *                          nothing is on loan, and the descriptor: CLOSED <+
 *
 * LINGERING has shut our side down and reads on: closing a socket with unread
 * bytes resets it, and a reset makes the peer forget what it had not read yet.
 */
#include "pirn/stream.h"

#include <errno.h>

#include "pirn/file.h"
#include "pirn/invariant.h"
#include "pirn/socket.h"
#include "pirn/task.h"
#include "pirn/timer.h"
#include "runtime/context.h"
#include "runtime/list.h"

enum stream_state {
    STREAM_OPEN = 0,
    STREAM_FLUSHING,
    STREAM_LINGERING,
    STREAM_CLOSING,
    STREAM_CLOSED,
};

static struct pirn_loan *first_waiting(const struct pirn_stream *stream)
{
    return pirn_container_of(stream->priv.waiting.next, struct pirn_loan, link);
}

static struct pirn_stream *stream_of(const struct pirn_op *op)
{
    return (struct pirn_stream *)(uintptr_t)op->priv.offset;
}

static void advance_close(struct pirn_stream *stream);
static void receive_more(struct pirn_stream *stream);

/* --- sending --- */

static void gather_one(struct pirn_stream *stream, const struct pirn_loan *loan,
                       uint32_t sent)
{
    struct iovec *iov = &stream->priv.iov[stream->priv.message.msg_iovlen++];

    iov->iov_base = (void *)(uintptr_t)(loan->addr + sent);
    iov->iov_len = loan->len - sent;
}

static void sent(struct pirn_op *op, int32_t result);

/* Let what waits leave; nothing is in flight. */
static void send_waiting(struct pirn_stream *stream)
{
    uint32_t already = stream->priv.head_sent;

    if (list_is_empty(&stream->priv.waiting)) {
        return;
    }
    stream->priv.message = (struct msghdr){.msg_iov = stream->priv.iov};
    for (struct pirn_link *link = stream->priv.waiting.next;
         link != &stream->priv.waiting &&
         stream->priv.message.msg_iovlen < PIRN_STREAM_GATHER;
         link = link->next) {
        gather_one(stream, pirn_container_of(link, struct pirn_loan, link),
                   already);
        already = 0;
    }
    pirn_prep_sendmsg(&stream->priv.send, stream->priv.fd,
                      &stream->priv.message, MSG_WAITALL);
    pirn_start(stream->priv.context, &stream->priv.send, sent);
}

static void finish_first(struct pirn_stream *stream, int32_t result)
{
    struct pirn_loan *loan = first_waiting(stream);

    stream->priv.head_sent = 0;
    list_unlink(&loan->link);
    pirn_task_finish(stream->priv.context, op_of(loan), result);
}

static void fail_waiting(struct pirn_stream *stream, int32_t error)
{
    while (!list_is_empty(&stream->priv.waiting)) {
        finish_first(stream, error);
    }
}

/* @bytes more have left, the oldest first. */
static void account(struct pirn_stream *stream, uint32_t bytes)
{
    while (bytes > 0) {
        const struct pirn_loan *loan = first_waiting(stream);
        uint32_t left = loan->len - stream->priv.head_sent;

        pirn_assert(!list_is_empty(&stream->priv.waiting));
        if (bytes < left) {
            stream->priv.head_sent += bytes;
            return;
        }
        bytes -= left;
        finish_first(stream, (int32_t)loan->len);
    }
}

static void sent(struct pirn_op *op, int32_t result)
{
    struct pirn_stream *stream =
        pirn_container_of(op, struct pirn_stream, priv.send);

    if (result > 0) {
        account(stream, (uint32_t)result);
    } else if (result != -EINTR && result != -EAGAIN &&
               stream->priv.error == 0) {
        stream->priv.error = result < 0 ? result : -EPIPE;
    }
    if (stream->priv.error < 0) {
        fail_waiting(stream, stream->priv.error);
    }
    send_waiting(stream);
    advance_close(stream);
}

static void send_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_stream *stream = stream_of(op);

    pirn_assert_rule(context == stream->priv.context,
                     "a stream's ops are started on the stream's context");
    if (stream->priv.error < 0 || stream->priv.state != STREAM_OPEN) {
        pirn_task_finish(context, op,
                         stream->priv.state == STREAM_OPEN ? stream->priv.error
                                                           : -EPIPE);
        return;
    }
    list_push_tail(&stream->priv.waiting, &op->priv.link);
    if (pirn_op_is_idle(&stream->priv.send)) {
        send_waiting(stream);
    } else if (op_is_queued(&stream->priv.send) &&
               stream->priv.message.msg_iovlen < PIRN_STREAM_GATHER) {
        gather_one(stream, &op->priv, 0);
    }
}

/* Whether bytes of @loan are, or may be, in the send in flight. */
static bool is_gathered(const struct pirn_stream *stream,
                        const struct pirn_loan *loan)
{
    size_t place = 0;

    for (struct pirn_link *link = stream->priv.waiting.next;
         link != &loan->link; link = link->next) {
        place++;
    }
    return !pirn_op_is_idle(&stream->priv.send) &&
           place < stream->priv.message.msg_iovlen;
}

static void send_cancel(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_stream *stream = stream_of(op);

    if (!is_gathered(stream, &op->priv)) {
        list_unlink(&op->priv.link);
        pirn_task_finish(context, op, -ECANCELED);
    }
}

const struct pirn_task_verbs pirn__stream_send_verbs = {
    .begin = send_begin,
    .cancel = send_cancel,
};

/* --- receiving --- */

static void received(struct pirn_op *op, int32_t result);

static bool wants_bytes(const struct pirn_stream *stream)
{
    if (stream->priv.receiving_ended || !pirn_op_is_idle(&stream->priv.recv)) {
        return false;
    }
    return stream->priv.state == STREAM_LINGERING ||
           (stream->priv.state <= STREAM_FLUSHING && !stream->priv.paused);
}

/* Give what is left in the buffer; true: it is empty now. */
static bool give(struct pirn_stream *stream)
{
    uint32_t left = stream->priv.have - stream->priv.taken;
    uint32_t took;

    if (stream->priv.state != STREAM_OPEN) {
        stream->priv.taken = stream->priv.have; /* nobody listens any more */
        return true;
    }
    if (left == 0) {
        return true;
    }
    stream->priv.in_receive = true;
    stream->priv.again = false;
    took = stream->priv.then.receive(
        stream, stream->priv.buf + stream->priv.taken, (int32_t)left);
    stream->priv.in_receive = false;
    pirn_assert_rule(took <= left, "receive takes what it was given");

    stream->priv.taken += took;
    if (took < left) {
        stream->priv.paused = !stream->priv.again;
    }
    return took == left;
}

static void end_receiving(struct pirn_stream *stream, int32_t result)
{
    stream->priv.receiving_ended = true;
    if (result < 0 && stream->priv.error == 0) {
        stream->priv.error = result;
    }
    if (stream->priv.state == STREAM_OPEN) {
        stream->priv.in_receive = true;
        (void)stream->priv.then.receive(stream, NULL, result);
        stream->priv.in_receive = false;
    }
}

/* Runs as the function of priv.recv, which is a receive or an immediate. */
static void received(struct pirn_op *op, int32_t result)
{
    struct pirn_stream *stream =
        pirn_container_of(op, struct pirn_stream, priv.recv);

    if (stream->priv.giving) {
        stream->priv.giving = false;
    } else if (result > 0) {
        stream->priv.have = (uint32_t)result;
        stream->priv.taken = 0;
    } else if (result != -EINTR && result != -EAGAIN) {
        end_receiving(stream, result);
        advance_close(stream);
        return;
    }
    if (stream->priv.paused && stream->priv.state == STREAM_OPEN) {
        return; /* the bytes stay in the buffer */
    }
    (void)give(stream);
    receive_more(stream);
    advance_close(stream);
}

/* Go on: with what is in the buffer, in a later turn, or with the socket. */
static void receive_more(struct pirn_stream *stream)
{
    if (!wants_bytes(stream)) {
        return;
    }
    if (stream->priv.taken < stream->priv.have) {
        stream->priv.giving = true;
        pirn_prep_immediate(&stream->priv.recv);
    } else {
        pirn_prep_recv(&stream->priv.recv, stream->priv.fd, stream->priv.buf,
                       stream->priv.buf_bytes, 0);
    }
    pirn_start(stream->priv.context, &stream->priv.recv, received);
}

void pirn_stream_resume(struct pirn_stream *stream)
{
    stream->priv.paused = false;
    if (stream->priv.in_receive) {
        stream->priv.again = true;
        return;
    }
    receive_more(stream);
}

void pirn_stream_pause(struct pirn_stream *stream)
{
    stream->priv.paused = true;
    stream->priv.again = false;
}

/* --- the life of a stream --- */

void pirn_stream_init(struct pirn_stream *stream, struct pirn_context *context,
                      int fd, uint8_t *buf, uint32_t buf_bytes,
                      pirn_stream_receive_fn *receive)
{
    pirn_assert(fd >= 0);
    pirn_assert(buf != NULL && buf_bytes > 0);
    pirn_assert(receive != NULL);

    *stream = (struct pirn_stream){0};
    stream->priv.context = context;
    stream->priv.fd = fd;
    stream->priv.buf = buf;
    stream->priv.buf_bytes = buf_bytes;
    stream->priv.then.receive = receive;
    stream->priv.paused = true;
    list_init(&stream->priv.waiting);
}

void pirn_prep_stream_send(struct pirn_op *op, struct pirn_stream *stream,
                           const void *bytes, uint32_t len)
{
    struct pirn_loan *loan = pirn__prep(op, OP_STREAM_SEND);

    pirn_assert(bytes != NULL && len > 0);
    pirn_assert(len <= INT32_MAX);
    loan->addr = (uintptr_t)bytes;
    loan->len = len;
    loan->offset = (uintptr_t)stream;
}

uint64_t pirn_stream_unsent(const struct pirn_stream *stream)
{
    uint64_t bytes = 0;

    for (struct pirn_link *link = stream->priv.waiting.next;
         link != &stream->priv.waiting; link = link->next) {
        bytes += pirn_container_of(link, struct pirn_loan, link)->len;
    }
    return bytes - stream->priv.head_sent;
}

static void closed(struct pirn_op *op, int32_t result)
{
    struct pirn_stream *stream =
        pirn_container_of(op, struct pirn_stream, priv.send);

    (void)result; /* the descriptor is gone whatever close(2) says */
    stream->priv.state = STREAM_CLOSED;
    pirn_task_finish(stream->priv.context, stream->priv.then.close, 0);
}

static void shut_down(struct pirn_op *op, int32_t result)
{
    struct pirn_stream *stream =
        pirn_container_of(op, struct pirn_stream, priv.send);

    if (result < 0) {
        stream->priv.receiving_ended = true; /* there is no peer any more */
        pirn_cancel(stream->priv.context, &stream->priv.recv);
    }
    advance_close(stream);
}

static void start_lingering(struct pirn_stream *stream)
{
    stream->priv.state = STREAM_LINGERING;
    pirn_prep_shutdown(&stream->priv.send, stream->priv.fd, SHUT_WR);
    pirn_start(stream->priv.context, &stream->priv.send, shut_down);
    receive_more(stream);
}

/* What waits is behind a send in flight, whose end fails it. */
static void start_closing(struct pirn_stream *stream)
{
    stream->priv.state = STREAM_CLOSING;
    if (stream->priv.error == 0) {
        stream->priv.error = -ECANCELED;
    }
    pirn_cancel(stream->priv.context, &stream->priv.recv);
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
        pirn_op_is_idle(&stream->priv.send)) {
        pirn_prep_close(&stream->priv.send, stream->priv.fd);
        pirn_start(stream->priv.context, &stream->priv.send, closed);
    }
}

static void close_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_stream *stream = stream_of(op);

    pirn_assert(context == stream->priv.context);
    pirn_assert_rule(stream->priv.state == STREAM_OPEN,
                     "a stream is closed once");
    stream->priv.then.close = op;
    stream->priv.state = STREAM_FLUSHING;
    if (op->priv.op_flags == PIRN_STREAM_ABORT) {
        start_closing(stream);
    }
    advance_close(stream);
}

static void close_cancel(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_stream *stream = stream_of(op);

    (void)context;
    if (stream->priv.state == STREAM_FLUSHING ||
        stream->priv.state == STREAM_LINGERING) {
        start_closing(stream);
        advance_close(stream);
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
