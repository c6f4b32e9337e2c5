/* SPDX-License-Identifier: MIT */
/*
 * test_smtp_body.c - the mail is what stood between DATA and the true end
 *
 * Method: the definition of a mail is written down a second time, as searches
 * in the whole input, and every input of up to eight of the bytes that matter
 * is decoded and compared with it.
 */
#include "test.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/body.h"

struct decoded {
    char mail[4096];
    size_t mail_len;
    size_t run_count;
    size_t used; /* to the end of the data, if it came */
    bool ended;
    bool bare;
    bool nul;
};

static void note(struct decoded *decoded, enum smtp_body_outcome outcome,
                 struct smtp_span run)
{
    switch (outcome) {
    case SMTP_BODY_MORE:
        break;
    case SMTP_BODY_RUN:
        assert_true(run.len > 0);
        assert_true(run.len <= sizeof(decoded->mail) - decoded->mail_len);
        memcpy(decoded->mail + decoded->mail_len, run.bytes, run.len);
        decoded->mail_len += run.len;
        decoded->run_count++;
        break;
    case SMTP_BODY_BARE:
        decoded->bare = true;
        break;
    case SMTP_BODY_NUL:
        decoded->nul = true;
        break;
    case SMTP_BODY_END:
        decoded->ended = true;
        break;
    }
}

/* In chunks of @step bytes, each in memory of its own. */
static struct decoded decode(enum smtp_bare_newline policy, const char *bytes,
                             size_t len, size_t step)
{
    struct decoded decoded = {.mail_len = 0};
    struct smtp_body body;

    pirn__smtp_body_init(&body, policy);
    while (decoded.used < len && !decoded.ended) {
        size_t size = len - decoded.used < step ? len - decoded.used : step;
        char *chunk = malloc(size);
        size_t at = 0;

        assert_non_null(chunk);
        memcpy(chunk, bytes + decoded.used, size);
        while (at < size && !decoded.ended) {
            enum smtp_body_outcome outcome;
            struct smtp_span run = {NULL, 0};

            at += pirn__smtp_body_decode(&body, chunk + at, size - at, &outcome,
                                         &run);
            note(&decoded, outcome, run);
        }
        free(chunk);
        decoded.used += at;
    }
    return decoded;
}

static void assert_mail(const struct decoded *decoded, const char *mail,
                        size_t len)
{
    assert_int_equal(decoded->mail_len, len);
    assert_memory_equal(decoded->mail, mail, len);
}

static void an_empty_mail_has_no_bytes(void **state)
{
    struct decoded decoded = decode(SMTP_BARE_REFUSE, ".\r\n", 3, 3);

    (void)state;
    assert_true(decoded.ended);
    assert_int_equal(decoded.used, 3);
    assert_int_equal(decoded.mail_len, 0);
}

static void the_dot_in_front_of_a_line_is_dropped(void **state)
{
    static const char input[] = "..\r\n.a\r\n...\r\nb.\r\n.\r\n";
    static const char mail[] = ".\r\na\r\n..\r\nb.\r\n";
    struct decoded decoded;

    (void)state;
    decoded = decode(SMTP_BARE_REFUSE, input, sizeof(input) - 1, 100);
    assert_true(decoded.ended);
    assert_mail(&decoded, mail, sizeof(mail) - 1);
}

static void what_follows_the_end_is_not_consumed(void **state)
{
    static const char input[] = "a\r\n.\r\nQUIT\r\n";
    struct decoded decoded;

    (void)state;
    decoded = decode(SMTP_BARE_REFUSE, input, sizeof(input) - 1, 100);
    assert_true(decoded.ended);
    assert_int_equal(decoded.used, 6);
}

static void lines_without_dots_are_one_run(void **state)
{
    static const char input[] = "Subject: a\r\n\r\nb\r\nc\td\r\n\r\n.\r\n";
    struct decoded decoded;

    (void)state;
    decoded = decode(SMTP_BARE_REFUSE, input, sizeof(input) - 1, 100);
    assert_int_equal(decoded.run_count, 1);
    assert_mail(&decoded, input, sizeof(input) - 1 - 3);
}

