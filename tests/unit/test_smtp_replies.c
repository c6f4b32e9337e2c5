/* SPDX-License-Identifier: MIT */
/*
 * test_smtp_replies.c - every row of the table of replies, provoked
 *
 * Method: walk the table; each condition has here what brings it about and the
 * reply as the client sees it. A new row without a stimulus fails. The table
 * in smtp/README.md is read and has to say the same.
 */
#include "test_smtp_dialogue.h"

#include <errno.h>
#include <stdio.h>

#define A16 "aaaaaaaaaaaaaaaa"
#define A64 A16 A16 A16 A16
#define A512 A64 A64 A64 A64 A64 A64 A64 A64

/* Who brings the condition about. */
enum cause {
    NOBODY = 0,
    CLIENT,  /* by what it says */
    GREETER, /* greet */
    STOPPER, /* stop */
    KEEPER,  /* whoever answers END, or BEGIN and END */
};

struct stimulus {
    enum cause cause;
    const char *reply; /* the last one that comes */
    const char *before;
    const char *said; /* after @before; may have a NUL inside */
    size_t said_len;
};

#define SAID(literal) literal, sizeof(literal) - 1
#define UNSAID NULL, NULL, 0

/* With limits that are soon met: see limited() */
/* clang-format off */
static const struct stimulus stimuli[SMTP_CONDITION_COUNT] = {
    [SMTP_GREETING] = {GREETER, "220 mx.example ESMTP pirn\r\n", UNSAID},
    [SMTP_HELLO] = {CLIENT, "250 mx.example\r\n", "", SAID("HELO c\r\n")},
    [SMTP_EXTENDED_HELLO] = {CLIENT,
        "250-mx.example\r\n250-PIPELINING\r\n250-SIZE 100\r\n250-8BITMIME\r\n"
        "250 ENHANCEDSTATUSCODES\r\n", "", SAID("EHLO c\r\n")},
    [SMTP_SENDER_OK] = {CLIENT, "250 2.1.0 Ok\r\n", SAID_HELLO,
        SAID("MAIL FROM:<a@b>\r\n")},
    [SMTP_RECIPIENT_OK] = {CLIENT, "250 2.1.5 Ok\r\n", GIVEN_SENDER,
        SAID("RCPT TO:<c@d>\r\n")},
    [SMTP_GO_AHEAD] = {CLIENT, "354 End data with <CR><LF>.<CR><LF>\r\n",
        GIVEN_RECIPIENT, SAID("DATA\r\n")},
    [SMTP_QUEUED] = {KEEPER, "250 2.0.0 Ok: queued as id1\r\n", UNSAID},
    [SMTP_RESET] = {CLIENT, "250 2.0.0 Ok\r\n", "", SAID("RSET\r\n")},
    [SMTP_NOOP] = {CLIENT, "250 2.0.0 Ok\r\n", "", SAID("NOOP\r\n")},
    [SMTP_VERIFY] = {CLIENT, "252 2.5.0 Send some mail and see\r\n", "",
        SAID("VRFY a\r\n")},
    [SMTP_HELP] = {CLIENT,
        "214 2.0.0 HELO EHLO MAIL RCPT DATA RSET NOOP QUIT VRFY HELP\r\n", "",
        SAID("HELP\r\n")},
    [SMTP_QUIT] = {CLIENT, "221 2.0.0 mx.example Bye\r\n[close]", "",
        SAID("QUIT\r\n")},

    [SMTP_UNKNOWN] = {CLIENT, "500 5.5.1 Unknown command\r\n", "",
        SAID("XYZZY\r\n")},
    [SMTP_NOT_IMPLEMENTED] = {CLIENT, "502 5.5.1 Command not implemented\r\n",
        "", SAID("EXPN a\r\n")},
    [SMTP_LINE_TOO_LONG] = {CLIENT, "500 5.5.2 Line too long\r\n", "",
        SAID("NOOP " A512 "\r\n")},
    [SMTP_LINE_NUL] = {CLIENT, "500 5.5.2 NUL in command\r\n", "",
        SAID("NO\0OP\r\n")},
    [SMTP_LINE_BARE_NEWLINE] = {CLIENT,
        "500 5.5.2 Bare CR or LF in command\r\n[close]", "", SAID("NOOP\n")},
    [SMTP_HELLO_SYNTAX] = {CLIENT, "501 Syntax: HELO or EHLO, one name\r\n", "",
        SAID("EHLO\r\n")},
    [SMTP_ARGUMENT_UNEXPECTED] = {CLIENT, "501 5.5.4 No argument allowed\r\n",
        "", SAID("QUIT now\r\n")},
    [SMTP_ARGUMENT_MISSING] = {CLIENT, "501 5.5.4 Argument missing\r\n", "",
        SAID("VRFY\r\n")},
    [SMTP_MAIL_SYNTAX] = {CLIENT, "501 5.5.4 Syntax: MAIL FROM:<address>\r\n",
        SAID_HELLO, SAID("MAIL <a@b>\r\n")},
    [SMTP_RCPT_SYNTAX] = {CLIENT, "501 5.5.4 Syntax: RCPT TO:<address>\r\n",
        GIVEN_SENDER, SAID("RCPT <c@d>\r\n")},
    [SMTP_PARAMETER_SYNTAX] = {CLIENT, "501 5.5.4 Malformed parameter\r\n",
        SAID_HELLO, SAID("MAIL FROM:<a@b> SIZE=x\r\n")},
    [SMTP_PARAMETER_UNKNOWN] = {CLIENT, "555 5.5.4 Unknown parameter\r\n",
        SAID_HELLO, SAID("MAIL FROM:<a@b> X=y\r\n")},
    [SMTP_SENDER_SYNTAX] = {CLIENT, "501 5.1.7 Bad sender address syntax\r\n",
        SAID_HELLO, SAID("MAIL FROM:a@b\r\n")},
    [SMTP_SENDER_TOO_LONG] = {CLIENT, "501 5.1.7 Sender address too long\r\n",
        SAID_HELLO, SAID("MAIL FROM:<a" A64 "@b>\r\n")},
    [SMTP_SENDER_NO_DOMAIN] = {CLIENT, "553 5.1.7 Sender needs a domain\r\n",
        SAID_HELLO, SAID("MAIL FROM:<a>\r\n")},
    [SMTP_RECIPIENT_SYNTAX] = {CLIENT,
        "501 5.1.3 Bad recipient address syntax\r\n", GIVEN_SENDER,
        SAID("RCPT TO:<>\r\n")},
    [SMTP_RECIPIENT_TOO_LONG] = {CLIENT,
        "501 5.1.3 Recipient address too long\r\n", GIVEN_SENDER,
        SAID("RCPT TO:<a" A64 "@b>\r\n")},
    [SMTP_RECIPIENT_NO_DOMAIN] = {CLIENT,
        "553 5.1.3 Recipient needs a domain\r\n", GIVEN_SENDER,
        SAID("RCPT TO:<a>\r\n")},
    [SMTP_NEEDS_SMTPUTF8] = {CLIENT, "553 5.6.7 Address is not ASCII\r\n",
        GIVEN_SENDER, SAID("RCPT TO:<\xc3\xb6@b>\r\n")},
    [SMTP_SIZE_DECLARED] = {CLIENT, "552 5.3.4 Message too large\r\n",
        SAID_HELLO, SAID("MAIL FROM:<a@b> SIZE=101\r\n")},
    [SMTP_RECIPIENTS_FULL] = {CLIENT, "452 4.5.3 Too many recipients\r\n",
        GIVEN_RECIPIENT "RCPT TO:<e@f>\r\n", SAID("RCPT TO:<g@h>\r\n")},
    [SMTP_HELLO_FIRST] = {CLIENT, "503 5.5.1 Say HELO or EHLO first\r\n", "",
        SAID("MAIL FROM:<a@b>\r\n")},
    [SMTP_MAIL_FIRST] = {CLIENT, "503 5.5.1 Say MAIL first\r\n", SAID_HELLO,
        SAID("RCPT TO:<c@d>\r\n")},
    [SMTP_MAIL_TWICE] = {CLIENT, "503 5.5.1 A sender is already given\r\n",
        GIVEN_SENDER, SAID("MAIL FROM:<a@b>\r\n")},
    [SMTP_NO_RECIPIENTS] = {CLIENT, "554 5.5.1 No valid recipients\r\n",
        GIVEN_SENDER "RCPT TO:<>\r\n", SAID("DATA\r\n")},

    [SMTP_BODY_TOO_LARGE] = {CLIENT, "552 5.3.4 Message too large\r\n",
        BEGUN_MAIL, SAID(A64 A64 "\r\n.\r\n")},
    [SMTP_BODY_HAS_NUL] = {CLIENT, "550 5.6.11 NUL in message\r\n", BEGUN_MAIL,
        SAID("a\0b\r\n.\r\n")},
    [SMTP_BODY_BARE_NEWLINE] = {CLIENT,
        "550 5.6.11 Bare CR or LF in message\r\n[close]", BEGUN_MAIL,
        SAID("a\n.\nMAIL FROM:<x@y>\r\n.\r\n")},

    [SMTP_FAULT] = {KEEPER,
        "451 4.3.0 Local error, try again later\r\n", UNSAID},
    [SMTP_NO_SPACE] = {KEEPER,
        "452 4.3.1 No space left, try again later\r\n", UNSAID},
    [SMTP_REFUSED] = {KEEPER, "554 5.7.1 Message refused\r\n", UNSAID},

    [SMTP_TOO_MANY_ERRORS] = {CLIENT,
        "421 4.7.0 mx.example Too many errors\r\n[close]",
        "X\r\nX\r\nX\r\nX\r\n", SAID("X\r\n")},
    [SMTP_TIMEOUT] = {STOPPER,
        "421 4.4.2 mx.example Timeout\r\n[close]", UNSAID},
    [SMTP_BUSY] = {STOPPER,
        "421 4.4.5 mx.example Too busy, try again later\r\n[close]", UNSAID},
    [SMTP_SHUTDOWN] = {STOPPER,
        "421 4.3.2 mx.example Shutting down\r\n[close]", UNSAID},
    [SMTP_EARLY_TALKER] = {STOPPER,
        "554 5.5.1 mx.example You spoke first\r\n[close]", UNSAID},
};
/* clang-format on */

