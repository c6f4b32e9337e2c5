/* SPDX-License-Identifier: MIT */
/*
 * test_allocation.c - a context, and its uses, where memory is refused
 *
 * What is placed by its caller needs none: once a context is there, chains,
 * serials, streams, gates and requests end well, whatever is refused, but for
 * the plain engine's tables, which grow: such an op says -ENOMEM.
 */
#include "kernel/ring.h"

#include "examples/client.h"
#include "kernel/allocation.h"

#include <sys/socket.h>

/* --- the parts --- */

/* The first that is not as it should be. */
static int first_of(int a, int b)
{
    return a < 0 ? a : b;
}

static int chain(struct pirn_context *context, int dir_fd)
{
    struct pirn_op ops[4] = {0};
    struct pirn_op *steps[] = {&ops[0], &ops[1], &ops[2]};
    struct pirn_chain commit = {0};
    int fd = openat(dir_fd, "new", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    int r;

    assert_true(fd >= 0);
    pirn_prep_write(steps[0], fd, "text", 4, 0);
    pirn_prep_fsync(steps[1], fd, 0);
    pirn_prep_rename(steps[2], dir_fd, "new", dir_fd, "there", 0);
    pirn_prep_chain(&commit, steps, 3);
    r = pirn_wait(context, &commit.op);
    /* What failed has published nothing. */
    assert_int_equal(faccessat(dir_fd, "there", F_OK, 0), r == 0 ? 0 : -1);
    close(fd);
    (void)unlinkat(dir_fd, "new", 0);
    (void)unlinkat(dir_fd, "there", 0);
    return r;
}

static int serial(struct pirn_context *context)
{
    enum { COUNT = 20 };
    static struct note notes[COUNT];
    struct pirn_serial_slot slots[2];
    struct pirn_serial_config config = {.slots = slots, .slot_count = 2};
    struct pirn_serial turns;
    int r;

    memset(notes, 0, sizeof(notes));
    pirn_serial_init(&turns, context, &config);
    for (int i = 0; i < COUNT; i++) {
        pirn_prep_timer(&notes[i].op, 1000);
        pirn_serial_push(&turns, &notes[i].op, note_fn);
    }
    r = pirn_context_drain(context);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(notes[i].calls, 1);
        r = first_of(r, notes[i].result);
    }
    pirn_serial_deinit(&turns);
    return r;
}

struct peer {
    struct pirn_stream stream;
    struct note send;
    struct note close;
    uint32_t came;
    int32_t error;
};

static uint32_t came(struct pirn_stream *stream, const uint8_t *bytes,
                     int32_t result)
{
    struct peer *peer = pirn_container_of(stream, struct peer, stream);

    (void)bytes;
    peer->came += result > 0 ? (uint32_t)result : 0;
    peer->error = result < 0 ? result : peer->error;
    return result > 0 ? (uint32_t)result : 0;
}

/* Each says as much as fits no buffer of a socket, and closes behind it. */
static int streams(struct pirn_context *context)
{
    enum { BYTES = 600 * 1024 };
    static uint8_t bytes[BYTES];
    struct peer peers[2] = {0};
    int fds[2];
    int r = 0;

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    for (int i = 0; i < 2; i++) {
        pirn_stream_init(&peers[i].stream, context, fds[i], NULL, 0, came);
        pirn_stream_resume(&peers[i].stream);
        pirn_prep_stream_send(&peers[i].send.op, &peers[i].stream, bytes,
                              BYTES);
        note_start(context, &peers[i].send);
    }
    while (r >= 0 && (peers[0].send.calls == 0 || peers[1].send.calls == 0)) {
        r = pirn_context_turn(context, PIRN_FOREVER);
        for (int i = 0; i < 2; i++) { /* who hears an error sends no more */
            if (peers[i].error < 0 && peers[i].close.calls == 0 &&
                pirn_op_is_idle(&peers[i].close.op)) {
                pirn_prep_stream_close(&peers[i].close.op, &peers[i].stream,
                                       PIRN_STREAM_ABORT);
                note_start(context, &peers[i].close);
            }
        }
    }
    r = first_of(0, r);
    for (int i = 0; i < 2; i++) {
        if (peers[i].close.calls == 0 && pirn_op_is_idle(&peers[i].close.op)) {
            pirn_prep_stream_close(&peers[i].close.op, &peers[i].stream,
                                   PIRN_STREAM_FLUSH);
            note_start(context, &peers[i].close);
        }
    }
    r = first_of(r, pirn_context_drain(context));
    for (int i = 0; i < 2; i++) {
        r = first_of(r, peers[i].error);
        r = peers[i].send.result == -ENOMEM ? -ENOMEM : r;
    }
    return r;
}

