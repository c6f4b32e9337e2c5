/* SPDX-License-Identifier: MIT */
/*
 * run.c - see run.h
 *
 * A command begins when all of the body is there and matches its digest: it
 * never sees a body that is damaged, nor, whoever is killed meanwhile, one that
 * ends early.
 *
 * A delivery is the same with another file: it is published when all of the
 * body is there. What fails then is the Maildir and not the item: take ends.
 *
 * What it says on standard error is passed on and its last line remembered. It
 * has ended when it has: who inherited its standard error may go on, and what
 * he has not said by then is his.
 */
#include "cli/run.h"

#include <errno.h>
#include <stdio.h>

#include <pirn/file.h>
#include <pirn/invariant.h>
#include <pirn/timer.h>

#include "cli/spawn.h"

static const uint64_t again_ns = 250000000;

static void read_body(struct run *run);
static void write_body(struct run *run);
static void listen(struct run *run, uint32_t most);

static void start(struct run *run, struct pirn_op *op, pirn_op_fn *fn)
{
    pirn_start(run->all->tool->context, op, fn);
}

void run_is_over(struct run *run)
{
    struct runs *all = run->all;

    pirn_assert(all->busy > 0);
    run->next = all->free;
    all->free = run;
    all->busy--;
}

void run_fail(struct run *run, int error)
{
    enum code code = tool_say_item(run->all->tool, &run->claim.item.id, error);

    if (run->all->failed == CODE_DONE) {
        run->all->failed = code;
    }
}

static void abandoned(struct pirn_op *op, int32_t result)
{
    (void)result;
    outcome_begin(pirn_container_of(op, struct run, delivery.op));
}

static void finish(struct run *run)
{
    if (run->all->maildir != NULL && run->delivery.fd >= 0) {
        maildir_prep_abandon(&run->delivery);
        start(run, &run->delivery.op, abandoned);
        return;
    }
    spawn_close(run->body_fd);
    spawn_close(run->errors_fd);
    run->body_fd = -1;
    run->errors_fd = -1;
    outcome_begin(run);
}

/* Not by the item's fault: it goes back, and take ends. */
static void give_up(struct run *run, enum code code)
{
    if (run->all->failed == CODE_DONE) {
        run->all->failed = code;
    }
    run->is_untried = true;
    finish(run);
}

/* ---- the command ---- */

static void child_ended(struct pirn_op *op, int32_t result);

static void wait_for_child(struct run *run)
{
    pirn_prep_child(&run->child, run->pid);
    start(run, &run->child.op, child_ended);
}

static void wait_again(struct pirn_op *op, int32_t result)
{
    (void)result;
    wait_for_child(pirn_container_of(op, struct run, step));
}

/* What stood in the pipe when the command ended is heard, and no more. */
static void go_on(struct run *run)
{
    if (!run->has_ended || !run->is_heard) {
        return;
    }
    if (run->unheard > 0) {
        run->is_heard = false;
        listen(run, run->unheard);
        return;
    }
    finish(run);
}

static void child_ended(struct pirn_op *op, int32_t result)
{
    struct run *run = pirn_container_of(op, struct run, child.op);

    if (result == -EMFILE) { /* it runs on */
        pirn_prep_timer(&run->step, again_ns);
        start(run, &run->step, wait_again);
        return;
    }
    run->has_ended = true;
    run->status = result;
    if (result < 0) {
        run_fail(run, result);
        run->is_untried = true;
    }
    if (!run->is_heard) {
        pirn_cancel(run->all->tool->context, &run->hear);
    }
    go_on(run);
}

static void heard(struct pirn_op *op, int32_t result)
{
    struct run *run = pirn_container_of(op, struct run, hear);
    uint32_t len = result > 0 ? (uint32_t)result : 0;

    last_line_add(&run->said, run->bytes, len);
    fwrite(run->bytes, 1, len, stderr);
    if (run->unheard > 0) { /* the command has ended */
        run->unheard =
            result > 0 && len < run->unheard ? run->unheard - len : 0;
    } else if (result > 0 && !run->has_ended) {
        listen(run, sizeof(run->bytes));
        return;
    } else if (result == -ECANCELED || result > 0) {
        run->unheard = spawn_waiting(run->errors_fd);
    }
    run->is_heard = true;
    go_on(run);
}

static void listen(struct run *run, uint32_t most)
{
    uint32_t len = most < sizeof(run->bytes) ? most : sizeof(run->bytes);

    pirn_prep_read(&run->hear, run->errors_fd, run->bytes, len,
                   PIRN_OFFSET_CURRENT);
    start(run, &run->hear, heard);
}

