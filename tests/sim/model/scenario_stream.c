/* SPDX-License-Identifier: MIT */
/*
 * scenario_stream.c - connections between processes, talked on in both ways
 *
 * Each end starts a few sends at once, cancels some, takes what comes in
 * pieces, pauses, and closes when it has said all it had to say; or sooner, in
 * the middle of it.
 */
#include <errno.h>
#include <stdlib.h>

#include "pirn/pirn.h"
#include "tests/sim/model/check_stream.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/scenarios.h"

enum { ENDS_MAX = 4, SENDS = 4, BUFFER_MAX = 512 };

/* The scenario's: outlives the process. */
struct end {
    struct world *world;
    struct check_stream *out;
    struct check_stream *in;
    struct rng rng;
    int fd;
    uint32_t messages; /* to say */
};

/* The process's. */
struct talker;

struct say {
    struct pirn_op op;
    struct talker *talker;
    uint32_t number;
    uint8_t bytes[CHECK_MESSAGE_MAX];
};

struct talker {
    struct end *end;
    struct pirn_context *context;
    struct pirn_stream stream;
    struct pirn_op resume;
    struct pirn_op close;
    struct pirn_op deadline;
    struct say says[SENDS];
    uint32_t left;
    uint32_t saying;
    bool failed; /* a send, so that the end is no orderly one: the kernel tells
                    a reset once, perhaps to a send, and then 0 to receives */
    bool ended;  /* the peer, as it seemed */
    bool closing;
    bool closed;
    uint8_t buf[BUFFER_MAX];
};

static void said(struct pirn_op *op, int32_t result);

static void say(struct say *say)
{
    struct talker *talker = say->talker;
    struct rng *rng = &talker->end->rng;
    uint32_t len = rng_between(rng, CHECK_MESSAGE_MIN,
                               CHECK_MESSAGE_MIN << rng_below(rng, 11));

    talker->left--;
    talker->saying++;
    say->number = check_stream_begin(talker->end->out, say->bytes, len);
    pirn_prep_stream_send(&say->op, &talker->stream, say->bytes, len);
    pirn_start(talker->context, &say->op, said);
    if (rng_below(rng, 8) == 0) {
        pirn_cancel(talker->context, &talker->says[rng_below(rng, SENDS)].op);
    }
}

static void closed(struct pirn_op *op, int32_t result)
{
    struct talker *talker = pirn_container_of(op, struct talker, close);

    (void)result;
    if (talker->ended && !talker->failed) {
        check_stream_finished(talker->end->in);
    }
    talker->closed = true;
    pirn_cancel(talker->context, &talker->deadline);
    pirn_cancel(talker->context, &talker->resume);
}

static void deadline_over(struct pirn_op *op, int32_t result)
{
    struct talker *talker = pirn_container_of(op, struct talker, deadline);

    /* A send that was in the middle may have been told of a reset: it says what
     * it has moved, and what was to follow it is never tried. */
    talker->failed = talker->failed || result == 0;
}

/* A peer may take its time for ever: a flush has a deadline. */
static void close_stream(struct talker *talker, enum pirn_stream_end how)
{
    struct rng *rng = &talker->end->rng;

    if (talker->closing) {
        return;
    }
    talker->closing = true;
    pirn_prep_stream_close(&talker->close, &talker->stream, how);
    pirn_start(talker->context, &talker->close, closed);
    pirn_prep_deadline(&talker->deadline, &talker->close,
                       pirn_context_now_ns(talker->context) +
                           (UINT64_C(1) << rng_between(rng, 20, 36)));
    pirn_start(talker->context, &talker->deadline, deadline_over);
}

static void said(struct pirn_op *op, int32_t result)
{
    struct say *done = pirn_container_of(op, struct say, op);
    struct talker *talker = done->talker;

    talker->saying--;
    check_stream_end(talker->end->out, done->number, result);
    if (result < 0 && !(result == -ECANCELED && pirn_task_is_cancelled(op))) {
        talker->failed = true;
    }
    if (talker->closing) {
        return;
    }
    if (rng_below(&talker->end->rng, 64) == 0) {
        close_stream(talker, PIRN_STREAM_ABORT);
    } else if (talker->left > 0) {
        say(done);
    } else if (talker->saying == 0) {
        close_stream(talker, PIRN_STREAM_FLUSH);
    }
}

