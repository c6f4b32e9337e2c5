/* SPDX-License-Identifier: MIT */
/*
 * test_session_ring.c - many mail sessions on the smallest ring there is
 *
 * Eight submissions, as many completions, two workers, eight buffers of 64
 * bytes; and far more clients than any of them, who all say all at once.
 */
#include "kernel/sessions.h"

enum { CLIENTS = 150, ROOM = 1024 };

struct client {
    int fd;
    char heard[ROOM];
    size_t len;
    bool is_done;
};

struct many {
    struct sessions sessions;
    struct client clients[CLIENTS];
};

static void begin(struct many *many)
{
    static const char text[] =
        "EHLO c\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n"
        "DATA\r\na mail\r\n.\r\nQUIT\r\n";
    struct smtp_session *session;

    for (int i = 0; i < CLIENTS; i++) {
        int fd = sessions_begin(&many->sessions, &session);

        assert_true(fd >= 0);
        many->clients[i].fd = fd;
        assert_int_equal(send(fd, text, strlen(text), 0), strlen(text));
    }
}

static unsigned hear(struct many *many)
{
    unsigned done = 0;

    for (int i = 0; i < CLIENTS; i++) {
        struct client *client = &many->clients[i];
        ssize_t n = recv(client->fd, client->heard + client->len,
                         ROOM - 1 - client->len, MSG_DONTWAIT);

        client->len += n > 0 ? (size_t)n : 0;
        if (n == 0 && !client->is_done) { /* it has heard the server's end */
            client->is_done = true;
            shutdown(client->fd, SHUT_RDWR);
        }
        done += client->is_done ? 1 : 0;
    }
    return done;
}

static void serve_all(struct bed *bed)
{
    struct many *many = calloc(1, sizeof(*many));

    sessions_init(&many->sessions, bed);
    begin(many);
    while (many->sessions.ended < CLIENTS) {
        assert_true(pirn_context_turn(bed->context, 100000000u) >= 0);
        (void)hear(many);
    }
    while (hear(many) < CLIENTS) {
    }
    for (int i = 0; i < CLIENTS; i++) {
        assert_non_null(strstr(many->clients[i].heard, "queued as"));
        assert_non_null(strstr(many->clients[i].heard, "\r\n221 "));
        close(many->clients[i].fd);
    }
    assert_int_equal(many->sessions.count.accepted, CLIENTS);
    free(many);
}

static void the_smallest_ring_serves_many(void **state)
{
    struct bed *bed = *state;

    serve_all(bed);
    assert_int_equal(bed_status(bed).ready, CLIENTS);
}

/* In memory: what is tried is the ring. */
static int setup(void **state)
{
    const struct pirn_context_config config = {
        .sq_entries = 8,
        .cq_entries = 8,
        .worker_max = 2,
        .turn_budget = 1,
        .buffer_count = 8,
        .buffer_bytes = 64,
    };
    int r = setenv("TMPDIR", "/dev/shm", 0) + bed_setup_empty(state);
    struct bed *bed = *state;

    pirn_context_destroy(bed->context);
    r = r == 0 ? pirn_context_create(&config, &bed->context) : r;
    bed->fd_count = count_descriptors();
    return r == 0 ? bed_open(bed, true) : r;
}

BED_MAIN(cmocka_unit_test_setup_teardown(the_smallest_ring_serves_many, setup,
                                         bed_teardown))
