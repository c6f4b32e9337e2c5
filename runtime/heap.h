/* SPDX-License-Identifier: MIT */
/*
 * heap.h - timers by deadline, intrusive
 *
 * Pure: no clock, no allocation. A timer is a loan whose fields mean
 *
 *   offset  deadline, ns          addr       first child in the heap
 *   arg     order of insertion    link.next  next sibling
 *                                 link.prev  previous sibling, or parent
 *
 * Inserting is O(1), and so is removing what has not come near its deadline:
 * a timeout that is cancelled in time never meets the others. Taking the first
 * is O(log n) amortised. Among equal deadlines, first in is first out.
 */
#ifndef RUNTIME_HEAP_H
#define RUNTIME_HEAP_H

#include <stdbool.h>

#include "pirn/base.h"
#include "pirn/op.h"

/* Zeroed memory is an empty heap. */
struct heap {
    struct pirn_loan forest; /* its children are the roots; never due itself */
    uint64_t bound_ns;       /* none is due before, if there is any */
    uint32_t inserted;
    uint32_t count;
};

void pirn__heap_insert(struct heap *heap, struct pirn_loan *timer);

/* @timer is in the heap. */
void pirn__heap_remove(struct heap *heap, struct pirn_loan *timer);

/* The earliest, if it is due at @now_ns; else NULL. It stays in the heap. */
struct pirn_loan *pirn__heap_due(struct heap *heap, uint64_t now_ns);

/* Before this time none is due. At it, one may be: the earliest may have been
 * removed, and the bound is found anew only when it is reached. */
static inline uint64_t heap_bound_ns(const struct heap *heap)
{
    return heap->count > 0 ? heap->bound_ns : PIRN_FOREVER;
}

#endif /* RUNTIME_HEAP_H */
