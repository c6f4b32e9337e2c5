/* SPDX-License-Identifier: MIT */
/*
 * body.c - what is read is hashed as it goes by
 *
 * Its size is asked of the file system before the first read, unless that reads
 * all of it: then the read tells, without a worker; and without a turn, where
 * all of it is in memory.
 *
 * A reader that goes from the beginning to the end in order gets the digest
 * checked before he gets the last bytes. One that jumps about gets the size
 * checked only: what he skips is not read for his sake.
 *
 * What is no file is damaged; its kind is asked when an open or a read says so.
 */
#include "spool/file/body.h"

#include <errno.h>
#include <fcntl.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "runtime/plant.h"
#include "spool/opens.h"

static struct pirn__body *body_of(struct pirn_op *step)
{
    return pirn_container_of(step, struct pirn__body, step);
}

static void finish(struct pirn__body *body, int32_t result)
{
    pirn_assert(result <= (int64_t)body->len);
    pirn_assert(!pirn_op_is_idle(&body->op));
    pirn_task_finish(body->spool->context, &body->op, result);
}

void pirn__body_init(struct pirn__body *body, struct pirn_spool *spool,
                     const struct pirn_item *item)
{
    pirn_assert(spool != NULL && item != NULL);
    body->spool = spool;
    body->item = item;
    body->fd = -1;
    body->hash = NULL;
    body->hashed = 0;
    body->waits = false;
}

/* ---- what may be no file ---- */

static void start_open(struct pirn__body *body);

static void closed(struct pirn_op *op, int32_t result)
{
    pirn_assert(result <= 0); /* nothing was written */
    start_open(body_of(op));
}

static void asked(struct pirn_op *op, int32_t result)
{
    struct pirn__body *body = body_of(op);
    int32_t r = pirn__foreign(&body->statx, result, body->result);

    if (r != -EAGAIN || body->waits) {
        finish(body, r);
        return;
    }
    body->waits = true;
    if (body->fd < 0) {
        start_open(body);
        return;
    }
    pirn_prep_close(&body->step, body->fd);
    body->fd = -1;
    pirn_start(body->spool->context, &body->step, closed);
}

static void failed(struct pirn__body *body, int32_t result)
{
    pirn_assert(result < 0);
    if (!pirn__may_be_foreign(result)) {
        finish(body, result);
        return;
    }
    body->result = result;
    pirn__prep_ask_kind(&body->step, body->spool->root_fd, body->path.text,
                        &body->statx);
    pirn_start(body->spool->context, &body->step, asked);
}

/* ---- one read ---- */

/* -EBADMSG: the last of the bytes, and all together are not what was stored. */
static int32_t check(struct pirn__body *body, uint32_t len)
{
    uint64_t size = body->item->size_bytes;

    pirn_assert(len <= body->len + sizeof(body->beyond));
    pirn_assert(body->hashed <= size);
    if (body->offset + len > size || (len == 0 && body->offset < size)) {
        return -EBADMSG;
    }
    if (pirn__planted("short-body-damages") && len < body->len &&
        body->offset + len < size) {
        return -EBADMSG;
    }
    if (body->offset != body->hashed || (len == 0 && size > 0)) {
        return 0;
    }
    pirn__hash_add(body->hash, body->buf, len);
    body->hashed += len;
    if (body->hashed == size &&
        XXH3_64bits_digest(body->hash) != body->item->digest) {
        return -EBADMSG;
    }
    return 0;
}

static void have_read(struct pirn_op *op, int32_t result)
{
    struct pirn__body *body = body_of(op);

    if (result < 0) {
        failed(body, result);
        return;
    }
    int32_t r = check(body, (uint32_t)result);
    finish(body, r < 0 ? r : result);
}

static void read_piece(struct pirn__body *body)
{
    uint64_t size = body->item->size_bytes;

    pirn_assert(body->fd >= 0);
    pirn_assert(body->hash != NULL);
    if (body->offset >= size && size > 0) {
        finish(body, 0);
        return;
    }
    pirn_prep_read(&body->step, body->fd, body->buf, body->len, body->offset);
    pirn_start(body->spool->context, &body->step, have_read);
}

static void have_size(struct pirn_op *op, int32_t result)
{
    struct pirn__body *body = body_of(op);

    pirn_assert(result <= 0);
    if (result < 0 || !pirn__is_file(&body->statx) ||
        body->statx.stx_size != body->item->size_bytes) {
        finish(body, result < 0 ? result : -EBADMSG);
        return;
    }
    read_piece(body);
}