static void begin_command(struct run *run)
{
    struct runs *all = run->all;
    int errors[2] = {-1, -1};

    if (!spawn_can_tell(&run->claim.item)) {
        run->is_unfit = true;
        finish(run);
        return;
    }
    int r = spawn_pipe(errors);

    if (r == 0) {
        r = spawn_command(all->argv, &run->claim.item, run->body_fd, errors[1],
                          &run->pid);
    }
    spawn_close(errors[1]);
    run->errors_fd = errors[0];
    if (r < 0) {
        give_up(run, failure_say(THING_COMMAND, all->argv[0], r));
        return;
    }
    run->is_heard = false;
    run->has_ended = false;
    run->unheard = 0;
    listen(run, sizeof(run->bytes));
    wait_for_child(run);
}

/* ---- the delivery ---- */

static void published(struct pirn_op *op, int32_t result)
{
    struct run *run = pirn_container_of(op, struct run, delivery.op);

    run->body_fd = -1;
    if (result < 0) {
        give_up(run, maildir_say(run->all->maildir, result));
        return;
    }
    finish(run);
}

static void publish(struct run *run)
{
    pirn_assert(run->delivery.fd == run->body_fd);
    maildir_prep_publish(&run->delivery, run->offset, false);
    start(run, &run->delivery.op, published);
}

/* ---- the body ---- */

static enum code say_body(const struct run *run, int error)
{
    return run->all->maildir != NULL
               ? maildir_say(run->all->maildir, error)
               : failure_say(THING_ANY, "body in memory", error);
}

static void have_written(struct pirn_op *op, int32_t result)
{
    struct run *run = pirn_container_of(op, struct run, step);

    if (result <= 0) {
        give_up(run, say_body(run, result == 0 ? -EIO : result));
        return;
    }
    run->at += (uint32_t)result;
    if (run->at < run->len) {
        write_body(run);
        return;
    }
    run->offset += run->len;
    read_body(run);
}

static void write_body(struct run *run)
{
    pirn_prep_write(&run->step, run->body_fd, run->bytes + run->at,
                    run->len - run->at, run->offset + run->at);
    start(run, &run->step, have_written);
}

static void have_read(struct pirn_op *op, int32_t result)
{
    struct run *run = pirn_container_of(op, struct run, claim.op);

    if (result == -EBADMSG) {
        run->is_damaged = true;
        finish(run);
    } else if (result < 0) {
        run_fail(run, result);
        give_up(run, run->all->failed);
    } else if (result > 0) {
        run->len = (uint32_t)result;
        run->at = 0;
        write_body(run);
    } else if (run->all->maildir != NULL) {
        publish(run);
    } else {
        begin_command(run);
    }
}

static void read_body(struct run *run)
{
    pirn_prep_claim_read(&run->claim, run->bytes, sizeof(run->bytes),
                         run->offset);
    start(run, &run->claim.op, have_read);
}

/* ---- the claim ---- */

static void have_file(struct run *run, int fd)
{
    run->body_fd = fd;
    if (fd < 0) {
        give_up(run, say_body(run, fd));
        return;
    }
    read_body(run);
}

static void have_begun(struct pirn_op *op, int32_t result)
{
    struct run *run = pirn_container_of(op, struct run, delivery.op);

    if (result == 1) { /* and seen, since */
        finish(run);
        return;
    }
    have_file(run, result < 0 ? result : run->delivery.fd);
}

static void have_claimed(struct pirn_op *op, int32_t result)
{
    struct run *run = pirn_container_of(op, struct run, claim.op);
    struct runs *all = run->all;

    if (result <= 0) {
        all->handed--;
        all->is_dry = true;
        if (result < 0 && all->failed == CODE_DONE) {
            all->failed = tool_say(all->tool, THING_QUEUE, all->queue, result);
        }
        run_is_over(run);
        return;
    }
    if (all->maildir == NULL) {
        have_file(run, spawn_file());
        return;
    }
    maildir_prep_begin(&run->delivery, all->maildir, &run->claim.item);
    start(run, &run->delivery.op, have_begun);
}

void run_begin(struct run *run)
{
    struct runs *all = run->all;

    run->body_fd = -1;
    run->errors_fd = -1;
    run->delivery.fd = -1;
    run->offset = 0;
    run->status = 0;
    run->is_damaged = false;
    run->is_unfit = false;
    run->is_untried = false;
    run->said = (struct last_line){0};
    all->busy++;
    all->handed++;
    pirn_prep_claim(&run->claim, all->tool->spool, all->queue);
    start(run, &run->claim.op, have_claimed);
}
