/* SPDX-License-Identifier: MIT */
/*
 * scenario_chain.c - files that appear whole, by chains; and the power fails
 *
 * Each job is the textbook chain with something in between: make a file under
 * a temporary name, write it in pieces, sync it, rename it, sync its directory;
 * close it always, unlink the temporary name after a failure. A chain that ends
 * with 0 acknowledges: from then on the file is there, whole, whatever happens.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/pirn.h"
#include "tests/sim/model/check_chain.h"
#include "tests/sim/model/check_file.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/scenarios.h"

enum { WORKERS_MAX = 3, JOBS = 2, FILES = 12, PIECES = 3, BYTES_MAX = 4096 };

/* The scenario's. */
struct worker {
    struct world *world;
    struct rng rng;
    uint32_t number;
    uint32_t files; /* to make */
    bool forgets;   /* to sync the directory: the canary */
    struct check_file file[FILES];
    struct check_chain chain[JOBS];
};

/* The process's. */
struct shop;

struct job {
    struct shop *shop;
    struct check_chain *check;
    struct check_file *file;
    struct pirn_chain chain;
    struct pirn_op ops[CHECK_STEPS];
    struct pirn_op *steps[CHECK_STEPS];
    int dir_fd; /* its own: of two syncs on one file one is told the error */
    uint32_t count;
    char temporary[32];
    char bytes[BYTES_MAX];
};

struct shop {
    struct worker *worker;
    struct pirn_context *context;
    uint32_t next;
    struct job jobs[JOBS];
};

static struct pirn_op *add(struct job *job)
{
    struct pirn_op *op = &job->ops[job->count];

    pirn_assert(job->count < CHECK_STEPS);
    job->steps[job->count++] = op;
    return op;
}

/* Something that the kernel does not see, or that does nothing. */
static void add_pause(struct job *job)
{
    struct rng *rng = &job->shop->worker->rng;

    switch (rng_below(rng, 6)) {
    case 0:
        pirn_prep_nop(add(job));
        return;
    case 1:
        pirn_prep_timer(add(job), rng_below(rng, 100000));
        return;
    case 2:
        pirn_prep_immediate(add(job));
        return;
    default:
        return;
    }
}

static void add_writes(struct job *job)
{
    struct rng *rng = &job->shop->worker->rng;
    uint32_t pieces = rng_between(rng, 1, PIECES);
    uint32_t at = 0;

    for (uint32_t i = 0; i < pieces && at < job->file->len; i++) {
        uint32_t left = job->file->len - at;
        uint32_t len = i + 1 == pieces ? left : rng_between(rng, 1, left);

        pirn_prep_write(add(job), PIRN_FD_OF(0), job->bytes + at, len, at);
        at += len;
    }
}

static void fill(struct job *job)
{
    struct pirn_op *op;

    job->count = 0;
    pirn_prep_open(add(job), job->dir_fd, job->temporary,
                   O_WRONLY | O_CREAT | O_EXCL, 0600);
    add_writes(job);
    add_pause(job);
    pirn_prep_fsync(add(job), PIRN_FD_OF(0), PIRN_SYNC_DATA);
    add_pause(job);
    pirn_prep_rename(add(job), job->dir_fd, job->temporary, job->dir_fd,
                     job->file->name, 0);
    if (!job->shop->worker->forgets) {
        pirn_prep_fsync(add(job), job->dir_fd, PIRN_SYNC_ALL);
    }
    op = add(job);
    pirn_prep_close(op, PIRN_FD_OF(0));
    pirn_step_when(op, PIRN_STEP_ALWAYS);
    op = add(job);
    pirn_prep_unlink(op, job->dir_fd, job->temporary, 0);
    pirn_step_when(op, PIRN_STEP_UNDO);
}

static void next_file(struct job *job);

static void made(struct pirn_op *op, int32_t result)
{
    struct job *job = pirn_container_of(op, struct job, chain.op);

    check_chain_end(job->check, result);
    if (result == 0) {
        check_file_acknowledged(job->file);
    }
    next_file(job);
}

static void begin_file(struct job *job)
{
    struct shop *shop = job->shop;
    struct worker *worker = shop->worker;
    uint32_t len =
        rng_between(&worker->rng, 1, 1u << rng_between(&worker->rng, 1, 12));

    job->file = &worker->file[shop->next];
    snprintf(job->temporary, sizeof(job->temporary), ".tmp-%u-%u",
             worker->number, shop->next);
    check_file_begin(job->file, worker->world,
                     worker->number * FILES + shop->next, len, job->bytes);
    shop->next++;
}