static void ask_size(struct pirn__body *body)
{
    pirn_prep_stat(&body->step, body->fd, "", AT_EMPTY_PATH,
                   STATX_TYPE | STATX_SIZE, &body->statx);
    pirn_start(body->spool->context, &body->step, have_size);
}

static void have_whole(struct pirn_op *op, int32_t result)
{
    struct pirn__body *body = body_of(op);

    if (result >= 0 && (uint64_t)result < body->item->size_bytes) {
        ask_size(body); /* it fell short, or that is all there is */
        return;
    }
    have_read(op, result);
}

/* A byte more than it should have says that it has: then nobody need ask. */
static void read_whole(struct pirn__body *body)
{
    pirn_assert(body->offset == 0 && body->len >= body->item->size_bytes);
    body->pieces[0] =
        (struct iovec){.iov_base = body->buf, .iov_len = body->len};
    body->pieces[1] = (struct iovec){.iov_base = body->beyond,
                                     .iov_len = sizeof(body->beyond)};
    pirn_prep_readv(&body->step, body->fd, body->pieces, 2, 0);
    pirn_start(body->spool->context, &body->step, have_whole);
}

/* Bytes of @len, or an errno; without a turn, if they are in memory. */
static int32_t peek(struct pirn__body *body, void *buf, uint32_t len,
                    uint64_t offset)
{
    return pirn_read_cached(body->spool->context, body->fd, buf, len, offset);
}

/* All of it, and that there is no more. Else it is for an op; -ESPIPE: of a
 * FIFO's it is not. */
static int32_t read_at_once(struct pirn__body *body)
{
    uint64_t size = body->item->size_bytes;

    pirn_assert(body->offset == 0 && body->len >= size);
    int32_t r = peek(body, body->buf, body->len, 0);
    if (r < 0 || (uint64_t)r != size) {
        return r == -ESPIPE ? r : -EAGAIN;
    }
    bool is_all = size < body->len ||
                  peek(body, body->beyond, sizeof(body->beyond), size) == 0;
    return is_all ? r : -EAGAIN;
}

static void opened(struct pirn_op *op, int32_t result)
{
    struct pirn__body *body = body_of(op);

    pirn_assert(body->fd < 0);
    if (result < 0) {
        failed(body, result);
        return;
    }
    body->fd = result;
    if (body->offset > 0 || body->len < body->item->size_bytes) {
        ask_size(body);
        return;
    }
    int32_t r = read_at_once(body);
    if (r == -EAGAIN) {
        read_whole(body);
    } else {
        have_read(op, r);
    }
}

static void start_open(struct pirn__body *body)
{
    int root = body->spool->root_fd;

    if (body->waits) {
        pirn__prep_open_waiting(&body->step, root, body->path.text, O_RDONLY);
    } else {
        pirn__prep_open(&body->step, root, body->path.text, O_RDONLY);
    }
    pirn_start(body->spool->context, &body->step, opened);
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__body *body = pirn_container_of(op, struct pirn__body, op);

    pirn_assert(body->item != NULL);
    pirn_assert(context == body->spool->context);
    if (body->fd >= 0) {
        read_piece(body);
        return;
    }
    if (body->hash == NULL) {
        body->hash = XXH3_createState();
        if (body->hash == NULL) {
            finish(body, -ENOMEM);
            return;
        }
        (void)XXH3_64bits_reset(body->hash);
    }
    pirn__name_body(&body->path, &body->item->id);
    start_open(body);
}

static const struct pirn_task_verbs verbs = {.begin = begin};

void pirn__prep_body_read(struct pirn__body *body, void *buf, uint32_t len,
                          uint64_t offset)
{
    pirn_assert(buf != NULL && len > 0);

    body->buf = buf;
    body->len = len;
    body->offset = offset;
    pirn_prep_task(&body->op, &verbs);
}

void pirn__body_prep_close(struct pirn__body *body, struct pirn_op *op)
{
    pirn_assert(pirn_op_is_idle(&body->op));
    (void)XXH3_freeState(body->hash);
    body->hash = NULL;
    if (body->fd >= 0) {
        pirn_prep_close(op, body->fd);
        body->fd = -1;
    } else {
        pirn_prep_nop(op);
    }
}
