/* SPDX-License-Identifier: MIT */
/*
 * test_chain_links.c - stepped or linked, nobody can tell the difference
 *
 * Every combination of outcomes of every step, on an engine without links and
 * on one with them, against a model of what the header promises.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tests/sim/bed.h"

enum { STEPS_MAX = 5, LEN = 100 };

/* How the kernel ends a step the first time; continued, it succeeds. */
enum outcome { OK, SHORT, ERROR, CANCELED, OUTCOMES };

/* A sequence of steps; WRITE and SEND can fall short. */
struct shape {
    const char *text; /* w: write, s: send, f: fsync, r: rename, c: connect */
    bool runs;        /* the linked engine is to see a link in it */
};

static char data[LEN];
static struct sockaddr nowhere;

static void prepare(struct pirn_op *op, char kind)
{
    switch (kind) {
    case 'w':
        pirn_prep_write(op, 3, data, LEN, 0);
        return;
    case 's':
        pirn_prep_send(op, 3, data, LEN, MSG_WAITALL);
        return;
    case 'f':
        pirn_prep_fsync(op, 3, PIRN_SYNC_ALL);
        return;
    case 'c':
        pirn_prep_connect(op, 3, &nowhere, sizeof(nowhere));
        return;
    case 'R':
        pirn_prep_read(op, 3, data, LEN, 0);
        return;
    default:
        pirn_prep_rename(op, AT_FDCWD, "a", AT_FDCWD, "b", 0);
    }
}

static bool moves(char kind)
{
    return kind == 'w' || kind == 's';
}

/* What the first end of a step of @kind says. */
static int32_t first_result(char kind, enum outcome outcome)
{
    bool has_bytes = moves(kind) || kind == 'R';

    switch (outcome) {
    case SHORT:
        return has_bytes ? LEN / 3 : 0;
    case ERROR:
        return -EIO;
    case CANCELED:
        return -ECANCELED;
    default:
        return has_bytes ? LEN : 0;
    }
}

/* What a chain is to be seen to have done. */
struct story {
    int32_t result;
    uint32_t failed;
    int32_t results[STEPS_MAX];
    uint32_t begun[STEPS_MAX]; /* how often the kernel began the step */
};

static struct story promised(const struct shape *shape,
                             const enum outcome *outcomes)
{
    struct story story = {.failed = UINT32_MAX};

    for (uint32_t i = 0; shape->text[i] != '\0'; i++) {
        int32_t result = first_result(shape->text[i], outcomes[i]);
        bool is_short = moves(shape->text[i]) && outcomes[i] == SHORT;

        story.results[i] = -ECANCELED;
        if (story.result < 0) {
            continue;
        }
        story.begun[i] = is_short ? 2 : 1;
        story.results[i] = is_short ? LEN : result;
        if (result < 0) {
            story.result = result;
            story.failed = i;
        }
    }
    return story;
}

/* The chain under test, and the kernel's side of it. */
struct play {
    struct pirn_context *context;
    struct script *kernel;
    const struct shape *shape;
    struct pirn_op steps[STEPS_MAX];
    struct pirn_op *order[STEPS_MAX];
    struct pirn_chain chain;
    uint32_t count;
};

static void play_open(struct play *play, const struct shape *shape, bool links)
{
    *play = (struct play){.shape = shape};
    play->context = script_context_create(
        &(struct script_config){.links = links}, &play->kernel);
    play->count = (uint32_t)strlen(shape->text);
    for (uint32_t i = 0; i < play->count; i++) {
        prepare(&play->steps[i], shape->text[i]);
        play->order[i] = &play->steps[i];
    }
    pirn_prep_chain(&play->chain, play->order, play->count);
}

