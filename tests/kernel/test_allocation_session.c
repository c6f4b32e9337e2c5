/* SPDX-License-Identifier: MIT */
/*
 * test_allocation_session.c - a mail session where memory is refused
 *
 * A client says two mails at once to a session on one end of a socket pair. A
 * session that cannot be made is none; else the client gets for each command a
 * reply, or at last a 421 and the end. What was told 250 is in the spool, and
 * nothing else is.
 */
#include "kernel/test_log.h"

#include "kernel/allocation.h"
#include "kernel/sessions.h"

enum { ROOM = 8192, BODY = 100 * 1024, MAILS_MAX = 2 };

struct talk {
    struct bed *bed;
    struct sessions sessions;
    char heard[ROOM];
    size_t len;
};

static char mails[BODY + 4096];
static size_t mails_len;

static void say(const char *text)
{
    memcpy(mails + mails_len, text, strlen(text));
    mails_len += strlen(text);
}

/* One that fits into memory, and one that needs a file. */
static void write_mails(void)
{
    static const char envelope[] =
        "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nDATA\r\n";

    mails_len = 0;
    say("EHLO client.example.org\r\n");
    say(envelope);
    say("small\r\n.\r\n");
    say(envelope);
    for (size_t until = mails_len + BODY; mails_len < until;) {
        say("a line of a mail that is long, and of which there are many\r\n");
    }
    say(".\r\nQUIT\r\n");
}

/* Replies without their continuations that begin so. */
static unsigned replies(const struct talk *talk, const char *code)
{
    unsigned count = 0;

    for (const char *at = talk->heard; *at != '\0'; at = strchr(at, '\n') + 1) {
        assert_non_null(strchr(at, '\n'));
        count += strncmp(at, code, strlen(code)) == 0 && at[3] == ' ';
    }
    return count;
}

/* Return: whether there may be more. */
static bool hear(struct talk *talk, int client)
{
    ssize_t n = recv(client, talk->heard + talk->len, ROOM - 1 - talk->len,
                     MSG_DONTWAIT);

    talk->len += n > 0 ? (size_t)n : 0;
    return n > 0 || (n < 0 && errno == EAGAIN);
}

/* Say and hear until one ends; a client that is sent away leaves. */
static int converse(struct talk *talk, int client)
{
    size_t said = 0;
    bool is_here = true;
    int r = 0;

    while (talk->sessions.ended == 0 && r >= 0) {
        if (is_here) {
            ssize_t n = send(client, mails + said, mails_len - said,
                             MSG_DONTWAIT | MSG_NOSIGNAL);
            said += n > 0 ? (size_t)n : 0;
            is_here = hear(talk, client);
        }
        if (!is_here) {
            shutdown(client, SHUT_RDWR);
        }
        r = pirn_context_turn(talk->bed->context, 20000000);
    }
    while (is_here &&
           recv(client, &(char){0}, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
        is_here = hear(talk, client);
    }
    return r < 0 ? r : 0;
}

static int session(struct talk *talk)
{
    struct smtp_session *session;

    sessions_init(&talk->sessions, talk->bed);
    int client = sessions_begin(&talk->sessions, &session);
    if (client < 0) {
        return client;
    }
    int r = converse(talk, client);
    close(client);
    return r;
}

static int live_on(struct talk *talk)
{
    int r = bed_open(talk->bed, true);

    if (r < 0) {
        return r;
    }
    r = session(talk);
    bed_close(talk->bed);
    if (r == 0 &&
        (replies(talk, "221") != 1 || talk->sessions.count.failed > 0)) {
        r = -ENOMEM;
    }
    return r;
}

/* Its context has been refused something, too. */
static int live(void *user)
{
    struct talk *talk = user;
    struct bed *bed = talk->bed;
    struct pirn_context *peaceful = bed->context;
    int r = pirn_context_create(NULL, &bed->context);

    talk->len = 0;
    talk->sessions = (struct sessions){0};
    memset(talk->heard, 0, sizeof(talk->heard));
    if (r == 0) {
        r = live_on(talk);
        pirn_context_destroy(bed->context);
    }
    bed->context = peaceful;
    return r;
}

static void look_at_it_in_peace(void *user)
{
    struct talk *talk = user;
    struct bed *bed = talk->bed;
    struct pirn_claim claim = {0};
    unsigned queued = 0;
    unsigned there = 0;

    for (const char *at = talk->heard; (at = strstr(at, "queued as")); at++) {
        queued++;
    }
    assert_int_equal(queued, talk->sessions.count.accepted);
    /* What is not taken is asked for again: 4xx, and nothing else. */
    assert_int_equal(replies(talk, "451") + replies(talk, "452"),
                     talk->sessions.count.failed);
    assert_true(talk->len == 0 || strncmp(talk->heard, "220", 3) == 0 ||
                strncmp(talk->heard, "421", 3) == 0);
    assert_int_equal(replies(talk, "221") + replies(talk, "421"),
                     talk->len > 0);
    assert_int_equal(bed_open(bed, true), 0);
    while (bed_claim(bed, &claim) == 1) {
        assert_int_equal(bed_remove(bed, &claim), 0);
        there++;
    }
    assert_int_equal(there, queued);
    assert_int_equal(bed_status(bed).quarantined, 0);
    bed_close(bed);
}

static void each_in_turn(struct bed *bed, const char *name)
{
    struct talk talk = {.bed = bed};
    struct allocation_life life = {
        .name = name,
        .live = live,
        .check = look_at_it_in_peace,
        .user = &talk,
    };

    write_mails();
    assert_int_equal(bed_open(bed, true), 0);
    bed_close(bed);
    allocation_each(&life);
}

static void a_client_of_files_is_told_4xx_and_none_of_it_is_there(void **state)
{
    each_in_turn(*state, "session on files");
}

static void a_client_of_a_log_is_told_4xx_and_none_of_it_is_there(void **state)
{
    each_in_turn(*state, "session on a log");
}

BED_MAIN(cmocka_unit_test_setup_teardown(
             a_client_of_files_is_told_4xx_and_none_of_it_is_there,
             bed_setup_in_memory, bed_teardown),
         cmocka_unit_test_setup_teardown(
             a_client_of_a_log_is_told_4xx_and_none_of_it_is_there,
             log_setup_in_memory, log_teardown))
