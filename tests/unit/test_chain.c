/* SPDX-License-Identifier: MIT */
/*
 * test_chain.c - sentences of pirn/chain.h
 *
 * Each test runs twice: on an engine that takes one step at a time, and on one
 * that takes linked runs. No test can tell the difference.
 */
#include "test.h"

#include <errno.h>
#include <fcntl.h>

#include "tests/sim/bed.h"
#include "tests/sim/note.h"

enum { STEPS_MAX = 8 };

/* A chain, its steps, and what its function was told. */
struct rig {
    struct bed *bed;
    struct pirn_chain chain;
    struct pirn_op steps[STEPS_MAX];
    struct pirn_op *order[STEPS_MAX];
    int calls;
    int32_t result;
};

static char data[100];

static void ended(struct pirn_op *op, int32_t result)
{
    struct rig *rig = pirn_container_of(op, struct rig, chain.op);

    rig->calls++;
    rig->result = result;
}

static struct rig rig_of(void **state)
{
    return (struct rig){.bed = *state};
}

static void start(struct rig *rig, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        rig->order[i] = &rig->steps[i];
    }
    pirn_chain_start(rig->bed->context, &rig->chain, rig->order, count, ended);
}

static void turns(struct rig *rig, int count)
{
    while (count-- > 0) {
        assert_true(pirn_context_turn(rig->bed->context, 0) >= 0);
    }
}

/* Whether the kernel begins step @index, now or in the next turns. */
static bool begins(struct rig *rig, uint32_t index)
{
    for (int i = 0; i < 4; i++) {
        if (script_has(rig->bed->kernel, &rig->steps[index])) {
            return true;
        }
        turns(rig, 1);
    }
    return false;
}

static void end_step(struct rig *rig, uint32_t index, int32_t result)
{
    assert_true(begins(rig, index));
    script_complete(rig->bed->kernel, &rig->steps[index], result);
}

static void assert_ended(struct rig *rig, int32_t result)
{
    turns(rig, 4);
    assert_int_equal(rig->calls, 1);
    assert_int_equal(rig->result, result);
    assert_int_equal(script_inflight_count(rig->bed->kernel), 0);
    assert_int_equal(pirn_context_loaned(rig->bed->context), 0);
    for (uint32_t i = 0; i < rig->chain.priv.count; i++) {
        assert_true(pirn_op_is_idle(&rig->steps[i]));
    }
}

static int32_t step_result(const struct rig *rig, uint32_t index)
{
    return pirn_op_result(&rig->steps[index]);
}

/* open, write 100 bytes, fsync, rename, ALWAYS close, UNDO unlink */
enum { OPEN, WRITE, FSYNC, RENAME, CLOSE, UNLINK, COMMIT_STEPS };

static void start_commit(struct rig *rig)
{
    struct pirn_op *steps = rig->steps;

    pirn_prep_open(&steps[OPEN], AT_FDCWD, "tmp", O_CREAT | O_WRONLY, 0600);
    pirn_prep_write(&steps[WRITE], PIRN_FD_OF(OPEN), data, sizeof(data), 0);
    pirn_prep_fsync(&steps[FSYNC], PIRN_FD_OF(OPEN), PIRN_SYNC_ALL);
    pirn_prep_rename(&steps[RENAME], AT_FDCWD, "tmp", AT_FDCWD, "name", 0);
    pirn_prep_close(&steps[CLOSE], PIRN_FD_OF(OPEN));
    pirn_prep_unlink(&steps[UNLINK], AT_FDCWD, "tmp", 0);
    pirn_step_when(&steps[CLOSE], PIRN_STEP_ALWAYS);
    pirn_step_when(&steps[UNLINK], PIRN_STEP_UNDO);
    start(rig, COMMIT_STEPS);
}

static void steps_run_in_order_and_the_result_is_zero(void **state)
{
    struct rig rig = rig_of(state);

    start_commit(&rig);
    end_step(&rig, OPEN, 5);
    assert_true(begins(&rig, WRITE));
    assert_int_equal(rig.steps[WRITE].priv.fd, 5);
    assert_false(script_has(rig.bed->kernel, &rig.steps[RENAME]));
    end_step(&rig, WRITE, 100);
    assert_true(begins(&rig, FSYNC));
    assert_int_equal(rig.steps[FSYNC].priv.fd, 5);
    assert_false(script_has(rig.bed->kernel, &rig.steps[RENAME]));
    end_step(&rig, FSYNC, 0);
    end_step(&rig, RENAME, 0);
    assert_true(begins(&rig, CLOSE));
    assert_int_equal(rig.steps[CLOSE].priv.fd, 5);
    end_step(&rig, CLOSE, 0);
    assert_ended(&rig, 0);
    assert_int_equal(step_result(&rig, OPEN), 5);
    assert_int_equal(step_result(&rig, WRITE), 100);
    assert_int_equal(step_result(&rig, UNLINK), -ECANCELED);
}