static void ended(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

/* End whatever the kernel has, as @outcomes says, until the chain is idle. */
static struct story play_once(struct play *play, const enum outcome *outcomes)
{
    struct story story = {.failed = UINT32_MAX};

    pirn_start(play->context, &play->chain.op, ended);
    while (!pirn_op_is_idle(&play->chain.op)) {
        struct pirn_op *op;

        assert_true(pirn_context_turn(play->context, 0) >= 0);
        op = script_nth(play->kernel, 0);
        if (op != NULL) {
            uint32_t i = (uint32_t)(op - play->steps);
            bool again = story.begun[i]++ > 0;

            script_complete(
                play->kernel, op,
                again ? (int32_t)op->priv.len
                      : first_result(play->shape->text[i], outcomes[i]));
        }
    }
    story.result = pirn_op_result(&play->chain.op);
    if (story.result < 0) {
        story.failed = pirn_chain_failed(&play->chain);
    }
    for (uint32_t i = 0; i < play->count; i++) {
        story.results[i] = pirn_op_result(&play->steps[i]);
    }
    return story;
}

static void assert_as_prepared(const struct play *play)
{
    for (uint32_t i = 0; i < play->count; i++) {
        const struct pirn_loan *loan = &play->steps[i].priv;
        struct pirn_op fresh = {0};

        prepare(&fresh, play->shape->text[i]);
        assert_int_equal(loan->fd, fresh.priv.fd);
        assert_int_equal(loan->addr, fresh.priv.addr);
        assert_int_equal(loan->len, fresh.priv.len);
        assert_int_equal(loan->offset, fresh.priv.offset);
        assert_int_equal(loan->extra, fresh.priv.extra);
    }
}

static void assert_same(const struct story *seen, const struct story *promise,
                        uint32_t count)
{
    assert_int_equal(seen->result, promise->result);
    assert_int_equal(seen->failed, promise->failed);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(seen->results[i], promise->results[i]);
        assert_int_equal(seen->begun[i], promise->begun[i]);
    }
}

/* All combinations of outcomes of one shape, twice on the same ops. */
static void exhaust(const struct shape *shape, bool links)
{
    uint32_t combinations = 1;
    struct play play;

    play_open(&play, shape, links);
    for (uint32_t i = 0; i < play.count; i++) {
        combinations *= OUTCOMES;
    }
    for (uint32_t code = 0; code < combinations; code++) {
        enum outcome outcomes[STEPS_MAX];
        struct story promise;
        struct story seen;
        uint32_t rest = code;

        for (uint32_t i = 0; i < play.count; i++) {
            outcomes[i] = (enum outcome)(rest % OUTCOMES);
            rest /= OUTCOMES;
        }
        promise = promised(shape, outcomes);
        seen = play_once(&play, outcomes);
        assert_same(&seen, &promise, play.count);
        assert_as_prepared(&play);
    }
    assert_int_equal(script_linked_count(play.kernel) > 0,
                     links && shape->runs);
    pirn_context_destroy(play.context);
}

static const struct shape shapes[] = {
    {"wfr", true},  {"wwfr", true}, {"wwwwf", true}, {"fr", false},
    {"ffr", false}, {"rf", false},  {"css", true},   {"sss", false},
    {"Rwf", true},  {"wRw", true},  {"wr", false},   {"rwf", true},
};

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

static void stepped_keeps_the_promise_for_all_outcomes(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        exhaust(&shapes[i], false);
    }
}

static void linked_keeps_the_promise_for_all_outcomes(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        exhaust(&shapes[i], true);
    }
}

static void failing_fsync_never_leads_to_the_rename(void **state)
{
    static const enum outcome failing[] = {OK, OK, ERROR, OK};

    (void)state;
    for (int links = 0; links < 2; links++) {
        struct play play;
        struct story seen;

        play_open(&play, &(struct shape){"wwfr", true}, links);
        seen = play_once(&play, failing);
        assert_int_equal(seen.result, -EIO);
        assert_int_equal(seen.failed, 2);
        assert_int_equal(seen.begun[3], 0);
        assert_int_equal(script_linked_count(play.kernel), links ? 2 : 0);
        pirn_context_destroy(play.context);
    }
}

