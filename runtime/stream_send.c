/* SPDX-License-Identifier: MIT */
/*
 * stream_send.c - what leaves a stream: one send in flight
 *
 * What was started waits on priv.waiting. The send in flight gathers from its
 * head; while the kernel has not seen it, what comes is still added to it. When
 * it ends, whole sends are finished and the rest goes into the next.
 *
 *   waiting:  [ a ][ b ][ c ][ d ] <- pirn_start()
 *             |<--- gathered --->|     head_sent bytes of a have left already
 *
 * Pieces that lie one behind the other in memory are one piece. A few have room
 * in the stream, more in a frame of the context's (gather.h).
 *
 * Who waits for a drain is on priv.drains, and is told when no more than it
 * asked for is left.
 */
#include <sys/socket.h>

#include "pirn/invariant.h"
#include "pirn/socket.h"
#include "runtime/gather.h"
#include "runtime/stream.h"

static struct pirn_loan *first_of(const struct pirn_link *list)
{
    return pirn_container_of(list->next, struct pirn_loan, link);
}

/* --- gather --- */

static bool is_framed(const struct pirn_stream *stream)
{
    return stream->priv.message.msg_iov != stream->priv.iov;
}

/* Room for one more piece; false: there is none. */
static bool make_room(struct pirn_stream *stream)
{
    struct msghdr *message = &stream->priv.message;
    struct iovec *iov;

    if (is_framed(stream) || message->msg_iovlen < PIRN_STREAM_PIECES) {
        return message->msg_iovlen < PIRN_STREAM_GATHER;
    }
    iov = gather_take(pirn__context_gather(stream->priv.context));
    if (iov == NULL) {
        return false;
    }
    for (size_t i = 0; i < message->msg_iovlen; i++) {
        iov[i] = message->msg_iov[i];
    }
    message->msg_iov = iov;
    return true;
}

/* Whether @bytes lie behind the last piece, which then grows by @len. */
static bool extend_last(struct msghdr *message, const uint8_t *bytes,
                        uint32_t len)
{
    struct iovec *last;

    if (message->msg_iovlen == 0) {
        return false;
    }
    last = &message->msg_iov[message->msg_iovlen - 1];
    if ((uint8_t *)last->iov_base + last->iov_len != bytes) {
        return false;
    }
    last->iov_len += len;
    return true;
}

/* Add @loan, of which @sent bytes have left. Where it finds no room, or no
 * result could say that all has left, nothing behind it may be added either. */
static void gather_one(struct pirn_stream *stream, const struct pirn_loan *loan,
                       uint32_t sent)
{
    struct msghdr *message = &stream->priv.message;
    uint8_t *bytes = (uint8_t *)(uintptr_t)loan->addr + sent;
    uint32_t len = loan->len - sent;

    if (len > INT32_MAX - stream->priv.gathered_bytes) {
        stream->priv.gather_full = true;
        return;
    }
    if (!extend_last(message, bytes, len)) {
        if (!make_room(stream)) {
            stream->priv.gather_full = true;
            return;
        }
        message->msg_iov[message->msg_iovlen++] =
            (struct iovec){.iov_base = bytes, .iov_len = len};
    }
    stream->priv.gathered++;
    stream->priv.gathered_bytes += len;
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
    stream->priv.gathered = 0;
    stream->priv.gathered_bytes = 0;
    stream->priv.gather_full = false;
    for (struct pirn_link *link = stream->priv.waiting.next;
         link != &stream->priv.waiting && !stream->priv.gather_full;
         link = link->next) {
        gather_one(stream, pirn_container_of(link, struct pirn_loan, link),
                   already);
        already = 0;
    }
    pirn_prep_sendmsg(&stream->priv.send, stream->priv.fd,
                      &stream->priv.message, MSG_WAITALL);
    pirn_start(stream->priv.context, &stream->priv.send, sent);
}

