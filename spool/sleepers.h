/* SPDX-License-Identifier: MIT */
/*
 * spool/sleepers.h - claims of this open that wait for an item
 *
 * First in, first out; any of them may leave. A sleeper has an end: a time of
 * the monotonic clock.
 */
#ifndef SPOOL_SLEEPERS_H
#define SPOOL_SLEEPERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pirn/invariant.h>

/* Zeroed memory is nobody asleep. */
struct pirn__sleeper {
    struct pirn__sleeper *next;
    struct pirn__sleeper *prev;
    uint64_t until_ns;
    bool is_asleep;
};

/* Zeroed memory is an empty list. */
struct pirn__sleepers {
    struct pirn__sleeper *head;
    struct pirn__sleeper *tail;
};

static inline void pirn__sleepers_push(struct pirn__sleepers *list,
                                       struct pirn__sleeper *sleeper)
{
    pirn_assert(!sleeper->is_asleep);
    sleeper->is_asleep = true;
    sleeper->next = NULL;
    sleeper->prev = list->tail;
    if (list->tail == NULL) {
        list->head = sleeper;
    } else {
        list->tail->next = sleeper;
    }
    list->tail = sleeper;
}

static inline void pirn__sleepers_remove(struct pirn__sleepers *list,
                                         struct pirn__sleeper *sleeper)
{
    pirn_assert(sleeper->is_asleep);
    sleeper->is_asleep = false;
    if (sleeper->prev == NULL) {
        list->head = sleeper->next;
    } else {
        sleeper->prev->next = sleeper->next;
    }
    if (sleeper->next == NULL) {
        list->tail = sleeper->prev;
    } else {
        sleeper->next->prev = sleeper->prev;
    }
}

/** pirn__sleepers_until_ns() - when the first of them ends; not after
 * @latest_ns */
static inline uint64_t pirn__sleepers_until_ns(
    const struct pirn__sleepers *list, uint64_t latest_ns)
{
    for (const struct pirn__sleeper *at = list->head; at != NULL;
         at = at->next) {
        latest_ns = at->until_ns < latest_ns ? at->until_ns : latest_ns;
    }
    return latest_ns;
}

#endif /* SPOOL_SLEEPERS_H */
