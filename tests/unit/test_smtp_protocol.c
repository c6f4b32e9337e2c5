/* SPDX-License-Identifier: MIT */
/*
 * test_smtp_protocol.c - the conversation: what is owed, held, counted, dropped
 */
#include "test_smtp_dialogue.h"

#include <stdio.h>

static struct dialogue *start(void)
{
    struct dialogue *dialogue = dialogue_create();

    dialogue_start(dialogue);
    return dialogue;
}

static void a_mail_is_taken_from_greeting_to_goodbye(void **state)
{
    struct dialogue *dialogue = start();
    struct smtp_event event;

    (void)state;
    pirn__smtp_greet(&dialogue->protocol, &event);
    dialogue_note(dialogue, &event);
    assert_string_equal(dialogue->log, "220 mx.example ESMTP pirn\r\n");
    assert_string_equal(ASK(dialogue, "EHLO client.example\r\n"),
                        "[hello client.example]"
                        "250-mx.example\r\n250-PIPELINING\r\n"
                        "250-SIZE 100000\r\n250-8BITMIME\r\n"
                        "250 ENHANCEDSTATUSCODES\r\n");
    assert_string_equal(ASK(dialogue, "MAIL FROM:<a@b> SIZE=9 BODY=8BITMIME"
                                      "\r\n"),
                        "250 2.1.0 Ok\r\n");
    assert_int_equal(dialogue->protocol.envelope.size_declared, 9);
    assert_true(dialogue->protocol.envelope.eight_bit);
    assert_string_equal(ASK(dialogue, "RCPT TO:<c@d>\r\n"), "250 2.1.5 Ok\r\n");
    assert_string_equal(ASK(dialogue, "DATA\r\n"),
                        "[begin from=<a@b> to=<c@d>]"
                        "354 End data with <CR><LF>.<CR><LF>\r\n");
    assert_string_equal(ASK(dialogue, "Subject: x\r\n\r\n..y\r\n.\r\n"),
                        "[mail]Subject: x\r\n\r\n.y\r\n[end]"
                        "250 2.0.0 Ok: queued as id1\r\n");
    assert_string_equal(ASK(dialogue, "QUIT\r\n"),
                        "221 2.0.0 mx.example Bye\r\n[close]");
    dialogue_destroy(dialogue);
}

static void a_group_is_answered_in_order(void **state)
{
    struct dialogue *dialogue = start();

    (void)state;
    assert_string_equal(
        ASK(dialogue, BEGUN_MAIL),
        "[hello c]250 mx.example\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n"
        "[begin from=<a@b> to=<c@d>]354 End data with <CR><LF>.<CR><LF>\r\n");
    assert_string_equal(
        ASK(dialogue, "x\r\n.\r\nMAIL FROM:<>\r\nRCPT TO:<Postmaster>\r\n"
                      "RCPT TO:<Postmaster>\r\nDATA\r\n"),
        "[mail]x\r\n[end]250 2.0.0 Ok: queued as id1\r\n250 2.1.0 Ok\r\n"
        "250 2.1.5 Ok\r\n250 2.1.5 Ok\r\n"
        "[begin from=<> to=<Postmaster> to=<Postmaster>]"
        "354 End data with <CR><LF>.<CR><LF>\r\n");
    dialogue_destroy(dialogue);
}

static void nothing_is_consumed_while_a_result_is_owed(void **state)
{
    static const char input[] = BEGUN_MAIL "x\r\n.\r\nNOOP\r\n";
    struct dialogue *dialogue = start();
    struct smtp_protocol *protocol = &dialogue->protocol;
    struct smtp_event event;
    size_t at = 0;

    (void)state;
    while (!pirn__smtp_owes(protocol)) {
        at += pirn__smtp_feed(protocol, input + at, sizeof(input) - 1 - at,
                              &event);
    }
    assert_int_equal(event.type, SMTP_EVENT_BEGIN);
    assert_int_equal(at, strlen(BEGUN_MAIL));
    assert_int_equal(pirn__smtp_feed(protocol, input + at, 1, &event), 0);
    assert_int_equal(event.type, SMTP_EVENT_NONE);
    pirn__smtp_begin_result(protocol, SMTP_GO_AHEAD, &event);
    assert_int_equal(event.type, SMTP_EVENT_REPLY);

    while (!pirn__smtp_owes(protocol)) {
        at += pirn__smtp_feed(protocol, input + at, sizeof(input) - 1 - at,
                              &event);
    }
    assert_int_equal(event.type, SMTP_EVENT_END);
    assert_string_equal(input + at, "NOOP\r\n");
    assert_int_equal(pirn__smtp_feed(protocol, input + at, 6, &event), 0);
    assert_int_equal(event.type, SMTP_EVENT_NONE);
    pirn__smtp_end_result(protocol, SMTP_QUEUED, "x", &event);
    assert_int_equal(pirn__smtp_feed(protocol, input + at, 6, &event), 6);
    assert_int_equal(event.type, SMTP_EVENT_REPLY);
    dialogue_destroy(dialogue);
}

