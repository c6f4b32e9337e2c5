/* SPDX-License-Identifier: MIT */
/*
 * world.h - one simulated machine: a disk, a clock, processes, one scheduler
 *
 * Everything happens in one real thread, one step at a time. A step is one of
 * these, picked by the life's numbers among all that could happen now:
 *
 *   a thread whose wait may end runs until it waits again (one turn)
 *   an operation in flight is carried out, and perhaps completed
 *   something goes wrong: a process is killed or stopped, the power fails ...
 *
 * Time passes a little with each step. When nothing can happen, it jumps to the
 * next deadline or late completion; when there is none, the life is stuck.
 *
 *   submit -> ready -> effect -> completion -> reaped
 *              |  ^      |          ^
 *              v  |      +-- late --+
 *            waiting for its socket to change
 *
 * First there is a storm, in which faults happen; then calm, in which all that
 * was begun has to end: a life that does not get there has failed.
 */
#ifndef TESTS_SIM_MODEL_WORLD_H
#define TESTS_SIM_MODEL_WORLD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include "pirn/base.h"
#include "tests/sim/model/disk.h"
#include "tests/sim/model/fault.h"
#include "tests/sim/model/lock.h"
#include "tests/sim/model/rng.h"
#include "tests/sim/model/trace.h"

struct flight;
struct open_file;
struct process;
struct thread;
struct pirn_loan;

enum { WORLD_PROCESSES = 32, WORLD_THREADS = 64, WORLD_REASON = 512 };

/* How a run of the world ended. */
enum world_end {
    WORLD_DONE,      /* all threads have returned, or their processes died */
    WORLD_POWER_CUT, /* all processes are dead; the disk is what is left */
    WORLD_FAILED,    /* see world->reason */
};

/* Which kernel it is. */
enum world_kernel { KERNEL_6_1, KERNEL_6_12, KERNEL_6_18, KERNEL_COUNT };

/* What the order of events is made of; drawn from the seed. */
struct tempo {
    uint32_t turn_weight; /* a thread, against */
    uint32_t work_weight; /* an operation */
    uint32_t step_ns;     /* at most, for a step */
    uint32_t late;        /* of 2^32: how often only the completion is late */
};

struct world_config {
    uint64_t seed;
    uint32_t faults;      /* FAULT_BIT(): what the scenario allows */
    uint32_t often;       /* what it wants */
    uint32_t off;         /* what the replay switches off */
    uint32_t storm_steps; /* then calm */
    struct disk *disk;    /* the world's from now on */
};

struct world {
    uint64_t seed;
    struct rng schedule;
    struct tempo tempo;
    enum world_kernel kernel;
    struct faults faults;
    struct trace trace;
    struct disk *disk;
    struct locks locks;
    struct pirn_link listeners;
    struct pirn_link open_files;
    struct pirn_link shared; /* blocks of memory: shared.c */

    uint64_t now_ns;
    int64_t wall_ns; /* what the wall clock is ahead of it */
    uint64_t due_ns; /* nothing that waits for a time is due before */
    uint64_t steps;
    uint32_t storm_steps;
    uint32_t boots;

    struct process *processes[WORLD_PROCESSES];
    uint32_t process_count;
    struct thread *threads[WORLD_THREADS]; /* all that may still run */
    uint32_t thread_count;
    struct thread *runnable[WORLD_THREADS];
    uint32_t runnable_count;

    struct flight **ready; /* operations that could be carried out now */
    uint32_t ready_count;
    uint32_t ready_max;
    struct pirn_link late; /* operations and completions whose time comes */
    struct pirn_link spare_flights;
    uint64_t operations;

    uint32_t socket_bytes; /* the room of each socket's buffer */
    uint32_t open_count;   /* open files that are not closed */
    uint32_t socket_count;

    /* For checkers: what the kernel has carried out, with what result. */
    void (*carried_out)(void *argument, const struct pirn_loan *loan,
                        int32_t result);
    /* That it has refused one that has to do with @path, or with what was
     * opened by it. */
    void (*refused)(void *argument, enum fault fault, uint8_t opcode,
                    const char *path);
    void (*stepped)(void *argument); /* after each step */
    void *argument;

    struct thread *current; /* NULL: the scheduler itself */
    bool power_cut;
    bool failed;
    char reason[WORLD_REASON];
};

struct world *world_create(const struct world_config *config);

/* All processes end with it. */
void world_destroy(struct world *world);

/* Until all threads have returned, or it cannot go on. */
enum world_end world_run(struct world *world);

/* The first failure of a life is the one that is told. */
__attribute__((format(printf, 2, 3))) void world_fail(struct world *world,
                                                      const char *format, ...);

/* The power fails: all processes die, the disk forgets what it may forget. */
void world_cut_power(struct world *world);

/* All processes have ended: nothing of them is left open. */
void world_check_rest(struct world *world);

/* The life so far as one number, disk included. */
uint64_t world_hash(const struct world *world);

/* --- for the files of the model --- */

/* The world of the thread that runs; for the engine's create(). */
struct thread *world_thread_now(void);

/* @event without its time; from inside a thread, its process's. */
struct trace_event *world_trace(struct world *world, struct trace_event event);
void world_note(struct world *world, const char *note, int32_t result);

/* What waits for @file may be tried again. */
void world_file_changed(struct world *world, struct open_file *file);

/* @flight may be carried out. */
void world_ready_add(struct world *world, struct flight *flight);
void world_ready_remove(struct world *world, struct flight *flight);

/* @thread may run on. */
void world_thread_wake(struct world *world, struct thread *thread);
void world_thread_rest(struct world *world, struct thread *thread);

/* Something is due at @at_ns. */
static inline void world_due(struct world *world, uint64_t at_ns)
{
    if (at_ns < world->due_ns) {
        world->due_ns = at_ns;
    }
}

static inline uint64_t world_wall_ns(const struct world *world)
{
    return world->now_ns + (uint64_t)world->wall_ns;
}

#endif /* TESTS_SIM_MODEL_WORLD_H */
