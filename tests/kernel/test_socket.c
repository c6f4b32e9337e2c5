/* SPDX-License-Identifier: MIT */
/* test_socket.c - sentences of pirn/socket.h, on the running kernel */
#include "tests/kernel/ring.h"

#include <netinet/in.h>
#include <semaphore.h>
#include <sys/socket.h>
#include <sys/un.h>

/* Listen on a free port of 127.0.0.1; which one is written to @address. */
static int listen_anywhere(struct ring *ring, struct pirn_address *address)
{
    int fd;

    assert_int_equal(pirn_address_parse("127.0.0.1:0", address), 0);
    assert_int_equal(pirn_listen(ring->context, address, &fd), 0);
    address->len = sizeof(address->storage);
    assert_int_equal(
        getsockname(fd, (struct sockaddr *)&address->storage, &address->len),
        0);
    return fd;
}

static int connect_to(const struct pirn_address *address)
{
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(
        connect(fd, (const struct sockaddr *)&address->storage, address->len),
        0);
    return fd;
}

static void connections_are_accepted_and_carry_bytes(void **state)
{
    struct ring *ring = *state;
    struct pirn_address address;
    struct pirn_address peer = {.len = sizeof(peer.storage)};
    struct note accepted = {0};
    struct pirn_op op = {0};
    char buf[8] = "";
    int fd = listen_anywhere(ring, &address);
    int client;

    pirn_prep_accept(&accepted.op, fd, (struct sockaddr *)&peer.storage,
                     &peer.len);
    note_start(ring->context, &accepted);
    pirn_prep_socket(&op, AF_INET, SOCK_STREAM, 0);
    client = pirn_wait(ring->context, &op);
    assert_true(client >= 0);
    assert_true(fcntl(client, F_GETFD) & FD_CLOEXEC);
    pirn_prep_connect(&op, client, (struct sockaddr *)&address.storage,
                      address.len);
    assert_int_equal(pirn_wait(ring->context, &op), 0);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_true(accepted.result >= 0);
    assert_true(fcntl(accepted.result, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(peer.storage.ss_family, AF_INET);

    pirn_prep_send(&op, client, "hello", 5, 0);
    assert_int_equal(pirn_wait(ring->context, &op), 5);
    pirn_prep_shutdown(&op, client, SHUT_WR);
    assert_int_equal(pirn_wait(ring->context, &op), 0);
    pirn_prep_recv(&op, accepted.result, buf, sizeof(buf), 0);
    assert_int_equal(pirn_wait(ring->context, &op), 5);
    assert_string_equal(buf, "hello");
    assert_int_equal(pirn_wait(ring->context, &op), 0); /* the peer's end */
    close(accepted.result);
    close(client);
    close(fd);
}

static void nobody_listens_is_a_result(void **state)
{
    struct ring *ring = *state;
    struct pirn_address address;
    struct pirn_op op = {0};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    close(listen_anywhere(ring, &address));
    pirn_prep_connect(&op, client, (struct sockaddr *)&address.storage,
                      address.len);
    assert_int_equal(pirn_wait(ring->context, &op), -ECONNREFUSED);
    close(client);
}

static void address_in_use_is_an_error_and_leaves_no_socket(void **state)
{
    struct ring *ring = *state;
    struct pirn_address address;
    int other;
    int fd = listen_anywhere(ring, &address);

    assert_int_equal(pirn_listen(ring->context, &address, &other), -EADDRINUSE);
    close(fd);
}

static void socket_file_is_replaced_only_if_nobody_listens(void **state)
{
    struct ring *ring = *state;
    struct pirn_address address;
    char text[64];
    int other;
    int fd;

    snprintf(text, sizeof(text), "unix:%s/sock", ring->path);
    assert_int_equal(pirn_address_parse(text, &address), 0);
    assert_int_equal(pirn_listen(ring->context, &address, &fd), 0);
    assert_int_equal(pirn_listen(ring->context, &address, &other), -EADDRINUSE);
    close(connect_to(&address));
    close(fd); /* the file stays */
    assert_true(ring_has(ring, "sock"));
    assert_int_equal(pirn_listen(ring->context, &address, &fd), 0);
    close(connect_to(&address));
    close(fd);

    assert_int_equal(unlinkat(ring->dir_fd, "sock", 0), 0);
    ring_put(ring, "sock", "a file of somebody's");
    assert_int_equal(pirn_listen(ring->context, &address, &fd), -EADDRINUSE);
}

static void send_needs_no_address_on_any_kind_of_socket(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t len = sizeof(in);
    char buf[8] = "";
    int server = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int client = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(server, (struct sockaddr *)&in, len), 0);
    assert_int_equal(getsockname(server, (struct sockaddr *)&in, &len), 0);
    assert_int_equal(connect(client, (struct sockaddr *)&in, len), 0);
    pirn_prep_send(&op, client, "hello", 5, 0);
    assert_int_equal(pirn_wait(ring->context, &op), 5);
    pirn_prep_recv(&op, server, buf, sizeof(buf), 0);
    assert_int_equal(pirn_wait(ring->context, &op), 5);
    close(server);
    close(client);
}

static void send_to_nobody_is_epipe_and_no_signal(void **state)
{
    struct ring *ring = *state;
    struct pirn_op op = {0};
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds),
                     0);
    close(fds[1]);
    pirn_prep_send(&op, fds[0], "x", 1, 0);
    assert_int_equal(pirn_wait(ring->context, &op), -EPIPE);
    close(fds[0]);
}

