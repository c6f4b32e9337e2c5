/* SPDX-License-Identifier: MIT */
/*
 * test_smtp_command.c - what a command line says, and what is wrong with it
 */
#include "test.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "smtp/address.h"
#include "smtp/command.h"

/* The line lies in memory of its size; the command's argument as a string. */
struct parsed {
    struct smtp_command command;
    char argument[600];
};

static struct parsed parse(const char *text)
{
    size_t len = strlen(text);
    char *line = malloc(len > 0 ? len : 1);
    struct parsed parsed;

    assert_non_null(line);
    memcpy(line, text, len);
    pirn__smtp_command_parse((struct smtp_span){line, len}, &parsed.command);
    assert_true(parsed.command.argument.len < sizeof(parsed.argument));
    memcpy(parsed.argument, parsed.command.argument.bytes,
           parsed.command.argument.len);
    parsed.argument[parsed.command.argument.len] = '\0';
    free(line);
    return parsed;
}

static void every_verb_is_known_in_any_case(void **state)
{
    static const struct {
        const char *line;
        enum smtp_verb verb;
    } verbs[] = {
        {"HELO a", SMTP_VERB_HELO},
        {"ehlo a", SMTP_VERB_EHLO},
        {"Mail From:<a@b>", SMTP_VERB_MAIL},
        {"rcpt to:<a@b>", SMTP_VERB_RCPT},
        {"dATA", SMTP_VERB_DATA},
        {"rset ", SMTP_VERB_RSET},
        {"NOOP", SMTP_VERB_NOOP},
        {"noop what you like", SMTP_VERB_NOOP},
        {"quit\t", SMTP_VERB_QUIT},
        {"VRFY a b", SMTP_VERB_VRFY},
        {"help", SMTP_VERB_HELP},
        {"HELP DATA", SMTP_VERB_HELP},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
        struct parsed parsed = parse(verbs[i].line);

        assert_int_equal(parsed.command.verb, verbs[i].verb);
        assert_int_equal(parsed.command.fault, SMTP_NOTHING);
    }
}

static void what_is_no_command_of_ours_has_no_verb(void **state)
{
    static const char *const unknown[] = {
        "", " ", " NOOP", "NOO", "NOOPS", "NOOP\tx", "\xff", "DATA\x80",
    };
    static const char *const foreign[] = {
        "EXPN x", "starttls", "AUTH PLAIN AHgAeA==", "BDAT 5 LAST", "TURN",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        struct parsed parsed = parse(unknown[i]);

        assert_int_equal(parsed.command.verb, SMTP_VERB_NONE);
        assert_int_equal(parsed.command.fault, SMTP_UNKNOWN);
    }
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        struct parsed parsed = parse(foreign[i]);

        assert_int_equal(parsed.command.verb, SMTP_VERB_NONE);
        assert_int_equal(parsed.command.fault, SMTP_NOT_IMPLEMENTED);
    }
}

