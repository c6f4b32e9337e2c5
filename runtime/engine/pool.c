/* SPDX-License-Identifier: MIT */
/*
 * pool.c - a queue, workers, and what they have done
 *
 * A hand-over between threads costs more than most jobs, so what is sparse here
 * is wake-ups, not cycles:
 *
 *   queue   under the mutex, which is held for a few stores, never across a
 *           call; a worker takes it once per job
 *   idle    the workers without one, each with a semaphore; the one that came
 *           last is called first, so that the others may end
 *   done    a mailbox, without the mutex: the owner collects all at once, and
 *           is rung for at most once per sleep
 *
 * One worker at a time is called: while one is on its way nobody calls another,
 * and who comes and leaves jobs behind calls the next. So short jobs are done
 * by few, and long ones have all at work soon:
 *
 *   jobs are queued and workers idle  =>  one is on its way (coming_count)
 *
 * A worker's place in the table is NONE, RUNS or ENDED. The owner alone leaves
 * NONE and ENDED (which it joins first), the worker alone leaves RUNS, under
 * the mutex. Before it delivers what it has done it is idle, or at work again:
 * who has collected the last job of all finds all workers idle.
 */
#include "runtime/engine/pool.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pirn/invariant.h"
#include "runtime/engine/call.h"
#include "runtime/engine/run.h"
#include "runtime/list.h"
#include "runtime/mailbox.h"

enum { WORKER_STACK = 256 * 1024 };

enum worker_state { WORKER_NONE = 0, WORKER_RUNS, WORKER_ENDED };

struct worker {
    struct pirn_link link; /* of idle; else on no list */
    struct pool *pool;
    pthread_t thread;
    sem_t call;
    enum worker_state state;
};

struct pool {
    /* The owner's. */
    struct pool_config config;
    struct pirn_link pushed;
    uint32_t pushed_count;
    uint64_t inside; /* flushed and not collected */

    _Alignas(64) struct mailbox done;

    _Alignas(64) pthread_mutex_t mutex; /* of all below */
    struct pirn_link queue;
    struct pirn_link idle;
    uint32_t queue_count;
    uint32_t idle_count;
    uint32_t coming_count; /* called or started, not yet come for a job */
    uint32_t worker_count;
    bool stopping;
    struct worker workers[];
};

static struct worker *worker_of(struct pirn_link *link)
{
    return pirn_container_of(link, struct worker, link);
}

static void pool_lock(struct pool *pool)
{
    pirn_assert(pthread_mutex_lock(&pool->mutex) == 0);
}

static void pool_unlock(struct pool *pool)
{
    pirn_assert(pthread_mutex_unlock(&pool->mutex) == 0);
}

/* --- with the mutex --- */

/* The oldest job, or NULL. */
static struct errand *take_job(struct pool *pool)
{
    struct errand *errand;

    if (list_is_empty(&pool->queue)) {
        return NULL;
    }
    errand = errand_of(list_pop_head(&pool->queue));
    errand->begun = true;
    pool->queue_count--;
    return errand;
}

static void leave_idle(struct worker *worker)
{
    list_unlink(&worker->link);
    worker->pool->idle_count--;
}

/* Who is to be woken once the mutex is free, or NULL: nobody need be. */
static struct worker *call_next(struct pool *pool)
{
    struct worker *worker;

    if (pool->queue_count == 0 || pool->idle_count == 0 ||
        pool->coming_count > 0) {
        return NULL;
    }
    worker = worker_of(pool->idle.prev);
    leave_idle(worker);
    pool->coming_count++;
    return worker;
}

static void retire(struct worker *worker)
{
    worker->state = WORKER_ENDED;
    worker->pool->worker_count--;
}

/* --- the worker --- */

static void wake(struct worker *worker)
{
    if (worker != NULL) {
        pirn_assert(sem_post(&worker->call) == 0);
    }
}

/* A job, or NULL: the worker is idle now, or has ended. */
static struct errand *next_job(struct worker *worker, bool was_called)
{
    struct pool *pool = worker->pool;
    struct worker *next;
    struct errand *errand;