static void multishot_accept_takes_every_connection(void **state)
{
    struct ring *ring = *state;
    struct pirn_address address;
    struct shot_note note = {0};
    int clients[20];
    int fd = listen_anywhere(ring, &address);

    pirn_prep_multishot_accept(&note.shot, fd);
    pirn_multishot_start(ring->context, &note.shot, shot_note_fn);
    for (int i = 0; i < 20; i++) {
        clients[i] = connect_to(&address);
    }
    while (note.deliveries < 20) {
        assert_true(pirn_context_turn(ring->context, PIRN_FOREVER) >= 0);
    }
    assert_int_equal(note.lasts, 0);
    pirn_multishot_cancel(ring->context, &note.shot);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(note.deliveries, 21);
    assert_int_equal(note.lasts, 1);
    assert_int_equal(note.results[20], -ECANCELED);
    for (int i = 0; i < 20; i++) {
        assert_true(note.results[i] >= 0);
        close(note.results[i]);
        close(clients[i]);
    }
    close(fd);
}

/* --- several contexts on one listening socket --- */

enum { MEMBERS = 4, CONNECTIONS = 64, CONNECTIONS_MAX = 4096 };

struct acceptor {
    struct pirn_op op;
    struct pirn_op ready; /* posted: its context has turned since it began */
    struct pirn_context *context;
    struct crowd *crowd;
    int accepted;
    bool ending;
};

struct crowd {
    struct acceptor acceptors[MEMBERS];
    sem_t ready;
    sem_t accepted;
    int listener;
};

static void accepted(struct pirn_op *op, int32_t result)
{
    struct acceptor *acceptor = pirn_container_of(op, struct acceptor, op);

    if (result >= 0) {
        close(result);
        acceptor->accepted++;
    }
    if (!acceptor->ending) {
        pirn_start(acceptor->context, op, accepted);
    }
    if (result >= 0) {
        sem_post(&acceptor->crowd->accepted);
    }
}

static void begin(struct pirn_context *context, uint32_t index, void *user,
                  struct pirn_op *done)
{
    struct crowd *crowd = user;
    struct acceptor *acceptor = &crowd->acceptors[index];

    acceptor->context = context;
    acceptor->crowd = crowd;
    pirn_prep_accept(&acceptor->op, crowd->listener, NULL, NULL);
    pirn_start(context, &acceptor->op, accepted);
    pirn_task_finish(context, done, 0);
}

static void finish(struct pirn_context *context, uint32_t index, void *user,
                   struct pirn_op *done)
{
    struct crowd *crowd = user;

