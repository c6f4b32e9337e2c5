/* SPDX-License-Identifier: MIT */
/* flight.c - see flight.h */
#include "tests/sim/model/flight.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pirn/invariant.h"
#include "runtime/list.h"
#include "tests/sim/model/carry.h"
#include "tests/sim/model/open_file.h"
#include "tests/sim/model/process.h"

#define LATE_MAX_MS 10000

static struct world *world_of(const struct flight *flight)
{
    return flight->ring->process->world;
}

static struct trace_event *trace(const struct flight *flight,
                                 enum trace_kind kind, int32_t result)
{
    return world_trace(world_of(flight),
                       (struct trace_event){
                           .kind = kind,
                           .operation = flight->number,
                           .process = flight->ring->process->number,
                           .opcode = flight->what.opcode,
                           .result = result,
                       });
}

static void trace_submission(const struct flight *flight)
{
    struct trace_event *event = trace(flight, TRACE_SUBMIT, flight->what.fd);

    carry_describe(flight, event->note, sizeof(event->note));
}

static struct flight *flight_create(struct ring *ring,
                                    const struct submission *what)
{
    struct world *world = ring->process->world;
    struct pirn_link *spare = list_pop_head(&world->spare_flights);
    struct flight *flight = spare != NULL
                                ? pirn_container_of(spare, struct flight, link)
                                : malloc(sizeof(*flight));

    pirn_assert(flight != NULL);
    *flight = (struct flight){
        .what = *what,
        .ring = ring,
        .state = FLIGHT_BEHIND,
        .number = ++world->operations,
        .buffer = ENGINE_NO_BUFFER,
    };
    list_push_tail(&ring->flights, &flight->link);
    return flight;
}

static void leave_place(struct flight *flight)
{
    if (flight->state == FLIGHT_READY) {
        world_ready_remove(world_of(flight), flight);
    }
    list_unlink(&flight->wait);
    flight->state = FLIGHT_BEHIND;
}

static void flight_free(struct flight *flight)
{
    leave_place(flight);
    if (flight->file != NULL) {
        open_file_release(flight->file);
    }
    list_unlink(&flight->link);
    list_push_tail(&world_of(flight)->spare_flights, &flight->link);
}

static void be_late(struct flight *flight, enum flight_state state,
                    uint64_t by_ns)
{
    struct world *world = world_of(flight);

    flight->state = state;
    flight->due_ns = world->now_ns + by_ns;
    list_push_tail(&world->late, &flight->wait);
    world_due(world, flight->due_ns);
}

static uint64_t lateness_ns(struct world *world)
{
    return (uint64_t)rng_below(fault_rng(&world->faults, FAULT_LATE),
                               1u << rng_below(&world->schedule, 14)) %
           LATE_MAX_MS * 1000000;
}

/* It is its turn in the chain. 0, or why it cannot begin. */
static int32_t flight_begin(struct flight *flight)
{
    struct world *world = world_of(flight);

    if (carry_needs_file(flight->what.opcode)) {
        flight->file = descriptor_file(&flight->ring->process->descriptors,
                                       flight->what.fd);
        if (flight->file == NULL) {
            return -EBADF;
        }
        open_file_hold(flight->file);
    }
    if (fault_happens(&world->faults, FAULT_LATE)) {
        trace(flight, TRACE_FAULT, FAULT_LATE);
        be_late(flight, FLIGHT_LATER, lateness_ns(world));
    } else {
        flight->state = FLIGHT_READY;
        world_ready_add(world, flight);
    }
    return 0;
}

/* It completes; what is linked behind it begins, or ends with it. */
static void flight_end(struct flight *flight, int32_t result)
{
    while (flight != NULL) {
        struct flight *behind = flight->behind;
        bool cuts = result == -ECANCELED || carry_severs(flight, result);

        trace(flight, TRACE_COMPLETE, result);
        (void)ring_post(flight->ring,
                        (struct completion){.loan = flight->what.loan,
                                            .result = result,
                                            .buffer = flight->buffer});
        flight_free(flight);
        flight = behind;
        if (flight != NULL) {
            result = cuts ? -ECANCELED : flight_begin(flight);
            if (result == 0) {
                return;
            }
        }
    }
}

/* The kernel refuses a run whole if it refuses one of it, whatever the flags of
 * the links. */
