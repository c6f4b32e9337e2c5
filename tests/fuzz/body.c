/* SPDX-License-Identifier: MIT */
/*
 * body.c - any bytes behind 354, in any pieces
 *
 * Held against a reading that sees all bytes at once and knows lines instead of
 * places: cut at each CR LF; the line "." is the end; of every other line, and
 * of what a bare newline makes a line where that is allowed, a leading dot is
 * dropped. Then the way back: whatever a client means, stuffed with dots as RFC
 * 5321 says, comes out as it was.
 *
 * The first byte says what bare newlines are, the next two how it is cut.
 */
#include "tests/fuzz/fuzz.h"

#include "smtp/body.h"
#include "tests/sim/model/rng.h"

const struct fuzz_target fuzz_target = {"body", 60000, 4096};

/* What was read, by either. Each byte of input makes two of mail at most. */
struct reading {
    char *mail;
    char *block; /* where pieces are */
    size_t len;
    size_t used; /* bytes, with the end; all of them if there is none */
    bool has_ended;
    bool has_bare;
    bool has_nul;
};

static struct reading reading_of(size_t input)
{
    struct reading reading = {.mail = malloc(2 * input + 2)};

    pirn_assert(reading.mail != NULL);
    return reading;
}

static void reading_free(struct reading *reading)
{
    free(reading->mail);
    free(reading->block);
}

static void put(struct reading *reading, const char *bytes, size_t len)
{
    memcpy(reading->mail + reading->len, bytes, len);
    reading->len += len;
}

/* A line without its CR LF; a bare newline inside cuts it. */
static void read_line(struct reading *reading, const char *line, size_t len)
{
    size_t begin = len > 0 && line[0] == '.' ? 1 : 0;

    for (size_t at = 0; at < len; at++) {
        reading->has_nul = reading->has_nul || line[at] == '\0';
        if (line[at] != '\r' && line[at] != '\n') {
            continue;
        }
        reading->has_bare = true;
        put(reading, line + begin, at - begin);
        put(reading, "\r\n", 2);
        begin = at + 1 < len && line[at + 1] == '.' ? at + 2 : at + 1;
        begin = begin < len ? begin : len;
    }
    put(reading, line + begin, len - begin);
}

static struct reading read_lines(const char *bytes, size_t len)
{
    struct reading reading = reading_of(len);
    size_t at = 0;

    while (at < len) {
        const char *end = memmem(bytes + at, len - at, "\r\n", 2);
        size_t line = end != NULL ? (size_t)(end - bytes) - at : len - at;
        reading.has_ended = end != NULL && line == 1 && bytes[at] == '.';
        reading.used = end != NULL ? at + line + 2 : len;
        if (reading.has_ended) {
            break;
        }
        if (end == NULL && bytes[len - 1] == '\r') {
            line--; /* its LF may come */
        }
        read_line(&reading, bytes + at, line);
        if (end != NULL) {
            put(&reading, "\r\n", 2);
        }
        at = reading.used;
    }
    return reading;
}

/* One piece, to its end or the mail's. */
static void read_piece(struct smtp_body *body, const char *bytes, size_t len,
                       struct reading *reading)
{
    const char *piece = fuzz_piece(&reading->block, bytes, len);
    size_t at = 0;

    while (at < len && !reading->has_ended) {
        enum smtp_body_outcome outcome;
        struct smtp_span run;
        size_t used =
            pirn__smtp_body_decode(body, piece + at, len - at, &outcome, &run);
        pirn_assert(used <= len - at);
        pirn_assert(used > 0 || outcome == SMTP_BODY_RUN ||
                    outcome == SMTP_BODY_BARE);
        pirn_assert(outcome != SMTP_BODY_MORE || used == len - at);
        if (outcome == SMTP_BODY_RUN) {
            pirn_assert(run.len > 0);
            put(reading, run.bytes, run.len);
        }
        reading->has_bare = reading->has_bare || outcome == SMTP_BODY_BARE;
        reading->has_nul = reading->has_nul || outcome == SMTP_BODY_NUL;
        reading->has_ended = outcome == SMTP_BODY_END;
        at += used;
    }
    reading->used += at;
}

