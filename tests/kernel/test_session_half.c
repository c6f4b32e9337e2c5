/* SPDX-License-Identifier: MIT */
/*
 * test_session_half.c - a client that has said all, and listens still
 *
 * It says what it has to say at once, or in two parts, ends its half of the
 * connection, and hears each reply that is due, and then the server's end. A
 * mail that is whole is in the spool, and one that is not is not.
 */
#include "kernel/sessions.h"

enum { ROOM = 8192, TALK_MAX = 1024, CODES_MAX = 32, A_MOMENT = 3 };

/* A line, and the reply to it; of a mail's lines none has one. */
struct line {
    const char *text;
    const char *code;
};

static const struct line lines[] = {
    {"", "220"},
    {"EHLO client.example.org\r\n", "250"},
    {"MAIL FROM:<a@example.org>\r\n", "250"},
    {"RCPT TO:<b@example.org>\r\n", "250"},
    {"DATA\r\n", "354"},
    {"Subject: x\r\n", NULL},
    {"\r\n", NULL},
    {"..text\r\n", NULL},
    {".\r\n", "250"},
    {"NOOP\r\n", "250"},
    {"QUIT\r\n", "221"},
};
enum { LINES = sizeof(lines) / sizeof(lines[0]) };

struct talk {
    struct bed *bed;
    struct sessions sessions;
    bool heard_end;
    char heard[ROOM];
    size_t len;
};

static size_t whole(char text[TALK_MAX])
{
    text[0] = '\0';
    for (int i = 0; i < LINES; i++) {
        strcat(text, lines[i].text);
    }
    return strlen(text);
}

/* The codes of all that is due to the first @len bytes. */
static void due(size_t len, char codes[CODES_MAX * 4])
{
    codes[0] = '\0';
    for (int i = 0; i < LINES; i++) {
        size_t own = strlen(lines[i].text);

        if (own > len) {
            return;
        }
        len -= own;
        if (lines[i].code != NULL) {
            strcat(strcat(codes, lines[i].code), " ");
        }
    }
}

static void heard(const struct talk *talk, char codes[CODES_MAX * 4])
{
    size_t len = 0;

    for (const char *at = talk->heard; *at != '\0';) {
        const char *end = strchr(at, '\n');

        assert_non_null(end);
        if (at[3] == ' ' && len < CODES_MAX * 4 - 4) {
            memcpy(codes + len, at, 4);
            len += 4;
        }
        at = end + 1;
    }
    codes[len] = '\0';
}

static void turn(struct talk *talk, int client, uint64_t timeout_ns)
{
    ssize_t n;

    assert_true(pirn_context_turn(talk->bed->context, timeout_ns) >= 0);
    n = recv(client, talk->heard + talk->len, ROOM - 1 - talk->len,
             MSG_DONTWAIT);
    talk->len += n > 0 ? (size_t)n : 0;
    talk->heard_end = talk->heard_end || n == 0;
}

static void say(int client, const char *text, size_t len)
{
    assert_int_equal(send(client, text, len, MSG_NOSIGNAL), len);
}

/* Say @len bytes of @text, after @first a moment later, and no more. */
static void converse(struct talk *talk, int client, const char *text,
                     size_t first, size_t len)
{
    say(client, text, first);
    for (int i = 0; first < len && i < A_MOMENT; i++) {
        turn(talk, client, 0);
    }
    say(client, text + first, len - first);
    assert_int_equal(shutdown(client, SHUT_WR), 0);
    while (talk->sessions.ended == 0 || !talk->heard_end) {
        turn(talk, client, talk->sessions.ended > 0 ? 0 : PIRN_FOREVER);
    }
}

static void have_session(struct bed *bed, const char *text, size_t first,
                         size_t len)
{
    struct talk talk = {.bed = bed};
    struct smtp_session *session;
    char expected[CODES_MAX * 4];
    char codes[CODES_MAX * 4];

    sessions_init(&talk.sessions, bed);
    int client = sessions_begin(&talk.sessions, &session);
    assert_true(client >= 0);
    converse(&talk, client, text, first, len);
    close(client);
    due(len, expected);
    heard(&talk, codes);
    assert_string_equal(codes, expected);
    assert_int_equal(talk.sessions.count.accepted,
                     strstr(text, "\r\n.\r\n") + 5 <= text + len);
    assert_int_equal(talk.sessions.count.failed, 0);
}

/* Those that are there, and there no more. */
static unsigned items(struct bed *bed)
{
    struct pirn_claim claim = {0};
    unsigned count = 0;

    while (bed_claim(bed, &claim) == 1) {
        assert_int_equal(bed_remove_durably(bed, &claim), 0);
        count++;
    }
    return count;
}

static void who_ends_anywhere_hears_what_is_due(void **state)
{
    struct bed *bed = *state;
    char text[TALK_MAX];
    size_t len = whole(text);
    size_t data = (size_t)(strstr(text, "\r\n.\r\n") + 5 - text);

    for (size_t until = 0; until <= len; until++) {
        have_session(bed, text, until, until);
        assert_int_equal(items(bed), until >= data);
    }
    assert_int_equal(bed_status(bed).drafts, 0);
}

static void who_ends_after_any_split_hears_all(void **state)
{
    struct bed *bed = *state;
    char text[TALK_MAX];
    size_t len = whole(text);

    for (size_t first = 1; first < len; first++) {
        have_session(bed, text, first, len);
        assert_int_equal(items(bed), 1);
    }
}

#define T(name) \
    cmocka_unit_test_setup_teardown(name, sessions_setup, bed_teardown)

BED_MAIN(T(who_ends_anywhere_hears_what_is_due),
         T(who_ends_after_any_split_hears_all))
