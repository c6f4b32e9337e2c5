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
 * Insertion and removal of a leaf are O(1); taking the first is O(log n)
 * amortised. Among equal deadlines, first in is first out.
 */
#ifndef RUNTIME_HEAP_H
#define RUNTIME_HEAP_H

#include <stdbool.h>

#include "pirn/op.h"

/* Zeroed memory is an empty heap. */
struct heap {
    struct pirn_loan *root;
    uint32_t inserted;
    uint32_t count;
};

void pirn__heap_insert(struct heap *heap, struct pirn_loan *timer);

/* @timer is in the heap. */
void pirn__heap_remove(struct heap *heap, struct pirn_loan *timer);

/* The earliest, or NULL. */
static inline struct pirn_loan *heap_first(const struct heap *heap)
{
    return heap->root;
}

#endif /* RUNTIME_HEAP_H */
