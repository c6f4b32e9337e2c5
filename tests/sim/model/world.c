/* SPDX-License-Identifier: MIT */
/* world.c - see world.h */
#include "tests/sim/model/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"
#include "runtime/list.h"
#include "tests/sim/model/fiber.h"
#include "tests/sim/model/open_file.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/ring.h"
#include "tests/sim/model/shared.h"
#include "tests/sim/model/socket.h"

enum {
    READY_FIRST = 64,
    CALM_STEPS_MAX = 200000, /* a hundred times what a life takes */
    STOP_MAX_MS = 5000,
    CLOCK_MAX_S = 100,
    UNITS_MAX = 4096,
};

#define START_NS UINT64_C(1000000000)
#define WALL_START_NS INT64_C(1800000000000000000)
#define CALM_MAX_NS \
    UINT64_C(120000000000) /* what a promise allows, ten times */

static _Thread_local struct world *world_now;

static struct tempo tempo_draw(struct rng *rng)
{
    return (struct tempo){
        .turn_weight = 1u << rng_below(rng, 4),
        .work_weight = 1u << rng_below(rng, 4),
        .step_ns = 1u << rng_between(rng, 6, 18),
        .late = rng_coin(rng) ? 0 : UINT32_C(1) << rng_between(rng, 24, 31),
    };
}

struct world *world_create(const struct world_config *config)
{
    struct world *world = calloc(1, sizeof(*world));

    pirn_assert(world != NULL && world_now == NULL);
    world->seed = config->seed;
    world->schedule = rng_of(config->seed, 1);
    world->tempo = tempo_draw(&world->schedule);
    world->kernel = rng_below(&world->schedule, KERNEL_COUNT);
    world->socket_bytes = 1u << rng_between(&world->schedule, 4, 14);
    world->storm_steps = config->storm_steps;
    faults_init(&world->faults, config->seed, config->faults, config->often,
                config->off);
    world->disk = config->disk;
    world->now_ns = START_NS;
    world->wall_ns = WALL_START_NS;
    world->due_ns = UINT64_MAX;
    world->ready_max = READY_FIRST;
    world->ready = calloc(READY_FIRST, sizeof(struct flight *));
    pirn_assert(world->disk != NULL && world->ready != NULL);
    list_init(&world->listeners);
    list_init(&world->open_files);
    list_init(&world->shared);
    list_init(&world->late);
    list_init(&world->spare_flights);
    world_now = world;
    return world;
}

void world_destroy(struct world *world)
{
    struct pirn_link *link;

    for (uint32_t i = 0; i < world->process_count; i++) {
        process_destroy(world->processes[i]);
    }
    while ((link = list_pop_head(&world->spare_flights)) != NULL) {
        free(pirn_container_of(link, struct flight, link));
    }
    shared_deinit(world);
    disk_destroy(world->disk);
    free(world->ready);
    free(world);
    world_now = NULL;
}

struct thread *world_thread_now(void)
{
    pirn_assert_rule(world_now != NULL && world_now->current != NULL,
                     "the model's engine is used by threads of a world");
    return world_now->current;
}

struct trace_event *world_trace(struct world *world, struct trace_event event)
{
    event.at_ns = world->now_ns;
    return trace_push(&world->trace, event);
}

void world_note(struct world *world, const char *note, int32_t result)
{
    struct trace_event event = {.kind = TRACE_NOTE, .result = result};

    event.process =
        world->current != NULL ? world->current->process->number : 0;
    snprintf(event.note, sizeof(event.note), "%s", note);
    world_trace(world, event);
}

void world_fail(struct world *world, const char *format, ...)
{
    va_list list;

    if (world->failed) {
        return;
    }
    world->failed = true;
    va_start(list, format);
    vsnprintf(world->reason, sizeof(world->reason), format, list);
    va_end(list);
}

uint64_t world_hash(const struct world *world)
{
    return rng_mix(world->trace.hash + disk_hash(world->disk));
}

/* --- what could happen --- */

void world_ready_add(struct world *world, struct flight *flight)
{
    if (world->ready_count == world->ready_max) {
        struct flight **more =
            realloc(world->ready, 2 * world->ready_max * sizeof(*more));

        pirn_assert(more != NULL);
        world->ready = more;
        world->ready_max *= 2;
    }
    flight->place = world->ready_count;
    world->ready[world->ready_count++] = flight;
}