static void a_line_of_any_length_is_passed_as_it_came(void **state)
{
    char input[3000 + 5];
    struct decoded decoded;

    (void)state;
    memset(input, 'x', 3000);
    memcpy(input + 3000, "\r\n.\r\n", 5);
    decoded = decode(SMTP_BARE_REFUSE, input, sizeof(input), sizeof(input));
    assert_true(decoded.ended);
    assert_mail(&decoded, input, 3002);
}

static void every_byte_but_three_is_text_at_every_place(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        for (size_t at = 0; at < 20; at++) {
            char input[20 + 5];
            bool special = byte == 0 || byte == '\r' || byte == '\n';
            struct decoded decoded;

            memset(input, 'a', 20);
            input[at] = (char)byte;
            memcpy(input + 20, "\r\n.\r\n", 5);
            decoded = decode(SMTP_BARE_REFUSE, input, sizeof(input), 100);
            assert_true(decoded.ended);
            assert_int_equal(decoded.nul, byte == 0);
            /* A CR as the last byte before CR LF is as bare as elsewhere. */
            assert_int_equal(decoded.bare, special && byte != 0);
        }
    }
}

/* What came out of smuggling: each has been taken for the end somewhere. */
static const struct {
    const char *bytes;
    size_t len;
} smuggled[] = {
    {"\n.\n", 3},       {"\n.\r\n", 4},     {"\r\n.\n", 4},
    {"\r.\r", 3},       {"\r\n.\r", 4},     {"\r.\r\n", 4},
    {"\r\n\0.\r\n", 6}, {"\r\n.\0\r\n", 6}, {"\n.\r", 3},
    {"\r.\n", 3},       {"\r\r\n.\n", 5},   {"\n\r.\r\n", 5},
    {"\r\n.\r\r\n", 6}, {"\r\n.\n\r\n", 6},
};

static void only_cr_lf_dot_cr_lf_ends_the_data(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(smuggled) / sizeof(smuggled[0]); i++) {
        for (int policy = 0; policy < 2; policy++) {
            char input[64] = "a";
            size_t len = 1;
            struct decoded decoded;

            memcpy(input + len, smuggled[i].bytes, smuggled[i].len);
            len += smuggled[i].len;
            memcpy(input + len, "MAIL\r\n.\r\n", 9);
            len += 9;
            decoded = decode((enum smtp_bare_newline)policy, input, len, 100);
            assert_true(decoded.ended);
            assert_int_equal(decoded.used, len);
            if (policy == SMTP_BARE_REFUSE) {
                assert_true(decoded.bare || decoded.nul);
            }
        }
    }
}

static void normalizing_makes_a_bare_newline_a_line_end(void **state)
{
    static const char input[] =
        "a\nb\rc\r\n..d\n..e\r.\n.\r\nf\r\n.\rg\r\n.\r\n";
    static const char mail[] = "a\r\nb\r\nc\r\n.d\r\n.e\r\n\r\n\r\nf\r\n\r\n"
                               "g\r\n";
    struct decoded decoded;

    (void)state;
    for (size_t step = 1; step < sizeof(input); step++) {
        decoded = decode(SMTP_BARE_NORMALIZE, input, sizeof(input) - 1, step);
        assert_true(decoded.ended);
        assert_false(decoded.bare);
        assert_mail(&decoded, mail, sizeof(mail) - 1);
    }
}

/*
 * The definition. The data end at the first CR LF . CR LF, where the CR LF of
 * the DATA line counts; before that, a CR or LF without its other half is
 * bare; the mail is what remains without the first dot of each line.
 */
static struct decoded define(const char *bytes, size_t len)
{
    struct decoded defined = {.used = len};
    char line[64] = "\r\n";
    size_t line_len = len + 2;
    const char *end;

    memcpy(line + 2, bytes, len);
    end = memmem(line, line_len, "\r\n.\r\n", 5);
    if (end != NULL) {
        defined.ended = true;
        defined.used = (size_t)(end - line) + 3;
        line_len = defined.used - 1; /* without the dot and its CR LF */
    }
    for (size_t at = 2; at < line_len; at++) {
        bool after_cr = line[at - 1] == '\r';
        bool before_lf = line[at + 1] == '\n' && at + 1 < len + 2;

        defined.nul |= line[at] == '\0';
        defined.bare |= line[at] == '\n' && !after_cr;
        defined.bare |= line[at] == '\r' && !before_lf && at + 1 < len + 2;
        if (line[at] != '.' || line[at - 1] != '\n' || line[at - 2] != '\r') {
            defined.mail[defined.mail_len++] = line[at];
        }
    }
    return defined;
}