static struct dialogue *limited(void)
{
    struct dialogue *dialogue = dialogue_create();

    dialogue->limits.size_max = 100;
    dialogue->limits.recipients_max = 2;
    dialogue->limits.command_line_max = 512;
    dialogue->limits.errors_max = 5;
    dialogue_start(dialogue);
    return dialogue;
}

static void assert_ends_with(const char *text, const char *end)
{
    assert_true(strlen(text) >= strlen(end));
    assert_string_equal(text + strlen(text) - strlen(end), end);
}

static void provoke(struct dialogue *dialogue, enum smtp_condition condition)
{
    const struct stimulus *stimulus = &stimuli[condition];
    struct smtp_event event = {.type = SMTP_EVENT_NONE};

    switch (stimulus->cause) {
    case NOBODY:
        fail_msg("condition %d has no stimulus", condition);
        break;
    case CLIENT:
        dialogue_ask(dialogue, stimulus->before, strlen(stimulus->before));
        assert_false(dialogue->closed);
        dialogue_ask(dialogue, stimulus->said, stimulus->said_len);
        return;
    case GREETER:
        pirn__smtp_greet(&dialogue->protocol, &event);
        break;
    case STOPPER:
        pirn__smtp_stop(&dialogue->protocol, condition, &event);
        break;
    case KEEPER:
        dialogue->end = condition;
        ASK(dialogue, BEGUN_MAIL "x\r\n.\r\n");
        return;
    }
    dialogue_note(dialogue, &event);
}

