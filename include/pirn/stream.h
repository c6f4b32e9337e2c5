/* SPDX-License-Identifier: MIT */
/*
 * pirn/stream.h - a connected socket on which bytes keep their order
 *
 * Two unlinked sends on a socket may leave in either order. A stream has one
 * send in flight; what is started meanwhile waits, and leaves gathered in the
 * next. What comes is given to the stream's function; what that does not take
 * is kept, and the stream is paused until it is resumed.
 *
 *   pirn_start(send) --> waiting --> one sendmsg in flight --> fn(send)
 *   bytes come --> receive(bytes) --> took less? paused --> resume
 *
 * Bytes come into the context's buffers, which all its streams share: a stream
 * on which nothing comes has none. Or into a buffer of the stream's own, one
 * receive at a time: better for few streams that receive much.
 *
 * A high-water mark is a comparison: who finds pirn_stream_unsent() above his
 * mark starts a drain, and goes on when it has ended.
 *
 * An error of the socket, or of a send, ends every waiting send with the same;
 * so do -ENOMEM and -EAGAIN. Of an interruption, and of a cancellation that
 * nobody asked for, nothing is seen.
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

enum {
    PIRN_STREAM_GATHER = 32,        /* pieces gathered into one send */
    PIRN_STREAM_PIECES = 4,         /* of these, kept in the stream itself */
    PIRN_STREAM_TURN_BYTES = 65536, /* given in a turn; then others' turn */
};

struct pirn_stream_idle;

/* Placed by the caller. */
struct pirn_stream {
    struct {
        union {
            struct pirn_op recv; /* into its own buffer; or an immediate */
            struct pirn_multishot shot; /* into the context's */
        };
        struct pirn_op send;
        struct pirn_context *context;
        union {
            pirn_stream_receive_fn *receive; /* while it is open */
            struct pirn_op *close;           /* the close that waits */
        } then;
        struct pirn_link waiting;
        struct pirn_link drains;
        struct pirn_stream_idle *idle;
        uint64_t unsent;
        uint64_t moved_ns; /* when bytes last came or left */
        uint8_t *buf;      /* NULL: it has none of its own */
        uint32_t buf_bytes;
        uint32_t have;  /* bytes in the first chunk that is held */
        uint32_t taken; /* of these, by receive */
        uint16_t first; /* of the context's buffers, those it holds */
        uint16_t last;
        uint32_t head_sent;      /* bytes of the first waiting send that left */
        uint32_t gathered;       /* sends in the one in flight, wholly or not */
        uint32_t gathered_bytes; /* of all of them */
        uint32_t turn;           /* in which */
        uint32_t turn_bytes;     /* so many were given */
        int32_t fd;
        int32_t error;
        int32_t end; /* 0 or an error, once end_came */
        uint8_t state;
        bool paused;
        bool end_came;
        bool receiving_ended; /* the end has been told */
        bool in_receive;
        bool again;  /* resumed from inside receive */
        bool giving; /* priv.recv is an immediate, not a receive */
        bool gather_full;
        struct msghdr message;
        struct iovec iov[PIRN_STREAM_PIECES];
    } priv;
};

static_assert(sizeof(struct pirn_stream) <= 512, "memory of an idle stream");

/**
 * pirn_stream_init() - take charge of a connected socket
 * @stream:    placed by the caller; not moved until its close has ended
 * @fd:        the socket, not O_NONBLOCK; the stream closes it
 * @buf:       @buf_bytes for receiving, on loan until the close has ended; or
 *             NULL: it receives into the context's buffers
 * @buf_bytes: 1 or more, with a buffer
 * @receive:   called with what comes, once pirn_stream_resume() was called
 *
 * Kernel:  6.0 without a buffer of its own (IORING_RECV_MULTISHOT).
 * Context: the context's thread.
 */
PIRN_API void pirn_stream_init(struct pirn_stream *stream,
                               struct pirn_context *context, int fd,
                               uint8_t *buf, uint32_t buf_bytes,
                               pirn_stream_receive_fn *receive);

/**
 * pirn_stream_resume() - receive, or receive again
 *
 * Bytes that were kept are given first, in a later turn. From inside receive it
 * says that what is not taken now shall be given again at once.
 */
PIRN_API void pirn_stream_resume(struct pirn_stream *stream);

/**
 * pirn_stream_pause() - receive nothing until resumed
 *
 * What the kernel delivers meanwhile is kept; the kernel is asked to deliver no
 * more as soon as it has. A stream that keeps bytes in the context's buffers
 * keeps them from all its other streams: they are as many as the context's
 * configuration says. That the peer has ended, or an error, is told all the
 * same, if no bytes came before it that wait.
 */
PIRN_API void pirn_stream_pause(struct pirn_stream *stream);

/**
 * pirn_prep_stream_send() - send bytes in their turn
 * @op:     idle; start it on the stream's context
 * @stream: not closing
 * @bytes:  @len bytes; loaned until the op ends
 * @len:    1 to INT32_MAX
 *
 * Result: @len, once the socket has taken all of them; or the error that ended
 * the stream; -ECANCELED if it was cancelled while it waited behind another
 * send (a cancel that comes later has no effect: a stream is not cut in
 * mid-message); -EPIPE if it was started while the stream is closing: such an
 * op may end after the close.
 */
PIRN_API void pirn_prep_stream_send(struct pirn_op *op,
                                    struct pirn_stream *stream,
                                    const void *bytes, uint32_t len);

/** pirn_stream_unsent() - bytes which wait for the socket */
PIRN_API uint64_t pirn_stream_unsent(const struct pirn_stream *stream);

/**
 * pirn_prep_stream_drain() - wait until little is unsent
 * @op:        idle; start it on the stream's context, while it is not closed
 * @low_bytes: how much may be left
 *
 * Result: 0, once at most that much waits for the socket, in a later turn
 * also if it is so already; or the error that ended the stream; or -ECANCELED.
 */
PIRN_API void pirn_prep_stream_drain(struct pirn_op *op,
                                     struct pirn_stream *stream,
                                     uint32_t low_bytes);

/* A wait for a stream on which nothing moves. Placed by the caller; op is what
 * is started. */
struct pirn_stream_idle {
    struct pirn_op op;
    struct {
        struct pirn_op timer;
        struct pirn_stream *stream;
        uint64_t timeout_ns;
        bool doubted;
    } priv;
};

/**
 * pirn_prep_stream_idle() - wait until nothing has moved for some time
 * @idle:       idle->op is idle; start it on the stream's context
 * @stream:     open; one such wait at a time
 * @timeout_ns: since the start, or since bytes last came or left; 1 or more
 *
 * Result: 0: a timeout, with which you do what you like; -ECANCELED if it was
 * cancelled, or the stream is closing: a close ends after it; the error of a
 * ring that has failed. Start it again to wait for longer.
 */
PIRN_API void pirn_prep_stream_idle(struct pirn_stream_idle *idle,
                                    struct pirn_stream *stream,
                                    uint64_t timeout_ns);

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
