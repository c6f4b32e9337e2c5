/* SPDX-License-Identifier: MIT */
/* test_resolve.c - names, from a server of our own, and without any */
#include "tests/kernel/ring.h"

#include "tests/kernel/dns.h"

enum { ROOM = 32, MANY = 50 };

struct rig {
    struct pirn_resolve resolve;
    struct pirn_address addresses[ROOM];
    struct pirn_context *context;
    int again; /* so many times from its own end */
    int calls;
    int32_t result;
};

static void ended(struct pirn_op *op, int32_t result)
{
    struct rig *rig = pirn_container_of(op, struct rig, resolve.op);

    rig->calls++;
    rig->result = result;
    if (result > 0 && rig->again-- > 0) {
        pirn_start(rig->context, op, ended);
    }
}

static void start(struct ring *ring, struct pirn_resolver *resolver,
                  struct rig *rig, const char *name, int family)
{
    memset(rig, 0, sizeof(*rig));
    pirn_prep_resolve(&rig->resolve, resolver, name, 25, family, rig->addresses,
                      ROOM);
    pirn_start(ring->context, &rig->resolve.op, ended);
}

static int32_t look_up(struct ring *ring, struct pirn_resolver *resolver,
                       struct rig *rig, const char *name, int family)
{
    start(ring, resolver, rig, name, family);
    assert_int_equal(rig->calls, 0); /* never from inside the start */
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(rig->calls, 1);
    return rig->result;
}

static void assert_address(const struct pirn_address *address, const char *text)
{
    char found[PIRN_ADDRESS_TEXT];

    pirn_address_format(address, found);
    assert_string_equal(found, text);
}

static struct pirn_resolver *make(struct ring *ring, const char *servers,
                                  uint32_t timeout_ms, uint32_t tries)
{
    struct pirn_resolver_config config = {
        .servers = servers,
        .timeout_ns = timeout_ms * UINT64_C(1000000),
        .tries = tries,
    };
    struct pirn_resolver *resolver;

    assert_int_equal(pirn_resolver_create(ring->context, &config, &resolver),
                     0);
    return resolver;
}

static void names_have_their_addresses_and_the_port(void **state)
{
    struct ring *ring = *state;
    static struct rig rig;
    struct pirn_resolver *resolver;
    struct dns dns;

    dns_start(&dns);
    resolver = make(ring, dns.servers, 5000, 2);
    assert_int_equal(look_up(ring, resolver, &rig, "one.test", AF_INET), 1);
    assert_address(&rig.addresses[0], "192.0.2.1:25");
    assert_int_equal(look_up(ring, resolver, &rig, "one.test", AF_INET6), 1);
    assert_address(&rig.addresses[0], "[2001:db8::1]:25");
    assert_int_equal(look_up(ring, resolver, &rig, "one.test", AF_UNSPEC), 2);
    assert_int_equal(look_up(ring, resolver, &rig, "four.test", AF_UNSPEC), 1);
    assert_address(&rig.addresses[0], "192.0.2.4:25");
    assert_int_equal(look_up(ring, resolver, &rig, "many.test", AF_INET), 20);
    resolver = pirn_resolver_destroy(resolver);
    dns_stop(&dns);
}

static void what_has_no_room_is_left_out(void **state)
{
    struct ring *ring = *state;
    struct pirn_resolver *resolver;
    static struct rig rig;
    struct dns dns;

    dns_start(&dns);
    resolver = make(ring, dns.servers, 5000, 2);
    memset(&rig, 0, sizeof(rig));
    pirn_prep_resolve(&rig.resolve, resolver, "many.test", 25, AF_INET,
                      rig.addresses, 3);
    pirn_start(ring->context, &rig.resolve.op, ended);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(rig.result, 3);
    assert_int_equal(rig.addresses[2].len, sizeof(struct sockaddr_in));
    assert_int_equal(rig.addresses[3].len, 0);
    pirn_resolver_destroy(resolver);
    dns_stop(&dns);
}

static void a_long_answer_comes_by_tcp(void **state)
{
    struct ring *ring = *state;
    struct pirn_resolver *resolver;
    static struct rig rig;
    struct dns dns;

    dns_start(&dns);
    resolver = make(ring, dns.servers, 5000, 2);
    assert_int_equal(look_up(ring, resolver, &rig, "long.test", AF_INET), 1);
    assert_address(&rig.addresses[0], "192.0.2.9:25");
    pirn_resolver_destroy(resolver);
    dns_stop(&dns);
}

static void each_failure_has_its_own_word(void **state)
{
    struct ring *ring = *state;
    struct pirn_resolver *resolver;
    static struct rig rig;
    struct dns dns;

    dns_start(&dns);
    resolver = make(ring, dns.servers, 50, 1);
    assert_int_equal(look_up(ring, resolver, &rig, "no.test", AF_INET),
                     -ENOENT);
    assert_int_equal(look_up(ring, resolver, &rig, "four.test", AF_INET6),
                     -ENOENT);
    assert_int_equal(look_up(ring, resolver, &rig, "fail.test", AF_INET),
                     -EAGAIN);
    assert_int_equal(look_up(ring, resolver, &rig, "mute.test", AF_INET),
                     -ETIMEDOUT);
    pirn_resolver_destroy(resolver);
    dns_stop(&dns);

    /* nobody is there any more */
    resolver = make(ring, dns.servers, 50, 1);
    assert_int_equal(look_up(ring, resolver, &rig, "one.test", AF_INET),
                     -EAGAIN);
    pirn_resolver_destroy(resolver);
}

