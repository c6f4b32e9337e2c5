/* SPDX-License-Identifier: MIT */
/* test_stream.c - a megabyte there and back, and ends of all kinds */
#include "tests/kernel/ring.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

enum { TOTAL = 1 << 20, CHUNK_MAX = 5000, WINDOW = 12, BUF = 4096 };

static uint32_t any(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % below;
}

/* Gives back what comes, pausing until it has left. */
struct echo {
    struct pirn_stream stream;
    struct note close;
    struct note send;
    struct pirn_context *context;
    uint8_t buf[BUF];
    uint8_t out[BUF];
    uint32_t seed;
    int32_t end;
};

static void echoed(struct pirn_op *op, int32_t result)
{
    struct echo *echo = pirn_container_of(op, struct echo, send.op);

    note_fn(op, result);
    pirn_stream_resume(&echo->stream);
}

static uint32_t echo_receive(struct pirn_stream *stream, const uint8_t *bytes,
                             int32_t result)
{
    struct echo *echo = pirn_container_of(stream, struct echo, stream);
    uint32_t took;

    if (result <= 0) {
        echo->end = result;
        pirn_prep_stream_close(&echo->close.op, stream, PIRN_STREAM_FLUSH);
        note_start(echo->context, &echo->close);
        return 0;
    }
    took = 1 + any(&echo->seed, (uint32_t)result);
    memcpy(echo->out, bytes, took);
    pirn_prep_stream_send(&echo->send.op, stream, echo->out, took);
    pirn_start(echo->context, &echo->send.op, echoed);
    pirn_stream_pause(stream);
    return took;
}

struct client;

struct piece {
    struct pirn_op op;
    struct client *client;
};

/* Sends the pattern in random pieces, and compares what comes back. */
struct client {
    struct pirn_stream stream;
    struct note close;
    struct piece pieces[WINDOW];
    struct pirn_context *context;
    uint8_t buf[BUF];
    uint8_t *pattern;
    uint32_t seed;
    uint32_t started;
    uint32_t back;
    int differences;
    int failures;
};

static void piece_start(struct piece *piece);

static void piece_sent(struct pirn_op *op, int32_t result)
{
    struct piece *piece = pirn_container_of(op, struct piece, op);

    piece->client->failures += result < 0;
    piece_start(piece);
}

static void piece_start(struct piece *piece)
{
    struct client *client = piece->client;
    uint32_t len = 1 + any(&client->seed, CHUNK_MAX);

    if (len > TOTAL - client->started) {
        len = TOTAL - client->started;
    }
    if (len > 0 && client->failures == 0) {
        pirn_prep_stream_send(&piece->op, &client->stream,
                              client->pattern + client->started, len);
        client->started += len;
        pirn_start(client->context, &piece->op, piece_sent);
    }
}

static uint32_t client_receive(struct pirn_stream *stream, const uint8_t *bytes,
                               int32_t result)
{
    struct client *client = pirn_container_of(stream, struct client, stream);

    for (int32_t i = 0; i < result; i++) {
        client->differences += bytes[i] != client->pattern[client->back++];
    }
    if (client->back == TOTAL && client->close.calls == 0 &&
        pirn_op_is_idle(&client->close.op)) {
        pirn_prep_stream_close(&client->close.op, stream, PIRN_STREAM_FLUSH);
        note_start(client->context, &client->close);
    }
    return result > 0 ? (uint32_t)result : 0;
}

/* A connected pair over 127.0.0.1, whose small buffers tear what is sent. */
static void connect_pair(int fds[2])
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    socklen_t len = sizeof(in);
    const int small = 4096;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(listener, (struct sockaddr *)&in, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&in, &len), 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    assert_int_equal(connect(fds[0], (struct sockaddr *)&in, len), 0);
    fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    close(listener);
}

