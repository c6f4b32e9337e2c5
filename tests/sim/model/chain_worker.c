/* SPDX-License-Identifier: MIT */
/*
 * chain_worker.c - see chain_worker.h
 *
 * Each job is the textbook chain with something in between: make a file under
 * a temporary name, write it in pieces, sync it, rename it, sync its directory;
 * close it always, unlink the temporary name after a failure. A chain that ends
 * with 0 acknowledges: from then on the file is there, whole, whatever happens.
 */
#include "tests/sim/model/chain_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/pirn.h"
#include "tests/sim/model/process.h"

enum { PIECES = 3 };

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
    char bytes[CHAIN_BYTES];
};

struct shop {
    struct chain_worker *worker;
    struct pirn_context *context;
    uint32_t next;
    struct job jobs[CHAIN_JOBS];
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
    struct chain_worker *worker = shop->worker;
    uint32_t len = worker->len > 0
                       ? worker->len
                       : rng_between(&worker->rng, 1,
                                     1u << rng_between(&worker->rng, 1, 12));

    job->file = &worker->file[shop->next];
    snprintf(job->temporary, sizeof(job->temporary), ".tmp-%u-%u",
             worker->number, shop->next);
    check_file_begin(job->file, worker->world,
                     worker->number * CHAIN_FILES + shop->next, len,
                     job->bytes);
    shop->next++;
}

static void next_file(struct job *job)
{
    struct shop *shop = job->shop;
    struct chain_worker *worker = shop->worker;

    if (shop->next == worker->files) {
        return;
    }
    begin_file(job);
    fill(job);
    check_chain_begin(job->check, worker->world, &job->chain, job->steps,
                      job->count);
    pirn_chain_start(shop->context, &job->chain, job->steps, job->count, made);
    if (!worker->is_steady && rng_below(&worker->rng, 16) == 0) {
        struct job *unlucky = &shop->jobs[rng_below(&worker->rng, CHAIN_JOBS)];

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

void chain_worker_run(void *argument)
{
    struct shop *shop = calloc(1, sizeof(*shop));
    struct chain_worker *worker = argument;
    int r;

    shop->context = process_context(worker->world);
    shop->worker = worker;
    for (uint32_t i = 0; i < CHAIN_JOBS; i++) {
        shop->jobs[i].shop = shop;
        shop->jobs[i].check = &worker->chain[i];
        shop->jobs[i].dir_fd = open_directory(shop);
    }
    for (uint32_t i = 0; i < CHAIN_JOBS; i++) {
        next_file(&shop->jobs[i]);
    }
    r = pirn_context_drain(shop->context);
    if (r < 0) {
        world_fail(worker->world, "a context has failed: %d", r);
    }
    for (uint32_t i = 0; i < CHAIN_JOBS; i++) {
        close_directory(shop, &shop->jobs[i]);
    }
    pirn_context_destroy(shop->context);
    free(shop);
}

void chain_worker_effect(struct chain_worker *worker,
                         const struct pirn_loan *loan, int32_t result)
{
    for (uint32_t i = 0; i < CHAIN_JOBS; i++) {
        check_chain_effect(&worker->chain[i], loan, result);
    }
}

void chain_worker_died(void *argument)
{
    struct chain_worker *worker = argument;

    for (uint32_t i = 0; i < CHAIN_JOBS; i++) {
        check_chain_forget(&worker->chain[i]);
    }
}

void chain_worker_look(const struct chain_worker *worker)
{
    for (uint32_t i = 0; i < CHAIN_FILES; i++) {
        check_file_look(&worker->file[i]);
    }
}
