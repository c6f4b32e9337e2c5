/* SPDX-License-Identifier: MIT */
/*
 * echo.c - the server's process, and the load on it
 */
#include "bench/echo.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/loopback.h"
#include "bench/process.h"

enum {
    EVENTS = 256,
    SILENCE_MS = 5000,
    SPARE_FDS = 256, /* for all else that the process has open */
};

struct connection {
    int fd;
    uint32_t part; /* bytes of a message that has not come whole */
    uint64_t sent_ns;
};

struct echo {
    const struct echo_plan *plan;
    echo_serve_fn *serve;
    const char *engine;
    int listen_fd;
    int epoll_fd;
    pid_t pid;
    clockid_t clock; /* of the server's CPU time */
    struct connection *connections;
};

/* --- the server --- */

static void no_delay(int fd)
{
    int one = 1;

    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* What we have open for other sides is not the server's. */
static void close_others(int kept_fd)
{
    (void)close_range(3, (unsigned)kept_fd - 1, 0);
    (void)close_range((unsigned)kept_fd + 1, ~0u, 0);
}

static void serve_in_child(void *arg)
{
    struct echo *echo = arg;
    int *fds = calloc(echo->plan->connections, sizeof(*fds));

    close_others(echo->listen_fd);
    process_pin(0);
    if (echo->engine != NULL) {
        setenv("PIRN_ENGINE", echo->engine, 1);
    }
    for (uint32_t i = 0; fds != NULL && i < echo->plan->connections; i++) {
        fds[i] = accept4(echo->listen_fd, NULL, NULL, SOCK_CLOEXEC);
        if (fds[i] < 0) {
            fprintf(stderr, "pirn-bench: accept: %s\n", strerror(errno));
            return;
        }
        no_delay(fds[i]);
    }
    if (fds != NULL) {
        echo->serve(echo->plan, fds);
    }
}

void echo_nonblocking(const struct echo_plan *plan, const int *fds)
{
    for (uint32_t i = 0; i < plan->connections; i++) {
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
}

/* All of it: the socket has room. */
static void send_all(int fd, const void *bytes, uint32_t len)
{
    if (send(fd, bytes, len, MSG_NOSIGNAL) != (ssize_t)len) {
        _exit(1); /* the load finds out, and says so */
    }
}

bool echo_ready(const struct echo_plan *plan, int fd)
{
    uint8_t buf[ECHO_BUF];
    ssize_t n = recv(fd, buf, sizeof(buf), 0);

    for (uint32_t at = 0; n > 0 && at < (size_t)n; at += plan->piece) {
        uint32_t left = (uint32_t)n - at;

        send_all(fd, buf + at, left < plan->piece ? left : plan->piece);
    }
    return n > 0 || (n < 0 && errno == EAGAIN);
}

/* --- its beginning and end --- */

static int connect_one(struct echo *echo, uint32_t index,
                       const struct sockaddr_in *address)
{
    /* Reset at the close: thousands that linger would use up the ports. */
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    echo->connections[index].fd = fd;
    if (fd < 0 ||
        connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0 ||
        epoll_ctl(echo->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0) {
        return -errno;
    }
    no_delay(fd);
    return 0;
}

/* Each side of a question keeps its connections. */
static int begin(struct echo *echo)
{
    struct sockaddr_in address;
    int r = process_allow_files();

    if (r < 0) {
        return r;
    }
    echo->listen_fd = loopback_listen(&address);
    if (echo->listen_fd < 0) {
        return echo->listen_fd;
    }
    echo->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    echo->pid = process_fork(serve_in_child, echo);
    if (echo->pid < 0) {
        return echo->pid;
    }
    if (clock_getcpuclockid(echo->pid, &echo->clock) != 0) {
        return -ESRCH;
    }
    for (uint32_t i = 0; i < echo->plan->connections && r == 0; i++) {
        r = connect_one(echo, i, &address);
    }
    return r;
}

int echo_open(const struct options *options, echo_serve_fn *serve,
              const char *engine, void **ret_state)
{
    const struct echo_plan *plan = options->question->echo;
    struct echo *echo = calloc(1, sizeof(*echo));
    int r;

    if (echo == NULL) {
        return -ENOMEM;
    }
    *echo = (struct echo){
        .plan = plan,
        .serve = serve,
        .engine = engine,
        .listen_fd = -1,
        .epoll_fd = -1,
        .connections = calloc(plan->connections, sizeof(*echo->connections)),
    };
    for (uint32_t i = 0; echo->connections && i < plan->connections; i++) {
        echo->connections[i].fd = -1;
    }
    r = echo->connections ? begin(echo) : -ENOMEM;
    if (r < 0) {
        echo_close(echo);
        return r;
    }
    *ret_state = echo;
    return 0;
}

pid_t echo_pid(const void *state)
{
    const struct echo *echo = state;

    return echo->pid;
}

static void close_if_open(int fd)
{
    if (fd >= 0) {
        close(fd);
    }
}

void echo_close(void *state)
{
    struct echo *echo = state;

    if (echo->pid > 0) {
        (void)process_stop(echo->pid, SIGKILL);
    }
    for (uint32_t i = 0; echo->connections && i < echo->plan->connections;
         i++) {
        close_if_open(echo->connections[i].fd);
    }
    close_if_open(echo->listen_fd);
    close_if_open(echo->epoll_fd);
    free(echo->connections);
    free(echo);
}

/* --- the load --- */

static const uint8_t words[ECHO_BUF];

static int send_messages(struct connection *connection, uint32_t count,
                         uint64_t now_ns)
{
    ssize_t len = (ssize_t)count * ECHO_BYTES;

    connection->sent_ns = now_ns;
    return send(connection->fd, words, (size_t)len, MSG_NOSIGNAL) == len
               ? 0
               : -EPIPE;
}

/* Return: how many messages have come whole, or an errno. */
static int receive_messages(struct connection *connection)
{
    uint8_t buf[ECHO_BUF];
    ssize_t n = recv(connection->fd, buf, sizeof(buf), MSG_DONTWAIT);
    uint32_t have;

    if (n <= 0) {
        return n == 0 ? -ECONNRESET : -errno;
    }
    have = connection->part + (uint32_t)n;
    connection->part = have % ECHO_BYTES;
    return (int)(have / ECHO_BYTES);
}

/* Return: how many messages less are on their way now, or an errno. */
static int answer(struct echo *echo, struct round *round, uint32_t index,
                  uint64_t now_ns)
{
    struct connection *connection = &echo->connections[index];
    int count = receive_messages(connection);

    if (count <= 0) {
        return count;
    }
    round->count += (uint32_t)count;
    if (echo->plan->depth == 1) {
        histogram_add(&round->latency, now_ns - connection->sent_ns);
    }
    if (round_is_over(round, now_ns)) {
        return count;
    }
    return send_messages(connection, (uint32_t)count, now_ns);
}

static int all_messages(struct echo *echo, struct round *round)
{
    struct epoll_event events[EVENTS];
    uint64_t on_their_way =
        (uint64_t)echo->plan->connections * echo->plan->depth;

    for (uint32_t i = 0; i < echo->plan->connections; i++) {
        int r = send_messages(&echo->connections[i], echo->plan->depth,
                              round->began_ns);
        if (r < 0) {
            return r;
        }
    }
    while (on_their_way > 0) {
        int n = epoll_wait(echo->epoll_fd, events, EVENTS, SILENCE_MS);
        uint64_t now_ns = round_now_ns();

        if (n <= 0) {
            return n == 0 ? -ETIMEDOUT : -errno;
        }
        for (int i = 0; i < n; i++) {
            int r = answer(echo, round, events[i].data.u32, now_ns);

            if (r < 0) {
                return r;
            }
            on_their_way -= (uint32_t)r;
        }
    }
    return 0;
}

static uint64_t cpu_of_server_ns(const struct echo *echo)
{
    struct timespec time = {0};

    clock_gettime(echo->clock, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

int echo_round(void *state, struct round *round)
{
    struct echo *echo = state;
    uint64_t cpu_ns;
    int r;

    process_pin(1);
    cpu_ns = cpu_of_server_ns(echo);
    round_begin(round);
    r = all_messages(echo, round);
    round_end(round);
    round->cpu_ns = cpu_of_server_ns(echo) - cpu_ns;
    process_unpin();
    return r;
}
