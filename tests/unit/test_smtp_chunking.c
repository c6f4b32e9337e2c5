/* SPDX-License-Identifier: MIT */
/*
 * test_smtp_chunking.c - the same bytes have the same outcome, however cut
 *
 * Method: dialogues with everything in them that could be cut badly are fed
 * whole, byte by byte, in two at every place, and in random pieces; replies,
 * envelopes and stored bytes must come out the same.
 */
#include "test_smtp_dialogue.h"

#include <stdio.h>

#define A16 "aaaaaaaaaaaaaaaa"
#define A128 A16 A16 A16 A16 A16 A16 A16 A16
#define A1024 A128 A128 A128 A128 A128 A128 A128 A128

/* The longest command line, without its CR LF. */
#define NOOP_OF_2046                                                         \
    "NOOP " A1024 A128 A128 A128 A128 A128 A128 A128 A16 A16 A16 A16 A16 A16 \
        A16 "aaaaaaaaa"
static_assert(sizeof(NOOP_OF_2046) - 1 == SMTP_COMMAND_LINE_MAX - 2, "");

/* A mail with something in its middle, and a whole mail that the middle might
 * have let out as commands. */
#define MAIL_WITH(middle)                                                 \
    {                                                                     \
        SAID(BEGUN_MAIL "a" middle "MAIL FROM:<x@y>\r\nRCPT TO:<z@y>\r\n" \
                        "DATA\r\nsmuggled\r\n.\r\nQUIT\r\n")              \
    }
#define SAID(literal) literal, sizeof(literal) - 1

struct said {
    const char *bytes;
    size_t len;
};

/* Each has been taken for the end of the data by some server. */
static const struct said smuggled[] = {
    MAIL_WITH("\n.\n"),         MAIL_WITH("\n.\r\n"),
    MAIL_WITH("\r\n.\n"),       MAIL_WITH("\r.\r"),
    MAIL_WITH("\r\n.\r"),       MAIL_WITH("\r.\r\n"),
    MAIL_WITH("\r\n\0.\r\n"),   MAIL_WITH("\r\n.\0\r\n"),
    MAIL_WITH("\r\r\n.\n"),     MAIL_WITH("\r\n.\r\r\n"),
    MAIL_WITH("\r\n.\n\r\n"),   MAIL_WITH("\n\n.\n\n"),
    MAIL_WITH("\r\n\n.\r\n\r"), MAIL_WITH("\r\n..\n.\r\n"),
};

static const struct said dialogues[] = {
    {SAID("EHLO client.example\r\nMAIL FROM:<a@b> SIZE=30 BODY=8BITMIME\r\n"
          "RCPT TO:<c@d>\r\nRCPT TO:<\"e f\"@[IPv6:::1]>\r\nDATA\r\n"
          "Subject: x\r\n\r\n..dot\r\n...\r\n.x\r\n\x80\xff\r\n\r\n.\r\n"
          "MAIL FROM:<>\r\nRCPT TO:<postmaster>\r\nDATA\r\n.\r\nQUIT\r\nx")},
    {SAID(BEGUN_MAIL "..\r\n.\r\n" GIVEN_RECIPIENT "RSET\r\nDATA\r\nVRFY x\r\n"
                     "HELP\r\nNOOP x\r\nEHLO y\r\nquit\r\n")},
    {SAID("\r\n \r\nX\r\nEXPN\r\nEHLO\r\nMAIL\r\nMAIL FROM:<a@b>\r\nHELO c\r\n"
          "RCPT TO:<a@b>\r\nDATA\r\nMAIL FROM:<a>\r\nMAIL FROM:<a@b> X\r\n"
          "MAIL FROM:<a@b>SIZE=1\r\nMAIL FROM:<a@b> SIZE=999999999\r\n"
          "MAIL FROM:<@x:a@b>\r\nMAIL FROM:<>\r\nRCPT TO:<>\r\nDATA\r\n"
          "RCPT TO:<@x,@y:a@b>\r\nDATA x\r\nDATA\r\n.\r\n")},
    {SAID("NO\0OP\r\n\0\r\nNOOP\r\nNOOP\0\r\nQUIT\r\n")},
    {SAID("NOOP\r\nNOOP\nNOOP\r\n")},
    {SAID("NOOP\r\nNOOP\rNOOP\r\n")},
    {SAID("NOOP\r\nNOOP\r\r\nNOOP\r\n")},
    {SAID("NOOP\r\n\nNOOP\r\n")},
    {SAID("NOOP\r\n\r\r\nNOOP\r\n")},
    {SAID("NO\0OP\nNOOP\r\n")},
    {SAID("NOOP " A1024 A1024 "\r\nNOOP\r\n" A1024 A1024 "\0\r\nQUIT\r\n")},
    {SAID(NOOP_OF_2046 "\r\n" NOOP_OF_2046 "a\r\nNOOP\r\n")},
    {SAID(A1024 A1024 A1024 "\nNOOP\r\n")},
    {SAID(GIVEN_SENDER "RCPT TO:<" A128 "@b>\r\nRCPT TO:<c@" A128 A128 ">\r\n"
                       "RCPT TO:<c@d>\r\nDATA\r\n" A1024 "\r\n.\r\nQUIT\r\n")},
    {SAID(BEGUN_MAIL A1024 A1024 A1024 "\r\n.\r\nNOOP\r\n")},
    {SAID(BEGUN_MAIL A1024 A1024 "\r\n..\r\n.\r\nNOOP\r\n")},
    {SAID(BEGUN_MAIL A1024 A1024 A1024 "\n\0\r\n.\r\nNOOP\r\n")},
    {SAID(BEGUN_MAIL "\0\r\n\n.\r\n.\r\n.\r\nNOOP\r\n")},
    {SAID(BEGUN_MAIL "a\r")},
    {SAID(BEGUN_MAIL "a\r\n.\r")},
    {SAID("X\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\n"
          "X\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\nX\r\n")},
};