static struct reading read_pieces(enum smtp_bare_newline policy,
                                  const char *bytes, size_t len,
                                  struct rng *rng)
{
    struct reading reading = reading_of(len);
    struct smtp_body body;
    size_t at = 0;

    pirn__smtp_body_init(&body, policy);
    while (at < len && !reading.has_ended) {
        size_t piece = rng_between(rng, 1, rng_coin(rng) ? 4 : 256);
        piece = piece < len - at ? piece : len - at;
        read_piece(&body, bytes + at, piece, &reading);
        at += piece;
    }
    return reading;
}

/* What is not decided yet at the end of the input may be missing in one. */
static void check_same(const struct reading *read, const struct reading *lines,
                       enum smtp_bare_newline policy)
{
    pirn_assert(read->has_ended == lines->has_ended);
    pirn_assert(read->used == lines->used);
    pirn_assert(read->has_nul == lines->has_nul);
    if (policy == SMTP_BARE_REFUSE) {
        pirn_assert(read->has_bare == lines->has_bare);
    }
    if (lines->has_nul || (lines->has_bare && policy == SMTP_BARE_REFUSE)) {
        return; /* what is refused has no bytes */
    }
    size_t len = read->len < lines->len ? read->len : lines->len;
    pirn_assert(memcmp(read->mail, lines->mail, len) == 0);
    pirn_assert(!lines->has_ended || read->len == lines->len);
    pirn_assert(read->len + 2 >= lines->len && lines->len + 2 >= read->len);
}

/* A mail as a client has it: lines that end, without NUL. */
static size_t mean(const char *bytes, size_t len, char *mail)
{
    size_t out = 0;

    for (size_t i = 0; i < len; i++) {
        if (bytes[i] == '\n') {
            mail[out++] = '\r';
        }
        if (bytes[i] != '\r' && bytes[i] != '\0') {
            mail[out++] = bytes[i];
        }
    }
    if (out > 0 && mail[out - 1] != '\n') {
        mail[out++] = '\r';
        mail[out++] = '\n';
    }
    return out;
}

static size_t stuff(const char *mail, size_t len, char *wire)
{
    size_t out = 0;

    for (size_t i = 0; i < len; i++) {
        if (mail[i] == '.' && (i == 0 || mail[i - 1] == '\n')) {
            wire[out++] = '.';
        }
        wire[out++] = mail[i];
    }
    memcpy(wire + out, ".\r\n", 3);
    return out + 3;
}

static void check_there_and_back(enum smtp_bare_newline policy,
                                 const char *bytes, size_t len, struct rng *rng)
{
    char *mail = malloc(2 * len + 2);
    char *wire = malloc(4 * len + 7);

    pirn_assert(mail != NULL && wire != NULL);
    size_t mail_len = mean(bytes, len, mail);
    size_t wire_len = stuff(mail, mail_len, wire);
    struct reading read = read_pieces(policy, wire, wire_len, rng);
    pirn_assert(read.has_ended && read.used == wire_len);
    pirn_assert(!read.has_bare && !read.has_nul);
    pirn_assert(read.len == mail_len);
    pirn_assert(memcmp(read.mail, mail, mail_len) == 0);
    reading_free(&read);
    free(wire);
    free(mail);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = {data, size};
    enum smtp_bare_newline policy =
        fuzz_take(&in, 1) & 1 ? SMTP_BARE_NORMALIZE : SMTP_BARE_REFUSE;
    struct rng rng = rng_of(fuzz_take(&in, 2), 0);
    const char *bytes = (const char *)in.at;
    struct reading lines = read_lines(bytes, in.left);
    struct reading read = read_pieces(policy, bytes, in.left, &rng);

    check_same(&read, &lines, policy);
    reading_free(&read);
    reading_free(&lines);
    check_there_and_back(policy, bytes, in.left, &rng);
    return 0;
}
