/* SPDX-License-Identifier: MIT */
/*
 * crew.c - threads that wait for the start, work until the round is over, end
 *
 * All of them begin by locking the mutex that is held until the last is there.
 * Afterwards they share nothing but a counter that hands out numbers.
 */
#include "bench/crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

struct worker;

struct crew {
    struct round *round;
    crew_fn *fn;
    void *state;
    struct worker *workers;
    unsigned begun;
    atomic_uint_fast64_t next;
    atomic_int error;
    pthread_mutex_t start;
};

struct worker {
    pthread_t thread;
    struct crew *crew;
    uint64_t count;
    struct histogram latency;
};

static void *work(void *arg)
{
    struct worker *worker = arg;
    struct crew *crew = worker->crew;
    uint64_t began_ns;
    uint64_t now_ns;

    pthread_mutex_lock(&crew->start);
    pthread_mutex_unlock(&crew->start);
    now_ns = round_now_ns();
    while (!round_is_over(crew->round, now_ns) &&
           atomic_load(&crew->error) == 0) {
        uint64_t number = atomic_fetch_add(&crew->next, 1);
        int r;

        if (number >= crew->round->count_max) {
            break;
        }
        began_ns = now_ns;
        r = crew->fn(crew->state, number);
        if (r < 0) {
            atomic_store(&crew->error, r);
            break;
        }
        now_ns = round_now_ns();
        histogram_add(&worker->latency, now_ns - began_ns);
        worker->count++;
    }
    return NULL;
}

/* Make the threads; one that cannot be made is the error of all. */
static void crew_begin(struct crew *crew, unsigned threads)
{
    while (crew->begun < threads && atomic_load(&crew->error) == 0) {
        struct worker *worker = &crew->workers[crew->begun];
        int r;

        worker->crew = crew;
        r = pthread_create(&worker->thread, NULL, work, worker);
        if (r == 0) {
            crew->begun++;
        }
        atomic_store(&crew->error, -r);
    }
}

static void crew_end(struct crew *crew)
{
    for (unsigned i = 0; i < crew->begun; i++) {
        struct worker *worker = &crew->workers[i];

        pthread_join(worker->thread, NULL);
        crew->round->count += worker->count;
        histogram_merge(&crew->round->latency, &worker->latency);
    }
}

int crew_round(struct round *round, unsigned threads, crew_fn *fn, void *state)
{
    struct crew crew = {.round = round, .fn = fn, .state = state};

    crew.workers = calloc(threads, sizeof(*crew.workers));
    if (crew.workers == NULL) {
        return -ENOMEM;
    }
    pthread_mutex_init(&crew.start, NULL);
    pthread_mutex_lock(&crew.start);
    crew_begin(&crew, threads);
    round_begin(round);
    pthread_mutex_unlock(&crew.start);
    crew_end(&crew);
    round_end(round);
    pthread_mutex_destroy(&crew.start);
    free(crew.workers);
    return atomic_load(&crew.error);
}
