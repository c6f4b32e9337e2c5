/* SPDX-License-Identifier: MIT */
/*
 * test_session_fault.c - a session on a disk that fails
 *
 * A session serves one end of a socket pair, on a real spool; the engine spoils
 * one kind of result. For each place where that can happen: the client is told
 * 4xx and never 250, nothing is visible in the spool, and the session serves
 * the next mail.
 *
 * Skipped (77) where io_uring is refused.
 */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faulty.h"
#include "pirn/spool.h"
#include "runtime/context.h"
#include "smtp/session.h"

enum { EXIT_SKIP = 77, PLACES_MAX = 16, SHORT = 7, LONG = 150 * 1024 };

struct bed {
    struct pirn_context *context;
    struct pirn_spool *spool;
    struct smtp_worker_count count;
    struct smtp_limits limits;
    struct smtp_session_env env;
    char path[64];
    int client;
    bool ended;
};

static void session_ended(struct smtp_session *session, void *user)
{
    struct bed *bed = user;

    (void)session;
    bed->ended = true;
}

static int setup(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    struct pirn_spool_config config = {.path = bed->path, .create = true};
    struct pirn_address nobody = {.len = 0};
    int ends[2];

    strcpy(bed->path, "./pirn-fault-XXXXXX");
    assert_non_null(mkdtemp(bed->path));
    faulty_plan(ENGINE_NONE, 0, 0, 0);
    assert_int_equal(
        pirn__context_create_on(faulty_engine(), NULL, &bed->context), 0);
    assert_int_equal(pirn_spool_open(bed->context, &config, &bed->spool), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    bed->client = ends[0];
    bed->limits = (struct smtp_limits){
        .hostname = "host.example.org",
        .size_max = 1 << 20,
        .recipients_max = 10,
        .command_line_max = SMTP_COMMAND_LINE_MAX,
        .errors_max = SMTP_ERRORS_MAX,
    };
    bed->env = (struct smtp_session_env){
        .context = bed->context,
        .spool = bed->spool,
        .queue = "incoming",
        .limits = &bed->limits,
        .timeout_ns = 60000000000u,
        .count = &bed->count,
        .ended = session_ended,
        .user = bed,
    };
    assert_non_null(
        pirn__smtp_session_start(&bed->env, ends[1], &nobody, SMTP_NOTHING));
    *state = bed;
    return 0;
}

static int teardown(void **state)
{
    struct bed *bed = *state;
    char command[128];

    close(bed->client);
    while (!bed->ended) {
        assert_true(pirn_context_turn(bed->context, PIRN_FOREVER) >= 0);
    }
    faulty_plan(ENGINE_NONE, 0, 0, 0);
    bed->spool = pirn_spool_close(bed->spool);
    assert_int_equal(pirn_context_drain(bed->context), 0);
    bed->context = pirn_context_destroy(bed->context);
    snprintf(command, sizeof(command), "rm -rf %s", bed->path);
    assert_int_equal(system(command), 0);
    free(bed);
    return 0;
}

/* Turn until @text has come @times times; what came is in @reply. */
static void expect(struct bed *bed, const char *text, char reply[4096])
{
    size_t len = 0;

    reply[0] = '\0';
    while (strstr(reply, text) == NULL) {
        ssize_t n;

        assert_true(pirn_context_turn(bed->context, 100000000u) >= 0);
        n = recv(bed->client, reply + len, 4095 - len, MSG_DONTWAIT);
        len += n > 0 ? (size_t)n : 0;
        reply[len] = '\0';
    }
}

static void say(struct bed *bed, const char *text)
{
    size_t len = strlen(text);

    for (size_t at = 0; at < len;) {
        ssize_t n = send(bed->client, text + at, len - at, MSG_DONTWAIT);
        at += n > 0 ? (size_t)n : 0;
        assert_true(pirn_context_turn(bed->context, n > 0 ? 0 : 100000000u) >=
                    0);
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
static uint32_t places(struct bed *bed, enum engine_opcode opcode, size_t len)
{
    char reply[4096];

    faulty_plan(opcode, UINT32_MAX, 0, 0);
    say(bed, mail(len));
    expect(bed, "2.0.0 Ok\r\n", reply);
    assert_non_null(strstr(reply, "queued as"));
    return faulty_outcome()->seen;
}

/* The @place th operation of a kind fails: no 250, nothing to see. */
static void fail_at(struct bed *bed, enum engine_opcode opcode, uint32_t place,
                    int32_t error, const char *code, size_t len)
{
    uint32_t before = items_visible(bed);
    char reply[4096];

    faulty_plan(opcode, place, 1, error);
    say(bed, mail(len));
    expect(bed, "2.0.0 Ok\r\n", reply); /* NOOP: the session goes on */
    assert_int_equal(faulty_outcome()->failed, 1);
    assert_null(strstr(reply, "queued as"));
    assert_non_null(strstr(reply, code));
    faulty_plan(ENGINE_NONE, 0, 0, 0);
    assert_int_equal(items_visible(bed), before);
}

static void fail_mails(struct bed *bed, enum engine_opcode opcode,
                       int32_t error, const char *code, size_t len)
{
    uint32_t count = places(bed, opcode, len);

    assert_in_range(count, 1, PLACES_MAX);
    for (uint32_t place = 1; place <= count; place++) {
        fail_at(bed, opcode, place, error, code, len);
    }
    assert_true(places(bed, opcode, len) >= 1); /* the next mail is taken */
}

/* Of short mails and of long ones. */
static void fail_everywhere(struct bed *bed, enum engine_opcode opcode,
                            int32_t error, const char *code)
{
    char reply[4096];

    say(bed, "EHLO client.example.org\r\n");
    expect(bed, "ENHANCEDSTATUSCODES\r\n", reply);
    fail_mails(bed, opcode, error, code, SHORT);
    fail_mails(bed, opcode, error, code, LONG);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(failed_fsync_is_451_and_nothing_published),
        T(full_disk_at_fsync_is_452),
        T(failed_write_is_451),
        T(full_disk_at_write_is_452),
    };
    struct pirn_context *context;
    int r = pirn_context_create(NULL, &context);

    if (r == -ENOSYS || r == -EPERM) {
        return EXIT_SKIP;
    }
    if (r == 0) {
        pirn_context_destroy(context);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
