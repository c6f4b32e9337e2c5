/* SPDX-License-Identifier: MIT */
/*
 * test_receive.c - multishots that receive, on the running kernel
 *
 * Small rings and few buffers on purpose: the kernel then ends a multishot for
 * every reason of its own that there is, and no byte may be lost or misplaced.
 */
#include "tests/kernel/ring.h"

#include <malloc.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "runtime/buffers.h"

enum { BYTES = 1 << 20, EARS = 24 };

/* Byte number @at of what is sent to ear number @salt. */
static uint8_t byte_at(size_t at, unsigned salt)
{
    return (uint8_t)(at * 31 + (at >> 8) + salt);
}

struct ear {
    struct pirn_multishot shot;
    unsigned salt;
    size_t len;
    bool wrong;
    int deliveries;
    int lasts;
    int32_t last;
};

static void hear(struct pirn_multishot *shot, int32_t result,
                 enum pirn_more more)
{
    struct ear *ear = pirn_container_of(shot, struct ear, shot);

    for (int32_t i = 0; i < result; i++) {
        const uint8_t *bytes = pirn_multishot_bytes(shot);

        ear->wrong |= bytes[i] != byte_at(ear->len++, ear->salt);
    }
    ear->deliveries++;
    if (more == PIRN_LAST) {
        ear->lasts++;
        ear->last = result;
    }
}

static void send_all(int fd, size_t len, unsigned salt)
{
    uint8_t bytes[1024];
    size_t at = 0;

    while (at < len) {
        size_t n = len - at < sizeof(bytes) ? len - at : sizeof(bytes);

        for (size_t i = 0; i < n; i++) {
            bytes[i] = byte_at(at + i, salt);
        }
        if (write(fd, bytes, n) != (ssize_t)n) {
            abort();
        }
        at += n;
    }
}

struct sender {
    pthread_t thread;
    int fd;
    unsigned salt;
};

static void *sender_main(void *argument)
{
    const struct sender *sender = argument;

    send_all(sender->fd, BYTES, sender->salt);
    close(sender->fd);
    return NULL;
}

/* A context of its own, smaller than the usual one. */
static struct pirn_context *small_context(uint32_t buffer_count,
                                          uint32_t buffer_bytes)
{
    const struct pirn_context_config config = {
        .sq_entries = 8,
        .cq_entries = 8,
        .buffer_count = buffer_count,
        .buffer_bytes = buffer_bytes,
    };
    struct pirn_context *context;

    assert_int_equal(pirn__context_create_on(ring_chosen(), &config, &context),
                     0);
    return context;
}

/* Hear @ends[0] to the end while a thread writes into @ends[1]. */
static void hear_all(struct pirn_context *context, struct ear *ear,
                     const int ends[2])
{
    struct sender sender = {.fd = ends[1], .salt = ear->salt};

    pirn_multishot_start(context, &ear->shot, hear);
    assert_int_equal(pthread_create(&sender.thread, NULL, sender_main, &sender),
                     0);
    assert_int_equal(pirn_context_drain(context), 0);
    pthread_join(sender.thread, NULL);
    assert_int_equal(ear->lasts, 1);
    assert_int_equal(ear->last, 0);
    assert_int_equal(ear->len, BYTES);
    assert_false(ear->wrong);
    close(ends[0]);
}

static void every_byte_comes_in_order_through_two_buffers(void **state)
{
    struct pirn_context *context = small_context(2, 64);
    struct ear ear = {.salt = 7};
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
    pirn_prep_multishot_recv(&ear.shot, ends[0], 0);
    hear_all(context, &ear, ends);
    assert_true(ear.deliveries > BYTES / 64);
    pirn_context_destroy(context);
}

/* As many buffers as there are: what is full then is the completion queue. */
static void a_full_completion_queue_loses_nothing(void **state)
{
    struct pirn_context *context = small_context(1024, 64);
    struct ear ear = {.salt = 9};
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
    pirn_prep_multishot_recv(&ear.shot, ends[0], 0);
    hear_all(context, &ear, ends);
    pirn_context_destroy(context);
}

static void a_pipe_is_read_to_its_end(void **state)
{
    struct pirn_context *context = small_context(4, 100);
    struct ear ear = {.salt = 3};
    int ends[2];

    (void)state;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pirn_prep_multishot_read(&ear.shot, ends[0]);
    hear_all(context, &ear, ends);
    pirn_context_destroy(context);
}

