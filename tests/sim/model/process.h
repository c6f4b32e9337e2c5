/* SPDX-License-Identifier: MIT */
/*
 * process.h - a simulated process: threads, descriptors, memory, rings
 *
 *   process_create -> process_thread ... -> its threads return: it exits
 *                          |                     or it is killed
 *                          +-- a context on a ring of the model, per thread
 *
 * What its threads are given (@argument) belongs to the scenario, and outlives
 * the process: there it notes what it was told, for the checkers.
 */
#ifndef TESTS_SIM_MODEL_PROCESS_H
#define TESTS_SIM_MODEL_PROCESS_H

#include "pirn/context.h"
#include "tests/sim/model/memory.h"
#include "tests/sim/model/open_file.h"
#include "tests/sim/model/rng.h"

struct fiber;
struct ring;
struct socket;
struct world;

enum { PROCESS_THREADS = 4 };

enum process_state { PROCESS_ALIVE, PROCESS_STOPPED, PROCESS_DEAD };

struct thread {
    struct process *process;
    struct fiber *fiber;
    void (*run)(void *argument);
    void *argument;
    uint64_t deadline_ns; /* of the wait that it is in */
    uint32_t place;       /* among the runnable */
    bool is_runnable;
    bool woken; /* while its process is stopped */
};

struct process {
    struct world *world;
    uint8_t number;
    enum process_state state;
    bool mortal;    /* faults may kill and stop it */
    bool lost_ring; /* and may leave descriptors: nobody closes them for it */
    struct thread threads[PROCESS_THREADS];
    uint32_t thread_count;
    uint32_t thread_left;
    struct descriptors descriptors;
    struct memory memory;
    struct pirn_link rings;
    struct pirn_link maps; /* of shared memory */
    struct rng random;
    uint64_t born_ns;
    uint64_t continues_ns;
    void (*died)(void *argument); /* killed, not ended; from the scheduler */
    void *argument;
};

struct process *process_create(struct world *world);

/* @run in a thread of its own. */
void process_thread(struct process *process, void (*run)(void *argument),
                    void *argument);

/* A context of the calling thread on a ring of the model, or an errno. */
int process_context_create(const struct pirn_context_config *config,
                           struct pirn_context **ret_context);

/* The same with small queues and few buffers; the life has failed if not. */
struct pirn_context *process_context(struct world *world);

/* Turn @context for @ns. */
void process_rest(struct pirn_context *context, uint64_t ns);

/* A connected pair, an end in each; @two may be @one, or NULL: the second end
 * is the test's. */
void process_connect(struct process *one, int *ret_one, struct process *two,
                     int *ret_two, struct socket **ret_test);

/* From the scheduler, between two steps. */
void process_kill(struct process *process);
void process_stop(struct process *process, uint64_t until_ns);
void process_continue(struct process *process);

/* Its function has returned. With the last thread the process ends, as the
 * kernel ends it; what it has left behind is a failure of the life. */
void process_thread_ended(struct thread *thread);

/* At the end of the world. */
void process_destroy(struct process *process);

#endif /* TESTS_SIM_MODEL_PROCESS_H */