void world_ready_remove(struct world *world, struct flight *flight)
{
    struct flight *last = world->ready[--world->ready_count];

    world->ready[flight->place] = last;
    last->place = flight->place;
}

void world_file_changed(struct world *world, struct open_file *file)
{
    struct pirn_link *link;

    while ((link = list_pop_head(&file->waiting)) != NULL) {
        struct flight *flight = pirn_container_of(link, struct flight, wait);

        flight->state = FLIGHT_READY;
        world_ready_add(world, flight);
    }
}

void world_thread_wake(struct world *world, struct thread *thread)
{
    if (thread->process->state == PROCESS_STOPPED) {
        thread->woken = true;
    } else if (!thread->is_runnable && thread->fiber != NULL &&
               thread != world->current) {
        thread->is_runnable = true;
        thread->place = world->runnable_count;
        world->runnable[world->runnable_count++] = thread;
    } else if (thread == world->current) {
        thread->woken = true; /* when it yields */
    }
}

void world_thread_rest(struct world *world, struct thread *thread)
{
    struct thread *last;

    if (thread->is_runnable) {
        last = world->runnable[--world->runnable_count];
        world->runnable[thread->place] = last;
        last->place = thread->place;
        thread->is_runnable = false;
    }
}

/* --- what happens --- */

static void run_thread(struct world *world, struct thread *thread)
{
    struct process *process = thread->process;

    world_thread_rest(world, thread);
    world_trace(world, (struct trace_event){.kind = TRACE_TURN,
                                            .process = process->number});
    world->current = thread;
    memory_switch(&process->memory);
    fiber_resume(thread->fiber);
    memory_switch(NULL);
    world->current = NULL;
    if (fiber_has_ended(thread->fiber)) {
        process_thread_ended(thread);
    } else if (thread->woken) {
        thread->woken = false;
        world_thread_wake(world, thread);
    }
}

/* Whose time has come; and when the next one's will. */
static void expire(struct world *world)
{
    struct pirn_link *link = world->late.next;

    world->due_ns = UINT64_MAX;
    while (link != &world->late) {
        struct flight *flight = pirn_container_of(link, struct flight, wait);

        link = link->next;
        if (flight->due_ns <= world->now_ns) {
            flight_due(flight);
        } else {
            world_due(world, flight->due_ns);
        }
    }
    for (uint32_t i = 0; i < world->thread_count; i++) {
        struct thread *thread = world->threads[i];

        if (thread->deadline_ns <= world->now_ns) {
            world_thread_wake(world, thread);
        } else {
            world_due(world, thread->deadline_ns);
        }
    }
    for (uint32_t i = 0; i < world->process_count; i++) {
        struct process *process = world->processes[i];

        if (process->continues_ns <= world->now_ns) {
            process_continue(process);
        } else {
            world_due(world, process->continues_ns);
        }
    }
}

static struct process *victim(struct world *world, enum fault fault)
{
    struct process *process = world->processes[rng_below(
        fault_rng(&world->faults, fault), world->process_count)];

    return process->mortal && process->state == PROCESS_ALIVE ? process : NULL;
}

void world_cut_power(struct world *world)
{
    static bool survives[UNITS_MAX];
    struct rng *rng = fault_rng(&world->faults, FAULT_POWER);
    uint32_t count = disk_unit_count(world->disk);
    uint32_t share = rng_below(rng, 4);

    pirn_assert(count <= UNITS_MAX);
    world_trace(world, (struct trace_event){.kind = TRACE_PROCESS,
                                            .result = TRACE_POWER_CUT});
    world->power_cut = true;
    for (uint32_t i = 0; i < world->process_count; i++) {
        process_kill(world->processes[i]);
    }
    for (uint32_t i = 0; i < count; i++) { /* none, half, most, all */
        survives[i] = share == 3 || (share > 0 && rng_below(rng, 1 << share));
    }
    disk_cut(world->disk, survives, rng_next(rng));
    shared_cut(world);
    world->boots++;
}