static void assert_as_defined(const char *bytes, size_t len)
{
    struct decoded defined = define(bytes, len);

    for (size_t step = 1; step <= len; step += len > 1 ? len - 1 : 1) {
        struct decoded decoded = decode(SMTP_BARE_REFUSE, bytes, len, step);

        assert_int_equal(decoded.ended, defined.ended);
        assert_int_equal(decoded.used, defined.used);
        assert_int_equal(decoded.bare, defined.bare);
        assert_int_equal(decoded.nul, defined.nul);
        if (defined.ended && !defined.bare && !defined.nul) {
            assert_mail(&decoded, defined.mail, defined.mail_len);
        }
    }
}

static void every_short_input_is_decoded_as_defined(void **state)
{
    static const char alphabet[] = {'\r', '\n', '.', 'a', '\0'};
    const size_t letters = sizeof(alphabet);

    (void)state;
    for (size_t len = 1; len <= 8; len++) {
        size_t count = 1;

        for (size_t i = 0; i < len; i++) {
            count *= letters;
        }
        for (size_t word = 0; word < count; word++) {
            char bytes[8];
            size_t rest = word;

            for (size_t i = 0; i < len; i++) {
                bytes[i] = alphabet[rest % letters];
                rest /= letters;
            }
            assert_as_defined(bytes, len);
        }
    }
}

/* Random text with leading dots, stuffed as a client does it. */
static size_t write_mail(unsigned *seed, char *mail, size_t *ret_len,
                         char *input)
{
    size_t lines = (size_t)rand_r(seed) % 12;
    size_t at = 0;
    size_t len = 0;

    for (size_t line = 0; line < lines; line++) {
        size_t bytes = (size_t)rand_r(seed) % 90;

        for (size_t i = 0; i < bytes; i++) {
            char byte = (char)(rand_r(seed) % 4 == 0 ? '.' : rand_r(seed));

            if (byte == '\0' || byte == '\r' || byte == '\n') {
                byte = ' ';
            }
            if (i == 0 && byte == '.') {
                input[at++] = '.';
            }
            input[at++] = mail[len++] = byte;
        }
        input[at++] = mail[len++] = '\r';
        input[at++] = mail[len++] = '\n';
    }
    memcpy(input + at, ".\r\n", 3);
    *ret_len = len;
    return at + 3;
}

static void random_mails_come_back_as_they_were(void **state)
{
    unsigned seed = 20240611;

    (void)state;
    print_message("seed %u\n", seed);
    for (unsigned round = 0; round < 2000; round++) {
        char mail[2048];
        char input[2048];
        size_t mail_len;
        size_t len = write_mail(&seed, mail, &mail_len, input);
        size_t step = 1 + (size_t)rand_r(&seed) % 100;
        struct decoded decoded = decode(SMTP_BARE_REFUSE, input, len, step);

        assert_true(decoded.ended);
        assert_false(decoded.bare || decoded.nul);
        assert_int_equal(decoded.used, len);
        assert_mail(&decoded, mail, mail_len);
    }
}

TEST_MAIN(cmocka_unit_test(an_empty_mail_has_no_bytes),
          cmocka_unit_test(the_dot_in_front_of_a_line_is_dropped),
          cmocka_unit_test(what_follows_the_end_is_not_consumed),
          cmocka_unit_test(lines_without_dots_are_one_run),
          cmocka_unit_test(a_line_of_any_length_is_passed_as_it_came),
          cmocka_unit_test(every_byte_but_three_is_text_at_every_place),
          cmocka_unit_test(only_cr_lf_dot_cr_lf_ends_the_data),
          cmocka_unit_test(normalizing_makes_a_bare_newline_a_line_end),
          cmocka_unit_test(every_short_input_is_decoded_as_defined),
          cmocka_unit_test(random_mails_come_back_as_they_were))