static void addresses_are_taken_as_they_came(void **state)
{
    static const struct {
        const char *line;
        const char *address;
    } good[] = {
        {"MAIL FROM:<a@b>", "a@b"},
        {"MAIL FROM:<>", ""},
        {"MAIL FROM: <a@b>", "a@b"},
        {"MAIL   FROM:   <a@b>  ", "a@b"},
        {"RCPT TO:<Some.One+tag@Mail-1.Example.ORG>",
         "Some.One+tag@Mail-1.Example.ORG"},
        {"RCPT TO:<!#$%&'*+-/=?^_`{|}~@b>", "!#$%&'*+-/=?^_`{|}~@b"},
        {"RCPT TO:<\"a b\"@c>", "\"a b\"@c"},
        {"RCPT TO:<\"a\\\"@>\\\\\"@c>", "\"a\\\"@>\\\\\"@c"},
        {"RCPT TO:<\"\"@c>", "\"\"@c"},
        {"RCPT TO:<@x.y,@z:a@b>", "a@b"},
        {"RCPT TO:<@[1.2.3.4]:a@b>", "a@b"},
        {"RCPT TO:<postmaster>", "postmaster"},
        {"RCPT TO:<PostMaster>", "PostMaster"},
        {"RCPT TO:<a@[127.0.0.1]>", "a@[127.0.0.1]"},
        {"RCPT TO:<a@[IPv6:::1]>", "a@[IPv6:::1]"},
        {"RCPT TO:<a@[IPv6:::]>", "a@[IPv6:::]"},
        {"RCPT TO:<a@[ipv6:2001:db8::]>", "a@[ipv6:2001:db8::]"},
        {"RCPT TO:<a@[IPv6:1:2:3:4:5:6:7:8]>", "a@[IPv6:1:2:3:4:5:6:7:8]"},
        {"RCPT TO:<a@[IPv6:1:2:3:4:5:6:1.2.3.4]>",
         "a@[IPv6:1:2:3:4:5:6:1.2.3.4]"},
        {"RCPT TO:<a@[IPv6:::ffff:1.2.3.4]>", "a@[IPv6:::ffff:1.2.3.4]"},
        {"RCPT TO:<a@[x-tag:any;thing]>", "a@[x-tag:any;thing]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        struct parsed parsed = parse(good[i].line);

        assert_int_equal(parsed.command.fault, SMTP_NOTHING);
        assert_string_equal(parsed.argument, good[i].address);
    }
}

static void what_is_no_address_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        " ",
        "<",
        "<a@b",
        "a@b",
        "<<a@b>>",
        "<a@>",
        "<@b>",
        "<a@b@c>",
        "<a..b@c>",
        "<.a@c>",
        "<a.@c>",
        "<a b@c>",
        "<a@b c>",
        "<a@b.>",
        "<a@.b>",
        "<a@b..c>",
        "<a@-b>",
        "<a@b->",
        "<a@b-.c>",
        "<a@b.-c>",
        "<a@b_c>",
        "<\"a@c>",
        "<\"a\"b@c>",
        "<\"a\\\"@c>",
        "<\"a\tb\"@c>",
        "<a@[1.2.3]>",
        "<a@[1.2.3.4.5]>",
        "<a@[1.2.3.256]>",
        "<a@[1.2.3.4>",
        "<a@[]>",
        "<a@[1.2.3.]>",
        "<a@[1.2.3.0004]>",
        "<a@[IPv6:]>",
        "<a@[IPv6::]>",
        "<a@[IPv6:1::2::3]>",
        "<a@[IPv6:1:2:3:4:5:6:7]>",
        "<a@[IPv6:1:2:3:4:5:6:7:8:9]>",
        "<a@[IPv6:1:2:3:4:5:6:7:8::]>",
        "<a@[IPv6:12345::]>",
        "<a@[IPv6:1:2:3:4:5:6:7:1.2.3.4]>",
        "<a@[IPv6:::1.2.3]>",
        "<a@[IPv6:1:]>",
        "<a@[IPv6::::]>",
        "<a@[x-:y]>",
        "<a@[x:]>",
        "<a@[x:y]z>",
        "<@x:>",
        "<@x,a@b>",
        "<@x,@y,a@b>",
        "<@x a@b>",
        "<@x:@y:a@b>",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char line[100] = "MAIL FROM:";

        strcat(line, bad[i]);
        assert_int_equal(parse(line).command.fault, SMTP_SENDER_SYNTAX);
        strcpy(line, "RCPT TO:");
        strcat(line, bad[i]);
        assert_int_equal(parse(line).command.fault, SMTP_RECIPIENT_SYNTAX);
    }
    assert_int_equal(parse("RCPT TO:<>").command.fault, SMTP_RECIPIENT_SYNTAX);
}

static void only_a_recipient_postmaster_needs_no_domain(void **state)
{
    (void)state;
    assert_int_equal(parse("MAIL FROM:<a>").command.fault,
                     SMTP_SENDER_NO_DOMAIN);
    assert_int_equal(parse("MAIL FROM:<postmaster>").command.fault,
                     SMTP_SENDER_NO_DOMAIN);
    assert_int_equal(parse("RCPT TO:<a>").command.fault,
                     SMTP_RECIPIENT_NO_DOMAIN);
    assert_int_equal(parse("RCPT TO:<\"postmaster\">").command.fault,
                     SMTP_RECIPIENT_NO_DOMAIN);
    assert_int_equal(parse("RCPT TO:<postmasters>").command.fault,
                     SMTP_RECIPIENT_NO_DOMAIN);
}