/* How the server is set up; the second and third meet their limits. */
static struct dialogue *start(unsigned setting)
{
    struct dialogue *dialogue = dialogue_create();

    dialogue->limits.size_max = setting == 0 ? 100000 : 2100;
    dialogue->limits.recipients_max = setting == 0 ? 1000 : 1;
    dialogue->limits.bare_newline =
        setting == 2 ? SMTP_BARE_NORMALIZE : SMTP_BARE_REFUSE;
    dialogue_start(dialogue);
    return dialogue;
}

#define SETTINGS 3

static void assert_same(const struct dialogue *cut,
                        const struct dialogue *whole)
{
    assert_int_equal(cut->log_len, whole->log_len);
    assert_memory_equal(cut->log, whole->log, whole->log_len);
    assert_int_equal(cut->closed, whole->closed);
}

static void cut_everywhere(struct said said, unsigned setting)
{
    struct dialogue *whole = start(setting);
    struct dialogue *cut = start(setting);

    dialogue_feed(whole, said.bytes, said.len);
    assert_true(whole->log_len > 0);

    for (size_t at = 0; at < said.len; at++) {
        dialogue_feed(cut, said.bytes + at, 1);
    }
    assert_same(cut, whole);

    for (size_t at = 1; at < said.len; at++) {
        dialogue_start(cut);
        dialogue_feed(cut, said.bytes, at);
        dialogue_feed(cut, said.bytes + at, said.len - at);
        assert_same(cut, whole);
    }
    dialogue_destroy(cut);
    dialogue_destroy(whole);
}

static void cut_at_random(struct said said, unsigned setting, unsigned *seed)
{
    struct dialogue *whole = start(setting);
    struct dialogue *cut = start(setting);

    dialogue_feed(whole, said.bytes, said.len);
    for (unsigned round = 0; round < 100; round++) {
        size_t at = 0;

        dialogue_start(cut);
        while (at < said.len) {
            size_t len = 1 + (size_t)rand_r(seed) % 12;

            len = len < said.len - at ? len : said.len - at;
            dialogue_feed(cut, said.bytes + at, len);
            at += len;
        }
        assert_same(cut, whole);
    }
    dialogue_destroy(cut);
    dialogue_destroy(whole);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void a_dialogue_has_one_outcome_however_it_is_cut(void **state)
{
    (void)state;
    for (unsigned setting = 0; setting < SETTINGS; setting++) {
        for (size_t i = 0; i < COUNT(dialogues); i++) {
            cut_everywhere(dialogues[i], setting);
        }
    }
}

static void smuggling_has_one_outcome_however_it_is_cut(void **state)
{
    (void)state;
    for (unsigned setting = 0; setting < SETTINGS; setting++) {
        for (size_t i = 0; i < COUNT(smuggled); i++) {
            cut_everywhere(smuggled[i], setting);
        }
    }
}

static void random_pieces_have_the_same_outcome(void **state)
{
    unsigned seed = 20240612;

    (void)state;
    print_message("seed %u\n", seed);
    for (unsigned setting = 0; setting < SETTINGS; setting++) {
        for (size_t i = 0; i < COUNT(dialogues); i++) {
            cut_at_random(dialogues[i], setting, &seed);
        }
        for (size_t i = 0; i < COUNT(smuggled); i++) {
            cut_at_random(smuggled[i], setting, &seed);
        }
    }
}

static void nothing_that_is_smuggled_becomes_a_command(void **state)
{
    (void)state;
    for (unsigned setting = 0; setting < SETTINGS; setting++) {
        for (size_t i = 0; i < COUNT(smuggled); i++) {
            struct dialogue *dialogue = start(setting);

            dialogue_feed(dialogue, smuggled[i].bytes, smuggled[i].len);
            assert_null(strstr(dialogue->log, "from=<x@y>"));
            if (setting != 2) { /* where it is normalized it is stored */
                assert_null(strstr(dialogue->log, "[end]"));
                assert_non_null(strstr(dialogue->log, "550 5.6.11"));
            }
            dialogue_destroy(dialogue);
        }
    }
}

TEST_MAIN(cmocka_unit_test(a_dialogue_has_one_outcome_however_it_is_cut),
          cmocka_unit_test(smuggling_has_one_outcome_however_it_is_cut),
          cmocka_unit_test(random_pieces_have_the_same_outcome),
          cmocka_unit_test(nothing_that_is_smuggled_becomes_a_command))