static void literals_and_hosts_need_no_server(void **state)
{
    struct ring *ring = *state;
    struct pirn_resolver *resolver;
    static struct rig rig;
    struct dns dns;

    dns_start(&dns);
    resolver = make(ring, dns.servers, 5000, 1);
    assert_int_equal(look_up(ring, resolver, &rig, "192.0.2.77", AF_UNSPEC), 1);
    assert_address(&rig.addresses[0], "192.0.2.77:25");
    assert_int_equal(look_up(ring, resolver, &rig, "2001:db8::7", AF_UNSPEC),
                     1);
    assert_address(&rig.addresses[0], "[2001:db8::7]:25");
    assert_int_equal(look_up(ring, resolver, &rig, "192.0.2.77", AF_INET6),
                     -ENOENT);
    assert_int_equal(look_up(ring, resolver, &rig, "localhost", AF_INET), 1);
    assert_address(&rig.addresses[0], "127.0.0.1:25");
    assert_int_equal(atomic_load(&dns.queries), 0);
    pirn_resolver_destroy(resolver);
    dns_stop(&dns);
}

static void many_at_once(void **state)
{
    static const char *const names[] = {"one.test", "no.test", "long.test",
                                        "many.test", "fail.test"};
    static const int32_t results[] = {1, -ENOENT, 1, 20, -EAGAIN};
    struct ring *ring = *state;
    struct pirn_resolver *resolver;
    static struct rig rigs[MANY];
    struct dns dns;

    dns_start(&dns);
    resolver = make(ring, dns.servers, 5000, 2);
    for (int i = 0; i < MANY; i++) {
        start(ring, resolver, &rigs[i], names[i % 5], AF_INET);
    }
    assert_int_equal(pirn_context_drain(ring->context), 0);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(rigs[i].calls, 1);
        assert_int_equal(rigs[i].result, results[i % 5]);
    }
    pirn_resolver_destroy(resolver);
    dns_stop(&dns);
}

static void cancelled_ends_at_once_and_spares_the_others(void **state)
{
    struct ring *ring = *state;
    struct pirn_resolver *resolver;
    static struct rig first;
    static struct rig second;
    struct dns dns;

    dns_start(&dns);
    resolver = make(ring, dns.servers, 3600000, 1);
    start(ring, resolver, &first, "mute.test", AF_UNSPEC);
    start(ring, resolver, &second, "mute.test", AF_INET);
    while (atomic_load(&dns.queries) < 3) {
        assert_true(pirn_context_turn(ring->context, 1000000) >= 0);
    }
    pirn_cancel(ring->context, &first.resolve.op);
    assert_int_equal(first.calls, 0);
    while (first.calls == 0) {
        assert_true(pirn_context_turn(ring->context, PIRN_FOREVER) >= 0);
    }
    assert_int_equal(first.result, -ECANCELED);
    assert_int_equal(second.calls, 0);

    /* its memory is ours: it may look up something else meanwhile */
    start(ring, resolver, &first, "one.test", AF_INET);
    while (first.calls == 0) {
        assert_true(pirn_context_turn(ring->context, PIRN_FOREVER) >= 0);
    }
    assert_int_equal(first.result, 1);
    pirn_cancel(ring->context, &second.resolve.op);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(second.result, -ECANCELED);
    pirn_resolver_destroy(resolver);
    dns_stop(&dns);
}

/* A socket that is closed gives its number to the next, before its watch has
 * ended. */
static void one_after_the_other_is_answered(void **state)
{
    struct ring *ring = *state;
    struct pirn_resolver *resolver;
    static struct rig rig;
    struct dns dns;

    dns_start(&dns);
    resolver = make(ring, dns.servers, 3600000, 1);
    start(ring, resolver, &rig, "one.test", AF_INET);
    rig.context = ring->context;
    rig.again = 20;
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(rig.calls, 21);
    assert_int_equal(rig.result, 1);
    pirn_resolver_destroy(resolver);
    dns_stop(&dns);
}

static void servers_that_are_none_are_refused(void **state)
{
    struct ring *ring = *state;
    struct pirn_resolver_config config = {.servers = "not an address"};
    struct pirn_resolver *resolver;

    assert_int_equal(pirn_resolver_create(ring->context, &config, &resolver),
                     -EINVAL);
    assert_null(pirn_resolver_destroy(NULL));
}

static bool is_missing(void)
{
    struct pirn_resolver *resolver;
    struct pirn_context *context;
    int r;

    if (ring_is_refused()) {
        return true;
    }
    assert_int_equal(pirn__context_create_on(ring_chosen(), NULL, &context), 0);
    r = pirn_resolver_create(context, NULL, &resolver);
    if (r == 0) {
        pirn_resolver_destroy(resolver);
    } else {
        print_message("skipped: no resolver: %s\n", strerror(-r));
    }
    pirn_context_destroy(context);
    return r == -ENOSYS;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RING_TEST(names_have_their_addresses_and_the_port),
        RING_TEST(what_has_no_room_is_left_out),
        RING_TEST(a_long_answer_comes_by_tcp),
        RING_TEST(each_failure_has_its_own_word),
        RING_TEST(literals_and_hosts_need_no_server),
        RING_TEST(many_at_once),
        RING_TEST(cancelled_ends_at_once_and_spares_the_others),
        RING_TEST(one_after_the_other_is_answered),
        RING_TEST(servers_that_are_none_are_refused),
    };

    return is_missing() ? TEST_SKIP : cmocka_run_group_tests(tests, NULL, NULL);
}