/* examples/client.c: questions in turn, after a login, by one connection. */
static struct question questions[10];

static void answered(struct pirn_op *op, int32_t result)
{
    struct question *question =
        pirn_container_of(op, struct question, request.op);

    if (result == 0 && question->answer[0] != question->text[0]) {
        question->client->logins = -EBADMSG;
    }
}

static int requests(struct pirn_context *context)
{
    struct client client = {.context = context};
    int ends[2];
    int r;

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    client.in = ends[0];
    client.out = ends[1];
    pirn_gate_init(&client.login, context);
    pirn_serial_init(&client.turns, context, NULL);
    memset(questions, 0, sizeof(questions));
    for (int i = 0; i < 10; i++) {
        struct question *question = &questions[i];

        question->client = &client;
        question->deadline_ns = PIRN_FOREVER;
        question->text[0] = (char)('a' + i);
        pirn_prep_request(&question->request, &client_ask, NULL);
        pirn_start(context, &question->request.op, answered);
    }
    r = pirn_context_drain(context);
    for (int i = 0; i < 10; i++) {
        assert_true(pirn_op_is_idle(&questions[i].request.op));
        r = first_of(r, pirn_op_result(&questions[i].request.op));
    }
    r = first_of(r, client.logins < 0 ? client.logins : 0);
    pirn_serial_deinit(&client.turns);
    pirn_gate_deinit(&client.login);
    close(ends[0]);
    close(ends[1]);
    return r;
}

/* --- lives --- */

struct bed {
    struct pirn_context_config config;
    int dir_fd;
};

static int create_use_and_destroy(void *user)
{
    const struct bed *bed = user;
    struct pirn_context *context;
    int r = pirn_context_create(&bed->config, &context);

    if (r < 0) {
        return r;
    }
    r = chain(context, bed->dir_fd);
    r = first_of(r, serial(context));
    r = first_of(r, streams(context));
    r = first_of(r, requests(context));
    assert_int_equal(pirn_context_loaned(context), 0);
    pirn_context_destroy(context);
    return r;
}

static void each_use_of(struct ring *ring, enum pirn_files files,
                        const char *name)
{
    struct bed bed = {.config = {.files = files, .buffer_count = 64},
                      .dir_fd = ring->dir_fd};
    struct allocation_life life = {
        .name = name,
        .live = create_use_and_destroy,
        .user = &bed,
    };

    allocation_each(&life);
}

static void a_context_and_its_uses_fail_with_enomem_or_do_without(void **state)
{
    each_use_of(*state, PIRN_FILES_RING, "context");
}

static void so_does_one_with_a_pool(void **state)
{
    each_use_of(*state, PIRN_FILES_POOL, "context with a pool");
}

static void member_begins(struct pirn_context *context, uint32_t index,
                          void *user, struct pirn_op *done)
{
    (void)index;
    (void)user;
    pirn_task_finish(context, done, 0);
}

static int create_a_group(void *user)
{
    struct pirn_group_config config = {
        .count = 3,
        .context = {.buffer_count = 64},
        .init = member_begins,
        .cleanup = member_begins,
    };
    struct pirn_group *group;
    int r = pirn_group_create(&config, &group);

    (void)user;
    if (r == 0) {
        pirn_group_destroy(group);
    }
    return r;
}

static void a_group_ends_the_members_that_have_begun(void **state)
{
    struct allocation_life life = {.name = "group", .live = create_a_group};

    (void)state;
    allocation_each(&life);
}

static int create_a_reactor(void *user)
{
    struct pirn_context_config config = {.buffer_count = 64};
    struct pirn_context *context;
    struct pirn_reactor *reactor;
    struct pirn_event event;
    int r = pirn_context_create(&config, &context);

    (void)user;
    if (r < 0) {
        return r;
    }
    r = pirn_reactor_create(context, 100, &reactor);
    if (r == 0) {
        pirn_reactor_close(reactor);
        assert_int_equal(pirn_reactor_poll(reactor, &event, 1, PIRN_FOREVER),
                         -ECANCELED);
        pirn_reactor_destroy(reactor);
    }
    pirn_context_destroy(context);
    return r;
}

static void a_reactor_is_made_whole_or_not_at_all(void **state)
{
    struct allocation_life life = {
        .name = "reactor", .live = create_a_reactor, .user = *state};

    allocation_each(&life);
}

RING_TEST_MAIN(RING_TEST(a_context_and_its_uses_fail_with_enomem_or_do_without),
               RING_TEST(so_does_one_with_a_pool),
               RING_TEST(a_group_ends_the_members_that_have_begun),
               RING_TEST(a_reactor_is_made_whole_or_not_at_all))
