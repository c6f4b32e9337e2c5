/* SPDX-License-Identifier: MIT */
/*
 * test_chain_jobs.c - stepped or as one job, nobody can tell the difference
 *
 * Every combination of outcomes of every step, and a cancellation in each of
 * them, once on an engine that begins each step when the chain says so, once on
 * one whose worker carries out whole runs. What the worker cannot decide it
 * must leave to the chain.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "runtime/engine/engine.h"
#include "tests/sim/bed.h"

enum { STEPS_MAX = 8, LEN = 100 };

/* How a step ends the first time; begun again, it succeeds. */
enum outcome { OK, DOUBTFUL, ERROR, OUTCOMES };

/* What a chain is seen to have done. */
struct story {
    int32_t result;
    uint32_t failed;
    int32_t results[STEPS_MAX];
    int32_t fds[STEPS_MAX]; /* that the step was begun with */
    uint32_t begun[STEPS_MAX];
    uint32_t order[STEPS_MAX * 2]; /* steps, as they were begun */
    uint32_t order_count;
};

struct play {
    struct pirn_context *context;
    struct script *kernel;
    const char *shape;
    struct pirn_op steps[STEPS_MAX];
    struct pirn_op *order[STEPS_MAX];
    struct pirn_chain chain;
    uint32_t count;
    const enum outcome *outcomes;
    uint32_t cancel_at; /* while this one runs; UINT32_MAX: never */
    struct story story;
};

static struct play *played; /* by the worker, which has no argument */
static char data[STEPS_MAX][LEN];
static struct iovec gathered[STEPS_MAX];
static int on_disk;   /* a file, */
static int elsewhere; /* and what may wait for a peer */

/* o: open, w: write, g: gathered write, f: fsync, r: rename, all of step 0's
 * file; R: a read of another; c: close it always; u: unlink if all is undone;
 * n: what no worker does. */
static void prepare(struct pirn_op *op, char kind, uint32_t index)
{
    gathered[index] = (struct iovec){data[index], LEN};
    switch (kind) {
    case 'o':
        pirn_prep_open(op, AT_FDCWD, data[index], O_RDWR, 0);
        return;
    case 'w':
        pirn_prep_write(op, PIRN_FD_OF(0), data[index], LEN, 0);
        return;
    case 'g':
        pirn_prep_writev(op, PIRN_FD_OF(0), &gathered[index], 1, 0);
        return;
    case 'f':
        pirn_prep_fsync(op, PIRN_FD_OF(0), PIRN_SYNC_ALL);
        return;
    case 'r':
        pirn_prep_rename(op, AT_FDCWD, data[index], AT_FDCWD, "b", 0);
        return;
    case 'R':
        pirn_prep_read(op, on_disk, data[index], LEN, 0);
        return;
    case 'c':
        pirn_prep_close(op, PIRN_FD_OF(0));
        pirn_step_when(op, PIRN_STEP_ALWAYS);
        return;
    case 'u':
        pirn_prep_unlink(op, AT_FDCWD, data[index], 0);
        pirn_step_when(op, PIRN_STEP_UNDO);
        return;
    default:
        pirn_prep_nop(op);
    }
}

/* Which step it is: by its memory, of which a part may be done; else by its
 * kind, of which a shape has one. */
static bool is_step(const struct pirn_loan *loan, const struct play *play,
                    uint32_t index)
{
    uint64_t base = play->shape[index] == 'g' ? (uintptr_t)&gathered[index]
                                              : (uintptr_t)data[index];

    return loan->opcode == play->steps[index].priv.opcode &&
           (loan->addr - base < LEN || loan->addr == 0);
}

static uint32_t index_of(const struct play *play, const struct pirn_loan *loan)
{
    uint32_t index = 0;

    while (index < play->count && !is_step(loan, play, index)) {
        index++;
    }
    return index;
}

