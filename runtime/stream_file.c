/* SPDX-License-Identifier: MIT */
/*
 * stream_file.c - see pirn/stream_file.h
 *
 *   EMPTY --read--> READING --bytes--> FULL --send--> LEAVING --sent--> EMPTY
 *
 * The two halves are read in turns, and leave in turns, so the bytes keep their
 * order. After an error, or a cancel, nothing is begun any more; the op ends
 * when nothing of it is in flight.
 */
#include "pirn/stream_file.h"

#include <errno.h>

#include "pirn/file.h"
#include "pirn/invariant.h"
#include "pirn/task.h"

enum half_state { HALF_EMPTY = 0, HALF_READING, HALF_FULL, HALF_LEAVING };

static struct pirn_stream_file *file_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_stream_file, op);
}

static struct pirn_stream_half *half_of(struct pirn_op *op)
{
    return pirn_container_of(op, struct pirn_stream_half, op);
}

static void go_on(struct pirn_stream_file *file);

static void fail(struct pirn_stream_file *file, int32_t error)
{
    if (file->priv.error == 0) {
        file->priv.error = error;
    }
}

static void was_read(struct pirn_op *op, int32_t result)
{
    struct pirn_stream_half *half = half_of(op);
    struct pirn_stream_file *file = half->file;

    half->state = HALF_EMPTY;
    if (result > 0) {
        half->state = HALF_FULL;
        half->len = (uint32_t)result;
        file->priv.offset += (uint32_t)result;
        file->priv.unread -= (uint32_t)result;
        file->priv.reads ^= 1;
    } else if (result != -EINTR) {
        fail(file, result < 0 ? result : -ENODATA);
    }
    go_on(file);
}

static void has_left(struct pirn_op *op, int32_t result)
{
    struct pirn_stream_half *half = half_of(op);
    struct pirn_stream_file *file = half->file;

    half->state = HALF_EMPTY;
    if (result < 0) {
        fail(file, result);
    } else {
        file->priv.sent += (uint32_t)result;
    }
    go_on(file);
}

static void read_next(struct pirn_stream_file *file)
{
    struct pirn_stream_half *half = &file->priv.halves[file->priv.reads];
    uint32_t len = file->priv.unread < file->priv.half_bytes
                       ? (uint32_t)file->priv.unread
                       : file->priv.half_bytes;

    if (len > 0 && half->state == HALF_EMPTY) {
        half->state = HALF_READING;
        pirn_prep_read(&half->op, file->priv.fd, half->buf, len,
                       file->priv.offset);
        pirn_start(file->priv.context, &half->op, was_read);
    }
}

static void send_next(struct pirn_stream_file *file)
{
    struct pirn_stream_half *half = &file->priv.halves[file->priv.sends];

    if (half->state == HALF_FULL) {
        half->state = HALF_LEAVING;
        file->priv.sends ^= 1;
        pirn_prep_stream_send(&half->op, file->priv.stream, half->buf,
                              half->len);
        pirn_start(file->priv.context, &half->op, has_left);
    }
}

static bool is_in_flight(const struct pirn_stream_half *half)
{
    return half->state == HALF_READING || half->state == HALF_LEAVING;
}

/* A read runs into one half at a time: the other's comes behind it. */
static void go_on(struct pirn_stream_file *file)
{
    const struct pirn_stream_half *halves = file->priv.halves;

    if (file->priv.error == 0) {
        send_next(file);
        if (halves[0].state != HALF_READING &&
            halves[1].state != HALF_READING) {
            read_next(file);
        }
    }
    if (!is_in_flight(&halves[0]) && !is_in_flight(&halves[1])) {
        pirn_task_finish(file->priv.context, &file->op, file->priv.error);
    }
}

static void file_begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_stream_file *file = file_of(op);

    file->priv.context = context;
    go_on(file);
}

static void file_cancel(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn_stream_file *file = file_of(op);

    fail(file, -ECANCELED);
    pirn_cancel(context, &file->priv.halves[0].op);
    pirn_cancel(context, &file->priv.halves[1].op);
}

static const struct pirn_task_verbs file_verbs = {
    .begin = file_begin,
    .cancel = file_cancel,
};

void pirn_prep_stream_file(struct pirn_stream_file *file,
                           struct pirn_stream *stream, int fd, uint64_t offset,
                           uint64_t len, void *buf, uint32_t buf_bytes)
{
    uint32_t half_bytes = buf_bytes / 2;

    pirn_assert(fd >= 0);
    pirn_assert(buf != NULL && half_bytes > 0 && half_bytes <= INT32_MAX);

    pirn_prep_task(&file->op, &file_verbs);
    file->priv = (typeof(file->priv)){
        .stream = stream,
        .fd = fd,
        .offset = offset,
        .unread = len,
        .half_bytes = half_bytes,
    };
    for (int i = 0; i < 2; i++) {
        file->priv.halves[i].file = file;
        file->priv.halves[i].buf = (uint8_t *)buf + (size_t)i * half_bytes;
    }
}

uint64_t pirn_stream_file_sent(const struct pirn_stream_file *file)
{
    return file->priv.sent;
}
