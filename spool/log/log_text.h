/* SPDX-License-Identifier: MIT */
/*
 * spool/log/log_text.h - the log's text files
 *
 *   pirn-log 2                        .log/log; 1: its tombstones have no
 *   spool 0123456789abcdef0123456789abcdef       checks (tomb_format_1.h)
 *   slots 1048576
 *   segments 1024
 *   segment_bytes 67108864
 *   end ...
 *
 *   pirn-index 1                      .log/index
 *   epoch 7
 *   boot 0123456789abcdef0123456789abcdef
 *   nonce 0123456789abcdef
 *   path /dev/shm/pirn-0123456789abcdef
 *   end ...
 *
 *   pirn-queue 1                      .log/queues/0003
 *   name incoming
 *   end ...
 *
 * Pure.
 */
#ifndef SPOOL_LOG_LOG_TEXT_H
#define SPOOL_LOG_LOG_TEXT_H

#include <stddef.h>

#include "spool/log/index.h"

/* Each text is shorter, with the longest path. */
#define PIRN__LOG_TEXT_MAX 4096u
#define PIRN__INDEX_PATH_MAX 1024u

#define PIRN__LOG_FORMAT 2 /* 1 is read */

struct pirn__log_text {
    int format;
    uint8_t spool[16];
    struct pirn__index_size size;
};

struct pirn__index_text {
    uint64_t epoch;
    uint8_t boot[16];
    uint64_t nonce;
    char path[PIRN__INDEX_PATH_MAX];
};

/* Encoding, in the newest format, returns the length; @buf has
 * PIRN__LOG_TEXT_MAX bytes. Decoding: 0; -EBADMSG damaged; -EPROTO of a newer
 * format. */

size_t pirn__log_text_encode(const struct pirn__log_text *text, char *buf);
PIRN_MUST_CHECK int pirn__log_text_decode(const char *buf, size_t len,
                                          struct pirn__log_text *ret_text);

size_t pirn__index_text_encode(const struct pirn__index_text *text, char *buf);
PIRN_MUST_CHECK int pirn__index_text_decode(const char *buf, size_t len,
                                            struct pirn__index_text *ret_text);

size_t pirn__queue_text_encode(const char *name, char *buf);
PIRN_MUST_CHECK int pirn__queue_text_decode(const char *buf, size_t len,
                                            char name[PIRN_QUEUE_TEXT]);

#endif /* SPOOL_LOG_LOG_TEXT_H */