static void long_chain_goes_in_runs_of_eight(void **state)
{
    struct pirn_op steps[20] = {0};
    struct pirn_op *order[20];
    struct pirn_chain chain = {0};
    struct script *kernel;
    struct pirn_context *context = script_context_create(
        &(struct script_config){.links = true, .room = 8}, &kernel);
    uint32_t most = 0;

    (void)state;
    for (int i = 0; i < 20; i++) {
        prepare(&steps[i], 'w');
        order[i] = &steps[i];
    }
    pirn_chain_start(context, &chain, order, 20, ended);
    while (!pirn_op_is_idle(&chain.op)) {
        assert_true(pirn_context_turn(context, 0) >= 0);
        if (script_inflight_count(kernel) > most) {
            most = script_inflight_count(kernel);
        }
        if (script_nth(kernel, 0) != NULL) {
            script_complete(kernel, script_nth(kernel, 0), LEN);
        }
    }
    assert_int_equal(pirn_op_result(&chain.op), 0);
    assert_int_equal(most, 8);
    assert_int_equal(script_linked_count(kernel), 7 + 7 + 3);
    pirn_context_destroy(context);
}

/* A short write in the middle moves the bounds of the runs behind it; started
 * again, the chain has the old bounds. */
static void bounds_of_runs_are_drawn_anew(void **state)
{
    struct pirn_op steps[12] = {0};
    struct pirn_op *order[12];
    struct pirn_chain chain = {0};
    struct script *kernel;
    struct pirn_context *context = script_context_create(
        &(struct script_config){.links = true, .room = 8}, &kernel);

    (void)state;
    for (int i = 0; i < 12; i++) {
        prepare(&steps[i], 'w');
        order[i] = &steps[i];
    }
    for (int round = 0; round < 2; round++) {
        bool is_short = round == 0;

        pirn_chain_start(context, &chain, order, 12, ended);
        while (!pirn_op_is_idle(&chain.op)) {
            struct pirn_op *op;

            assert_true(pirn_context_turn(context, 0) >= 0);
            assert_true(script_inflight_count(kernel) <= 8);
            op = script_nth(kernel, 0);
            if (op == &steps[3] && is_short) {
                is_short = false;
                script_complete(kernel, op, LEN / 2);
            } else if (op != NULL) {
                script_complete(kernel, op, (int32_t)op->priv.len);
            }
        }
        assert_int_equal(pirn_op_result(&chain.op), 0);
    }
    pirn_context_destroy(context);
}

/* Two runs and room for one: they are not torn. */
static void run_waits_for_room_whole(void **state)
{
    struct pirn_op steps[2][3] = {0};
    struct pirn_op *order[2][3];
    struct pirn_chain chains[2] = {0};
    struct script *kernel;
    struct pirn_context *context = script_context_create(
        &(struct script_config){.links = true, .room = 5}, &kernel);

    (void)state;
    for (int i = 0; i < 6; i++) {
        prepare(&steps[i / 3][i % 3], 'w');
        order[i / 3][i % 3] = &steps[i / 3][i % 3];
    }
    pirn_chain_start(context, &chains[0], order[0], 3, ended);
    pirn_chain_start(context, &chains[1], order[1], 3, ended);
    assert_int_equal(pirn_context_turn(context, 0), 0);
    assert_int_equal(script_inflight_count(kernel), 3);
    assert_int_equal(pirn_context_turn(context, 0), 0);
    assert_int_equal(script_inflight_count(kernel), 6);
    while (script_nth(kernel, 0) != NULL) {
        script_complete(kernel, script_nth(kernel, 0), LEN);
    }
    assert_int_equal(pirn_context_drain(context), 0);
    assert_int_equal(pirn_op_result(&chains[1].op), 0);
    pirn_context_destroy(context);
}

#define T(name) cmocka_unit_test(name)

TEST_MAIN(T(stepped_keeps_the_promise_for_all_outcomes),
          T(linked_keeps_the_promise_for_all_outcomes),
          T(failing_fsync_never_leads_to_the_rename),
          T(long_chain_goes_in_runs_of_eight), T(bounds_of_runs_are_drawn_anew),
          T(run_waits_for_room_whole))
