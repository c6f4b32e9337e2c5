/* SPDX-License-Identifier: MIT */
/*
 * test_smtp_worker.c - one context's share of the server, where things fail
 *
 * A worker on a context of its own, a spool and a listening socket; clients are
 * plain sockets of the same thread. Results of accepts are spoiled by the
 * engine, memory for sessions is refused. Whatever happens, nobody who was
 * connected is left without an end, and the next one is served.
 */
#include "kernel/faulty_bed.h"

#include "kernel/allocation.h"
#include "kernel/sessions.h"
#include "smtp/worker.h"

enum { CLIENTS_MAX = 2, TURN_NS = 20000000 };

struct rig {
    struct bed bed;
    struct smtp_server_config config;
    struct smtp_shared shared;
    struct smtp_worker worker;
};

static struct rig *rig_of(void *state)
{
    return pirn_container_of((struct bed *)state, struct rig, bed);
}

static int setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    struct bed *bed = &rig->bed;

    *state = bed;
    snprintf(bed->path, sizeof(bed->path), "/dev/shm/pirn-worker-XXXXXX");
    bed->without_log = true;
    faulty_plan(ENGINE_NONE, 0, 0, 0);
    if (mkdtemp(bed->path) == NULL ||
        pirn__context_create_on(faulty_engine(), NULL, &bed->context) < 0) {
        return -1;
    }
    bed->fd_count = count_descriptors();
    if (bed_open(bed, true) < 0) {
        return -1;
    }
    bed_close(bed);
    rig->config = (struct smtp_server_config){
        .spool = bed->path,
        .queue = "incoming",
        .threads = 1,
        .connections_max = CLIENTS_MAX,
        .timeout_ns = 60000000000u,
        .grace_ns = 60000000000u,
    };
    rig->shared.config = &rig->config;
    rig->shared.limits = session_limits;
    rig->worker.shared = &rig->shared;
    return pirn_address_parse("127.0.0.1:0", &rig->config.address) < 0 ||
                   pirn_listen(bed->context, &rig->config.address,
                               &rig->shared.listener) < 0
               ? -1
               : pirn__smtp_worker_begin(&rig->worker, bed->context);
}

/* The worker has ended; all that it had is closed. */
static int teardown(void **state)
{
    struct rig *rig = rig_of(*state);

    faulty_plan(ENGINE_NONE, 0, 0, 0);
    (void)allocation_allow();
    if (!rig->worker.ended) {
        pirn__smtp_worker_end(&rig->worker);
    }
    close(rig->shared.listener);
    if (atomic_load(&rig->shared.connections) != 0) {
        fprintf(stderr, "connections are counted that are not there\n");
        return -1;
    }
    return bed_teardown(state);
}

static void turn(struct rig *rig)
{
    assert_true(pirn_context_turn(rig->bed.context, TURN_NS) >= 0);
}

static int join(struct rig *rig)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &(int){1}, sizeof(int)), 0);
    assert_int_equal(
        getsockname(rig->shared.listener, (struct sockaddr *)&address, &len),
        0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, len), 0);
    return fd;
}

enum { AN_END = 0, NOTHING_MORE = -1 };

/* What comes next: a reply's code, or an end; or nobody is at it any more. */
static int hear(struct rig *rig, int fd)
{
    char text[512] = "";
    bool is_served = true;
    ssize_t n;

    while ((n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT)) < 0 &&
           errno == EAGAIN && is_served) {
        is_served = pirn_context_loaned(rig->bed.context) > 0;
        if (is_served) {
            turn(rig);
        }
    }
    return n > 0 ? atoi(text) : is_served ? AN_END : NOTHING_MORE;
}

static void leave(struct rig *rig, int fd)
{
    assert_int_equal(send(fd, "QUIT\r\n", 6, MSG_NOSIGNAL), 6);
    assert_int_equal(hear(rig, fd), 221);
    assert_int_equal(hear(rig, fd), AN_END);
    close(fd);
}

static void serve_one(struct rig *rig)
{
    int fd = join(rig);

    assert_int_equal(hear(rig, fd), 220);
    leave(rig, fd);
}

/* ---- who is not served ---- */

static void who_gets_no_session_sees_an_end_and_the_next_is_served(void **state)
{
    struct rig *rig = rig_of(*state);
    int fd = join(rig);

    allocation_refuse(ALLOCATION_ONCE, 1);
    assert_int_equal(hear(rig, fd), AN_END);
    assert_int_equal(allocation_allow(), 1);
    close(fd);
    serve_one(rig);
}

/* The close of his connection is not given up with the accepts. */
static void nor_does_he_wait_for_ever_where_the_server_stops(void **state)
{
    struct rig *rig = rig_of(*state);
    int fd = join(rig);

    do {
        allocation_refuse(ALLOCATION_ONCE, 1);
        turn(rig);
    } while (allocation_allow() == 0);
    pirn__smtp_worker_end(&rig->worker);
    assert_int_equal(recv(fd, &(char){0}, 1, MSG_DONTWAIT), 0);
    close(fd);
}