static void every_row_is_provoked_and_read_by_the_client(void **state)
{
    (void)state;
    for (unsigned i = SMTP_NOTHING + 1; i < SMTP_CONDITION_COUNT; i++) {
        struct dialogue *dialogue = limited();

        provoke(dialogue, (enum smtp_condition)i);
        assert_ends_with(dialogue->log, stimuli[i].reply);
        dialogue_destroy(dialogue);
    }
}

static void a_row_says_whether_the_connection_goes_on(void **state)
{
    (void)state;
    for (unsigned i = SMTP_NOTHING + 1; i < SMTP_CONDITION_COUNT; i++) {
        struct dialogue *dialogue = limited();
        const struct smtp_reply_row *row = pirn__smtp_reply_row(i);

        provoke(dialogue, (enum smtp_condition)i);
        assert_int_equal(dialogue->closed, row->closes);
        if (i == SMTP_GO_AHEAD) {
            ASK(dialogue, ".\r\n");
        }
        assert_string_equal(ASK(dialogue, "NOOP\r\n"),
                            row->closes ? "" : "250 2.0.0 Ok\r\n");
        dialogue_destroy(dialogue);
    }
}

static void what_fails_at_data_is_answered_there(void **state)
{
    static const enum smtp_condition ours[] = {SMTP_FAULT, SMTP_NO_SPACE,
                                               SMTP_REFUSED};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct dialogue *dialogue = limited();

        dialogue->begin = ours[i];
        ASK(dialogue, BEGUN_MAIL);
        assert_ends_with(dialogue->log, stimuli[ours[i]].reply);
        dialogue_destroy(dialogue);
    }
}

static bool has_no_enhanced_code(enum smtp_condition condition)
{
    return condition == SMTP_GREETING || condition == SMTP_HELLO ||
           condition == SMTP_EXTENDED_HELLO || condition == SMTP_GO_AHEAD ||
           condition == SMTP_HELLO_SYNTAX;
}

