/* SPDX-License-Identifier: MIT */
/*
 * engine.c - runtime/engine/engine.h on the model kernel
 *
 * As runtime/engine/uring.c: submissions are filled while submitting, and the
 * kernel takes them in the wait; what its ring does not have is done in place.
 * A wait gives the thread up to the scheduler, so that everything else happens
 * inside waits: a context meets the world only there, as on a ring that defers
 * its work.
 */
#include "tests/sim/model/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"
#include "runtime/engine/run.h"
#include "runtime/engine/table.h"
#include "runtime/list.h"
#include "tests/sim/model/carry.h"
#include "tests/sim/model/fiber.h"
#include "tests/sim/model/open_file.h"
#include "tests/sim/model/process.h"
#include "tests/sim/model/shared.h"

static struct ring *ring_of(struct engine *engine)
{
    return pirn_container_of(engine, struct ring, engine);
}

static struct world *world_of(struct engine *engine)
{
    return ring_of(engine)->process->world;
}

static int model_create(const struct engine_config *config,
                        struct engine **ret_engine)
{
    struct thread *thread = world_thread_now();
    struct memory *memory = memory_switch(NULL);
    struct ring *ring = ring_create(thread, config);

    memory_switch(memory);
    ring->engine.class = &model_engine;
    strcpy(ring->engine.reason, "the model was asked for");
    *ret_engine = &ring->engine;
    return 0;
}

/* As a ring whose files are the kernel's workers': what is linked is the
 * runtime's choice, what cuts is the model's truth (carry.c). */
static bool model_joins(struct engine *engine, const struct pirn_loan *before,
                        const struct pirn_loan *behind)
{
    (void)engine;
    return pirn__engine_links(before, behind);
}

static void model_destroy(struct engine *engine)
{
    struct ring *ring = ring_of(engine);

    pirn_assert(list_is_empty(&ring->done));
    pirn_assert_rule(list_is_empty(&ring->flights),
                     "nothing is in flight when a context is destroyed");
    ring_destroy(ring);
}

static struct submission submission_of(struct pirn_loan *loan)
{
    return (struct submission){
        .loan = loan,
        .addr = loan->addr,
        .offset = loan->offset,
        .len = loan->len,
        .fd = loan->fd,
        .op_flags = loan->op_flags,
        .arg = loan->arg,
        .opcode = loan->opcode,
        .flags = loan->flags & (LOAN_LINKED | LOAN_MULTISHOT | LOAN_SELECT),
        .extra = loan->extra,
    };
}

/* What the ring does not have, as the system call that it stands for. */
static int32_t in_place(struct ring *ring, struct pirn_loan *loan)
{
    struct memory *memory = memory_switch(NULL);
    struct flight flight = {
        .what = submission_of(loan), .ring = ring, .number = 0};
    int32_t result = carry_refusal(&flight);

    flight.file = descriptor_file(&ring->process->descriptors, loan->fd);
    if (result == 0 && flight.file == NULL && carry_needs_file(loan->opcode)) {
        result = -EBADF;
    }
    if (result == 0 &&
        fault_of_operation(&ring->process->world->faults, loan->opcode,
                           &result) == FAULT_COUNT) {
        result = carry_out(&flight);
    }
    world_trace(ring->process->world,
                (struct trace_event){.kind = TRACE_EFFECT,
                                     .process = ring->process->number,
                                     .opcode = loan->opcode,
                                     .result = result});
    memory_switch(memory);
    return result;
}

static void submit_one(struct ring *ring, struct pirn_link *queue,
                       struct pirn_link *inflight)
{
    struct pirn_loan *loan =
        pirn_container_of(list_pop_head(queue), struct pirn_loan, link);

    pirn_assert(loan->state == LOAN_QUEUED);
    loan->state = LOAN_INFLIGHT;
    ring->engine.submitted++;
    if (carry_in_ring(ring->process->world->kernel, loan->opcode)) {
        ring->submissions[ring->submission_count++] = submission_of(loan);
        list_push_tail(inflight, &loan->link);
        return;
    }
    loan->result = in_place(ring, loan);
    loan->flags |= LOAN_CANCELLING; /* too late: it is on a list of ours */
    list_push_tail(&ring->done, &loan->link);
}

