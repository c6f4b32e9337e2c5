/* SPDX-License-Identifier: MIT */
/*
 * bench/crowd.h - processes that do the same, counted in shared memory
 *
 *   crowd_gather   each is forked and prepares itself: opens a spool, ...
 *   crowd_go       all of them work
 *   crowd_dismiss  they end; what they did is added up
 *
 * Nothing that a child must not inherit may be open when they are gathered: a
 * spool's lock would live on in them.
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench/round.h"

enum { CROWD_MAX = 16 };

/* What one process has done; on cache lines of its own. */
struct crowd_member {
    _Alignas(128) uint64_t count;
    uint64_t lost;    /* tries that had nothing although there was something */
    uint64_t last_ns; /* when the last one of @count ended */
    uint64_t cpu_ns;  /* since the go */
    uint64_t kib[2];  /* shared and private memory, of those who weigh it */
    int error;
};

/* Shared between all. */
struct crowd_board {
    atomic_uint ready;
    atomic_bool go;
    atomic_bool stop;
    uint64_t total; /* to be taken, then all end; UINT64_MAX: until the stop */
    atomic_uint_fast64_t there;               /* put in so far */
    _Alignas(128) atomic_uint_fast64_t taken; /* of these */
    struct crowd_member members[CROWD_MAX];
};

struct crowd;

/**
 * crowd_fn - the whole life of a process
 *
 * Prepares itself, calls crowd_await(), works until it has nothing more to do
 * or board->stop, returns 0 or a negative errno.
 */
typedef int crowd_fn(struct crowd_board *board, struct crowd_member *me,
                     void *arg);

struct crowd {
    struct crowd_board *board;
    unsigned size;
    uint64_t began_ns;
    pid_t pids[CROWD_MAX];
};

/** crowd_await() - in a member: prepared, wait for the go */
void crowd_await(struct crowd_board *board);

/** crowd_is_over() - in a member: nothing more is to be taken */
bool crowd_is_over(const struct crowd_board *board);

/** crowd_gather() - start @size of them and wait until all are prepared */
int crowd_gather(struct crowd *crowd, unsigned size, crowd_fn *fn, void *arg);

/** crowd_go() - @there are there, others may come; they work until @total have
 * been taken */
void crowd_go(struct crowd *crowd, uint64_t there, uint64_t total);

/**
 * crowd_wait() - until all there is has been taken
 * @end_ns: or until then; then they are told to stop
 */
void crowd_wait(struct crowd *crowd, uint64_t end_ns);

/**
 * crowd_dismiss() - tell them to stop, wait for their end
 * @ret_sum: of all counts, the last of all ends; may be NULL
 *
 * Return: 0, or the first error of any of them
 */
int crowd_dismiss(struct crowd *crowd, struct crowd_member *ret_sum);

/** crowd_tell() - a round's count and time are theirs, to the end of the last
 * one; their CPU is added */
void crowd_tell(const struct crowd_member *sum, struct round *round);

/**
 * crowd_round() - a whole round of takers
 * @round: its queued items are there; it ends when all of them were taken, or
 *         when its time is over
 *
 * Return: 0, or the first error of any of them
 */
int crowd_round(struct round *round, unsigned size, crowd_fn *fn, void *arg);

#endif /* BENCH_CROWD_H */