    crowd->acceptors[index].ending = true;
    pirn_cancel(context, &crowd->acceptors[index].op);
    pirn_task_finish(context, done, 0);
}

static void is_ready(struct pirn_op *op, int32_t result)
{
    struct acceptor *acceptor = pirn_container_of(op, struct acceptor, ready);

    (void)result;
    sem_post(&acceptor->crowd->ready);
}

/* Once each context has turned, each has its accept with the kernel. */
static void all_accept(struct crowd *crowd, struct pirn_group *group)
{
    for (uint32_t i = 0; i < MEMBERS; i++) {
        pirn_post(pirn_group_context(group, i), &crowd->acceptors[i].ready,
                  is_ready);
        sem_wait(&crowd->ready);
    }
}

static struct pirn_group *crowd_create(struct crowd *crowd)
{
    const struct pirn_group_config config = {
        .count = MEMBERS, .init = begin, .cleanup = finish, .user = crowd};
    struct pirn_group *group;

    sem_init(&crowd->ready, 0, 0);
    sem_init(&crowd->accepted, 0, 0);
    assert_int_equal(pirn_group_create(&config, &group), 0);
    all_accept(crowd, group);
    return group;
}

/* The least that one of them has had. */
static int least(const struct crowd *crowd)
{
    int count = crowd->acceptors[0].accepted;

    for (int i = 1; i < MEMBERS; i++) {
        if (crowd->acceptors[i].accepted < count) {
            count = crowd->acceptors[i].accepted;
        }
    }
    return count;
}

/* Where the machine has more to do than this, a context may be late to sleep,
 * and another is woken in its turn: then it takes a few more. */
static void connections_one_by_one_reach_every_context(void **state)
{
    struct crowd crowd = {0};
    struct pirn_address address;
    struct pirn_group *group;
    int count = 0;
    int sum = 0;

    crowd.listener = listen_anywhere(*state, &address);
    group = crowd_create(&crowd);
    while (count < CONNECTIONS ||
           (least(&crowd) == 0 && count < CONNECTIONS_MAX)) {
        close(connect_to(&address));
        sem_wait(&crowd.accepted);
        all_accept(&crowd, group);
        count++;
    }
    pirn_group_destroy(group);
    close(crowd.listener);
    for (int i = 0; i < MEMBERS; i++) {
        sum += crowd.acceptors[i].accepted;
    }
    assert_int_equal(sum, count);
    assert_true(least(&crowd) > 0);
}

/* Who is awake takes them: one context may well have none. */
static void connections_at_once_are_accepted_once_each(void **state)
{
    struct crowd crowd = {0};
    struct pirn_address address;
    struct pirn_group *group;
    int clients[CONNECTIONS];
    int sum = 0;

    crowd.listener = listen_anywhere(*state, &address);
    group = crowd_create(&crowd);
    for (int i = 0; i < CONNECTIONS; i++) {
        clients[i] = connect_to(&address);
    }
    for (int i = 0; i < CONNECTIONS; i++) {
        sem_wait(&crowd.accepted);
        close(clients[i]);
    }
    pirn_group_destroy(group);
    close(crowd.listener);
    for (int i = 0; i < MEMBERS; i++) {
        sum += crowd.acceptors[i].accepted;
    }
    assert_int_equal(sum, CONNECTIONS);
}

RING_TEST_MAIN(RING_TEST(connections_are_accepted_and_carry_bytes),
               RING_TEST(nobody_listens_is_a_result),
               RING_TEST(address_in_use_is_an_error_and_leaves_no_socket),
               RING_TEST(socket_file_is_replaced_only_if_nobody_listens),
               RING_TEST(send_needs_no_address_on_any_kind_of_socket),
               RING_TEST(send_to_nobody_is_epipe_and_no_signal),
               RING_TEST(multishot_accept_takes_every_connection),
               RING_TEST(connections_one_by_one_reach_every_context),
               RING_TEST(connections_at_once_are_accepted_once_each))
