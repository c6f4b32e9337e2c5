/* SPDX-License-Identifier: MIT */
/*
 * test_unasked.c - what a kernel may say though nobody asked
 *
 * Errors that pass, and an -ECANCELED out of nowhere (6.14, seen by others when
 * signals come): of an op they are results, a chain publishes nothing behind
 * them. What a stream does is in test_stream_send.c and test_stream_receive.c,
 * what a multishot does in test_rearm.c.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>

#include "tests/sim/bed.h"
#include "tests/sim/note.h"

static const int32_t errors[] = {-EINTR, -EAGAIN,    -ENOMEM,
                                 -EBUSY, -ECANCELED, -ENOBUFS};

enum { ERRORS = sizeof(errors) / sizeof(errors[0]) };

static char data[100];

static void it_is_a_result_and_the_op_starts_again(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    pirn_prep_write(&note.op, 3, data, sizeof(data), 4096);
    for (int i = 0; i < ERRORS; i++) {
        note_start(bed->context, &note);
        assert_int_equal(pirn_context_turn(bed->context, 0), 0);
        script_complete(bed->kernel, &note.op, errors[i]);
        assert_int_equal(pirn_context_turn(bed->context, 0), 1);
        assert_int_equal(note.calls, i + 1);
        assert_int_equal(note.result, errors[i]);
        assert_true(pirn_op_is_idle(&note.op));
    }
    note_start(bed->context, &note);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    assert_int_equal(note.op.priv.offset, 4096);
    script_complete(bed->kernel, &note.op, 60); /* short, which is a result */
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(note.result, 60);
}

/* Who had asked is told the same: it is no answer to the request. */
static void it_is_the_result_of_a_cancelled_op_too(void **state)
{
    struct bed *bed = *state;
    struct note note = {0};

    script_set_deaf(bed->kernel, true);
    pirn_prep_read(&note.op, 3, data, sizeof(data), 0);
    note_start(bed->context, &note);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    pirn_cancel(bed->context, &note.op);
    assert_int_equal(pirn_context_turn(bed->context, 0), 0);
    script_complete(bed->kernel, &note.op, -ENOMEM);
    assert_int_equal(pirn_context_turn(bed->context, 0), 1);
    assert_int_equal(note.result, -ENOMEM);
}

/* write, fsync, rename, ALWAYS close */
enum { WRITE, FSYNC, RENAME, CLOSE, STEPS };

struct commit {
    struct bed *bed;
    struct pirn_op steps[STEPS];
    struct pirn_op *order[STEPS];
    struct pirn_chain chain;
};

static int chain_ends;

static void ended(struct pirn_op *op, int32_t result)
{
    (void)op; /* the chain is idle then, and has the result */
    (void)result;
    chain_ends++;
}

static void turns(struct bed *bed, int count)
{
    while (count-- > 0) {
        assert_true(pirn_context_turn(bed->context, 0) >= 0);
    }
}

static void commit_start(struct commit *commit, struct bed *bed)
{
    struct pirn_op *steps = commit->steps;

    *commit = (struct commit){.bed = bed};
    chain_ends = 0;
    pirn_prep_write(&steps[WRITE], 3, data, sizeof(data), 0);
    pirn_prep_fsync(&steps[FSYNC], 3, PIRN_SYNC_ALL);
    pirn_prep_rename(&steps[RENAME], AT_FDCWD, "tmp", AT_FDCWD, "name", 0);
    pirn_prep_close(&steps[CLOSE], 3);
    pirn_step_when(&steps[CLOSE], PIRN_STEP_ALWAYS);
    for (int i = 0; i < STEPS; i++) {
        commit->order[i] = &steps[i];
    }
    pirn_chain_start(bed->context, &commit->chain, commit->order, STEPS, ended);
}

/* Up to @step all goes well, and that one says @result. */
static void commit_until(struct commit *commit, uint32_t step, int32_t result)
{
    for (uint32_t i = 0; i <= step; i++) {
        turns(commit->bed, 2);
        script_complete(commit->bed->kernel, &commit->steps[i],
                        i == step    ? result
                        : i == WRITE ? (int32_t)sizeof(data)
                                     : 0);
    }
    turns(commit->bed, 2);
}

static void a_step_that_says_it_fails_the_chain(void **state)
{
    struct bed *bed = *state;

    for (uint32_t step = WRITE; step <= RENAME; step++) {
        for (int i = 0; i < ERRORS; i++) {
            struct commit commit;

            if (step == WRITE && errors[i] == -EINTR) {
                continue; /* interrupted_write_goes_on, in test_chain.c */
            }
            commit_start(&commit, bed);
            commit_until(&commit, step, errors[i]);
            assert_true(script_has(bed->kernel, &commit.steps[CLOSE]));
            assert_int_equal(script_inflight_count(bed->kernel), 1);
            script_complete(bed->kernel, &commit.steps[CLOSE], 0);
            turns(bed, 2);
            assert_int_equal(chain_ends, 1);
            assert_int_equal(pirn_op_result(&commit.chain.op), errors[i]);
            assert_int_equal(pirn_chain_failed(&commit.chain), step);
            for (uint32_t k = step + 1; k <= RENAME; k++) {
                assert_int_equal(pirn_op_result(&commit.steps[k]), -ECANCELED);
            }
        }
    }
}

static int setup_stepped(void **state)
{
    return bed_create(state, &(struct script_config){.room = 8});
}

static int setup_linked(void **state)
{
    return bed_create(state, &(struct script_config){.room = 8, .links = true});
}

#define T(name) \
    cmocka_unit_test_setup_teardown(name, setup_stepped, bed_teardown)

TEST_MAIN(T(it_is_a_result_and_the_op_starts_again),
          T(it_is_the_result_of_a_cancelled_op_too),
          T(a_step_that_says_it_fails_the_chain),
          cmocka_unit_test_setup_teardown(a_step_that_says_it_fails_the_chain,
                                          setup_linked, bed_teardown))