static bool refuse_run(struct flight *first)
{
    int32_t refusal = 0;

    for (struct flight *flight = first; flight != NULL && refusal == 0;
         flight = flight->behind) {
        refusal = carry_refusal(flight);
    }
    while (refusal != 0 && first != NULL) {
        struct flight *behind = first->behind;
        int32_t own = carry_refusal(first);

        first->behind = NULL;
        flight_end(first, own != 0 ? own : -ECANCELED);
        first = behind;
    }
    return refusal != 0;
}

uint32_t flight_launch(struct ring *ring, const struct submission *submissions,
                       uint32_t count)
{
    struct flight *first = flight_create(ring, &submissions[0]);
    struct flight *last = first;
    uint32_t launched = 1;
    int32_t r;

    trace_submission(first);
    while (submissions[launched - 1].flags & LOAN_LINKED) {
        pirn_assert_rule(launched < count, "a run is submitted whole");
        last->behind = flight_create(ring, &submissions[launched++]);
        last = last->behind;
        trace_submission(last);
    }
    if (!refuse_run(first)) {
        r = flight_begin(first);
        if (r < 0) {
            flight_end(first, r);
        }
    }
    return launched;
}

/* --- carried out --- */

static void wait_for_file(struct flight *flight)
{
    pirn_assert(flight->file != NULL);
    flight->state = FLIGHT_WAITING;
    list_push_tail(&flight->file->waiting, &flight->wait);
}

static bool is_many(const struct flight *flight)
{
    const struct submission *what = &flight->what;

    return (what->flags & LOAN_MULTISHOT) &&
           (what->opcode == ENGINE_POLL ? what->len != 0
            : what->opcode == ENGINE_READ_MULTISHOT
                ? world_of(flight)->kernel > KERNEL_6_1
                : what->extra != 0);
}

/* A multishot's delivery: it goes on, unless that was the end or there is no
 * room for more. */
static void deliver(struct flight *flight, int32_t result)
{
    bool goes_on =
        result > 0 || (result == 0 && flight->what.opcode == ENGINE_ACCEPT);
    struct completion completion = {
        .loan = flight->what.loan,
        .result = result,
        .buffer = flight->buffer,
        .more = true,
    };

    if (!goes_on) {
        flight_end(flight, result);
        return;
    }
    trace(flight, TRACE_COMPLETE, result);
    flight->buffer = ENGINE_NO_BUFFER;
    if (!ring_post(flight->ring, completion)) {
        trace(flight, TRACE_FAULT, FAULT_OVERFLOW);
        flight_free(flight);
        return;
    }
    if (flight->what.opcode == ENGINE_POLL) {
        wait_for_file(flight); /* edges, not levels */
    } else {
        flight->state = FLIGHT_READY;
        world_ready_add(world_of(flight), flight);
    }
}

static void complete(struct flight *flight, int32_t result)
{
    struct world *world = world_of(flight);

    trace(flight, TRACE_EFFECT, result);
    if (world->carried_out != NULL) {
        world->carried_out(world->argument, flight->what.loan, result);
    }
    if (is_many(flight)) {
        deliver(flight, result);
        return;
    }
    flight->result = result;
    if (fault_happens(&world->faults, FAULT_LATE)) {
        trace(flight, TRACE_FAULT, FAULT_LATE);
        be_late(flight, FLIGHT_CARRIED, lateness_ns(world));
    } else if (rng_chance(&world->schedule, world->tempo.late)) {
        be_late(flight, FLIGHT_CARRIED,
                rng_below(&world->schedule, 16 * world->tempo.step_ns));
    } else {
        flight_end(flight, result);
    }
}

/* A journal that is aborted in the middle, a reply that is lost: the name may
 * have changed. */
static bool may_have_happened(enum fault fault, uint8_t opcode)
{
    return fault == FAULT_EIO &&
           (opcode == ENGINE_RENAME || opcode == ENGINE_UNLINK);
}

/* The pages of a file are clean then, and not on disk. Names are a journal's
 * business: what could not be written is still to be written (or the file
 * system shuts down, which ends everything). */
static void sync_fails(const struct open_file *file)
{
    if (file->kind == OPEN_FILE) {
        open_file_sync_failed(file);
    }
}

static void tell_refusal(const struct flight *flight, enum fault fault)
{
    struct world *world = world_of(flight);
    const struct open_file *file =
        descriptor_file(&flight->ring->process->descriptors, flight->what.fd);
    char path[OPEN_PATH] = "";

    if (world->refused == NULL) {
        return;
    }
    carry_describe(flight, path, sizeof(path));
    world->refused(world->argument, fault, flight->what.opcode,
                   path[0] == '\0' && file != NULL ? file->path : path);
}

