/* SPDX-License-Identifier: MIT */
/*
 * talk.h - an SMTP session on bytes, and what came of it
 *
 * Feeds the protocol (smtp/protocol.h), does at once what its events ask for
 * and writes all of it down: replies as they are, events in brackets, of each
 * accepted mail the envelope and the bytes. The same log is the same outcome.
 * On the way everything is asserted that holds for any bytes: the form of
 * replies, the order of events, that a stored mail is lines that end, without
 * NUL and bare newlines, and that an envelope is what the spool takes.
 */
#ifndef TESTS_FUZZ_TALK_H
#define TESTS_FUZZ_TALK_H

#include "smtp/protocol.h"
#include "tests/fuzz/fuzz.h"
#include "tests/sim/model/rng.h"

enum { TALK_LOG_MAX = 1 << 18 };

/* A row of bytes that grows, up to that. */
struct talk_row {
    size_t len;
    char bytes[TALK_LOG_MAX];
};

static inline void talk_row_add(struct talk_row *row, const void *bytes,
                                size_t len)
{
    pirn_assert(len <= TALK_LOG_MAX - row->len);
    memcpy(row->bytes + row->len, bytes, len);
    row->len += len;
}

struct talk {
    struct smtp_limits limits;
    struct smtp_protocol protocol;
    uint8_t setting;
    char *block; /* where pieces are */
    char *arena;
    size_t arena_size;
    size_t mail_at; /* where in the log the mail's bytes begin */
    bool in_mail;   /* between 354 and END or ABORT */
    bool closed;
    size_t log_len;
    char log[TALK_LOG_MAX];
    struct talk_row replies; /* what the client hears, but for the greeting */
    struct talk_row kept;    /* of each accepted mail envelope, LF, bytes, LF */
};

/* How the server is set up: bits, any combination. */
enum talk_setting {
    TALK_NORMALIZE = 1, /* bare newlines are the ends of lines */
    TALK_NARROW = 2,    /* limits that are soon met */
    TALK_SMALL = 4,     /* an arena that is soon full */
    TALK_NOT_BEGUN = 8, /* DATA is refused */
    TALK_NOT_KEPT = 16, /* what was sent cannot be kept */
    TALK_GIVEN_UP = 32, /* and that is known early */
    TALK_SETTINGS = 64,
};

/** talk_create() - and talk_begin() before each session */
struct talk *talk_create(void);
void talk_destroy(struct talk *talk);

/** talk_begin() - the connection is there and nothing has been said */
void talk_begin(struct talk *talk, uint8_t setting);

/** talk_hear() - one piece of what the client sends */
void talk_hear(struct talk *talk, const void *bytes, size_t len);

/** talk_hear_pieces() - all of it, cut at random, on changing arenas */
void talk_hear_pieces(struct talk *talk, const void *bytes, size_t len,
                      struct rng *rng);

/** talk_is_same() - whether both have had the same outcome */
bool talk_is_same(const struct talk *a, const struct talk *b);

#endif /* TESTS_FUZZ_TALK_H */