static void bytes_over_127_need_smtputf8(void **state)
{
    (void)state;
    assert_int_equal(parse("MAIL FROM:<j\xc3\xb6rg@b>").command.fault,
                     SMTP_NEEDS_SMTPUTF8);
    assert_int_equal(parse("RCPT TO:<a@\xc3\xb6.b>").command.fault,
                     SMTP_NEEDS_SMTPUTF8);
    assert_int_equal(parse("MAIL FROM:<a@b> SMTPUTF8").command.fault,
                     SMTP_PARAMETER_UNKNOWN);
}

/* "RCPT TO:<" a...a "@" b.b.b...b ">" */
static enum smtp_condition fault_of_lengths(size_t local_len, size_t domain_len)
{
    char line[600] = "RCPT TO:<";
    size_t at = strlen(line);

    memset(line + at, 'a', local_len);
    at += local_len;
    line[at++] = '@';
    for (size_t i = 0; i < domain_len; i++) {
        line[at++] = i % 2 == 1 && i + 1 < domain_len ? '.' : 'b';
    }
    line[at++] = '>';
    line[at] = '\0';
    return parse(line).command.fault;
}

static void the_limits_of_length_are_met_to_the_byte(void **state)
{
    (void)state;
    assert_int_equal(fault_of_lengths(64, 100), SMTP_NOTHING);
    assert_int_equal(fault_of_lengths(65, 100), SMTP_RECIPIENT_TOO_LONG);
    assert_int_equal(fault_of_lengths(1, 252), SMTP_NOTHING);
    assert_int_equal(fault_of_lengths(1, 253), SMTP_RECIPIENT_TOO_LONG);
    assert_int_equal(fault_of_lengths(64, 189), SMTP_NOTHING);
    assert_int_equal(fault_of_lengths(64, 190), SMTP_RECIPIENT_TOO_LONG);
    assert_int_equal(fault_of_lengths(1, 256), SMTP_RECIPIENT_TOO_LONG);
}

static void size_and_body_are_read(void **state)
{
    struct parsed parsed;

    (void)state;
    parsed = parse("MAIL FROM:<a@b> SIZE=12345 BODY=8BITMIME");
    assert_int_equal(parsed.command.fault, SMTP_NOTHING);
    assert_int_equal(parsed.command.size, 12345);
    assert_true(parsed.command.eight_bit);

    parsed = parse("MAIL FROM:<a@b>  body=7bit  size=0");
    assert_int_equal(parsed.command.fault, SMTP_NOTHING);
    assert_int_equal(parsed.command.size, 0);
    assert_false(parsed.command.eight_bit);

    parsed = parse("MAIL FROM:<a@b> SIZE=18446744073709551615");
    assert_true(parsed.command.size == UINT64_MAX);
    parsed = parse("MAIL FROM:<a@b> SIZE=99999999999999999999");
    assert_true(parsed.command.size == UINT64_MAX);
}

static void parameters_are_malformed_or_unknown(void **state)
{
    static const char *const malformed[] = {
        "MAIL FROM:<a@b>SIZE=1",   "MAIL FROM:<a@b> SIZE=",
        "MAIL FROM:<a@b> SIZE",    "MAIL FROM:<a@b> SIZE=1x",
        "MAIL FROM:<a@b> SIZE=-1", "MAIL FROM:<a@b> SIZE=1 SIZE=1",
        "MAIL FROM:<a@b> BODY",    "MAIL FROM:<a@b> BODY=7BIT BODY=7BIT",
        "MAIL FROM:<a@b> =1",      "MAIL FROM:<a@b> -A=1",
        "MAIL FROM:<a@b> A=b=c",   "MAIL FROM:<a@b> A=\x80",
        "MAIL FROM:<a@b> A_B=1",   "MAIL FROM:<a@b>\tSIZE=1",
        "RCPT TO:<a@b> =",         "MAIL FROM:<a@b> SIZE=000000000000000000001",
    };
    static const char *const unknown[] = {
        "MAIL FROM:<a@b> RET=FULL",   "MAIL FROM:<a@b> BODY=BINARYMIME",
        "MAIL FROM:<a@b> AUTH=<>",    "MAIL FROM:<a@b> SIZE=1 X-Y",
        "RCPT TO:<a@b> NOTIFY=NEVER", "RCPT TO:<a@b> SIZE=1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        assert_int_equal(parse(malformed[i]).command.fault,
                         SMTP_PARAMETER_SYNTAX);
    }
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        assert_int_equal(parse(unknown[i]).command.fault,
                         SMTP_PARAMETER_UNKNOWN);
    }
}