static void next_file(struct job *job)
{
    struct shop *shop = job->shop;
    struct worker *worker = shop->worker;

    if (shop->next == worker->files) {
        return;
    }
    begin_file(job);
    fill(job);
    check_chain_begin(job->check, worker->world, &job->chain, job->steps,
                      job->count);
    pirn_chain_start(shop->context, &job->chain, job->steps, job->count, made);
    if (rng_below(&worker->rng, 16) == 0) {
        struct job *unlucky = &shop->jobs[rng_below(&worker->rng, JOBS)];

        check_chain_cancel(unlucky->check);
        pirn_cancel(shop->context, &unlucky->chain.op);
    }
}

static int open_directory(struct shop *shop)
{
    struct pirn_op op = {0};
    int r;

    do { /* until the storm is over, if need be */
        pirn_prep_open(&op, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY, 0);
        r = pirn_wait(shop->context, &op);
    } while (r < 0);
    return r;
}

static void close_directory(struct shop *shop, struct job *job)
{
    struct pirn_op op = {0};

    pirn_prep_close(&op, job->dir_fd);
    (void)pirn_wait(shop->context, &op);
}

static void work(void *argument)
{
    struct shop *shop = calloc(1, sizeof(*shop));
    struct worker *worker = argument;
    int r;

    shop->context = process_context(worker->world);
    shop->worker = worker;
    for (uint32_t i = 0; i < JOBS; i++) {
        shop->jobs[i].shop = shop;
        shop->jobs[i].check = &worker->chain[i];
        shop->jobs[i].dir_fd = open_directory(shop);
    }
    for (uint32_t i = 0; i < JOBS; i++) {
        next_file(&shop->jobs[i]);
    }
    r = pirn_context_drain(shop->context);
    if (r < 0) {
        world_fail(worker->world, "a context has failed: %d", r);
    }
    for (uint32_t i = 0; i < JOBS; i++) {
        close_directory(shop, &shop->jobs[i]);
    }
    pirn_context_destroy(shop->context);
    free(shop);
}

struct life_of_chains {
    struct worker workers[WORKERS_MAX];
    uint32_t count;
};

static void carried_out(void *argument, const struct pirn_loan *loan,
                        int32_t result)
{
    struct life_of_chains *life = argument;

    for (uint32_t i = 0; i < life->count; i++) {
        for (uint32_t j = 0; j < JOBS; j++) {
            check_chain_effect(&life->workers[i].chain[j], loan, result);
        }
    }
}

static void died(void *argument)
{
    struct worker *worker = argument;

    for (uint32_t i = 0; i < JOBS; i++) {
        check_chain_forget(&worker->chain[i]);
    }
}

static void hire(struct worker *worker, struct world *world, uint32_t number,
                 bool forgets)
{
    struct process *process = process_create(world);

    worker->world = world;
    worker->number = number;
    worker->rng = rng_of(world->seed, 3000 + number);
    worker->forgets = forgets;
    worker->files = rng_between(&worker->rng, 1, FILES);
    process->mortal = true;
    process->died = died;
    process->argument = worker;
    process_thread(process, work, worker);
}

static void look(const struct life_of_chains *life)
{
    for (uint32_t i = 0; i < life->count; i++) {
        for (uint32_t j = 0; j < FILES; j++) {
            check_file_look(&life->workers[i].file[j]);
        }
    }
}

static void live_as(struct world *world, bool forgets)
{
    struct life_of_chains *life = calloc(1, sizeof(*life));

    pirn_assert(life != NULL);
    life->count = rng_between(&world->schedule, 1, WORKERS_MAX);
    world->carried_out = carried_out;
    world->argument = life;
    for (uint32_t i = 0; i < life->count; i++) {
        hire(&life->workers[i], world, i, forgets);
    }
    if (world_run(world) == WORLD_DONE) {
        world_check_rest(world);
        look(life);
        world_cut_power(world);
    }
    look(life);
    free(life);
}

static void live(struct world *world)
{
    live_as(world, false);
}

static void live_as_canary(struct world *world)
{
    live_as(world, true);
}

const struct scenario scenario_chain = {
    .name = "chain",
    .faults = FAULT_ALL & ~FAULT_BIT(FAULT_RESET),
    .storm_steps = 1500,
    .lives = 4000,
    .profiles = LIFE_PROFILES_ALL,
    .live = live,
};

/* Must fail, or the harness is blind. */
const struct scenario scenario_canary = {
    .name = "canary",
    .storm_steps = 1500,
    .lives = 100,
    .profiles = LIFE_PROFILES_ALL,
    .live = live_as_canary,
};