static int32_t outcome_of(char kind, enum outcome outcome,
                          const struct pirn_loan *loan, bool again)
{
    bool has_bytes = strchr("wgR", kind) != NULL;

    if (outcome == ERROR && !again) {
        return -EIO;
    }
    if (kind == 'o') {
        return outcome == DOUBTFUL ? elsewhere : on_disk;
    }
    if (outcome == DOUBTFUL && !again) {
        return has_bytes ? LEN / 3 : 0;
    }
    return kind == 'g' ? LEN : has_bytes ? (int32_t)loan->len : 0;
}

static int32_t carry_out(const struct pirn_loan *loan)
{
    struct play *play = played;
    struct story *story = &play->story;
    uint32_t index = index_of(play, loan);
    bool again;

    if (index == play->count || story->order_count == STEPS_MAX * 2) {
        return -ENOSYS; /* which the other story has not */
    }
    again = story->begun[index]++ > 0;
    story->order[story->order_count++] = index;
    story->fds[index] = loan->fd;
    if (index == play->cancel_at) {
        pirn_cancel(play->context, &play->chain.op);
    }
    return outcome_of(play->shape[index], play->outcomes[index], loan, again);
}

static void ended(struct pirn_op *op, int32_t result)
{
    (void)op;
    (void)result;
}

static void play_open(struct play *play, const char *shape, bool has_worker)
{
    *play = (struct play){.shape = shape, .count = (uint32_t)strlen(shape)};
    play->context = script_context_create(
        &(struct script_config){.worker = has_worker ? carry_out : NULL},
        &play->kernel);
    for (uint32_t i = 0; i < play->count; i++) {
        prepare(&play->steps[i], shape[i], i);
        play->order[i] = &play->steps[i];
    }
    pirn_prep_chain(&play->chain, play->order, play->count);
}

static void play_once(struct play *play, const enum outcome *outcomes,
                      uint32_t cancel_at)
{
    played = play;
    play->outcomes = outcomes;
    play->cancel_at = cancel_at;
    play->story = (struct story){.failed = UINT32_MAX};
    pirn_start(play->context, &play->chain.op, ended);
    while (!pirn_op_is_idle(&play->chain.op)) {
        struct pirn_op *op;

        assert_true(pirn_context_turn(play->context, 0) >= 0);
        op = script_nth(play->kernel, 0);
        if (op != NULL) {
            script_complete(play->kernel, op, carry_out(&op->priv));
        }
    }
    play->story.result = pirn_op_result(&play->chain.op);
    if (play->story.result < 0) {
        play->story.failed = pirn_chain_failed(&play->chain);
    }
    for (uint32_t i = 0; i < play->count; i++) {
        play->story.results[i] = pirn_op_result(&play->steps[i]);
    }
}

static void assert_as_prepared(const struct play *play)
{
    for (uint32_t i = 0; i < play->count; i++) {
        const struct pirn_loan *loan = &play->steps[i].priv;
        struct pirn_op fresh = {0};

        prepare(&fresh, play->shape[i], i);
        assert_int_equal(loan->fd, fresh.priv.fd);
        assert_int_equal(loan->addr, fresh.priv.addr);
        assert_int_equal(loan->len, fresh.priv.len);
        assert_int_equal(loan->offset, fresh.priv.offset);
        assert_int_equal(loan->extra, fresh.priv.extra);
    }
}

static void outcomes_of(uint32_t code, uint32_t count, enum outcome *outcomes)
{
    for (uint32_t i = 0; i < count; i++) {
        outcomes[i] = (enum outcome)(code % OUTCOMES);
        code /= OUTCOMES;
    }
}

/* All outcomes of one shape, each cancelled in each step and not at all, on the
 * same ops. */