static void failed_fsync_never_leads_to_the_rename(void **state)
{
    static const int32_t errors[] = {-EIO, -ENOSPC, -EINTR, -ECANCELED};

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct rig rig = rig_of(state);

        start_commit(&rig);
        end_step(&rig, OPEN, 5);
        end_step(&rig, WRITE, 100);
        end_step(&rig, FSYNC, errors[i]);
        assert_false(begins(&rig, RENAME));
        end_step(&rig, CLOSE, 0);
        end_step(&rig, UNLINK, 0);
        assert_ended(&rig, errors[i]);
        assert_int_equal(pirn_chain_failed(&rig.chain), FSYNC);
        assert_int_equal(step_result(&rig, RENAME), -ECANCELED);
    }
}

static void failed_open_leaves_nothing_to_close(void **state)
{
    struct rig rig = rig_of(state);

    start_commit(&rig);
    end_step(&rig, OPEN, -EMFILE);
    assert_false(begins(&rig, CLOSE)); /* although it is marked ALWAYS */
    end_step(&rig, UNLINK, -ENOENT);
    assert_ended(&rig, -EMFILE);
    assert_int_equal(pirn_chain_failed(&rig.chain), OPEN);
    assert_int_equal(step_result(&rig, CLOSE), -ECANCELED);
    assert_int_equal(step_result(&rig, WRITE), -ECANCELED);
}

static void failure_of_a_marked_step_is_not_the_chains(void **state)
{
    struct rig rig = rig_of(state);

    start_commit(&rig);
    end_step(&rig, OPEN, 5);
    end_step(&rig, WRITE, 100);
    end_step(&rig, FSYNC, 0);
    end_step(&rig, RENAME, 0);
    end_step(&rig, CLOSE, -EIO);
    assert_ended(&rig, 0);
    assert_int_equal(step_result(&rig, CLOSE), -EIO);
}

static void marked_step_behind_a_failed_write_runs(void **state)
{
    struct rig rig = rig_of(state);

    pirn_prep_write(&rig.steps[0], 3, data, sizeof(data), 0);
    pirn_prep_close(&rig.steps[1], 3);
    pirn_step_when(&rig.steps[1], PIRN_STEP_ALWAYS);
    start(&rig, 2);
    end_step(&rig, 0, -EIO);
    end_step(&rig, 1, 0);
    assert_ended(&rig, -EIO);
    assert_int_equal(step_result(&rig, 1), 0);
}

static void first_failure_is_the_result(void **state)
{
    struct rig rig = rig_of(state);

    start_commit(&rig);
    end_step(&rig, OPEN, 5);
    end_step(&rig, WRITE, -ENOSPC);
    end_step(&rig, CLOSE, -EIO);
    end_step(&rig, UNLINK, -EROFS);
    assert_ended(&rig, -ENOSPC);
    assert_int_equal(pirn_chain_failed(&rig.chain), WRITE);
}

/* A normal step that needs the descriptor of a marked one which has none. */
static void step_without_its_descriptor_fails_the_chain(void **state)
{
    struct rig rig = rig_of(state);

    pirn_prep_open(&rig.steps[0], AT_FDCWD, "a", O_RDONLY, 0);
    pirn_step_when(&rig.steps[0], PIRN_STEP_ALWAYS);
    pirn_prep_fsync(&rig.steps[1], PIRN_FD_OF(0), PIRN_SYNC_ALL);
    pirn_prep_nop(&rig.steps[2]);
    start(&rig, 3);
    end_step(&rig, 0, -ENOENT);
    assert_ended(&rig, -ECANCELED);
    assert_int_equal(pirn_chain_failed(&rig.chain), 1);
    assert_int_equal(step_result(&rig, 1), -ECANCELED);
    assert_int_equal(step_result(&rig, 2), -ECANCELED);
}

static void chain_that_was_started_can_be_started_again(void **state)
{
    struct rig rig = rig_of(state);

    start_commit(&rig);
    end_step(&rig, OPEN, 5);
    end_step(&rig, WRITE, 30);
    end_step(&rig, WRITE, -EIO);
    end_step(&rig, CLOSE, 0);
    end_step(&rig, UNLINK, 0);
    assert_ended(&rig, -EIO);
    assert_int_equal(rig.steps[CLOSE].priv.fd, PIRN_FD_OF(OPEN));
    assert_int_equal(rig.steps[WRITE].priv.len, 100);

    rig.calls = 0;
    pirn_start(rig.bed->context, &rig.chain.op, ended);
    end_step(&rig, OPEN, 6);
    assert_true(begins(&rig, WRITE));
    assert_int_equal(rig.steps[WRITE].priv.fd, 6);
    assert_int_equal(rig.steps[WRITE].priv.offset, 0);
    end_step(&rig, WRITE, 100);
    end_step(&rig, FSYNC, 0);
    end_step(&rig, RENAME, 0);
    end_step(&rig, CLOSE, 0);
    assert_ended(&rig, 0);
}