static void the_envelope_is_the_stored_form_of_fields(void **state)
{
    static const char text[] = "from\0a@b\0to\0c@d\0to\0\"e f\"@g";
    struct dialogue *dialogue = start();
    const struct smtp_envelope *envelope = &dialogue->protocol.envelope;

    (void)state;
    ASK(dialogue, GIVEN_RECIPIENT "RCPT TO:<@x:\"e f\"@g>\r\n");
    assert_int_equal(envelope->len, sizeof(text));
    assert_memory_equal(envelope->bytes, text, sizeof(text));
    assert_int_equal(envelope->recipient_count, 2);
    dialogue_destroy(dialogue);
}

static void rset_and_hello_drop_a_transaction(void **state)
{
    static const char *const resets[] = {"RSET\r\n", "EHLO x\r\n",
                                         "HELO x\r\n"};
    struct dialogue *dialogue = start();

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        ASK(dialogue, GIVEN_RECIPIENT);
        assert_int_equal(dialogue->protocol.envelope.recipient_count, 1);
        dialogue_ask(dialogue, resets[i], strlen(resets[i]));
        assert_false(pirn__smtp_holds(&dialogue->protocol));
        assert_string_equal(ASK(dialogue, "DATA\r\n"),
                            "503 5.5.1 Say MAIL first\r\n");
    }
    assert_string_equal(ASK(dialogue, "RSET\r\n"), "[reset]250 2.0.0 Ok\r\n");
    assert_string_equal(ASK(dialogue, "MAIL FROM:<a@b>\r\n"),
                        "250 2.1.0 Ok\r\n");
    dialogue_destroy(dialogue);
}

static void a_refused_command_changes_nothing(void **state)
{
    struct dialogue *dialogue = start();

    (void)state;
    ASK(dialogue, GIVEN_RECIPIENT);
    ASK(dialogue, "MAIL FROM:<x@y>\r\nRCPT TO:<x>\r\nRSET x\r\nEHLO\r\nX\r\n"
                  "DATA x\r\nQUIT x\r\n");
    assert_string_equal(ASK(dialogue, "DATA\r\n"),
                        "[begin from=<a@b> to=<c@d>]"
                        "354 End data with <CR><LF>.<CR><LF>\r\n");
    dialogue_destroy(dialogue);
}

static void a_transaction_ends_with_its_mail_whatever_became_of_it(void **state)
{
    static const enum smtp_condition ends[] = {SMTP_QUEUED, SMTP_FAULT,
                                               SMTP_NO_SPACE, SMTP_REFUSED};
    struct dialogue *dialogue = start();

    (void)state;
    for (size_t i = 0; i < 4; i++) {
        dialogue->end = ends[i];
        ASK(dialogue, BEGUN_MAIL "x\r\n.\r\n");
        assert_false(pirn__smtp_holds(&dialogue->protocol));
    }
    dialogue->begin = SMTP_NO_SPACE;
    assert_string_equal(ASK(dialogue, GIVEN_RECIPIENT "DATA\r\nNOOP\r\n"),
                        "[hello c]250 mx.example\r\n250 2.1.0 Ok\r\n"
                        "250 2.1.5 Ok\r\n[begin from=<a@b> to=<c@d>]"
                        "452 4.3.1 No space left, try again later\r\n"
                        "250 2.0.0 Ok\r\n");
    assert_false(pirn__smtp_holds(&dialogue->protocol));
    dialogue_destroy(dialogue);
}

static void a_fault_in_the_mail_aborts_at_once_and_answers_at_the_end(
    void **state)
{
    struct dialogue *dialogue = start();

    (void)state;
    ASK(dialogue, BEGUN_MAIL);
    assert_string_equal(ASK(dialogue, "x\r\na\0b"), "[abort]");
    assert_string_equal(ASK(dialogue, "\r\nNOOP\r\n\0\r\n"), "");
    assert_string_equal(ASK(dialogue, ".\r\nNOOP\r\n"),
                        "550 5.6.11 NUL in message\r\n250 2.0.0 Ok\r\n");
    dialogue_destroy(dialogue);
}

