/* SPDX-License-Identifier: MIT */
/*
 * pool.c - a queue, workers, and what they have done
 *
 * One mutex guards what owner and workers share; a worker takes it once per
 * job, to put the last one down and pick the next one up. The owner takes it
 * once per flush, sleep and collection, and not at all while nothing is inside.
 *
 * The owner says under the mutex that it sleeps, having seen that nothing is
 * done; the first worker that finishes after that takes the word back and
 * rings. So no wake-up is lost and a sleep costs at most one.
 *
 * A worker's place in the table is NONE, RUNS or ENDED. The owner alone leaves
 * NONE and ENDED (which it joins first), the worker alone leaves RUNS, as the
 * last thing it does under the mutex.
 */
#include "runtime/engine/pool.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "pirn/invariant.h"
#include "runtime/engine/call.h"
#include "runtime/list.h"

enum { WORKER_STACK = 256 * 1024 };

enum worker_state { WORKER_NONE = 0, WORKER_RUNS, WORKER_ENDED };

struct worker {
    struct pool *pool;
    pthread_t thread;
    enum worker_state state;
};

struct pool {
    /* The owner's. */
    struct pool_config config;
    struct pirn_link pushed;
    uint32_t pushed_count;
    uint64_t inside; /* flushed and not collected */

    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t work;
    struct pirn_link queue;
    struct pirn_link done;
    uint32_t queue_count;
    uint32_t worker_count;
    uint32_t fresh_count; /* of these, not yet come for work */
    uint32_t idle_count;  /* of these, waiting for work */
    bool asleep;          /* the owner */
    bool stopping;
    struct worker workers[];
};

static void pool_lock(struct pool *pool)
{
    pirn_assert(pthread_mutex_lock(&pool->mutex) == 0);
}

static void pool_unlock(struct pool *pool)
{
    pirn_assert(pthread_mutex_unlock(&pool->mutex) == 0);
}

/* --- the worker --- */

static struct timespec time_after(uint64_t ns)
{
    struct timespec time;

    pirn_assert(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    ns += (uint64_t)time.tv_nsec;
    time.tv_sec += (time_t)(ns / 1000000000u);
    time.tv_nsec = (long)(ns % 1000000000u);
    return time;
}

/* The oldest job, or NULL: it is time to end. */
static struct errand *next_job(struct pool *pool)
{
    struct timespec end = {0, 0};
    struct errand *errand;
    int r = 0;

    while (list_is_empty(&pool->queue)) {
        if (r == ETIMEDOUT || pool->stopping) {
            return NULL;
        }
        if (end.tv_sec == 0) {
            end = time_after(pool->config.idle_ns);
        }
        pool->idle_count++;
        r = pthread_cond_timedwait(&pool->work, &pool->mutex, &end);
        pool->idle_count--;
    }
    errand = errand_of(list_pop_head(&pool->queue));
    errand->begun = true;
    pool->queue_count--;
    return errand;
}

static void ring(const struct pool *pool)
{
    uint64_t one = 1;

    pirn_assert(write(pool->config.doorbell, &one, sizeof(one)) == sizeof(one));
}

/* Called and left with the mutex, which it gives away meanwhile. */
static void do_job(struct pool *pool, struct errand *errand)
{
    int32_t result;
    bool asleep;

    pool_unlock(pool);
    result = pirn__call(errand->loan);
    pool_lock(pool);
    errand->result = result;
    list_push_tail(&pool->done, &errand->link);
    asleep = pool->asleep;
    pool->asleep = false;
    if (asleep) {
        ring(pool);
    }
}

static void *work(void *argument)
{
    struct worker *worker = argument;
    struct pool *pool = worker->pool;
    struct errand *errand;

    pool_lock(pool);
    pool->fresh_count--;
    while ((errand = next_job(pool)) != NULL) {
        do_job(pool, errand);
    }
    worker->state = WORKER_ENDED;
    pool->worker_count--;
    pool_unlock(pool);
    return NULL;
}

/* --- the owner --- */

int pirn__pool_create(const struct pool_config *config, struct pool **ret_pool)
{
    pthread_condattr_t attributes;
    struct pool *pool;

    pirn_assert(config->worker_max > 0);
    pool = calloc(1, sizeof(*pool) +
                         config->worker_max * sizeof(pool->workers[0]));
    if (pool == NULL) {
        return -ENOMEM;
    }
    pool->config = *config;
    list_init(&pool->pushed);
    list_init(&pool->queue);
    list_init(&pool->done);
    /* On Linux none of these can fail. */
    pirn_assert(pthread_mutex_init(&pool->mutex, NULL) == 0);
    pirn_assert(pthread_condattr_init(&attributes) == 0);
    pirn_assert(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0);
    pirn_assert(pthread_cond_init(&pool->work, &attributes) == 0);
    pirn_assert(pthread_condattr_destroy(&attributes) == 0);
    *ret_pool = pool;
    return 0;
}

void pirn__pool_stop(struct pool *pool)
{
    pool_lock(pool);
    pool->stopping = true;
    list_init(&pool->queue);
    pool->queue_count = 0;
    pthread_cond_broadcast(&pool->work);
    pool_unlock(pool);
    for (uint32_t i = 0; i < pool->config.worker_max; i++) {
        struct worker *worker = &pool->workers[i];

        if (worker->pool != NULL) {
            pirn_assert(pthread_join(worker->thread, NULL) == 0);
        }
        *worker = (struct worker){.state = WORKER_NONE};
    }
    list_init(&pool->pushed);
    list_init(&pool->done);
    pool->pushed_count = 0;
    pool->inside = 0;
}

void pirn__pool_destroy(struct pool *pool)
{
    pirn_assert(pool->inside == 0 && pool->pushed_count == 0);

    pirn__pool_stop(pool);
    pirn_assert(pthread_cond_destroy(&pool->work) == 0);
    pirn_assert(pthread_mutex_destroy(&pool->mutex) == 0);
    free(pool);
}

/* A place in the table: the workers below the bound leave one. */
static struct worker *free_place(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->config.worker_max; i++) {
        struct worker *worker = &pool->workers[i];

