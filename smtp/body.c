/* SPDX-License-Identifier: MIT */
/*
 * body.c - see smtp/body.h
 *
 * The input is cut into runs and marks. A run is text with its CR LFs and goes
 * out as it lies; a mark is the byte at which a run must stop: a dot at the
 * start of a line, or a byte that is wrong where it stands. A CR goes out with
 * its run before its LF has been seen: where the LF then fails to come the
 * mail is refused, or the LF supplied. Only a CR behind a lone dot waits,
 * because it may belong to the end.
 */
#include "smtp/body.h"

#include <stdbool.h>

#include <pirn/invariant.h>

enum place {
    AT_LINE,      /* after CR LF, or at the very start */
    AT_BARE_LINE, /* after a bare CR or LF that counts as the end of a line */
    AT_DOT,       /* after a dot at AT_LINE */
    AT_DOT_CR,    /* and its CR */
    AT_TEXT,      /* within a line */
    AT_CR,        /* after a CR that is already in a run */
};

void pirn__smtp_body_init(struct smtp_body *body, enum smtp_bare_newline policy)
{
    body->policy = (uint8_t)policy;
    body->place = AT_LINE;
}

static bool is_dot_at_line(const struct smtp_body *body, char byte)
{
    return byte == '.' &&
           (body->place == AT_LINE || body->place == AT_BARE_LINE);
}

/* Bytes up to the next mark; 0 if the first byte is one. */
static size_t run(struct smtp_body *body, const char *bytes, size_t len)
{
    size_t at = 0;

    if (body->place == AT_DOT || body->place == AT_DOT_CR) {
        return 0;
    }
    while (at < len && !is_dot_at_line(body, bytes[at])) {
        if (body->place == AT_CR) {
            if (bytes[at] != '\n') {
                break;
            }
            body->place = AT_LINE;
            at++;
            continue;
        }
        body->place = AT_TEXT;
        at += pirn__smtp_scan_special(bytes + at, len - at);
        if (at == len || bytes[at] != '\r') {
            break;
        }
        body->place = AT_CR;
        at++;
    }
    return at;
}

/* A CR or LF stands alone; @missing is what turns it into a CR LF. */
static enum smtp_body_outcome bare(struct smtp_body *body,
                                   struct smtp_span missing,
                                   struct smtp_span *ret_run)
{
    if (body->policy == SMTP_BARE_REFUSE) {
        body->place = AT_TEXT;
        return SMTP_BODY_BARE;
    }
    body->place = AT_BARE_LINE;
    *ret_run = missing;
    return SMTP_BODY_RUN;
}

static enum smtp_body_outcome step(struct smtp_body *body, enum place place)
{
    body->place = (uint8_t)place;
    return SMTP_BODY_MORE;
}

/* The byte at which a run stopped. Return: 1, or 0 if it belongs to what
 * follows. */
static size_t mark(struct smtp_body *body, char byte,
                   enum smtp_body_outcome *ret_outcome,
                   struct smtp_span *ret_run)
{
    static const char newline[] = "\r\n";
    const struct smtp_span cr_lf = {newline, 2};
    const struct smtp_span lf = {newline + 1, 1};

    switch ((enum place)body->place) {
    case AT_LINE:
        *ret_outcome = step(body, AT_DOT);
        return 1;
    case AT_BARE_LINE:
        *ret_outcome = step(body, AT_TEXT);
        return 1;
    case AT_DOT:
        *ret_outcome = step(body, byte == '\r' ? AT_DOT_CR : AT_TEXT);
        return byte == '\r' ? 1 : 0;
    case AT_DOT_CR:
        *ret_outcome =
            byte == '\n' ? SMTP_BODY_END : bare(body, cr_lf, ret_run);
        return byte == '\n' ? 1 : 0;
    case AT_TEXT:
        pirn_assert(byte == '\0' || byte == '\n');
        *ret_outcome =
            byte == '\0' ? SMTP_BODY_NUL : bare(body, cr_lf, ret_run);
        return 1;
    case AT_CR:
        *ret_outcome = bare(body, lf, ret_run);
        return 0;
    }
    pirn_unreachable("a body decoder has six places");
}

size_t pirn__smtp_body_decode(struct smtp_body *body, const char *bytes,
                              size_t len, enum smtp_body_outcome *ret_outcome,
                              struct smtp_span *ret_run)
{
    size_t at = 0;

    *ret_outcome = SMTP_BODY_MORE;
    while (at < len && *ret_outcome == SMTP_BODY_MORE) {
        size_t run_len = run(body, bytes + at, len - at);

        if (run_len > 0) {
            *ret_outcome = SMTP_BODY_RUN;
            *ret_run = (struct smtp_span){bytes + at, run_len};
            at += run_len;
        } else {
            at += mark(body, bytes[at], ret_outcome, ret_run);
        }
    }
    return at;
}