static void short_write_is_continued_where_it_stands(void **state)
{
    struct rig rig = rig_of(state);
    const int32_t pieces[] = {1, 30, 60, 9};
    uint32_t moved = 0;

    pirn_prep_write(&rig.steps[0], 3, data, sizeof(data), 4096);
    pirn_prep_fsync(&rig.steps[1], 3, PIRN_SYNC_DATA);
    start(&rig, 2);
    for (int i = 0; i < 4; i++) {
        assert_true(begins(&rig, 0));
        assert_int_equal(rig.steps[0].priv.addr, (uintptr_t)data + moved);
        assert_int_equal(rig.steps[0].priv.offset, 4096 + moved);
        assert_int_equal(rig.steps[0].priv.len, 100 - moved);
        assert_false(script_has(rig.bed->kernel, &rig.steps[1]));
        end_step(&rig, 0, pieces[i]);
        moved += (uint32_t)pieces[i];
    }
    end_step(&rig, 1, 0);
    assert_ended(&rig, 0);
    assert_int_equal(step_result(&rig, 0), 100);
    assert_int_equal(rig.steps[0].priv.addr, (uintptr_t)data);
    assert_int_equal(rig.steps[0].priv.offset, 4096);
    assert_int_equal(rig.steps[0].priv.len, 100);
}

static void appending_write_keeps_its_offset(void **state)
{
    struct rig rig = rig_of(state);

    pirn_prep_write(&rig.steps[0], 3, data, sizeof(data), PIRN_OFFSET_CURRENT);
    start(&rig, 1);
    end_step(&rig, 0, 40);
    assert_true(begins(&rig, 0));
    assert_true(rig.steps[0].priv.offset == PIRN_OFFSET_CURRENT);
    end_step(&rig, 0, 60);
    assert_ended(&rig, 0);
}

static void short_send_is_continued(void **state)
{
    struct rig rig = rig_of(state);

    pirn_prep_send(&rig.steps[0], 3, data, sizeof(data), MSG_WAITALL);
    pirn_prep_send(&rig.steps[1], 3, data, sizeof(data), MSG_WAITALL);
    start(&rig, 2);
    end_step(&rig, 0, 40);
    assert_true(begins(&rig, 0));
    assert_int_equal(rig.steps[0].priv.len, 60);
    assert_int_equal(rig.steps[0].priv.offset, 0); /* it has none */
    assert_false(script_has(rig.bed->kernel, &rig.steps[1]));
    end_step(&rig, 0, 60);
    end_step(&rig, 1, 100);
    assert_ended(&rig, 0);
}

static void write_that_moves_nothing_more_is_eio(void **state)
{
    struct rig rig = rig_of(state);

    pirn_prep_write(&rig.steps[0], 3, data, sizeof(data), 0);
    pirn_prep_fsync(&rig.steps[1], 3, PIRN_SYNC_DATA);
    start(&rig, 2);
    end_step(&rig, 0, 40);
    end_step(&rig, 0, 0);
    assert_false(begins(&rig, 1));
    assert_ended(&rig, -EIO);
    assert_int_equal(step_result(&rig, 0), -EIO);
    assert_int_equal(rig.steps[0].priv.len, 100);
}

static void interrupted_write_goes_on(void **state)
{
    struct rig rig = rig_of(state);

    pirn_prep_write(&rig.steps[0], 3, data, sizeof(data), 0);
    pirn_prep_fsync(&rig.steps[1], 3, PIRN_SYNC_DATA);
    start(&rig, 2);
    end_step(&rig, 0, -EINTR);
    end_step(&rig, 0, 40);
    end_step(&rig, 0, -EINTR);
    end_step(&rig, 0, 60);
    end_step(&rig, 1, 0);
    assert_ended(&rig, 0);
    assert_int_equal(step_result(&rig, 0), 100);
}

static void gathered_transfer_that_falls_short_is_eio(void **state)
{
    const struct iovec iov[2] = {{data, 40}, {data + 40, 60}};
    struct msghdr message = {.msg_iov = (struct iovec *)iov, .msg_iovlen = 2};

    for (int sends = 0; sends < 2; sends++) {
        struct rig rig = rig_of(state);

        if (sends) {
            pirn_prep_sendmsg(&rig.steps[0], 3, &message, MSG_WAITALL);
        } else {
            pirn_prep_writev(&rig.steps[0], 3, iov, 2, 0);
        }
        pirn_prep_fsync(&rig.steps[1], 3, PIRN_SYNC_DATA);
        start(&rig, 2);
        end_step(&rig, 0, 99);
        assert_false(begins(&rig, 1));
        assert_ended(&rig, -EIO);

        rig.calls = 0;
        pirn_start(rig.bed->context, &rig.chain.op, ended);
        end_step(&rig, 0, 100);
        end_step(&rig, 1, 0);
        assert_ended(&rig, 0);
    }
}