/* More ears than buffers, all of them spoken to at once. */
static void buffers_are_shared_by_all_who_receive(void **state)
{
    enum { EACH = 5000 };
    struct pirn_context *context = small_context(8, 32);
    struct ear ears[EARS] = {0};
    int ends[EARS][2];

    (void)state;
    for (unsigned i = 0; i < EARS; i++) {
        assert_int_equal(
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends[i]), 0);
        ears[i].salt = i;
        pirn_prep_multishot_recv(&ears[i].shot, ends[i][0], 0);
        pirn_multishot_start(context, &ears[i].shot, hear);
    }
    assert_true(pirn_context_turn(context, 0) >= 0);
    for (unsigned i = 0; i < EARS; i++) {
        send_all(ends[i][1], EACH, i);
        close(ends[i][1]);
    }
    assert_int_equal(pirn_context_drain(context), 0);
    for (unsigned i = 0; i < EARS; i++) {
        assert_int_equal(ears[i].len, EACH);
        assert_false(ears[i].wrong);
        assert_int_equal(ears[i].lasts, 1);
        close(ends[i][0]);
    }
    pirn_context_destroy(context);
}

/* Keeps the buffers in which messages of one byte came. */
struct keeper {
    struct pirn_multishot shot;
    struct pirn_context *context;
    uint16_t *kept;
    uint32_t count;
    int wrong;
};

static void keep(struct pirn_multishot *shot, int32_t result,
                 enum pirn_more more)
{
    struct keeper *keeper = pirn_container_of(shot, struct keeper, shot);

    (void)more;
    if (result > 0) {
        const uint8_t *byte = pirn_multishot_bytes(shot);

        keeper->wrong += *byte != byte_at(keeper->count, 1);
        keeper->kept[keeper->count++] =
            pirn__context_keep_buffer(keeper->context);
    }
}

/* Until it keeps @count buffers. */
static void keep_until(struct keeper *keeper, int fd, uint32_t count)
{
    while (keeper->count < count) {
        uint8_t byte = byte_at(keeper->count, 1);

        assert_int_equal(send(fd, &byte, 1, 0), 1);
        for (uint32_t had = keeper->count; keeper->count == had;) {
            assert_true(pirn_context_turn(keeper->context, PIRN_FOREVER) >= 0);
        }
    }
}

static void keeper_start(struct keeper *keeper, struct pirn_context *context,
                         uint32_t buffer_count, int ends[2])
{
    *keeper = (struct keeper){
        .context = context,
        .kept = calloc(buffer_count, sizeof(*keeper->kept)),
    };
    assert_int_equal(
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    pirn_prep_multishot_recv(&keeper->shot, ends[0], 0);
    pirn_multishot_start(context, &keeper->shot, keep);
}

static void keeper_end(struct keeper *keeper, const int ends[2])
{
    while (keeper->count > 0) {
        pirn__context_put_buffer(keeper->context,
                                 keeper->kept[--keeper->count]);
    }
    close(ends[1]);
    assert_int_equal(pirn_context_drain(keeper->context), 0);
    close(ends[0]);
    free(keeper->kept);
}

/* Two wait for a buffer, and nothing comes to the first. */
static void a_silent_one_does_not_hold_the_line_up(void **state)
{
    struct pirn_context *context = small_context(2, 64);
    struct keeper keeper;
    struct ear ears[2] = {0};
    int ends[3][2];

    (void)state;
    keeper_start(&keeper, context, 2, ends[2]);
    keep_until(&keeper, ends[2][1], 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(
            socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends[i]), 0);
        pirn_prep_multishot_recv(&ears[i].shot, ends[i][0], 0);
        pirn_multishot_start(context, &ears[i].shot, hear);
    }
    send_all(ends[1][1], 10, 0);
    for (int turns = 0; turns < 10; turns++) {
        assert_int_equal(pirn_context_turn(context, 0), 0);
    }
    pirn__context_put_buffer(context, keeper.kept[--keeper.count]);
    for (int turns = 0; turns < 10; turns++) {
        assert_true(pirn_context_turn(context, 0) >= 0);
    }
    assert_int_equal(ears[1].len, 10);
    for (int i = 0; i < 2; i++) {
        close(ends[i][1]);
    }
    keeper_end(&keeper, ends[2]);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(ears[i].lasts, 1);
        close(ends[i][0]);
    }
    pirn_context_destroy(context);
}