/* @own: each end has a buffer of its own; else both share the context's. */
static void megabyte_comes_back(struct ring *ring, bool own)
{
    struct echo *echo = calloc(1, sizeof(*echo));
    struct client *client = calloc(1, sizeof(*client));
    int fds[2];

    connect_pair(fds);
    echo->context = client->context = ring->context;
    echo->seed = client->seed = 0x7069726e;
    print_message("seed 0x%x\n", client->seed);
    client->pattern = malloc(TOTAL);
    for (uint32_t i = 0; i < TOTAL; i++) {
        client->pattern[i] = (uint8_t)any(&client->seed, 256);
    }
    pirn_stream_init(&echo->stream, ring->context, fds[1],
                     own ? echo->buf : NULL, own ? BUF : 0, echo_receive);
    pirn_stream_init(&client->stream, ring->context, fds[0],
                     own ? client->buf : NULL, own ? BUF : 0, client_receive);
    pirn_stream_resume(&echo->stream);
    pirn_stream_resume(&client->stream);
    for (int i = 0; i < WINDOW; i++) {
        client->pieces[i].client = client;
        piece_start(&client->pieces[i]);
    }
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(client->back, TOTAL);
    assert_int_equal(client->differences, 0);
    assert_int_equal(client->failures, 0);
    assert_int_equal(client->close.calls, 1);
    assert_int_equal(echo->close.calls, 1);
    assert_int_equal(echo->end, 0);
    free(client->pattern);
    free(client);
    free(echo);
}

static void megabyte_comes_back_byte_for_byte(void **state)
{
    megabyte_comes_back(*state, true);
}

static void megabyte_comes_back_through_shared_buffers(void **state)
{
    megabyte_comes_back(*state, false);
}

/* What a plain stream was told. */
struct plain {
    struct pirn_stream stream;
    struct note close;
    struct note send;
    uint8_t buf[BUF];
    int32_t last;
    int ends;
};

static uint32_t plain_receive(struct pirn_stream *stream, const uint8_t *bytes,
                              int32_t result)
{
    struct plain *plain = pirn_container_of(stream, struct plain, stream);

    (void)bytes;
    plain->last = result;
    plain->ends += result <= 0;
    return result > 0 ? (uint32_t)result : 0;
}

static void close_plain(struct ring *ring, struct plain *plain,
                        enum pirn_stream_end how)
{
    pirn_prep_stream_close(&plain->close.op, &plain->stream, how);
    note_start(ring->context, &plain->close);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(plain->close.result, 0);
}