        if (worker->state == WORKER_NONE) {
            return worker;
        }
        if (worker->state == WORKER_ENDED) {
            pirn_assert(pthread_join(worker->thread, NULL) == 0);
            *worker = (struct worker){.state = WORKER_NONE};
            return worker;
        }
    }
    pirn_unreachable("a worker too many");
}

/* With a small stack, and with no signal: those are the program's. */
static int start_thread(struct worker *worker)
{
    pthread_attr_t attributes;
    sigset_t all;
    sigset_t before;
    int r = pthread_attr_init(&attributes);

    if (r != 0) {
        return r;
    }
    sigfillset(&all);
    pirn_assert(pthread_attr_setstacksize(&attributes, WORKER_STACK) == 0);
    pirn_assert(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    r = pthread_create(&worker->thread, &attributes, work, worker);
    pirn_assert(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    pirn_assert(pthread_attr_destroy(&attributes) == 0);
    return r;
}

/* A worker for each job that none will come for by itself, as far as the bound
 * goes and the system has threads. Called with the mutex. */
static void start_workers(struct pool *pool)
{
    while (pool->queue_count > pool->idle_count + pool->fresh_count &&
           pool->worker_count < pool->config.worker_max) {
        struct worker *worker = free_place(pool);

        *worker = (struct worker){.pool = pool, .state = WORKER_RUNS};
        if (start_thread(worker) != 0) {
            *worker = (struct worker){.state = WORKER_NONE};
            return;
        }
        pool->worker_count++;
        pool->fresh_count++;
    }
}

void pirn__pool_push(struct pool *pool, struct errand *errand)
{
    errand->place = ERRAND_POOLED;
    errand->begun = false;
    list_push_tail(&pool->pushed, &errand->link);
    pool->pushed_count++;
}

void pirn__pool_flush(struct pool *pool)
{
    uint32_t wakes;

    if (pool->pushed_count == 0) {
        return;
    }
    pool_lock(pool);
    list_splice_tail(&pool->queue, &pool->pushed);
    pool->queue_count += pool->pushed_count;
    wakes = pool->pushed_count < pool->idle_count ? pool->pushed_count
                                                  : pool->idle_count;
    for (; wakes > 0; wakes--) {
        pthread_cond_signal(&pool->work);
    }
    start_workers(pool);
    while (pool->worker_count == 0 && pool->queue_count > 0) {
        do_job(pool, next_job(pool));
    }
    pool_unlock(pool);
    pool->inside += pool->pushed_count;
    pool->pushed_count = 0;
}

bool pirn__pool_cancel(struct pool *pool, struct errand *errand)
{
    bool begun;

    pool_lock(pool);
    begun = errand->begun;
    if (!begun) {
        list_unlink(&errand->link);
        pool->queue_count--;
    }
    pool_unlock(pool);
    pool->inside -= begun ? 0 : 1;
    return !begun;
}

void pirn__pool_collect(struct pool *pool, struct pirn_link *list)
{
    struct pirn_link done;

    if (pool->inside == 0) {
        return;
    }
    pool_lock(pool);
    list_take(&done, &pool->done);
    pool_unlock(pool);
    for (struct pirn_link *link = done.next; link != &done; link = link->next) {
        pool->inside--;
    }
    list_splice_tail(list, &done);
}

bool pirn__pool_lie_down(struct pool *pool)
{
    bool may;

    if (pool->inside == 0) {
        return true;
    }
    pool_lock(pool);
    may = list_is_empty(&pool->done);
    pool->asleep = may;
    pool_unlock(pool);
    return may;
}

void pirn__pool_get_up(struct pool *pool)
{
    if (pool->inside == 0) {
        return;
    }
    pool_lock(pool);
    pool->asleep = false;
    pool_unlock(pool);
}

uint32_t pirn__pool_worker_count(struct pool *pool)
{
    uint32_t count;

    pool_lock(pool);
    count = pool->worker_count;
    pool_unlock(pool);
    return count;
}