static void enhanced_codes_stand_where_rfc_2034_has_them(void **state)
{
    (void)state;
    for (unsigned i = SMTP_NOTHING + 1; i < SMTP_CONDITION_COUNT; i++) {
        const struct smtp_reply_row *row = pirn__smtp_reply_row(i);

        assert_int_equal(row->enhanced[0] == '\0', has_no_enhanced_code(i));
        if (row->enhanced[0] != '\0') {
            assert_int_equal(row->enhanced[0] - '0', row->code / 100);
        }
    }
}

static void the_longest_words_fit_into_every_reply(void **state)
{
    char hostname[SMTP_HOSTNAME_MAX + 1];
    char id[SMTP_ID_MAX + 1];
    struct smtp_reply_words words = {hostname, id, UINT64_MAX};

    (void)state;
    memset(hostname, 'h', sizeof(hostname) - 1);
    hostname[sizeof(hostname) - 1] = '\0';
    memset(id, 'i', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    for (unsigned i = SMTP_NOTHING + 1; i < SMTP_CONDITION_COUNT; i++) {
        struct smtp_reply *reply = malloc(sizeof(*reply));

        assert_non_null(reply);
        pirn__smtp_reply_format(i, &words, reply);
        assert_memory_equal(reply->text + reply->len - 2, "\r\n", 2);
        assert_null(memchr(reply->text, '{', reply->len));
        free(reply);
    }
}

static void a_full_disk_is_told_apart_from_other_errors(void **state)
{
    (void)state;
    assert_int_equal(pirn__smtp_condition_of(-ENOSPC), SMTP_NO_SPACE);
    assert_int_equal(pirn__smtp_condition_of(-EDQUOT), SMTP_NO_SPACE);
    assert_int_equal(pirn__smtp_condition_of(-EIO), SMTP_FAULT);
    assert_int_equal(pirn__smtp_condition_of(-ECANCELED), SMTP_FAULT);
}

/* A row as smtp/README.md has it: line breaks are " / ". */
static void write_row(const struct smtp_reply_row *row, char *line, size_t size)
{
    char text[200] = "";
    size_t len = 0;

    for (const char *at = row->text; *at != '\0'; at++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                *at == '\n' ? " / " : "%c", *at);
    }
    snprintf(line, size, "| %s | %u | %s | `%s` | %s |\n", row->when,
             (unsigned)row->code,
             row->enhanced[0] != '\0' ? row->enhanced : "-", text,
             row->closes ? "closes" : "open");
}

/* The source tree is where this file was compiled from, or PIRN_SOURCE. */
static char *read_readme(void)
{
    static char text[65536];
    const char *source = getenv("PIRN_SOURCE");
    const char *tail = strstr(__FILE__, "tests/unit/");
    char path[4096];
    size_t len;
    FILE *file;

    assert_non_null(tail);
    if (source != NULL) {
        snprintf(path, sizeof(path), "%s/smtp/README.md", source);
    } else {
        snprintf(path, sizeof(path), "%.*ssmtp/README.md",
                 (int)(tail - (const char *)__FILE__), __FILE__);
    }
    file = fopen(path, "re");
    if (file == NULL) {
        fail_msg("%s: %s; set PIRN_SOURCE to the source tree", path,
                 strerror(errno));
    }
    len = fread(text, 1, sizeof(text) - 1, file);
    fclose(file);
    text[len] = '\0';
    return text;
}

static void the_readme_has_the_same_table(void **state)
{
    const char *at = read_readme();

    (void)state;
    for (unsigned i = SMTP_NOTHING + 1; i < SMTP_CONDITION_COUNT; i++) {
        char line[400];
        const char *found;

        write_row(pirn__smtp_reply_row(i), line, sizeof(line));
        found = strstr(at, line);
        if (found == NULL) {
            fail_msg("smtp/README.md has not, or not in this order:\n%s", line);
        }
        at = found + strlen(line);
    }
    assert_true(at[0] == '\n'); /* and no row more */
}

TEST_MAIN(cmocka_unit_test(every_row_is_provoked_and_read_by_the_client),
          cmocka_unit_test(a_row_says_whether_the_connection_goes_on),
          cmocka_unit_test(what_fails_at_data_is_answered_there),
          cmocka_unit_test(enhanced_codes_stand_where_rfc_2034_has_them),
          cmocka_unit_test(the_longest_words_fit_into_every_reply),
          cmocka_unit_test(a_full_disk_is_told_apart_from_other_errors),
          cmocka_unit_test(the_readme_has_the_same_table))