static void model_submit(struct engine *engine, struct pirn_link *cancels,
                         struct pirn_link *queue, struct pirn_link *inflight)
{
    struct ring *ring = ring_of(engine);

    while (!list_is_empty(cancels)) {
        struct pirn_link *link = cancels->next;

        if (ring->submission_count == ring->submission_max) {
            return;
        }
        list_unlink(link);
        list_push_tail(inflight, link);
        ring->submissions[ring->submission_count++] = (struct submission){
            .loan = pirn_container_of(link, struct pirn_loan, link),
            .is_cancel = true};
    }
    while (!list_is_empty(queue)) {
        uint32_t run = pirn__run_length(queue, queue->next);

        if (ring->submission_count + run > ring->submission_max) {
            return;
        }
        while (run-- > 0) {
            submit_one(ring, queue, inflight);
        }
    }
}

static void model_give(struct engine *engine, uint16_t buffer)
{
    ring_give(ring_of(engine), buffer);
}

/* Whether the wait ends at once, with or without a reason. A kernel that could
 * not take all does not wait. */
static bool will_not_sleep(struct ring *ring, uint64_t timeout_ns)
{
    return timeout_ns == 0 || ring_has_news(ring) ||
           ring->submission_count > 0 ||
           fault_happens(&ring->process->world->faults, FAULT_EARLY);
}

/* Once, and then always. */
static bool fails(struct ring *ring)
{
    struct world *world = ring->process->world;

    if (!ring->has_failed && ring->process->mortal &&
        fault_happens(&world->faults, FAULT_RING)) {
        world_trace(world,
                    (struct trace_event){.kind = TRACE_FAULT,
                                         .process = ring->process->number,
                                         .result = FAULT_RING});
        ring->has_failed = true;
        ring->process->lost_ring = true;
    }
    return ring->has_failed;
}

static int model_wait(struct engine *engine, uint64_t timeout_ns)
{
    struct ring *ring = ring_of(engine);
    struct world *world = ring->process->world;
    struct thread *thread = ring->thread;
    struct memory *memory;

    pirn_assert(thread == world_thread_now());
    if (fails(ring)) {
        return -EBADFD; /* no error of a file: nobody is to take it for one */
    }
    memory = memory_switch(NULL);
    ring_enter(ring);
    memory_switch(memory);
    if (will_not_sleep(ring, timeout_ns)) {
        world_thread_wake(world, thread);
    } else if (timeout_ns < UINT64_MAX - world->now_ns) {
        thread->deadline_ns = world->now_ns + timeout_ns;
        world_due(world, thread->deadline_ns);
    }
    fiber_yield();
    thread->deadline_ns = UINT64_MAX;
    ring->woken = false;
    return 0;
}

/* Nobody asks for what is in flight any more. */
static void model_abandon(struct engine *engine, struct pirn_link *inflight)
{
    struct ring *ring = ring_of(engine);
    struct memory *memory = memory_switch(NULL);

    while (!list_is_empty(&ring->flights)) {
        flight_orphan(
            pirn_container_of(ring->flights.next, struct flight, link), true);
    }
    ring->submission_count = 0;
    ring->count = 0;
    ring->visible = 0;
    memory_switch(memory);
    list_splice_head(inflight, &ring->done);
}

static uint32_t reap_done(struct ring *ring, struct engine_event *events,
                          uint32_t max)
{
    uint32_t count = 0;

    while (count < max && !list_is_empty(&ring->done)) {
        struct pirn_loan *loan = pirn_container_of(list_pop_head(&ring->done),
                                                   struct pirn_loan, link);
        events[count++] = (struct engine_event){
            .loan = loan, .result = loan->result, .buffer = ENGINE_NO_BUFFER};
    }
    return count;
}

