/* SPDX-License-Identifier: MIT */
/*
 * scenario_request.c - families of requests that finish, fail, are cancelled
 *
 * Each runs an op of its own, and finishes when that has ended, or waits to be
 * finished by the life; some have no cancel of their own. Parents are given
 * children at any time, also when that is too late; deadlines are set and set
 * anew. The shadow counts what was called in each start of a request:
 *
 *   begin, at most once -> cancel, at most once, while it runs
 *                       -> cleanup, once, when no child is left
 *                       -> its function, once, later, after its children's
 */
#include <errno.h>
#include <stdlib.h>

#include "pirn/invariant.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/width.h"
#include "tests/sim/model/world.h"

enum { JOBS = 12 };

struct house;

struct job {
    struct house *house;
    struct pirn_request request;
    struct pirn_op work;
    struct job *parent; /* in the shadow: until it ends */

    /* In this start. */
    bool on_loan;
    bool may_begin;
    bool hears;   /* has a cancel of its own */
    bool asked;   /* to end, by the life */
    bool first;   /* it was the first to ask */
    bool limited; /* by a deadline */
    uint64_t due_ns;
    uint32_t overdue; /* turns since then */
    uint32_t ending;  /* turns since nothing kept it */
    uint32_t begins;
    uint32_t cancels;
    uint32_t cleanups;
    bool finished;
    int32_t result; /* with which it was finished */
};

struct house {
    struct width width;
    struct job jobs[JOBS];
    bool ends;
};

static struct job *job_of(struct pirn_request *request)
{
    return pirn_container_of(request, struct job, request);
}

static void wrong(const struct job *job, const char *what, int32_t result)
{
    world_fail(job->house->width.world,
               "request %d, begun %u, cancelled %u, cleaned %u times: %s (%d)",
               (int)(job - job->house->jobs), job->begins, job->cancels,
               job->cleanups, what, result);
}

static bool has_children(const struct job *job)
{
    for (uint32_t i = 0; i < JOBS; i++) {
        const struct job *child = &job->house->jobs[i];

        if (child->on_loan && child->parent == job && child->cleanups == 0) {
            return true;
        }
    }
    return false;
}

static bool is_running(const struct job *job)
{
    return job->begins == 1 && !job->finished && job->on_loan;
}

/* Somebody cancelled it, or it is late; or that is true of one above it, or he
 * is finished. */
static bool has_reason(const struct job *job)
{
    uint64_t now_ns = pirn_context_now_ns(job->house->width.context);
    const struct job *at = job;

    while (at != NULL) {
        if (at->asked || (at != job && at->finished) ||
            (at->limited && at->due_ns <= now_ns)) {
            return true;
        }
        at = at->parent;
    }
    return false;
}

/* --- what a request does --- */

/* All have been asked to end. */
static void check_children(const struct job *job)
{
    for (uint32_t i = 0; i < JOBS; i++) {
        const struct job *child = &job->house->jobs[i];

        if (is_running(child) && child->parent == job &&
            !pirn_request_is_cancelled(&child->request)) {
            wrong(child, "its parent ends, and nobody asks it to", 0);
        }
    }
}

static void finish(struct job *job, int32_t result)
{
    job->finished = true;
    job->result = result;
    pirn_request_finish(&job->request, result);
    check_children(job);
}

static void worked(struct pirn_op *op, int32_t result)
{
    struct job *job = pirn_container_of(op, struct job, work);

    if (job->cleanups > 0 || !is_running(job)) {
        wrong(job, "it has ended, and something of it goes on", result);
        return;
    }
    finish(job, result);
}

static void limit(struct job *job)
{
    struct width *width = &job->house->width;

    job->limited = true;
    job->overdue = 0;
    job->due_ns = width_once_in(width, 4) ? PIRN_FOREVER : width_soon_ns(width);
    pirn_request_set_deadline(&job->request, job->due_ns);
}

