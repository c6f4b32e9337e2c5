/* SPDX-License-Identifier: MIT */
/*
 * stream_receive.c - what comes on a stream, and how it is given
 *
 * Bytes come in chunks. With a buffer of its own the stream has one chunk, and
 * receives again only when it is empty, so bytes never move. Without one the
 * kernel delivers into the context's buffers, by a multishot; what is not taken
 * at once is held, a list of chunks in the order in which they came.
 *
 *   own:      recv -> [chunk]                      -> receive()
 *   context:  multishot recv -> [first]..[last]    -> receive()
 *
 * While a chunk is held nothing more is asked for: the multishot is cancelled,
 * and the peer soon has to wait. So a stream holds little, and the op that
 * received is free to be the immediate by which the rest is given in a later
 * turn: after a resume, or when a turn has brought enough (turn_bytes).
 *
 * The end, or an error, is told when all that came before has been taken.
 */
#include "pirn/invariant.h"
#include "pirn/socket.h"
#include "pirn/timer.h"
#include "runtime/buffers.h"
#include "runtime/stream.h"

static bool owns_buffer(const struct pirn_stream *stream)
{
    return stream->priv.buf != NULL;
}

/* --- chunks: priv.have bytes in the first, priv.taken of them taken --- */

static void hold(struct pirn_stream *stream, int32_t len)
{
    struct buffers *buffers = pirn__context_buffers(stream->priv.context);
    uint16_t buffer = pirn__context_keep_buffer(stream->priv.context);

    buffers->heads[buffer] = (struct buffer){(uint32_t)len, BUFFER_NONE};
    if (stream->priv.have == 0) {
        stream->priv.first = buffer;
        stream->priv.have = (uint32_t)len;
    } else {
        buffers->heads[stream->priv.last].next = buffer;
    }
    stream->priv.last = buffer;
}

static const uint8_t *first_chunk(const struct pirn_stream *stream)
{
    return owns_buffer(stream)
               ? stream->priv.buf
               : buffer_bytes(pirn__context_buffers(stream->priv.context),
                              stream->priv.first);
}

static void drop_chunk(struct pirn_stream *stream)
{
    struct buffers *buffers = pirn__context_buffers(stream->priv.context);
    uint16_t first = stream->priv.first;

    stream->priv.have = 0;
    stream->priv.taken = 0;
    if (owns_buffer(stream)) {
        return;
    }
    stream->priv.first = buffers->heads[first].next;
    if (stream->priv.first != BUFFER_NONE) {
        stream->priv.have = buffers->heads[stream->priv.first].len;
    }
    pirn__context_put_buffer(stream->priv.context, first);
}

/* --- giving --- */

/* Whether this turn has brought less than enough. */
static bool is_in_budget(struct pirn_stream *stream)
{
    uint32_t turn = pirn__context_turn_number(stream->priv.context);

    if (stream->priv.turn != turn) {
        stream->priv.turn = turn;
        stream->priv.turn_bytes = 0;
    }
    return stream->priv.turn_bytes < PIRN_STREAM_TURN_BYTES;
}

/* Give what is left of the first chunk; whether all of it was taken. */
static bool give_chunk(struct pirn_stream *stream)
{
    uint32_t left = stream->priv.have - stream->priv.taken;
    uint32_t took;

    stream->priv.turn_bytes += left;
    stream->priv.in_receive = true;
    stream->priv.again = false;
    took = stream->priv.then.receive(
        stream, first_chunk(stream) + stream->priv.taken, (int32_t)left);
    stream->priv.in_receive = false;
    pirn_assert_rule(took <= left, "receive takes what it was given");

    stream->priv.taken += took;
    if (took < left) {
        stream->priv.paused = !stream->priv.again;
        return false;
    }
    drop_chunk(stream);
    return true;
}

static void tell_end(struct pirn_stream *stream)
{
    stream->priv.receiving_ended = true;
    if (stream->priv.end < 0 && stream->priv.error == 0) {
        stream->priv.error = stream->priv.end;
    }
    if (stream->priv.state == STREAM_OPEN) {
        stream->priv.in_receive = true;
        (void)stream->priv.then.receive(stream, NULL, stream->priv.end);
        stream->priv.in_receive = false;
    }
}