static int32_t fail(struct flight *flight, enum fault fault, int32_t error)
{
    struct world *world = world_of(flight);
    struct rng *rng = fault_rng(&world->faults, fault);

    trace(flight, TRACE_FAULT, (int32_t)fault);
    tell_refusal(flight, fault);
    if (may_have_happened(fault, flight->what.opcode) && rng_coin(rng)) {
        (void)carry_out(flight);
    }
    if (fault == FAULT_SYNC) {
        sync_fails(flight->file);
        return rng_coin(rng) ? -EIO : -ENOSPC;
    }
    if (fault == FAULT_EIO && flight->written > 0) {
        open_file_write_failed(flight->file, flight->written_at,
                               flight->written);
    }
    return flight->moved > 0 ? (int32_t)flight->moved : error;
}

void flight_carry(struct flight *flight)
{
    struct world *world = world_of(flight);
    int32_t result = 0;
    enum fault fault =
        fault_of_operation(&world->faults, flight->what.opcode, &result);

    leave_place(flight);
    result =
        fault < FAULT_COUNT ? fail(flight, fault, result) : carry_out(flight);
    if (result == CARRY_WAITS) {
        wait_for_file(flight);
    } else if (result == CARRY_AGAIN) {
        flight->state = FLIGHT_READY;
        world_ready_add(world, flight);
    } else {
        complete(flight, result);
    }
}

void flight_due(struct flight *flight)
{
    bool is_carried = flight->state == FLIGHT_CARRIED;

    leave_place(flight);
    if (is_carried) {
        flight_end(flight, flight->result);
    } else {
        flight->state = FLIGHT_READY;
        world_ready_add(world_of(flight), flight);
    }
}

void flight_orphan(struct flight *flight, bool with_effect)
{
    if (with_effect &&
        (flight->state == FLIGHT_READY || flight->state == FLIGHT_LATER)) {
        leave_place(flight);
        trace(flight, TRACE_EFFECT, carry_out(flight));
    }
    flight_free(flight);
}

/* --- cancelled --- */

static struct flight *find(struct ring *ring, const struct pirn_loan *loan)
{
    for (struct pirn_link *link = ring->flights.next; link != &ring->flights;
         link = link->next) {
        struct flight *flight = pirn_container_of(link, struct flight, link);

        if (flight->what.loan == loan) {
            return flight;
        }
    }
    return NULL;
}

static enum cancel_outcome outcome_of(const struct flight *flight)
{
    struct rng *schedule = &world_of(flight)->schedule;
    enum open_kind kind = flight->file != NULL ? flight->file->kind : OPEN_FILE;

    switch (flight->state) {
    case FLIGHT_BEHIND:
        return CANCEL_NOT_FOUND;
    case FLIGHT_CARRIED:
        return CANCEL_TOO_LATE;
    case FLIGHT_WAITING:
        return CANCEL_FOUND;
    case FLIGHT_LATER:
    case FLIGHT_READY:
        break;
    }
    /* What waits for a peer always hears it; a worker that has begun on a file
     * does not, and ends by itself. */
    if (kind == OPEN_SOCKET) {
        return rng_below(schedule, 8) > 0 ? CANCEL_FOUND : CANCEL_INTERRUPTED;
    }
    return kind == OPEN_FIFO || rng_coin(schedule) ? CANCEL_FOUND
                                                   : CANCEL_RUNNING;
}

void flight_cancel(struct ring *ring, const struct pirn_loan *loan)
{
    struct flight *flight = find(ring, loan);
    enum cancel_outcome outcome = CANCEL_NOT_FOUND;
    struct completion own = {.buffer = ENGINE_NO_BUFFER};

    if (flight != NULL) {
        outcome = outcome_of(flight);
        trace(flight, TRACE_CANCEL, (int32_t)outcome);
    }
    own.result = outcome == CANCEL_NOT_FOUND ? -ENOENT
                 : outcome == CANCEL_FOUND   ? 0
                                             : -EALREADY;
    (void)ring_post(ring, own);
    if (outcome == CANCEL_FOUND || outcome == CANCEL_INTERRUPTED) {
        leave_place(flight);
        flight_end(flight, flight->moved > 0         ? (int32_t)flight->moved
                           : outcome == CANCEL_FOUND ? -ECANCELED
                                                     : -EINTR);
    }
}