static void resumed(struct pirn_op *op, int32_t result)
{
    struct talker *talker = pirn_container_of(op, struct talker, resume);

    (void)result;
    if (!talker->closing) {
        pirn_stream_resume(&talker->stream);
    }
}

static void resume_later(struct talker *talker)
{
    if (pirn_op_is_idle(&talker->resume)) {
        pirn_prep_timer(&talker->resume,
                        UINT64_C(1) << rng_below(&talker->end->rng, 24));
        pirn_start(talker->context, &talker->resume, resumed);
    }
}

static uint32_t received(struct pirn_stream *stream, const uint8_t *bytes,
                         int32_t result)
{
    struct talker *talker = pirn_container_of(stream, struct talker, stream);
    struct rng *rng = &talker->end->rng;
    uint32_t took;

    if (result <= 0) {
        talker->ended = result == 0;
        close_stream(talker,
                     result < 0 ? PIRN_STREAM_ABORT : PIRN_STREAM_FLUSH);
        return 0;
    }
    took = rng_below(rng, 4) != 0 ? (uint32_t)result
                                  : rng_below(rng, (uint32_t)result + 1);
    check_stream_received(talker->end->in, bytes, took);
    if (took < (uint32_t)result || rng_below(rng, 16) == 0) {
        pirn_stream_pause(stream);
        resume_later(talker);
    }
    return took;
}

static void talk(void *argument)
{
    struct talker *talker = calloc(1, sizeof(*talker));
    struct end *end = argument;
    int r = 0;

    talker->context = process_context(end->world);
    talker->end = end;
    talker->left = end->messages;
    uint32_t bytes =
        rng_coin(&end->rng) ? rng_between(&end->rng, 1, BUFFER_MAX) : 0;

    pirn_stream_init(&talker->stream, talker->context, end->fd,
                     bytes > 0 ? talker->buf : NULL, bytes, received);
    pirn_stream_resume(&talker->stream);
    for (uint32_t i = 0; i < SENDS && talker->left > 0; i++) {
        talker->says[i].talker = talker;
        say(&talker->says[i]);
    }
    while (r >= 0 &&
           (!talker->closed || pirn_context_loaned(talker->context) > 0)) {
        r = pirn_context_turn(talker->context, PIRN_FOREVER);
    }
    if (r < 0) {
        world_fail(end->world, "a context has failed: %d", r);
    }
    pirn_context_destroy(talker->context);
    free(talker);
}

static void connect_two(struct world *world, struct end *ends,
                        struct check_stream *checks, uint32_t index)
{
    struct process *one = process_create(world);
    struct process *two = process_create(world);

    process_connect(one, &ends[0].fd, two, &ends[1].fd, NULL);
    for (uint32_t i = 0; i < 2; i++) {
        checks[i].world = world;
        checks[i].name = i == 0 ? "there" : "back";
        ends[i].world = world;
        ends[i].out = &checks[i];
        ends[i].in = &checks[1 - i];
        ends[i].rng = rng_of(world->seed, 2000 + 2 * index + i);
        ends[i].messages = rng_between(&ends[i].rng, 1, 12);
    }
    one->mortal = true;
    two->mortal = true;
    process_thread(one, talk, &ends[0]);
    process_thread(two, talk, &ends[1]);
}

static void live(struct world *world)
{
    struct end ends[ENDS_MAX] = {{.fd = -1}};
    struct check_stream checks[ENDS_MAX] = {{.world = NULL}};
    uint32_t count = rng_between(&world->schedule, 1, ENDS_MAX / 2);

    for (uint32_t i = 0; i < count; i++) {
        connect_two(world, &ends[2 * i], &checks[2 * i], i);
    }
    if (world_run(world) == WORLD_DONE) {
        world_check_rest(world);
    }
}

const struct scenario scenario_stream = {
    .name = "stream",
    .faults = FAULT_ALL & ~(FAULT_BIT(FAULT_POWER) | FAULT_BIT(FAULT_RING)),
    .storm_steps = 2000,
    .lives = 6500,
    .profiles = LIFE_PROFILES_ALL,
    .live = live,
};