static void reset(int fd)
{
    const struct linger at_once = {.l_onoff = 1};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

static void reset_ends_sends_and_receives(void **state)
{
    static uint8_t much[4 << 20];
    struct ring *ring = *state;
    struct plain plain = {0};
    int fds[2];

    connect_pair(fds);
    pirn_stream_init(&plain.stream, ring->context, fds[1], plain.buf, BUF,
                     plain_receive);
    pirn_stream_resume(&plain.stream);
    pirn_prep_stream_send(&plain.send.op, &plain.stream, much, sizeof(much));
    note_start(ring->context, &plain.send);
    assert_true(pirn_context_turn(ring->context, 0) >= 0);
    reset(fds[0]);
    while (plain.ends == 0 || plain.send.calls == 0) {
        assert_true(pirn_context_turn(ring->context, PIRN_FOREVER) >= 0);
    }
    /* The first to ask is told; to the other it is an end. */
    assert_true(plain.last == 0 || plain.last == -ECONNRESET);
    assert_true(plain.send.result == -ECONNRESET ||
                plain.send.result == -EPIPE);
    close_plain(ring, &plain, PIRN_STREAM_FLUSH);
}

/* The peer goes on sending what nobody reads; our last words reach it. */
static void last_words_are_not_lost_in_a_reset(void **state)
{
    static uint8_t unread[64 << 10];
    struct ring *ring = *state;
    struct plain plain = {0};
    char words[16] = "";
    int fds[2];

    connect_pair(fds);
    pirn_stream_init(&plain.stream, ring->context, fds[1], plain.buf, BUF,
                     plain_receive);
    assert_true(send(fds[0], unread, sizeof(unread), MSG_DONTWAIT) > 0);
    pirn_prep_stream_send(&plain.send.op, &plain.stream, "goodbye", 7);
    note_start(ring->context, &plain.send);
    pirn_prep_stream_close(&plain.close.op, &plain.stream, PIRN_STREAM_FLUSH);
    note_start(ring->context, &plain.close);
    while (plain.send.calls == 0) {
        assert_true(pirn_context_turn(ring->context, PIRN_FOREVER) >= 0);
    }
    shutdown(fds[0], SHUT_WR);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(plain.close.calls, 1);
    assert_int_equal(recv(fds[0], words, sizeof(words), 0), 7);
    assert_string_equal(words, "goodbye");
    assert_int_equal(recv(fds[0], words, sizeof(words), 0), 0); /* no reset */
    close(fds[0]);
}

static void abort_ends_a_send_that_nobody_reads(void **state)
{
    static uint8_t much[4 << 20];
    struct ring *ring = *state;
    struct plain plain = {0};
    int fds[2];

    connect_pair(fds);
    pirn_stream_init(&plain.stream, ring->context, fds[1], plain.buf, BUF,
                     plain_receive);
    pirn_stream_resume(&plain.stream);
    pirn_prep_stream_send(&plain.send.op, &plain.stream, much, sizeof(much));
    note_start(ring->context, &plain.send);
    assert_true(pirn_context_turn(ring->context, 0) >= 0);
    close_plain(ring, &plain, PIRN_STREAM_ABORT);
    assert_int_equal(plain.send.result, -ECANCELED);
    close(fds[0]);
}

/* Reads all that comes, as a peer of its own would. */
struct reader {
    pthread_t thread;
    int fd;
    uint8_t *bytes;
    size_t len;
};

static void *read_all(void *argument)
{
    struct reader *reader = argument;
    ssize_t n;

    while ((n = read(reader->fd, reader->bytes + reader->len,
                     2 * TOTAL - reader->len)) > 0) {
        reader->len += (size_t)n;
    }
    return NULL;
}

static void a_file_leaves_byte_for_byte(void **state)
{
    enum { FROM = 12345 };
    struct ring *ring = *state;
    struct plain plain = {0};
    struct pirn_stream_file file = {0};
    struct reader reader = {.bytes = malloc(2 * TOTAL)};
    uint8_t *pattern = malloc(TOTAL);
    uint8_t *buf = malloc(30000);
    uint32_t seed = 1;
    int fd = openat(ring->dir_fd, "file", O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    int fds[2];

    for (uint32_t i = 0; i < TOTAL; i++) {
        pattern[i] = (uint8_t)any(&seed, 256);
    }
    assert_int_equal(write(fd, pattern, TOTAL), TOTAL);
    connect_pair(fds);
    reader.fd = fds[0];
    assert_int_equal(pthread_create(&reader.thread, NULL, read_all, &reader),
                     0);
    pirn_stream_init(&plain.stream, ring->context, fds[1], plain.buf, BUF,
                     plain_receive);
    pirn_prep_stream_file(&file, &plain.stream, fd, FROM, TOTAL - FROM, buf,
                          30000);
    assert_int_equal(pirn_wait(ring->context, &file.op), 0);
    assert_int_equal(pirn_stream_file_sent(&file), TOTAL - FROM);
    close_plain(ring, &plain, PIRN_STREAM_ABORT);
    pthread_join(reader.thread, NULL);
    assert_int_equal(reader.len, TOTAL - FROM);
    assert_memory_equal(reader.bytes, pattern + FROM, TOTAL - FROM);
    close(fds[0]);
    close(fd);
    free(buf);
    free(pattern);
    free(reader.bytes);
}

RING_TEST_MAIN(RING_TEST(megabyte_comes_back_byte_for_byte),
               RING_TEST(a_file_leaves_byte_for_byte),
               RING_TEST(megabyte_comes_back_through_shared_buffers),
               RING_TEST(reset_ends_sends_and_receives),
               RING_TEST(last_words_are_not_lost_in_a_reset),
               RING_TEST(abort_ends_a_send_that_nobody_reads))