    pool_lock(pool);
    pool->coming_count -= was_called ? 1 : 0;
    errand = take_job(pool);
    if (errand == NULL && pool->stopping) {
        retire(worker);
    } else if (errand == NULL) {
        list_push_tail(&pool->idle, &worker->link);
        pool->idle_count++;
    }
    next = call_next(pool);
    pool_unlock(pool);
    wake(next);
    return errand;
}

static struct timespec time_after(uint64_t ns)
{
    struct timespec time;

    pirn_assert(clock_gettime(CLOCK_MONOTONIC, &time) == 0);
    ns += (uint64_t)time.tv_nsec;
    time.tv_sec += (time_t)(ns / 1000000000u);
    time.tv_nsec = (long)(ns % 1000000000u);
    return time;
}

/* Whether it was called before @end, NULL: at any time. */
static bool hears(struct worker *worker, const struct timespec *end)
{
    int r;

    do {
        r = end == NULL ? sem_wait(&worker->call)
                        : sem_clockwait(&worker->call, CLOCK_MONOTONIC, end);
    } while (r < 0 && errno == EINTR);
    pirn_assert(r == 0 || errno == ETIMEDOUT);
    return r == 0;
}

/* Return: whether there may be work; else the worker has ended. */
static bool wait_for_call(struct worker *worker)
{
    struct pool *pool = worker->pool;
    struct timespec end;
    bool is_idle;

    if (worker->state == WORKER_ENDED) {
        return false;
    }
    end = time_after(pool->config.idle_ns);
    if (hears(worker, &end)) {
        return true;
    }
    pool_lock(pool);
    is_idle = list_is_linked(&worker->link);
    if (is_idle) {
        leave_idle(worker);
        retire(worker);
    }
    pool_unlock(pool);
    return !is_idle && hears(worker, NULL); /* somebody is just calling it */
}

static void deliver(struct pool *pool, struct errand *errand)
{
    if (mailbox_push(&pool->done, &errand->link)) {
        pool->config.ring(pool->config.owner);
    }
}

static void *work(void *argument)
{
    struct worker *worker = argument;

    do {
        struct errand *errand = next_job(worker, true);

        while (errand != NULL) {
            struct errand *ended = errand;

            pirn__run_do(ended, pirn__call);
            errand = next_job(worker, false);
            deliver(worker->pool, ended);
        }
    } while (wait_for_call(worker));
    return NULL;
}

/* --- the owner --- */

int pirn__pool_create(const struct pool_config *config, struct pool **ret_pool)
{
    pthread_mutexattr_t attributes;
    struct pool *pool;
    size_t bytes =
        sizeof(*pool) + config->worker_max * sizeof(pool->workers[0]);

    pirn_assert(config->worker_max > 0);
    bytes = (bytes + _Alignof(struct pool) - 1) & -_Alignof(struct pool);
    pool = aligned_alloc(_Alignof(struct pool), bytes);
    if (pool == NULL) {
        return -ENOMEM;
    }
    memset(pool, 0, bytes);
    pool->config = *config;
    list_init(&pool->pushed);
    list_init(&pool->queue);
    list_init(&pool->idle);
    /* On Linux none of these can fail. Adaptive: it is free again at once. */
    pirn_assert(pthread_mutexattr_init(&attributes) == 0);
    pirn_assert(
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP) == 0);
    pirn_assert(pthread_mutex_init(&pool->mutex, &attributes) == 0);
    pirn_assert(pthread_mutexattr_destroy(&attributes) == 0);
    *ret_pool = pool;
    return 0;
}

/* What a thread that has ended, or never began, leaves. */
static void clear_place(struct worker *worker)
{
    pirn_assert(sem_destroy(&worker->call) == 0);
    *worker = (struct worker){.state = WORKER_NONE};
}

static void call_all(struct pool *pool)
{
    pool_lock(pool);
    pool->stopping = true;
    list_init(&pool->queue);
    pool->queue_count = 0;
    while (pool->idle_count > 0) {
        struct worker *worker = worker_of(pool->idle.prev);

        leave_idle(worker);
        pool->coming_count++;
        wake(worker);
    }
    pool_unlock(pool);
}