static void a_bare_newline_in_the_mail_outranks_what_was_before(void **state)
{
    struct dialogue *dialogue = start();

    (void)state;
    ASK(dialogue, BEGUN_MAIL);
    assert_string_equal(ASK(dialogue, "\0\r\n\n.\r\nx\r\n.\r\nNOOP\r\n"),
                        "[abort]550 5.6.11 Bare CR or LF in message\r\n"
                        "[close]");
    dialogue_destroy(dialogue);
}

static void the_size_limit_is_met_to_the_byte(void **state)
{
    struct dialogue *dialogue = dialogue_create();

    (void)state;
    dialogue->limits.size_max = 6;
    dialogue_start(dialogue);
    assert_string_equal(ASK(dialogue,
                            GIVEN_SENDER "RSET\r\n"
                                         "MAIL FROM:<a@b> SIZE=7\r\n"
                                         "MAIL FROM:<a@b> SIZE=6\r\n"),
                        "[hello c]250 mx.example\r\n250 2.1.0 Ok\r\n"
                        "[reset]250 2.0.0 Ok\r\n"
                        "552 5.3.4 Message too large\r\n250 2.1.0 Ok\r\n");
    ASK(dialogue, "RCPT TO:<c@d>\r\nDATA\r\n");
    assert_string_equal(ASK(dialogue, "..45\r\n.\r\n"),
                        "[mail].45\r\n[end]250 2.0.0 Ok: queued as id1\r\n");
    ASK(dialogue, BEGUN_MAIL);
    assert_string_equal(ASK(dialogue, "1234\r\n.\r\n"),
                        "[mail]1234\r\n[end]250 2.0.0 Ok: queued as id1\r\n");
    ASK(dialogue, BEGUN_MAIL);
    assert_string_equal(ASK(dialogue, "12345\r\n6\r\n.\r\nNOOP\r\n"),
                        "[abort]552 5.3.4 Message too large\r\n"
                        "250 2.0.0 Ok\r\n");
    dialogue_destroy(dialogue);
}

static void a_session_can_give_up_on_a_mail(void **state)
{
    struct dialogue *dialogue = start();

    (void)state;
    ASK(dialogue, BEGUN_MAIL "x\r\n");
    pirn__smtp_give_up(&dialogue->protocol, SMTP_NO_SPACE);
    pirn__smtp_give_up(&dialogue->protocol, SMTP_FAULT);
    assert_string_equal(ASK(dialogue, "more\r\n"), "");
    assert_string_equal(ASK(dialogue, ".\r\n"),
                        "452 4.3.1 No space left, try again later\r\n");

    dialogue->in_mail = false;
    ASK(dialogue, BEGUN_MAIL);
    pirn__smtp_give_up(&dialogue->protocol, SMTP_FAULT);
    assert_string_equal(ASK(dialogue, "\n\r\n.\r\n"),
                        "550 5.6.11 Bare CR or LF in message\r\n[close]");
    dialogue_destroy(dialogue);
}

static void recipients_are_bounded_by_number(void **state)
{
    struct dialogue *dialogue = start();

    (void)state;
    ASK(dialogue, GIVEN_SENDER);
    for (unsigned i = 0; i < 1000; i++) {
        assert_string_equal(ASK(dialogue, "RCPT TO:<c@d>\r\n"),
                            "250 2.1.5 Ok\r\n");
    }
    for (unsigned i = 0; i < 100; i++) {
        assert_string_equal(ASK(dialogue, "RCPT TO:<c@d>\r\n"),
                            "452 4.5.3 Too many recipients\r\n");
    }
    assert_int_equal(dialogue->protocol.envelope.recipient_count, 1000);
    assert_non_null(strstr(ASK(dialogue, "DATA\r\nx\r\n.\r\n"), "queued"));
    dialogue_destroy(dialogue);
}

