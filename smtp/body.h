/* SPDX-License-Identifier: MIT */
/*
 * smtp/body.h - from what follows 354 to the mail that was meant
 *
 * The mail is the bytes after the DATA line's CR LF, up to and including the
 * CR LF before the final dot. Of a line that begins with a dot, the dot is
 * dropped. Only CR LF . CR LF ends the data: readers who also stop at
 * LF . LF, CR LF . LF and the like can be made to see a second mail inside
 * the first ("SMTP smuggling", CVE-2023-51764 to -51766).
 *
 *          CR LF                 any                 any other
 *      +-----------> line start ------> text ... ------------+
 *      |                | .                ^                 |
 *      |                v                  | any other       |
 *      |            after a dot -----------+                 |
 *      |                | CR LF                              |
 *      |                v                                    |
 *      +--- text       end              bare CR, bare LF, NUL: a fault
 *
 * Lines may have any length: one over 998 bytes is passed on as it came. Pure.
 */
#ifndef SMTP_BODY_H
#define SMTP_BODY_H

#include <stddef.h>
#include <stdint.h>

#include "smtp/scan.h"

/* What a CR or a LF without the other is taken for. */
enum smtp_bare_newline {
    SMTP_BARE_REFUSE,    /* a fault; text like any other when looking for the
                            end */
    SMTP_BARE_NORMALIZE, /* the end of a line, passed on as CR LF; still no part
                            of the end of the data. For trusted networks. */
};

struct smtp_body {
    uint8_t policy; /* enum smtp_bare_newline */
    uint8_t place;  /* of the next byte; the .c knows the places */
};

enum smtp_body_outcome {
    SMTP_BODY_MORE, /* all consumed, nothing to tell */
    SMTP_BODY_RUN,  /* a piece of the mail */
    SMTP_BODY_BARE, /* a bare CR or LF has been consumed */
    SMTP_BODY_NUL,  /* a NUL has been consumed */
    SMTP_BODY_END,  /* the end of the data has been consumed */
};

/**
 * pirn__smtp_body_init() - stand behind the DATA line's CR LF
 * @body:   placed by the caller
 * @policy: for bare CR and LF
 */
void pirn__smtp_body_init(struct smtp_body *body,
                          enum smtp_bare_newline policy);

/**
 * pirn__smtp_body_decode() - read on, to the first thing worth telling
 * @body:        where the data stand
 * @bytes:       @len bytes
 * @ret_outcome: what was found
 * @ret_run:     the piece, if SMTP_BODY_RUN: as many lines as lie together;
 *               borrows @bytes, or points at two constant bytes
 *
 * After a fault one can go on: the end will be found where it is. After the
 * end, init comes first.
 *
 * Return: bytes consumed.
 */
size_t pirn__smtp_body_decode(struct smtp_body *body, const char *bytes,
                              size_t len, enum smtp_body_outcome *ret_outcome,
                              struct smtp_span *ret_run);

#endif /* SMTP_BODY_H */