void pirn__pool_stop(struct pool *pool)
{
    call_all(pool);
    for (uint32_t i = 0; i < pool->config.worker_max; i++) {
        struct worker *worker = &pool->workers[i];

        if (worker->pool != NULL) {
            pirn_assert(pthread_join(worker->thread, NULL) == 0);
            clear_place(worker);
        }
    }
    list_init(&pool->pushed);
    (void)mailbox_take(&pool->done, &pool->inside);
    pool->pushed_count = 0;
    pool->inside = 0;
}

void pirn__pool_destroy(struct pool *pool)
{
    pirn_assert(pool->inside == 0 && pool->pushed_count == 0);

    pirn__pool_stop(pool);
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
            clear_place(worker);
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

/* A place for one more worker, on its way from now on: for a job that nobody
 * else will come for, as far as the bound goes. NULL: there is none. With the
 * mutex. */
static struct worker *reserve_place(struct pool *pool)
{
    struct worker *worker;

    if (pool->queue_count <= pool->idle_count + pool->coming_count ||
        pool->worker_count == pool->config.worker_max) {
        return NULL;
    }
    worker = free_place(pool);
    *worker = (struct worker){.pool = pool, .state = WORKER_RUNS};
    pirn_assert(sem_init(&worker->call, 0, 0) == 0);
    pool->worker_count++;
    pool->coming_count++;
    return worker;
}

/* The system has no more threads. While this one was on its way, nobody called
 * another. */
static void give_back(struct worker *worker)
{
    struct pool *pool = worker->pool;
    struct worker *next;

    pool_lock(pool);
    pool->worker_count--;
    pool->coming_count--;
    clear_place(worker);
    next = call_next(pool);
    pool_unlock(pool);
    wake(next);
}

static void start_workers(struct pool *pool, struct worker *place)
{
    while (place != NULL) {
        if (start_thread(place) != 0) {
            give_back(place);
            return;
        }
        pool_lock(pool);
        place = reserve_place(pool);
        pool_unlock(pool);
    }
}

/* Where not one thread can be had. */
static void work_here(struct pool *pool)
{
    struct errand *errand;

    do {
        pool_lock(pool);
        errand = pool->worker_count == 0 ? take_job(pool) : NULL;
        pool_unlock(pool);
        if (errand != NULL) {
            pirn__run_do(errand, pirn__call);
            deliver(pool, errand);
        }
    } while (errand != NULL);
}

void pirn__pool_push(struct pool *pool, struct errand *errand)
{
    for (struct errand *one = errand; one != NULL; one = one->behind) {
        one->place = ERRAND_POOLED;
    }
    errand->begun = false;
    list_push_tail(&pool->pushed, &errand->link);
    pool->pushed_count++;
}

void pirn__pool_flush(struct pool *pool)
{
    struct worker *called;
    struct worker *place;

    if (pool->pushed_count == 0) {
        return;
    }
    pool_lock(pool);
    list_splice_tail(&pool->queue, &pool->pushed);
    pool->queue_count += pool->pushed_count;
    called = call_next(pool);
    place = reserve_place(pool);
    pool_unlock(pool);
    pool->inside += pool->pushed_count;
    pool->pushed_count = 0;
    wake(called);
    if (place != NULL) {
        start_workers(pool, place);
        work_here(pool);
    }
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
    uint64_t count = 0;
    struct pirn_link *link = mailbox_take(&pool->done, &count);

    pool->inside -= count;
    while (link != NULL) {
        struct pirn_link *next = link->next;

        *link = (struct pirn_link){0};
        list_push_tail(list, link);
        link = next;
    }
}

bool pirn__pool_lie_down(struct pool *pool)
{
    if (pool->inside == 0 || mailbox_lie_down(&pool->done)) {
        return true;
    }
    mailbox_get_up(&pool->done);
    return false;
}

void pirn__pool_get_up(struct pool *pool)
{
    mailbox_get_up(&pool->done);
}

uint32_t pirn__pool_worker_count(struct pool *pool)
{
    uint32_t count;

    pool_lock(pool);
    count = pool->worker_count;
    pool_unlock(pool);
    return count;
}