static void exhaust(const char *shape)
{
    enum outcome outcomes[STEPS_MAX];
    uint32_t combinations = 1;
    struct play stepped;
    struct play pooled;

    play_open(&stepped, shape, false);
    play_open(&pooled, shape, true);
    for (uint32_t i = 0; i < stepped.count; i++) {
        combinations *= OUTCOMES;
    }
    for (uint32_t code = 0; code < combinations; code++) {
        outcomes_of(code, stepped.count, outcomes);
        for (uint32_t at = 0; at <= stepped.count; at++) {
            uint32_t cancel_at = at < stepped.count ? at : UINT32_MAX;

            play_once(&stepped, outcomes, cancel_at);
            play_once(&pooled, outcomes, cancel_at);
            assert_memory_equal(&pooled.story, &stepped.story,
                                sizeof(struct story));
            assert_as_prepared(&pooled);
        }
    }
    pirn_context_destroy(stepped.context);
    pirn_context_destroy(pooled.context);
}

static const char *const shapes[] = {
    "owfrcu", "owcfru", "owwfc", "ogfrc", "or",     "orcu",
    "oRwf",   "onwfc",  "ocwf",  "ouwc",  "owRfcu", "oogwfc",
};

enum { SHAPES = sizeof(shapes) / sizeof(shapes[0]) };

static void a_job_keeps_the_promise_for_all_outcomes(void **state)
{
    (void)state;
    for (int i = 0; i < SHAPES; i++) {
        exhaust(shapes[i]);
    }
}

static void a_whole_commit_is_one_job(void **state)
{
    static const enum outcome fine[STEPS_MAX] = {OK};
    struct play play;

    (void)state;
    play_open(&play, "owfrcu", true);
    play_once(&play, fine, UINT32_MAX);
    assert_int_equal(play.story.result, 0);
    assert_int_equal(script_job_count(play.kernel), 1);
    pirn_context_destroy(play.context);
}

static void a_failing_sync_never_leads_to_the_rename(void **state)
{
    static const enum outcome failing[STEPS_MAX] = {OK, OK, ERROR};
    static const uint32_t order[] = {0, 1, 2, 4, 5};
    struct play play;

    (void)state;
    play_open(&play, "owfrcu", true);
    play_once(&play, failing, UINT32_MAX);
    assert_int_equal(play.story.result, -EIO);
    assert_int_equal(play.story.failed, 2);
    assert_int_equal(play.story.order_count, 5);
    assert_memory_equal(play.story.order, order, sizeof(order));
    pirn_context_destroy(play.context);
}

/* Queued, it is cancelled without the worker; its marked steps run. */
static void a_job_cancelled_before_the_turn_leaves_nothing_open(void **state)
{
    static const enum outcome fine[STEPS_MAX] = {OK};
    struct play play;
    struct pirn_op *order[2];

    (void)state;
    play_open(&play, "wcu", true);
    played = &play;
    play.outcomes = fine;
    play.cancel_at = UINT32_MAX;
    order[0] = &play.steps[0];
    order[1] = &play.steps[1];
    pirn_prep_write(&play.steps[0], on_disk, data[0], LEN, 0);
    pirn_prep_close(&play.steps[1], on_disk);
    pirn_step_when(&play.steps[1], PIRN_STEP_ALWAYS);
    pirn_chain_start(play.context, &play.chain, order, 2, ended);
    pirn_cancel(play.context, &play.chain.op);
    assert_int_equal(pirn_context_drain(play.context), 0);
    assert_int_equal(pirn_op_result(&play.chain.op), -ECANCELED);
    assert_int_equal(play.story.begun[0], 0);
    assert_int_equal(play.story.begun[1], 1);
    pirn_context_destroy(play.context);
}

#define T(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_job_keeps_the_promise_for_all_outcomes),
        T(a_whole_commit_is_one_job),
        T(a_failing_sync_never_leads_to_the_rename),
        T(a_job_cancelled_before_the_turn_leaves_nothing_open),
    };
    int ends[2];
    int r;

    on_disk = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (on_disk < 0 || pipe(ends) < 0) {
        return 1;
    }
    elsewhere = ends[0];
    r = cmocka_run_group_tests(tests, NULL, NULL);
    close(on_disk);
    close(ends[0]);
    close(ends[1]);
    return r;
}