static uint32_t model_reap(struct engine *engine, struct engine_event *events,
                           uint32_t max)
{
    struct ring *ring = ring_of(engine);
    uint32_t count = reap_done(ring, events, max);
    struct completion completion;

    while (count < max && ring_pop(ring, &completion)) {
        if (completion.loan != NULL) {
            events[count++] = (struct engine_event){
                .loan = completion.loan,
                .result = completion.result,
                .buffer = completion.buffer,
                .more = completion.more,
            };
        }
    }
    return count;
}

static int model_fd(struct engine *engine)
{
    (void)engine;
    return -ENOSYS; /* a foreign loop would be another kernel's */
}

static void model_wake(struct engine *engine)
{
    struct ring *ring = ring_of(engine);

    ring->woken = true;
    world_thread_wake(ring->process->world, ring->thread);
}

static uint64_t model_now_ns(struct engine *engine)
{
    return world_of(engine)->now_ns;
}

static uint64_t model_realtime_ns(struct engine *engine)
{
    return world_wall_ns(world_of(engine));
}

static void model_random(struct engine *engine, void *bytes, size_t len)
{
    struct rng *random = &ring_of(engine)->process->random;
    uint8_t *at = bytes;

    while (len > 0) {
        uint64_t word = rng_next(random);
        size_t n = len < sizeof(word) ? len : sizeof(word);

        memcpy(at, &word, n);
        at += n;
        len -= n;
    }
}

static void model_identity(struct engine *engine,
                           struct pirn_identity *ret_identity)
{
    const struct process *process = ring_of(engine)->process;

    *ret_identity = (struct pirn_identity){
        .pid = 100u + process->number,
        .start_ticks = process->born_ns / 10000000,
        .boot_id = {(uint8_t)process->world->boots},
    };
}

static int model_map(struct engine *engine, int fd, uint64_t bytes,
                     void **ret_memory)
{
    struct memory *memory = memory_switch(NULL);
    int r = shared_map(ring_of(engine)->process, fd, bytes, ret_memory);

    memory_switch(memory);
    return r;
}

static void model_unmap(struct engine *engine, void *mapped, uint64_t bytes)
{
    struct memory *memory = memory_switch(NULL);

    (void)bytes;
    shared_unmap(ring_of(engine)->process, mapped);
    memory_switch(memory);
}

/* What is in memory nobody can know: half of it is, and not always all that is
 * asked. */
static int32_t read_some(struct process *process, struct open_file *file,
                         void *buf, uint32_t len, uint64_t offset)
{
    struct rng *random = &process->random;

    if (file == NULL || file->kind != OPEN_FILE || (file->flags & O_PATH) ||
        (file->flags & O_ACCMODE) == O_WRONLY) {
        return -EBADF;
    }
    if (rng_coin(random)) {
        return -EAGAIN;
    }
    if (rng_below(random, 8) == 0) {
        len = rng_between(random, 1, len);
    }
    return (int32_t)disk_read(process->world->disk, file->inode, offset, buf,
                              len);
}

static int32_t model_read_cached(struct engine *engine, int fd, void *buf,
                                 uint32_t len, uint64_t offset)
{
    struct process *process = ring_of(engine)->process;
    struct memory *memory = memory_switch(NULL);
    int32_t r = read_some(process, descriptor_file(&process->descriptors, fd),
                          buf, len, offset);

    memory_switch(memory);
    return r;
}

const struct engine_class model_engine = {
    .name = "model",
    .joins = model_joins,
    .create = model_create,
    .destroy = model_destroy,
    .submit = model_submit,
    .give = model_give,
    .wait = model_wait,
    .abandon = model_abandon,
    .reap = model_reap,
    .fd = model_fd,
    .wake = model_wake,
    .now_ns = model_now_ns,
    .realtime_ns = model_realtime_ns,
    .random = model_random,
    .identity = model_identity,
    .map = model_map,
    .unmap = model_unmap,
    .read_cached = model_read_cached,
};