static void begin(struct pirn_request *request)
{
    struct job *job = job_of(request);
    struct width *width = &job->house->width;

    job->begins++;
    if (job->begins > 1 || !job->may_begin || job->cleanups > 0) {
        wrong(job, "it begins", job->may_begin);
    }
    if (width_once_in(width, 3)) {
        limit(job);
    }
    switch (rng_below(&width->rng, 4)) {
    case 0:
        pirn_prep_nop(&job->work);
        pirn_start(width->context, &job->work, worked);
        return;
    case 1:
        pirn_prep_timer(&job->work, rng_below(&width->rng, 100000));
        pirn_start(width->context, &job->work, worked);
        return;
    case 2:
        if (width_once_in(width, 4)) {
            finish(job, (int32_t)rng_below(&width->rng, 100));
        }
        return;
    default:
        return; /* the life finishes it */
    }
}

/* Who works ends with his work; who waits may go on for a while. */
static void cancel(struct pirn_request *request)
{
    struct job *job = job_of(request);
    struct width *width = &job->house->width;

    job->cancels++;
    if (job->cancels > 1 || !is_running(job) || !has_reason(job)) {
        wrong(job, "its cancel is called", has_reason(job));
    }
    if (!pirn_op_is_idle(&job->work)) {
        pirn_cancel(width->context, &job->work);
    } else if (rng_coin(&width->rng)) {
        finish(job, -ECANCELED);
    }
}

static void clean_up(struct pirn_request *request)
{
    struct job *job = job_of(request);

    job->cleanups++;
    if (job->cleanups > 1 || has_children(job) ||
        (job->begins > 0 && !job->finished) || !pirn_op_is_idle(&job->work)) {
        wrong(job, "it is cleaned up", has_children(job));
    }
}

static const struct pirn_request_kind hearing = {"hearing", begin, cancel,
                                                 clean_up};
static const struct pirn_request_kind deaf = {"deaf", begin, NULL, clean_up};

/* --- the life --- */

static void act(struct house *house);

static void check_end(struct job *job, int32_t result)
{
    if (job->cleanups != 1) {
        wrong(job, "its function is called", result);
    }
    if (job->begins == 0 && (result != -ECANCELED || job->may_begin)) {
        wrong(job, "it never began", result);
    }
    if (job->begins == 1 && result != job->result &&
        !(result == -ETIMEDOUT && job->result == -ECANCELED && job->limited &&
          !job->first)) {
        wrong(job, "it ends with another result", result);
    }
    if (result != pirn_op_result(&job->request.op)) {
        wrong(job, "its op says otherwise", pirn_op_result(&job->request.op));
    }
}

static void ended(struct pirn_op *op, int32_t result)
{
    struct job *job = pirn_container_of(op, struct job, request.op);
    struct house *house = job->house;

    if (!job->on_loan) {
        wrong(job, "its function is called twice", result);
    }
    check_end(job, result);
    for (uint32_t i = 0; i < JOBS; i++) {
        if (house->jobs[i].on_loan && house->jobs[i].parent == job &&
            house->jobs[i].begins > 0) {
            wrong(&house->jobs[i], "its parent ends before", result);
        }
    }
    job->on_loan = false;
    if (!house->ends && width_once_in(&house->width, 3)) {
        act(house);
    }
}

static void start(struct house *house, struct job *job)
{
    struct rng *rng = &house->width.rng;
    struct job *parent = &house->jobs[rng_below(rng, JOBS)];

    if (job->on_loan) {
        return;
    }
    if (parent == job || !parent->on_loan || parent->cleanups > 0) {
        parent = NULL;
    }
    job->parent = parent;
    job->on_loan = true;
    job->may_begin =
        parent == NULL ||
        (is_running(parent) && !pirn_request_is_cancelled(&parent->request));
    job->hears = rng_coin(rng);
    job->asked = false;
    job->first = false;
    job->ending = 0;
    job->limited = false;
    job->begins = 0;
    job->cancels = 0;
    job->cleanups = 0;
    job->finished = false;
    pirn_prep_request(&job->request, job->hears ? &hearing : &deaf,
                      parent != NULL ? &parent->request : NULL);
    pirn_start(house->width.context, &job->request.op, ended);
    if (!job->may_begin) {
        job->parent = NULL; /* who is too late is nobody's child */
    }
}