static void one_too_many_is_told_so_and_counted(void **state)
{
    struct rig *rig = rig_of(*state);
    int fds[CLIENTS_MAX + 1];

    for (int i = 0; i <= CLIENTS_MAX; i++) {
        fds[i] = join(rig);
        assert_int_equal(hear(rig, fds[i]), i < CLIENTS_MAX ? 220 : 421);
    }
    assert_int_equal(hear(rig, fds[CLIENTS_MAX]), AN_END);
    close(fds[CLIENTS_MAX]);
    for (int i = 0; i < CLIENTS_MAX; i++) {
        leave(rig, fds[i]);
    }
    serve_one(rig);
    assert_int_equal(rig->worker.count.connections, CLIENTS_MAX + 1);
    assert_int_equal(rig->worker.count.refused, 1);
}

/* ---- accepts that fail ---- */

/* The second number that is free. */
static int next_but_one(void)
{
    int first = dup(STDERR_FILENO);
    int second = dup(STDERR_FILENO);

    close(first);
    close(second);
    return second;
}

/* The connection whose result is spoiled nobody has: it is closed here. */
static void fail_accept(struct rig *rig, int32_t error)
{
    int unheard_of = next_but_one(); /* the client has the next one */

    faulty_plan(ENGINE_ACCEPT, 1, 1, error);
    int fd = join(rig);
    while (faulty_outcome()->failed == 0) {
        turn(rig);
    }
    faulty_plan(ENGINE_NONE, 0, 0, 0);
    assert_int_equal(close(unheard_of), 0);
    close(fd);
}

static void an_accept_that_fails_is_tried_again(void **state)
{
    static const int32_t errors[] = {-ECONNABORTED, -EINTR, -EAGAIN, -EMFILE,
                                     -ENOMEM};
    struct rig *rig = rig_of(*state);

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        fail_accept(rig, errors[i]);
        serve_one(rig);
    }
    assert_int_equal(rig->worker.count.connections, 5);
}

/* ---- the end ---- */

static void who_is_idle_is_told_of_the_end(void **state)
{
    struct rig *rig = rig_of(*state);
    int fd = join(rig);

    assert_int_equal(hear(rig, fd), 220);
    pirn__smtp_worker_stop(&rig->worker); /* as from another thread */
    assert_int_equal(hear(rig, fd), 421);
    assert_int_equal(hear(rig, fd), AN_END);
    close(fd);
    pirn__smtp_worker_end(&rig->worker);
    fd = join(rig); /* the socket listens, and nobody accepts */
    turn(rig);
    close(fd);
    assert_int_equal(rig->worker.count.connections, 1);
}

/* A reply is on its way, and he does not take it. */
static bool is_stuck(const struct rig *rig)
{
    return !pirn_op_is_idle(&LIST_FIRST(&rig->worker.sessions)->outbox.send);
}

/* Commands until a reply is stuck; and then @more, whose replies wait. */
static void say_and_not_listen(struct rig *rig, int fd, int more)
{
    for (int i = 0; i < more || !is_stuck(rig); i += is_stuck(rig)) {
        (void)send(fd, "NOOP\r\n", 6, MSG_DONTWAIT | MSG_NOSIGNAL);
        turn(rig);
    }
}

static bool all_are_closing(const struct rig *rig)
{
    const struct smtp_session *session;

    LIST_FOREACH(session, &rig->worker.sessions, list)
    {
        if (!session->closing) {
            return false;
        }
    }
    return true;
}

/* Whether there was room left to say so, or not. */
static void who_does_not_listen_is_cut_off_when_the_grace_is_over(void **state)
{
    static const int lines[] = {0, 1, 200}; /* behind the one that is stuck */
    struct rig *rig = rig_of(*state);
    const int little = 1; /* as little as there can be */

    assert_int_equal(setsockopt(rig->shared.listener, SOL_SOCKET, SO_SNDBUF,
                                &little, sizeof(little)),
                     0);
    rig->config.grace_ns = 1;
    rig->config.connections_max = 3;
    int fds[3];
    for (int i = 0; i < 3; i++) {
        fds[i] = join(rig);
        assert_int_equal(hear(rig, fds[i]), 220);
        say_and_not_listen(rig, fds[i], lines[i]);
    }
    pirn__smtp_worker_stop(&rig->worker);
    do {
        turn(rig);
    } while (!pirn_op_is_idle(&rig->worker.stop) ||
             !pirn_op_is_idle(&rig->worker.grace));
    assert_true(all_are_closing(rig));
    pirn__smtp_worker_end(&rig->worker);
    for (int i = 0; i < 3; i++) {
        close(fds[i]);
    }
}

static void a_pause_does_not_hold_up_the_end(void **state)
{
    struct rig *rig = rig_of(*state);

    fail_accept(rig, -EMFILE);
    pirn__smtp_worker_end(&rig->worker);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

BED_MAIN(T(who_gets_no_session_sees_an_end_and_the_next_is_served),
         T(nor_does_he_wait_for_ever_where_the_server_stops),
         T(one_too_many_is_told_so_and_counted),
         T(an_accept_that_fails_is_tried_again),
         T(who_is_idle_is_told_of_the_end),
         T(who_does_not_listen_is_cut_off_when_the_grace_is_over),
         T(a_pause_does_not_hold_up_the_end))