/* So that a byte takes a page of them, and not two mebibytes. */
static void use_small_pages(const struct buffers *buffers)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = ((uintptr_t)buffers->base + page - 1) & -page;

    (void)madvise((void *)begin, (size_t)(buffers->count - 1) * buffers->bytes,
                  MADV_NOHUGEPAGE);
}

/* More than 4 GiB in all; of each buffer one page is touched. */
static void buffers_may_be_many_and_large(void **state)
{
    enum { COUNT = 8192, HELD = 4096 + 16 };
    const struct pirn_context_config config = {
        .buffer_count = COUNT,
        .buffer_bytes = 1 << 20,
    };
    struct pirn_context *context;
    struct keeper keeper;
    int ends[2];

    (void)state;
#ifdef __SANITIZE_ADDRESS__
    print_message("skipped: the sanitizer's shadow of 8 GiB is one in use\n");
    return;
#endif
    (void)mallopt(M_PERTURB, 0); /* which would touch each of them */
    if (pirn__context_create_on(ring_chosen(), &config, &context) == -ENOMEM) {
        print_message("skipped: this machine does not lend 8 GiB\n");
        return;
    }
    use_small_pages(pirn__context_buffers(context));
    keeper_start(&keeper, context, COUNT, ends);
    keep_until(&keeper, ends[1], HELD);
    assert_int_equal(keeper.wrong, 0);
    keeper_end(&keeper, ends);
    pirn_context_destroy(context);
}

static void a_silent_one_is_cancelled(void **state)
{
    struct ring *ring = *state;
    struct ear ear = {0};
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends),
                     0);
    pirn_prep_multishot_recv(&ear.shot, ends[0], 0);
    pirn_multishot_start(ring->context, &ear.shot, hear);
    assert_int_equal(pirn_context_turn(ring->context, 0), 0);
    send_all(ends[1], 10, 0);
    while (ear.len < 10) {
        assert_true(pirn_context_turn(ring->context, PIRN_FOREVER) >= 0);
    }
    pirn_multishot_cancel(ring->context, &ear.shot);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(ear.lasts, 1);
    assert_int_equal(ear.last, -ECANCELED);
    assert_false(ear.wrong);
    close(ends[0]);
    close(ends[1]);
}

/* What counts is told whole: eight bytes at a time, for as long as it is. */
static void an_eventfd_is_read_at_each_ring(void **state)
{
    struct ring *ring = *state;
    int fd = eventfd(0, EFD_CLOEXEC);
    struct shot_note note = {0};
    uint64_t one = 1;

    pirn_prep_multishot_read(&note.shot, fd);
    pirn_multishot_start(ring->context, &note.shot, shot_note_fn);
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
        while (note.deliveries < i) {
            assert_true(pirn_context_turn(ring->context, PIRN_FOREVER) >= 0);
        }
        assert_int_equal(note.results[i - 1], sizeof(one));
    }
    pirn_multishot_cancel(ring->context, &note.shot);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(note.lasts, 1);
    close(fd);
}

/* No socket: there is nothing to wait for. */
static void errors_of_the_descriptor_are_its_last_word(void **state)
{
    struct ring *ring = *state;
    struct ear ear = {0};
    int file = openat(ring->dir_fd, "file", O_CREAT | O_RDWR | O_CLOEXEC, 0600);

    pirn_prep_multishot_recv(&ear.shot, file, 0);
    pirn_multishot_start(ring->context, &ear.shot, hear);
    assert_int_equal(pirn_context_drain(ring->context), 0);
    assert_int_equal(ear.lasts, 1);
    assert_int_equal(ear.last, -ENOTSOCK);
    close(file);
}

RING_TEST_MAIN(RING_TEST(every_byte_comes_in_order_through_two_buffers),
               RING_TEST(a_full_completion_queue_loses_nothing),
               RING_TEST(a_pipe_is_read_to_its_end),
               RING_TEST(buffers_are_shared_by_all_who_receive),
               RING_TEST(a_silent_one_does_not_hold_the_line_up),
               RING_TEST(buffers_may_be_many_and_large),
               RING_TEST(a_silent_one_is_cancelled),
               RING_TEST(an_eventfd_is_read_at_each_ring),
               RING_TEST(errors_of_the_descriptor_are_its_last_word))