static void cancel_one(struct house *house, struct job *job)
{
    bool runs = is_running(job);
    bool was_cancelled =
        job->on_loan && pirn_request_is_cancelled(&job->request);

    if (!job->on_loan) {
        return;
    }
    job->asked = true;
    job->first |= runs && !was_cancelled;
    if (rng_coin(&house->width.rng)) {
        pirn_cancel(house->width.context, &job->request.op);
    } else if (pirn_request_cancel(&job->request) != (runs && !was_cancelled)) {
        wrong(job, "a cancel's answer is wrong", runs);
    }
    if (runs && !job->hears) {
        check_children(job);
    }
}

static void act(struct house *house)
{
    struct rng *rng = &house->width.rng;
    struct job *job = &house->jobs[rng_below(rng, JOBS)];

    switch (rng_below(rng, 8)) {
    case 0:
        cancel_one(house, job);
        return;
    case 1:
        if (is_running(job) && pirn_op_is_idle(&job->work)) {
            finish(job, (int32_t)rng_below(rng, 100));
        }
        return;
    case 2:
        if (is_running(job)) {
            limit(job);
        }
        return;
    default:
        start(house, job);
        return;
    }
}

/* A deadline that was set anew takes two turns: one in which the old timer
 * ends. */
static void turn(struct house *house)
{
    uint64_t now_ns = pirn_context_now_ns(house->width.context);

    width_turn(&house->width);
    for (uint32_t i = 0; i < JOBS; i++) {
        struct job *job = &house->jobs[i];

        if (is_running(job) && job->limited && job->due_ns <= now_ns &&
            !pirn_request_is_cancelled(&job->request) && ++job->overdue > 2) {
            wrong(job, "its deadline is over", 0);
        }
        if (job->on_loan && job->finished && !has_children(job) &&
            ++job->ending > 4) {
            wrong(job, "it is finished, and does not end", 0);
        }
    }
}

static void wind_up(struct house *house)
{
    house->ends = true;
    while (pirn_context_loaned(house->width.context) > 0) {
        for (uint32_t i = 0; i < JOBS; i++) {
            struct job *job = &house->jobs[i];

            if (is_running(job) && pirn_op_is_idle(&job->work)) {
                finish(job, 0);
            }
        }
        width_wait(&house->width);
    }
    for (uint32_t i = 0; i < JOBS; i++) {
        if (house->jobs[i].on_loan) {
            wrong(&house->jobs[i], "it never ended", 0);
        }
    }
}

static void run(void *width)
{
    struct house *house = pirn_container_of(width, struct house, width);

    house->width.context = process_context(house->width.world);
    for (uint32_t i = 0; i < JOBS; i++) {
        house->jobs[i].house = house;
    }
    for (uint32_t n = rng_between(&house->width.rng, 20, 300); n > 0; n--) {
        act(house);
        if (width_once_in(&house->width, 4)) {
            turn(house);
        }
    }
    wind_up(house);
    pirn_context_destroy(house->width.context);
}

static void live(struct world *world)
{
    struct house *house = calloc(1, sizeof(*house));

    pirn_assert(house != NULL);
    if (width_live(&house->width, world, run)) {
        world_check_rest(world);
    }
    free(house);
}

const struct scenario scenario_request = {
    .name = "request",
    .faults = FAULT_ALL & ~(FAULT_BIT(FAULT_POWER) | FAULT_BIT(FAULT_RING)),
    .storm_steps = 1500,
    .lives = 20000,
    .profiles = LIFE_PROFILES_ALL,
    .live = live,
};
