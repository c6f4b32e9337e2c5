/* SPDX-License-Identifier: MIT */
/*
 * pirn/stream.h - a connected socket on which bytes keep their order
 *
 * Two unlinked sends on a socket may leave in either order. A stream has one
 * send in flight; what is started meanwhile waits, and leaves gathered in the
 * next. One receive at a time fills the stream's buffer; what its function does
 * not take stays there, and the stream is paused until it is resumed.
 *
 *   pirn_start(send) --> waiting --> one sendmsg in flight --> fn(send)
 *   recv in flight --> receive(bytes) --> took less? paused --> resume
 *
 * An error of the socket, or of a send, ends every waiting send with the same.
 */
#ifndef PIRN_STREAM_H
#define PIRN_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <pirn/base.h>
#include <pirn/op.h>

PIRN_BEGIN_DECLS

struct pirn_stream;

/**
 * pirn_stream_receive_fn - called when bytes came, or will come no more
 * @stream: the stream
 * @bytes:  @result bytes, borrowed until the call returns; NULL if none
 * @result: how many; 0: the peer has ended; < 0: the socket's error
 *
 * After 0 or an error it is not called again.
 *
 * Return: how many of the bytes were taken. Fewer than @result pauses the
 *         stream; the rest is given again after pirn_stream_resume().
 */
typedef uint32_t pirn_stream_receive_fn(struct pirn_stream *stream,
                                        const uint8_t *bytes, int32_t result);

/* Pieces gathered into one send. */
enum { PIRN_STREAM_GATHER = 16 };

/* Placed by the caller. */
struct pirn_stream {
    struct {
        struct pirn_op recv;
        struct pirn_op send;
        struct pirn_context *context;
        union {
            pirn_stream_receive_fn *receive; /* while it is open */
            struct pirn_op *close;           /* the close that waits */
        } then;
        struct pirn_link waiting;
        uint8_t *buf;
        uint32_t buf_bytes;
        uint32_t have;      /* bytes in the buffer */
        uint32_t taken;     /* of these, by receive */
        uint32_t head_sent; /* bytes of the first waiting send that left */
        int32_t fd;
        int32_t error;
        uint8_t state;
        bool paused;
        bool receiving_ended;
        bool in_receive;
        bool again;  /* resumed from inside receive */
        bool giving; /* priv.recv is an immediate, not a receive */
        struct msghdr message;
        struct iovec iov[PIRN_STREAM_GATHER];
    } priv;
};

static_assert(sizeof(struct pirn_stream) <= 512, "memory of an idle stream");

/**
 * pirn_stream_init() - take charge of a connected socket
 * @stream:    placed by the caller; not moved until its close has ended
 * @fd:        the socket, not O_NONBLOCK; the stream closes it
 * @buf:       @buf_bytes for receiving; the caller's, until the close has ended
 * @buf_bytes: 1 or more
 * @receive:   called with what comes, once pirn_stream_resume() was called
 *
 * Context: the context's thread.
 */
PIRN_API void pirn_stream_init(struct pirn_stream *stream,
                               struct pirn_context *context, int fd,
                               uint8_t *buf, uint32_t buf_bytes,
                               pirn_stream_receive_fn *receive);

/**
 * pirn_stream_resume() - receive, or receive again
 *
 * Bytes left in the buffer are given first, in a later turn. From inside
 * receive it says that what is not taken now shall be given again at once.
 */
PIRN_API void pirn_stream_resume(struct pirn_stream *stream);

/**
 * pirn_stream_pause() - receive nothing until resumed
 *
 * What the kernel delivers meanwhile is kept in the buffer. That the peer has
 * ended, or an error, is told all the same, if a receive was in flight.
 */
PIRN_API void pirn_stream_pause(struct pirn_stream *stream);

/**
 * pirn_prep_stream_send() - send bytes in their turn
 * @op:     idle; start it on the stream's context
 * @stream: not closing
 * @bytes:  @len bytes; loaned until the op ends
 * @len:    1 or more
 *
 * Result: @len, once the socket has taken all of them; or the error that ended
 * the stream; -ECANCELED if it was cancelled while it waited behind another
 * send (a cancel that comes later has no effect: a stream is not cut in
 * mid-message); -EPIPE if the stream is closing.
 */
PIRN_API void pirn_prep_stream_send(struct pirn_op *op,
                                    struct pirn_stream *stream,
                                    const void *bytes, uint32_t len);

/** pirn_stream_unsent() - bytes which wait for the socket */
PIRN_API uint64_t pirn_stream_unsent(const struct pirn_stream *stream);

/* How a stream ends. */
enum pirn_stream_end {
    PIRN_STREAM_FLUSH = 0, /* what waits is sent, then our side ends */
    PIRN_STREAM_ABORT = 1, /* what waits ends with -ECANCELED */
};

/**
 * pirn_prep_stream_close() - end a stream in an orderly way
 * @op:  idle; start it on the stream's context, once
 * @how: flush: waits for the sends, ends our side (shutdown), reads on for as
 *       long as bytes are there, and closes; the peer's reply to a reset would
 *       otherwise eat our last words. Cancelling the op turns a flush into an
 *       abort: put a deadline on it.
 *
 * Result: 0; the descriptor is closed, nothing of the stream is on loan, its
 * memory is yours.
 */
PIRN_API void pirn_prep_stream_close(struct pirn_op *op,
                                     struct pirn_stream *stream,
                                     enum pirn_stream_end how);

PIRN_END_DECLS

#endif /* PIRN_STREAM_H */
