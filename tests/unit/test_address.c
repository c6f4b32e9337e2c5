/* SPDX-License-Identifier: MIT */
/* test_address.c - addresses from text and back */
#include "test.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "pirn/pirn.h"

enum { PATH_BYTES = sizeof(((struct sockaddr_un *)0)->sun_path) };

static void what_is_parsed_is_formatted_the_same(void **state)
{
    static const char *const texts[] = {
        "127.0.0.1:2525",
        "0.0.0.0:0",
        "255.255.255.255:65535",
        "[::1]:2525",
        "[::]:0",
        "[2001:db8::1]:25",
        "unix:/a/path",
        "unix:relative.sock",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char text[PIRN_ADDRESS_TEXT];
        struct pirn_address address;

        assert_int_equal(pirn_address_parse(texts[i], &address), 0);
        pirn_address_format(&address, text);
        assert_string_equal(text, texts[i]);
    }
}

static void fields_are_what_the_text_says(void **state)
{
    struct pirn_address address;
    const struct sockaddr_in *in = (const void *)&address.storage;
    const struct sockaddr_in6 *in6 = (const void *)&address.storage;
    const struct sockaddr_un *un = (const void *)&address.storage;

    (void)state;
    assert_int_equal(pirn_address_parse("127.0.0.1:2525", &address), 0);
    assert_int_equal(address.storage.ss_family, AF_INET);
    assert_int_equal(address.len, sizeof(*in));
    assert_int_equal(ntohs(in->sin_port), 2525);
    assert_int_equal(ntohl(in->sin_addr.s_addr), INADDR_LOOPBACK);

    assert_int_equal(pirn_address_parse("[::1]:25", &address), 0);
    assert_int_equal(address.storage.ss_family, AF_INET6);
    assert_int_equal(address.len, sizeof(*in6));
    assert_int_equal(ntohs(in6->sin6_port), 25);
    assert_true(IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr));

    assert_int_equal(pirn_address_parse("unix:/a:1", &address), 0);
    assert_int_equal(address.storage.ss_family, AF_UNIX);
    assert_string_equal(un->sun_path, "/a:1");
}

static void what_is_no_address_is_einval_and_writes_nothing(void **state)
{
    static const char *const texts[] = {
        "",
        ":",
        ":25",
        "127.0.0.1",
        "127.0.0.1:",
        "1.2.3:25",
        "1.2.3.4:-1",
        "1.2.3.4:+1",
        "1.2.3.4: 1",
        "1.2.3.4:1 ",
        "1.2.3.4:65536",
        "1.2.3.4:x",
        "::1:25",
        "[::1]",
        "[::1]25",
        "[::1:25",
        "::1]:25",
        "[]:25",
        "[:25",
        "localhost:25",
        "[::g]:25",
        "unix:",
        "1.2.3.4:99999999999999999999",
        "[127.0.0.1]:25",
        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:25",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct pirn_address address = {.len = 77};

        if (pirn_address_parse(texts[i], &address) != -EINVAL) {
            print_error("\"%s\" was taken\n", texts[i]);
        }
        assert_int_equal(pirn_address_parse(texts[i], &address), -EINVAL);
        assert_int_equal(address.len, 77);
    }
}

static void path_has_to_fit(void **state)
{
    char text[sizeof("unix:") + PATH_BYTES] = "unix:";
    char back[PIRN_ADDRESS_TEXT];
    struct pirn_address address;

    (void)state;
    memset(text + 5, 'a', PATH_BYTES);
    assert_int_equal(pirn_address_parse(text, &address), -EINVAL);
    text[5 + PATH_BYTES - 1] = '\0';
    assert_int_equal(pirn_address_parse(text, &address), 0);
    pirn_address_format(&address, back);
    assert_string_equal(back, text);
}

static void address_of_nobody_has_a_text(void **state)
{
    struct pirn_address none = {0};
    struct pirn_address unbound = {.len = sizeof(sa_family_t)};
    char text[PIRN_ADDRESS_TEXT];

    (void)state;
    pirn_address_format(&none, text);
    assert_string_equal(text, "unknown");
    unbound.storage.ss_family = AF_UNIX;
    pirn_address_format(&unbound, text);
    assert_string_equal(text, "unix:");
}

#define T(name) cmocka_unit_test(name)

TEST_MAIN(T(what_is_parsed_is_formatted_the_same),
          T(fields_are_what_the_text_says),
          T(what_is_no_address_is_einval_and_writes_nothing),
          T(path_has_to_fit), T(address_of_nobody_has_a_text))