/* The kernel cuts a link behind it; a chain goes on. */
static void read_that_falls_short_has_succeeded(void **state)
{
    struct rig rig = rig_of(state);

    pirn_prep_read(&rig.steps[0], 3, data, sizeof(data), 0);
    pirn_prep_write(&rig.steps[1], 4, data, sizeof(data), 0);
    start(&rig, 2);
    end_step(&rig, 0, 40);
    end_step(&rig, 1, 100);
    assert_ended(&rig, 0);
    assert_int_equal(step_result(&rig, 0), 40);
}

static void any_op_can_be_a_step(void **state)
{
    struct rig rig = rig_of(state);
    struct pirn_op inner_steps[2] = {0};
    struct pirn_op *const inner_order[] = {&inner_steps[0], &inner_steps[1]};
    struct pirn_chain inner = {0};
    struct pirn_op *order[4] = {&rig.steps[0], &rig.steps[1], &inner.op,
                                &rig.steps[2]};

    pirn_prep_timer(&rig.steps[0], 1000);
    pirn_prep_task(&rig.steps[1], NULL);
    pirn_prep_immediate(&inner_steps[0]);
    pirn_prep_write(&inner_steps[1], 3, data, sizeof(data), 0);
    pirn_prep_chain(&inner, inner_order, 2);
    pirn_prep_immediate(&rig.steps[2]);
    pirn_chain_start(rig.bed->context, &rig.chain, order, 4, ended);

    turns(&rig, 1);
    script_pass(rig.bed->kernel, 1000);
    turns(&rig, 1);
    assert_false(pirn_op_is_idle(&rig.steps[1])); /* the timer was before it */
    pirn_task_finish(rig.bed->context, &rig.steps[1], 0);
    turns(&rig, 3);
    assert_true(script_has(rig.bed->kernel, &inner_steps[1]));
    script_complete(rig.bed->kernel, &inner_steps[1], 60);
    turns(&rig, 2);
    script_complete(rig.bed->kernel, &inner_steps[1], 40);
    turns(&rig, 4);
    assert_int_equal(rig.calls, 1);
    assert_int_equal(rig.result, 0);
}

static void failed_chain_inside_a_chain_fails_it(void **state)
{
    struct rig rig = rig_of(state);
    struct pirn_op inner_step = {0};
    struct pirn_op *const inner_order[] = {&inner_step};
    struct pirn_chain inner = {0};
    struct pirn_op *order[2] = {&inner.op, &rig.steps[0]};

    pirn_prep_write(&inner_step, 3, data, sizeof(data), 0);
    pirn_prep_chain(&inner, inner_order, 1);
    pirn_prep_nop(&rig.steps[0]);
    pirn_chain_start(rig.bed->context, &rig.chain, order, 2, ended);
    turns(&rig, 1);
    script_complete(rig.bed->kernel, &inner_step, -EFBIG);
    turns(&rig, 4);
    assert_int_equal(rig.result, -EFBIG);
    assert_int_equal(pirn_chain_failed(&rig.chain), 0);
    assert_int_equal(pirn_op_result(&rig.steps[0]), -ECANCELED);
}

static int setup_stepped(void **state)
{
    return bed_create(state, &(struct script_config){.room = 8});
}

static int setup_linked(void **state)
{
    return bed_create(state, &(struct script_config){.room = 8, .links = true});
}

#define T(name)                                                         \
    cmocka_unit_test_setup_teardown(name, setup_stepped, bed_teardown), \
        cmocka_unit_test_setup_teardown(name, setup_linked, bed_teardown)

TEST_MAIN(T(steps_run_in_order_and_the_result_is_zero),
          T(failed_fsync_never_leads_to_the_rename),
          T(failed_open_leaves_nothing_to_close),
          T(failure_of_a_marked_step_is_not_the_chains),
          T(marked_step_behind_a_failed_write_runs),
          T(first_failure_is_the_result),
          T(step_without_its_descriptor_fails_the_chain),
          T(chain_that_was_started_can_be_started_again),
          T(short_write_is_continued_where_it_stands),
          T(appending_write_keeps_its_offset), T(short_send_is_continued),
          T(write_that_moves_nothing_more_is_eio), T(interrupted_write_goes_on),
          T(gathered_transfer_that_falls_short_is_eio),
          T(read_that_falls_short_has_succeeded), T(any_op_can_be_a_step),
          T(failed_chain_inside_a_chain_fails_it))