static void recipients_are_bounded_by_the_arena(void **state)
{
    struct dialogue *dialogue = start();
    unsigned taken = 0;

    (void)state;
    dialogue_lend(dialogue, SMTP_COMMAND_LINE_MAX + SMTP_ARENA_SPARE);
    ASK(dialogue, GIVEN_SENDER);
    while (strcmp(ASK(dialogue, "RCPT TO:<c@d>\r\n"), "250 2.1.5 Ok\r\n") ==
           0) {
        taken++;
    }
    assert_string_equal(dialogue->log, "452 4.5.3 Too many recipients\r\n");
    assert_int_equal(taken, (SMTP_ARENA_SPARE - sizeof("from\0a@b")) /
                                sizeof("to\0c@d"));

    dialogue_lend(dialogue, SMTP_COMMAND_LINE_MAX + 2 * SMTP_ARENA_SPARE);
    assert_string_equal(ASK(dialogue, "RCPT TO:<c@d>\r\n"), "250 2.1.5 Ok\r\n");
    dialogue_destroy(dialogue);
}

static void what_is_held_moves_with_the_arena(void **state)
{
    static const char input[] = GIVEN_RECIPIENT "RCPT TO:<e@f>\r\nDATA\r\n";
    struct dialogue *dialogue = start();
    struct dialogue *moved = start();

    (void)state;
    dialogue_feed(dialogue, input, sizeof(input) - 1);
    for (size_t at = 0; at < sizeof(input) - 1; at++) {
        dialogue_feed(moved, input + at, 1);
        dialogue_lend(moved, SMTP_COMMAND_LINE_MAX + 5000 + at * 7 % 3);
    }
    assert_string_equal(moved->log, dialogue->log);
    dialogue_destroy(moved);
    dialogue_destroy(dialogue);
}

static void an_idle_connection_holds_no_arena(void **state)
{
    struct dialogue *dialogue = start();
    struct smtp_protocol *protocol = &dialogue->protocol;

    (void)state;
    assert_false(pirn__smtp_holds(protocol));
    ASK(dialogue, SAID_HELLO "NOOP\r\nMAIL");
    assert_true(pirn__smtp_holds(protocol));
    ASK(dialogue, " FROM:<a@b>\r\n");
    assert_true(pirn__smtp_holds(protocol));
    ASK(dialogue, "RCPT TO:<c@d>\r\nDATA\r\nx\r\n.\r\n");
    assert_false(pirn__smtp_holds(protocol));
    pirn__smtp_lend(protocol, NULL, 0);

    dialogue_lend(dialogue, SMTP_COMMAND_LINE_MAX + SMTP_ARENA_SPARE);
    ASK(dialogue, "MAIL FROM:<a@b>\r\nQUIT\r\n");
    assert_false(pirn__smtp_holds(protocol));
    dialogue_destroy(dialogue);
}

static void a_command_line_is_bounded_to_the_byte(void **state)
{
    struct dialogue *dialogue = start();
    char line[SMTP_COMMAND_LINE_MAX + 1];

    (void)state;
    memset(line, 'x', sizeof(line));
    memcpy(line, "NOOP ", 5);
    memcpy(line + SMTP_COMMAND_LINE_MAX - 2, "\r\n", 2);
    assert_string_equal(dialogue_ask(dialogue, line, SMTP_COMMAND_LINE_MAX),
                        "250 2.0.0 Ok\r\n");
    memcpy(line + SMTP_COMMAND_LINE_MAX - 2, "x\r\n", 3);
    assert_string_equal(dialogue_ask(dialogue, line, SMTP_COMMAND_LINE_MAX + 1),
                        "500 5.5.2 Line too long\r\n");
    dialogue_destroy(dialogue);
}

static void errors_are_counted_until_a_mail_is_accepted(void **state)
{
    struct dialogue *dialogue = dialogue_create();

    (void)state;
    dialogue->limits.errors_max = 3;
    dialogue_start(dialogue);
    assert_string_equal(ASK(dialogue, "X\r\nX\r\n"),
                        "500 5.5.1 Unknown command\r\n"
                        "500 5.5.1 Unknown command\r\n");
    ASK(dialogue, BEGUN_MAIL "x\r\n.\r\nX\r\nX\r\n");
    assert_false(dialogue->closed);
    dialogue->end = SMTP_FAULT; /* our fault, not the client's */
    ASK(dialogue, BEGUN_MAIL "x\r\n.\r\n");
    assert_false(dialogue->closed);
    assert_string_equal(ASK(dialogue, "X\r\nX\r\n"),
                        "421 4.7.0 mx.example Too many errors\r\n[close]");
    dialogue_destroy(dialogue);
}

