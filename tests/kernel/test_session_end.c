/* SPDX-License-Identifier: MIT */
/*
 * test_session_end.c - a session that ends in the midst of anything
 *
 * A client says a mail at once, short or long; so many turns later it vanishes,
 * or the server stops, or has waited long enough. After however many turns that
 * is: the session ends, what the spool has is what the session counts as
 * accepted, a client who hears 250 for his mail is one whose mail is there, and
 * nothing of a draft stays.
 */
#include "kernel/sessions.h"

enum { ROOM = 4096, LONG = 100 * 1024, TURNS_MAX = 200 };

struct talk {
    struct bed *bed;
    struct sessions sessions;
    struct smtp_session *session;
    int client;
    const char *due; /* a reply that has to be heard */
    char heard[ROOM];
    size_t len;
};

typedef void end_fn(struct talk *talk);

static char mail[LONG + 1024];

static void write_mail(size_t len)
{
    strcpy(mail, "EHLO c.example.org\r\nMAIL FROM:<a@example.org>\r\n"
                 "RCPT TO:<b@example.org>\r\nDATA\r\n");
    for (size_t at = strlen(mail); at < len; at += 8) {
        strcpy(mail + at, "a line\r\n");
    }
    strcat(mail, ".\r\nNOOP\r\n");
}

static void turn(struct talk *talk, uint64_t timeout_ns)
{
    assert_true(pirn_context_turn(talk->bed->context, timeout_ns) >= 0);
}

static void hear(struct talk *talk)
{
    ssize_t n = 1;

    while (talk->client >= 0 && n > 0) {
        n = recv(talk->client, talk->heard + talk->len, ROOM - 1 - talk->len,
                 MSG_DONTWAIT);
        talk->len += n > 0 ? (size_t)n : 0;
    }
    talk->heard[talk->len] = '\0';
    if (n == 0) { /* who has heard the end goes, too */
        close(talk->client);
        talk->client = -1;
    }
}

static unsigned take_all(struct bed *bed)
{
    struct pirn_claim claim = {0};
    unsigned count = 0;

    while (bed_claim(bed, &claim) == 1) {
        assert_true(claim.item.size_bytes > 0);
        assert_int_equal(bed_remove_durably(bed, &claim), 0);
        count++;
    }
    return count;
}

/* One session, which @end ends after @turns; false: its mail was done by then.
 */
static bool ends_after(struct bed *bed, unsigned turns, end_fn *end)
{
    struct talk talk = {.bed = bed};

    sessions_init(&talk.sessions, bed);
    talk.client = sessions_begin(&talk.sessions, &talk.session);
    assert_true(talk.client >= 0);
    ssize_t len = (ssize_t)strlen(mail);
    assert_int_equal(send(talk.client, mail, (size_t)len, MSG_NOSIGNAL), len);
    for (unsigned i = 0; i < turns; i++) {
        turn(&talk, 1000000);
        hear(&talk);
    }
    bool is_done = strstr(talk.heard, "queued as") != NULL;
    end(&talk);
    while (talk.sessions.ended == 0) {
        turn(&talk, 20000000);
        hear(&talk);
    }
    hear(&talk);
    if (talk.client >= 0) {
        close(talk.client);
    }
    unsigned queued = strstr(talk.heard, "queued as") != NULL;
    assert_true(queued <= talk.sessions.count.accepted);
    assert_true(talk.due == NULL || strstr(talk.heard, talk.due) != NULL);
    assert_int_equal(take_all(bed), talk.sessions.count.accepted);
    assert_int_equal(bed_status(bed).drafts + bed_status(bed).leftovers, 0);
    return !is_done;
}

static void end_anywhere(struct bed *bed, end_fn *end)
{
    for (int is_long = 0; is_long < 2; is_long++) {
        unsigned turns = 0;
        write_mail(is_long ? LONG : 200);
        while (ends_after(bed, turns, end)) {
            assert_true(++turns < TURNS_MAX);
        }
        assert_true(turns > 3);
    }
}

static void vanish(struct talk *talk)
{
    close(talk->client); /* with replies unread: the peer is reset */
    talk->client = -1;
}

static void who_vanishes_anywhere_leaves_a_mail_or_nothing(void **state)
{
    end_anywhere(*state, vanish);
}

/* What it said is heard to its end, and is no mail. */
static void who_vanishes_before_the_dot_leaves_nothing(void **state)
{
    struct bed *bed = *state;

    for (int is_long = 0; is_long < 2; is_long++) {
        write_mail(is_long ? LONG : 200);
        *strstr(mail, "\r\n.\r\n") = '\0';
        for (unsigned turns = 0; turns < 12; turns++) {
            assert_true(ends_after(bed, turns, vanish));
        }
    }
}

static void stop(struct talk *talk)
{
    talk->due = "\n421 ";
    pirn__smtp_session_stop(talk->session);
}

static void a_stop_lets_a_commit_end_and_says_so(void **state)
{
    end_anywhere(*state, stop);
}

static void abort_it(struct talk *talk)
{
    pirn__smtp_session_abort(talk->session);
}

static void an_abort_waits_for_what_is_committed(void **state)
{
    end_anywhere(*state, abort_it);
}

static void stop_and_abort(struct talk *talk)
{
    pirn__smtp_session_stop(talk->session);
    pirn__smtp_session_abort(talk->session);
}

static void a_stop_can_become_an_abort(void **state)
{
    end_anywhere(*state, stop_and_abort);
}

#define T(name) \
    cmocka_unit_test_setup_teardown(name, sessions_setup, bed_teardown)

BED_MAIN(T(who_vanishes_anywhere_leaves_a_mail_or_nothing),
         T(who_vanishes_before_the_dot_leaves_nothing),
         T(a_stop_lets_a_commit_end_and_says_so),
         T(an_abort_waits_for_what_is_committed), T(a_stop_can_become_an_abort))