void pirn__stream_give(struct pirn_stream *stream)
{
    bool goes_on = true;

    while (goes_on && stream->priv.have > 0 && !stream->priv.paused &&
           stream->priv.state == STREAM_OPEN && is_in_budget(stream)) {
        goes_on = give_chunk(stream);
    }
    while (stream->priv.have > 0 && stream->priv.state != STREAM_OPEN) {
        drop_chunk(stream);
    }
    if (stream->priv.have == 0 && stream->priv.end_came &&
        !stream->priv.receiving_ended) {
        tell_end(stream);
    }
}

/* --- receiving --- */

static void received(struct pirn_op *op, int32_t result)
{
    struct pirn_stream *stream =
        pirn_container_of(op, struct pirn_stream, priv.recv);

    if (stream->priv.giving) {
        stream->priv.giving = false;
    } else if (result > 0) {
        stream_has_moved(stream);
        stream->priv.have = (uint32_t)result;
    } else if (!stream_is_passing(stream, result)) {
        stream->priv.end_came = true;
        stream->priv.end = result;
    }
    pirn__stream_go_on(stream);
}

/* Whether it was the last is not looked at here: after the last the op is idle,
 * and that is what pirn__stream_receive() asks. */
static void delivered(struct pirn_multishot *shot, int32_t result,
                      enum pirn_more more)
{
    struct pirn_stream *stream =
        pirn_container_of(shot, struct pirn_stream, priv.shot);

    (void)more;
    if (result > 0) {
        stream_has_moved(stream);
        hold(stream, result);
    } else if (!stream_is_passing(stream, result)) {
        stream->priv.end_came = true;
        stream->priv.end = result;
    }
    pirn__stream_go_on(stream);
}

static bool wants_bytes(const struct pirn_stream *stream)
{
    return !stream->priv.end_came &&
           (stream->priv.state == STREAM_LINGERING ||
            (stream->priv.state <= STREAM_FLUSHING && !stream->priv.paused));
}

static void receive(struct pirn_stream *stream)
{
    if (owns_buffer(stream)) {
        pirn_prep_recv(&stream->priv.recv, stream->priv.fd, stream->priv.buf,
                       stream->priv.buf_bytes, 0);
        pirn_start(stream->priv.context, &stream->priv.recv, received);
    } else {
        pirn_prep_multishot_recv(&stream->priv.shot, stream->priv.fd, 0);
        pirn_multishot_start(stream->priv.context, &stream->priv.shot,
                             delivered);
    }
}

static void give_later(struct pirn_stream *stream)
{
    stream->priv.giving = true;
    pirn_prep_immediate(&stream->priv.recv);
    pirn_start(stream->priv.context, &stream->priv.recv, received);
}

/* Go on: with what is held, in a later turn, or with the socket. */
void pirn__stream_receive(struct pirn_stream *stream)
{
    if (!pirn_op_is_idle(&stream->priv.recv)) {
        if (stream->priv.have > 0 && !stream->priv.giving) {
            pirn__stream_stop_receiving(stream);
        }
    } else if (stream->priv.have > 0) {
        if (!stream->priv.paused) {
            give_later(stream);
        }
    } else if (wants_bytes(stream)) {
        receive(stream);
    }
}

void pirn__stream_stop_receiving(struct pirn_stream *stream)
{
    if (owns_buffer(stream) || stream->priv.giving) {
        pirn_cancel(stream->priv.context, &stream->priv.recv);
    } else {
        pirn_multishot_cancel(stream->priv.context, &stream->priv.shot);
    }
}

void pirn_stream_resume(struct pirn_stream *stream)
{
    stream->priv.paused = false;
    if (stream->priv.in_receive) {
        stream->priv.again = true;
        return;
    }
    pirn__stream_receive(stream);
}

void pirn_stream_pause(struct pirn_stream *stream)
{
    stream->priv.paused = true;
    stream->priv.again = false;
}