static void a_command_has_the_arguments_it_needs_and_no_others(void **state)
{
    (void)state;
    assert_int_equal(parse("DATA x").command.fault, SMTP_ARGUMENT_UNEXPECTED);
    assert_int_equal(parse("RSET x").command.fault, SMTP_ARGUMENT_UNEXPECTED);
    assert_int_equal(parse("QUIT x").command.fault, SMTP_ARGUMENT_UNEXPECTED);
    assert_int_equal(parse("VRFY ").command.fault, SMTP_ARGUMENT_MISSING);
    assert_int_equal(parse("MAIL").command.fault, SMTP_MAIL_SYNTAX);
    assert_int_equal(parse("MAIL TO:<a@b>").command.fault, SMTP_MAIL_SYNTAX);
    assert_int_equal(parse("MAIL FROM <a@b>").command.fault, SMTP_MAIL_SYNTAX);
    assert_int_equal(parse("RCPT FROM:<a@b>").command.fault, SMTP_RCPT_SYNTAX);
}

static void a_hello_has_one_printable_name(void **state)
{
    char line[300] = "EHLO ";

    (void)state;
    assert_string_equal(parse("EHLO [127.0.0.1]").argument, "[127.0.0.1]");
    assert_string_equal(parse("HELO my_host ").argument, "my_host");
    assert_int_equal(parse("EHLO").command.fault, SMTP_HELLO_SYNTAX);
    assert_int_equal(parse("HELO a b").command.fault, SMTP_HELLO_SYNTAX);
    assert_int_equal(parse("HELO a\x1b[2J").command.fault, SMTP_HELLO_SYNTAX);
    assert_int_equal(parse("HELO \xc3\xb6").command.fault, SMTP_HELLO_SYNTAX);

    memset(line + 5, 'a', 255);
    assert_int_equal(parse(line).command.fault, SMTP_NOTHING);
    line[5 + 255] = 'a';
    assert_int_equal(parse(line).command.fault, SMTP_HELLO_SYNTAX);
}

static void no_prefix_of_a_command_reads_past_its_end(void **state)
{
    static const char *const lines[] = {
        "MAIL FROM:<@a,@[1.2.3.4]:\"q\\\"\"@[IPv6:1::2]> SIZE=12 BODY=7BIT",
        "RCPT TO:<a.b@[x-y:z]> A=b",
        "EHLO [IPv6:::1]",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        for (size_t len = 0; len <= strlen(lines[i]); len++) {
            char prefix[100];

            memcpy(prefix, lines[i], len);
            prefix[len] = '\0';
            parse(prefix); /* in memory of its size: the sanitizer looks */
        }
    }
}

TEST_MAIN(cmocka_unit_test(every_verb_is_known_in_any_case),
          cmocka_unit_test(what_is_no_command_of_ours_has_no_verb),
          cmocka_unit_test(addresses_are_taken_as_they_came),
          cmocka_unit_test(what_is_no_address_is_refused),
          cmocka_unit_test(only_a_recipient_postmaster_needs_no_domain),
          cmocka_unit_test(bytes_over_127_need_smtputf8),
          cmocka_unit_test(the_limits_of_length_are_met_to_the_byte),
          cmocka_unit_test(size_and_body_are_read),
          cmocka_unit_test(parameters_are_malformed_or_unknown),
          cmocka_unit_test(a_command_has_the_arguments_it_needs_and_no_others),
          cmocka_unit_test(a_hello_has_one_printable_name),
          cmocka_unit_test(no_prefix_of_a_command_reads_past_its_end))
