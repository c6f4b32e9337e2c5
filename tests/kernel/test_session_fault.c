/* SPDX-License-Identifier: MIT */
/*
 * test_session_fault.c - a session on a disk that fails
 *
 * A session serves one end of a socket pair, on a real spool; the engine spoils
 * one kind of result. For each place where that can happen: the client is told
 * 4xx and never 250, nothing is visible in the spool, and the session serves
 * the next mail.
 */
#include "kernel/faulty_bed.h"

#include "kernel/sessions.h"

enum { PLACES_MAX = 16, SHORT = 7, LONG = 150 * 1024 };

struct talk {
    struct bed *bed;
    struct sessions sessions;
    int client;
};

static int setup(void **state)
{
    struct talk *talk = calloc(1, sizeof(*talk));
    struct smtp_session *session;
    void *bed;

    *state = talk;
    if (bed_setup_faulty(&bed) < 0) {
        return -1;
    }
    talk->bed = bed;
    sessions_init(&talk->sessions, talk->bed);
    talk->client = sessions_begin(&talk->sessions, &session);
    return talk->client < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    struct talk *talk = *state;
    void *bed = talk->bed;

    close(talk->client);
    while (talk->sessions.ended == 0) {
        assert_true(pirn_context_turn(talk->bed->context, PIRN_FOREVER) >= 0);
    }
    free(talk);
    return bed_teardown_faulty(&bed);
}

/* Turn until @text has come @times times; what came is in @reply. */
static void expect(struct talk *talk, const char *text, char reply[4096])
{
    size_t len = 0;

    reply[0] = '\0';
    while (strstr(reply, text) == NULL) {
        ssize_t n;

        assert_true(pirn_context_turn(talk->bed->context, 100000000u) >= 0);
        n = recv(talk->client, reply + len, 4095 - len, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
        reply[len] = '\0';
    }
}

static void say(struct talk *talk, const char *text)
{
    size_t len = strlen(text);

    for (size_t at = 0; at < len;) {
        ssize_t n = send(talk->client, text + at, len - at, MSG_DONTWAIT);
        at += n > 0 ? (size_t)n : 0;
        assert_true(
            pirn_context_turn(talk->bed->context, n > 0 ? 0 : 100000000u) >= 0);
    }
}

static uint32_t items_visible(struct bed *bed)
{
    struct pirn_listing listing = {0};
    uint32_t count = 0;
    int32_t page;

    pirn_prep_listing(&listing, bed->spool, NULL);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    do {
        pirn_prep_listing_next(&listing);
        page = pirn_wait(bed->context, &listing.op);
        assert_true(page >= 0);
        count += (uint32_t)page;
    } while (page > 0);
    pirn_prep_listing_end(&listing);
    assert_int_equal(pirn_wait(bed->context, &listing.op), 0);
    return count;
}

/* A mail of so many bytes; of a long one the spool has a part when it ends. */
static const char *mail(size_t len)
{
    static char text[LONG + 256];

    strcpy(text, "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n"
                 "DATA\r\n");
    for (size_t at = strlen(text), end = at + len; at < end; at += 7) {
        strcpy(text + at, "hello\r\n");
    }
    return strcat(text, ".\r\nNOOP\r\n");
}

/* How many operations of a kind one mail takes. */
static uint32_t places(struct talk *talk, enum engine_opcode opcode, size_t len)
{
    char reply[4096];

    faulty_plan(opcode, UINT32_MAX, 0, 0);
    say(talk, mail(len));
    expect(talk, "2.0.0 Ok\r\n", reply);
    assert_non_null(strstr(reply, "queued as"));
    return faulty_outcome()->seen;
}

/* The @place th operation of a kind fails: no 250, nothing to see. */
static void fail_at(struct talk *talk, enum engine_opcode opcode,
                    uint32_t place, int32_t error, const char *code, size_t len)
{
    uint32_t before = items_visible(talk->bed);
    char reply[4096];

    faulty_plan(opcode, place, 1, error);
    say(talk, mail(len));
    expect(talk, "2.0.0 Ok\r\n", reply); /* NOOP: the session goes on */
    assert_int_equal(faulty_outcome()->failed, 1);
    assert_null(strstr(reply, "queued as"));
    assert_non_null(strstr(reply, code));
    bed_heal();
    assert_int_equal(items_visible(talk->bed), before);
}

static void fail_mails(struct talk *talk, enum engine_opcode opcode,
                       int32_t error, const char *code, size_t len)
{
    uint32_t count = places(talk, opcode, len);

    assert_in_range(count, 1, PLACES_MAX);
    for (uint32_t place = 1; place <= count; place++) {
        fail_at(talk, opcode, place, error, code, len);
    }
    assert_true(places(talk, opcode, len) >= 1); /* the next mail is taken */
}

/* Of short mails and of long ones. */
static void fail_everywhere(struct talk *talk, enum engine_opcode opcode,
                            int32_t error, const char *code)
{
    char reply[4096];

    say(talk, "EHLO client.example.org\r\n");
    expect(talk, "ENHANCEDSTATUSCODES\r\n", reply);
    fail_mails(talk, opcode, error, code, SHORT);
    fail_mails(talk, opcode, error, code, LONG);
}

static void failed_fsync_is_451_and_nothing_published(void **state)
{
    fail_everywhere(*state, ENGINE_FSYNC, -EIO, "451 4.3.0");
}

static void full_disk_at_fsync_is_452(void **state)
{
    fail_everywhere(*state, ENGINE_FSYNC, -ENOSPC, "452 4.3.1");
}

static void failed_write_is_451(void **state)
{
    fail_everywhere(*state, ENGINE_WRITE, -EIO, "451 4.3.0");
}

static void full_disk_at_write_is_452(void **state)
{
    fail_everywhere(*state, ENGINE_WRITE, -ENOSPC, "452 4.3.1");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

BED_MAIN(T(failed_fsync_is_451_and_nothing_published),
         T(full_disk_at_fsync_is_452), T(failed_write_is_451),
         T(full_disk_at_write_is_452))
