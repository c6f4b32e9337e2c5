/* SPDX-License-Identifier: MIT */
/*
 * spool/file/body.h - reading a body, and whether it is what was stored
 */
#ifndef SPOOL_FILE_BODY_H
#define SPOOL_FILE_BODY_H

#include <sys/stat.h>

#include <sys/uio.h>

#include "spool/hash.h"
#include "spool/spool.h"

/* Placed in a claim's or a view's work; pirn__body_init() once. */
struct pirn__body {
    struct pirn_op op; /* one read */
    struct pirn_spool *spool;
    const struct pirn_item *item; /* size and digest as stored */
    int fd;
    XXH3_state_t *hash; /* of the first @hashed bytes */
    uint64_t hashed;
    char *buf;
    uint32_t len;
    uint64_t offset;
    int32_t result; /* that may say it is no file */
    bool waits;     /* it is one */
    struct pirn_op step;
    struct statx statx;
    struct iovec pieces[2];
    char beyond[1];
    struct pirn__name path;
};

void pirn__body_init(struct pirn__body *body, struct pirn_spool *spool,
                     const struct pirn_item *item);

/**
 * pirn__prep_body_read() - read, opening the body if it is not open
 *
 * Result: bytes read, 0 at the end; -ENOENT there is none; -EBADMSG it is no
 * file, its size is another than was stored, or, once it was read from the
 * beginning to the end in order, its digest.
 */
void pirn__prep_body_read(struct pirn__body *body, void *buf, uint32_t len,
                          uint64_t offset);

/** pirn__body_prep_close() - into @op; result 0 */
void pirn__body_prep_close(struct pirn__body *body, struct pirn_op *op);

#endif /* SPOOL_FILE_BODY_H */
