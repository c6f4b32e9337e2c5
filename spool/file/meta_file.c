/* SPDX-License-Identifier: MIT */
/*
 * meta_file.c - read whole, verify, then believe
 *
 * Metadata are small, so one read usually has them, and that from memory,
 * without a turn; one that fills its buffer is read again into a buffer which
 * the longest metadata do not fill. A read may fall short, so what does not
 * decode is read again, now with its size, and is damaged only if all of it was
 * read: two reads may fall short at the same place. The memory holds the text
 * and, behind it, the fields as they are decoded.
 *
 * What cannot be read because it is no file is damaged, too. That is asked when
 * an open or a read says so (opens.h): what is well is not asked.
 */
#include "spool/file/meta_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/path.h>
#include <pirn/task.h>

#include "runtime/plant.h"
#include "spool/file/meta.h"
#include "spool/opens.h"

/* So many short reads in a row say that it is no accident. */
enum { CAP_FIRST = 2048, SHORT_MAX = 16 };

static void attempt(struct pirn__meta_read *read, uint32_t cap);

static void finish(struct pirn__meta_read *read, int32_t result)
{
    pirn_assert(result <= 0);
    pirn_assert(result < 0 || read->memory != NULL);
    if (result < 0) {
        free(read->memory);
        read->memory = NULL;
    }
    pirn_task_finish(read->spool->context, &read->op, result);
}

static int32_t decode(struct pirn__meta_read *read, uint32_t len)
{
    int r = pirn__meta_decode(read->memory, len, read->memory + read->cap,
                              &read->item);

    if (r == 0 && memcmp(&read->item.id, &read->id, sizeof(read->id)) != 0) {
        return -EBADMSG;
    }
    return r;
}

/* Whether there is more of it than the @len bytes that were read. */
static bool is_short(const struct pirn__meta_read *read, uint32_t len)
{
    pirn_assert(len <= read->cap);
    return read->tries == 0 || (len < read->cap && len < read->statx.stx_size);
}

static void asked(struct pirn_op *op, int32_t result)
{
    struct pirn__meta_read *read =
        pirn_container_of(op, struct pirn__meta_read, stat);
    int32_t r = pirn__foreign(&read->statx, result, read->result);

    if (r == -EAGAIN && !read->waits) {
        read->waits = true;
        attempt(read, read->cap);
        return;
    }
    finish(read, r);
}

static void failed(struct pirn__meta_read *read, int32_t result)
{
    struct pirn_spool *spool = read->spool;

    pirn_assert(result < 0);
    if (!pirn__may_be_foreign(result)) {
        finish(read, result == -EIO ? -EBADMSG : result);
        return;
    }
    free(read->memory);
    read->memory = NULL;
    read->result = result;
    pirn__prep_ask_kind(&read->stat, spool->root_fd, read->path.text,
                        &read->statx);
    pirn_start(spool->context, &read->stat, asked);
}

static void done(struct pirn_op *op, int32_t result)
{
    struct pirn__meta_read *read =
        pirn_container_of(op, struct pirn__meta_read, chain.op);

    pirn_assert(result <= 0);
    if (result < 0) {
        failed(read, result);
        return;
    }
    uint32_t len = (uint32_t)pirn_op_result(&read->read);
    pirn_assert(len <= read->cap);
    if (len == read->cap && read->cap == CAP_FIRST) {
        free(read->memory);
        attempt(read, PIRN__META_MAX + 1);
        return;
    }
    int32_t r = decode(read, len);
    if (r == -EBADMSG && is_short(read, len) &&
        !pirn__planted("short-read-damages")) {
        if (read->tries++ == SHORT_MAX) {
            finish(read, -EAGAIN);
            return;
        }
        free(read->memory);
        attempt(read, read->cap);
        return;
    }
    finish(read, r);
}

static void start_steps(struct pirn__meta_read *read, uint32_t count, int fd)
{
    pirn_prep_read(&read->read, fd, read->memory, read->cap, 0);
    read->steps[count++] = &read->read;
    if (read->tries > 0) {
        pirn_prep_stat(&read->stat, fd, "", AT_EMPTY_PATH, STATX_SIZE,
                       &read->statx);
        read->steps[count++] = &read->stat;
    }
    pirn_prep_close(&read->close, fd);
    pirn_step_when(&read->close, PIRN_STEP_ALWAYS);
    read->steps[count++] = &read->close;
    pirn_chain_start(read->spool->context, &read->chain, read->steps, count,
                     done);
}

static void closed(struct pirn_op *op, int32_t result)
{
    struct pirn__meta_read *read =
        pirn_container_of(op, struct pirn__meta_read, close);

    pirn_assert(result <= 0); /* nothing was written */
    if (read->result < 0) {
        failed(read, read->result);
    } else {
        finish(read, 0);
    }
}

/* What is in memory is had without a turn. Whatever else comes of that, a read
 * that falls short or one that does not decode, is for the op; but a FIFO is
 * not, which answers -ESPIPE. */
static bool read_at_once(struct pirn__meta_read *read, int fd)
{
    int32_t r =
        pirn_read_cached(read->spool->context, fd, read->memory, read->cap, 0);

    read->result = r == -ESPIPE ? r : 0;
    return r == -ESPIPE ||
           (r > 0 && (uint32_t)r < read->cap && decode(read, (uint32_t)r) == 0);
}

static void opened(struct pirn_op *op, int32_t result)
{
    struct pirn__meta_read *read =
        pirn_container_of(op, struct pirn__meta_read, open);

    if (result < 0) {
        failed(read, result);
    } else if (read_at_once(read, result)) {
        pirn_prep_close(&read->close, result);
        pirn_start(read->spool->context, &read->close, closed);
    } else {
        start_steps(read, 0, result);
    }
}

static void attempt(struct pirn__meta_read *read, uint32_t cap)
{
    struct pirn_spool *spool = read->spool;

    read->cap = cap;
    read->memory = malloc(2 * (size_t)cap);
    if (read->memory == NULL) {
        finish(read, -ENOMEM);
        return;
    }
    if (read->waits) {
        pirn__prep_open_waiting(&read->open, spool->root_fd, read->path.text,
                                O_RDONLY);
    } else {
        pirn__prep_open(&read->open, spool->root_fd, read->path.text, O_RDONLY);
    }
    if (cap == CAP_FIRST && read->tries == 0) {
        pirn_start(spool->context, &read->open, opened);
        return;
    }
    read->steps[0] = &read->open;
    start_steps(read, 1, PIRN_FD_OF(0));
}

static void begin(struct pirn_context *context, struct pirn_op *op)
{
    struct pirn__meta_read *read =
        pirn_container_of(op, struct pirn__meta_read, op);

    pirn_assert(context == read->spool->context);
    read->memory = NULL;
    read->tries = 0;
    read->waits = false;
    attempt(read, CAP_FIRST);
}

static const struct pirn_task_verbs verbs = {.begin = begin};

void pirn__prep_meta_read(struct pirn__meta_read *read,
                          struct pirn_spool *spool, const struct pirn_id *id)
{
    pirn_assert(read->path.text[0] != '\0');
    read->spool = spool;
    read->id = *id;
    pirn_prep_task(&read->op, &verbs);
}

char *pirn__meta_text(const struct pirn_item *item, uint32_t *ret_len)
{
    size_t size = pirn__meta_size(item);
    char *text = malloc(size);

    if (text != NULL) {
        size_t len = pirn__meta_encode(item, text, size);
        pirn_assert(len == size);
        *ret_len = (uint32_t)len;
    }
    return text;
}