void world_check_rest(struct world *world)
{
    if (world->open_count + world->socket_count > 0) {
        world_fail(world, "at rest %u files are open and %u sockets left",
                   world->open_count, world->socket_count);
    }
    if (!list_is_empty(&world->late) || world->ready_count > 0) {
        world_fail(world, "at rest operations are in flight");
    }
}

static void go_wrong(struct world *world)
{
    struct faults *faults = &world->faults;
    struct process *process;

    if (fault_happens(faults, FAULT_KILL) &&
        (process = victim(world, FAULT_KILL)) != NULL) {
        process_kill(process);
    }
    if (fault_happens(faults, FAULT_STOP) &&
        (process = victim(world, FAULT_STOP)) != NULL) {
        process_stop(process, world->now_ns + (uint64_t)rng_below(
                                                  fault_rng(faults, FAULT_STOP),
                                                  STOP_MAX_MS * 1000u) *
                                                  1000);
    }
    if (fault_happens(faults, FAULT_CLOCK)) {
        world->wall_ns += ((int64_t)rng_below(fault_rng(faults, FAULT_CLOCK),
                                              2 * CLOCK_MAX_S) -
                           CLOCK_MAX_S) *
                          1000000000;
        world_trace(world, (struct trace_event){.kind = TRACE_FAULT,
                                                .result = FAULT_CLOCK});
    }
    if (fault_happens(faults, FAULT_POWER)) {
        world_cut_power(world);
    }
}

/* Nothing could happen now. */
static void pass_time(struct world *world)
{
    if (world->due_ns == UINT64_MAX) {
        world_fail(world,
                   "stuck: %u threads wait, and nothing will ever happen",
                   world->thread_count);
        return;
    }
    if (world->due_ns > world->now_ns) {
        world->now_ns = world->due_ns;
    }
    world_trace(world, (struct trace_event){.kind = TRACE_TIME});
    expire(world);
}

static void happen(struct world *world)
{
    uint32_t turns = world->runnable_count * world->tempo.turn_weight;
    uint32_t works = world->ready_count * world->tempo.work_weight;
    uint32_t pick;

    if (turns + works == 0) {
        pass_time(world);
        return;
    }
    world->now_ns += rng_below(&world->schedule, world->tempo.step_ns);
    pick = rng_below(&world->schedule, turns + works);
    if (pick < turns) {
        run_thread(world, world->runnable[pick / world->tempo.turn_weight]);
    } else {
        flight_carry(world->ready[(pick - turns) / world->tempo.work_weight]);
    }
    if (world->now_ns >= world->due_ns) {
        expire(world);
    }
}

static void become_calm(struct world *world)
{
    world->faults.calm = true;
    world_note(world, "calm", 0);
    for (uint32_t i = 0; i < world->process_count; i++) {
        process_continue(world->processes[i]);
    }
}

/* A life that goes on for ever is one that makes no progress. */
static void check_progress(struct world *world, uint64_t calm_since_ns)
{
    if (world->steps > (uint64_t)world->storm_steps + CALM_STEPS_MAX ||
        world->now_ns - calm_since_ns > CALM_MAX_NS) {
        world_fail(world,
                   "no end: %u threads still run, %llu s and %llu steps after "
                   "the last fault",
                   world->thread_count,
                   (unsigned long long)(world->now_ns - calm_since_ns) /
                       1000000000,
                   (unsigned long long)world->steps - world->storm_steps);
    }
}

enum world_end world_run(struct world *world)
{
    uint64_t calm_since_ns = world->now_ns;

    world->power_cut = false; /* those who begin now came after it */
    while (world->thread_count > 0 && !world->failed) {
        if (world->steps++ >= world->storm_steps) {
            if (!world->faults.calm) {
                calm_since_ns = world->now_ns;
                become_calm(world);
            }
            check_progress(world, calm_since_ns);
        } else {
            go_wrong(world);
        }
        if (world->power_cut) {
            world->power_cut = false;
            return world->failed ? WORLD_FAILED : WORLD_POWER_CUT;
        }
        if (world->thread_count > 0) {
            happen(world);
        }
        if (world->stepped != NULL) {
            world->stepped(world->argument);
        }
    }
    return world->failed ? WORLD_FAILED : WORLD_DONE;
}
