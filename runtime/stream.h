/* SPDX-License-Identifier: MIT */
/*
 * stream.h - what the files of the stream share
 *
 * Its life (stream.c), what leaves (stream_send.c), what comes
 * (stream_receive.c), and that nothing does (stream_idle.c).
 */
#ifndef RUNTIME_STREAM_H
#define RUNTIME_STREAM_H

#include <errno.h>

#include "pirn/stream.h"
#include "pirn/task.h"
#include "runtime/context.h"
#include "runtime/list.h"

enum stream_state {
    STREAM_OPEN = 0,
    STREAM_FLUSHING,
    STREAM_LINGERING,
    STREAM_CLOSING,
    STREAM_CLOSED,
};

static inline struct pirn_stream *stream_of(const struct pirn_op *op)
{
    return (struct pirn_stream *)(uintptr_t)op->priv.offset;
}

/* What the kernel may say for reasons of its own, that the socket is well: a
 * worker met a signal, or a cancellation that nobody asked for (6.14). */
static inline bool stream_is_passing(const struct pirn_stream *stream,
                                     int32_t result)
{
    return result == -EINTR ||
           (result == -ECANCELED && stream->priv.state < STREAM_CLOSING);
}

static inline void stream_has_moved(struct pirn_stream *stream)
{
    stream->priv.moved_ns = pirn_context_now_ns(stream->priv.context);
}

/* In stream.c: something has happened; do what can be done now. */
void pirn__stream_go_on(struct pirn_stream *stream);

/* In stream_receive.c: give what is held, or drop it if nobody listens any
 * more; ask for more; ask for nothing more. */
void pirn__stream_give(struct pirn_stream *stream);
void pirn__stream_receive(struct pirn_stream *stream);
void pirn__stream_stop_receiving(struct pirn_stream *stream);

#endif /* RUNTIME_STREAM_H */
