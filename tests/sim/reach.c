/* SPDX-License-Identifier: MIT */
/* reach.c - see reach.h. Two heaps of things that are never taken out. */
#include "tests/sim/reach.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "pirn/invariant.h"

enum { FIRST = 1 << 10, UNIONS = 1 << 18 };

/* Things of one size, by number; and where a thing's number is, by its hash. */
struct heap {
    size_t bytes; /* of a thing */
    char *things;
    uint32_t count;
    uint32_t room;
    uint32_t *numbers; /* plus 1; twice the room */
};

/* One that was made lately. */
struct joined {
    uint32_t first;
    uint32_t second;
    uint32_t both;
};

static struct heap sets;
static struct heap reaches;
static struct joined *unions;

static void heap_place(const struct heap *heap, uint32_t number)
{
    const char *thing = heap->things + (size_t)number * heap->bytes;
    size_t at = XXH3_64bits(thing, heap->bytes);

    while (heap->numbers[at & (heap->room * 2 - 1)] != 0) {
        at++;
    }
    heap->numbers[at & (heap->room * 2 - 1)] = number + 1;
}

static void heap_grow(struct heap *heap, uint32_t room)
{
    heap->room = room;
    heap->things = realloc(heap->things, (size_t)room * heap->bytes);
    free(heap->numbers);
    heap->numbers = calloc((size_t)room * 2, sizeof(uint32_t));
    pirn_assert(heap->things != NULL && heap->numbers != NULL);
    for (uint32_t i = 0; i < heap->count; i++) {
        heap_place(heap, i);
    }
}

static uint32_t heap_number(struct heap *heap, const void *thing)
{
    size_t at = XXH3_64bits(thing, heap->bytes);
    uint32_t number;

    while ((number = heap->numbers[at & (heap->room * 2 - 1)]) != 0) {
        const char *other = heap->things + (size_t)(number - 1) * heap->bytes;
        if (memcmp(other, thing, heap->bytes) == 0) {
            return number - 1;
        }
        at++;
    }
    if (heap->count == heap->room) {
        pirn_assert(heap->room < 1u << 30);
        heap_grow(heap, heap->room * 2);
    }
    memcpy(heap->things + (size_t)heap->count * heap->bytes, thing,
           heap->bytes);
    heap_place(heap, heap->count);
    return heap->count++;
}

static void heap_init(struct heap *heap, size_t bytes, const void *empty)
{
    *heap = (struct heap){.bytes = bytes};
    heap_grow(heap, FIRST);
    heap_number(heap, empty);
}

static void heap_deinit(struct heap *heap)
{
    free(heap->things);
    free(heap->numbers);
    *heap = (struct heap){0};
}

void reach_init(void)
{
    heap_init(&sets, sizeof(struct reach_words), &(struct reach_words){0});
    heap_init(&reaches, sizeof(struct reach), &(struct reach){0});
    unions = calloc(UNIONS, sizeof(*unions));
    pirn_assert(unions != NULL);
}

void reach_deinit(void)
{
    heap_deinit(&sets);
    heap_deinit(&reaches);
    free(unions);
    unions = NULL;
}

static const struct reach_words *words_at(uint32_t number)
{
    return (const struct reach_words *)(void *)(sets.things +
                                                (size_t)number * sets.bytes);
}

uint32_t reach_words_number(const struct reach_words *words)
{
    return heap_number(&sets, words);
}

static uint32_t words_join(uint32_t first, uint32_t second)
{
    struct reach_words both = *words_at(first);
    const struct reach_words *more = words_at(second);

    for (uint32_t i = 0; i < REACH_PARTS; i++) {
        both.touched[i] |= more->touched[i];
        both.written[i] |= more->written[i];
    }
    return heap_number(&sets, &both);
}

uint32_t reach_words_union(uint32_t first, uint32_t second)
{
    if (second == 0 || first == second) {
        return first;
    }
    if (first == 0) {
        return second;
    }
    uint64_t at = (first * UINT64_C(0x9e3779b97f4a7c15)) ^
                  (second * UINT64_C(0xc2b2ae3d27d4eb4f));
    struct joined *joined = &unions[at >> 40 & (UNIONS - 1)];
    if (joined->first != first || joined->second != second) {
        *joined = (struct joined){first, second, words_join(first, second)};
    }
    return joined->both;
}

bool reach_words_conflict(uint32_t first, uint32_t second)
{
    const struct reach_words *a = words_at(first);
    const struct reach_words *b = words_at(second);
    uint64_t both = 0;

    for (uint32_t i = 0; i < REACH_PARTS; i++) {
        both |=
            (a->written[i] & b->touched[i]) | (a->touched[i] & b->written[i]);
    }
    return both != 0;
}

uint32_t reach_number(const struct reach *reach)
{
    return heap_number(&reaches, reach);
}

const struct reach *reach_at(uint32_t number)
{
    return (const struct reach *)(void *)(reaches.things +
                                          (size_t)number * reaches.bytes);
}
