/* SPDX-License-Identifier: MIT */
/* process.c - see process.h */
#include "tests/sim/model/process.h"

#include <fcntl.h>
#include <stdlib.h>

#include "pirn/invariant.h"
#include "pirn/timer.h"
#include "runtime/context.h"
#include "runtime/list.h"
#include "tests/sim/model/engine.h"
#include "tests/sim/model/fiber.h"
#include "tests/sim/model/ring.h"
#include "tests/sim/model/shared.h"
#include "tests/sim/model/socket.h"
#include "tests/sim/model/world.h"

static void trace_life(struct process *process, enum trace_life what)
{
    world_trace(process->world, (struct trace_event){
                                    .kind = TRACE_PROCESS,
                                    .process = process->number,
                                    .result = (int32_t)what,
                                });
}

struct process *process_create(struct world *world)
{
    struct process *process = calloc(1, sizeof(*process));

    pirn_assert(process != NULL);
    pirn_assert(world->process_count < WORLD_PROCESSES);
    process->world = world;
    process->number = (uint8_t)(world->process_count + 1);
    process->random = rng_of(world->seed, 1000 + process->number);
    process->born_ns = world->now_ns;
    process->continues_ns = UINT64_MAX;
    memory_init(&process->memory);
    list_init(&process->rings);
    list_init(&process->maps);
    world->processes[world->process_count++] = process;
    trace_life(process, TRACE_BORN);
    return process;
}

void process_thread(struct process *process, void (*run)(void *argument),
                    void *argument)
{
    struct world *world = process->world;
    struct thread *thread = &process->threads[process->thread_count];

    pirn_assert(process->state == PROCESS_ALIVE);
    pirn_assert(process->thread_count < PROCESS_THREADS);
    pirn_assert(world->thread_count < WORLD_THREADS);
    process->thread_count++;
    process->thread_left++;
    *thread = (struct thread){
        .process = process,
        .fiber = fiber_create(run, argument),
        .run = run,
        .argument = argument,
        .deadline_ns = UINT64_MAX,
    };
    world->threads[world->thread_count++] = thread;
    world_thread_wake(world, thread);
}

int process_context_create(const struct pirn_context_config *config,
                           struct pirn_context **ret_context)
{
    return pirn__context_create_on(&model_engine, config, ret_context);
}

struct pirn_context *process_context(struct world *world)
{
    static const struct pirn_context_config config = {
        .sq_entries = 16,
        .cq_entries = 32,
        .buffer_count = 4,
        .buffer_bytes = 64,
    };
    struct pirn_context *context = NULL;
    int r = process_context_create(&config, &context);

    if (r < 0) {
        world_fail(world, "a context cannot be created: %d", r);
    }
    return context;
}

void process_rest(struct pirn_context *context, uint64_t ns)
{
    struct pirn_op op = {0};

    pirn_prep_timer(&op, ns);
    (void)pirn_wait(context, &op);
}

static int add_end(struct process *process, struct socket *socket)
{
    struct open_file *file = open_file_create(process->world, OPEN_SOCKET);

    file->socket = socket;
    file->flags = O_RDWR;
    socket->file = file;
    return descriptor_add(&process->descriptors, file);
}

void process_connect(struct process *one, int *ret_one, struct process *two,
                     int *ret_two, struct socket **ret_test)
{
    struct memory *memory = memory_switch(NULL);
    struct socket *first = socket_create(one->world);
    struct socket *second = socket_create(one->world);

    socket_pair(first, second);
    *ret_one = add_end(one, first);
    if (two != NULL) {
        *ret_two = add_end(two, second);
    } else {
        *ret_test = second;
    }
    memory_switch(memory);
}

static void forget_thread(struct world *world, struct thread *thread)
{
    for (uint32_t i = 0; i < world->thread_count; i++) {
        if (world->threads[i] == thread) {
            world->threads[i] = world->threads[--world->thread_count];
            return;
        }
    }
}

/* The kernel lets go of what it had: some of it has happened by then. */
static void drop_rings(struct process *process, bool with_effects)
{
    struct world *world = process->world;

    while (!list_is_empty(&process->rings)) {
        struct ring *ring =
            pirn_container_of(process->rings.next, struct ring, link);

        while (with_effects && !list_is_empty(&ring->flights)) {
            flight_orphan(
                pirn_container_of(ring->flights.next, struct flight, link),
                rng_coin(&world->schedule));
        }
        ring_destroy(ring);
    }
}

static void process_die(struct process *process, bool with_effects)
{
    process->state = PROCESS_DEAD;
    for (uint32_t i = 0; i < process->thread_count; i++) {
        struct thread *thread = &process->threads[i];

        if (thread->fiber != NULL) {
            world_thread_rest(process->world, thread);
            forget_thread(process->world, thread);
            fiber_destroy(thread->fiber);
            thread->fiber = NULL;
        }
    }
    drop_rings(process, with_effects);
    shared_unmap_all(process);
    descriptors_close_all(&process->descriptors);
    memory_drop(&process->memory);
}

static void process_end(struct process *process)
{
    struct world *world = process->world;

    trace_life(process, TRACE_EXITED);
    if (process->memory.count > 0) {
        world_fail(world, "process %u ended with %llu blocks of memory left",
                   process->number, (unsigned long long)process->memory.count);
    }
    if (process->descriptors.count > 0 && !process->lost_ring) {
        world_fail(world, "process %u ended with %u descriptors left",
                   process->number, process->descriptors.count);
    }
    if (!list_is_empty(&process->maps)) {
        world_fail(world, "process %u ended with maps left", process->number);
    }
    if (!list_is_empty(&process->rings)) {
        world_fail(world, "process %u ended with a context left",
                   process->number);
    }
    process_die(process, true);
}

void process_thread_ended(struct thread *thread)
{
    struct process *process = thread->process;

    forget_thread(process->world, thread);
    fiber_destroy(thread->fiber);
    thread->fiber = NULL;
    if (--process->thread_left == 0) {
        process_end(process);
    }
}

void process_kill(struct process *process)
{
    if (process->state == PROCESS_DEAD) {
        return;
    }
    trace_life(process, TRACE_KILLED);
    process_die(process, !process->world->power_cut);
    if (process->died != NULL && !process->world->power_cut) {
        process->died(process->argument);
    }
}

void process_stop(struct process *process, uint64_t until_ns)
{
    if (process->state != PROCESS_ALIVE) {
        return;
    }
    trace_life(process, TRACE_STOPPED);
    for (uint32_t i = 0; i < process->thread_count; i++) {
        struct thread *thread = &process->threads[i];

        thread->woken = thread->is_runnable;
        if (thread->fiber != NULL) {
            world_thread_rest(process->world, thread);
        }
    }
    process->state = PROCESS_STOPPED;
    process->continues_ns = until_ns;
    world_due(process->world, until_ns);
}

void process_continue(struct process *process)
{
    if (process->state != PROCESS_STOPPED) {
        return;
    }
    trace_life(process, TRACE_CONTINUED);
    process->state = PROCESS_ALIVE;
    process->continues_ns = UINT64_MAX;
    for (uint32_t i = 0; i < process->thread_count; i++) {
        struct thread *thread = &process->threads[i];

        if (thread->fiber != NULL && thread->woken) {
            thread->woken = false;
            world_thread_wake(process->world, thread);
        }
    }
}

void process_destroy(struct process *process)
{
    if (process->state != PROCESS_DEAD) {
        process_die(process, false);
    }
    free(process);
}
