/* SPDX-License-Identifier: MIT */
/*
 * pirn/stream_file.h - a part of a file, sent on a stream
 *
 * One half of a buffer is read into while the other leaves:
 *
 *   file --read--> [ half ] --send--> stream
 *   file --read--> [ half ] --send--> stream
 *
 * The bytes are read: a splice would keep a worker for as long as a slow peer
 * takes, and a file that is written to again would change what is on its way.
 *
 * Its halves are sends like others: what else is started on the stream before
 * it has ended may leave between them. Who sends more than files runs his
 * messages through a serial (pirn/serial.h), this op among them.
 */
#ifndef PIRN_STREAM_FILE_H
#define PIRN_STREAM_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include <pirn/base.h>
#include <pirn/stream.h>

PIRN_BEGIN_DECLS

/* Placed by the caller; op is what is started. */
struct pirn_stream_file {
    struct pirn_op op;
    struct {
        struct pirn_stream_half {
            struct pirn_op op; /* its read, or its send */
            uint8_t *buf;
            uint32_t len;
            uint8_t state;
            struct pirn_stream_file *file;
        } halves[2];
        struct pirn_stream *stream;
        struct pirn_context *context;
        uint64_t offset; /* of the next read */
        uint64_t unread;
        uint64_t sent;
        uint32_t half_bytes;
        int32_t fd;
        int32_t error;
        uint8_t reads; /* the half that is read into next */
        uint8_t sends; /* the half that leaves next */
    } priv;
};

/**
 * pirn_prep_stream_file() - send @len bytes of a file
 * @file:      file->op is idle; start it on the stream's context
 * @stream:    open
 * @fd:        the file, until the op has ended
 * @offset:    bytes from its start
 * @len:       bytes; 0 ends at once
 * @buf:       @buf_bytes; loaned until the op ends
 * @buf_bytes: 2 or more; 128 KiB is plenty
 *
 * Result: 0, once the socket has taken all of it; the error of the file or of
 * the stream; -ENODATA if the file ends before; -ECANCELED. After an error part
 * of it may have left: pirn_stream_file_sent() says how much.
 */
PIRN_API void pirn_prep_stream_file(struct pirn_stream_file *file,
                                    struct pirn_stream *stream, int fd,
                                    uint64_t offset, uint64_t len, void *buf,
                                    uint32_t buf_bytes);

/** pirn_stream_file_sent() - bytes that the socket has taken, for progress */
PIRN_API uint64_t pirn_stream_file_sent(const struct pirn_stream_file *file);

PIRN_END_DECLS

#endif /* PIRN_STREAM_FILE_H */
