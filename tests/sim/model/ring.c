/* SPDX-License-Identifier: MIT */
/*
 * ring.c - see ring.h; the queues
 *
 * Completions are kept in one growing ring. Of these the oldest visible_max can
 * be seen; the rest is the kernel's overflow list, which moves up when the
 * kernel is entered. So nothing is ever lost, as since Linux 5.5; a multishot
 * whose delivery meets a full queue ends with it.
 */
#include "tests/sim/model/ring.h"

#include <errno.h>
#include <stdlib.h>

#include "pirn/invariant.h"
#include "runtime/list.h"
#include "tests/sim/model/flight.h"
#include "tests/sim/model/process.h"

enum { COMPLETIONS_FIRST = 64 };

static uint32_t queue_size(struct world *world, uint32_t entries)
{
    bool few = fault_happens(&world->faults, FAULT_OVERFLOW);

    return few ? rng_between(fault_rng(&world->faults, FAULT_OVERFLOW), 1, 4)
               : entries;
}

struct ring *ring_create(struct thread *thread,
                         const struct engine_config *config)
{
    struct ring *ring = calloc(1, sizeof(*ring));

    pirn_assert(ring != NULL);
    ring->thread = thread;
    ring->process = thread->process;
    ring->submission_max = config->sq_entries;
    ring->submissions = calloc(config->sq_entries, sizeof(*ring->submissions));
    ring->completion_room = COMPLETIONS_FIRST;
    ring->completions = calloc(COMPLETIONS_FIRST, sizeof(*ring->completions));
    ring->visible_max = queue_size(ring->process->world, config->cq_entries);
    ring->buffers = config->buffers;
    ring->buffer_bytes = config->buffer_bytes;
    ring->given_max = config->buffer_count;
    ring->given = calloc(config->buffer_count, sizeof(*ring->given));
    pirn_assert(ring->submissions != NULL && ring->completions != NULL &&
                ring->given != NULL);
    list_init(&ring->flights);
    list_init(&ring->done);
    list_push_tail(&ring->process->rings, &ring->link);
    return ring;
}

void ring_destroy(struct ring *ring)
{
    while (!list_is_empty(&ring->flights)) {
        flight_orphan(
            pirn_container_of(ring->flights.next, struct flight, link), false);
    }
    list_unlink(&ring->link);
    free(ring->submissions);
    free(ring->completions);
    free(ring->given);
    free(ring);
}

static void grow(struct ring *ring)
{
    uint32_t room = ring->completion_room;
    struct completion *more = calloc(2 * room, sizeof(*more));

    pirn_assert(more != NULL);
    for (uint32_t i = 0; i < ring->count; i++) {
        more[i] = ring->completions[(ring->head + i) % room];
    }
    free(ring->completions);
    ring->completions = more;
    ring->completion_room = 2 * room;
    ring->head = 0;
}

bool ring_post(struct ring *ring, struct completion completion)
{
    bool is_seen =
        ring->visible == ring->count && ring->count < ring->visible_max;

    if (ring->count == ring->completion_room) {
        grow(ring);
    }
    completion.more = completion.more && is_seen;
    ring->completions[(ring->head + ring->count++) % ring->completion_room] =
        completion;
    ring->visible += is_seen;
    world_thread_wake(ring->process->world, ring->thread);
    return is_seen;
}

bool ring_pop(struct ring *ring, struct completion *ret_completion)
{
    if (ring->visible == 0) {
        return false;
    }
    *ret_completion = ring->completions[ring->head];
    ring->head = (ring->head + 1) % ring->completion_room;
    ring->count--;
    ring->visible--;
    return true;
}

bool ring_has_news(const struct ring *ring)
{
    return ring->visible > 0 || ring->woken || !list_is_empty(&ring->done);
}

void ring_give(struct ring *ring, uint16_t buffer)
{
    pirn_assert_rule(ring->given_count < ring->given_max,
                     "a buffer is given once");
    ring->given[(ring->given_head + ring->given_count++) % ring->given_max] =
        buffer;
}

bool ring_buffer_first(const struct ring *ring, uint16_t *ret_buffer)
{
    if (ring->given_count == 0) {
        return false;
    }
    *ret_buffer = ring->given[ring->given_head];
    return true;
}

void ring_buffer_take(struct ring *ring)
{
    pirn_assert(ring->given_count > 0);
    ring->given_head = (ring->given_head + 1) % ring->given_max;
    ring->given_count--;
}

/* How many the kernel takes: all, or, rarely, as many as it has memory for. A
 * linked run that is parted would be two, so it goes whole. */
static uint32_t taken_now(struct ring *ring)
{
    struct faults *faults = &ring->process->world->faults;
    uint32_t count = ring->submission_count;

    if (count > 1 && fault_happens(faults, FAULT_ENTER)) {
        count = rng_below(fault_rng(faults, FAULT_ENTER), count);
        while (count > 0 &&
               (ring->submissions[count - 1].flags & LOAN_LINKED)) {
            count--;
        }
    }
    return count;
}

void ring_enter(struct ring *ring)
{
    uint32_t count = taken_now(ring);
    uint32_t at = 0;

    ring->visible =
        ring->count < ring->visible_max ? ring->count : ring->visible_max;
    while (at < count) {
        if (ring->submissions[at].is_cancel) {
            flight_cancel(ring, ring->submissions[at++].loan);
        } else {
            at += flight_launch(ring, ring->submissions + at, count - at);
        }
    }
    ring->submission_count -= count;
    for (uint32_t i = 0; i < ring->submission_count; i++) {
        ring->submissions[i] = ring->submissions[count + i];
    }
}