static void a_refused_mail_is_an_error_like_others(void **state)
{
    struct dialogue *dialogue = dialogue_create();

    (void)state;
    dialogue->limits.errors_max = 1;
    dialogue_start(dialogue);
    ASK(dialogue, BEGUN_MAIL);
    assert_string_equal(ASK(dialogue, "\0\r\n.\r\n"),
                        "[abort]421 4.7.0 mx.example Too many errors\r\n"
                        "[close]");
    dialogue_destroy(dialogue);
}

static void after_close_everything_is_ignored(void **state)
{
    struct dialogue *dialogue = start();

    (void)state;
    assert_string_equal(ASK(dialogue, "QUIT\r\nNOOP\r\nQUIT\r\n\n\0"),
                        "221 2.0.0 mx.example Bye\r\n[close]");
    assert_string_equal(ASK(dialogue, "NOOP\r\n"), "");
    dialogue_destroy(dialogue);
}

static void we_can_stop_in_every_state(void **state)
{
    static const char input[] = BEGUN_MAIL "x\r\n.\r\n";

    (void)state;
    for (size_t len = 0; len < sizeof(input); len++) {
        struct dialogue *dialogue = start();
        struct smtp_event event;
        size_t at = 0;

        while (at < len) {
            at += pirn__smtp_feed(&dialogue->protocol, input + at, len - at,
                                  &event);
            if (event.type == SMTP_EVENT_BEGIN && at < len) {
                pirn__smtp_begin_result(&dialogue->protocol, SMTP_GO_AHEAD,
                                        &event);
            }
        }
        pirn__smtp_stop(&dialogue->protocol, SMTP_SHUTDOWN, &event);
        assert_int_equal(event.type, SMTP_EVENT_CLOSE);
        assert_false(pirn__smtp_owes(&dialogue->protocol));
        assert_false(pirn__smtp_holds(&dialogue->protocol));
        assert_string_equal(ASK(dialogue, "NOOP\r\n"), "");
        dialogue_destroy(dialogue);
    }
}

static void normalizing_takes_commands_that_end_in_a_bare_lf(void **state)
{
    struct dialogue *dialogue = dialogue_create();

    (void)state;
    dialogue->limits.bare_newline = SMTP_BARE_NORMALIZE;
    dialogue_start(dialogue);
    assert_string_equal(
        ASK(dialogue, "HELO c\nMAIL FROM:<a@b>\nRCPT TO:<c@d>\nDATA\n"
                      "x\n.\r\n.\n\r\n.\r\nNOOP\n"),
        "[hello c]250 mx.example\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n"
        "[begin from=<a@b> to=<c@d>]354 End data with <CR><LF>.<CR><LF>\r\n"
        "[mail]x\r\n\r\n\r\n\r\n[end]250 2.0.0 Ok: queued as id1\r\n"
        "250 2.0.0 Ok\r\n");
    dialogue_destroy(dialogue);
}

TEST_MAIN(
    cmocka_unit_test(a_mail_is_taken_from_greeting_to_goodbye),
    cmocka_unit_test(a_group_is_answered_in_order),
    cmocka_unit_test(nothing_is_consumed_while_a_result_is_owed),
    cmocka_unit_test(the_envelope_is_the_stored_form_of_fields),
    cmocka_unit_test(rset_and_hello_drop_a_transaction),
    cmocka_unit_test(a_refused_command_changes_nothing),
    cmocka_unit_test(a_transaction_ends_with_its_mail_whatever_became_of_it),
    cmocka_unit_test(a_fault_in_the_mail_aborts_at_once_and_answers_at_the_end),
    cmocka_unit_test(a_bare_newline_in_the_mail_outranks_what_was_before),
    cmocka_unit_test(the_size_limit_is_met_to_the_byte),
    cmocka_unit_test(a_session_can_give_up_on_a_mail),
    cmocka_unit_test(recipients_are_bounded_by_number),
    cmocka_unit_test(recipients_are_bounded_by_the_arena),
    cmocka_unit_test(what_is_held_moves_with_the_arena),
    cmocka_unit_test(an_idle_connection_holds_no_arena),
    cmocka_unit_test(a_command_line_is_bounded_to_the_byte),
    cmocka_unit_test(errors_are_counted_until_a_mail_is_accepted),
    cmocka_unit_test(a_refused_mail_is_an_error_like_others),
    cmocka_unit_test(after_close_everything_is_ignored),
    cmocka_unit_test(we_can_stop_in_every_state),
    cmocka_unit_test(normalizing_takes_commands_that_end_in_a_bare_lf))