static void put_frame(struct pirn_stream *stream)
{
    if (is_framed(stream)) {
        gather_put(pirn__context_gather(stream->priv.context),
                   stream->priv.message.msg_iov);
        stream->priv.message.msg_iov = stream->priv.iov;
    }
}

/* --- what has left --- */

static void tell_drains(struct pirn_stream *stream)
{
    struct pirn_link *link = stream->priv.drains.next;

    while (link != &stream->priv.drains) {
        struct pirn_loan *loan =
            pirn_container_of(link, struct pirn_loan, link);

        link = link->next;
        if (stream->priv.unsent <= loan->len) {
            list_unlink(&loan->link);
            pirn_task_finish(stream->priv.context, op_of(loan),
                             stream->priv.error);
        }
    }
}

static void finish_first(struct pirn_stream *stream, int32_t result)
{
    struct pirn_loan *loan = first_of(&stream->priv.waiting);

    stream->priv.unsent -= loan->len - stream->priv.head_sent;
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
        pirn_assert(!list_is_empty(&stream->priv.waiting));
        const struct pirn_loan *loan = first_of(&stream->priv.waiting);
        uint32_t left = loan->len - stream->priv.head_sent;

        if (bytes < left) {
            stream->priv.head_sent += bytes;
            stream->priv.unsent -= bytes;
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

    put_frame(stream);
    if (result > 0) {
        stream_has_moved(stream);
        account(stream, (uint32_t)result);
    } else if (!stream_is_passing(stream, result) && stream->priv.error == 0) {
        stream->priv.error = result < 0 ? result : -EPIPE;
    }
    if (stream->priv.error < 0) {
        fail_waiting(stream, stream->priv.error);
    }
    tell_drains(stream);
    send_waiting(stream);
    pirn__stream_go_on(stream);
}

/* --- a send as a task --- */

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
    stream->priv.unsent += op->priv.len;
    list_push_tail(&stream->priv.waiting, &op->priv.link);
    if (pirn_op_is_idle(&stream->priv.send)) {
        send_waiting(stream);
    } else if (op_is_queued(&stream->priv.send) && !stream->priv.gather_full) {
        gather_one(stream, &op->priv, 0);
    }
}

/* Whether bytes of @loan are, or may be, in the send in flight. */
static bool is_gathered(const struct pirn_stream *stream,
                        const struct pirn_loan *loan)
{
    uint32_t place = 0;

    for (struct pirn_link *link = stream->priv.waiting.next;
         link != &loan->link; link = link->next) {
        place++;
    }
    return !pirn_op_is_idle(&stream->priv.send) &&
           place < stream->priv.gathered;
}

static void send_cancel(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_stream *stream = stream_of(op);

    if (!is_gathered(stream, &op->priv)) {
        stream->priv.unsent -= op->priv.len;
        list_unlink(&op->priv.link);
        pirn_task_finish(context, op, -ECANCELED);
        tell_drains(stream);
    }
}

const struct pirn_task_verbs pirn__stream_send_verbs = {
    .begin = send_begin,
    .cancel = send_cancel,
};

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
    return stream->priv.unsent;
}

/* --- a drain as a task --- */

static void drain_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_stream *stream = stream_of(op);

    pirn_assert(context == stream->priv.context);
    pirn_assert_rule(stream->priv.state != STREAM_CLOSED,
                     "a stream that is closed is nobody's");
    list_push_tail(&stream->priv.drains, &op->priv.link);
    tell_drains(stream);
}

static void drain_cancel(struct pirn_context *context, struct pirn_op *op)
{
    list_unlink(&op->priv.link);
    pirn_task_finish(context, op, -ECANCELED);
}

const struct pirn_task_verbs pirn__stream_drain_verbs = {
    .begin = drain_begin,
    .cancel = drain_cancel,
};

void pirn_prep_stream_drain(struct pirn_op *op, struct pirn_stream *stream,
                            uint32_t low_bytes)
{
    struct pirn_loan *loan = pirn__prep(op, OP_STREAM_DRAIN);

    loan->offset = (uintptr_t)stream;
    loan->len = low_bytes;
}
